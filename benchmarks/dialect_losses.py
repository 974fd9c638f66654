"""What a reading told that it could not take over from a dialect, and the company without it.

A difference is a told one only where it is gone once that is taken out of the company, for its dialect and for the
plain one: whatever still differs then, differs without a word. A value that is told of takes its whole column out, a
row set aside all rows of its key.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from benchmarks.dialect_choices import Dialect
from benchmarks.dialect_company import Company, CompanyAccount, Terms, TicketVersion, UsageEvent
from benchmarks.dialect_writing import spelled_id
from churnml.adapters.warehouse import Ingested, quarantine_rows
from churnml.remarks import RemarkKind
from churnml.tables import TABLES

# What says that a value of the export is not in the features.
MISSING = frozenset(
    {RemarkKind.UNREADABLE_VALUE, RemarkKind.AMBIGUOUS_NUMBER, RemarkKind.OTHER_SCALE, RemarkKind.UNREADABLE_TIME}
)
# What is set aside although nothing is lost: rows that say again what another one says.
NO_LOSS = frozenset({"duplicate", "repeated_row", "no_length", "replaced"})
# What names the rows of a table.
KEYS = {
    "accounts": "account_id",
    "subscriptions": "subscription_id",
    "usage_events": "event_id",
    "support_tickets": "ticket_id",
}
MOST_ROWS = 10_000
Line = TypeVar("Line", CompanyAccount, Terms, UsageEvent, TicketVersion)


@dataclass(frozen=True)
class Losses:
    """What was told to be missing.

    Args:
        columns: (table, optional column) pairs with values that were not read.
        rows: table → the keys of rows that were set aside.
    """

    columns: frozenset[tuple[str, str]] = frozenset()
    rows: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.columns or self.rows)

    def named(self) -> str:
        """The tables and columns in one line."""
        return ", ".join(sorted([*(f"{t}.{c}" for t, c in self.columns), *(f"rows of {t}" for t in self.rows)]))


def losses_of(ingested: Ingested, company: Company, dialect: Dialect) -> Losses:
    """What the reading of a company told to be missing; what names no row or no optional column tells nothing."""
    columns = {(one.table, one.column) for one in ingested.remarks if one.kind in MISSING}
    optional = {(name, column) for name, column in columns if column not in TABLES[name].required}
    rows: dict[str, set[str]] = {}
    meant = {spelled_id(account.account_id, dialect.ids): account.account_id for account in company.accounts}
    for row in quarantine_rows(ingested, MOST_ROWS):
        if row.reason not in NO_LOSS and (key := _key(row.contract_table, row.row)):
            rows.setdefault(row.contract_table, set()).add(meant.get(key, key))
    return Losses(frozenset(optional), {name: frozenset(keys) for name, keys in rows.items()})


def without(company: Company, losses: Losses) -> Company:
    """The company without the values and the rows that were told of."""
    gone = losses.rows.get("accounts", frozenset())
    return replace(
        company,
        accounts=_left(company.accounts, "accounts", losses, gone),
        terms=_left(company.terms, "subscriptions", losses, gone),
        events=_left(company.events, "usage_events", losses, gone),
        tickets=_left(company.tickets, "support_tickets", losses, gone),
    )


def _left(lines: Iterable[Line], table: str, losses: Losses, gone: frozenset[str]) -> tuple[Line, ...]:
    aside = losses.rows.get(table, frozenset())
    emptied = {column: None for of, column in losses.columns if of == table}
    return tuple(
        replace(line, **{name: None for name in emptied if hasattr(line, name)})
        for line in lines
        if line.account_id not in gone and getattr(line, KEYS[table]) not in aside
    )


def _key(table: str, row: str | None) -> str:
    """What names a row that was set aside, however its header is spelled; empty where nothing does."""
    try:
        values = json.loads(row or "{}")
    except json.JSONDecodeError:  # a line that is no row
        return ""
    by_name = {name.casefold(): value for name, value in values.items()} if isinstance(values, dict) else {}
    return str(by_name.get(KEYS.get(table, ""), "") or "")
