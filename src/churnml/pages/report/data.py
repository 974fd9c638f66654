"""What was wrong with the data, and where everything lies that is needed to check the page."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.checks import CHECKS, STRUCTURAL, QuarantinedRow
from churnml.pages.presenter import NOTHING, cut
from churnml.pages.summary import ReasonCounts

EXAMPLES_SHOWN = 5
ROW_CHARACTERS = 400
DETAIL_CHARACTERS = 200


@dataclass(frozen=True)
class Example:
    """A row that was set aside, its texts cut to what a page can hold."""

    source_row: int | None
    detail: str | None
    row: str | None


@dataclass(frozen=True)
class ReasonRow:
    """One reason in one table: how many rows, whether they were set ``aside`` or kept, and examples."""

    table: str
    reason: str
    means: str
    rows: int
    aside: bool
    examples: Sequence[Example]


@dataclass(frozen=True)
class DataSection:
    """Every reason, with the rows set aside and warned about in all."""

    rows: Sequence[ReasonRow]
    aside: int
    warned: int


@dataclass(frozen=True)
class Places:
    """Where a project keeps things, relative to its folder; addresses that may hold a secret are never shown.

    Args:
        project_file: the file that declares the project.
        work: its work folder; None where that lies outside.
        registry_is_local: whether the MLflow store lies in the work folder.
        quarantine: the newest file of rows set aside; None where there is none, or it lies outside.
    """

    project_file: str
    work: str | None
    registry_is_local: bool
    quarantine: str | None

    @property
    def mlflow(self) -> str | None:
        """The command that shows every training; None where no command can be typed in the project's folder."""
        if not self.registry_is_local or self.work is None:
            return None
        return f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{self.work}/mlflow.db')}"


def data_section(quarantined: ReasonCounts, warned: ReasonCounts, rows: Sequence[QuarantinedRow]) -> DataSection:
    examples: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for row in rows:
        kept = examples[row.contract_table, row.reason]
        if len(kept) < EXAMPLES_SHOWN:
            kept.append(_example(row))
    reasons = [
        ReasonRow(
            table=table,
            reason=reason,
            means=_meaning(table, reason),
            rows=count,
            aside=aside,
            examples=examples.get((table, reason), []) if aside else [],
        )
        for aside, counts in ((True, quarantined), (False, warned))
        for table, by_reason in sorted(counts.items())
        for reason, count in sorted(by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return DataSection(
        rows=reasons,
        aside=sum(row.rows for row in reasons if row.aside),
        warned=sum(row.rows for row in reasons if not row.aside),
    )


def _example(row: QuarantinedRow) -> Example:
    return Example(
        source_row=row.source_row,
        detail=None if row.detail is None else cut(row.detail, DETAIL_CHARACTERS),
        row=None if row.row is None else cut(row.row, ROW_CHARACTERS),
    )


def _meaning(table: str, reason: str) -> str:
    """What a reason means, for this table where it differs by table."""
    own = [check.means for check in CHECKS if check.name == reason and table in check.tables]
    any_table = [check.means for check in CHECKS if check.name == reason]
    return next(iter([*own, *([STRUCTURAL[reason]] if reason in STRUCTURAL else []), *any_table]), NOTHING)
