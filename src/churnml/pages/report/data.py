"""What was wrong with the data, and where everything lies that is needed to check the page."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.checks import CHECKS, STRUCTURAL, QuarantinedRow
from churnml.pages.presenter import NOTHING
from churnml.pages.summary import ReasonCounts

EXAMPLES_SHOWN = 5


@dataclass(frozen=True)
class ReasonRow:
    """One reason in one table: how many rows, whether they were set ``aside`` or kept, and examples."""

    table: str
    reason: str
    means: str
    rows: int
    aside: bool
    examples: Sequence[QuarantinedRow]


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


def reason_rows(quarantined: ReasonCounts, warned: ReasonCounts, rows: Sequence[QuarantinedRow]) -> list[ReasonRow]:
    """Every reason, those that set rows aside first."""
    examples: dict[tuple[str, str], list[QuarantinedRow]] = defaultdict(list)
    for row in rows:
        examples[row.contract_table, row.reason].append(row)
    return [
        ReasonRow(
            table=table,
            reason=reason,
            means=_meaning(table, reason),
            rows=count,
            aside=aside,
            examples=examples[table, reason][:EXAMPLES_SHOWN] if aside else (),
        )
        for aside, counts in ((True, quarantined), (False, warned))
        for table, by_reason in sorted(counts.items())
        for reason, count in sorted(by_reason.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _meaning(table: str, reason: str) -> str:
    """What a reason means, for this table where it differs by table."""
    checks = [check for check in CHECKS if check.name == reason]
    own = [check.means for check in checks if table in check.tables]
    any_table = STRUCTURAL.get(reason) or next((check.means for check in checks), NOTHING)
    return own[0] if own else any_table
