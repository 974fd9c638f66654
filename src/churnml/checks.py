"""What may be wrong with a row of a contract table, each declared once.

A check is a condition over one table (joined to its account) and a severity: ``quarantine`` sets the
row aside, ``warn`` keeps it and counts it. A project changes severities in ``project.yaml`` under
``checks:``; the conditions are ours. ``docs/contract.md`` is generated from these declarations.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from churnml.lazy import ibis
from churnml.tables import TABLES, ColumnKind, Relation, Table

if TYPE_CHECKING:
    import ibis.expr.types as ir

    Condition = Callable[[Relation, "dt.datetime"], ir.BooleanValue]


class CheckAction(StrEnum):
    """What happens to a row a check finds."""

    QUARANTINE = "quarantine"
    WARN = "warn"


# A project's ``checks:``, table (or ``all``) → reason → severity.
Severities: TypeAlias = Mapping[str, Mapping[str, CheckAction]]


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong with a row.

    Args:
        name: the reason that is counted and shown.
        tables: the contract tables it looks at.
        severity: what it does unless the project says otherwise.
        means: one sentence for the documentation.
        needs: columns it reads; where a table lacks one, the check cannot fail there.
        condition: true for a bad row; gets the table and the first instant after the data.
        empties: the column whose value is not kept where the row is.
    """

    name: str
    tables: tuple[str, ...]
    severity: CheckAction
    means: str
    needs: tuple[str, ...]
    condition: Condition
    empties: str | None = None


@dataclass(frozen=True)
class QuarantinedRow:
    """A row that was set aside.

    Args:
        contract_table, reason: from where, and by which check.
        detail: what exactly is wrong, where the check says so.
        source_row: its number in what the source gives.
        row: the row as JSON.
    """

    contract_table: str
    reason: str
    detail: str | None
    source_row: int | None
    row: str | None


FUTURE = "future"


def _early(name: str, table: str, column: str, means: str, action: CheckAction = CheckAction.QUARANTINE) -> Check:
    """A time of the row that lies before what the row is dated by."""
    return Check(name, (table,), action, means, (column,), lambda t, _end: t[column] < t[TABLES[table].dated_by])


def _negative(table: str, column: str, means: str, action: CheckAction, empties: str | None = None) -> Check:
    return Check(f"negative_{column}", (table,), action, means, (column,), lambda t, _end: t[column] < 0, empties)


def _future(table: str, column: str, means: str) -> Check:
    return Check(FUTURE, (table,), CheckAction.QUARANTINE, means, (column,), lambda t, end: t[column] >= end)


_OF_AN_ACCOUNT = ("subscriptions", "usage_events", "support_tickets", "churn_events")
_ASIDE, _WARN = CheckAction.QUARANTINE, CheckAction.WARN

# Order matters: a row is set aside for the first reason that holds.
CHECKS: tuple[Check, ...] = (
    Check(
        "unknown_account",
        _OF_AN_ACCOUNT,
        _ASIDE,
        "its account_id is in no row of accounts that was kept",
        ("account_id",),
        lambda t, _end: t["account_created_at"].isnull(),
    ),
    *(
        _future(table.name, table.dated_by, f"{table.dated_by} lies after the last day of the data")
        # a contract may be signed today and start next month
        for table in TABLES.values()
        if table.name != "subscriptions"
    ),
    _future(
        "subscriptions", "known_at", "it became known (or, without known_at, starts) after the last day of the data"
    ),
    Check(
        "before_account_created",
        _OF_AN_ACCOUNT,
        _ASIDE,
        "it is dated on a day before its account was created",
        (),
        lambda t, _end: t["dated"].date() < t["account_created_at"].date(),
    ),
    _early("end_before_start", "subscriptions", "ends_at", "it ends before it starts"),
    _negative("subscriptions", "mrr", "its mrr is below zero", _ASIDE),
    _negative("subscriptions", "seats", "its seats are below zero: they are missing", _WARN, empties="seats"),
    _early("cancelled_before_start", "subscriptions", "cancelled_at", "notice was given before it started", _WARN),
    Check(
        "known_before_occurred",
        ("usage_events", "support_tickets", "churn_events"),
        _WARN,
        "it arrived before it happened (a clock is wrong); the later of the two counts",
        ("known_at",),
        lambda t, _end: t["known_at"] < t["dated"],
    ),
    _negative("usage_events", "quantity", "its quantity is below zero", _WARN),
    _early("resolved_before_opened", "support_tickets", "resolved_at", "it was resolved before it was opened"),
    _early("answered_before_opened", "support_tickets", "first_response_at", "it was answered before it was opened"),
    Check(
        "csat_out_of_range",
        ("support_tickets",),
        _WARN,
        "its csat is not between 1 and 5: it is missing",
        ("csat",),
        lambda t, _end: ~t["csat"].between(1, 5),
        empties="csat",
    ),
)

