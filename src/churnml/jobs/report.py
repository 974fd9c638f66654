"""A run summed up in numbers, and its report, written into the project's work folder."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from churnml import snapshots
from churnml.adapters.project import PROJECT_FILE, Project
from churnml.checks import QuarantinedRow
from churnml.jobs.opening import OpenedProject
from churnml.jobs.scoring import Champions
from churnml.jobs.watching import look_at_data
from churnml.ledger import ScoredDay
from churnml.modelling.record import ModelRecord
from churnml.pages.capacity import capacity_text
from churnml.pages.report import Places, ReportedProject, report_html
from churnml.pages.summary import RunSummary, ScoredBy


def run_summary(
    opened: OpenedProject, day: ScoredDay, champions: Champions, records: Mapping[str, ModelRecord]
) -> RunSummary:
    """The run in numbers; ``records`` are those of the models it trained."""
    # notice is already known, so there is nothing left to predict; they are counted, not scored
    leaving = snapshots.leaving_accounts(opened.facts, day.as_of)
    return RunSummary(
        project=opened.project.name,
        as_of=day.as_of,
        data_through=opened.facts.data_through,
        accounts_scored=len(day.accounts),
        scored_by={name: ScoredBy(version, _base_rate(champions, name)) for name, version in day.models.items()},
        rows=opened.ingested.rows,
        quarantined=opened.ingested.quarantined,
        warned=opened.ingested.warned,
        models=records,
        bands=Counter(account.band for account in day.accounts),
        decisions=Counter(decision.playbook for decision in day.decisions),
        dispositions=Counter(decision.disposition for decision in day.plan.decisions),
        overflow_value=_total(
            [d.value for d in day.plan.decisions if d.disposition == "overflow" and (d.value or 0.0) >= 0]
        ),
        hierarchy_problems=day.problems,
        health_events=Counter(event.kind for event in day.events),
        mrr=round(sum(account.mrr or 0.0 for account in day.accounts), 2),
        leaving_accounts=len(leaving),
        leaving_mrr=round(float(leaving["mrr"].sum()), 2),
        mrr_at_risk=_total([account.mrr_at_risk for account in day.accounts]),
        breaks=look_at_data(opened, day.as_of).breaks,
        held=day.held,
        remarks=opened.ingested.remarks,
        capacity=capacity_text(opened.project.team, {d.owner for d in day.plan.decisions if d.owner}),
    )


def _base_rate(champions: Champions, name: str) -> float | None:
    champion = champions.by_model[name]
    return None if champion is None else champion.predictor.base_rate


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 2) if known else None


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
