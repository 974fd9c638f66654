"""Choosing an estimator's settings on rolling-origin folds, and only where the folds are sure of it.

The declared settings stand. Another setting takes their place when its loss on the folds' validation
rows is lower by more than a standard error of the difference, accounts counted once (the one-standard-error rule of
Breiman et al., Classification and Regression Trees, 1984, turned towards what was declared): with few positives the
smallest loss of many tries is mostly the luckiest. Where few had the outcome the rule is turned the other way: few
leaves, strongly shrunk, stand unless what is declared is surely better. No row that calibrates or judges is looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias, cast

import lightgbm as lgb
import numpy as np
import pandas as pd

from churnml.modelling.calibration import clustered_error
from churnml.modelling.estimator import BoostedClassifier, with_line
from churnml.modelling.record import TriedSetting
from churnml.specs.models import Tuning

if TYPE_CHECKING:
    import optuna

Parameter: TypeAlias = float | Sequence[int] | None
# Of :class:`Settings`: ``half_life``, or an estimator's parameter.
Changes: TypeAlias = Mapping[str, Parameter]

# Trees without a better mean log loss before the folds stop growing.
PATIENCE = 80
# After so many trees, and then every so many, a try that is behind the median of the others is given up.
REPORT_EVERY = 40
# Newer rows may count more; half as much after so many days is tried.
HALF_LIFE = 180
# Fewer accounts with the outcome than this among the rows that choose are few: what is simple stands then.
FEW_POSITIVES = 100
# Of so many tries Optuna draws the first ones by chance.
DRAWN = 8


@dataclass(frozen=True)
class Settings:
    """How the estimator is fitted.

    Args:
        estimator: its parameters but the number of trees.
        half_life: days after which a row counts half as much; None where all count alike.
    """

    estimator: Mapping[str, Parameter]
    half_life: int | None = None

    def classifier(self, **changed: Parameter) -> BoostedClassifier:
        """The estimator, not yet fitted."""
        estimator: BoostedClassifier = BoostedClassifier().set_params(**{**self.estimator, **changed})
        return estimator

    def weight(self, rows: pd.DataFrame) -> np.ndarray | None:
        """Each row's weight, shape (rows,), their mean 1; None where all count alike."""
        if self.half_life is None:
            return None
        age = (rows["as_of"].max() - rows["as_of"]).dt.days.to_numpy(dtype="float64")
        weight = 0.5 ** (age / self.half_life)
        return np.asarray(weight / weight.mean())


@dataclass(frozen=True)
class Tries:
    """Where Optuna keeps its tries, so that a search that was stopped goes on: an SQLAlchemy URL, None keeps nothing.

    ``study`` names the search there; equal names must mean equal data and declarations.
    """

    storage: str | None = None
    study: str = "settings"


NO_TRIES = Tries()


@dataclass(frozen=True)
class SearchFold:
    """One fold's rows, labelled: ``account_id, as_of, label`` and the features."""

    train: pd.DataFrame
    validate: pd.DataFrame


@dataclass(frozen=True)
class _Result:
    """A setting on all folds: its number of trees, the loss of each validation row, and the mean loss tree by tree.

    ``log_odds`` are those of the trees alone, fold by fold.
    """

    trees: int
    losses: np.ndarray
    by_fold: tuple[float, ...]
    curve: tuple[float, ...]
    log_odds: tuple[np.ndarray, ...]

    @property
    def loss(self) -> float:
        return float(self.losses.mean())


@dataclass(frozen=True)
class Chosen:
    """What the search came to.

    Args:
        settings: the setting that stood at its end.
        trees: its number of trees.
        tried: everything that was tried, in order.
        by_fold: the chosen setting's mean log loss on each fold, in order.
        curve: its mean log loss over the folds with one tree, with two, and so on past the chosen number.
    """

    settings: Settings
    trees: int
    tried: tuple[TriedSetting, ...]
    by_fold: tuple[float, ...]
    curve: tuple[float, ...] = ()


