"""What came of an account after a date, in money: a room beside the labels that, like them, looks forward."""

from __future__ import annotations

import pandas as pd

from churnml.lazy import ibis
from churnml.periods import final_periods
from churnml.stretches import KEY, cutoff_relation
from churnml.tables import Facts, cents
from churnml.timeline import day_number


def paid_after(facts: Facts, keys: pd.DataFrame, after: int) -> pd.DataFrame:
    """What accounts paid at the end of a window, as we know it today.

    Args:
        facts: the project's tables, with subscriptions.
        keys: ``account_id, as_of`` (midnights), each pair once.
        after: days from as_of to the window's end; periods open on the last day before it count, by the same rule as
            the upsell label's.

    Returns:
        ``keys`` with ``paid``: MRR in the project's currency, 0.0 for an account that pays nothing then.
    """
    cutoffs = cutoff_relation(pd.Timestamp(day).date() for day in keys["as_of"].unique())
    spine = ibis.memtable(keys[KEY], schema={"account_id": "string", "as_of": "timestamp(6)"})
    spine = spine.join(cutoffs, "as_of").select(*KEY, "as_of_day")
    periods = final_periods(facts.subscriptions)
    periods = periods.select(
        "account_id",
        start_day=day_number(periods["starts_at"]),
        end_day=day_number(periods["ends_at"]),
        cents=cents(periods["mrr"]),
    )
    joined = spine.join(periods, "account_id")
    last = joined["as_of_day"] + after
    is_open = (joined["start_day"] < last) & (joined["end_day"].isnull() | (joined["end_day"] >= last))
    paid = joined.group_by(KEY).aggregate(paid=joined["cents"].sum(where=is_open)).to_pandas()
    paid["as_of"] = paid["as_of"].astype("datetime64[us]")
    rows = keys.merge(paid, on=KEY, how="left", validate="one_to_one")
    rows["paid"] = rows["paid"].astype("float64").fillna(0.0) / 100.0
    return rows
