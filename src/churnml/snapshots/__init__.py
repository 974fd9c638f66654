"""Accounts as they were known at a cutoff: the room that respects when a fact became known.

Everything here obeys two predicates. A fact counts at ``as_of`` when ``known_at < as_of``; a feature
with a lookback counts it when ``as_of − lookback ≤ occurred_at``. Facts that change later (an end, a
resolution, a csat) are masked until they were known. Labels alone look forward.

Relations are Ibis expressions, so the same lines run on any engine; results come back as pandas
frames sorted by ``as_of, account_id``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml.errors import TooLittleDataError
from churnml.features import Feature, Grain
from churnml.features.declare import Measure
from churnml.features.evened import EvenedOut
from churnml.features.measures import Count, DistinctNames
from churnml.labels import Label, lapse_label, leaving_times, left_label, upsell_label
from churnml.lazy import ibis
from churnml.snapshots.ages import days_lived as days_lived
from churnml.snapshots.ages import known_once_lived
from churnml.snapshots.ages import lies_within_data as lies_within_data
from churnml.snapshots.calendars import aids_of, by_calendar
from churnml.snapshots.contents import account_ids as account_ids
from churnml.snapshots.contents import account_names as account_names
from churnml.snapshots.contents import accounts_begin as accounts_begin
from churnml.snapshots.contents import frequent_events as frequent_events
from churnml.snapshots.contents import parents as parents
from churnml.snapshots.contents import usage_begins as usage_begins
from churnml.snapshots.contractions import contraction_label
from churnml.snapshots.known import accounts_known, days_known, periods_known, tickets_known, usage_seen
from churnml.snapshots.known import contract_status as contract_status
from churnml.snapshots.narrowing import due_then, says_who_pays, where_rule_holds, with_asked
from churnml.snapshots.weeks import user_weeks_known, weeks_known
from churnml.stretches import (
    KEY,
    activity,
    by_stretch,
    cutoff_relation,
    lives,
    presence,
    presence_counts,
    unrolled_by_stretch,
)
from churnml.tables import Facts, Relation
from churnml.timeline import day_number, day_number_of, end_of_data

if TYPE_CHECKING:
    import ibis.expr.types as ir

# ---------------------------------------------------------------- who is eligible

POPULATION = ["account_id", "as_of", "as_of_day", "owner_id", "mrr_cents", "seats", "plan"]


def population(label: Label, facts: Facts, cutoffs: Sequence[dt.date]) -> pd.DataFrame:
    """The accounts the label speaks of at each cutoff.

    Returns:
        ``account_id, as_of, mrr, mrr_cents, seats, plan, owner_id``, one row per eligible account
        and cutoff, sorted. Eligible is: known by then, paying then (or, for lapse, active or due then; for
        event without a subscriptions table, not yet gone; for upsell of whoever starts to pay, not paying yet),
        notice not yet given unless the label includes those, and the label's own rule holds.
    """
    at = cutoff_relation(cutoffs)
    accounts = facts.accounts
    spine = accounts.join(at, [accounts["created_at"] < at["as_of"]]).select(
        "account_id", "as_of", "as_of_day", "owner_id"
    )
    if facts.subscriptions is not None:
        status = contract_status(facts, at)
        spine = spine.left_join(status, KEY).drop("account_id_right", "as_of_right")
    else:
        spine = spine.mutate(
            mrr_cents=ibis.null("int64"),
            seats=ibis.null("float64"),
            plan=ibis.null("string"),
            any_plan=ibis.null("string"),
            leaving=ibis.literal(False),
            open_start_day=ibis.null("int32"),
        )
    spine = _of_kind(label, facts, spine, [day_number_of(day) for day in cutoffs])
    if label.kind == "event" and not label.recurring:
        spine = _without_those_who_left(facts, spine)
    eligible: pd.DataFrame = with_asked(label, facts, spine.drop("leaving", "open_start_day")).to_pandas()
    eligible = eligible.loc[where_rule_holds(label, facts, eligible), POPULATION]
    eligible["as_of"] = pd.to_datetime(eligible["as_of"]).astype("datetime64[us]")
    eligible = eligible.sort_values(["as_of", "account_id"], ignore_index=True)
    eligible["mrr"] = eligible["mrr_cents"].astype("float64") / 100.0
    return eligible


def _of_kind(label: Label, facts: Facts, spine: Relation, days: Sequence[int]) -> Relation:
    """The rows of ``spine`` whose account is what the label's kind speaks of."""
    if label.kind == "lapse":
        if label.due_within is not None:
            return spine.semi_join(due_then(label, facts.usage_days, days), KEY)
        return spine.semi_join(usage_seen(facts.usage_days, days, label.active_within), KEY)
    if label.kind == "contraction" and not label.of_money:
        # who had nobody there cannot have fewer
        spine = spine.semi_join(usage_seen(facts.usage_days, days, label.users_within), KEY)
    if facts.subscriptions is None:
        return spine
    pays = spine["mrr_cents"].fill_null(0) > 0
    if not says_who_pays(label, facts) or label.kind == "contract" or label.of_money:
        if not label.starts_paying:
            spine = spine.filter(pays)
        elif not (label.mrr_up_by or label.seats_up_by or label.plans):
            spine = spine.filter(~pays)
    if not label.include_notice_given:
        # whoever pays nothing has no notice to give
        spine = spine.filter(~spine["leaving"].fill_null(False) | (spine["mrr_cents"].fill_null(0) <= 0))
    return spine


