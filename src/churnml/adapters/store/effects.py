"""What playbooks were measured to do, as far as the list may go by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import effects
from churnml.adapters.store.writing import count_up, hold, insert
from churnml.ledger import MeasuredEffect
from churnml.timeline import plus_days


class Effects:
    """The measured effects of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, measured: Sequence[MeasuredEffect], now: dt.datetime) -> int:
        """Adds what was measured; how many of them say something new.

        Args:
            measured: the effects.
            now: when they were measured.
        """
        with self._connections.writing() as connection:
            hold(connection)
            known = _newest(connection, None)
            new = [effect for effect in measured if known.get(effect.playbook) != effect]
            insert(connection, effects, [{**vars(effect), "at": utc(now)} for effect in new])
            if new:
                count_up(connection)
        return len(new)

    def all(self, through: dt.date | None = None) -> list[MeasuredEffect]:
        """The newest word about each playbook, by its name; only such as was known by ``through``."""
        with self._connections.reading() as connection:
            return list(_newest(connection, through).values())


def lines_by(connection: sa.Connection, as_of: dt.date) -> dict[str, tuple[float, float]]:
    """Playbook → its line, of those the list may go by, as known before ``as_of``."""
    known = _newest(connection, plus_days(as_of, -1))
    return {playbook: effect.line for playbook, effect in known.items() if effect.line}


def _newest(connection: sa.Connection, through: dt.date | None) -> dict[str, MeasuredEffect]:
    columns = (effects.c.playbook, effects.c.known_through, effects.c.line, effects.c.sentence)
    query = sa.select(*columns).order_by(effects.c.known_through, effects.c.effect_id)
    if through is not None:
        query = query.where(effects.c.known_through <= through)
    newest = {
        playbook: MeasuredEffect(playbook, known_through, (line[0], line[1]) if line else None, sentence)
        for playbook, known_through, line, sentence in connection.execute(query)
    }
    return dict(sorted(newest.items()))
