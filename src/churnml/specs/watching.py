"""What ``project.yaml`` may say of broken feeds: the kinds of break there are, and what is done about each."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator

from churnml.errors import did_you_mean
from churnml.tables import TABLES
from churnml.workdays import read_region


class BreakKind(StrEnum):
    """What can be wrong with a load that is right row by row."""

    DEAD = "dead"
    EMPTIED = "emptied"
    SHRUNK = "shrunk"
    FALL = "fall"
    RISE = "rise"
    RENAMED = "renamed"
    STOPPED = "stopped"
    NEW_EVENT = "new_event"
    DUPLICATES = "duplicates"
    VALUES = "values"
    NULLS = "nulls"
    COLUMNS = "columns"
    IDS = "ids"
    ASIDE = "aside"
    LATE = "late"


class BreakAction(StrEnum):
    """What is done about a break: it is told; or scores stand as they were, too; or the run ends."""

    WARN = "warn"
    HOLD = "hold"
    STOP = "stop"


MEANS: Mapping[BreakKind, str] = {
    BreakKind.DEAD: "nothing has come since a day, where something comes every day",
    BreakKind.EMPTIED: "the table has no row, and had some in the load before",
    BreakKind.SHRUNK: "rows or ids of the load before are gone",
    BreakKind.FALL: "far less comes than is usual, but not nothing",
    BreakKind.RISE: "far more comes than is usual",
    BreakKind.RENAMED: "an event stopped on the day on which another of about its volume began",
    BreakKind.STOPPED: "an event stopped, and no other began",
    BreakKind.NEW_EVENT: "an event that was never seen before has come in numbers since some days",
    BreakKind.DUPLICATES: "every row of a day stands there more than once",
    BreakKind.VALUES: "amounts of the same subscriptions are multiplied (cents for euros)",
    BreakKind.NULLS: "a column is empty far more often than before",
    BreakKind.COLUMNS: "a column that was given is not given any more, or a new one is",
    BreakKind.IDS: "hardly any id of the load before is there, though as many rows are",
    BreakKind.ASIDE: "far more rows are set aside than before",
    BreakKind.LATE: "the data end long before today, and no end of them is declared",
}
DEFAULT_ACTIONS: Mapping[BreakKind, BreakAction] = dict.fromkeys(BreakKind, BreakAction.WARN) | dict.fromkeys(
    (
        BreakKind.DEAD,
        BreakKind.EMPTIED,
        BreakKind.SHRUNK,
        BreakKind.RENAMED,
        BreakKind.DUPLICATES,
        BreakKind.VALUES,
        BreakKind.IDS,
    ),
    BreakAction.HOLD,
)
# Table, or "all" → kind → action.
Actions = dict[str, dict[BreakKind, BreakAction]]


def known_actions(value: Actions) -> Actions:
    """Refuses what names no table."""
    for scope in value:
        if scope not in {"all", *TABLES}:
            raise ValueError(f"there is no contract table '{scope}'. {did_you_mean(scope, TABLES)}")
    return value


def action_of(declared: Actions, table: str, kind: BreakKind) -> BreakAction:
    """What is done about a break: as declared for its table, for all, or by default."""
    for scope in (table, "all"):
        if kind in declared.get(scope, {}):
            return declared[scope][kind]
    return DEFAULT_ACTIONS[kind]


# An ISO country, or a country and a part of it; the library of holidays knows it.
Region = Annotated[str, AfterValidator(read_region)]