def search(
    declared: Settings,
    alternatives: Mapping[str, Changes],
    folds: Sequence[SearchFold],
    columns: Sequence[str],
    *,
    max_trees: int,
    tuning: Tuning,
    seed: int,
    tries: Tries = NO_TRIES,
    simple: Mapping[str, Changes] | None = None,
) -> Chosen:
    """The settings and the number of trees for the final fits.

    Args:
        declared: what the spec says.
        alternatives: in words → what is changed; each is tried once against the best setting so far.
        folds: rows to learn from and to check by.
        columns: the features' columns.
        max_trees: the most trees.
        tuning: how many further settings Optuna may try.
        seed: of everything drawn.
        tries: where Optuna keeps them.
        simple: alternatives that are simpler than what is declared; where few had the outcome the first of them
            stands unless it is surely worse.
    """
    prepared = [_Prepared(declared, fold, columns) for fold in folds]
    accounts = np.concatenate([fold.validate["account_id"].to_numpy(dtype=object).astype(str) for fold in folds])
    # one after the other: LightGBM keeps one number of threads for the whole process, and a second Python thread
    # that changes it while rows are being read makes it write where it must not (SparseBin::Push), and die
    best, result = declared, _measured(declared, prepared, max_trees)
    tried = [_tried("as declared", result, None, None, True)]

    def weigh(what: str, changes: Changes, *, stands: bool = False) -> None:
        nonlocal best, result
        changed = _changed(best, changes)
        only_line = set(changes) == {"linear"}
        other = _with_line(changed, prepared, result) if only_line else _measured(changed, prepared, max_trees)
        ahead, error = _ahead(result, other, accounts)
        taken = ahead >= -error if stands else ahead > error
        tried.append(_tried(what, other, ahead, error, taken))
        if taken:
            best, result = changed, other

    few = _with_outcome(folds) < FEW_POSITIVES
    for place, (what, changes) in enumerate((simple or {}).items()):
        stands = few and place == 0
        weigh(
            f"{what}; few had the outcome, so it stands unless surely worse" if stands else what, changes, stands=stands
        )
    for what, changes in alternatives.items():
        weigh(what, changes)
    if tuning.trials:
        tuned = _tuned(best, prepared, max_trees, tuning, seed, tries)
        in_words = ", ".join(f"{name} {value:.4g}" for name, value in tuned.items())
        weigh(f"the best of {tuning.trials} tries: {in_words}", tuned)
    return Chosen(best, result.trees, tuple(tried), result.by_fold, result.curve)


def _tried(what: str, result: _Result, ahead: float | None, error: float | None, taken: bool) -> TriedSetting:
    return TriedSetting(what=what, trees=result.trees, loss=result.loss, ahead=ahead, standard_error=error, taken=taken)


def _with_outcome(folds: Sequence[SearchFold]) -> int:
    """How many accounts had the outcome in the folds' validation rows."""
    return len({str(who) for fold in folds for who in fold.validate.loc[fold.validate["label"] == 1, "account_id"]})


def _changed(settings: Settings, changes: Mapping[str, Parameter]) -> Settings:
    estimator = {**settings.estimator, **changes}
    half_life = cast("int | None", estimator.pop("half_life", settings.half_life))
    return Settings(estimator, half_life)


class _Prepared:
    """A fold's rows as matrices."""

    def __init__(self, declared: Settings, fold: SearchFold, columns: Sequence[str]) -> None:
        self.rows = fold.train
        self.columns = declared.classifier().learn_columns(fold.train[list(columns)])
        self.x = self.columns.encoded(fold.train[list(columns)])
        self.y = fold.train["label"].to_numpy(dtype="float64")
        self.check = self.columns.encoded(fold.validate[list(columns)])
        self.label = fold.validate["label"].to_numpy(dtype="float64")
        self._lines: dict[tuple[object, object], np.ndarray] = {}

    def line(self, settings: Settings) -> np.ndarray:
        """The log-odds of a straight line over the features, of the validation rows."""
        monotone = settings.estimator.get("monotone")
        asked = (repr(monotone), settings.half_life)
        if asked not in self._lines:
            classifier = self.columns.set_params(monotone=monotone)
            trees = classifier.line(self.x, self.y, settings.weight(self.rows))
            like = lgb.train(classifier.parameters(len(self.x), 0), classifier.dataset(self.x, self.y), 1)
            self._lines[asked] = np.asarray(with_line(like, trees, 1.0).predict(self.check, raw_score=True))
        return self._lines[asked]

    def booster(self, settings: Settings) -> lgb.Booster:
        """A booster without trees, that measures itself on the validation rows."""
        classifier = settings.classifier()
        parameters = classifier.parameters(len(self.x), classifier.random_state)
        data = self.columns.dataset(self.x, self.y, settings.weight(self.rows))
        booster = lgb.Booster(parameters, data)
        # LightGBM keeps one number of threads for the process, and takes that of the rows it read last:
        # unsaid here, every tree after this would be grown by all threads, waiting for each other
        booster.add_valid(data.create_valid(self.check, self.label, params=parameters), "validate")
        return booster


