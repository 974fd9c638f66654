"""The steps of training: collect, fit, judge, record."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pandas as pd

import churnml
from churnml import snapshots
from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.store import open_store
from churnml.errors import ChurnmlError, ProjectError
from churnml.features import Feature, Wish, choose
from churnml.health.score import health_of
from churnml.impact.treated import Touched, touched, treated_in_window, treatment_marks
from churnml.jobs.opening import OpenedProject, Progress, built_for, needed_beside, silent, wish_for
from churnml.jsontypes import JsonObject
from churnml.modelling.agreement import differences
from churnml.modelling.evaluation import (
    Evaluation,
    Stakes,
    evaluate,
    gains,
    reliability,
)
from churnml.modelling.hazard import fit_hazard
from churnml.modelling.leaks import Giveaway, giveaways, too_good
from churnml.modelling.manifest import ModelManifest
from churnml.modelling.promotion import Verdict, faded, judge, misfitting, overlapping
from churnml.modelling.reference import fit_places, with_places
from churnml.modelling.reliability import error_by_chance
from churnml.modelling.slices import slices
from churnml.modelling.splits import Split, plan
from churnml.modelling.survival_figures import evaluate_curves, evenly
from churnml.modelling.training import (
    FittedModel,
    Tries,
    at_cutoffs,
    fit,
    rival_predictions,
    score_as_rival,
    usable,
)
from churnml.pages.card import card
from churnml.specs import ModelSpec
from churnml.tables import Facts
from churnml.timeline import cutoffs_ending, end_of_data, plus_days

if TYPE_CHECKING:
    from churnml.adapters.registry import Registry
    from churnml.modelling.predictor import Calibration, Predictor


EXAMPLE_ROWS = 5


@dataclass(frozen=True)
class Collected:
    """Labelled snapshots, and who of them trains and judges.

    Args:
        rows: snapshots with ``label``.
        plan: the split.
        features: what the model sees.
        scales: further features that health or rivals need.
        wish: what the families were expanded over.
        places: the scales of features that are a place among the training accounts.
        marks: when accounts were worked, where that is known.
        touched: how many training rows the team worked before their outcome was known.
    """

    rows: pd.DataFrame
    plan: Split
    features: tuple[Feature, ...]
    scales: tuple[Feature, ...]
    wish: Wish
    places: Mapping[str, Mapping[str, Sequence[float]]]
    marks: pd.DataFrame | None = None
    touched: Touched | None = None


def marks_of(opened: OpenedProject) -> pd.DataFrame:
    """When which accounts were worked, by the operational store; see :func:`churnml.impact.treated.treatment_marks`."""
    with open_store(opened.project.operational_url) as store:
        return treatment_marks(store.outcomes.assignments(), store.work.items())


def training_fingerprint(opened: OpenedProject, spec: ModelSpec, marks: pd.DataFrame | None = None) -> str:
    """Names everything a model is made from: equal means training again would give the same.

    What the team did meanwhile is part of it only where rows that were worked are left out.
    """
    said = {
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
        said["marks"] = marks.astype(str).to_dict("list")
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:20]


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
    scales = tuple(f for f in needed_beside(opened, wish) if f.name not in {g.name for g in features})
    progress(f"{spec.name}: {len(features)} features of {len(spine):,} snapshots")
    rows = snapshots.build_snapshots(facts, [*features, *scales], spine)
    places = fit_places(at_cutoffs(rows, split.train), features)
    rows = with_places(rows, features, places)
    rows["label"] = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    if spec.hazard is not None:
        times = snapshots.attach_leaving_times(label, facts, spine, end_of_data(facts.data_through))
        rows = rows.assign(**{name: times[name].to_numpy() for name in ("left_after", "seen_for")})
    rows, touched = _with_marks(rows, spec, split, marks)
    return Collected(rows, split, features, scales, wish, places, marks, touched)


def _with_marks(
    rows: pd.DataFrame, spec: ModelSpec, split: Split, marks: pd.DataFrame | None
) -> tuple[pd.DataFrame, Touched | None]:
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
    created = pd.Timestamp(facts.accounts["created_at"].min().to_pandas()).date()
    begins = snapshots.usage_begins(facts)
    return created if begins is None else max(created, plus_days(begins, max(spec.features.lookbacks)))


def made_with() -> dict[str, str]:
    """The versions of the code a model is made with."""
    return {
        "churnml": churnml.__version__,
        "lightgbm": lgb.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "python": platform.python_version(),
    }


def fit_challenger(opened: OpenedProject, spec: ModelSpec, collected: Collected) -> FittedModel:
    """Fits the challenger on rows that were history at the judged cutoff."""
    manifest = ModelManifest(
        name=spec.name,
        means=spec.means,
        label=spec.label.model_dump(mode="json"),
        spec=spec.model_dump(mode="json"),
        wish=collected.wish,
        trained_on=collected.plan.train,
        judged_at=collected.plan.judged,
        data_fingerprint=opened.facts.fingerprint,
        places=collected.places,
        scales=tuple(feature.declaration() for feature in collected.scales),
        currency=opened.project.spec.currency,
        made_with=made_with(),
    )
    # a search that was stopped goes on where it was, as long as nothing it rests on has changed
    named = f"{spec.name} {training_fingerprint(opened, spec, collected.marks)}"
    tries = Tries(f"sqlite:///{opened.project.work / 'tuning.db'}", named)
    fitted = fit(spec, collected.features, collected.rows, collected.plan, manifest, collected.scales, tries)
    hazard = fit_hazard(spec, collected.features, collected.rows, collected.plan, fitted.predictor)
    return replace(fitted, predictor=replace(fitted.predictor, hazard=hazard))


@dataclass(frozen=True)
class Judgement:
    """What the judged cutoff says of a challenger.

    Args:
        evaluation: the figures; None where nothing could be measured.
        verdict: promoted or not, and why.
        rows: the judged rows with a known outcome.
        said: who → probabilities of those rows.
        leaks: features that give the outcome away.
        later: the figures on the plan's second, later period; None without one.
    """

    evaluation: Evaluation | None
    verdict: Verdict
    rows: pd.DataFrame
    said: Mapping[str, np.ndarray]
    leaks: tuple[Giveaway, ...] = ()
    later: Evaluation | None = None


def judge_challenger(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    champion: Predictor | None,
    unreadable: str | None = None,
) -> Judgement:
    """Measures challenger, rivals and champion on the judged cutoff, once, and gives the verdict.

    What cannot be judged is recorded as not promoted, with the reason; training goes on.
    ``unreadable`` says why the champion in office could not be loaded; nobody can beat it then.
    """
    judged = at_cutoffs(collected.rows, [collected.plan.judged])
    judged = judged[judged["label"].notna()]
    truth = truth_of(opened.project, spec.name, judged)
    closed = [reason for reason in (unreadable, _overlap(spec, collected, fitted)) if reason]
    misfit = misfitting("the challenger", fitted.predictor.features, judged)
    if misfit:
        return Judgement(None, Verdict(False, "; ".join([*closed, misfit])), judged, {})
    leaks = _leaks(spec, collected)
    closed += [leak.sentence for leak in leaks]
    try:
        said, absent = _said(opened, spec, collected, fitted, judged)
        if champion is not None:
            problem = _champion_said(opened, spec, collected, champion, judged, said)
            closed += [problem] if problem else []
        if truth is not None:
            said["truth"] = truth
        stakes = _stakes(spec, judged)
        accounts, labels = judged["account_id"].to_numpy(), judged["label"].to_numpy()
        evaluation = evaluate(accounts, labels, said, spec.seed, stakes=stakes)
        later = _later(opened, spec, collected, fitted)
    except ChurnmlError as problem:
        closed.append(f"it could not be judged: {problem.what}")
        return Judgement(None, Verdict(False, "; ".join(closed)), judged, {}, leaks)
    suspicious = too_good(evaluation, _importance(fitted, judged), _strongest(fitted, judged))
    closed += [reason for reason in (suspicious, later and faded(later)) if reason]
    verdict = judge(evaluation, spec.promote_if, champion is not None, closed, absent)
    return Judgement(evaluation, verdict, judged, said, leaks, later)


def _later(opened: OpenedProject, spec: ModelSpec, collected: Collected, fitted: FittedModel) -> Evaluation | None:
    """The model and its rivals on the second, later period, if the plan has one."""
    if collected.plan.later is None:
        return None
    rows = at_cutoffs(collected.rows, [collected.plan.later])
    rows = rows[rows["label"].notna()]
    said, _ = _said(opened, spec, collected, fitted, rows)
    return evaluate(rows["account_id"].to_numpy(), rows["label"].to_numpy(), said, spec.seed)


def _leaks(spec: ModelSpec, collected: Collected) -> tuple[Giveaway, ...]:
    mature = collected.rows[collected.rows["label"].notna()]
    train = at_cutoffs(mature, collected.plan.train)
    return giveaways(collected.features, train, mature, lapse=spec.label.kind == "lapse")


def _overlap(spec: ModelSpec, collected: Collected, fitted: FittedModel) -> str | None:
    """That the challenger trained on what the judged cutoff overlaps, by its own word or by the plan's."""
    trained = [*fitted.predictor.manifest.trained_on, *collected.plan.train]
    return overlapping("the challenger", trained, collected.plan.judged, spec.label.reach, spec.embargo)


