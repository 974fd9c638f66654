"""A run summed up: what the terminal and the report are written from, and what ``--json`` prints."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from churnml.jsontypes import Json
from churnml.ledger import HeldDay
from churnml.modelling.evaluation import CALIBRATION_FIGURES, DECISION_FIGURES, FIGURES
from churnml.modelling.record import ModelRecord
from churnml.modelling.training import RIVALS
from churnml.pages.feeds import break_data, held_data
from churnml.pages.remarks import remark_data
from churnml.remarks import Remark
from churnml.watch.breaks import DataBreak

# Contract table → reason → rows.
ReasonCounts = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class ScoredBy:
    """The champion that gave a model's probabilities, and its usual one; None where health stands alone."""

    version: str | None
    base_rate: float | None


@dataclass(frozen=True)
class RunSummary:
    """A run, in numbers.

    Args:
        project, as_of, data_through: whose, of when, and how far its data reach.
        accounts_scored: how many.
        scored_by: model → its champion.
        rows: contract table → rows.
        quarantined, warned: rows set aside, and kept with a warning.
        models: model → the record of its newest training; empty where nothing was trained.
        bands: band → accounts.
        decisions: playbook → what was opened.
        dispositions: what became of every account a playbook speaks of, also where it got on nobody's list.
        overflow_value: a month's value of what did not fit; None where none is known.
        capacity: what the team can take, in words.
        hierarchy_problems: why some accounts' parents could not be followed.
        health_events: kind → how many.
        mrr, mrr_at_risk: of all scored accounts.
        leaving_accounts, leaving_mrr: whose notice is known, so that they are not scored.
        breaks: what is broken in the data of the date.
        held: why its scores are those of an earlier date; None where they are its own.
        report: where the report was written; None where it was not.
        remarks: what is told of the tables' columns.
    """

    project: str
    as_of: dt.date
    data_through: dt.date
    accounts_scored: int
    scored_by: Mapping[str, ScoredBy]
    rows: Mapping[str, int]
    quarantined: ReasonCounts
    warned: ReasonCounts
    models: Mapping[str, ModelRecord]
    bands: Mapping[str, int]
    decisions: Mapping[str, int]
    dispositions: Mapping[str, int]
    overflow_value: float | None
    hierarchy_problems: Sequence[str]
    health_events: Mapping[str, int]
    mrr: float
    leaving_accounts: int
    leaving_mrr: float
    mrr_at_risk: float | None
    breaks: Sequence[DataBreak] = ()
    held: HeldDay | None = None
    report: Path | None = None
    remarks: Sequence[Remark] = ()
    capacity: str = ""

    @property
    def knows_money(self) -> bool:
        """Whether any scored account is known to pay anything: else nothing is said about money."""
        return self.mrr > 0

    def as_data(self) -> dict[str, Json]:
        """As plain data for JSON."""
        return {
            "project": self.project,
            "as_of": str(self.as_of),
            "data_through": str(self.data_through),
            "accounts_scored": self.accounts_scored,
            "scored_by": {
                name: {"version": by.version, "health_only": by.version is None, "base_rate": by.base_rate}
                for name, by in self.scored_by.items()
            },
            "rows": dict(self.rows),
            "quarantined": {table: dict(reasons) for table, reasons in self.quarantined.items()},
            "warned": {table: dict(reasons) for table, reasons in self.warned.items()},
            "models": {name: model_data(record) for name, record in self.models.items()},
            "bands": dict(self.bands),
            "decisions": dict(self.decisions),
            "outcomes": dict(self.dispositions),
            "left_lying": self.overflow_value,
            "capacity": self.capacity,
            "family_problems": list(self.hierarchy_problems),
            "health_events": dict(self.health_events),
            "mrr": self.mrr,
            "leaving": {"accounts": self.leaving_accounts, "mrr": self.leaving_mrr},
            "mrr_at_risk": self.mrr_at_risk,
            "breaks": [break_data(one) for one in self.breaks],
            "held": None if self.held is None else held_data(self.as_of, self.held),
            "remarks": [remark_data(one) for one in self.remarks],
            **({} if self.report is None else {"report": str(self.report)}),
        }


@dataclass(frozen=True)
class BackfilledDate:
    """A past date that a backfill came by.

    Args:
        as_of: the date.
        accounts_scored: how many.
        summary: what came of it; None where it stood already, scored from the same inputs.
    """

    as_of: dt.date
    accounts_scored: int
    summary: RunSummary | None = None

    def as_data(self) -> dict[str, Json]:
        """As plain data for JSON."""
        if self.summary is None:
            return {"as_of": str(self.as_of), "accounts_scored": self.accounts_scored, "new": False}
        return self.summary.as_data() | {"new": True}


def model_data(record: ModelRecord) -> dict[str, Json]:
    """A model's record, as ``--json`` shows it."""
    data = record.model_dump(mode="json", by_alias=True)
    figures, model = data["figures"], data["figures"]["model"]
    return {
        **{key: data[key] for key in ("version", "promoted", "because", "cutoff", "rows", "positives")},
        **{name: model.get(name) for name in FIGURES},
        "calibration": {name: model.get(name) for name in CALIBRATION_FIGURES},
        "calibration_error_by_chance": data["calibration_error_by_chance"],
        "at_capacity": {name: model.get(name) for name in DECISION_FIGURES},
        "decision": data["decision"],
        "rivals": {rival: figures.get(rival) for rival in RIVALS},
        "ahead_of": data["ahead"],
        "shift": data["shift"],
        "slices": data["slices"],
        "leaks": data["leaks"] or [],
        "when": data["hazard"] and data["hazard"]["judged"],
        "later": data["later"],
        "trained_on": {key: data["training"][key] for key in ("rows", "positives", "base_rate", "trees", "features")},
        "data_fingerprint": record.data_fingerprint,
        "made_with": data["made_with"],
        **({"best_possible": figures["truth"]} if "truth" in figures else {}),
        **({"champion": figures["champion"]} if "champion" in figures else {}),
    }
