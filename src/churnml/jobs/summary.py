"""A run summed up as plain data: what ``--json`` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from churnml import snapshots
from churnml.jobs.opening import OpenedProject
from churnml.jobs.scoring import Champions
from churnml.modelling.evaluation import (
    CALIBRATION_FIGURES,
    DECISION_FIGURES,
    FIGURES,
)
from churnml.modelling.training import (
    RIVALS,
)
from churnml.work.settling import Day


def summary(
    opened: OpenedProject, day: Day, office: Champions, records: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The run as one object of plain data: what ``churnml run --json`` prints."""
    scores = day.scores
    leaving = snapshots.leaving_accounts(opened.facts, scores.as_of)
    return {
        "project": opened.project.name,
        "as_of": str(scores.as_of),
        "data_through": str(opened.facts.data_through),
        "accounts_scored": len(scores.accounts),
        "scored_by": {
            name: {"version": version, "health_only": version is None, "base_rate": _base_rate(office, name)}
            for name, version in scores.models.items()
        },
        "rows": dict(opened.ingested.rows),
        "quarantined": {table: dict(reasons) for table, reasons in opened.ingested.quarantined.items()},
        "warned": {table: dict(reasons) for table, reasons in opened.ingested.warned.items()},
        "models": {name: model_summary(record) for name, record in records.items()},
        "bands": dict(Counter(account.band for account in scores.accounts)),
        "decisions": dict(Counter(decision.playbook for decision in scores.decisions)),
        # what was decided of every account a playbook speaks of, also where it got nobody's list
        "outcomes": dict(Counter(decision.disposition for decision in day.plan.decisions)),
        "left_lying": _total(
            [d.value for d in day.plan.decisions if d.disposition == "overflow" and (d.value or 0.0) >= 0]
        ),
        "family_problems": list(day.problems),
        "health_events": dict(Counter(event.kind for event in day.events)),
        "mrr": round(sum(account.mrr or 0.0 for account in scores.accounts), 2),
        # notice is already known, so there is nothing left to predict; they are counted, not scored
        "leaving": {"accounts": len(leaving), "mrr": round(float(leaving["mrr"].sum()), 2)},
        "mrr_at_risk": _total([account.mrr_at_risk for account in scores.accounts]),
    }


def _base_rate(office: Champions, name: str) -> float | None:
    champion = office.champions[name]
    return None if champion is None else champion.predictor.base_rate


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 2) if known else None


def model_summary(record: Mapping[str, Any]) -> dict[str, Any]:
    """A model's record, as ``--json`` tells it."""
    figures = record["figures"]
    found = {
        "version": record["version"],
        "promoted": record["promoted"],
        "because": record["because"],
        "cutoff": record["cutoff"],
        "rows": record["rows"],
        "positives": record["positives"],
        **{name: figures.get("model", {}).get(name) for name in FIGURES},
        "calibration": {name: figures.get("model", {}).get(name) for name in CALIBRATION_FIGURES},
        "calibration_error_by_chance": record.get("calibration_error_by_chance"),
        "at_capacity": {name: figures.get("model", {}).get(name) for name in DECISION_FIGURES},
        "decision": record.get("decision"),
        "rivals": {rival: figures.get(rival) for rival in RIVALS},
        "ahead_of": record["ahead"],
        "shift": record.get("shift", {}),
        "slices": record.get("slices", []),
        "leaks": record.get("leaks", []),
        "when": (record.get("hazard") or {}).get("judged"),
        "later": record.get("later"),
        "trained_on": {key: record["training"][key] for key in ("rows", "positives", "base_rate", "trees", "features")},
        "data_fingerprint": record["data_fingerprint"],
        "made_with": record["made_with"],
    }
    if "truth" in figures:
        found["best_possible"] = figures["truth"]
    if "champion" in figures:
        found["champion"] = figures["champion"]
    return found