# Reasons found while text is read into types, or over several rows; their severities can be declared too.
UNREADABLE = "unreadable"
MISSING = "missing"
DUPLICATE = "duplicate"
REPEATED = "repeated_row"
# Of contracts: what other rows of the same one leave nothing of.
NO_LENGTH = "no_length"
REPLACED = "replaced"
CREDIT_NOTE = "credit_note"
MALFORMED = "malformed_line"
# Whose rows 'churnml forget' removed; no project can declare otherwise, and what the row held is not kept.
FORGOTTEN = "forgotten"
# Of subscriptions only, and nothing a project could declare otherwise: none of them is terms that held.
OF_CONTRACTS: Mapping[str, str] = {
    NO_LENGTH: "it ends at the moment it begins, so its terms never held",
    REPLACED: "other terms of the same contract took its place on the day it began",
    CREDIT_NOTE: "its mrr is below zero and its contract has other rows: a refund or a credit note, no terms",
}
STRUCTURAL: Mapping[str, str] = {
    MALFORMED: "a line of a CSV file that has the wrong number of fields or an unclosed quote",
    UNREADABLE: "a required value that cannot be read as its column's type (a date as a date, a number as a number)",
    MISSING: "a required column is empty",
    DUPLICATE: "its key was already used by an earlier row; of a ticket, that it says the same as its row before it",
    REPEATED: "of rows without a key, it is the same to the letter as an earlier one",
}


def reasons() -> tuple[str, ...]:
    """Every reason a row may be set aside or warned about, in the order they are tried."""
    return tuple(dict.fromkeys([*STRUCTURAL, *(check.name for check in CHECKS)]))


def emptied(table: Table, warns: Sequence[str]) -> dict[str, str]:
    """Column → the flag of ``warns`` (as :func:`verdicts` names them) that says where its value is not kept."""
    flags = {f"warns_{check.name}": check.empties for check in CHECKS if check.empties and table.name in check.tables}
    return {column: flag for flag, column in flags.items() if flag in warns}


def severities(table: Table, declared: Severities) -> dict[str, CheckAction]:
    """The severity of each reason for ``table``: ours, then the project's."""
    actions = dict.fromkeys(STRUCTURAL, CheckAction.QUARANTINE)
    # two clicks in one second are no mistake; an event delivered twice is. Without a name nobody can tell
    actions[REPEATED] = CheckAction.WARN
    actions |= {check.name: check.severity for check in CHECKS if table.name in check.tables}
    for scope in ("all", table.name):
        for reason, severity in declared.get(scope, {}).items():
            if reason in actions:
                actions[reason] = severity
    return actions


def _missing(t: Relation, table: Table) -> ir.StringValue:
    """The first required column that is empty, or null."""

    def empty(name: str) -> ir.BooleanValue:
        is_text = table.column(name).kind in (ColumnKind.ID, ColumnKind.CATEGORY, ColumnKind.TEXT)
        return t[name].isnull() | (t[name] == "") if is_text else t[name].isnull()

    return ibis.coalesce(*(ibis.ifelse(empty(name), name, None) for name in table.required))


def verdicts(
    rows: Relation,
    table: Table,
    accounts: Relation | None,
    end: dt.datetime,
    declared: Severities,
) -> Relation:
    """``rows`` with ``problem`` (the reason it is set aside, or null) and one flag a warning.

    Args:
        rows: a typed contract table with ``source_row`` and ``unreadable`` (the columns, joined by a
            comma, whose text could not be read; null when all could), and perhaps with ``forgotten``.
        table: its declaration.
        accounts: the kept accounts; None when ``table`` is accounts itself.
        end: the first instant after the data.
        declared: the project's severities.

    Returns:
        All rows, with ``problem: string`` and ``warns_<reason>: boolean`` for each warning.
    """
    return judged_together(judged_alone(rows, table, accounts, end, declared), table, declared)


