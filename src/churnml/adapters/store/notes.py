"""What people wrote down about accounts: only ever added to."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import account_notes, columns_of
from churnml.adapters.store.writing import hold, insert
from churnml.ledger.cockpit import AccountNote


class Notes:
    """The notes of a store."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def add(self, note: AccountNote, now: dt.datetime) -> bool:
        """Writes a note down with its audit line; False where its author wrote the same of it that day already."""
        with self._connections.writing() as connection:
            # of two who press one button at once the second sees what the first wrote
            hold(connection)
            same = [account_notes.c[name] == value for name, value in vars(note).items()]
            if connection.execute(sa.select(account_notes.c.note_id).where(*same).limit(1)).first() is not None:
                return False
            insert(connection, account_notes, [{**vars(note), "at": utc(now)}])
            audit(connection, now, note.author, "note written", note.account_id, "note")
        return True

    def of(self, account_id: str) -> list[AccountNote]:
        """The notes about an account, in the order they were written in."""
        query = (
            sa.select(*columns_of(account_notes, AccountNote))
            .where(account_notes.c.account_id == account_id)
            .order_by(account_notes.c.note_id)
        )
        with self._connections.reading() as connection:
            return [AccountNote(*row) for row in connection.execute(query)]
