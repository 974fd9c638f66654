"""The steps of training, scoring and running, as plain functions over an opened project.

``pipelines/`` strings them together and adds retries, progress and a record of runs; nothing here
knows Prefect, and nothing there does arithmetic.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import math
import platform
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm as lgb
import numpy as np
import pandas as pd

import churnml
from churnml import snapshots
from churnml.acting.health import check_inputs, health_of
from churnml.acting.scoring import Scores, ScoringModel, score_accounts
from churnml.adapters.project import PROJECT_FILE, Project, open_project
from churnml.adapters.warehouse import Ingested, engine_of, facts_of, ingest
from churnml.errors import ChurnmlError, ProjectError, RegistryError, TooLittleDataError
from churnml.features import Feature, Wish, choose, wanted_parts
from churnml.labels import Label, require_sources
from churnml.modelling.agreement import Difference, differences
from churnml.modelling.cards import card
from churnml.modelling.evaluation import (
    CALIBRATION_FIGURES,
    DECISION_FIGURES,
    FIGURES,
    Evaluation,
    Stakes,
    evaluate,
    gains,
    reliability,
)
from churnml.modelling.hazard import fit_hazard
from churnml.modelling.leaks import Giveaway, giveaways, too_good
from churnml.modelling.promotion import Verdict, faded, judge, misfitting, overlapping
from churnml.modelling.reference import fit_places, with_places
from churnml.modelling.reliability import error_by_chance
from churnml.modelling.slices import slices
from churnml.modelling.splits import Plan, plan
from churnml.modelling.survival_figures import evaluate_curves, evenly
from churnml.modelling.training import (
    RECENCY,
    RIVALS,
    Fitted,
    Tries,
    at_cutoffs,
    fit,
    rival_predictions,
    score_as_rival,
    usable,
)
from churnml.specs import ModelSpec
from churnml.tables import Facts
from churnml.timeline import cutoffs_ending, end_of_data, plus_days

if TYPE_CHECKING:
    from churnml.adapters.registry import Registered, Registry
    from churnml.modelling.predictor import Predictor

Progress = Callable[[str], None]
EXAMPLE_ROWS = 5
# Facts that playbooks and reasons may ask for, wherever the project's data can answer them.
CONTEXT_FEATURES = ("subscription_tenure_days", "subscription_days_to_renewal", "account_segment", "account_age_days")


def _silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class Opened:
    """A project with its checked tables at hand."""

    project: Project
    ingested: Ingested
    facts: Facts


def open_data(root: Path, today: dt.date, progress: Progress = _silent, engine: str | None = None) -> Opened:
    """Opens a project, reads its declarations, and reads and checks its tables.

    ``engine`` is what snapshots are computed on, instead of what the project declares.
    """
    project = open_project(root)
    project.check_declarations()
    ingested = ingest(project, today, progress, _asked_of_rollups(project))
    facts = facts_of(ingested, project.spec.static, engine_of(project, ingested, engine))
    for name in project.model_names:
        require_sources(project.model(name).label, facts, str(project.declaration(name, "spec.yaml")))
    _check_health(project)
    return Opened(project, ingested, facts)


def _asked_of_rollups(project: Project) -> frozenset[str]:
    """What the features of the project's models and of its health score ask of the usage roll-ups."""
    asked: frozenset[str] = frozenset()
    for name in project.model_names:
        said = project.model(name).features
        wish = Wish(said.lookbacks, ("any",) if said.event_names else (), project.spec.static)
        asked |= wanted_parts(said.families, said.exclude, wish, project.catalogue)
    possible = _possible(project, Wish(project.model(project.health.risk.model).features.lookbacks, (), ()))
    for feature in _with_what_they_are_made_of(_beside_names(project), possible):
        asked |= feature.parts
    return asked


def _check_health(project: Project) -> None:
    spec = project.model(project.health.risk.model)
    wish = Wish(spec.features.lookbacks, (), project.spec.static)
    check_inputs(project.health, _possible(project, wish), str(project.declaration("health.yaml")))


def _possible(project: Project, wish: Wish) -> dict[str, Feature]:
    """Every feature the project's catalogue can make of ``wish``, whatever tables it has."""
    return {feature.name: feature for family in project.catalogue.values() for feature in family.features(wish)}


