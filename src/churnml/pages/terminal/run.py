"""What ``churnml run`` and ``churnml score`` print."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from churnml.adapters.project import Project
from churnml.pages.presenter import money, percent
from churnml.pages.terminal.accounts import queue_lines
from churnml.pages.terminal.data import data_lines
from churnml.pages.terminal.layout import table
from churnml.pages.terminal.models import model_text

QUEUE_SHOWN = 10


def run_text(project: Project, found: Mapping[str, Any], queue: Sequence[Mapping[str, Any]]) -> str:
    """What ``churnml run`` and ``churnml score`` print."""
    lines = [
        f"{found['project']} as of {found['as_of']}: {found['accounts_scored']:,} accounts scored",
        f"  MRR {money(found['mrr'])}, expected at risk {money(found['mrr_at_risk'])}",
    ]
    if found["leaving"]["accounts"]:
        lines.append(
            f"  {found['leaving']['accounts']:,} more have given notice (MRR {money(found['leaving']['mrr'])}): "
            "nothing is left to predict, so they are not scored"
        )
    risk = project.health.risk.model
    for name, by in found["scored_by"].items():
        if by["health_only"]:
            lines.append(
                f"  No '{name}' model is in office: none was shown to beat the base rate, so no '{name}' "
                "probabilities are given" + (" and health dimensions stand alone." if name == risk else ".")
            )
        else:
            lines.append(f"  '{name}' probabilities by version {by['version']} (champion)")
    reasons = data_lines(found["quarantined"], found["warned"])
    lines += ["", "DATA", *(reasons or ["", "  every row could be used"])]
    for name, model in found["models"].items():
        lines += ["", f"MODEL {model_text(name, model)}"]
    bands = [[band, f"{n:,}", percent(n / found["accounts_scored"])] for band, n in sorted(found["bands"].items())]
    lines += ["", "HEALTH BY BAND", "", *table(["band", "accounts", "share"], bands, right=(1, 2))]
    total = sum(found["decisions"].values())
    lines += ["", f"QUEUE: {total:,} decisions, the first {len(queue)}", "", *queue_lines(queue)]
    lines += _not_listed(found)
    lines += ["", "WHERE IT LIES", *_places(project, found)]
    return "\n".join(lines)


def _not_listed(found: Mapping[str, Any]) -> list[str]:
    """What was decided that is on nobody's list: the holdout, and what did not fit."""
    lines, outcomes = [], found["outcomes"]
    if outcomes.get("holdout"):
        lines.append(
            f"  {outcomes['holdout']:,} left alone on purpose, so that the playbooks can be measured (churnml impact)"
        )
    if outcomes.get("overflow"):
        lying = "" if found["left_lying"] is None else f", worth {money(found['left_lying'])} a month"
        lines.append(f"  {outcomes['overflow']:,} did not fit into anybody's day{lying} (churnml work overflow)")
    return ["", *lines] if lines else []


def _places(project: Project, found: Mapping[str, Any]) -> list[str]:
    root = "" if str(project.root) == "." else f" --project {shlex.quote(str(project.root))}"
    lines = []
    if "report" in found:
        lines.append(f"  report   {found['report']}  (open it in a browser; it needs no network)")
    if not project.spec.stores.operational:
        lines.append(f"  scores   {project.work / 'churnml.db'}")
    churnml = _command("churnml")
    lines.append(f"  look up  {churnml} queue{root}    {churnml} explain ACCOUNT{root}")
    if project.registry_is_local:
        store = shlex.quote(f"sqlite:///{project.work / 'mlflow.db'}")
        lines.append(f"  MLflow   {_command('mlflow')} ui --backend-store-uri {store}  (then http://127.0.0.1:5000)")
    return lines


def _command(name: str) -> str:
    """How a command is typed here: by its name, or by its path where the environment is not activated."""
    beside = Path(sys.executable).with_name(name)
    if shutil.which(name) or not beside.exists():
        return name
    return shlex.quote(os.path.relpath(beside))
