"""Features that leak by design, one for each way to leak: an audit that misses one cannot be trusted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from churnml.features import Feature, Grain, Polarity, Unit
from churnml.lazy import ibis
from churnml.stretches import KEY
from churnml.tables import Facts, Relation

if TYPE_CHECKING:
    import ibis.expr.types as ir

    Rows = Callable[[Facts, Relation], Relation]
    Total = Callable[[Relation], ir.IntegerScalar]

PREFIX = "audit_canary_"
DAYS_BACK, DAYS_AHEAD = 90, 28


def usage_by_day_alone(facts: Facts, cutoffs: Relation) -> Relation:
    """Usage of the days around the cutoff by the day it occurred, regardless of when it was known."""
    days = facts.usage_days
    since, until = cutoffs["as_of_day"] - DAYS_BACK, cutoffs["as_of_day"] + DAYS_AHEAD
    rows = days.join(cutoffs, [days["day"] >= since, days["day"] < until])
    return rows.select(*KEY, n="events", ahead=rows["day"] >= rows["as_of_day"])


def tickets_whenever_known(facts: Facts, cutoffs: Relation) -> Relation:
    """Tickets opened before the cutoff, regardless of when they arrived."""
    tickets = facts.support_tickets
    rows = tickets.join(cutoffs, [tickets["opened_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=ibis.literal(1, "int64"))


def last_versions(facts: Facts, cutoffs: Relation) -> Relation:
    """Tickets known before the cutoff that were answered before it, as the last version has it, whenever that came."""
    tickets = facts.support_tickets
    versions = ibis.window(group_by="ticket_id", order_by="known_at", rows=(None, None))
    tickets = tickets.mutate(
        known_at=tickets["known_at"].min().over(versions),
        answered_at=tickets["first_response_at"].last().over(versions),
    )
    rows = tickets.join(cutoffs, [tickets["known_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=(rows["answered_at"] < rows["as_of"]).fill_null(False).cast("int64"))


def final_resolutions(facts: Facts, cutoffs: Relation) -> Relation:
    """Tickets opened before the cutoff that have been resolved since, whenever."""
    tickets = facts.support_tickets
    rows = tickets.join(cutoffs, [tickets["opened_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=rows["resolved_at"].notnull().cast("int64"))


def final_ends(facts: Facts, cutoffs: Relation) -> Relation:
    """Contract periods known before the cutoff that have an end today, whenever notice was given."""
    periods = facts.subscriptions
    rows = periods.join(cutoffs, [periods["known_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=rows["ends_at"].notnull().cast("int64"))


def _before(rows: Relation) -> ir.IntegerScalar:
    return rows["n"].sum(where=~rows["ahead"])


def _ahead(rows: Relation) -> ir.IntegerScalar:
    return rows["n"].sum(where=rows["ahead"])


def _total(rows: Relation) -> ir.IntegerScalar:
    return rows["n"].sum()


# name, contract table, rows, measure
_CANARIES: tuple[tuple[str, str, Rows, Total], ...] = (
    ("usage_whenever_known", "usage_events", usage_by_day_alone, _before),
    ("usage_after_the_cutoff", "usage_events", usage_by_day_alone, _ahead),
    ("tickets_whenever_known", "support_tickets", tickets_whenever_known, _total),
    ("last_versions", "support_tickets", last_versions, _total),
    ("final_resolutions", "support_tickets", final_resolutions, _total),
    ("final_ends", "subscriptions", final_ends, _total),
)


def canaries(facts: Facts) -> tuple[Feature, ...]:
    """The leaking features that ``facts`` have the tables for."""
    return tuple(_canary(name, rows, measure) for name, source, rows, measure in _CANARIES if facts.has(source))


def _canary(name: str, rows: Rows, measure: Total) -> Feature:
    return Feature(
        name=PREFIX + name,
        family="audit.canary",
        means=str(rows.__doc__),
        grain=Grain.OWN,
        measure=measure,
        polarity=Polarity.NEITHER,
        unit=Unit.COUNT,
        when_low="",
        when_high="",
        absent=0.0,
        rows=rows,
    )
