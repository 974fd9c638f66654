"""The same facts, had what nobody could know at a cutoff been missing, or come out otherwise.

Three variants are compared with the facts as they are. ``as_known`` leaves out what was not known before the
cutoff. ``otherwise`` changes it, and ``with_rows_known`` adds facts besides: known on a day of our choice, they
must change nothing from the cutoff on and something the day before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from churnml.audit.rows import ALL_BITS, MARK, Row, Visits, at_hour, wide, with_rows
from churnml.lazy import ibis
from churnml.rollups import BITS, SHIFT, first_day
from churnml.tables import CLOCK_SHIFTS, Facts, MaybeRelation, Relation
from churnml.timeline import day_number, day_number_of, midnight, plus_days

if TYPE_CHECKING:
    import ibis.expr.datatypes as dtypes
    import ibis.expr.types as ir

# What happens to a ticket after it was opened; a csat has its own time beside it.
LATER_TIMES = ("first_response_at", "resolved_at", "reopened_at", "escalated_at")
# Between the times of a ticket that is made up no clock is moved.
NO_SHIFT = dict.fromkeys(CLOCK_SHIFTS.values(), 0)
SOURCES = ("accounts", "subscriptions", "support_tickets", "churn_events", "usage_events")
RELATIONS_OF = {
    "usage_events": ("usage_days", "usage_users", "usage_rare", "usage_named"),
    **{name: (name,) for name in ("accounts", "subscriptions", "support_tickets", "churn_events")},
}
_USAGE_KEYS = frozenset({"account_id", "event", "day", "known_day", "names"})


def from_source(facts: Facts, other: Facts, source: str) -> Facts:
    """``facts`` with the relations of one contract table taken from ``other``."""
    return replace(facts, **{name: getattr(other, name) for name in RELATIONS_OF[source]})


# ---------------------------------------------------------------- left out


def changed(facts: Facts, data_through: dt.date, **changes: Callable[[Relation], Relation]) -> Facts:
    """The facts with each relation they have changed as said, and another last day."""
    there = {name: change(had) for name, change in changes.items() if (had := getattr(facts, name)) is not None}
    return replace(facts, data_through=data_through, **there)


def as_known(facts: Facts, as_of: dt.date) -> Facts:
    """The facts without what was not known before ``as_of``; what changed later is not filled in yet."""
    day, now = day_number_of(as_of), midnight(as_of)

    def seen(presence: Relation) -> Relation:
        return seen_until(presence.filter(presence["late_day"] < day), day)

    return changed(
        facts,
        plus_days(as_of, -1),
        accounts=lambda accounts: until(accounts, "created_at", now),
        subscriptions=lambda periods: _periods_known(periods, now),
        support_tickets=lambda tickets: tickets_until(tickets, now, "known_at"),
        churn_events=lambda leavings: until(leavings, "known_at", now),
        usage_days=lambda usage: until(usage, "known_day", day),
        usage_named=lambda usage: until(usage, "known_day", day),
        usage_users=seen,
        usage_rare=seen,
    )


def until(relation: Relation, dated_by: str, limit: dt.datetime | int, later: Sequence[str] = ()) -> Relation:
    """Rows dated before ``limit``, the ``later`` times among their columns only where they are before it too."""
    rows = relation.filter(relation[dated_by] < limit)
    return rows.mutate(**{name: _if_before(rows, name, name, limit) for name in later})


def seen_until(presence: Relation, day: int) -> Relation:
    rows = presence.mutate(days=presence["days"] & days_before(presence["block"], day))
    return rows.filter(rows["days"] != 0)


def days_before(block: ir.IntegerColumn, day: int) -> ir.IntegerColumn:
    """The bits of a block's days before ``day``."""
    own = (day + SHIFT) // BITS
    mask = ibis.literal((1 << (day - first_day(own))) - 1, "int64")
    return ibis.cases(
        (block < own, ibis.literal(ALL_BITS, "int64")), (block == own, mask), else_=ibis.literal(0, "int64")
    )


def tickets_until(tickets: Relation, now: dt.datetime, dated_by: str) -> Relation:
    """Versions of tickets dated before ``now`` by ``known_at`` or ``opened_at``, without what happened later."""
    rated = tickets.mutate(csat=_if_before(tickets, "csat", "csat_at", now))
    return until(rated, dated_by, now, (*LATER_TIMES, "csat_at"))


def _if_before(relation: Relation, column: str, at: str, limit: dt.datetime | int) -> ir.Column:
    return ibis.ifelse(relation[at] < limit, relation[column], ibis.null(relation[column].type()))