def _beside_names(project: Project) -> list[str]:
    """Features that health, the recency rival and the playbooks need, whichever the model sees."""
    health = [i.feature for d in project.health.dimensions.values() for i in d.inputs]
    return [*health, RECENCY, *CONTEXT_FEATURES]


def _with_what_they_are_made_of(names: Sequence[str], available: Mapping[str, Feature]) -> tuple[Feature, ...]:
    """The named features with all they are made of, in catalogue order; names not available are left out."""
    wanted: set[str] = set()
    ahead = [name for name in names if name in available]
    while ahead:
        name = ahead.pop()
        if name not in wanted and name in available:
            wanted.add(name)
            ahead += available[name].made_of
    return tuple(feature for name, feature in available.items() if name in wanted)


# ---------------------------------------------------------------- training


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
    """

    rows: pd.DataFrame
    plan: Plan
    features: tuple[Feature, ...]
    scales: tuple[Feature, ...]
    wish: Wish
    places: Mapping[str, Mapping[str, Sequence[float]]]


def training_fingerprint(opened: Opened, spec: ModelSpec) -> str:
    """Names everything a model is made from: equal means training again would give the same."""
    said = {
        "data": opened.facts.fingerprint,
        "data_through": str(opened.facts.data_through),
        "spec": spec.model_dump(mode="json"),
        "static": opened.project.spec.static,
        "own_features": opened.project.own_features_fingerprint,
        "health": [i.feature for d in opened.project.health.dimensions.values() for i in d.inputs],
        "churnml": churnml.__version__,
        "lightgbm": lgb.__version__,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:20]


def collect(opened: Opened, spec: ModelSpec, progress: Progress = _silent) -> Collected:
    """Builds the snapshots of every mature cutoff, labels them, and plans the split."""
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
    names = spec.features.event_names
    if isinstance(names, int):
        names = snapshots.frequent_events(facts, split.train[-1], names)
    wish = Wish(spec.features.lookbacks, tuple(names), opened.project.spec.static)
    features = choose(spec.features.families, spec.features.exclude, wish, facts, opened.project.catalogue)
    scales = tuple(f for f in _needed_beside(opened, wish) if f.name not in {g.name for g in features})
    progress(f"{spec.name}: {len(features)} features of {len(spine):,} snapshots")
    rows = snapshots.build_snapshots(facts, [*features, *scales], spine)
    places = fit_places(at_cutoffs(rows, split.train), features)
    rows = with_places(rows, features, places)
    rows["label"] = snapshots.attach_label(label, facts, spine)["label"].to_numpy()
    if spec.hazard is not None:
        times = snapshots.attach_leaving_times(label, facts, spine, end_of_data(facts.data_through))
        rows = rows.assign(**{name: times[name].to_numpy() for name in ("left_after", "seen_for")})
    return Collected(rows, split, features, scales, wish, places)


def _first_cutoff(facts: Facts, spec: ModelSpec) -> dt.date:
    """The first date with accounts to look at, and with usage data over the whole of the longest lookback."""
    created = pd.Timestamp(facts.accounts["created_at"].min().to_pandas()).date()
    begins = snapshots.usage_begins(facts)
    return created if begins is None else max(created, plus_days(begins, max(spec.features.lookbacks)))


def _needed_beside(opened: Opened, wish: Wish) -> tuple[Feature, ...]:
    return _by_name(opened, _beside_names(opened.project), wish)


def _by_name(opened: Opened, names: Sequence[str], wish: Wish) -> tuple[Feature, ...]:
    """The named features with all they are made of, in catalogue order; those the data cannot answer left out."""
    catalogue = opened.project.catalogue
    found = choose(tuple(catalogue), (), wish, opened.facts, catalogue)
    return _with_what_they_are_made_of(names, {feature.name: feature for feature in found})


def made_with() -> dict[str, str]:
    """The versions of the code a model is made with."""
    return {
        "churnml": churnml.__version__,
        "lightgbm": lgb.__version__,
        "numpy": np.__version__,
        "pandas": pd.__version__,
        "python": platform.python_version(),
    }


def fit_challenger(opened: Opened, spec: ModelSpec, collected: Collected) -> Fitted:
    """Fits the challenger on rows that were history at the judged cutoff."""
    about = {
        "name": spec.name,
        "means": spec.means,
        "label": spec.label.model_dump(mode="json"),
        "spec": spec.model_dump(mode="json"),
        "wish": asdict(collected.wish),
        "places": collected.places,
        "trained_on": [str(cutoff) for cutoff in collected.plan.train],
        "judged_at": str(collected.plan.judged),
        "data_fingerprint": opened.facts.fingerprint,
        "scales": [feature.declaration() for feature in collected.scales],
        "currency": opened.project.spec.currency,
        "made_with": made_with(),
    }
    # a search that was stopped goes on where it was, as long as nothing it rests on has changed
    tries = Tries(f"sqlite:///{opened.project.work / 'tuning.db'}", f"{spec.name} {training_fingerprint(opened, spec)}")
    fitted = fit(spec, collected.features, collected.rows, collected.plan, about, collected.scales, tries)
    hazard = fit_hazard(spec, collected.features, collected.rows, collected.plan, fitted.predictor)
    return replace(fitted, predictor=replace(fitted.predictor, hazard=hazard))


@dataclass(frozen=True)
class Judged:
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
    opened: Opened,
    spec: ModelSpec,
    collected: Collected,
    fitted: Fitted,
    champion: Predictor | None,
    unreadable: str | None = None,
) -> Judged:
    """Measures challenger, rivals and champion on the judged cutoff, once, and gives the verdict.

    What cannot be judged is recorded as not promoted, with the reason; training goes on.
    ``unreadable`` says why the champion in office could not be loaded; nobody can beat it then.
    """
    judged = at_cutoffs(collected.rows, [collected.plan.judged])
    judged = judged[judged["label"].notna()]
    truth = _truth(opened.project, spec.name, judged)
    closed = [reason for reason in (unreadable, _overlap(spec, collected, fitted)) if reason]
    misfit = misfitting("the challenger", fitted.predictor.features, judged)
    if misfit:
        return Judged(None, Verdict(False, "; ".join([*closed, misfit])), judged, {})
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
        return Judged(None, Verdict(False, "; ".join(closed)), judged, {}, leaks)
    suspicious = too_good(evaluation, _importance(fitted, judged), _strongest(fitted, judged))
    closed += [reason for reason in (suspicious, later and faded(later)) if reason]
    verdict = judge(evaluation, spec.promote_if, champion is not None, closed, absent)
    return Judged(evaluation, verdict, judged, said, leaks, later)


def _later(opened: Opened, spec: ModelSpec, collected: Collected, fitted: Fitted) -> Evaluation | None:
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


def _overlap(spec: ModelSpec, collected: Collected, fitted: Fitted) -> str | None:
    """That the challenger trained on what the judged cutoff overlaps, by its own word or by the plan's."""
    said = [dt.date.fromisoformat(cutoff) for cutoff in fitted.predictor.about["trained_on"]]
    trained = [*said, *collected.plan.train]
    return overlapping("the challenger", trained, collected.plan.judged, spec.label.reach, spec.embargo)


