"""What a person does to a piece of work, written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

from churnml.acting.ledger import Piece
from churnml.acting.work import Changed
from churnml.adapters.project import Project
from churnml.adapters.store import StaleError
from churnml.errors import ChurnmlError

if TYPE_CHECKING:
    from churnml.adapters.store import Store

TRIES = 5


def change_piece(
    project: Project, store: Store, name: str, change: Callable[[Piece], Changed], now: dt.datetime
) -> Changed:
    """Reads a piece, changes it, and writes it with its event and what receivers are to be told.

    When somebody else was faster it is read again, so that a change is never made of what no longer stands.

    Args:
        project: says who is told.
        store: where the work is.
        name: a work id, or an account with one living piece.
        change: from the piece as it stands to the piece as it becomes, with the event.
        now: the moment it is written.

    Raises:
        ChurnmlError: the change cannot be made, or others kept changing the piece.
        UnknownNameError: there is no such work.
    """
    for _ in range(TRIES):
        before = store.work.piece(name)
        after, event = change(before)
        try:
            store.work.change(before, after, event, now)
        except StaleError:
            continue
        return after, event
    raise ChurnmlError(f"Others kept changing the work '{name}'.", remedy="Try again.")