def _without_those_who_left(facts: Facts, spine: Relation) -> Relation:
    """Drops accounts whose recorded leaving was known at the cutoff, unless a contract began since."""
    events = facts.churn_events
    # whoever has gone bankrupt cannot leave of its own will any more: every leaving counts here
    leavings = events.mutate(left_day=day_number(events["churned_at"]))
    return spine.anti_join(
        leavings,
        [
            spine["account_id"] == leavings["account_id"],
            leavings["known_at"] < spine["as_of"],
            spine["open_start_day"].isnull() | (spine["open_start_day"] <= leavings["left_day"]),
        ],
    )


def leaving_accounts(facts: Facts, as_of: dt.date) -> pd.DataFrame:
    """Accounts that still pay at ``as_of`` but whose notice is known: ``account_id, mrr``."""
    if facts.subscriptions is None:
        return pd.DataFrame({"account_id": [], "mrr": []})
    status = contract_status(facts, cutoff_relation([as_of]))
    leaving = status.filter((status["mrr_cents"] > 0) & status["leaving"])
    accounts: pd.DataFrame = leaving.select("account_id", "mrr_cents").to_pandas()
    accounts["mrr"] = accounts.pop("mrr_cents").astype("float64") / 100.0
    return accounts.sort_values("account_id", ignore_index=True)


# ---------------------------------------------------------------- features


def build_snapshots(facts: Facts, features: Sequence[Feature], spine: pd.DataFrame) -> pd.DataFrame:
    """The features of every row of ``spine``, as known at its cutoff.

    Args:
        facts: the project's tables.
        features: what to compute; MADE features come after what they are made of. PLACED features are not
            made here: they need a scale from training (:func:`churnml.modelling.reference.place`).
        spine: rows of :func:`population`.

    Returns:
        ``spine`` with one column a feature (float64, or text for categories), in the order given. What compares
        periods is missing until the account has lived them (:func:`churnml.snapshots.ages.known_once_lived`).
    """
    features = [feature for feature in features if feature.grain is not Grain.PLACED]
    cutoffs = [pd.Timestamp(as_of).date() for as_of in spine["as_of"].unique()]
    columns: dict[str, pd.Series] = {}
    if len(spine):
        aids = aids_of(features)
        for wanted in measured_together([*features, *aids.values()]):
            columns |= _measured(facts, wanted, cutoffs, spine)
        lived = days_lived(facts, spine) if any(map(_asks_for_age, features)) else np.full(len(spine), np.nan)
        columns |= by_calendar(facts, features, aids, columns, spine, lived)
    else:
        columns = {f.name: pd.Series(dtype="object" if f.is_category else "float64") for f in features}
    for feature in features:
        if feature.grain is Grain.MADE and len(spine):
            # what has nothing below the line stays missing
            columns[feature.name] = _finished(pd.Series(feature.measure(columns), index=spine.index), feature)
    if len(spine):
        columns = {f.name: known_once_lived(columns[f.name], f, lived) for f in features}
    return pd.concat([spine, pd.DataFrame({f.name: columns[f.name] for f in features}, index=spine.index)], axis=1)


