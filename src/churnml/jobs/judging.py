"""Judging a challenger: everybody is measured on the cutoffs that judge, together, and a verdict given."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.adapters.project import Project
from churnml.errors import ChurnmlError
from churnml.features import Feature
from churnml.health.directions import heard
from churnml.health.score import health_of
from churnml.jobs.opening import OpenedProject, built_for
from churnml.jobs.training import Collected
from churnml.jobs.truth import true_probabilities
from churnml.modelling.agreement import differences
from churnml.modelling.anew import Anew, calibrated_for, kinds_for, unseen_rows, with_calibration
from churnml.modelling.evaluation import Evaluation, Figure, evaluate
from churnml.modelling.leaks import giveaways, too_good
from churnml.modelling.pooling import JudgedRows, Pooled, log_odds_then, pool
from churnml.modelling.predictor import Calibration, Predictor
from churnml.modelling.promotion import ALONE, Verdict, faded, judge, misfitting, overlapping, shifted
from churnml.modelling.ranking import Stakes
from churnml.modelling.record import Leak
from churnml.modelling.splits import Split
from churnml.modelling.training import FittedModel, at_cutoffs, rival_predictions, score_as_rival, usable
from churnml.specs.models import ModelSpec

log = logging.getLogger("churnml.training")


@dataclass(frozen=True)
class Judgement:
    """What the cutoffs that judge show of a challenger.

    Args:
        evaluation: the figures at the newest of them; None where nothing could be measured.
        verdict: promoted or not, and why.
        rows: the judged rows with a known outcome.
        predictions: who → probabilities of those rows.
        leaks: features that give the outcome away.
        later: the figures on the split's second, later period; None without one.
        pooled: what all cutoffs that judge show together, which the verdict rests on; None where but one judges.
        anew: the calibration made anew because the first did not hold; None where it was not asked for.
    """

    evaluation: Evaluation | None
    verdict: Verdict
    rows: pd.DataFrame
    predictions: Mapping[str, np.ndarray]
    leaks: tuple[Leak, ...] = ()
    later: Evaluation | None = None
    pooled: Pooled | None = None
    anew: Recalibrated | None = None

    def judged_model(self, fitted: FittedModel) -> FittedModel:
        """What the verdict is about: the challenger, or the challenger calibrated anew."""
        return self.anew.fitted if self.anew and self.anew.holds else fitted


@dataclass(frozen=True)
class Recalibrated:
    """A challenger calibrated anew, and whether that held where the first calibration did not.

    Args:
        fitted: the challenger with it.
        anew: the calibration of the model itself; earlier judges have theirs, by what was final before them.
        before: how the first calibration held on the cutoffs that judge, as ``Evaluation.shift``.
        after: the same of the new one.
        problem: why it does not hold either, in words; None where it does.
    """

    fitted: FittedModel
    anew: Anew
    before: Mapping[str, Figure]
    after: Mapping[str, Figure]
    problem: str | None

    @property
    def holds(self) -> bool:
        """Whether it takes the place of the first."""
        return self.problem is None


@dataclass(frozen=True)
class _Judges:
    """Everything but the model's calibration on the cutoffs that judge.

    Args:
        rows: each cutoff with everybody's predictions, oldest first, the newest last.
        log_odds: cutoff → the model's log-odds there.
        of_champion: cutoff → the champion's probabilities, where it may be compared.
    """

    rows: Sequence[JudgedRows]
    log_odds: Mapping[dt.date, np.ndarray]
    of_champion: Mapping[dt.date, np.ndarray]

    def calibrated(self, calibrations: Mapping[dt.date, Calibration]) -> list[JudgedRows]:
        """The cutoffs with what the model says there by those calibrations."""
        return [
            replace(
                one,
                predictions={
                    **one.predictions,
                    "model": calibrations[one.cutoff].probabilities(self.log_odds[one.cutoff]),
                },
            )
            for one in self.rows
        ]


@dataclass(frozen=True)
class _Measured:
    """The figures that a verdict rests on."""

    evaluation: Evaluation
    predictions: Mapping[str, np.ndarray]
    pooled: Pooled | None
    later: Evaluation | None

    @property
    def judging(self) -> Evaluation:
        return self.pooled.evaluation if self.pooled else self.evaluation

    @property
    def shifted(self) -> str | None:
        """That the probabilities do not hold on the cutoffs that judge."""
        return shifted(self.judging) or (self.pooled and shifted(self.evaluation, ALONE)) or None


def judge_challenger(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    champion: Predictor | None,
    unreadable: str | None = None,
) -> Judgement:
    """Measures challenger, rivals and champion on the cutoffs that judge, and gives the verdict on them together.

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
        judges = _judges(opened, spec, collected, fitted, judged, predictions, champion)
        measured = _measured(opened, spec, collected, fitted, judges)
        anew = None if closed or not measured.shifted else _anew(opened, spec, collected, fitted, judges, measured)
        if anew and anew[0].holds:
            measured, fitted = anew[1], anew[0].fitted
    except ChurnmlError as problem:
        log.warning("%(model)s: it could not be judged", {"model": spec.name})
        closed.append(f"it could not be judged: {problem.what}")
        return Judgement(None, Verdict(False, "; ".join(closed)), judged, {}, leaks)
    suspicious = too_good(measured.evaluation, importance(fitted, judged), _strongest(fitted, judged))
    alone = measured.pooled and shifted(measured.evaluation, ALONE)
    closed += [reason for reason in (suspicious, alone, measured.later and faded(measured.later)) if reason]
    verdict = judge(measured.judging, spec.promote_if, champion is not None, closed, absent)
    verdict = replace(verdict, because=verdict.because + _also(anew and anew[0]))
    about = {"model": spec.name, "promoted": verdict.promoted, "rows": len(judged), "cutoff": collected.split.judged}
    log.info("%(model)s: judged on %(rows)d accounts at %(cutoff)s, promoted: %(promoted)s", about)
    return Judgement(
        measured.evaluation,
        verdict,
        judged,
        measured.predictions,
        leaks,
        measured.later,
        measured.pooled,
        anew and anew[0],
    )