def judged_alone(
    rows: Relation,
    table: Table,
    accounts: Relation | None,
    end: dt.datetime,
    declared: Severities,
) -> Relation:
    """The verdicts that look at a row for itself, as :func:`verdicts` has them; ``dated`` (its time) stays a column."""
    t = rows
    if accounts is not None:
        created = accounts.select(account_id="account_id", account_created_at="created_at")
        t = t.left_join(created, "account_id").drop("account_id_right")
    t = t.mutate(dated=t[table.dated_by])
    severity = severities(table, declared)
    bad: dict[str, ir.BooleanValue] = {FORGOTTEN: t[FORGOTTEN]} if FORGOTTEN in t.columns else {}
    bad |= {
        UNREADABLE: t["unreadable"].notnull(),
        MISSING: _missing(t, table).notnull(),
    }
    for check in CHECKS:
        if table.name in check.tables and all(column in t.columns for column in check.needs):
            bad[check.name] = check.condition(t, end).fill_null(False)
    # a row without its required columns cannot be kept, whatever is declared
    always = (FORGOTTEN, MISSING)
    aside = {n: c for n, c in bad.items() if n in always or severity[n] is CheckAction.QUARANTINE}
    warned = {n: c for n, c in bad.items() if n not in aside}
    t = t.mutate(problem=_first_that_holds(aside), **{f"warns_{n}": c for n, c in warned.items()})
    return t.drop(*(column for column in ("account_created_at", FORGOTTEN) if column in t.columns))


def judged_together(judged: Relation, table: Table, declared: Severities) -> Relation:
    """The verdicts that look at several rows at once, for rows that were :func:`judged_alone`.

    Rows that share neither key nor content with another sound one come out as they are: they may be left out.
    """
    t, severity = judged, severities(table, declared)
    if severity[REPEATED] is CheckAction.QUARANTINE and not set(table.key) & set(table.required):
        alike = _repeats(t, [name for name in table.column_names if name in t.columns], whole=True)
        t = t.mutate(problem=ibis.coalesce(t["problem"], _first_that_holds({REPEATED: alike})))
    if table.key and all(column in t.columns for column in table.key):
        # a contract may have several rows for one start, versions of it: only the same again is a duplicate
        whole = [name for name in table.column_names if name in t.columns]
        if table.versioned:
            repeats = _says_the_same(t, table)
        elif table.name == "subscriptions":
            repeats = _repeats(t, whole, whole=True)
        else:
            repeats = _repeats(t, table.key)
        # an account or a period kept twice would count everything that hangs on it twice
        once = table.versioned or table.name in ("accounts", "subscriptions")
        if severity[DUPLICATE] is CheckAction.QUARANTINE or once:
            t = t.mutate(problem=ibis.coalesce(t["problem"], _first_that_holds({DUPLICATE: repeats})))
        else:
            t = t.mutate(**{f"warns_{DUPLICATE}": repeats})
    return t.drop("dated")


def _first_that_holds(conditions: Mapping[str, ir.BooleanValue]) -> ir.StringValue:
    nothing = ibis.null("string")
    return ibis.cases(*((c, name) for name, c in conditions.items()), else_=nothing) if conditions else nothing


def _repeats(t: Relation, key: Sequence[str], *, whole: bool = False) -> ir.BooleanValue:
    """True for every row but the first among the sound ones that share a key.

    A row with an empty key shares it with nobody, unless the key is the ``whole`` row.
    """
    known = [t["known_at"]] if "known_at" in t.columns else []
    window = ibis.window(
        group_by=[t[column] for column in key],
        order_by=[t["problem"].notnull(), *known, t["dated"], t["source_row"]],
    )
    later = ibis.row_number().over(window) > 0
    return later if whole else ibis.and_(*(t[column].notnull() for column in key)) & later


def _says_the_same(t: Relation, table: Table) -> ir.BooleanValue:
    """True for a sound row that says what the sound row of its key before it says: one version, exported twice.

    Rows of a key stand in the order they were known, then in that of the source.
    """
    known = [ibis.asc(t["known_at"], nulls_first=True)] if "known_at" in t.columns else []
    order = [t["problem"].notnull(), *known, t["place"] if "place" in t.columns else t["source_row"]]
    before = ibis.window(group_by=[t[column] for column in table.key], order_by=order)
    alike = [t[name].identical_to(t[name].lag().over(before)) for name in table.column_names if name in t.columns]
    return (ibis.row_number().over(before) > 0) & ibis.and_(*alike)
