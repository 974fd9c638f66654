"""Judging a challenger: everybody is measured on the judged cutoff, once, and a verdict given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.adapters.project import PROJECT_FILE, Project
from churnml.errors import ChurnmlError, ProjectError
from churnml.features import Feature
from churnml.health.directions import heard
from churnml.health.score import health_of
from churnml.jobs.opening import OpenedProject, built_for
from churnml.jobs.training import Collected
from churnml.modelling.agreement import differences
from churnml.modelling.evaluation import Evaluation, evaluate
from churnml.modelling.leaks import giveaways, too_good
from churnml.modelling.predictor import Predictor
from churnml.modelling.promotion import Verdict, faded, judge, misfitting, overlapping
from churnml.modelling.ranking import Stakes
from churnml.modelling.record import Leak
from churnml.modelling.splits import Split
from churnml.modelling.training import FittedModel, at_cutoffs, rival_predictions, score_as_rival, usable
from churnml.specs.models import ModelSpec

log = logging.getLogger("churnml.training")


@dataclass(frozen=True)
class Judgement:
    """What the judged cutoff shows of a challenger.

    Args:
        evaluation: the figures; None where nothing could be measured.
        verdict: promoted or not, and why.
        rows: the judged rows with a known outcome.
        predictions: who → probabilities of those rows.
        leaks: features that give the outcome away.
        later: the figures on the split's second, later period; None without one.
    """

    evaluation: Evaluation | None
    verdict: Verdict
    rows: pd.DataFrame
    predictions: Mapping[str, np.ndarray]
    leaks: tuple[Leak, ...] = ()
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
    ``unreadable`` says why the present champion could not be loaded; nobody can beat it then.
    """
    judged = at_cutoffs(collected.rows, [collected.split.judged])
    judged = judged[judged["label"].notna()]
    truth = truth_of(opened.project, spec.name, judged)
    closed = [reason for reason in (unreadable, _overlap(spec, collected, fitted)) if reason]
    misfit = misfitting("the challenger", fitted.predictor.features, judged)
    if misfit:
        return Judgement(None, Verdict(False, "; ".join([*closed, misfit])), judged, {})
    leaks = _leaks(spec, collected)
    closed += [leak.sentence for leak in leaks]
    try:
        predictions, absent = _predictions(opened, spec, collected, fitted, judged)
        if champion is not None:
            of_champion = _champion_predictions(opened, spec, collected.split, champion, judged)
            if isinstance(of_champion, str):
                closed.append(of_champion)
            else:
                predictions["champion"] = of_champion
        if truth is not None:
            predictions["truth"] = truth
        accounts, labels = judged["account_id"].to_numpy(), judged["label"].to_numpy()
        evaluation = evaluate(accounts, labels, predictions, spec.seed, stakes=stakes_of(spec, judged))
        later = _later(opened, spec, collected, fitted)
    except ChurnmlError as problem:
        log.warning("%(model)s: it could not be judged", {"model": spec.name})
        closed.append(f"it could not be judged: {problem.what}")
        return Judgement(None, Verdict(False, "; ".join(closed)), judged, {}, leaks)
    suspicious = too_good(evaluation, importance(fitted, judged), _strongest(fitted, judged))
    closed += [reason for reason in (suspicious, later and faded(later)) if reason]
    verdict = judge(evaluation, spec.promote_if, champion is not None, closed, absent)
    about = {"model": spec.name, "promoted": verdict.promoted, "rows": len(judged), "cutoff": collected.split.judged}
    log.info("%(model)s: judged on %(rows)d accounts at %(cutoff)s, promoted: %(promoted)s", about)
    return Judgement(evaluation, verdict, judged, predictions, leaks, later)


def _later(opened: OpenedProject, spec: ModelSpec, collected: Collected, fitted: FittedModel) -> Evaluation | None:
    """The model and its rivals on the second, later period, if the split has one."""
    if collected.split.later is None:
        return None
    rows = at_cutoffs(collected.rows, [collected.split.later])
    rows = rows[rows["label"].notna()]
    predictions, _ = _predictions(opened, spec, collected, fitted, rows)
    return evaluate(rows["account_id"].to_numpy(), rows["label"].to_numpy(), predictions, spec.seed)


