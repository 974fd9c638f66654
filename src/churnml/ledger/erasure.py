"""What the store says of somebody who is to be forgotten, and what it lets go of with time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Literal

from churnml.jsontypes import JsonObject

# What a run writes and the next one writes again.
MADE_AGAIN = ("report.html",)
# A training's list of the accounts it was judged on.
JUDGED_FILE = "judged.csv"


@dataclass(frozen=True)
class StoreTraces:
    """Where the operational store names an account or a user.

    Args:
        rows: table → rows that are its own, to be deleted.
        mentions: table → rows of others that name it, in which the name is to be replaced.
        left: table → rows that name it and stay as they are.
        sent: receiver → messages about it that were sent; they cannot be taken back.
        unsent: messages about it that still waited.
        arms: playbooks whose holdout it was drawn for: their effects are measured without it afterwards.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    mentions: Mapping[str, int] = field(default_factory=dict)
    left: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, int] = field(default_factory=dict)
    unsent: int = 0
    arms: int = 0


@dataclass(frozen=True)
class AgedRows:
    """What is older than the project keeps it.

    Args:
        rows: table → rows that go.
        dates: scored dates among them: how many, the first and the last; None where there are none.
        kept: sentences on what is as old and stays, and why.
    """

    rows: Mapping[str, int] = field(default_factory=dict)
    dates: tuple[int, dt.date, dt.date] | None = None
    kept: tuple[str, ...] = ()

    def as_data(self) -> JsonObject:
        """For ``--json``."""
        return asdict(self)


@dataclass(frozen=True)
class Traces:
    """Where somebody is named, within churnml's reach.

    Args:
        store: the operational store.
        checked: relation → rows of the checked tables and roll-ups, which come from the company's own tables.
        runs: runs of trainings whose list of judged accounts names the account.
        files: other files of the project that do, by path relative to it.
        suppressed: whether its rows are set aside at every reading already.
    """

    store: StoreTraces
    checked: Mapping[str, int] = field(default_factory=dict)
    runs: int = 0
    files: tuple[str, ...] = ()
    suppressed: bool = False

    @property
    def made_again(self) -> int:
        """Files that are removed, and made again without it."""
        return sum(PurePath(file).name in MADE_AGAIN for file in self.files)

    @property
    def files_of_others(self) -> tuple[str, ...]:
        """The files that churnml neither makes again nor mends by itself."""
        return tuple(file for file in self.files if PurePath(file).name not in (*MADE_AGAIN, JUDGED_FILE))

    @property
    def any(self) -> bool:
        """Whether there is something."""
        return bool(self.store.rows or self.store.mentions or self.checked or self.runs or self.files)


@dataclass(frozen=True)
class ForgetReport:
    """What was, or would be, done to forget somebody.

    Args:
        kind: an account or a user.
        digest: what names it from now on.
        before: where it was named.
        after: where it still is; None where nothing was done.
        inputs: input of the project → where it lies; they hold it until the company takes it out.
        fitted: model → versions there are, fitted while its rows were there, or perhaps so.
        compacted: whether the store's files have let go of it.
        telling: whether its id can be looked for in files.
        engine: where else copies of the checked tables are kept to compute on; empty for DuckDB.
        on_server: whether the store is a database server.
    """

    kind: Literal["account", "user"]
    digest: str
    before: Traces
    after: Traces | None
    inputs: Mapping[str, str]
    fitted: Mapping[str, int]
    compacted: bool
    telling: bool
    engine: str
    on_server: bool

    def as_data(self) -> JsonObject:
        """For ``--json``."""
        return asdict(self)
