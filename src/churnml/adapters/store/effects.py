"""What playbooks were measured to do, as far as the list may go by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import effects
from churnml.adapters.store.writing import count_up, hold, insert


class Effects:
    """The measured effects of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, rows: Sequence[Mapping[str, Any]], now: dt.datetime) -> int:
        """Adds what was found; how many rows said something new.

        Args:
            rows: each with ``playbook``, ``known_through`` (the last day the data knew), ``line`` (the share of MRR
                that acting keeps at a risk of 0 and what is added for a risk of 1, where the list may go by it; else
                None) and ``sentence``.
            now: when it was found.
        """
        with self._connections.writing() as connection:
            hold(connection)
            known = _newest(connection, None)
            new = [row for row in rows if _said(known.get(row["playbook"])) != _said(row)]
            insert(connection, effects, [{**{name: row[name] for name in FOUND}, "at": utc(now)} for row in new])
            if new:
                count_up(connection)
        return len(new)

    def all(self, through: dt.date | None = None) -> list[dict[str, Any]]:
        """The newest word about each playbook, by its name; only such as was known by ``through``."""
        with self._connections.reading() as connection:
            return [row for _, row in sorted(_newest(connection, through).items())]


FOUND = ("playbook", "known_through", "line", "sentence")


def lines_by(connection: sa.Connection, as_of: dt.date) -> dict[str, tuple[float, float]]:
    """Playbook → its line, of those the list may go by, as known before ``as_of``."""
    found = _newest(connection, as_of - dt.timedelta(days=1))
    return {playbook: (row["line"][0], row["line"][1]) for playbook, row in sorted(found.items()) if row["line"]}


def _newest(connection: sa.Connection, through: dt.date | None) -> dict[str, dict[str, Any]]:
    query = sa.select(effects).order_by(effects.c.known_through, effects.c.effect_id)
    if through is not None:
        query = query.where(effects.c.known_through <= through)
    return {row["playbook"]: dict(row) for row in connection.execute(query).mappings()}


def _said(row: Mapping[str, Any] | None) -> Any:
    if row is None:
        return None
    return row["known_through"], list(row["line"]) if row["line"] else None, row["sentence"]
