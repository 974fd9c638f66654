"""The contract tables: the words everything else is written in.

A project maps its own data onto these tables with one ``sources/<table>.sql`` each. Names, types and
meanings are declared here once; the checks, the empty templates of ``churnml init`` and the
documentation are read from it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeAlias

from churnml.errors import UnknownNameError
from churnml.lazy import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    Relation: TypeAlias = ir.Table
else:
    Relation = Any

# None where the project does not have the table; whoever asks has looked with ``Facts.has`` before
MaybeRelation: TypeAlias = Any


class ColumnKind(StrEnum):
    """What a contract column holds, and so how text from a CSV is read."""

    ID = "id"  # compared as text, to the letter
    TIME = "time"  # wall-clock time of the project's time zone; a date is its midnight
    MONEY = "money"  # currency units per month or per document
    NUMBER = "number"
    COUNT = "count"  # a whole number, 0 or more
    FLAG = "flag"  # true or false
    CATEGORY = "category"  # a short name out of few
    TEXT = "text"  # free text; data, never shown unescaped


@dataclass(frozen=True)
class Column:
    """One column of a contract table.

    Args:
        name: its name.
        kind: what it holds.
        means: one sentence for the documentation.
        required: whether a row without it is of no use.
    """

    name: str
    kind: ColumnKind
    means: str
    required: bool = False


@dataclass(frozen=True)
class Table:
    """A contract table.

    Args:
        name: its name, and that of its ``sources/<name>.sql``.
        grain: what one row is.
        columns: its columns, the required ones first.
        key: the columns that name a row; rows that repeat it are duplicates. Empty where rows have
            no name of their own.
        dated_by: the column that says when the row's fact happened.
        versioned: rows of one key may differ: they are versions, of which the last one known stands.
    """

    name: str
    grain: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    dated_by: str
    versioned: bool = False

    def column(self, name: str) -> Column:
        """The column called ``name``; raises UnknownNameError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownNameError("column", name, self.column_names, where=f"table {self.name}")

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.required)


def _must(name: str, kind: ColumnKind, means: str) -> Column:
    return Column(name, kind, means, required=True)


