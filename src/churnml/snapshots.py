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
from churnml.features.measures import Count, DistinctNames
from churnml.features.subscriptions import AWAY_DAYS
from churnml.features.tickets import SERIOUS
from churnml.labels import Label, lapse_label, leaving_times, left_label, upsell_label
from churnml.lazy import ibis
from churnml.stretches import KEY, activity, by_stretch, covered_days, cutoff_relation, lives, presence, presence_counts
from churnml.tables import Facts, Relation, cents, whole
from churnml.timeline import day_number, day_number_of, end_of_data

if TYPE_CHECKING:
    import ibis.expr.types as ir

NEVER_ENDS = 10**7  # a day number after all others
# Mean days between renewals of a billing period, to roll a past renewal date on.
TERM_DAYS = {
    "weekly": 7.0,
    "monthly": 30.4375,
    "quarterly": 91.3125,
    "semiannual": 182.625,
    "half-yearly": 182.625,
    "annual": 365.25,
    "annually": 365.25,
    "yearly": 365.25,
    "biennial": 730.5,
}


# ---------------------------------------------------------------- rows as known at a cutoff


def usage_seen(facts: Facts, cutoffs: Sequence[int], lookback: int) -> Relation:
    """Rows of ``usage_days`` inside the lookback, as known then, with ``as_of`` and ``as_of_day``."""
    rows = facts.usage_days.join(covered_days(cutoffs, -lookback, -1), "day")
    return rows.filter(rows["known_day"] < rows["as_of_day"])


def days_known(rollup: Relation, cutoffs: Sequence[int], lookback: int) -> Relation:
    """One row per account, cutoff and day with usage inside the lookback, as known then."""
    rows = rollup.join(covered_days(cutoffs, -lookback, -1), "day")
    rows = rows.filter(rows["known_day"] < rows["as_of_day"])
    rows = rows.mutate(age=rows["as_of_day"] - rows["day"])
    return rows.group_by([*KEY, "age"]).aggregate(events=rows["events"].sum().cast("int64"))


def tickets_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per ticket opened before the cutoff, with what came later masked."""
    tickets = facts.support_tickets
    if "tone_milli" not in tickets.columns:  # nobody asked for it
        tickets = tickets.mutate(tone_milli=ibis.null("int64"))
    t = tickets.join(cutoffs, [tickets["opened_at"] < cutoffs["as_of"]])

    def known(column: str, at: ir.TimestampColumn | None = None) -> ir.Value:
        at = t[column] if at is None else at
        return ibis.ifelse(at < t["as_of"], t[column], None)

    t = t.mutate(
        resolved=known("resolved_at"),
        reopened=known("reopened_at"),
        responded=known("first_response_at"),
        escalated=known("escalated_at"),
        csat_known=known("csat", t["csat_at"]),
        csat_known_at=known("csat_at"),
    )
    return t.select(
        *KEY,
        "priority",
        "category",
        "tone_milli",
        age=t["as_of_day"] - day_number(t["opened_at"]),
        is_open=t["resolved"].isnull() | (t["reopened"] >= t["resolved"]).fill_null(False),
        is_serious=t["priority"].lower().isin(SERIOUS).fill_null(False),
        response_seconds=_seconds(t["responded"], t["opened_at"]),
        resolution_seconds=_seconds(t["resolved"], t["opened_at"]),
        reopened_age=t["as_of_day"] - day_number(t["reopened"]),
        escalated_age=t["as_of_day"] - day_number(t["escalated"]),
        csat_milli=whole(t["csat_known"].cast("float64") * ibis.literal(1000.0, "float64")),
        csat_age=t["as_of_day"] - day_number(t["csat_known_at"]),
    )


def _seconds(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.IntegerValue:
    # engines differ on what is left of a second
    return later.truncate("s").delta(earlier.truncate("s"), unit="second").cast("int64")


def periods_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per contract period known at the cutoff; an end whose notice came later is masked."""
    subscriptions = facts.subscriptions
    s = subscriptions.join(cutoffs, [subscriptions["known_at"] < cutoffs["as_of"]])
    # without a notice, an end is known once it has happened
    end_known_at = ibis.coalesce(s["cancelled_at"], s["ends_at"])
    s = s.mutate(end=ibis.ifelse(end_known_at < s["as_of"], s["ends_at"], None), mrr_cents=cents(s["mrr"]))
    began = s["starts_at"] <= s["as_of"]
    previous = (
        s["mrr_cents"]
        .lag()
        .over(ibis.window(group_by=[*KEY, "subscription_id"], order_by=[s["starts_at"], s["known_at"]]))
    )
    day = s["as_of_day"]
    s = s.mutate(
        previous_cents=previous,
        start_age=ibis.ifelse(began, day - day_number(s["starts_at"]), None),
        is_open=began & (s["end"].isnull() | (s["end"] > s["as_of"])),
        to_come=~began,
        returns=_returns(s),
    )
    return s.select(
        "account_id",
        "as_of",
        "subscription_id",
        "mrr_cents",
        "previous_cents",
        "start_age",
        "is_open",
        "to_come",
        "returns",
        "plan",
        "billing_period",
        notice_given=s["end"].notnull() & (s["end"] > s["as_of"]),
        seats=s["seats"].cast("int64"),
        # a total order, because argmax breaks ties by chance
        size_order=ibis.row_number().over(
            ibis.window(group_by=KEY, order_by=[s["mrr_cents"], s["starts_at"], s["subscription_id"]])
        ),
        days_to_renewal=_days_to_renewal(s, day),
    )


