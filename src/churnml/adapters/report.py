"""report.html: one self-contained page of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churnml.acting.scoring import Scores
from churnml.adapters.project import Project


def write_report(
    project: Project,
    found: Mapping[str, Any],
    scores: Scores,
    records: Mapping[str, Mapping[str, Any]],
    quarantine: list[dict[str, Any]],
) -> Path:
    """placeholder until the page is drawn"""
    import json, pickle
    (project.work / "report-inputs.json").write_text(json.dumps({"found": found, "records": records, "quarantine": quarantine}, default=str, ensure_ascii=False))
    return project.work / "report.html"
