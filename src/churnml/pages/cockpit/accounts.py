"""Every account: chosen, ordered and leafed through, all of it in the address; and the same as a file."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from churnml.ledger.cockpit import (
    WITHOUT,
    AccountChoices,
    AccountFilter,
    AccountLine,
    AccountList,
    RenewingDay,
    SavedView,
    SortKey,
)
from churnml.pages.cells import neutral
from churnml.pages.presenter import number, percent, words
from churnml.timeline import month_of, month_text, plus_days

PAGE_LENGTH = 50
# key → the heading of its column, and whether its cells are numbers
COLUMNS: Mapping[SortKey, tuple[str, bool]] = {
    "account": ("Account", False),
    "owner": ("Owner", False),
    "segment": ("Segment", False),
    "health": ("Health", True),
    "band": ("Band", False),
    "since": ("In band since", False),
    "churn": ("Churn", True),
    "upsell": ("Upsell", True),
    "mrr": ("MRR", True),
    "risk": ("MRR at risk", True),
    "renews": ("Renews", False),
    "work": ("Open work", True),
}
# Ordered by these, the first click shows the lowest or the first by name; by the others the highest.
ASCENDING_FIRST: frozenset[SortKey] = frozenset({"account", "owner", "segment", "health", "band", "since", "renews"})
# What stands beside the months of renewals.
OVERDUE, LATER, NOT_KNOWN = "should have renewed", "later", "not known"
# Beside what begins a formula: what a spreadsheet reads on from, and what some take for a command.
READ_ON = ("\t", "\r", "\n", "|", "%")


@dataclass(frozen=True)
class Heading:
    """The heading of a column: its words, the address that orders by it, and how it is ordered by now."""

    text: str
    numeric: bool
    address: str
    order: str


@dataclass(frozen=True)
class RenewingMonth:
    """Renewals of a month: its name, the address of its accounts where it has one, how many, and sums a month."""

    name: str
    address: str | None
    accounts: int
    mrr: float | None
    at_risk: float | None


@dataclass(frozen=True)
class ShownView:
    """A view that the visitor keeps: its name, its address, and whether it is what is shown."""

    name: str
    address: str
    shown: bool


@dataclass(frozen=True)
class AccountsView:
    """The page.

    Args:
        asked: what was asked for.
        accounts: the stretch that is shown, with the sums of all.
        choices: what can be chosen by.
        headings: of the columns.
        page, pages: which stretch of how many, from 1 on.
        previous, next: their addresses; None where there is none.
        export: the address of the file.
        chosen: what was asked for in words, for the caption.
        renewals: of all that are chosen, month by month from the scored date on.
        saved: the visitor's views, each with its address, and whether it is the one that is shown.
        address: what is asked for, as a view keeps it.
    """

    asked: AccountFilter
    accounts: AccountList
    choices: AccountChoices
    headings: Sequence[Heading]
    page: int
    pages: int
    previous: str | None
    next: str | None
    export: str
    chosen: Sequence[str]
    renewals: Sequence[RenewingMonth]
    saved: Sequence[ShownView]
    address: str


def accounts_view(
    asked: AccountFilter,
    accounts: AccountList,
    choices: AccountChoices,
    page: int,
    *,
    renewing: Iterable[RenewingDay] = (),
    saved: Iterable[SavedView] = (),
) -> AccountsView:
    """The page of a stretch of accounts, when the contracts of all of them renew, and what the visitor keeps."""
    here = asked_for(asked)
    pages = max(1, -(-accounts.accounts // PAGE_LENGTH))
    return AccountsView(
        asked=asked,
        accounts=accounts,
        choices=choices,
        headings=[_heading(asked, key) for key in COLUMNS],
        page=page,
        pages=pages,
        previous=address(asked, page - 1) if page > 1 else None,
        next=address(asked, page + 1) if page < pages else None,
        export=address(asked, path="/accounts.csv"),
        chosen=_chosen(asked),
        renewals=renewing_months(asked, accounts.as_of, renewing),
        saved=[ShownView(one.name, _address_of(one.asked), one.asked == here) for one in saved],
        address=urlencode(here),
    )


def renewing_months(asked: AccountFilter, as_of: dt.date, renewing: Iterable[RenewingDay]) -> list[RenewingMonth]:
    """Renewals by month: what is over, a year of months with a renewal, what is later, and what is not known."""
    groups: dict[str, list[RenewingDay]] = {}
    last = month_text(plus_days(as_of, 365))
    for one in renewing:
        if one.day is None:
            key = NOT_KNOWN
        elif one.day < as_of:
            key = OVERDUE
        else:
            key = month if (month := month_text(one.day)) <= last else LATER
        groups.setdefault(key, []).append(one)
    months = sorted(key for key in groups if key not in (OVERDUE, LATER, NOT_KNOWN))
    return [
        RenewingMonth(
            name=key if key not in months else f"{month_of(key)[0]:%B %Y}",
            address=address(replace(asked, renews=key)) if key in months else None,
            accounts=sum(one.accounts for one in groups[key]),
            mrr=_total(one.mrr for one in groups[key]),
            at_risk=_total(one.at_risk for one in groups[key]),
        )
        for key in (OVERDUE, *months, LATER, NOT_KNOWN)
        if key in groups
    ]


def _total(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def address(asked: AccountFilter, page: int = 1, path: str = "/accounts") -> str:
    """The address of a page: what is asked for stands in it, so that it can be kept and sent."""
    given = asked_for(asked)
    if page > 1:
        given["page"] = str(page)
    return _address_of(given, path)


def _address_of(given: Mapping[str, str], path: str = "/accounts") -> str:
    return f"{path}?{urlencode(given)}" if given else path


def asked_for(asked: AccountFilter) -> dict[str, str]:
    """What is asked for as an address has it: field → value, of those that ask for something."""
    given = {
        field.name: str(getattr(asked, field.name))
        for field in fields(asked)
        if field.name != "descending" and getattr(asked, field.name) not in (field.default, None)
    }
    if asked.descending != (asked.sort not in ASCENDING_FIRST):
        given["order"] = "down" if asked.descending else "up"
    return given


def _heading(asked: AccountFilter, key: SortKey) -> Heading:
    text, numeric = COLUMNS[key]
    if asked.sort == key:
        turned = replace(asked, descending=not asked.descending)
        return Heading(text, numeric, address(turned), "descending" if asked.descending else "ascending")
    by = replace(asked, sort=key, descending=key not in ASCENDING_FIRST)
    return Heading(text, numeric, address(by), "none")


def _chosen(asked: AccountFilter) -> list[str]:
    without = {WITHOUT: "none"}
    parts = [
        asked.text and f"name or id has “{asked.text}”",
        asked.owner and f"owner {without.get(asked.owner, asked.owner)}",
        asked.segment and f"segment {without.get(asked.segment, asked.segment)}",
        asked.band and f"band {words(asked.band)}",
        asked.work and ("with open work" if asked.work == "open" else "without open work"),
        asked.health_from is not None and f"health from {asked.health_from:g}",
        asked.health_to is not None and f"health up to {asked.health_to:g}",
        asked.mrr_from is not None and f"MRR from {number(asked.mrr_from)}",
        asked.renews and f"renewing in {month_of(asked.renews)[0]:%B %Y}",
        asked.churn_from is not None and f"churn from {percent(asked.churn_from, 0)}",
    ]
    return [part for part in parts if part]


# ---------------------------------------------------------------- as a file

FILE_COLUMNS = tuple(field.name for field in fields(AccountLine))


def accounts_csv(lines: Iterable[AccountLine]) -> Iterable[str]:
    """The accounts as CSV, some hundred lines at a time; no text in it is a formula to a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(FILE_COLUMNS)
    for place, line in enumerate(lines, start=1):
        writer.writerow([_cell(getattr(line, name)) for name in FILE_COLUMNS])
        if place % 500 == 0:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: object) -> object:
    """A cell; a text that a spreadsheet would compute has an apostrophe before it, which says that it is a text."""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" \u00a0\ufeff").startswith(READ_ON) else neutral(value)
