"""Training a challenger: past snapshots are collected and labelled, and a model fitted on them."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import logging
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import lightgbm as lgb
import numpy as np
import pandas as pd

import churnml
from churnml import snapshots
from churnml.adapters.project import Project
from churnml.adapters.store import open_store
from churnml.features import Feature, Wish, choose
from churnml.health.directions import Unheard, unheard_inputs
from churnml.impact.treated import touched, treated_in_window, treatment_marks
from churnml.jobs.opening import OpenedProject, Progress, beside_names, features_by_name, silent, wish_for
from churnml.modelling.hazard import fit_hazard
from churnml.modelling.record import TreatedRows
from churnml.modelling.reference import fit_places, with_places
from churnml.modelling.search import Tries
from churnml.modelling.splits import Split, plan
from churnml.modelling.stored import ModelManifest
from churnml.modelling.training import FittedModel, at_cutoffs, fit
from churnml.specs.models import ModelSpec
from churnml.tables import Facts
from churnml.timeline import cutoffs_ending, end_of_data, plus_days

log = logging.getLogger("churnml.training")


@dataclass(frozen=True)
class Collected:
    """Labelled snapshots, and who of them trains and judges.

    Args:
        rows: snapshots with ``label``.
        split: which cutoffs do what.
        features: what the model sees.
        scales: further features that health or rivals need.
        wish: what the families were expanded over.
        places: the scales of features that are a place among the training accounts.
        marks: when accounts were worked, where that is known.
        touched: how many training rows the team worked before their outcome was known.
    """

    rows: pd.DataFrame
    split: Split
    features: tuple[Feature, ...]
    scales: tuple[Feature, ...]
    wish: Wish
    places: Mapping[str, Mapping[str, Sequence[float]]]
    marks: pd.DataFrame | None = None
    touched: TreatedRows | None = None


def marks_of(opened: OpenedProject) -> pd.DataFrame:
    """When which accounts were worked, by the operational store; see :func:`churnml.impact.treated.treatment_marks`."""
    with open_store(opened.project.operational_url) as store:
        return treatment_marks(store.outcomes.assignments(), store.work.items())


def training_fingerprint(opened: OpenedProject, spec: ModelSpec, marks: pd.DataFrame | None = None) -> str:
    """Names everything a model is made from: equal means training again would give the same.

    What the team did meanwhile is part of it only where rows that were worked are left out.
    """
    made_from = {
        "data": opened.facts.fingerprint,
        "data_through": str(opened.facts.data_through),
        "spec": spec.model_dump(mode="json"),
        "static": opened.project.spec.static,
        "core_events": opened.project.spec.core_events,
        "own_features": opened.project.own_features_fingerprint,
        "health": opened.project.health.features,
        "churnml": churnml.__version__,
        "lightgbm": lgb.__version__,
    }
    if spec.treated_rows == "drop" and marks is not None:
        made_from["marks"] = marks.astype(str).to_dict("list")
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:20]


def collect(
    opened: OpenedProject, spec: ModelSpec, progress: Progress = silent, marks: pd.DataFrame | None = None
) -> Collected:
    """Builds the snapshots of every mature cutoff, labels them, and plans the split.

    ``marks`` says when accounts were worked: the training rows it touches are counted and, where the model declares
    so, left out. The judged rows stay as they are.
    """
    facts, label = opened.facts, spec.label
    last = label.reach.latest_mature(facts.data_through)
    first = _first_cutoff(facts, spec)
    cutoffs = cutoffs_ending(last, spec.cutoffs.every, spec.cutoffs.at_most, first)
    if not cutoffs:
        plan((), label.reach, spec.embargo, spec.estimator.folds)
    progress(f"{spec.name}: who was eligible at {len(cutoffs)} cutoffs")
    spine = snapshots.population(label, facts, cutoffs)
    present = [c for c in cutoffs if (spine["as_of"] == pd.Timestamp(c)).any()]
    split = plan(present, label.reach, spec.embargo, spec.estimator.folds)
    # event names are picked from what was known before the last training cutoff, not from the judged rows
    wish = wish_for(opened, spec, split.train[-1])
    features = choose(spec.features.families, spec.features.exclude, wish, facts, opened.project.catalogue)
    beside = features_by_name(opened, beside_names(opened.project), wish)
    scales = tuple(f for f in beside if f.name not in {g.name for g in features})
    progress(f"{spec.name}: {len(features)} features of {len(spine):,} snapshots")
    rows = snapshots.build_snapshots(facts, [*features, *scales], spine)
    places = fit_places(at_cutoffs(rows, split.train), features)
    rows = with_places(rows, features, places)
    rows["label"] = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    if spec.hazard is not None:
        times = snapshots.attach_leaving_times(label, facts, spine, end_of_data(facts.data_through))
        rows = rows.assign(**{name: times[name].to_numpy() for name in ("left_after", "seen_for")})
    rows, touched = _with_marks(rows, spec, split, marks)
    counted = {"model": spec.name, "rows": len(rows), "features": len(features), "cutoffs": len(present)}
    log.info("%(model)s: %(rows)d snapshots at %(cutoffs)d cutoffs with %(features)d features collected", counted)
    return Collected(rows, split, features, scales, wish, places, marks, touched)


def _with_marks(
    rows: pd.DataFrame, spec: ModelSpec, split: Split, marks: pd.DataFrame | None
) -> tuple[pd.DataFrame, TreatedRows | None]:
    if marks is None or marks.empty:
        return rows, None
    drop = spec.treated_rows == "drop"
    trains = rows["as_of"].isin([pd.Timestamp(cutoff) for cutoff in split.train])
    counted = touched(rows[trains], marks, spec.label.reach, drop)
    if drop:
        rows = rows[~(trains & treated_in_window(rows, marks, spec.label.reach))].reset_index(drop=True)
    return rows, counted


def _first_cutoff(facts: Facts, spec: ModelSpec) -> dt.date:
    """The first date with accounts to look at, and with usage data over the whole of the longest lookback."""
    created = snapshots.accounts_begin(facts)
    begins = snapshots.usage_begins(facts)
    return created if begins is None else max(created, plus_days(begins, max(spec.features.lookbacks)))


def unheard_by(project: Project, spec: ModelSpec, collected: Collected) -> tuple[Unheard, ...]:
    """The inputs of health that have no say by the training rows; a model of another part says nothing of them."""
    if spec.name != project.health.risk.model:
        return ()
    train = at_cutoffs(collected.rows, collected.split.train)
    polarity = {feature.name: feature.polarity for feature in (*collected.features, *collected.scales)}
    return unheard_inputs(project.health, train, train["label"].to_numpy(dtype="float64", na_value=np.nan), polarity)


def fit_challenger(opened: OpenedProject, spec: ModelSpec, collected: Collected) -> FittedModel:
    """Fits the challenger on rows that were history at the judged cutoff."""
    manifest = ModelManifest(
        name=spec.name,
        means=spec.means,
        label=spec.label.model_dump(mode="json"),
        spec=spec.model_dump(mode="json"),
        wish=collected.wish,
        trained_on=collected.split.train,
        judged_at=collected.split.judged,
        data_fingerprint=opened.facts.fingerprint,
        places=collected.places,
        scales=tuple(feature.declaration() for feature in collected.scales),
        currency=opened.project.spec.currency,
        made_with={
            **{library.__name__: library.__version__ for library in (churnml, lgb, np, pd)},
            "python": platform.python_version(),
        },
        unheard={one.feature: one.why for one in unheard_by(opened.project, spec, collected) if not one.insisted},
    )
    # a search that was stopped goes on where it was, as long as nothing it rests on has changed
    named = f"{spec.name} {training_fingerprint(opened, spec, collected.marks)}"
    tries = Tries(f"sqlite:///{opened.project.work / 'tuning.db'}", named)
    started = time.perf_counter()
    fitted = fit(spec, collected.features, collected.rows, collected.split, manifest, collected.scales, tries)
    hazard = fit_hazard(spec, collected.features, collected.rows, collected.split, fitted.predictor)
    spent = {"model": spec.name, "trees": fitted.chosen.trees, "seconds": time.perf_counter() - started}
    log.info("%(model)s: %(trees)d trees fitted in %(seconds).1f s", spent)
    return replace(fitted, predictor=replace(fitted.predictor, hazard=hazard))
