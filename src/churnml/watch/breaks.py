"""A break in the data: what is wrong with a feed, since when, and beside what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from churnml.specs.watching import Actions, BreakAction, BreakKind, action_of
from churnml.timeline import plus_days

# A break found again begins on the same day, give or take so many.
SAME_WITHIN_DAYS = 3


@dataclass(frozen=True)
class DataBreak:
    """A break.

    Args:
        kind: what it is.
        table: the contract table.
        subject: the event or the column; empty the table as a whole.
        began_on: the first day, or the first day that was new in the load, that is wrong.
        usual, now: rows a day, a share, a value or rows, as the kind has it; None not known.
        instead: the event that began as this one stopped; what a column did (``vanished``, ``new``).
        share: of the table's rows, or of what was compared, that it is about.
        aside: the reason most rows were set aside for meanwhile, where that may be the cause.
        action: what is done about it.
    """

    kind: BreakKind
    table: str
    subject: str
    began_on: dt.date
    usual: float | None = None
    now: float | None = None
    instead: str = ""
    share: float | None = None
    aside: str = ""
    action: BreakAction = BreakAction.WARN

    @property
    def break_id(self) -> str:
        """Names it for a person to type: table, kind, subject, first day."""
        return ".".join(part for part in (self.table, self.kind.value, self.subject, str(self.began_on)) if part)

    @property
    def about(self) -> tuple[str, str, str]:
        """What two breaks share that are one."""
        return self.kind.value, self.table, self.subject

    def acted_on(self, declared: Actions) -> DataBreak:
        """The same with the action that is declared for it."""
        return replace(self, action=action_of(declared, self.table, self.kind))


@dataclass(frozen=True)
class Acceptance:
    """Somebody's word that a break is meant.

    Args:
        kind, table, subject, began_on: of the break.
        break_id: its name.
        who, why: whose word, and the reason.
        on: the day it was given.
    """

    kind: str
    table: str
    subject: str
    began_on: dt.date
    break_id: str
    who: str
    why: str
    on: dt.date

    def covers(self, one: DataBreak) -> bool:
        """Whether this is the break that was meant."""
        near = plus_days(self.began_on, -SAME_WITHIN_DAYS) <= one.began_on <= plus_days(self.began_on, SAME_WITHIN_DAYS)
        return (self.kind, self.table, self.subject) == one.about and near


@dataclass(frozen=True)
class RecordedBreak:
    """A break as it is on record.

    Args:
        data_break: what it is; its first day, and so its name, are those under which it was noticed.
        noticed_on: the date that was scored when it was noticed.
        last_on: the newest date on which it was there.
        ended_on: the first scored date on which it was gone; None while it lasts.
        acceptance: who called it meant, and why; None where nobody did.
    """

    data_break: DataBreak
    noticed_on: dt.date
    last_on: dt.date
    ended_on: dt.date | None = None
    acceptance: Acceptance | None = None

    @property
    def break_id(self) -> str:
        return self.data_break.break_id


def as_recorded(breaks: Sequence[DataBreak], open_ones: Sequence[RecordedBreak]) -> list[DataBreak]:
    """``breaks``, those that are on record and last under the day and the name they were noticed by."""
    began = {one.data_break.about: one.data_break.began_on for one in open_ones if one.ended_on is None}
    return [replace(one, began_on=began.get(one.about, one.began_on)) for one in breaks]


@dataclass(frozen=True)
class AcceptedBreak:
    """A break that somebody has just called meant.

    Args:
        data_break: which.
        new: whether that was not said before.
        renamed: whether it was said as a rename, in the project's own file.
    """

    data_break: DataBreak
    new: bool
    renamed: bool = False
