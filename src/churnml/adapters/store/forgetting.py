"""Somebody's rows, found in every table there is, and removed in one transaction.

A row that is an account's own goes. A row of another that names it (a parent's score, a message) stays, and the name
in it is replaced. What is the company's own declaration stays as it was written.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.guards import unguarded
from churnml.adapters.store.schema import (
    APPEND_ONLY,
    KEPT,
    assignments,
    audit_log,
    deliveries,
    delivery_attempts,
    loads,
    metadata,
    override_withdrawals,
    overrides,
    work,
    work_events,
)
from churnml.adapters.store.writing import count_up, hold
from churnml.jsontypes import Json
from churnml.ledger.erasure import StoreTraces

REPLACED_BY = "forgotten"
# a declaration is named by a digest of its words, so they cannot change
AS_WRITTEN = ("declarations",)
# Shorter ones, and plain numbers, stand everywhere and mean something else.
LEAST_TELLING = 4
# Under these keys of JSON a text names an account, however short it is.
NAMES_AN_ACCOUNT = frozenset({"account_id", "parent_account_id", "parent", "worst"})
# Under these it names something of the company's, which may be called like an account.
NAMES_NONE = frozenset({"owner", "follows", "opened_for", "playbook", "reason", "state", "work_id", "band", "segment"})
Condition = sa.ColumnElement[bool]


def traces_of_account(connection: sa.Connection, account_id: str) -> StoreTraces:
    """Where the store names an account."""
    own = _own_rows(account_id)
    counted = {name: _count(connection, name, condition) for name, condition in own.items()}
    about = sa.select(deliveries.c.receiver, deliveries.c.state, sa.func.count()).where(_of_account(account_id))
    sent: dict[str, int] = {}
    unsent = 0
    for receiver, state, many in connection.execute(about.group_by(deliveries.c.receiver, deliveries.c.state)):
        if state == "sent":
            sent[receiver] = many
        else:
            unsent += many
    arms = connection.scalar(sa.select(sa.func.count()).where(assignments.c.account_id == account_id)) or 0
    return StoreTraces(
        rows={name: many for name, many in counted.items() if many},
        mentions=_mentions(connection, account_id, own, as_written=False),
        left=_mentions(connection, account_id, own, as_written=True),
        sent=dict(sorted(sent.items())),
        unsent=unsent,
        arms=arms,
    )


def traces_of_user(connection: sa.Connection, user_id: str) -> StoreTraces:
    """Where the store holds a user's id; it keeps no row of users, so whatever holds it is somebody of the company."""
    counted = {}
    for table in metadata.sorted_tables:
        named = [row for row in _naming(connection, table, user_id, {}, sa.String) if _holds(row, user_id)]
        if named:
            counted[table.name] = len(named)
    return StoreTraces(left=counted)


def _holds(row: Mapping[str, Any], name: str) -> bool:
    """Whether a value of a row, or one inside its JSON, is the name."""
    values = list(row.values())
    while values:
        value = values.pop()
        if value == name:
            return True
        values += [*value.values(), *value] if isinstance(value, Mapping) else value if isinstance(value, list) else []
    return False


def erase_account(
    connection: sa.Connection,
    account_id: str,
    digest: str,
    now: dt.datetime,
    *,
    who: str,
    why: str,
    sampled: frozenset[int] = frozenset(),
) -> None:
    """Removes an account from every table, with a line in the audit log that names it by its digest alone.

    ``sampled`` are the hashes by which profiles of loads may know it, or what is its.

    Raises:
        ProjectError: the user does not own the tables.
    """
    hold(connection)
    traces = traces_of_account(connection, account_id)
    own = _own_rows(account_id)
    with unguarded(connection, [*APPEND_ONLY, *KEPT]):
        # the log first: which lines are about a delivery is known while the delivery is there
        for name in sorted(own, key=_deleted_before):
            connection.execute(metadata.tables[name].delete().where(own[name]))
        for table, changes in _redactions(connection, account_id):
            connection.execute(table.update().where(_same_row(table)), changes)
        _out_of_the_samples(connection, sampled)
    details = {"rows": traces.rows, "mentions": traces.mentions}
    audit(connection, now, who, "account forgotten", digest[:16], why, details)
    count_up(connection)


def note_user(connection: sa.Connection, digest: str, now: dt.datetime, *, who: str, why: str) -> None:
    """The audit line of a user who was forgotten; the store itself keeps nothing of users."""
    audit(connection, now, who, "user forgotten", digest[:16], why)


def _out_of_the_samples(connection: sa.Connection, sampled: frozenset[int]) -> None:
    """Takes hashes, with what stands beside them, out of the samples that loads are compared by."""
    for load_id, profile in connection.execute(
        sa.select(loads.c.load_id, loads.c.profile).where(loads.c.profile.is_not(None))
    ).all():
        changed = False
        for table in profile["tables"].values():
            ids = table["ids"]
            left = [place for place, one in enumerate(ids["hashes"]) if one not in sampled]
            changed |= len(left) < len(ids["hashes"])
            for name in ("hashes", "amounts", "seats"):
                # those beside them are given for some tables only
                ids[name] = [ids[name][place] for place in left] if ids[name] else []
        if changed:
            connection.execute(loads.update().where(loads.c.load_id == load_id).values(profile=profile))