def _periods_known(periods: Relation, now: dt.datetime) -> Relation:
    known = until(periods, "known_at", now)
    # without a notice, an end is known once it has happened
    end_known = ibis.coalesce(known["cancelled_at"], known["ends_at"]) < now
    return known.mutate(
        ends_at=ibis.ifelse(end_known, known["ends_at"], ibis.null(known["ends_at"].type())),
        cancelled_at=_if_before(known, "cancelled_at", "cancelled_at", now),
    )


def unknown_counts(facts: Facts, as_of: dt.date) -> dict[str, int]:
    """By contract table, how many rows (of usage: events) were not known before ``as_of``, or not wholly."""
    day, now = day_number_of(as_of), midnight(as_of)
    counts: dict[str, ir.IntegerScalar] = {"accounts": (facts.accounts["created_at"] >= now).sum()}
    if facts.usage_days is not None:
        counts["usage_events"] = facts.usage_days["events"].sum(where=facts.usage_days["known_day"] >= day)
    if (tickets := facts.support_tickets) is not None:
        later = [tickets[name] >= now for name in ("known_at", *LATER_TIMES, "csat_at")]
        counts["support_tickets"] = ibis.or_(*(one.fill_null(False) for one in later)).sum()
    if (periods := facts.subscriptions) is not None:
        ends = ibis.coalesce(periods["cancelled_at"], periods["ends_at"])
        counts["subscriptions"] = ((periods["known_at"] >= now) | (ends >= now).fill_null(False)).sum()
    if facts.churn_events is not None:
        counts["churn_events"] = (facts.churn_events["known_at"] >= now).sum()
    return counted(counts)


def counted(counts: Mapping[str, ir.IntegerScalar]) -> dict[str, int]:
    """The counts as numbers; nothing counted is 0."""
    return {source: int(count.fill_null(0).to_pandas()) for source, count in counts.items()}


# ---------------------------------------------------------------- come out otherwise


def otherwise(facts: Facts, as_of: dt.date) -> Facts:
    """The facts with everything that was not known before ``as_of`` changed."""
    day = day_number_of(as_of)
    return changed(
        facts,
        plus_days(facts.data_through, 400),
        accounts=lambda accounts: _today_otherwise(accounts, facts.static),
        subscriptions=lambda periods: _periods_otherwise(periods, as_of),
        support_tickets=lambda tickets: _tickets_otherwise(tickets, as_of),
        churn_events=lambda leavings: _leavings_otherwise(leavings, as_of),
        usage_days=lambda usage: _usage_otherwise(usage, day),
        usage_named=lambda usage: _usage_otherwise(usage, day),
        usage_users=lambda presence: _presence_otherwise(presence, day),
        usage_rare=lambda presence: _presence_otherwise(presence, day),
    )


def _today_otherwise(accounts: Relation, static: Sequence[str]) -> Relation:
    """What is not declared static only says how an account is today: it may have been anything before."""
    kept = {"account_id", "created_at", *static}
    return accounts.mutate(
        **{
            name: ibis.literal(MARK)
            for name, kind in accounts.schema().items()
            if name not in kept and kind.is_string()
        }
    )


def _usage_otherwise(relation: Relation, day: int) -> Relation:
    relation = wide(relation)
    unknown = relation["known_day"] >= day
    changed = {
        name: ibis.ifelse(unknown, _another(relation[name], name), relation[name]).cast(kind)
        for name, kind in relation.schema().items()
        if name not in _USAGE_KEYS
    }
    return relation.mutate(**changed)


