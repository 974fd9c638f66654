"""``churnml audit``: which features, labels and cutoffs of an opened project are audited."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from churnml import snapshots
from churnml.audit import Audit, Finding, audit_features, audit_label, data_signs, outcome_signs
from churnml.errors import TooLittleDataError
from churnml.features import Feature, choose
from churnml.jobs.opening import OpenedProject, Progress, default_as_of, silent, wish_for
from churnml.jobs.training import collect
from churnml.specs.models import ModelSpec
from churnml.timeline import plus_days

log = logging.getLogger("churnml.audit")

# The newest of a label's mature cutoffs; what they show holds for the older ones, made by the same lines.
MATURE_CUTOFFS = 2


@dataclass(frozen=True)
class _Wanted:
    """What a model would be trained on; ``rows`` is None where the history is too short to train."""

    features: tuple[Feature, ...]
    rows: pd.DataFrame | None


def audit_project(
    opened: OpenedProject,
    models: Sequence[str] = (),
    as_of: Sequence[dt.date] = (),
    progress: Progress = silent,
) -> Audit:
    """Audits the features and labels of a project's models.

    Args:
        opened: the project with its checked tables.
        models: their names; none is all.
        as_of: the cutoffs; by default the newest date that can be scored, and for features and labels the
            two newest mature cutoffs.
        progress: gets a line at every step.

    Raises:
        TooLittleDataError: a cutoff lies after the data.
        UnknownNameError: there is no such model.
    """
    facts = opened.facts
    specs = {name: opened.project.model(name) for name in models or opened.project.model_names}
    for cutoff in as_of:
        if cutoff > default_as_of(opened):
            raise TooLittleDataError(
                f"Nothing can be audited as of {cutoff}: the data end with {facts.data_through}.",
                remedy=f"Ask for {default_as_of(opened)} or earlier.",
            )
    wanted = {name: _wanted(opened, spec, progress) for name, spec in specs.items()}
    features = {feature.name: feature for one in wanted.values() for feature in one.features}
    used_by = {name: [m for m, one in wanted.items() if name in {f.name for f in one.features}] for name in features}
    labels = {name: spec.label for name, spec in specs.items()}
    first = next(iter(specs.values()))
    proof = audit_features(
        facts,
        list(features.values()),
        labels,
        as_of or [*_mature(opened, first), default_as_of(opened)],
        used_by=used_by,
        seed=first.seed,
        progress=progress,
    )
    proven = tuple(
        audit_label(facts, name, spec.label, _of_label(opened, spec, as_of), seed=spec.seed, progress=progress)
        for name, spec in specs.items()
    )
    log.info("%(models)d labels proven", {"models": len(proven)})
    progress("looking for columns that hold today's state")
    return Audit(opened.project.name, facts.data_through, proof, proven, _signs(opened, wanted))


def _wanted(opened: OpenedProject, spec: ModelSpec, progress: Progress) -> _Wanted:
    try:
        collected = collect(opened, spec, progress)
    except TooLittleDataError:
        # too short a history to train on is long enough to leak
        wish = wish_for(opened, spec, default_as_of(opened))
        chosen = choose(spec.features.families, spec.features.exclude, wish, opened.facts, opened.project.catalogue)
        return _Wanted(chosen, None)
    return _Wanted(collected.features, collected.rows)


def _mature(opened: OpenedProject, spec: ModelSpec) -> list[dt.date]:
    """The newest mature cutoffs with somebody in the population, oldest first."""
    facts, label = opened.facts, spec.label
    last = label.reach.latest_mature(facts.data_through)
    cutoffs = [plus_days(last, -n * spec.cutoffs.every) for n in reversed(range(MATURE_CUTOFFS))]
    peopled = set(snapshots.population(label, facts, cutoffs)["as_of"].dt.date)
    return [cutoff for cutoff in cutoffs if cutoff in peopled]


def _of_label(opened: OpenedProject, spec: ModelSpec, as_of: Sequence[dt.date]) -> list[dt.date]:
    """The asked-for cutoffs that are mature, or the newest mature ones where none is."""
    mature = [cutoff for cutoff in as_of if spec.label.reach.is_mature(cutoff, opened.facts.data_through)]
    return mature or _mature(opened, spec)


def _signs(opened: OpenedProject, wanted: dict[str, _Wanted]) -> tuple[Finding, ...]:
    signs = list(data_signs(opened.facts, opened.ingested.arrival_columns, opened.ingested.remarks))
    for model, one in wanted.items():
        if one.rows is not None:
            lapse = opened.project.model(model).label.kind == "lapse"
            signs += outcome_signs(opened.facts, model, one.features, one.rows, lapse=lapse)
    return tuple(signs)
