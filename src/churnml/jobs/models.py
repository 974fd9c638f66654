"""What a person does with registered models: compare two, put one in office by hand, take one back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from churnml import jobs, snapshots
from churnml.errors import ChurnmlError, RegistryError
from churnml.jobs import OpenedProject
from churnml.modelling.agreement import differences
from churnml.modelling.evaluation import evaluate
from churnml.modelling.training import usable
from churnml.specs import ModelSpec

if TYPE_CHECKING:
    from churnml.adapters.registry import RegisteredModel, Registry
    from churnml.modelling.tenure import What

# Opens the project's data; raises ChurnmlError where they are not at hand.
OpenData = Callable[[], OpenedProject]


# ---------------------------------------------------------------- by hand


@dataclass(frozen=True)
class Appointed:
    """A version put in office by hand.

    Args:
        version: the champion now.
        before: the champion until then, or None; the same version when nothing had to be changed.
        verdict: what the verdict on it was.
        unchecked: why its features could not be held against the project's; empty when they could.
    """

    version: str
    before: str | None
    verdict: str
    unchecked: str


def promote_by_hand(
    registry: Registry, name: str, version: str | None, why: str, by: str | None, open_data: OpenData
) -> Appointed:
    """Makes a version (the newest when None) champion, whatever the verdict said.

    Raises:
        RegistryError: its files do not match their checksums, or the project no longer builds its features.
    """
    return _appoint(registry, name, registry.candidate(name, version), "promoted", why, by, open_data)


def roll_back(
    registry: Registry, name: str, to: str | None, why: str | None, by: str | None, open_data: OpenData
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
    return _appoint(registry, name, registry.candidate(name, chosen), "rolled back", reason, by, open_data)


def _appoint(
    registry: Registry, name: str, chosen: RegisteredModel, what: What, why: str, by: str | None, open_data: OpenData
) -> Appointed:
    before = registry.champion_version(name)
    if before == chosen.version:
        return Appointed(chosen.version, before, registry.verdict(name, chosen.version), "")
    try:
        opened = open_data()
    except ChurnmlError as problem:
        # what cannot be looked at is no reason to keep a person from mending things; it is said
        unchecked = f"its features could not be held against the project's: {problem.what}"
    else:
        unchecked = ""
        built = {n: feature.declaration() for n, feature in jobs.features_of(opened, chosen.predictor).items()}
        changed = differences(chosen.predictor.features, built)
        if changed:
            raise RegistryError(
                f"Version {chosen.version} of '{name}' was trained on other features than this project builds today: "
                f"{changed[0].sentence}" + (f" ({len(changed)} differences in all)." if changed[1:] else "."),
                where=f"project {opened.project.name}",
                remedy="It could not score anything. Declare the feature as it was, or train again.",
            )
    registry.appoint(name, chosen.version, what, why, by)
    return Appointed(chosen.version, before, registry.verdict(name, chosen.version), unchecked)


# ---------------------------------------------------------------- two versions side by side


def compare(registry: Registry, spec: ModelSpec, first: str, second: str, open_data: OpenData) -> dict[str, Any]:
    """Two versions of a model, measured on the same rows where the data are at hand.

    The rows are those of the newest mature cutoff. ``ahead`` says by how much the second is ahead of the first,
    paired; positive is better. ``warnings`` name what makes the comparison unfair. Without data, ``measured`` is
    False and the figures are those recorded when each was judged, which may be of different rows.
    """
    models = {version: registry.candidate(spec.name, version) for version in (first, second)}
    try:
        opened = open_data()
        return _measured(opened, spec, models)
    except ChurnmlError as problem:
        return _recorded(spec.name, models, problem.what)


def _measured(opened: OpenedProject, spec: ModelSpec, models: Mapping[str, RegisteredModel]) -> dict[str, Any]:
    facts, label = opened.facts, spec.label
    cutoff = label.reach.latest_mature(facts.data_through)
    spine = snapshots.population(label, facts, [cutoff])
    spine["label"] = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    rows = usable(spine, spec.name)
    said: dict[str, np.ndarray] = {}
    for version, model in models.items():
        built = jobs.features_of(opened, model.predictor)
        jobs.require_same(
            opened, model.predictor, f"version {version} of '{spec.name}'", model.predictor.features, built
        )
        frame = snapshots.build_snapshots(facts, list(built.values()), rows[["account_id", "as_of"]])
        said[version] = model.predictor.predict(frame)
    first, second = models
    measured = evaluate(
        rows["account_id"].to_numpy(),
        rows["label"].to_numpy(),
        {"model": said[second], "other": said[first]},
        spec.seed,
    ).as_data()
    return {
        "model": spec.name,
        "versions": [first, second],
        "measured": True,
        "why_not": "",
        "cutoff": str(cutoff),
        "rows": measured["rows"],
        "positives": measured["positives"],
        "figures": {first: measured["figures"]["other"], second: measured["figures"]["model"]},
        "ahead": measured["ahead"]["other"],
        "warnings": [w for version, model in models.items() for w in _unfair(spec, version, model, cutoff)],
    }


def _unfair(spec: ModelSpec, version: str, model: RegisteredModel, cutoff: dt.date) -> list[str]:
    manifest, reach = model.predictor.manifest, spec.label.reach
    found = []
    late = [c for c in manifest.trained_on if not reach.is_purged_for(c, cutoff)]
    if late:
        found.append(
            f"version {version} has trained on rows of {late[-1]}, which these rows of {cutoff} overlap: "
            "it has seen some of the answers"
        )
    elif manifest.judged_at == cutoff and model.record["promoted"]:
        found.append(f"version {version} was promoted because of these very rows, so here it looks a little too good")
    if manifest.label != spec.label.model_dump(mode="json"):
        found.append(f"version {version} was trained to predict another label than the one measured here")
    return found


def _recorded(name: str, models: Mapping[str, RegisteredModel], why_not: str) -> dict[str, Any]:
    records = {version: model.record for version, model in models.items()}
    cutoffs = {version: record["cutoff"] for version, record in records.items()}
    prints = {(record["cutoff"], record["data_fingerprint"]) for record in records.values()}
    return {
        "model": name,
        "versions": list(models),
        "measured": False,
        "why_not": why_not,
        "cutoff": cutoffs,
        "rows": {version: record["rows"] for version, record in records.items()},
        "positives": {version: record["positives"] for version, record in records.items()},
        "figures": {version: record["figures"]["model"] for version, record in records.items()},
        "ahead": None,
        "warnings": []
        if len(prints) == 1
        else ["the two were judged on different rows, so these figures do not say which is better"],
    }