def _asks_for_age(feature: Feature) -> bool:
    return bool(feature.lived) or isinstance(feature.measure, EvenedOut)


def measured_together(features: Sequence[Feature]) -> list[list[Feature]]:
    """Features that are measured on the same rows, in one query."""
    groups: dict[object, list[Feature]] = {}
    for feature in features:
        if feature.grain not in (Grain.MADE, Grain.PLACED, Grain.CALENDAR):
            # of stretches, all event names are summed in one query; what follows days one by one, each for itself
            only = bool(feature.only) if feature.grain is Grain.STRETCH else feature.only
            groups.setdefault((feature.grain, only, feature.rows), []).append(feature)
    return list(groups.values())


def measuring_query(facts: Facts, wanted: Sequence[Feature], cutoffs: Sequence[dt.date]) -> ir.Table:
    """What the engine is asked for features that share their rows: a row an account and cutoff, a column a measure.

    Of features that look at single event names there is a row a name, too, told apart by ``area``.
    """
    days = [day_number_of(day) for day in cutoffs]
    by_name = _is_by_name(wanted)
    rows = _narrowed_rows(facts, wanted, days) if by_name else _rows_of(facts, wanted, days, cutoffs)
    for feature in wanted:
        beside = getattr(feature.measure, "beside", None)
        rows = rows if beside is None else beside(rows)
    by_measure = {feature.measure: feature for feature in reversed(wanted)}
    values = {
        f"m{place}": _typed(by_measure[measure], measure(rows)) for place, measure in enumerate(_measures_of(wanted))
    }
    return rows.group_by([*KEY, *(["area"] if by_name else [])]).aggregate(**values)


def _is_by_name(wanted: Sequence[Feature]) -> bool:
    return wanted[0].grain is Grain.STRETCH and bool(wanted[0].only)


def _measures_of(wanted: Sequence[Feature]) -> list[Measure]:
    """Features that differ only in the event names they look at share a measure."""
    return list(dict.fromkeys(feature.measure for feature in wanted))


def _measured(
    facts: Facts, wanted: Sequence[Feature], cutoffs: Sequence[dt.date], spine: pd.DataFrame
) -> dict[str, pd.Series]:
    """The columns of features that share their rows, in the order of ``spine``."""
    by_name, measures = _is_by_name(wanted), _measures_of(wanted)
    measured = measuring_query(facts, wanted, cutoffs).to_pandas()
    measured["as_of"] = pd.to_datetime(measured["as_of"]).astype("datetime64[us]")
    keys = pd.MultiIndex.from_frame(spine[KEY])
    areas = _areas(wanted)
    parts = {area: part.drop(columns="area") for area, part in measured.groupby("area")} if by_name else {0: measured}
    placed = {area: part.set_index(KEY).reindex(keys).set_axis(spine.index) for area, part in parts.items()}
    nothing = pd.DataFrame(np.nan, index=spine.index, columns=[f"m{place}" for place in range(len(measures))])
    return {
        feature.name: _finished(
            placed.get(areas[feature.only] if by_name else 0, nothing)[f"m{measures.index(feature.measure)}"], feature
        )
        for feature in wanted
    }


def _areas(wanted: Sequence[Feature]) -> dict[tuple[str, ...], int]:
    """A number for each set of event names."""
    return {only: place for place, only in enumerate(dict.fromkeys(feature.only for feature in wanted))}