def _also(anew: Recalibrated | None) -> str:
    """What the calibration made anew adds to a verdict."""
    if anew is None:
        return ""
    seen = " instead of ".join(f"{shift['seen_over_said'].value:.2f}" for shift in (anew.after, anew.before))
    if anew.holds:
        return f"; it was calibrated anew, as its first probabilities did not hold: {seen} seen for each one said"
    return f"; calibrated anew ({seen} seen for each one said) it does not hold either"


def _measured(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judges: _Judges,
    calibrations: Mapping[dt.date, Calibration] | None = None,
) -> _Measured:
    """The figures with a calibration for each judge, or everywhere the challenger's own."""
    own = dict.fromkeys(judges.log_odds, fitted.predictor.calibration)
    rows = judges.calibrated(own if calibrations is None else calibrations)
    newest = rows[-1]
    accounts, labels = newest.rows["account_id"].to_numpy(), newest.rows["label"].to_numpy()
    stakes = stakes_of(spec, newest.rows)
    evaluation = evaluate(accounts, labels, newest.predictions, spec.seed, stakes=stakes)
    pooled = pool(rows, spec.seed, judges.of_champion) if len(rows) > 1 else None
    later = _later(opened, spec, collected, fitted)
    return _Measured(evaluation, newest.predictions, pooled, later)


