"""Choosing an estimator's settings on rolling-origin folds, and only where the folds are sure of it.

The declared settings are in office. Another setting takes their place when its loss on the folds' validation
rows is lower by more than a standard error of the difference, accounts counted once (the one-standard-error rule of
Breiman et al., Classification and Regression Trees, 1984, turned towards what was declared): with few positives the
smallest loss of many tries is mostly the luckiest. No row that calibrates or judges is looked at.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from churnml.modelling.calibration import clustered_error
from churnml.modelling.estimator import BoostedClassifier
from churnml.specs import Tuning

# Trees without a better mean log loss before the folds stop growing.
PATIENCE = 80
# After so many trees, and then every so many, a try that is behind the median of the others is given up.
REPORT_EVERY = 40
# Newer rows may count more; half as much after so many days is tried.
HALF_LIFE = 180
# Of so many tries Optuna draws the first ones by chance.
DRAWN = 8


@dataclass(frozen=True)
class Settings:
    """How the estimator is fitted.

    Args:
        estimator: its parameters but the number of trees.
        half_life: days after which a row counts half as much; None where all count alike.
    """

    estimator: Mapping[str, Any]
    half_life: int | None = None

    def classifier(self, **changed: Any) -> BoostedClassifier:
        """The estimator, not yet fitted."""
        return BoostedClassifier(**{**self.estimator, **changed})

    def weight(self, rows: pd.DataFrame) -> np.ndarray | None:
        """Each row's weight, shape (rows,), their mean 1; None where all count alike."""
        if self.half_life is None:
            return None
        age = (rows["as_of"].max() - rows["as_of"]).dt.days.to_numpy(dtype="float64")
        found = 0.5 ** (age / self.half_life)
        return np.asarray(found / found.mean())


@dataclass(frozen=True)
class Trial:
    """One setting and what the folds say of it.

    Args:
        what: the setting in words.
        settings: the setting.
        trees: the number of trees with the least mean loss.
        loss: mean log loss of the validation rows at that many trees.
        ahead: by how much its loss is below that of the setting in office, and the standard error of that; None
            for the declared setting itself.
        taken: whether it took office.
    """

    what: str
    settings: Settings
    trees: int
    loss: float
    ahead: tuple[float, float] | None
    taken: bool

    def as_data(self) -> dict[str, Any]:
        """As plain data for the record."""
        return {
            "what": self.what,
            "trees": self.trees,
            "loss": self.loss,
            "ahead": None if self.ahead is None else self.ahead[0],
            "standard_error": None if self.ahead is None else self.ahead[1],
            "taken": self.taken,
        }


@dataclass(frozen=True)
class SearchFold:
    """One fold's rows, labelled: ``account_id, as_of, label`` and the features."""

    train: pd.DataFrame
    validate: pd.DataFrame


@dataclass(frozen=True)
class _Result:
    """A setting on all folds: its number of trees, and the loss and account of each validation row."""

    trees: int
    losses: np.ndarray
    by_fold: tuple[float, ...]

    @property
    def loss(self) -> float:
        return float(self.losses.mean())


@dataclass(frozen=True)
class Chosen:
    """What the search came to.

    Args:
        settings: the setting in office at its end.
        trees: its number of trees.
        tried: everything that was tried, in order.
        by_fold: the chosen setting's mean log loss on each fold, in order.
    """

    settings: Settings
    trees: int
    tried: tuple[Trial, ...]
    by_fold: tuple[float, ...]


def search(
    declared: Settings,
    alternatives: Mapping[str, Mapping[str, Any]],
    folds: Sequence[SearchFold],
    columns: Sequence[str],
    *,
    max_trees: int,
    tuning: Tuning,
    seed: int,
    storage: str | None = None,
    study: str = "settings",
) -> Chosen:
    """The settings and the number of trees for the final fits.

    Args:
        declared: what the spec says.
        alternatives: in words → what of :class:`Settings` is changed (``half_life``, or an estimator's parameter);
            each is tried once against the setting in office.
        folds: rows to learn from and to check by.
        columns: the features' columns.
        max_trees: the most trees.
        tuning: how many further settings Optuna may try.
        seed: of everything drawn.
        storage: where Optuna keeps its tries, so that a search that was stopped goes on; None keeps nothing.
        study: names the search there; equal names must mean equal data and declarations.
    """
    prepared = [_Prepared(declared, fold, columns) for fold in folds]
    accounts = np.concatenate([fold.validate["account_id"].to_numpy(dtype=object).astype(str) for fold in folds])
    # one after the other: LightGBM keeps one number of threads for the whole process, and a second Python thread
    # that changes it while rows are being read makes it write where it must not (SparseBin::Push), and die
    office, in_office = declared, _measured(declared, prepared, max_trees)
    tried = [Trial("as declared", declared, in_office.trees, in_office.loss, None, True)]

    def weigh(what: str, changes: Mapping[str, Any]) -> None:
        nonlocal office, in_office
        changed = _changed(office, changes)
        result = _measured(changed, prepared, max_trees)
        ahead = _ahead(in_office, result, accounts)
        taken = ahead[0] > ahead[1]
        tried.append(Trial(what, changed, result.trees, result.loss, ahead, taken))
        if taken:
            office, in_office = changed, result

    for what, changes in alternatives.items():
        weigh(what, changes)
    if tuning.trials:
        best = _tuned(office, prepared, max_trees, tuning, seed, storage, study)
        told = ", ".join(f"{name} {value:.4g}" for name, value in best.items())
        weigh(f"the best of {tuning.trials} tries: {told}", best)
    return Chosen(office, in_office.trees, tuple(tried), in_office.by_fold)


