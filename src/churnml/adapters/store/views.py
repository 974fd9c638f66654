"""What people keep to look at again: what they asked the book for, by a name of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import saved_views
from churnml.adapters.store.writing import insert
from churnml.ledger.cockpit import SavedView


class SavedViews:
    """The views of a store; what changes is added, and the newest word on a name counts."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def of(self, who: str) -> list[SavedView]:
        """Somebody's views, by name."""
        newest = sa.select(sa.func.max(saved_views.c.view_id)).where(saved_views.c.who == who)
        query = sa.select(saved_views.c.name, saved_views.c.asked).where(
            saved_views.c.view_id.in_(newest.group_by(saved_views.c.name)), saved_views.c.asked.is_not(None)
        )
        with self._connections.reading() as connection:
            views = [SavedView(name, asked) for name, asked in connection.execute(query)]
        return sorted(views, key=lambda view: (view.name.casefold(), view.name))

    def keep(self, who: str, view: SavedView, now: dt.datetime) -> None:
        """Keeps a view, in place of an earlier one of that name, with its audit line."""
        self._write(who, view.name, view.asked, now, "view kept")

    def remove(self, who: str, name: str, now: dt.datetime) -> None:
        """Takes a view away, with its audit line."""
        self._write(who, name, None, now, "view removed")

    def _write(self, who: str, name: str, asked: Mapping[str, str] | None, now: dt.datetime, what: str) -> None:
        with self._connections.writing() as connection:
            insert(
                connection, saved_views, [{"who": who, "name": name, "asked": asked and dict(asked), "at": utc(now)}]
            )
            # a text that may name an account stands where it is forgotten with it
            audit(connection, now, who, what, who, name)