def _said(
    opened: OpenedProject, spec: ModelSpec, collected: Collected, fitted: FittedModel, judged: pd.DataFrame
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Who says what of the judged rows, and which rivals these data cannot have, with the reason."""
    train = usable(at_cutoffs(collected.rows, collected.plan.train), spec.name)
    judged = usable(judged, spec.name)
    found: dict[str, np.ndarray | None] = {"model": fitted.predictor.predict(judged)}
    found |= rival_predictions(collected.features, train, judged)
    by_health = [_health_scores(opened.project, collected, fitted, rows) for rows in (train, judged)]
    found["health"] = score_as_rival(by_health[0], train["label"].to_numpy(), by_health[1])
    why = {"recency": "there is no usage data", "health": "none of its inputs is known"}
    absent = {who: why[who] for who, p in found.items() if p is None}
    return {who: p for who, p in found.items() if p is not None}, absent


def _health_scores(project: Project, collected: Collected, fitted: FittedModel, rows: pd.DataFrame) -> np.ndarray:
    """The health score of each row from its dimensions alone, without any model."""
    polarity = {f.name: f.polarity for f in (*collected.features, *collected.scales)}
    unknown = np.full(len(rows), np.nan)
    return health_of(project.health, rows, polarity, fitted.predictor.reference, unknown, None).score


def _champion_said(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    champion: Predictor,
    judged: pd.DataFrame,
    said: dict[str, np.ndarray],
) -> str | None:
    """Adds what the champion says of the judged rows to ``said``, or tells why it cannot be compared."""
    theirs = built_for(opened, champion, champion.feature_names)
    problem = _champion_problem(champion, theirs, spec, collected.plan)
    if problem:
        return problem
    try:
        spine = judged[["account_id", "as_of"]]
        rows = snapshots.build_snapshots(opened.facts, list(theirs.values()), spine)
        problem = misfitting("the present champion", champion.features, champion.with_places(rows))
        if problem is None:
            said["champion"] = champion.predict(rows)
    except ChurnmlError as failed:
        return f"the present champion could not be measured: {failed.what}"
    return problem


def _champion_problem(
    champion: Predictor, available: Mapping[str, Feature], spec: ModelSpec, split: Split
) -> str | None:
    """Why the present champion cannot be compared fairly on the judged rows; None when it can."""
    by_hand = f"if the change is meant, promote it by hand: churnml models promote {spec.name}"
    changed = differences(champion.features, {name: f.declaration() for name, f in available.items()})
    if changed:
        return f"the present champion was trained on other features: {changed[0].sentence}; {by_hand}"
    if champion.manifest.label != spec.label.model_dump(mode="json"):
        return f"the present champion predicts another label, so the two cannot be compared; {by_hand}"
    return overlapping("the present champion", champion.manifest.trained_on, split.judged, spec.label.reach)


def _stakes(spec: ModelSpec, judged: pd.DataFrame) -> Stakes:
    said = spec.decision
    share = said.capacity if said.capacity < 1 else min(1.0, said.capacity / len(judged))
    return Stakes(share, judged["mrr"].to_numpy(dtype="float64"), said.contact_cost, said.saved_share * said.months)


def truth_of(project: Project, model: str, judged: pd.DataFrame) -> np.ndarray | None:
    """A simulated company's true probabilities of the judged rows; None where they are not known."""
    if project.spec.truth is None:
        return None
    path = project.root / project.spec.truth
    if not path.is_file():
        raise ProjectError(
            "The file of true probabilities is not there.",
            where=f"{project.root / PROJECT_FILE}, truth:",
            remedy="Only simulated companies have one: take the line out, or simulate again.",
        )
    column = f"{model}_probability"
    known = pd.read_parquet(path)
    if column not in known.columns:
        return None
    known["as_of"] = pd.to_datetime(known["as_of"]).astype("datetime64[us]")
    known["account_id"] = known["account_id"].astype(str)
    found = judged[["account_id", "as_of"]].merge(known, on=["account_id", "as_of"], how="left")[column]
    return None if found.isna().any() else found.to_numpy(dtype="float64")


def record_challenger(
    opened: OpenedProject,
    registry: Registry,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judged: Judgement,
    against: str | None,
) -> dict[str, Any]:
    """Registers the challenger with everything known of it; moves the alias when the verdict says so.

    ``against`` is the version of the champion it was judged against, None where there was none.
    """
    from churnml.modelling.record import ModelRecord
    from churnml.pages.charts import gains_chart, png, reliability_chart

    record = record_of(opened, spec, collected, fitted, judged) | {"against": against}
    when = (record["hazard"] or {}).get("judged")
    figures = record["figures"] | ({"when": when["figures"]["curve"]} if when else {})
    metrics = {
        f"{who}.{name}{suffix}": figure[key]
        for who, named in figures.items()
        for name, figure in named.items()
        for key, suffix in (("value", ""), ("low", ".low"), ("high", ".high"))
        if figure[key] is not None
    }
    parameters = {
        **{f"estimator.{key}": value for key, value in spec.estimator.model_dump().items()},
        **{f"label.{key}": value for key, value in spec.label.model_dump().items()},
        "trees": fitted.trees,
        "features": len(collected.features),
        "data_fingerprint": opened.facts.fingerprint,
        "data_through": str(opened.facts.data_through),
        "judged_cutoff": record["cutoff"],
        "train_cutoffs": f"{collected.plan.train[0]} to {collected.plan.train[-1]}",
        "seed": spec.seed,
        "churnml": churnml.__version__,
    }
    example = judged.rows[fitted.predictor.feature_names].head(EXAMPLE_ROWS)
    version = registry.record(
        opened.project.name,
        fitted.predictor,
        example,
        record,
        parameters,
        metrics,
        {
            **({"reliability.png": png(reliability_chart(ModelRecord.read(record)))} if record["reliability"] else {}),
            **({"lift.png": png(gains_chart(ModelRecord.read(record)))} if record["gains"] else {}),
            "judged.csv": _judged_table(judged).to_csv(index=False),
            "card.md": card(record),
        },
    )
    return record | {"version": version}


def _judged_table(judged: Judgement) -> pd.DataFrame:
    table = judged.rows[["as_of", "label"]].assign(**judged.said)
    # an artifact that may be opened in a spreadsheet: an account id must not run there
    ids = judged.rows["account_id"].astype(str)
    return table.assign(account_id=ids.where(~ids.str.match(r"^[=+\-@\t\r]"), "'" + ids))


def record_of(
    opened: OpenedProject, spec: ModelSpec, collected: Collected, fitted: FittedModel, judged: Judgement
) -> dict[str, Any]:
    y = judged.rows["label"].to_numpy(dtype="float64")
    train = at_cutoffs(collected.rows, collected.plan.train)
    labelled = train["label"].notna()
    seen = collected.rows[collected.rows["as_of"] == pd.Timestamp(collected.plan.judged)]
    found: dict[str, Any] = _finite(
        {
            "name": spec.name,
            "means": spec.means,
            "fingerprint": training_fingerprint(opened, spec, collected.marks),
            "promoted": judged.verdict.promoted,
            "because": judged.verdict.because,
            "cutoff": str(collected.plan.judged),
            "left_in_gap": int(seen["label"].isna().sum()),
            "rows": len(y),
            "positives": int(y.sum()),
            **_measured(spec, train[labelled], judged, y),
            "later": None if judged.later is None else {"cutoff": str(collected.plan.later), **judged.later.as_data()},
            "leaks": [asdict(leak) for leak in judged.leaks],
            "importance": _importance(fitted, judged.rows) if judged.evaluation else [],
            "training": {
                "cutoffs": [str(c) for c in collected.plan.train],
                "purged": [str(c) for c in collected.plan.purged],
                "folds": [
                    {"train": [str(c) for c in f.train], "validate": str(f.validate)} for f in collected.plan.folds
                ],
                "searched_at": [str(fold.validate) for fold in collected.plan.search],
                "calibrated_at": [str(fold.validate) for fold in collected.plan.calibrate],
                "later": str(collected.plan.later) if collected.plan.later else None,
                "fold_losses": dict(fitted.fold_losses),
                "search": [tried.as_data() for tried in fitted.chosen.tried],
                "calibration_losses": dict(fitted.calibration_losses),
                "seeds": spec.estimator.seeds,
                "touched": collected.touched.as_data() if collected.touched else None,
                "rows": int(labelled.sum()),
                "positives": int(train["label"].sum()),
                "base_rate": fitted.predictor.base_rate,
                "trees": fitted.trees,
                "features": len(collected.features),
                "calibration": _calibration_told(fitted.predictor.calibration),
            },
            "hazard": _hazard_record(spec, collected, fitted),
            "label": spec.label.model_dump(mode="json"),
            "spec": spec.model_dump(mode="json"),
            "data_through": str(opened.facts.data_through),
            "data_fingerprint": opened.facts.fingerprint,
            "made_with": dict(fitted.predictor.manifest.made_with),
        }
    )
    return found


def _hazard_record(spec: ModelSpec, collected: Collected, fitted: FittedModel) -> dict[str, Any] | None:
    """How the curves were fitted, and their figures at the judged cutoff beside the classifier's spread evenly."""
    # everybody there at the cutoff, also who left in the gap and has no label
    judged = at_cutoffs(collected.rows, [collected.plan.judged])
    hazard, curves = fitted.predictor.hazard, fitted.predictor.curves(judged)
    if hazard is None or curves is None:
        return None
    said = {
        "curve": curves.leaves_before,
        "classifier": evenly(fitted.predictor.predict(judged), hazard.anchor[1] - hazard.anchor[0]),
    }
    account, left_after, seen_for = (judged[name].to_numpy() for name in ("account_id", "left_after", "seen_for"))
    measured = evaluate_curves(account, left_after, seen_for, said, hazard.edges[-1], spec.seed)
    return {**hazard.as_data(), "judged": None if measured is None else asdict(measured)}


def _measured(spec: ModelSpec, train: pd.DataFrame, judged: Judgement, y: np.ndarray) -> dict[str, Any]:
    """Everything of the record that was measured on the judged rows; empty where nothing could be."""
    if judged.evaluation is None:
        nothing: dict[str, Any] = {
            "ahead": {},
            "shift": {},
            "reliability": [],
            "gains": [],
            "slices": [],
            "decision": None,
        }
        return {"figures": {"model": {}}, **nothing}
    measured, p = judged.evaluation.as_data(), judged.said["model"]
    share = _stakes(spec, judged.rows).share
    return {
        **{key: measured[key] for key in ("figures", "ahead", "shift")},
        "calibration_error_by_chance": error_by_chance(p),
        "reliability": reliability(p, y).to_dict("records"),
        "gains": gains(judged.said, y).to_dict("records"),
        "slices": slices(train, judged.rows, p, spec.seed),
        "decision": spec.decision.model_dump(mode="json") | {"share": share, "contacted": share * len(y)},
    }


def _calibration_told(calibration: Calibration) -> JsonObject:
    """A calibration for the record: a table of hundreds of points is told by its size."""
    if calibration.x:
        return {"kind": calibration.kind, "points": len(calibration.x)}
    return calibration.as_json()


def _importance(fitted: FittedModel, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Feature family → mean absolute contribution to the log-odds on the judged rows, largest first."""
    contributions = fitted.predictor.contributions(rows)
    families = [feature.family for feature in fitted.predictor.features]
    summed = pd.DataFrame(contributions).T.groupby(np.array(families)).sum().T
    mean = summed.abs().mean().sort_values(ascending=False, kind="stable")
    return [{"family": str(family), "log_odds": float(value)} for family, value in mean.items()]


def _strongest(fitted: FittedModel, rows: pd.DataFrame) -> dict[str, str]:
    """Feature family → its feature with the largest mean absolute contribution."""
    mean = np.abs(fitted.predictor.contributions(rows)).mean(axis=0)
    rising = [fitted.predictor.features[i] for i in np.argsort(mean, kind="stable")]
    return {feature.family: feature.name for feature in rising}


def _finite(value: Any) -> Any:
    """The same data with what JSON cannot say (nan, infinities) as None."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value