ACCOUNTS = Table(
    "accounts",
    "an account",
    (
        _must("account_id", ColumnKind.ID, "names the account"),
        _must("created_at", ColumnKind.TIME, "when it became known to us"),
        Column("name", ColumnKind.TEXT, "what people call it: shown beside its id, and read by no feature"),
        Column("owner_id", ColumnKind.ID, "who looks after it"),
        Column("segment", ColumnKind.CATEGORY, "the company's own segmentation"),
        Column("industry", ColumnKind.CATEGORY, "its industry"),
        Column("region", ColumnKind.CATEGORY, "its region"),
        Column("acquisition_source", ColumnKind.CATEGORY, "how it was won"),
        Column("parent_account_id", ColumnKind.ID, "the account it belongs to"),
    ),
    key=("account_id",),
    dated_by="created_at",
)
SUBSCRIPTIONS = Table(
    "subscriptions",
    "a period of a contract, or a version of one; never overwritten in place",
    (
        _must("account_id", ColumnKind.ID, "the account"),
        _must("subscription_id", ColumnKind.ID, "names the contract; a change of terms is a new period of it"),
        _must("starts_at", ColumnKind.TIME, "first moment the terms hold"),
        _must("mrr", ColumnKind.MONEY, "monthly recurring revenue under these terms; 0 is not paying"),
        Column("ends_at", ColumnKind.TIME, "first moment they no longer hold; empty while open"),
        Column("plan", ColumnKind.CATEGORY, "the plan's name"),
        Column("seats", ColumnKind.COUNT, "seats paid for"),
        Column("billing_period", ColumnKind.CATEGORY, "monthly, annual, …: a term"),
        Column("renews_at", ColumnKind.TIME, "when the term ends unless renewed, as agreed at its start"),
        Column(
            "cancelled_at",
            ColumnKind.TIME,
            "when notice became known, also while no end is written",
        ),
        Column("known_at", ColumnKind.TIME, "when the row was known; empty: at starts_at. Of several, the last stands"),
        Column("currency", ColumnKind.CATEGORY, "currency of mrr; of several, each needs a rate"),
    ),
    key=("subscription_id", "starts_at"),
    dated_by="starts_at",
)
USAGE_EVENTS = Table(
    "usage_events",
    "an event",
    (
        _must("account_id", ColumnKind.ID, "the account"),
        _must("occurred_at", ColumnKind.TIME, "when it happened"),
        _must("event", ColumnKind.CATEGORY, "what happened"),
        Column("event_id", ColumnKind.ID, "names the event; with it, repeats are duplicates"),
        Column("user_id", ColumnKind.ID, "who did it"),
        Column("quantity", ColumnKind.NUMBER, "how much of it; six decimals are kept"),
        Column("known_at", ColumnKind.TIME, "when the row arrived; empty: at occurred_at"),
        Column("properties", ColumnKind.TEXT, "anything else, as JSON"),
    ),
    key=("event_id",),
    dated_by="occurred_at",
)
SUPPORT_TICKETS = Table(
    "support_tickets",
    "a ticket's life; rows of one ticket are its versions, of which the last one known stands",
    (
        _must("account_id", ColumnKind.ID, "the account"),
        _must("ticket_id", ColumnKind.ID, "names the ticket"),
        _must("opened_at", ColumnKind.TIME, "when it was opened"),
        Column("first_response_at", ColumnKind.TIME, "first answer by a person"),
        Column("resolved_at", ColumnKind.TIME, "when it was resolved"),
        Column("reopened_at", ColumnKind.TIME, "when it was (last) reopened"),
        Column("priority", ColumnKind.CATEGORY, "low, normal, high, urgent: as set at opening"),
        Column("category", ColumnKind.CATEGORY, "what it is about: as set at opening"),
        Column("csat", ColumnKind.NUMBER, "satisfaction the customer gave, 1 to 5"),
        Column("csat_at", ColumnKind.TIME, "when it was given; empty: at resolved_at, else when its row was known"),
        Column("escalated_at", ColumnKind.TIME, "when it was escalated"),
        Column("known_at", ColumnKind.TIME, "when this version of the ticket arrived; empty: at opened_at"),
        Column("subject", ColumnKind.TEXT, "the subject line"),
        Column("body", ColumnKind.TEXT, "the text"),
    ),
    key=("ticket_id",),
    dated_by="opened_at",
    versioned=True,
)
CHURN_EVENTS = Table(
    "churn_events",
    "a customer's leaving, where the company records it",
    (
        _must("account_id", ColumnKind.ID, "the account"),
        _must("churned_at", ColumnKind.TIME, "when it left"),
        Column("reason", ColumnKind.CATEGORY, "why, in the company's own words"),
        Column("voluntary", ColumnKind.FLAG, "false for an unpaid invoice, a bankruptcy, …"),
        Column("known_at", ColumnKind.TIME, "when the leaving was known; empty: at churned_at"),
    ),
    key=("account_id", "churned_at"),
    dated_by="churned_at",
)

# No table of facts: what amounts of other currencies are worth, where a project has them by date.
EXCHANGE_RATES = Table(
    "exchange_rates",
    "what one unit of a currency is worth in the project's, from a date on",
    (
        _must("currency", ColumnKind.CATEGORY, "the currency's code"),
        _must("rate", ColumnKind.NUMBER, "units of the project's currency for one of it"),
        _must("starts_at", ColumnKind.TIME, "first moment the rate holds"),
        Column("known_at", ColumnKind.TIME, "when it was known; empty: at starts_at"),
    ),
    key=("currency", "starts_at"),
    dated_by="starts_at",
)

TABLES: dict[str, Table] = {
    table.name: table for table in (ACCOUNTS, SUBSCRIPTIONS, USAGE_EVENTS, SUPPORT_TICKETS, CHURN_EVENTS)
}

# Time of a ticket → beside it, the seconds by which the wall clock, from opening to then, was ahead of those that
# passed: not 0 where clocks were moved in between, null where one of the two is a date without an hour. Where no clock
# was moved and every time has an hour, a store has no such column.
CLOCK_SHIFTS: Mapping[str, str] = {
    "first_response_at": "response_shift_seconds",
    "resolved_at": "resolution_shift_seconds",
}