def _changed(settings: Settings, what: Mapping[str, Any]) -> Settings:
    half_life = what.get("half_life", settings.half_life)
    return Settings({**settings.estimator, **{k: v for k, v in what.items() if k != "half_life"}}, half_life)


class _Prepared:
    """A fold's rows as matrices."""

    def __init__(self, declared: Settings, fold: SearchFold, columns: Sequence[str]) -> None:
        self.rows = fold.train
        self.columns = declared.classifier().learn_columns(fold.train[list(columns)])
        self.x = self.columns.encoded(fold.train[list(columns)])
        self.y = fold.train["label"].to_numpy(dtype="float64")
        self.check = self.columns.encoded(fold.validate[list(columns)])
        self.label = fold.validate["label"].to_numpy(dtype="float64")

    def booster(self, settings: Settings) -> lgb.Booster:
        """A booster without trees, that measures itself on the validation rows."""
        parameters = settings.classifier().parameters(len(self.x), settings.estimator["random_state"])
        data = self.columns.dataset(self.x, self.y, settings.weight(self.rows))
        found = lgb.Booster(parameters, data)
        # LightGBM keeps one number of threads for the process, and takes that of the rows it read last:
        # unsaid here, every tree after this would be grown by all threads, waiting for each other
        found.add_valid(data.create_valid(self.check, self.label, params=parameters), "validate")
        return found


def _growing(settings: Settings, folds: Sequence[_Prepared], max_trees: int) -> Iterator[tuple[list[lgb.Booster], Any]]:
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
    losses = []
    for booster, fold in zip(boosters, folds, strict=True):
        p = np.clip(booster.predict(fold.check, num_iteration=trees), 1e-12, 1 - 1e-12)
        losses.append(-(fold.label * np.log(p) + (1 - fold.label) * np.log(1 - p)))
    return _Result(trees, np.concatenate(losses), tuple(float(part.mean()) for part in losses))


def _ahead(office: _Result, other: _Result, accounts: np.ndarray) -> tuple[float, float]:
    """By how much ``other`` loses less a row, and the standard error of that with accounts as clusters."""
    gained = office.losses - other.losses
    return float(gained.mean()), clustered_error(gained, accounts)


def _tuned(
    office: Settings,
    folds: Sequence[_Prepared],
    max_trees: int,
    tuning: Tuning,
    seed: int,
    storage: str | None,
    study: str,
) -> dict[str, Any]:
    """The parameters with the least loss among Optuna's tries; the same whether or not it was stopped between."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=DRAWN, n_warmup_steps=REPORT_EVERY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        found = optuna.create_study(
            direction="minimize", pruner=pruner, storage=storage, study_name=study, load_if_exists=True
        )
    done = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)
    while (count := len(found.get_trials(deepcopy=False, states=done))) < tuning.trials:
        # a sampler of its own for each try, so that a search taken up again draws what it would have drawn
        found.sampler = optuna.samplers.TPESampler(seed=seed + count, n_startup_trials=DRAWN)
        trial = found.ask()
        found.tell(trial, *_one_try(_changed(office, _drawn(trial)), folds, max_trees, trial))
    return dict(found.best_trial.params)


def _drawn(trial: Any) -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.1, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 32, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 20, 300, log=True),
        "feature_fraction": trial.suggest_float("feature_fraction", 0.2, 1.0),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.1, 100.0, log=True),
    }


def _one_try(settings: Settings, folds: Sequence[_Prepared], max_trees: int, trial: Any) -> tuple[float | None, Any]:
    import optuna

    curve: list[float] = []
    for _, curve in _growing(settings, folds, max_trees):
        if len(curve) % REPORT_EVERY == 0:
            trial.report(min(curve), len(curve))
            if trial.should_prune():
                return None, optuna.trial.TrialState.PRUNED
    return min(curve), None