def _leaks(spec: ModelSpec, collected: Collected) -> tuple[Leak, ...]:
    mature = collected.rows[collected.rows["label"].notna()]
    train = at_cutoffs(mature, collected.split.train)
    return giveaways(collected.features, train, mature, lapse=spec.label.kind == "lapse")


def _overlap(spec: ModelSpec, collected: Collected, fitted: FittedModel) -> str | None:
    """That the challenger trained on what the judged cutoff overlaps, by its own word or by the split's."""
    trained = [*fitted.predictor.manifest.trained_on, *collected.split.train]
    return overlapping("the challenger", trained, collected.split.judged, spec.label.reach, spec.embargo)


def _predictions(
    opened: OpenedProject, spec: ModelSpec, collected: Collected, fitted: FittedModel, judged: pd.DataFrame
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Who → probabilities of the judged rows; which rivals these data cannot have → why."""
    train = usable(at_cutoffs(collected.rows, collected.split.train), spec.name)
    judged = usable(judged, spec.name)
    predictions: dict[str, np.ndarray | None] = {"model": fitted.predictor.predict(judged)}
    predictions |= rival_predictions(collected.features, train, judged)
    by_health = [_health_scores(opened.project, collected, fitted, rows) for rows in (train, judged)]
    predictions["health"] = score_as_rival(by_health[0], train["label"].to_numpy(), by_health[1])
    why = {"recency": "there is no usage data", "health": "none of its inputs is known"}
    absent = {who: why[who] for who, p in predictions.items() if p is None}
    return {who: p for who, p in predictions.items() if p is not None}, absent


def _health_scores(project: Project, collected: Collected, fitted: FittedModel, rows: pd.DataFrame) -> np.ndarray:
    """The health score of each row from its dimensions alone, without any model."""
    polarity = {f.name: f.polarity for f in (*collected.features, *collected.scales)}
    unknown = np.full(len(rows), np.nan)
    spec = heard(project.health, fitted.predictor.manifest.unheard)
    return health_of(spec, rows, polarity, fitted.predictor.reference, unknown, None).score


def _champion_predictions(
    opened: OpenedProject, spec: ModelSpec, split: Split, champion: Predictor, judged: pd.DataFrame
) -> np.ndarray | str:
    """The champion's probabilities of the judged rows, or why it cannot be compared."""
    built = built_for(opened, champion, champion.feature_names)
    problem = _champion_problem(champion, built, spec, split)
    if problem:
        return problem
    try:
        rows = snapshots.build_snapshots(opened.facts, list(built.values()), judged[["account_id", "as_of"]])
        misfit = misfitting("the present champion", champion.features, champion.with_places(rows))
        return misfit or champion.predict(rows)
    except ChurnmlError as failed:
        return f"the present champion could not be measured: {failed.what}"


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


def stakes_of(spec: ModelSpec, judged: pd.DataFrame) -> Stakes:
    """The team's capacity on these rows, and what reaching an account of them is worth."""
    terms = spec.decision
    share = terms.capacity if terms.capacity < 1 else min(1.0, terms.capacity / len(judged))
    return Stakes(share, judged["mrr"].to_numpy(dtype="float64"), terms.contact_cost, terms.saved_share * terms.months)


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
    truth = judged[["account_id", "as_of"]].merge(known, on=["account_id", "as_of"], how="left")[column]
    return None if truth.isna().any() else truth.to_numpy(dtype="float64")


def importance(fitted: FittedModel, rows: pd.DataFrame) -> dict[str, float]:
    """Feature family → mean absolute contribution to the log-odds on the judged rows, largest first."""
    contributions = fitted.predictor.contributions(rows)
    families = [feature.family for feature in fitted.predictor.features]
    summed = pd.DataFrame(contributions).T.groupby(np.array(families)).sum().T
    mean = summed.abs().mean().sort_values(ascending=False, kind="stable")
    return {str(family): float(value) for family, value in mean.items()}


def _strongest(fitted: FittedModel, rows: pd.DataFrame) -> dict[str, str]:
    """Feature family → its feature with the largest mean absolute contribution."""
    mean = np.abs(fitted.predictor.contributions(rows)).mean(axis=0)
    rising = [fitted.predictor.features[i] for i in np.argsort(mean, kind="stable")]
    return {feature.family: feature.name for feature in rising}