# Beside the MRR of a contract in the project's currency, what its row says and in which currency. Where nothing was
# converted, a store has no such columns.
AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN = "amount_as_written", "currency_as_written"


def table(name: str) -> Table:
    """The contract table called ``name``; raises UnknownNameError."""
    if name not in TABLES:
        raise UnknownNameError("contract table", name, TABLES)
    return TABLES[name]


@dataclass(frozen=True)
class UnrolledUsage:
    """Checked usage events of which no roll-ups are kept: a build that is made once cuts them straight.

    Args:
        events: account_id, occurred_at, known_at, event, user_id, quantity; ``known_at`` filled and not before
            ``occurred_at``.
        names: the event names that have a bit of their own.
        parts: which of :data:`churnml.rollups.PARTS` are asked for.
        hours: whether the times have hours; of dates alone nobody knows the office hours.
    """

    events: Relation
    names: tuple[str, ...]
    parts: frozenset[str]
    hours: bool = True


@dataclass(frozen=True)
class Facts:
    """The contract tables after the checks, as relations of one engine, and their roll-ups.

    Every ``known_at`` is filled. Days in the roll-ups are day numbers (days since 1970-01-01), so
    that window arithmetic is on integers and the same on every engine. A table the project does not
    have is None.

    Args:
        accounts, subscriptions, support_tickets, churn_events: contract tables; subscriptions has further columns
            :data:`AMOUNT_AS_WRITTEN` and :data:`CURRENCY_AS_WRITTEN` where amounts were converted; support_tickets has
            one row a version of a ticket, each of one ticket with another known_at, a further column tone_milli (the
            tone of subject and body, −1000 to 1000) where features ask for it, and perhaps those of
            :data:`CLOCK_SHIFTS`.
        usage_days: account_id, day, known_day, events, names (a bit for each of the frequent event names),
            and, where the features ask for it, quantity_micro (quantity × 10⁶, whole), quantity_events
            (events that have one), quantity_min_micro, quantity_max_micro, office_events.
        usage_users: account_id, user_id, block, late_day, days: on which days of a block of days somebody was
            seen, a bit a day; ``late_day`` is 0, or the day on which those were known if that was later.
        usage_rare: the same by event, for event names without a bit of their own; None when there are none.
        usage_named: account_id, event, day, known_day and the sums of usage_days.
        data_through: the last full day in the data.
        static: account attributes the project declares never to change.
        fingerprint: names the content; equal content has an equal fingerprint.
        given: contract table → the columns the project's own data have. The relations carry every
            contract column; the ones not given are null.
        unrolled: the usage events themselves where their roll-ups are not kept; the roll-ups are then made
            anew by every query that needs one, and what is measured on stretches or users needs none.
        exchange_rates: currency, rate, starts_at and known_at (null: ever) of what amounts are converted by; None
            where there is no rate.
    """

    accounts: Relation
    subscriptions: MaybeRelation
    support_tickets: MaybeRelation
    churn_events: MaybeRelation
    usage_days: MaybeRelation
    usage_users: MaybeRelation
    usage_rare: MaybeRelation
    usage_named: MaybeRelation
    data_through: dt.date
    static: tuple[str, ...]
    fingerprint: str
    given: Mapping[str, frozenset[str]]
    unrolled: UnrolledUsage | None = None
    exchange_rates: MaybeRelation = None

    def has(self, source: str) -> bool:
        """Whether the project has the contract table ``source``."""
        return getattr(self, "usage_days" if source == "usage_events" else source) is not None


def cents(amount: ir.NumericValue) -> ir.IntegerValue:
    """A money column in whole hundredths, so that sums do not depend on the order of the rows."""
    return whole(amount.cast("float64") * ibis.literal(100.0, "float64"))


def whole(number: ir.FloatingValue) -> ir.IntegerValue:
    """A float64 column rounded to whole numbers, halves upward: engines' own rounding of halves differs."""
    return (number + ibis.literal(0.5, "float64")).floor().cast("int64")