def _own_rows(account_id: str) -> dict[str, Condition]:
    """Table → which of its rows are the account's; of tables that are new too, by their column."""
    own = {name: table.c.account_id == account_id for name, table in metadata.tables.items() if "account_id" in table.c}
    of_work = sa.select(work.c.work_id).where(work.c.account_id == account_id)
    of_overrides = sa.select(overrides.c.override_id).where(overrides.c.account_id == account_id)
    of_deliveries = sa.select(deliveries.c.delivery_id).where(_of_account(account_id))
    revived = audit_log.c.what == "delivery revived"
    numbers = sa.select(sa.cast(deliveries.c.delivery_id, sa.String)).where(_of_account(account_id))
    return {
        **own,
        "work_events": work_events.c.work_id.in_(of_work),
        "override_withdrawals": override_withdrawals.c.override_id.in_(of_overrides),
        "deliveries": _of_account(account_id),
        "delivery_attempts": delivery_attempts.c.delivery_id.in_(of_deliveries),
        # a number may be an account's id and a delivery's
        "audit_log": (revived & audit_log.c.subject.in_(numbers))
        | (~revived & (audit_log.c.what != "scored") & (audit_log.c.subject == account_id)),
    }


def _of_account(account_id: str) -> Condition:
    return deliveries.c.subject == account_id


def _deleted_before(name: str) -> tuple[bool, int]:
    """What refers to other rows goes before them."""
    ordered = [table.name for table in reversed(metadata.sorted_tables)]
    return name != audit_log.name, ordered.index(name)


def _count(connection: sa.Connection, name: str, condition: Condition) -> int:
    query = sa.select(sa.func.count()).select_from(metadata.tables[name]).where(condition)
    return int(connection.scalar(query) or 0)


# ---------------------------------------------------------------- rows of others that name somebody


def _mentions(
    connection: sa.Connection, name: str, own: Mapping[str, Condition], *, as_written: bool
) -> dict[str, int]:
    """Table → rows of others that name somebody: of declarations, or of all else."""
    counted = {}
    for table in metadata.sorted_tables:
        if as_written == (table.name in AS_WRITTEN):
            rows = sum(1 for row in _naming(connection, table, name, own) if _changes(table, row, name))
            if rows:
                counted[table.name] = rows
    return counted


def _redactions(connection: sa.Connection, name: str) -> Iterator[tuple[sa.Table, dict[str, object]]]:
    """What is to be changed in rows that are left."""
    for table in metadata.sorted_tables:
        if table.name not in AS_WRITTEN:
            for row in list(_naming(connection, table, name, {})):
                if changes := _changes(table, row, name):
                    keys = {f"same_{column.name}": row[column.name] for column in table.primary_key}
                    yield table, {**changes, **keys}


def _naming(
    connection: sa.Connection,
    table: sa.Table,
    name: str,
    own: Mapping[str, Condition],
    kind: type[sa.String] = sa.Text,
) -> Iterator[Mapping[str, Any]]:
    """Rows that are not the account's own and hold the name somewhere in a text or JSON."""
    inside = sa.func.strpos if connection.dialect.name == "postgresql" else sa.func.instr
    forms = {name, json.dumps(name)[1:-1]}
    columns = [table.c[column] for column in _texts(table, kind)]
    if not columns:
        return
    holding = sa.or_(*(inside(sa.cast(column, sa.Text), form) > 0 for column in columns for form in forms))
    if table.name in own:
        holding &= ~own[table.name]
    for row in connection.execute(sa.select(table).where(holding)).mappings():
        yield dict(row)


def _texts(table: sa.Table, kind: type[sa.String] = sa.Text) -> list[str]:
    """The columns of free text and JSON; with ``sa.String``, names and codes of others too. A key is none of them."""
    return [column.name for column in table.c if isinstance(column.type, kind | sa.JSON) and not column.primary_key]


def _changes(table: sa.Table, row: Mapping[str, Any], name: str) -> dict[str, Json]:
    """Column → its value without the name, where that is another one."""
    values = {column: _without(name, row[column]) for column in _texts(table)}
    return {column: value for column, value in values.items() if value != row[column]}


def _same_row(table: sa.Table) -> Condition:
    return sa.and_(*(column == sa.bindparam(f"same_{column.name}") for column in table.primary_key))


def _without(name: str, value: Any, key: str = "") -> Json:
    """A value in which a name is replaced, where the name cannot be a part or the name of something else."""
    if isinstance(value, Mapping):
        return {str(_without(name, one)): _without(name, of_it, one) for one, of_it in value.items()}
    if isinstance(value, list):
        return [_without(name, one, key) for one in value]
    if isinstance(value, str) and name in value and key not in NAMES_NONE:
        if key in NAMES_AN_ACCOUNT and value == name:
            return REPLACED_BY
        if len(name) >= LEAST_TELLING and not re.fullmatch(r"[\d.,]+", name):
            return re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", REPLACED_BY, value)
    kept: Json = value
    return kept