def _narrowed_rows(facts: Facts, wanted: Sequence[Feature], days: Sequence[int]) -> Relation:
    """Usage by stretch and ``area``: a set of event names that some of ``wanted`` look at."""
    pairs = [(event, area) for only, area in _areas(wanted).items() for event in only]
    areas = ibis.memtable(pd.DataFrame(pairs, columns=["event", "area"]).astype({"event": "str", "area": "int32"}))
    named = facts.usage_named.join(areas, "event")
    ages = {age for feature in wanted for age in feature.ages}
    return by_stretch(named.drop("event"), days, sorted(ages), by="area")


def _rows_of(facts: Facts, wanted: Sequence[Feature], days: Sequence[int], cutoffs: Sequence[dt.date]) -> Relation:
    first, at = wanted[0], cutoff_relation(cutoffs)
    ages = sorted({age for feature in wanted for age in feature.ages})
    usage = facts.usage_days
    if first.only:
        usage = facts.usage_named.filter(facts.usage_named["event"].isin(first.only))
    rows: dict[Grain, Callable[[], Relation]] = {
        Grain.STRETCH: lambda: _with_rare_names(_by_stretch(facts, usage, days, ages), facts, wanted, days, ages),
        Grain.DAY: lambda: days_known(usage, days, ages[-1]),
        Grain.LIFE: lambda: lives(usage, days),
        Grain.USER: lambda: _users(facts, wanted, days, ages),
        Grain.ACTIVITY: lambda: activity(facts.usage_users, "user_id", days, ages),
        Grain.NAME: lambda: by_stretch(facts.usage_named, days, ages, by="event"),
        Grain.WEEK: lambda: weeks_known(usage, facts, days, cutoffs, ages[-1]),
        Grain.WEEK_USERS: lambda: user_weeks_known(facts, days, cutoffs, ages[-1]),
        Grain.TICKET: lambda: tickets_known(facts, at),
        Grain.PERIOD: lambda: periods_known(facts, at),
        Grain.ACCOUNT: lambda: accounts_known(facts, at),
        Grain.OWN: lambda: first.rows(facts, at) if first.rows else None,
    }
    return rows[first.grain]()


def _by_stretch(facts: Facts, usage: Relation, days: Sequence[int], ages: Sequence[int]) -> Relation:
    # narrowed to some events, it is cut from what is summed by name
    if facts.unrolled is not None and usage is facts.usage_days:
        return unrolled_by_stretch(facts.unrolled, days, ages)
    return by_stretch(usage, days, ages)


def _users(facts: Facts, wanted: Sequence[Feature], days: Sequence[int], ages: Sequence[int]) -> Relation:
    # who only counts users needs no row for each of them
    counts = all(isinstance(feature.measure, Count) for feature in wanted)
    return (presence_counts if counts else presence)(
        facts.usage_users if facts.unrolled is None else facts.unrolled, "user_id", days, ages
    )


def _with_rare_names(
    stretches: Relation, facts: Facts, wanted: Sequence[Feature], days: Sequence[int], ages: Sequence[int]
) -> Relation:
    """Stretches with ``rare``: event names without a bit of their own, as rows in which nothing else is set."""
    if facts.usage_rare is None or not any(isinstance(feature.measure, DistinctNames) for feature in wanted):
        return stretches
    rare = presence(facts.usage_rare, "event", days, ages)
    # nothing in office hours is known of no event: a null would say that the hours are not known
    nothing = {"office_events": ibis.literal(0, "int64")}
    kinds = stretches.schema().items()
    columns = {name: nothing.get(name, ibis.null(kind)) for name, kind in kinds if name not in {*KEY, "age"}}
    rare = rare.select(*KEY, age=rare["age"], **columns, rare=rare["event"])
    return ibis.union(stretches.mutate(rare=ibis.null("string")), rare.select(*stretches.columns, "rare"))


def _typed(feature: Feature, measured: ir.Value) -> ir.Value:
    if feature.grain is Grain.ACCOUNT:
        measured = measured.max()  # one row an account: the largest of one
    return measured if feature.is_category else measured.cast("float64")