def _returns(s: Relation) -> ir.BooleanValue:
    """Whether a paying period begins after days in which, as far as is known, no other one ran."""
    paying = s["mrr_cents"] > 0
    end_day = ibis.ifelse(s["end"].isnull(), NEVER_ENDS, day_number(s["end"]))
    order = [s["starts_at"], s["known_at"], s["subscription_id"]]
    before = ibis.window(group_by=KEY, order_by=order, rows=(None, -1))
    last_end = ibis.ifelse(paying, end_day, None).max().over(before)
    return (paying & (day_number(s["starts_at"]) - last_end >= AWAY_DAYS)).fill_null(False)


def _days_to_renewal(s: Relation, as_of_day: ir.IntegerColumn) -> ir.IntegerValue:
    ahead = day_number(s["renews_at"]) - as_of_day
    terms = [(name, ibis.literal(days, "float64")) for name, days in TERM_DAYS.items()]
    term = s["billing_period"].lower().cases(*terms, else_=ibis.null("float64"))
    overdue = (-ahead).cast("float64")
    rolled = whole((overdue / term).ceil() * term - overdue)
    return ibis.ifelse(ahead >= 0, ahead.cast("int64"), rolled)


# ---------------------------------------------------------------- who is eligible


def population(label: Label, facts: Facts, cutoffs: Sequence[dt.date]) -> pd.DataFrame:
    """The accounts the label speaks of at each cutoff.

    Returns:
        ``account_id, as_of, mrr, mrr_cents, seats, plan, owner_id``, one row per eligible account
        and cutoff, sorted. Eligible is: known by then, paying then (or, for lapse, active then; for
        event without a subscriptions table, not yet gone), and notice not yet given unless the
        label includes those.
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
            leaving=ibis.literal(False),
            open_start_day=ibis.null("int32"),
        )
    if label.kind == "lapse":
        days = [day_number_of(day) for day in cutoffs]
        spine = spine.semi_join(usage_seen(facts, days, label.active_within), KEY)
    elif facts.subscriptions is not None:
        spine = spine.filter(spine["mrr_cents"] > 0)
        if not label.include_notice_given:
            spine = spine.filter(~spine["leaving"])
    if label.kind == "event" and not label.recurring:
        spine = _without_the_gone(facts, spine)
    eligible = _sorted(spine.drop("leaving", "open_start_day").to_pandas())
    eligible["mrr"] = eligible["mrr_cents"].astype("float64") / 100.0
    return eligible


def contract_status(facts: Facts, cutoffs: Relation) -> Relation:
    """Per account and cutoff: ``mrr_cents``, ``seats``, ``plan`` and whether it is ``leaving``.

    Leaving: every paying period's end is already known, and no later period is.
    """
    p = periods_known(facts, cutoffs)
    paying = p["is_open"] & (p["mrr_cents"] > 0)
    per = p.group_by(KEY).aggregate(
        mrr_cents=p["mrr_cents"].sum(where=p["is_open"]),
        seats=p["seats"].sum(where=p["is_open"]).cast("float64"),
        plan=p["plan"].argmax(p["size_order"], where=paying),
        staying=(paying & ~p["notice_given"]).any() | (p["to_come"] & (p["mrr_cents"] > 0)).any(),
        open_start_age=p["start_age"].min(where=paying),
    )
    at = per.join(cutoffs, "as_of")
    return at.select(
        *KEY,
        "mrr_cents",
        "seats",
        "plan",
        leaving=~at["staying"],
        open_start_day=(at["as_of_day"] - at["open_start_age"]).cast("int32"),
    )


def _without_the_gone(facts: Facts, spine: Relation) -> Relation:
    """Drops accounts whose recorded leaving was known at the cutoff, unless a contract began since."""
    events = facts.churn_events
    # whoever has gone bankrupt cannot leave of its own will any more: every leaving counts here
    gone = events.mutate(left_day=day_number(events["churned_at"]))
    return spine.anti_join(
        gone,
        [
            spine["account_id"] == gone["account_id"],
            gone["known_at"] < spine["as_of"],
            spine["open_start_day"].isnull() | (spine["open_start_day"] <= gone["left_day"]),
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
        ``spine`` with one column a feature (float64, or text for categories), in the order given.
    """
    features = [feature for feature in features if feature.grain is not Grain.PLACED]
    cutoffs = [pd.Timestamp(as_of).date() for as_of in spine["as_of"].unique()]
    columns: dict[str, pd.Series] = {}
    if len(spine):
        for wanted in _together(features):
            columns |= _measured(facts, wanted, cutoffs, spine)
    else:
        columns = {f.name: pd.Series(dtype="object" if f.is_category else "float64") for f in features}
    for feature in features:
        if feature.grain is Grain.MADE and len(spine):
            # what has nothing below the line stays missing
            columns[feature.name] = _finished(pd.Series(feature.measure(columns), index=spine.index), feature)
    return pd.concat([spine, pd.DataFrame({f.name: columns[f.name] for f in features}, index=spine.index)], axis=1)


