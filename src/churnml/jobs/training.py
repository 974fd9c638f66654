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
from churnml.features.declare import MEASURES_VERSION
from churnml.health.directions import Unheard, unheard_inputs
from churnml.impact.treated import touched, treated_in_window, treatment_marks
from churnml.jobs.opening import OpenedProject, Progress, beside_names, features_by_name, silent, wish_for
from churnml.modelling.hazard import fit_hazard
from churnml.modelling.record import TreatedRows, YoungAccounts
from churnml.modelling.reference import fit_places, with_places
from churnml.modelling.search import Tries
from churnml.modelling.splits import Split, plan
from churnml.modelling.stored import ModelManifest
from churnml.modelling.training import FittedModel, at_cutoffs, fit
from churnml.modelling.young import young_accounts
from churnml.specs.models import ModelSpec
from churnml.tables import Facts
from churnml.timeline import cutoffs_ending, end_of_data

log = logging.getLogger("churnml.training")

# The share of a cutoff's accounts that the data must know well enough for it to train.
MOSTLY = 0.5


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
        young: how many training rows are of accounts in their first weeks.
    """

    rows: pd.DataFrame
    split: Split
    features: tuple[Feature, ...]
    scales: tuple[Feature, ...]
    wish: Wish
    places: Mapping[str, Mapping[str, Sequence[float]]]
    marks: pd.DataFrame | None = None
    touched: TreatedRows | None = None
    young: YoungAccounts | None = None


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
        "measures": MEASURES_VERSION,
        "churnml": churnml.__version__,
        "lightgbm": lgb.__version__,
    }
    if opened.project.holidays:
        made_from["holidays"] = opened.project.holidays
    if opened.project.spec.fiscal_year_starts != 1:
        made_from["fiscal_year_starts"] = opened.project.spec.fiscal_year_starts
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
    begins = snapshots.usage_begins(facts)
    first = max(snapshots.accounts_begin(facts), begins or dt.date.min)
    cutoffs = cutoffs_ending(last, spec.cutoffs.every, spec.cutoffs.at_most, first)
    if not cutoffs:
        plan((), label.reach, spec.embargo, spec.estimator.folds)
    progress(f"{spec.name}: who was eligible at {len(cutoffs)} cutoffs")
    spine, left_out = _within_data(facts, snapshots.population(label, facts, cutoffs), spec, begins)
    present = [c for c in cutoffs if (spine["as_of"] == pd.Timestamp(c)).any()]
    labels = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    outcomes = pd.Series(labels == 1, index=spine["as_of"]).groupby(level=0).sum()
    positives = {c: int(outcomes[pd.Timestamp(c)]) for c in present}
    split = plan(present, label.reach, spec.embargo, spec.estimator.folds, positives)
    # event names are picked from what was known before the last training cutoff, not from the judged rows
    wish = wish_for(opened, spec, split.train[-1])
    features = choose(spec.features.families, spec.features.exclude, wish, facts, opened.project.catalogue)
    beside = features_by_name(opened, beside_names(opened.project), wish)
    scales = tuple(f for f in beside if f.name not in {g.name for g in features})
    progress(f"{spec.name}: {len(features)} features of {len(spine):,} snapshots")
    rows = snapshots.build_snapshots(facts, [*features, *scales], spine)
    places = fit_places(at_cutoffs(rows, split.train), features)
    rows = with_places(rows, features, places)
    rows["label"] = labels
    if spec.hazard is not None:
        times = snapshots.attach_leaving_times(label, facts, spine, end_of_data(facts.data_through))
        rows = rows.assign(**{name: times[name].to_numpy() for name in ("left_after", "seen_for")})
    rows, touched = _with_marks(rows, spec, split, marks)
    young = _young(facts, at_cutoffs(rows, split.train), features, left_out)
    counted = {"model": spec.name, "rows": len(rows), "features": len(features), "cutoffs": len(present)}
    log.info("%(model)s: %(rows)d snapshots at %(cutoffs)d cutoffs with %(features)d features collected", counted)
    return Collected(rows, split, features, scales, wish, places, marks, touched, young)


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


def _within_data(
    facts: Facts, spine: pd.DataFrame, spec: ModelSpec, begins: dt.date | None
) -> tuple[pd.DataFrame, int]:
    """The rows of ``spine`` whose accounts the usage data know over the longest lookback or all their life.

    Of the others, at early cutoffs, the data would say that they had hardly been used. A cutoff most of whose
    accounts are such has none of its rows: those who are left would not be what accounts usually are.

    Returns:
        the rows, and how many were left out.
    """
    if begins is None or spine.empty:
        return spine, 0
    longest = max(spec.features.lookbacks)
    within = pd.Series(snapshots.lies_within_data(facts, spine, begins, longest), index=spine.index)
    kept = within & (within.groupby(spine["as_of"]).transform("mean") >= MOSTLY)
    return spine[kept].reset_index(drop=True), int((~kept).sum())


def _young(facts: Facts, training: pd.DataFrame, features: Sequence[Feature], left_out: int) -> YoungAccounts:
    longest = max((feature.lived for feature in features), default=0)
    labels = training["label"].to_numpy(dtype="float64")
    return young_accounts(labels, snapshots.days_lived(facts, training), longest, left_out)


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
