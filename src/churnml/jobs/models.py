"""What a person does with registered models: compare two, make one champion by hand, take one back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.errors import ChurnmlError, RegistryError
from churnml.jobs.features import features_of
from churnml.jobs.opening import OpenedProject, built_for
from churnml.modelling.agreement import differences
from churnml.modelling.comparison import ComparedVersion, Comparison
from churnml.modelling.evaluation import evaluate
from churnml.modelling.record import ModelRecord, recorded
from churnml.modelling.tenure import BY_HAND, Appointed
from churnml.modelling.training import usable
from churnml.specs.models import ModelSpec

if TYPE_CHECKING:
    from churnml.adapters.registry import RegisteredModel, Registry
    from churnml.modelling.tenure import What

# Opens the project's data; raises ChurnmlError where they are not at hand.
OpenData = Callable[[], OpenedProject]


def promote_by_hand(
    registry: Registry, name: str, version: str | None, why: str, by: str | None, open_data: OpenData
) -> Appointed:
    """Makes a version (the newest when None) champion, whatever the verdict said.

    Raises:
        RegistryError: its files do not match their checksums, or the project no longer builds its features.
    """
    return _appoint(registry, name, registry.candidate(name, version), "promoted", why, by, open_data)


def roll_back(
    registry: Registry,
    name: str,
    to: str | None,
    why: str | None,
    by: str | None,
    open_data: OpenData,
    how: str = BY_HAND,
) -> Appointed:
    """Makes the champion before the present one (or version ``to``) champion again; raises RegistryError."""
    present = registry.champion_version(name)
    chosen = to or registry.previous(name)
    if chosen == present:
        raise RegistryError(
            f"Version {chosen} of '{name}' is champion already.",
            remedy=f"churnml models history {name} shows who was champion when.",
        )
    reason = why or f"rolled back from version {present or 'none'}"
    return _appoint(registry, name, registry.candidate(name, chosen), "rolled back", reason, by, open_data, how)


def _appoint(
    registry: Registry,
    name: str,
    chosen: RegisteredModel,
    what: What,
    why: str,
    by: str | None,
    open_data: OpenData,
    how: str = BY_HAND,
) -> Appointed:
    before = registry.champion_version(name)
    if before == chosen.version:
        return Appointed(name, chosen.version, before, registry.verdict(name, chosen.version), "")
    try:
        opened = open_data()
    except ChurnmlError as problem:
        # what cannot be looked at is no reason to keep a person from mending things; it is written down
        unchecked = f"its features could not be held against the project's: {problem.what}"
    else:
        unchecked = ""
        built = built_for(opened, chosen.predictor, chosen.predictor.feature_names)
        changed = differences(chosen.predictor.features, {name: f.declaration() for name, f in built.items()})
        if changed:
            raise RegistryError(
                f"Version {chosen.version} of '{name}' was trained on other features than this project builds today: "
                f"{changed[0].sentence}" + (f" ({len(changed)} differences in all)." if changed[1:] else "."),
                where=f"project {opened.project.name}",
                remedy="It could not score anything. Declare the feature as it was, or train again.",
            )
    registry.appoint(name, chosen.version, what, why, by, how)
    return Appointed(name, chosen.version, before, registry.verdict(name, chosen.version), unchecked)


def compare(registry: Registry, spec: ModelSpec, first: str, second: str, open_data: OpenData) -> Comparison:
    """Two versions of a model, measured on the same rows where the data are at hand.

    The rows are those of the newest mature cutoff. Without data the figures are those recorded when each was judged,
    which may be of different rows.
    """
    models = registry.candidate(spec.name, first), registry.candidate(spec.name, second)
    try:
        return _measured(open_data(), spec, *models)
    except ChurnmlError as problem:
        return _recorded(spec.name, *models, problem.what)


def _measured(opened: OpenedProject, spec: ModelSpec, first: RegisteredModel, second: RegisteredModel) -> Comparison:
    facts, label = opened.facts, spec.label
    cutoff = label.reach.latest_mature(facts.data_through)
    spine = snapshots.population(label, facts, [cutoff])
    spine["label"] = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    rows = usable(spine, spec.name)
    other, model = (_predictions(opened, spec.name, version, rows) for version in (first, second))
    accounts, labels = rows["account_id"].to_numpy(), rows["label"].to_numpy()
    measured = evaluate(accounts, labels, {"model": model, "other": other}, spec.seed)

    def compared(version: RegisteredModel, who: str) -> ComparedVersion:
        figures = recorded(measured.figures[who])
        return ComparedVersion(version.version, cutoff, measured.rows, measured.positives, figures)

    return Comparison(
        model=spec.name,
        first=compared(first, "other"),
        second=compared(second, "model"),
        ahead=recorded(measured.ahead["other"]),
        warnings=(*_unfair(spec, first, cutoff), *_unfair(spec, second, cutoff)),
    )


def _predictions(opened: OpenedProject, name: str, model: RegisteredModel, rows: pd.DataFrame) -> np.ndarray:
    built = features_of(opened, model.predictor, f"version {model.version} of '{name}'")
    frame = snapshots.build_snapshots(opened.facts, list(built.values()), rows[["account_id", "as_of"]])
    return model.predictor.predict(frame)


def _unfair(spec: ModelSpec, model: RegisteredModel, cutoff: dt.date) -> list[str]:
    manifest, reach, version = model.predictor.manifest, spec.label.reach, model.version
    warnings = []
    late = [c for c in manifest.trained_on if not reach.is_purged_for(c, cutoff)]
    if late:
        warnings.append(
            f"version {version} has trained on rows of {late[-1]}, which these rows of {cutoff} overlap: "
            "it has seen some of the answers"
        )
    elif manifest.judged_at == cutoff and model.record.promoted:
        warnings.append(
            f"version {version} was promoted because of these very rows, so here it looks a little too good"
        )
    if manifest.label != spec.label.model_dump(mode="json"):
        warnings.append(f"version {version} was trained to predict another label than the one measured here")
    return warnings


def _recorded(name: str, first: RegisteredModel, second: RegisteredModel, why_not: str) -> Comparison:
    def compared(version: str, record: ModelRecord) -> ComparedVersion:
        return ComparedVersion(version, record.cutoff, record.rows, record.positives, record.figures["model"])

    judged_on = {(model.record.cutoff, model.record.data_fingerprint) for model in (first, second)}
    warning = "the two were judged on different rows, so these figures do not say which is better"
    return Comparison(
        model=name,
        first=compared(first.version, first.record),
        second=compared(second.version, second.record),
        ahead=None,
        why_not=why_not,
        warnings=() if len(judged_on) == 1 else (warning,),
    )