def _another(amount: ir.IntegerColumn, name: str) -> ir.IntegerColumn:
    # quantities may be as large as whole numbers go: they are made smaller, counts larger
    return -(amount // 7) - 1_000_003 if name.startswith("quantity_") and name != "quantity_events" else amount * 7 + 3


def _presence_otherwise(relation: Relation, day: int) -> Relation:
    everything = ibis.literal(ALL_BITS, "int64")
    later = relation["days"] | (everything - days_before(relation["block"], day))
    return relation.mutate(days=ibis.ifelse(relation["late_day"] < day, later, everything))


def _tickets_otherwise(tickets: Relation, as_of: dt.date) -> Relation:
    """Whatever was still to come of a ticket comes on the day of the cutoff, from its first instant on.

    A version that was not known says otherwise throughout: that all of it happened the day before.
    """
    now = midnight(as_of)
    unknown = tickets["known_at"] >= now
    day_before = plus_days(as_of, -1)

    def instead(name: str, hour: int) -> ir.TimestampValue:
        then, before = (ibis.literal(at_hour(day, hour)).cast(tickets[name].type()) for day in (as_of, day_before))
        return ibis.cases((unknown, before), (_to_come(tickets[name], now), then), else_=tickets[name])

    changed = {name: instead(name, hour) for hour, name in enumerate((*LATER_TIMES, "csat_at"))}
    rated = _to_come(tickets["csat_at"], now) | unknown
    csat = ibis.ifelse(rated, ibis.literal(1.0), tickets["csat"].cast("float64"))
    priority = ibis.ifelse(unknown, ibis.literal("urgent"), tickets["priority"])
    return tickets.mutate(csat=csat.cast(tickets["csat"].type()), priority=priority, **changed)


def _to_come(at: ir.TimestampValue, now: dt.datetime) -> ir.BooleanValue:
    return at.isnull() | (at >= now)


def _periods_otherwise(periods: Relation, as_of: dt.date) -> Relation:
    """Open contracts have ended ten days before the cutoff or will in thirty, as is told on the cutoff's day."""
    periods = wide(periods)
    now, time = midnight(as_of), periods["ends_at"].type()
    unknown = periods["known_at"] >= now
    open_then = _to_come(ibis.coalesce(periods["cancelled_at"], periods["ends_at"]), now)
    even = day_number(periods["starts_at"]) % 2 == 0
    ends = ibis.ifelse(even, _time(plus_days(as_of, -10), time), _time(plus_days(as_of, 30), time))
    later = {name: (periods[name] * 7 + 1).cast(periods[name].type()) for name in ("mrr", "seats")}
    return periods.mutate(
        ends_at=ibis.ifelse(open_then, ibis.greatest(periods["starts_at"], ends), periods["ends_at"]),
        cancelled_at=ibis.ifelse(open_then, _time(as_of, time), periods["cancelled_at"]),
        **{name: ibis.ifelse(unknown, value, periods[name]) for name, value in later.items()},
    )


def _time(day: dt.date, kind: dtypes.DataType) -> ir.TimestampScalar:
    return ibis.literal(midnight(day)).cast(kind)


def _leavings_otherwise(events: Relation, as_of: dt.date) -> Relation:
    unknown = events["known_at"] >= midnight(as_of)
    before = _time(plus_days(as_of, -1), events["churned_at"].type())
    return events.mutate(churned_at=ibis.ifelse(unknown, before, events["churned_at"]))


# ---------------------------------------------------------------- and more besides


@dataclass(frozen=True)
class PlantedFacts:
    """Facts with rows made up by the audit, and how many of them by contract table."""

    facts: Facts
    added: dict[str, int]


# How many days before the cutoff made-up visits lie: in every usual lookback, on working days and others.
AGES = (1, 2, 3, 5, 6, 11, 20, 26, 40, 61, 83, 120, 170, 350)
OLD_AGE = 30  # a user of old who stays away is not seen since


def with_rows_known(
    facts: Facts, accounts: Sequence[str], events: Sequence[str], as_of: dt.date, known_from: dt.date | None, seed: int
) -> PlantedFacts:
    """The facts with rows made up for ``accounts``.

    Every account gets a ticket and a contract that were known long before ``as_of``. From ``known_from`` on the rest is
    known: how those went on, and usage, contracts and leavings from before that day, as if they
    had arrived late. From the cutoff on, facts of later days come with them.

    Args:
        facts: the project's.
        accounts: who gets rows.
        events: event names that features look at.
        as_of: the cutoff.
        known_from: when what is to come becomes known; None never.
        seed: decides the amounts.
    """
    made_up: dict[str, Sequence[Row] | Visits] = {
        "subscriptions": _periods(accounts, as_of, known_from),
        "support_tickets": _tickets(accounts, as_of, known_from),
    }
    if known_from:
        joined = {"created_at": midnight(known_from), **dict.fromkeys(facts.static, MARK)}
        left = {"churned_at": midnight(plus_days(as_of, -20)), "known_at": midnight(known_from)}
        made_up = {"accounts": [{"account_id": f"{MARK} {n}", **joined} for n in range(5)], **made_up}
        made_up["churn_events"] = [{"account_id": account, **left} for account in accounts]
        made_up["usage_events"] = _visits(accounts, events, as_of, known_from, seed)
    return planted(facts, made_up)


def planted(facts: Facts, made_up: Mapping[str, Sequence[Row] | Visits]) -> PlantedFacts:
    """The facts with rows added, by contract table."""
    relations: dict[str, MaybeRelation] = {}
    added: dict[str, int] = {}
    for source, rows in made_up.items():
        by_name = rows.by_relation() if isinstance(rows, Visits) else {source: rows}
        relations |= {name: with_rows(getattr(facts, name), more) for name, more in by_name.items()}
        count = rows.happened if isinstance(rows, Visits) else len(rows)
        if count and facts.has(source):
            added[source] = count
    return PlantedFacts(replace(facts, **relations), added)


def _visits(accounts: Sequence[str], events: Sequence[str], as_of: dt.date, known_from: dt.date, seed: int) -> Visits:
    visits = Visits(events, np.random.default_rng(seed))
    from_then_on = known_from >= as_of
    for place, account in enumerate(accounts):
        for n, age in enumerate(AGES):
            # some are known exactly on the day, some weeks after
            known = plus_days(known_from, (0, 1, 27)[(place + n) % 3]) if from_then_on else known_from
            users = [f"{MARK} user", *([f"{MARK} user of old"] if age > OLD_AGE else [])]
            visits.add(account, users, plus_days(as_of, -age), known)
        for ahead in (0, 1, 20) if from_then_on else ():
            visits.add(account, [f"{MARK} user"], plus_days(as_of, ahead), plus_days(as_of, ahead))
    return visits


def _tickets(accounts: Sequence[str], as_of: dt.date, known_from: dt.date | None) -> list[Row]:
    rows: list[Row] = []
    long_ago = midnight(plus_days(as_of, -20))
    for place, account in enumerate(accounts):
        ticket = {"account_id": account, "priority": "urgent", "category": MARK, "tone_milli": -900, **NO_SHIFT}
        opened = ticket | {"opened_at": long_ago, "known_at": long_ago}
        went_on = _how_it_went_on(place, known_from) if known_from else {}
        rows += [
            opened | {"ticket_id": f"{MARK} {place}"} | went_on,
            opened | {"ticket_id": f"{MARK} corrected {place}"},
        ]
        if known_from:
            arrived = {"known_at": midnight(known_from)}
            # serious or not, so that their share moves whatever it was
            new = {"priority": "urgent" if place % 2 else "low"}
            settled = dict.fromkeys(("first_response_at", "resolved_at"), midnight(plus_days(as_of, -19)))
            rows += [
                ticket | arrived | {"ticket_id": f"{MARK} new {place}", "opened_at": midnight(known_from)} | new,
                # opened long ago and arrived late; and a late version that says what happened long ago
                ticket | arrived | {"ticket_id": f"{MARK} late {place}", "opened_at": midnight(plus_days(as_of, -25))},
                opened | arrived | {"ticket_id": f"{MARK} corrected {place}", "priority": "low"} | settled,
            ]
    return rows


def _how_it_went_on(place: int, known_from: dt.date) -> dict[str, object]:
    at = midnight(known_from)
    resolved: dict[str, object] = {"first_response_at": at, "resolved_at": at}
    endings: tuple[dict[str, object], ...] = (
        resolved,
        {"escalated_at": at},
        resolved | {"reopened_at": at_hour(known_from, 2)},
        resolved | {"csat": 1.0, "csat_at": at},
    )
    return endings[place % len(endings)]


def _periods(accounts: Sequence[str], as_of: dt.date, known_from: dt.date | None) -> list[Row]:
    rows: list[Row] = []
    began = midnight(plus_days(as_of, -100))
    for place, account in enumerate(accounts):
        terms = {"account_id": account, "billing_period": "monthly", "renews_at": midnight(plus_days(as_of, 17))}
        first = {"subscription_id": f"{MARK} {place}", "starts_at": began, "known_at": began}
        first |= {"mrr": 50.0, "seats": 3, "plan": MARK}
        rows.append(terms | first | (_how_it_ended(place, as_of, known_from) if known_from else {}))
        if known_from:
            late = terms | {
                "known_at": midnight(known_from),
                "renews_at": midnight(plus_days(as_of, 5)),
                "plan": f"{MARK} 2",
            }
            # every other one is a change to less: what grew and what shrank are told apart
            changed = {"mrr": 1.0, "seats": 1} if place % 2 else {"mrr": 99_999.0, "seats": 777}
            change = {"subscription_id": f"{MARK} {place}", "starts_at": midnight(plus_days(as_of, -50))}
            of_old = {"subscription_id": f"{MARK} old {place}", "starts_at": midnight(plus_days(as_of, -9000))}
            rows += [late | changed | change, late | {"mrr": 77_777.0, "seats": 77} | of_old]
    return rows


def _how_it_ended(place: int, as_of: dt.date, known_from: dt.date) -> dict[str, object]:
    at = midnight(known_from)
    endings: tuple[dict[str, object], ...] = (
        {"ends_at": midnight(plus_days(as_of, -10)), "cancelled_at": at},
        {"ends_at": midnight(plus_days(as_of, 30)), "cancelled_at": at},
        {"ends_at": at},
    )
    return endings[place % len(endings)]