def _together(features: Sequence[Feature]) -> list[list[Feature]]:
    """Features that are measured on the same rows, in one query."""
    groups: dict[object, list[Feature]] = {}
    for feature in features:
        if feature.grain is not Grain.MADE:
            # of stretches, all event names are summed in one query; what follows days one by one, each for itself
            only = bool(feature.only) if feature.grain is Grain.STRETCH else feature.only
            groups.setdefault((feature.grain, only, feature.rows), []).append(feature)
    return list(groups.values())


def _measured(
    facts: Facts, wanted: Sequence[Feature], cutoffs: Sequence[dt.date], spine: pd.DataFrame
) -> dict[str, pd.Series]:
    """The columns of features that share their rows, in the order of ``spine``."""
    first = wanted[0]
    days = [day_number_of(day) for day in cutoffs]
    by_name = first.grain is Grain.STRETCH and bool(first.only)
    rows = _narrowed_rows(facts, wanted, days) if by_name else _rows_of(facts, wanted, days, cutoffs)
    for feature in wanted:
        beside = getattr(feature.measure, "beside", None)
        rows = rows if beside is None else beside(rows)
    # features that differ only in the event names they look at share a measure
    measures = list(dict.fromkeys(feature.measure for feature in wanted))
    by_measure = {feature.measure: feature for feature in reversed(wanted)}
    values = {f"m{place}": _typed(by_measure[measure], measure(rows)) for place, measure in enumerate(measures)}
    measured = rows.group_by([*KEY, *(["area"] if by_name else [])]).aggregate(**values).to_pandas()
    measured["as_of"] = pd.to_datetime(measured["as_of"]).astype("datetime64[us]")
    keys = pd.MultiIndex.from_frame(spine[KEY])
    areas = _areas(wanted)
    parts = {area: part.drop(columns="area") for area, part in measured.groupby("area")} if by_name else {0: measured}
    placed = {area: part.set_index(KEY).reindex(keys).set_axis(spine.index) for area, part in parts.items()}
    nothing = pd.DataFrame(np.nan, index=spine.index, columns=list(values))
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
        Grain.STRETCH: lambda: _with_rare_names(by_stretch(usage, days, ages), facts, wanted, days, ages),
        Grain.DAY: lambda: days_known(usage, days, ages[-1]),
        Grain.LIFE: lambda: lives(usage, days),
        Grain.USER: lambda: _users(facts, wanted, days, ages),
        Grain.ACTIVITY: lambda: activity(facts.usage_users, "user_id", days, ages),
        Grain.NAME: lambda: by_stretch(facts.usage_named, days, ages, by="event"),
        Grain.TICKET: lambda: tickets_known(facts, at),
        Grain.PERIOD: lambda: periods_known(facts, at),
        Grain.ACCOUNT: lambda: accounts_known(facts, at),
        Grain.OWN: lambda: first.rows(facts, at) if first.rows else None,
    }
    return rows[first.grain]()