def _said(
    opened: Opened, spec: ModelSpec, collected: Collected, fitted: Fitted, judged: pd.DataFrame
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


def _health_scores(project: Project, collected: Collected, fitted: Fitted, rows: pd.DataFrame) -> np.ndarray:
    """The health score of each row from its dimensions alone, without any model."""
    features = {f.name: f.declaration() for f in (*collected.features, *collected.scales)}
    unknown = np.full(len(rows), np.nan)
    return health_of(project.health, rows, features, fitted.predictor.reference, unknown, None).score


def _champion_said(
    opened: Opened,
    spec: ModelSpec,
    collected: Collected,
    champion: Predictor,
    judged: pd.DataFrame,
    said: dict[str, np.ndarray],
) -> str | None:
    """Adds what the champion says of the judged rows to ``said``, or tells why it cannot be compared."""
    theirs = _built_for(opened, champion, champion.feature_names)
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
    champion: Predictor, available: Mapping[str, Feature], spec: ModelSpec, split: Plan
) -> str | None:
    """Why the present champion cannot be compared fairly on the judged rows; None when it can."""
    by_hand = f"if the change is meant, promote it by hand: churnml models promote {spec.name}"
    changed = differences(champion.features, {name: f.declaration() for name, f in available.items()})
    if changed:
        return f"the present champion was trained on other features: {changed[0].sentence}; {by_hand}"
    if champion.about["label"] != spec.label.model_dump(mode="json"):
        return f"the present champion predicts another label, so the two cannot be compared; {by_hand}"
    trained = [dt.date.fromisoformat(cutoff) for cutoff in champion.about["trained_on"]]
    return overlapping("the present champion", trained, split.judged, spec.label.reach)


