"""What is said of broken feeds: a sentence a break, what is done about it, and how to go on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from churnml.jsontypes import JsonObject
from churnml.ledger import HeldDay
from churnml.pages.presenter import cut, number, percent, plural, printable
from churnml.specs.watching import BreakAction, BreakKind
from churnml.watch.breaks import AcceptedBreak, DataBreak, RecordedBreak

# What a value is multiplied by, and what that often means.
FACTORS: Mapping[int, str] = {100: "cents for whole units?", 12: "a year's for a month's?", 1000: "thousands?"}
SUBJECT_LENGTH = 60
BREAKS_SHOWN = 6
ACTIONS: Mapping[BreakAction, str] = {
    BreakAction.WARN: "told only",
    BreakAction.HOLD: "holds what reads it",
    BreakAction.STOP: "ends the run",
}


def break_text(one: DataBreak) -> str:
    """A break as a sentence; holds the user's own names: escape or :func:`printable` it where it is shown."""
    sentence = SENTENCES[one.kind](one)
    return f"{sentence} ({one.aside.replace('_', ' ')}: rows were set aside)" if one.aside else sentence


def printable_break(one: DataBreak) -> str:
    """The sentence as one line that is safe on a terminal and in a log."""
    return printable(break_text(one))


def _day(day: dt.date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def _rate(value: float | None) -> str:
    """Rows a day: whole where they are many."""
    return number(value, 0 if value is None or value >= 10 else 1)


def _name(one: DataBreak) -> str:
    return f"`{cut(one.subject, SUBJECT_LENGTH)}`"


def _dead(one: DataBreak) -> str:
    return f"{one.table}: nothing since {_day(one.began_on)}; {_rate(one.usual)} a day are usual"


def _late(one: DataBreak) -> str:
    return (
        f"{one.table}: nothing since {_day(one.began_on)}, where the data end; {_rate(one.usual)} a day are usual. "
        "Declare data_through: in project.yaml if they are meant to end there"
    )


def _emptied(one: DataBreak) -> str:
    if one.instead:
        return f"{one.table}: there is no source any more; {number(one.usual)} rows were read before"
    had = f"; {number(one.usual)} rows were read before" if one.usual else ""
    return f"{one.table}: the table is empty{had}"


def _shrunk(one: DataBreak) -> str:
    if one.subject == "open":
        return f"{one.table}: {number(one.now)} are open, {number(one.usual)} were in the load before"
    return (
        f"{one.table}: {percent(one.share, 0)} of what the load before had is gone "
        f"({number(one.now)} rows, {number(one.usual)} before)"
    )


def _level(word: str) -> Callable[[DataBreak], str]:
    def sentence(one: DataBreak) -> str:
        who = f"{one.table}: {_name(one)}" if one.subject else f"{one.table}:"
        return f"{who} {word} since {_day(one.began_on)}: {_rate(one.now)} a day, {_rate(one.usual)} are usual"

    return sentence


def _renamed(one: DataBreak) -> str:
    began = f"`{cut(one.instead, SUBJECT_LENGTH)}` began (renamed?)"
    return (
        f"{one.table}: {_name(one)} stopped on {_day(one.began_on)} as {began}; "
        f"{_rate(one.usual)} a day were usual, {_rate(one.now)} come now"
    )


def _stopped(one: DataBreak) -> str:
    return f"{one.table}: {_name(one)} stopped on {_day(one.began_on)}; {_rate(one.usual)} a day were usual"


def _new_event(one: DataBreak) -> str:
    return f"{one.table}: {_name(one)} is new since {_day(one.began_on)}: {_rate(one.now)} a day"


def _duplicates(one: DataBreak) -> str:
    return f"{one.table}: every row since {_day(one.began_on)} stands there {_factor(one.now)} times (loaded again?)"


def _values(one: DataBreak) -> str:
    factor = one.now or 1.0
    what = f"× {_factor(factor)}" if factor >= 1 else f"÷ {_factor(1 / factor)}"
    means = FACTORS.get(round(factor if factor >= 1 else 1 / factor))
    whose = "of the same rows" if (one.share or 1) >= 1 else f"of {percent(one.share, 0)} of the same rows"
    return f"{one.table}: {_name(one)} {whose} is {what} since the load before" + (f" ({means})" if means else "")


def _factor(value: float | None) -> str:
    return number(value, 0 if value is not None and abs(value - round(value)) < 0.05 else 1)


def _nulls(one: DataBreak) -> str:
    return (
        f"{one.table}: {_name(one)} is empty in {percent(one.now, 0)} of the rows since {_day(one.began_on)}; "
        f"{percent(one.usual, 0)} are usual"
    )


def _columns(one: DataBreak) -> str:
    if one.instead == "new":
        return f"{one.table}: the column {_name(one)} is new since the load before"
    return f"{one.table}: the column {_name(one)} is not given any more"


def _ids(one: DataBreak) -> str:
    return (
        f"{one.table}: {percent(one.share, 0)} of the ids of the load before are not there, though "
        f"{number(one.now)} rows are ({number(one.usual)} before): were the ids changed?"
    )


def _aside(one: DataBreak) -> str:
    before = "" if one.usual is None else f"; {percent(one.usual)} in the load before"
    return f"{one.table}: {percent(one.now)} of the rows were set aside{before}"


SENTENCES: Mapping[BreakKind, Callable[[DataBreak], str]] = {
    BreakKind.DEAD: _dead,
    BreakKind.EMPTIED: _emptied,
    BreakKind.SHRUNK: _shrunk,
    BreakKind.FALL: _level("has fallen"),
    BreakKind.RISE: _level("has risen"),
    BreakKind.RENAMED: _renamed,
    BreakKind.STOPPED: _stopped,
    BreakKind.NEW_EVENT: _new_event,
    BreakKind.DUPLICATES: _duplicates,
    BreakKind.VALUES: _values,
    BreakKind.NULLS: _nulls,
    BreakKind.COLUMNS: _columns,
    BreakKind.IDS: _ids,
    BreakKind.ASIDE: _aside,
    BreakKind.LATE: _late,
}


def break_data(one: DataBreak) -> JsonObject:
    """A break, as ``--json`` prints it."""
    return {
        "break": one.break_id,
        "kind": one.kind.value,
        "table": one.table,
        "subject": one.subject or None,
        "began_on": str(one.began_on),
        "action": one.action.value,
        "usual": one.usual,
        "now": one.now,
        "instead": one.instead or None,
        "share": one.share,
        "set_aside": one.aside or None,
        "sentence": break_text(one),
    }


def recorded_data(one: RecordedBreak) -> JsonObject:
    """A break on record, as ``--json`` prints it."""
    accepted = one.acceptance
    return {
        **break_data(one.data_break),
        "noticed_on": str(one.noticed_on),
        "last_on": str(one.last_on),
        "ended_on": None if one.ended_on is None else str(one.ended_on),
        "accepted": None if accepted is None else {"by": accepted.who, "why": accepted.why, "on": str(accepted.on)},
    }


def held_text(as_of: dt.date, held: HeldDay) -> str:
    """That a date was held, as a sentence."""
    age = (as_of - held.stale_since).days
    old = f"{plural(age, 'day')} old" if age else "made from the load before"
    new = f"; {plural(held.unscored, 'new customer')} without a score" if held.unscored else ""
    return (
        f"HELD: scores and bands are those of {held.stale_since} ({old}), and no work was opened or closed by them{new}"
    )


def breaks_lines(breaks: Sequence[DataBreak], at_most: int | None = None) -> list[str]:
    """Each break with what is done about it and its name, for the terminal; those that hold or stop first."""
    gravest = sorted(breaks, key=lambda one: one.action is BreakAction.WARN)
    lines = []
    for one in gravest[:at_most]:
        lines += [f"  {ACTIONS[one.action]}: {printable_break(one)}", f"    {printable(one.break_id)}"]
    left_out = len(breaks) - len(gravest[:at_most])
    return [*lines, *([f"  and {left_out} more: churnml data status"] if left_out else [])]


@dataclass(frozen=True)
class FeedLine:
    """A contract table as it stands.

    Args:
        table, rows: which, and rows kept.
        newest: the newest day with rows; None where days are not watched.
        share_aside: of the rows read.
    """

    table: str
    rows: int
    newest: dt.date | None
    share_aside: float


@dataclass(frozen=True)
class DataStatus:
    """What ``churnml data status`` tells.

    Args:
        project, as_of: whose data, judged for which date.
        feeds: the tables.
        breaks: those that last.
        history: those on record that have ended or were called meant.
        held: why the newest scored date was held; None where it was not.
        scored: that date.
    """

    project: str
    as_of: dt.date
    feeds: Sequence[FeedLine]
    breaks: Sequence[DataBreak]
    history: Sequence[RecordedBreak]
    held: HeldDay | None
    scored: dt.date | None


def status_data(status: DataStatus) -> JsonObject:
    """What ``churnml data status --json`` prints."""
    return {
        "project": status.project,
        "as_of": str(status.as_of),
        "feeds": [asdict(feed) | {"newest": feed.newest and str(feed.newest)} for feed in status.feeds],
        "breaks": [break_data(one) for one in status.breaks],
        "history": [recorded_data(one) for one in status.history],
        "held": None if status.held is None else held_data(status.scored, status.held),
    }


def held_data(as_of: dt.date | None, held: HeldDay) -> JsonObject:
    """A held date, as ``--json`` prints it."""
    return {
        "as_of": None if as_of is None else str(as_of),
        "stale_since": str(held.stale_since),
        "age_days": None if as_of is None else (as_of - held.stale_since).days,
        "breaks": list(held.breaks),
        "unscored": held.unscored,
    }


def accepted_data(done: Sequence[AcceptedBreak]) -> list[JsonObject]:
    """What ``churnml data accept --json`` prints."""
    return [{**break_data(one.data_break), "new": one.new, "renamed": one.renamed} for one in done]
