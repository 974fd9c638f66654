"""A run summed up in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from churnml import snapshots
from churnml.jobs.opening import OpenedProject
from churnml.jobs.scoring import Champions
from churnml.ledger import ScoredDay
from churnml.modelling.record import ModelRecord
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
    )


def _base_rate(champions: Champions, name: str) -> float | None:
    champion = champions.by_model[name]
    return None if champion is None else champion.predictor.base_rate


def _total(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known), 2) if known else None