def _stakes(spec: ModelSpec, judged: pd.DataFrame) -> Stakes:
    said = spec.decision
    share = said.capacity if said.capacity < 1 else min(1.0, said.capacity / len(judged))
    return Stakes(share, judged["mrr"].to_numpy(dtype="float64"), said.contact_cost, said.saved_share * said.months)


def _truth(project: Project, model: str, judged: pd.DataFrame) -> np.ndarray | None:
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
    opened: Opened,
    registry: Registry,
    spec: ModelSpec,
    collected: Collected,
    fitted: Fitted,
    judged: Judged,
    against: str | None,
) -> dict[str, Any]:
    """Registers the challenger with everything known of it; moves the alias when the verdict says so.

    ``against`` is the version of the champion it was judged against, None where there was none.
    """
    from churnml.adapters.charts import gains_chart, png, reliability_chart

    record = _record(opened, spec, collected, fitted, judged) | {"against": against}
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
            **({"reliability.png": png(reliability_chart(record))} if record["reliability"] else {}),
            **({"lift.png": png(gains_chart(record))} if record["gains"] else {}),
            "judged.csv": _judged_table(judged).to_csv(index=False),
            "card.md": card(record),
        },
    )
    return record | {"version": version}


def _judged_table(judged: Judged) -> pd.DataFrame:
    table = judged.rows[["as_of", "label"]].assign(**judged.said)
    # an artifact that may be opened in a spreadsheet: an account id must not run there
    ids = judged.rows["account_id"].astype(str)
    return table.assign(account_id=ids.where(~ids.str.match(r"^[=+\-@\t\r]"), "'" + ids))


def _record(opened: Opened, spec: ModelSpec, collected: Collected, fitted: Fitted, judged: Judged) -> dict[str, Any]:
    y = judged.rows["label"].to_numpy(dtype="float64")
    train = at_cutoffs(collected.rows, collected.plan.train)
    labelled = train["label"].notna()
    seen = collected.rows[collected.rows["as_of"] == pd.Timestamp(collected.plan.judged)]
    found: dict[str, Any] = _finite(
        {
            "name": spec.name,
            "means": spec.means,
            "fingerprint": training_fingerprint(opened, spec),
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
            "made_with": dict(fitted.predictor.about["made_with"]),
        }
    )
    return found


def _hazard_record(spec: ModelSpec, collected: Collected, fitted: Fitted) -> dict[str, Any] | None:
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


def _measured(spec: ModelSpec, train: pd.DataFrame, judged: Judged, y: np.ndarray) -> dict[str, Any]:
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


def _calibration_told(calibration: Mapping[str, Any]) -> dict[str, Any]:
    """A calibration for the record: a table of hundreds of points is told by its size."""
    if "x" in calibration:
        return {"kind": calibration["kind"], "points": len(calibration["x"])}
    return dict(calibration)