def _growing(
    settings: Settings, folds: Sequence[_Prepared], max_trees: int
) -> Iterator[tuple[list[lgb.Booster], list[float]]]:
    """Grows all folds together, tree by tree; yields the boosters and the curve of their mean log loss so far."""
    boosters = [fold.booster(settings) for fold in folds]
    sizes = np.array([len(fold.label) for fold in folds], dtype="float64")
    curve: list[float] = []
    while len(curve) < max_trees and len(curve) - int(np.argmin(curve or [0.0])) <= PATIENCE:
        losses = []
        for booster in boosters:
            booster.update()
            losses.append(float(booster.eval_valid()[0][2]))
        curve.append(float(np.average(losses, weights=sizes)))
        yield boosters, curve


def _measured(settings: Settings, folds: Sequence[_Prepared], max_trees: int) -> _Result:
    boosters: list[lgb.Booster] = []
    curve: list[float] = []
    for boosters, curve in _growing(settings, folds, max_trees):  # noqa: B007 - the last state is wanted
        pass
    trees = int(np.argmin(curve)) + 1
    log_odds = [
        np.asarray(booster.predict(fold.check, num_iteration=trees, raw_score=True))
        for booster, fold in zip(boosters, folds, strict=True)
    ]
    return _with_line(settings, folds, _Result(trees, np.empty(0), (), tuple(curve), tuple(log_odds)))


def _with_line(settings: Settings, folds: Sequence[_Prepared], grown: _Result) -> _Result:
    """The trees of ``grown`` with the setting's share of a straight line."""
    share = cast("float", settings.estimator.get("linear") or 0.0)
    losses = []
    for fold, of_trees in zip(folds, grown.log_odds, strict=True):
        log_odds = (1 - share) * of_trees + share * fold.line(settings) if share else of_trees
        p = np.clip(1.0 / (1.0 + np.exp(-log_odds)), 1e-12, 1 - 1e-12)
        losses.append(-(fold.label * np.log(p) + (1 - fold.label) * np.log(1 - p)))
    by_fold = tuple(float(part.mean()) for part in losses)
    return replace(grown, losses=np.concatenate(losses), by_fold=by_fold)


def _ahead(best: _Result, other: _Result, accounts: np.ndarray) -> tuple[float, float]:
    """By how much ``other`` loses less a row, and the standard error of that with accounts as clusters."""
    gained = best.losses - other.losses
    return float(gained.mean()), clustered_error(gained, accounts)


def _tuned(
    settings: Settings, folds: Sequence[_Prepared], max_trees: int, tuning: Tuning, seed: int, tries: Tries
) -> dict[str, float]:
    """The parameters with the least loss among Optuna's tries; the same whether or not it was stopped between."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=DRAWN, n_warmup_steps=REPORT_EVERY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study = optuna.create_study(
            direction="minimize", pruner=pruner, storage=tries.storage, study_name=tries.study, load_if_exists=True
        )
    done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while (count := len(study.get_trials(deepcopy=False, states=done))) < tuning.trials:
        # a sampler of its own for each try, so that a search taken up again draws what it would have drawn
        study.sampler = optuna.samplers.TPESampler(seed=seed + count, n_startup_trials=DRAWN)
        trial = study.ask()
        study.tell(trial, *_one_try(_changed(settings, _drawn(trial)), folds, max_trees, trial))
    return dict(study.best_trial.params)


def _drawn(trial: optuna.Trial) -> dict[str, float]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 32, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 300, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }


def _one_try(
    settings: Settings, folds: Sequence[_Prepared], max_trees: int, trial: optuna.Trial
) -> tuple[float | None, optuna.trial.TrialState | None]:
    import optuna

    curve: list[float] = []
    for _, curve in _growing(settings, folds, max_trees):
        if len(curve) % REPORT_EVERY == 0:
            trial.report(min(curve), len(curve))
            if trial.should_prune():
                return None, optuna.trial.TrialState.PRUNED
    return min(curve), None
