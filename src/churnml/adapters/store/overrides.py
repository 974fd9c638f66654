"""People's words against the score: made, and taken back, and neither ever changed."""

from __future__ import annotations

import datetime as dt
from dataclasses import fields

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import override_withdrawals, overrides
from churnml.adapters.store.writing import count_up, hold, insert_new
from churnml.errors import UnknownNameError
from churnml.ledger import Override


class Overrides:
    """The overrides of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, override: Override, now: dt.datetime) -> bool:
        """Writes one with its audit line; False when one of that id is there."""
        row = {name: value for name, value in vars(override).items() if name != "withdrawn_on"} | {"at": utc(now)}
        with self._connections.writing() as connection:
            hold(connection)
            if not insert_new(connection, overrides, [row]):
                return False
            details = {name: row[name] for name in ("override_id", "score", "made_on", "expires_on")}
            audit(connection, now, override.author, "override made", override.account_id, override.reason, details)
            count_up(connection)
        return True

    def withdraw(self, override_id: str, on: dt.date, now: dt.datetime, *, who: str, why: str) -> bool:
        """Takes one back from a date on, with its audit line; False when that was done before.

        Raises:
            UnknownNameError: there is none of that id.
        """
        with self._connections.writing() as connection:
            hold(connection)
            account = connection.scalar(sa.select(overrides.c.account_id).where(overrides.c.override_id == override_id))
            if account is None:
                known = connection.scalars(sa.select(overrides.c.override_id)).all()
                raise UnknownNameError("override", override_id, known)
            row = {"override_id": override_id, "withdrawn_on": on, "who": who, "why": why, "at": utc(now)}
            if not insert_new(connection, override_withdrawals, [row]):
                return False
            audit(connection, now, who, "override withdrawn", account, why, {"override_id": override_id, "on": on})
            count_up(connection)
        return True

    def all(self, account_id: str | None = None, *, holding_on: dt.date | None = None) -> list[Override]:
        """Those of an account, or all; by the date they were made, then by id.

        Args:
            account_id: whose.
            holding_on: only such as held on that date, as was then known: a later withdrawal is not seen.
        """
        with self._connections.reading() as connection:
            if holding_on is not None:
                return [one for one in holding(connection, holding_on) if account_id in (None, one.account_id)]
            wanted = sa.true() if account_id is None else overrides.c.account_id == account_id
            return overrides_where(connection, wanted)


def holding(connection: sa.Connection, day: dt.date) -> list[Override]:
    """Those that held on a date, as was then known."""
    asked = (overrides.c.made_on <= day) & (overrides.c.expires_on > day)
    return [one for one in overrides_where(connection, asked, known_by=day) if one.holds_on(day)]


def overrides_where(
    connection: sa.Connection, wanted: sa.ColumnElement[bool], known_by: dt.date | None = None
) -> list[Override]:
    """Overrides by the date they were made, then by id; of later withdrawals than ``known_by`` nothing is seen."""
    joined = overrides.c.override_id == override_withdrawals.c.override_id
    if known_by is not None:
        joined &= override_withdrawals.c.withdrawn_on <= known_by
    query = (
        sa.select(overrides, override_withdrawals.c.withdrawn_on)
        .select_from(overrides.outerjoin(override_withdrawals, joined))
        .where(wanted)
        .order_by(overrides.c.made_on, overrides.c.override_id)
    )
    names = [field.name for field in fields(Override)]
    return [Override(**{name: row[name] for name in names}) for row in connection.execute(query).mappings()]