def _importance(fitted: Fitted, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Feature family → mean absolute contribution to the log-odds on the judged rows, largest first."""
    contributions = fitted.predictor.contributions(rows)
    families = [feature["family"] for feature in fitted.predictor.features]
    summed = pd.DataFrame(contributions).T.groupby(np.array(families)).sum().T
    mean = summed.abs().mean().sort_values(ascending=False, kind="stable")
    return [{"family": str(family), "log_odds": float(value)} for family, value in mean.items()]


def _strongest(fitted: Fitted, rows: pd.DataFrame) -> dict[str, str]:
    """Feature family → its feature with the largest mean absolute contribution."""
    mean = np.abs(fitted.predictor.contributions(rows)).mean(axis=0)
    rising = [fitted.predictor.features[i] for i in np.argsort(mean, kind="stable")]
    return {feature["family"]: feature["name"] for feature in rising}


def _finite(value: Any) -> Any:
    """The same data with what JSON cannot say (nan, infinities) as None."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


# ---------------------------------------------------------------- scoring


@dataclass(frozen=True)
class InOffice:
    """The models a date is scored with.

    Args:
        champions: model name → champion, or None.
        scales_of: the predictor whose reference scales and wish health is read by.
    """

    champions: Mapping[str, Registered | None]
    scales_of: Predictor


def models_in_office(opened: Opened, registry: Registry) -> InOffice:
    """The champions of the project's models; raises RegistryError when nothing was trained yet."""
    champions = {name: registry.champion(name) for name in opened.project.model_names}
    risk = opened.project.health.risk.model
    scales = champions.get(risk) or registry.newest(risk)
    if scales is None:
        raise RegistryError(
            f"No model '{risk}' was trained yet, so there is no scale to read health by.",
            where=f"project {opened.project.name}",
            remedy="Run 'churnml train' first, or 'churnml run' for all of it.",
        )
    return InOffice(champions, scales.predictor)


def default_as_of(opened: Opened) -> dt.date:
    """The newest date that can be scored: the midnight after the last full day."""
    return end_of_data(opened.facts.data_through)


def score_date(opened: Opened, office: InOffice, as_of: dt.date, progress: Progress = _silent) -> Scores:
    """Scores, explains and routes every eligible account at ``as_of``."""
    if as_of > default_as_of(opened):
        raise TooLittleDataError(
            f"{as_of} cannot be scored: the data end with {opened.facts.data_through}.",
            remedy=f"Score {default_as_of(opened)} or earlier, or give newer data and set data_through.",
        )
    project, facts = opened.project, opened.facts
    labels = {
        name: Label.model_validate(champion.predictor.about["label"]) if champion else project.model(name).label
        for name, champion in office.champions.items()
    }
    populations = {name: snapshots.population(label, facts, [as_of]) for name, label in labels.items()}
    spine = pd.concat(list(populations.values())).drop_duplicates(["account_id", "as_of"])
    spine = spine.sort_values("account_id", ignore_index=True)
    if spine.empty:
        raise TooLittleDataError(
            f"No account was eligible on {as_of}: none was known and paying by then.",
            remedy="Score another date, or check created_at and the subscriptions' dates.",
        )
    progress(f"features of {len(spine):,} accounts")
    features = _features_for(opened, office)
    frame = snapshots.build_snapshots(facts, list(features.values()), spine)
    models = {
        name: None
        if champion is None
        else ScoringModel(
            champion.predictor,
            champion.version,
            frame["account_id"].isin(populations[name]["account_id"]).to_numpy(),
        )
        for name, champion in office.champions.items()
    }
    progress("probabilities, reasons, health and routing")
    grows = next((name for name, label in labels.items() if label.kind == "upsell"), None)
    return score_accounts(
        as_of,
        frame,
        {name: feature.declaration() for name, feature in features.items()},
        models,
        office.scales_of.reference,
        project.health,
        project.playbooks,
        grows=grows,
        upsell_share=(labels[grows].mrr_up_by or 0.1) if grows else 0.0,
        currency=project.spec.currency,
    )


def _features_for(opened: Opened, office: InOffice) -> dict[str, Feature]:
    """Every feature that a champion, health or a playbook reads, by name; raises RegistryError."""
    found: dict[str, Feature] = {}
    for name, champion in office.champions.items():
        if champion is None:
            continue
        built = _built_for(opened, champion.predictor, champion.predictor.feature_names)
        require_same(opened, champion.predictor, f"champion of '{name}'", champion.predictor.features, built)
        found |= built
    scaled = _built_for(opened, office.scales_of, list(office.scales_of.reference))
    # a health input that the data no longer give is not known, and health says so; one that changed would mislead
    said = [said for said in office.scales_of.about["scales"] if said["name"] in scaled]
    require_same(opened, office.scales_of, "reference scale of health", said, scaled)
    return found | scaled


def require_same(
    opened: Opened,
    predictor: Predictor,
    whose: str,
    trained: Sequence[Mapping[str, Any]],
    built: Mapping[str, Feature],
) -> None:
    """Raises RegistryError naming the first way in which ``built`` differs from what was ``trained``."""
    changed = differences(trained, {name: feature.declaration() for name, feature in built.items()})
    if changed:
        raise RegistryError(
            f"The {whose} was trained on other features than this project builds today: "
            f"{_where_gone(opened, predictor, changed[0])}"
            + (f" ({len(changed)} differences in all)." if changed[1:] else "."),
            where=f"project {opened.project.name}",
            remedy="Declare it as it was (or bring its column back into sources/), or train again and promote what "
            "was trained: churnml train, churnml models promote.",
        )


def _where_gone(opened: Opened, predictor: Predictor, change: Difference) -> str:
    if not change.what and change.feature in _possible(opened.project, wish_of(predictor)):
        return f"feature '{change.feature}' is declared, but the project's tables no longer give what it needs"
    return change.sentence


def features_of(opened: Opened, predictor: Predictor) -> dict[str, Feature]:
    """The features a model reads, as the project builds them today, by name; those it cannot are left out."""
    return _built_for(opened, predictor, predictor.feature_names)


def _built_for(opened: Opened, predictor: Predictor, names: Sequence[str]) -> dict[str, Feature]:
    found = _by_name(opened, [*names, *CONTEXT_FEATURES], wish_of(predictor))
    return {feature.name: feature for feature in found}


def wish_of(predictor: Predictor) -> Wish:
    """What the families were expanded over when the model was trained."""
    said = predictor.about["wish"]
    return Wish(tuple(said["lookbacks"]), tuple(said["event_names"]), tuple(said["static"]))


def scoring_fingerprint(opened: Opened, office: InOffice, as_of: dt.date) -> str:
    """Names everything a scored date is made from."""
    declarations = opened.project.declarations_fingerprint(
        opened.project.declaration("health.yaml"), opened.project.declaration("playbooks.yaml")
    )
    said = {
        "as_of": str(as_of),
        "data": opened.facts.fingerprint,
        "models": {n: [c.version, c.record["fingerprint"]] if c else None for n, c in office.champions.items()},
        "scales": office.scales_of.about["data_fingerprint"],
        "declarations": declarations,
        "currency": opened.project.spec.currency,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:32]


def features_at(
    opened: Opened,
    cutoffs: Sequence[dt.date],
    model: str | None,
    progress: Progress = _silent,
    of: Predictor | None = None,
) -> pd.DataFrame:
    """The features of a model's population at the given cutoffs, as known then.

    ``of`` is a registered model whose own features are wanted, instead of those a training would choose today.
    """
    spec = opened.project.model(model or opened.project.health.risk.model)
    last = default_as_of(opened)
    for cutoff in cutoffs:
        if cutoff > last:
            raise TooLittleDataError(
                f"Features as of {cutoff} cannot be known: the data end with {opened.facts.data_through}.",
                remedy=f"Ask for {last} or earlier.",
            )
    spine = snapshots.population(spec.label, opened.facts, cutoffs)
    if of is not None:
        built = features_of(opened, of)
        require_same(opened, of, f"registered '{spec.name}'", of.features, built)
        return of.with_places(
            snapshots.build_snapshots(opened.facts, list(built.values()), spine.drop(columns="mrr_cents"))
        )
    names = spec.features.event_names
    if isinstance(names, int):
        names = snapshots.frequent_events(opened.facts, min(cutoffs), names)
    wish = Wish(spec.features.lookbacks, tuple(names), opened.project.spec.static)
    chosen = choose(spec.features.families, spec.features.exclude, wish, opened.facts, opened.project.catalogue)
    progress(f"{len(chosen)} features of {len(spine):,} snapshots")
    return snapshots.build_snapshots(opened.facts, chosen, spine.drop(columns="mrr_cents"))


def write_frame(rows: pd.DataFrame, out: Path) -> None:
    """Writes rows as Parquet or CSV, whole or not at all."""
    if out.suffix not in (".parquet", ".csv"):
        raise ProjectError("The output must be a .parquet or .csv file.", where=str(out), remedy="Name it so.")
    aside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            rows.to_parquet(aside, index=False)
        else:
            rows.to_csv(aside, index=False)
        aside.replace(out)
    except OSError as problem:
        raise ProjectError("The output cannot be written.", where=str(out), remedy=str(problem.strerror)) from None


# ---------------------------------------------------------------- summing up


def summary(
    opened: Opened, scores: Scores, records: Mapping[str, Mapping[str, Any]], office: InOffice
) -> dict[str, Any]:
    """The run as one object of plain data: what ``churnml run --json`` prints."""
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
        "mrr": round(sum(account.mrr or 0.0 for account in scores.accounts), 2),
        # notice is already known, so there is nothing left to predict; they are counted, not scored
        "leaving": {"accounts": len(leaving), "mrr": round(float(leaving["mrr"].sum()), 2)},
        "mrr_at_risk": _total([account.mrr_at_risk for account in scores.accounts]),
    }


def _base_rate(office: InOffice, name: str) -> float | None:
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