def _users(facts: Facts, wanted: Sequence[Feature], days: Sequence[int], ages: Sequence[int]) -> Relation:
    # who only counts users needs no row for each of them
    counts = all(isinstance(feature.measure, Count) for feature in wanted)
    return (presence_counts if counts else presence)(facts.usage_users, "user_id", days, ages)


def _with_rare_names(
    stretches: Relation, facts: Facts, wanted: Sequence[Feature], days: Sequence[int], ages: Sequence[int]
) -> Relation:
    """Stretches with ``rare``: event names without a bit of their own, as rows in which nothing else is set."""
    if facts.usage_rare is None or not any(isinstance(feature.measure, DistinctNames) for feature in wanted):
        return stretches
    rare = presence(facts.usage_rare, "event", days, ages)
    columns = {name: ibis.null(kind) for name, kind in stretches.schema().items() if name not in {*KEY, "age"}}
    rare = rare.select(*KEY, age=rare["age"], **columns, rare=rare["event"])
    return ibis.union(stretches.mutate(rare=ibis.null("string")), rare.select(*stretches.columns, "rare"))


def accounts_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per account created before the cutoff, with its static attributes."""
    accounts = facts.accounts
    a = accounts.join(cutoffs, [accounts["created_at"] < cutoffs["as_of"]])
    return a.select(*KEY, *facts.static, age=a["as_of_day"] - day_number(a["created_at"]))


def _typed(feature: Feature, measured: ir.Value) -> ir.Value:
    if feature.grain is Grain.ACCOUNT:
        measured = measured.max()  # one row an account: the largest of one
    return measured if feature.is_category else measured.cast("float64")


def _finished(column: pd.Series, feature: Feature) -> pd.Series:
    if feature.is_category:
        return column.astype("object").where(column.notna(), None)
    numbers = column.astype("float64")
    return numbers if feature.absent is None else numbers.fillna(feature.absent)


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    frame["as_of"] = pd.to_datetime(frame["as_of"]).astype("datetime64[us]")
    return frame.sort_values(["as_of", "account_id"], ignore_index=True)


def frequent_events(facts: Facts, known_before: dt.date, at_most: int) -> tuple[str, ...]:
    """The ``at_most`` most frequent event names among events known before a date, most frequent first."""
    if facts.usage_named is None or at_most == 0:
        return ()
    day = day_number_of(known_before)
    rows = facts.usage_named.filter(facts.usage_named["known_day"] < day)
    counted = rows.group_by("event").aggregate(n=rows["events"].sum())
    top = counted.order_by([ibis.desc("n"), ibis.asc("event")]).limit(at_most).to_pandas()
    return tuple(top["event"])


def event_names(facts: Facts) -> tuple[str, ...]:
    """Every event name in the data, sorted."""
    if facts.usage_named is None:
        return ()
    names = facts.usage_named.select("event").distinct().to_pandas()
    return tuple(sorted(str(name) for name in names["event"].dropna()))


def usage_begins(facts: Facts) -> dt.date | None:
    """The day usage data begin: by then one event in a thousand has occurred; None without usage.

    A cutoff whose lookback reaches before it would show every account as hardly used. A few stray rows
    with an old date do not count as a beginning.
    """
    if facts.usage_days is None:
        return None
    per_day = facts.usage_days.group_by("day").aggregate(n=facts.usage_days["events"].sum()).order_by("day").to_pandas()
    if per_day.empty:
        return None
    reached = per_day["n"].cumsum() * 1000 >= per_day["n"].sum()
    return pd.Timestamp(int(per_day["day"][reached].iloc[0]), unit="D").date()


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
    labels = by_kind[label.kind](label, facts, relation).to_pandas()
    labels["as_of"] = labels["as_of"].astype("datetime64[us]")
    labels["label"] = labels["label"].astype("float64")
    return spine.merge(labels, on=KEY, how="left", validate="one_to_one")


def attach_leaving_times(label: Label, facts: Facts, spine: pd.DataFrame, before: dt.date) -> pd.DataFrame:
    """``spine`` with when each account left, as far as it was seen: see :func:`churnml.labels.leaving_times`.

    Args:
        label: a label of leaving (not upsell).
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
    rows["seen_for"] = seen.where(cut.isna() | (cut > seen), cut).where(~rows.pop("gone").astype(bool), 0)
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