def _finished(column: pd.Series, feature: Feature) -> pd.Series:
    if feature.is_category:
        return column.astype("object").where(column.notna(), None)
    numbers = column.astype("float64")
    return numbers if feature.absent is None else numbers.fillna(feature.absent)


# ---------------------------------------------------------------- labels


def attach_label(label: Label, facts: Facts, spine: pd.DataFrame) -> pd.DataFrame:
    """``spine`` with ``label``: 1.0, 0.0, or missing where the account left in the gap.

    Raises:
        TooLittleDataError: a cutoff's label window reaches past the data.
    """
    for as_of in spine["as_of"].unique():
        day = pd.Timestamp(as_of).date()
        if not label.reach.is_mature(day, facts.data_through):
            raise TooLittleDataError(
                f"The label of cutoff {day} is final only on {label.reach.settled_on(day)}, "
                f"but the data end with {facts.data_through}.",
                remedy=f"Use cutoffs up to {label.reach.latest_mature(facts.data_through)}.",
            )
    relation = _keyed(spine)
    by_kind = {"contract": left_label, "event": left_label, "lapse": lapse_label, "upsell": upsell_label}
    if label.kind == "contraction":
        cutoffs = [pd.Timestamp(as_of).date() for as_of in spine["as_of"].unique()]
        labels = contraction_label(label, facts, relation, cutoffs).to_pandas()
    else:
        labels = by_kind[label.kind](label, facts, relation).to_pandas()
    labels["as_of"] = labels["as_of"].astype("datetime64[us]")
    labels["label"] = labels["label"].astype("float64")
    return spine.merge(labels, on=KEY, how="left", validate="one_to_one")


def attach_leaving_times(label: Label, facts: Facts, spine: pd.DataFrame, before: dt.date) -> pd.DataFrame:
    """``spine`` with when each account left, as far as it was seen: see :func:`churnml.labels.leaving_times`.

    Args:
        label: a label of leaving, which tells when.
        facts: the project's tables.
        spine: rows of :func:`population`; their cutoffs need not be mature.
        before: nothing that happens on this date or later is looked at.

    Returns:
        ``spine`` with ``left_after`` (days from the cutoff to the day of leaving, missing where none was seen)
        and ``seen_for`` (days from the cutoff of which it is final whether the account left; 0 where the
        account had left before and nobody knew).

    Raises:
        TooLittleDataError: ``before`` lies past the data.
    """
    if before > end_of_data(facts.data_through):
        raise TooLittleDataError(
            f"Leavings cannot be known up to {before}: the data end with {facts.data_through}.",
            remedy=f"Ask for those before {end_of_data(facts.data_through)}.",
        )
    times = leaving_times(label, facts, _keyed(spine)).to_pandas()
    times["as_of"] = times["as_of"].astype("datetime64[us]")
    rows = spine.merge(times, on=KEY, how="left", validate="one_to_one")
    seen = (pd.Timestamp(before) - rows["as_of"]).dt.days - label.leaving_settles
    cut = rows.pop("cut_after").astype("float64")
    rows["seen_for"] = seen.where(cut.isna() | (cut > seen), cut).where(~rows.pop("unclear").astype(bool), 0)
    rows["seen_for"] = rows["seen_for"].clip(lower=0).astype("int64")
    left = rows["left_after"].astype("float64")
    rows["left_after"] = left.where(left < rows["seen_for"])
    return rows


def _keyed(spine: pd.DataFrame) -> Relation:
    """Rows of :func:`population` as a relation, with the number of their cutoff's day."""
    keys = spine[["account_id", "as_of", "mrr_cents", "seats", "plan"]].copy()
    keys["as_of_day"] = (keys["as_of"] - pd.Timestamp("1970-01-01")).dt.days.astype("int32")
    return ibis.memtable(
        keys,
        schema={
            "account_id": "string",
            "as_of": "timestamp(6)",
            "mrr_cents": "int64",
            "seats": "float64",
            "plan": "string",
            "as_of_day": "int32",
        },
    )
