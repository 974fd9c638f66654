"""The report of a run, written into the project's work folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.checks import QuarantinedRow
from churnml.ledger import ScoredDay
from churnml.pages.report import Places, ReportedProject, report_html
from churnml.pages.summary import RunSummary


def write_report(
    project: Project,
    summary: RunSummary,
    scores: ScoredDay,
    quarantine: Sequence[QuarantinedRow],
) -> Path:
    """Writes ``report.html``, whole or not at all, and returns where; see :func:`churnml.pages.report.report_html`."""
    reported = ReportedProject(project.name, project.spec.currency, project.health, _places(project))
    return _write(project.work / "report.html", report_html(reported, summary, scores, quarantine))


def _places(project: Project) -> Places:
    work = Path(project.spec.stores.work)
    inside = work.as_posix() if not work.is_absolute() and ".." not in work.parts else None
    return Places(PROJECT_FILE, inside, project.registry_is_local, _newest_quarantine(project, inside))


def _newest_quarantine(project: Project, work: str | None) -> str | None:
    stores = [path for path in (project.work / "warehouse").glob("*/quarantine.parquet") if path.is_file()]
    if not stores or work is None:
        return None
    newest = max(stores, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    return f"{work}/{newest.relative_to(project.work).as_posix()}"


def _write(path: Path, page: str) -> Path:
    handle, aside = tempfile.mkstemp(prefix=".report-", suffix=".html", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            # a lone surrogate in the user's data is no reason to have no report
            file.write(page.encode("utf-8", "replace"))
        # mkstemp is stricter than the folder it stands in
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