def _anew(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judges: _Judges,
    first: _Measured,
) -> tuple[Recalibrated, _Measured] | None:
    """The challenger calibrated anew for each judge, and measured again; None where nothing may calibrate it."""
    split, kinds = collected.split, kinds_for(spec)
    if not kinds:
        return None
    mature = collected.rows[collected.rows["label"].notna()]
    unseen = unseen_rows(fitted, collected.features, mature, split, spec.estimator.seeds)
    made = {c: calibrated_for(unseen, c, kinds, spec.label.reach, spec.embargo) for c in judges.log_odds}
    own = made[split.judged]
    if own is None:
        return None
    # an early judge may have too little before it: what calibrated it first stays
    calibrations = {c: one.calibration if one else fitted.predictor.calibration for c, one in made.items()}
    calibrated = with_calibration(fitted, own, unseen, mature, split)
    again = _measured(opened, spec, collected, calibrated, judges, calibrations)
    shift = (first.judging.shift, again.judging.shift)
    return Recalibrated(calibrated, own, *shift, again.shifted), again


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
    rivals = _rivals(opened, collected, fitted, train, judged)
    why = {"recency": "there is no usage data", "health": "none of its inputs is known"}
    absent = {who: why[who] for who, p in rivals.items() if p is None}
    known = {who: p for who, p in rivals.items() if p is not None}
    return {"model": fitted.predictor.predict(judged), **known}, absent


def _rivals(
    opened: OpenedProject, collected: Collected, fitted: FittedModel, train: pd.DataFrame, judged: pd.DataFrame
) -> dict[str, np.ndarray | None]:
    """Rival → probabilities of the judged rows, None where these data cannot have it."""
    rivals = rival_predictions(collected.features, train, judged)
    by_health = [_health_scores(opened.project, collected, fitted, rows) for rows in (train, judged)]
    return rivals | {"health": score_as_rival(by_health[0], train["label"].to_numpy(), by_health[1])}


def _judges(
    opened: OpenedProject,
    spec: ModelSpec,
    collected: Collected,
    fitted: FittedModel,
    judged: pd.DataFrame,
    predictions: Mapping[str, np.ndarray],
    champion: Predictor | None,
) -> _Judges:
    """The cutoffs that judge, each with a model and rivals fitted as they would have been then."""
    split, seeds = collected.split, spec.estimator.seeds
    mature = collected.rows[collected.rows["label"].notna()]
    together, log_odds = [], {}
    for fold in split.earlier:
        train, rows = at_cutoffs(mature, fold.train), at_cutoffs(mature, [fold.validate])
        if train["label"].nunique() < 2 or rows.empty:
            continue
        log_odds[fold.validate] = log_odds_then(fitted, collected.features, mature, fold, seeds)
        rivals = _rivals(opened, collected, fitted, train, rows)
        # the model first, as everywhere; what it says depends on its calibration
        known = {"model": log_odds[fold.validate]} | {who: p for who, p in rivals.items() if p is not None}
        together.append(JudgedRows(fold.validate, fold.train[-1], rows, known))
    together.append(JudgedRows(split.judged, split.train[-1], judged, predictions))
    log_odds[split.judged] = fitted.predictor.log_odds(judged)
    of_champion = {}
    if len(together) > 1 and champion is not None and "champion" in predictions:
        earlier = _champion_then(opened, spec, champion, together[:-1])
        of_champion = {**earlier, split.judged: predictions["champion"]}
    return _Judges(together, log_odds, of_champion)


def _champion_then(
    opened: OpenedProject, spec: ModelSpec, champion: Predictor, judged: Sequence[JudgedRows]
) -> dict[dt.date, np.ndarray]:
    """Cutoff → the champion's probabilities of its rows, where it has not trained on what that cutoff overlaps."""
    trained, reach = champion.manifest.trained_on, spec.label.reach
    free = [one for one in judged if not overlapping("", trained, one.cutoff, reach, spec.embargo)]
    if not free:
        return {}
    built = list(built_for(opened, champion, champion.feature_names).values())
    return {
        one.cutoff: champion.predict(snapshots.build_snapshots(opened.facts, built, one.rows[["account_id", "as_of"]]))
        for one in free
    }


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
    known, column = true_probabilities(project), f"{model}_probability"
    if known is None or column not in known.columns:
        return None
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
