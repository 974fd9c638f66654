"""How each fact of the contract tables comes to be known, declared once, and which columns look as if they said so.

A fact counts from when it was known. Where a project's tables do not say when that was, its arrival is taken to be its
occurrence: ``churnml check`` and ``churnml audit`` say for which facts, and what that risks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from churnml.tables import ACCOUNTS, CHURN_EVENTS, SUBSCRIPTIONS, SUPPORT_TICKETS, USAGE_EVENTS, Table

KNOWN_AT = "known_at"


@dataclass(frozen=True)
class Arrival:
    """How some facts of a contract table come to be known.

    Args:
        table: the contract table.
        columns: the columns that hold them.
        facts: what they are, as the beginning of a sentence.
        known: when they are known, for the documentation.
        told_by: the optional column that says so; empty where none can, or where a required one does.
        otherwise: when they count as known where that column is not given.
        risk: what goes wrong where that is not so; empty where nothing can.
    """

    table: Table
    columns: tuple[str, ...]
    facts: str
    known: str
    told_by: str = ""
    otherwise: str = ""
    risk: str = ""


ARRIVALS: tuple[Arrival, ...] = (
    Arrival(ACCOUNTS, ("account_id", "created_at"), "accounts", "at created_at, which says when it became known to us"),
    Arrival(
        ACCOUNTS,
        ("segment", "industry", "region", "acquisition_source"),
        "attributes declared static",
        "today's state: no feature reads one unless `static:` declares that it never changes, and then it counts as "
        "known from the account's creation",
        otherwise="as they are today, at every cutoff",
        risk="one that changes tells the past what became of an account later.",
    ),
    Arrival(ACCOUNTS, ("name",), "names", "today's: people are shown them, and no feature and no rule reads one"),
    Arrival(
        ACCOUNTS,
        ("owner_id", "parent_account_id"),
        "owners and parents",
        "today's state: no feature reads them; they decide who gets the work and what belongs to a family",
        otherwise="as they are today, at every date",
        risk="work and families of an earlier date are those of today's.",
    ),
    Arrival(
        SUBSCRIPTIONS,
        (
            "account_id",
            "subscription_id",
            "starts_at",
            "mrr",
            "plan",
            "seats",
            "billing_period",
            "renews_at",
            "currency",
        ),
        "contracts and changes of terms",
        "at known_at, else at starts_at",
        KNOWN_AT,
        "at their starts_at",
        "one that was entered late is counted before anybody knew it, and one signed ahead only when it starts.",
    ),
    Arrival(
        SUBSCRIPTIONS,
        ("ends_at", "cancelled_at"),
        "ends of contracts",
        "at cancelled_at, else at ends_at; not before their row",
        "cancelled_at",
        "once they have happened",
        "whoever has given notice is taken for a customer who stays until the day the contract ends.",
    ),
    Arrival(
        USAGE_EVENTS,
        ("account_id", "occurred_at", "event", "event_id", "user_id", "quantity", "properties"),
        "events",
        "at known_at, else at occurred_at",
        KNOWN_AT,
        "at their occurred_at",
        "those that arrived late or were filled in afterwards are counted before anybody could see them.",
    ),
    Arrival(
        SUPPORT_TICKETS,
        ("account_id", "ticket_id", "opened_at", "priority", "category", "subject", "body"),
        "tickets, their priority and category",
        "at known_at, else at opened_at; what a later version corrects, from that version's known_at on",
        KNOWN_AT,
        "at their opened_at, as they stand last",
        "one that arrived late is counted before anybody knew it, and a priority that was raised later tells the past.",
    ),
    Arrival(
        SUPPORT_TICKETS,
        ("first_response_at", "resolved_at", "reopened_at", "escalated_at"),
        "answers, resolutions, reopenings and escalations",
        "at their own time, but not before the version that first carried them",
        KNOWN_AT,
        "at their own time, as they stand last",
        "what was entered or corrected afterwards is counted before anybody knew it.",
    ),
    Arrival(
        SUPPORT_TICKETS,
        ("csat", "csat_at"),
        "ratings",
        "at csat_at, else at resolved_at, but not before the version that first carried them",
        "csat_at",
        "when their ticket was resolved",
        "a rating given days later is counted before the customer gave it.",
    ),
    Arrival(
        CHURN_EVENTS,
        ("account_id", "churned_at", "reason", "voluntary"),
        "leavings",
        "at known_at, else at churned_at",
        KNOWN_AT,
        "at their churned_at",
        "one that was recorded afterwards shows an account as gone before anybody knew it.",
    ),
)
# Which attributes these are a project declares: they need not be the contract's.
STATIC = next(one for one in ARRIVALS if one.facts == "attributes declared static")


@dataclass(frozen=True)
class Assumption:
    """Facts of a project whose arrival is taken to be their occurrence.

    Args:
        table: their contract table.
        told_by: the column that would say when they were known; empty where none can.
        sentence: which facts, when they count as known, and what that risks.
    """

    table: str
    told_by: str
    sentence: str


def assumptions(given: Mapping[str, Collection[str]], static: Iterable[str] = ()) -> tuple[Assumption, ...]:
    """For which facts a project's tables do not say when they were known, in the order of the contract.

    Args:
        given: contract table → the columns the project's own data have.
        static: the account attributes it declares never to change.
    """
    static = tuple(static)
    by_column: dict[tuple[str, str], list[str]] = {}
    for arrival in ARRIVALS:
        have = set(given.get(arrival.table.name, ()))
        facts = have & set(static if arrival is STATIC else arrival.columns)
        # a version says when it arrived, whatever it carries
        told = arrival.told_by in have or (arrival.table.versioned and KNOWN_AT in have)
        if facts and arrival.risk and not told:
            which = f" ({', '.join(name for name in static if name in facts)})" if arrival is STATIC else ""
            sentence = _assumed(arrival, which)
            by_column.setdefault((arrival.table.name, arrival.told_by), []).append(sentence)
    return tuple(
        Assumption(table, told_by, " ".join([*([f"{table} has no {told_by}."] if told_by else []), *of]))
        for (table, told_by), of in by_column.items()
    )


def _assumed(arrival: Arrival, which: str) -> str:
    facts = f"{arrival.facts[0].upper()}{arrival.facts[1:]}{which}"
    return f"{facts} count as known {arrival.otherwise}: {arrival.risk}"


# ---------------------------------------------------------------- columns that look like times of arrival


COLUMNS_NAMED = 3


@dataclass(frozen=True)
class ArrivalColumn:
    """A column that looks like a time of arrival: its name, and the input or source that has it."""

    place: str
    name: str


# Contract table → columns beside those it maps that look like times of arrival, the likeliest first.
ArrivalColumns: TypeAlias = Mapping[str, Sequence[ArrivalColumn]]


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# What pipelines write when a row lands. Their words come before those of the systems themselves, which say when a row
# last changed: the same only where each change is a row of its own.
_LANDED = _listed(
    "synced sync loaded load ingested ingest ingestion inserted insert insertion extracted extract emitted batched "
    "received arrived landed landing imported import replicated warehouse dwh dw etl elt fivetran airbyte sdc dlt "
    "stitch snapshot exported export"
)
_CHANGED = _listed("updated update modified modification modstamp")
_MOMENT = _listed("at on date time ts timestamp datetime stamp day dt utc tstamp last")
# These say a moment by themselves; "created" only beside the name of a pipeline.
_DONE = _listed(
    "synced loaded ingested inserted extracted emitted received arrived landed imported replicated exported updated "
    "modified modstamp created"
)
_NO_TIME = _listed("by id is has count flag number user name version status type key hash rows rate")
# Names that are written in one, such as lastmodifieddate, are taken apart into these.
_RUN_TOGETHER = re.compile("|".join(sorted({*_LANDED, *_CHANGED, *_MOMENT, *_DONE, "system"}, key=len, reverse=True)))


def would_tell(table: str, columns: Sequence[ArrivalColumn]) -> str:
    """That a contract table does not say when its rows arrived though these columns, the likeliest first, would."""
    named = ", ".join(f"'{column.name}' of {column.place}" for column in columns[:COLUMNS_NAMED])
    more = f" and {len(columns) - COLUMNS_NAMED} more" if len(columns) > COLUMNS_NAMED else ""
    best = columns[0]
    sentence = (
        f"{table} has no known_at, but {named}{more} {'look' if len(columns) > 1 else 'looks'} like the time a row "
        f"arrived: '{best.name} AS known_at' in sources/{table}.sql would tell."
    )
    if says_last_change(best.name):
        sentence += (
            " It says when a row last changed: map it where every change is a row of its own; where a change "
            "overwrites the row, everything in it would count as known only since the last one."
        )
    return sentence


def looks_like_arrival(name: str) -> bool:
    """Whether a column's name says when a row arrived or last changed: ``_fivetran_synced``, ``updated_at``, …"""
    words = _words(name)
    return bool(words & (_LANDED | _CHANGED)) and bool(words & (_MOMENT | _DONE)) and not words & _NO_TIME


def says_last_change(name: str) -> bool:
    """Whether a column's name says when a row last changed, rather than when it landed."""
    words = _words(name)
    return bool(words & _CHANGED) and not words & _LANDED


def _words(name: str) -> frozenset[str]:
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).lower()
    words: set[str] = set()
    for text in re.split(r"[^a-z0-9]+", apart):
        parts = _RUN_TOGETHER.findall(text)
        words |= set(parts) if "".join(parts) == text else {text}
    return frozenset(words - {""})
