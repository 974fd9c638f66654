"""What stands around every page of the cockpit: who is looking, where they can go, what just happened."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from churnml.ledger.cockpit import LastChange
from churnml.pages.presenter import called, words
from churnml.work.life import BY_HAND


@dataclass(frozen=True)
class Notice:
    """A sentence on what just happened: done, or not done and why.

    Args:
        kind: ``done`` or ``refused``.
        text: the sentence. Holds what users wrote.
        remedy: what to do about it; empty where there is nothing.
    """

    kind: Literal["done", "refused"]
    text: str
    remedy: str = ""


@dataclass(frozen=True)
class JustDone:
    """Something the visitor did a moment ago and can take back."""

    work_id: str
    text: str


@dataclass(frozen=True)
class Frame:
    """What stands around a page.

    Args:
        project, currency: as declared.
        cents: whether money is written with cents.
        who: the visitor.
        role: what they are, in words.
        may_act: whether they may change anything.
        token: what every form of theirs carries.
        here: the address of this page, with what it asks for.
        as_of: the newest scored date; None where nothing was scored.
        assets: names the version of styles and scripts.
        held: that the date was held, as a sentence; None where it is in order.
        notices: what just happened.
        just_done: what can be taken back.
        sees_all: whether they see every account, and so the pages that are about all of them.
    """

    project: str
    currency: str
    cents: bool
    who: str
    role: str
    may_act: bool
    token: str
    here: str
    as_of: dt.date | None
    assets: str
    held: str | None = None
    notices: Sequence[Notice] = ()
    just_done: Sequence[JustDone] = ()
    sees_all: bool = False


# Of everything in BY_HAND.
DONE_WORDS = {
    "done": "done",
    "dismissed": "dismissed",
    "snoozed": "put off",
    "reassigned": "handed on",
}


def just_done(changes: Sequence[LastChange], names: Mapping[str, str]) -> tuple[JustDone, ...]:
    """What of somebody's newest changes they can take back: what a person does, and is not taken back yet.

    ``names`` are accounts' names by their ids.
    """
    return tuple(
        JustDone(
            change.item.work_id,
            f"{words(change.item.playbook)} for {called(change.item.account_id, names.get(change.item.account_id))}: "
            f"{DONE_WORDS[change.event.what]}",
        )
        for change in changes
        if change.event.what in BY_HAND and change.before is not None
    )
