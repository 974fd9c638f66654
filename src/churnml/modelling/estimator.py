"""LightGBM as a scikit-learn classifier: the one estimator behind churn, upsell and whatever label a project declares.

It is an average over seeds, held as a single LightGBM model: bagging and feature sampling make each fit a little
different, and the mean of their log-odds varies less than any one of them (Breiman, Bagging predictors, 1996).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags, assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from churnml.modelling.predictor import encode
from churnml.modelling.straight import straight_trees

# Under so many rows a tree takes milliseconds, and on a busy machine threads that wait for each other
# take ten times that.
ROWS_FOR_THREADS = 200_000
# A category is few rows: its own mean is not to be believed.
CATEGORY_SMOOTHING = 50
# A day of the year each, so that days to a renewal are told apart; LightGBM's own 255 bins put several into one.
BINS_OF_A_COLUMN = 400


class BoostedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Gradient-boosted trees for one of two outcomes (Ke et al., LightGBM, 2017), averaged over seeds.

    ``X`` is a numeric matrix, or a frame whose text columns are categories: a category that was not seen in ``fit``
    counts as missing. Missing values are allowed everywhere.

    Args:
        trees: trees of each seed.
        learning_rate, num_leaves, min_data_in_leaf, feature_fraction, bagging_fraction, lambda_l2: as LightGBM
            has them.
        monotone: -1, 0 or 1 a column: the outcome may only fall, do anything, or only rise with it; None is 0 for
            all.
        linear: the share of the log-odds that a logistic regression gives instead of the trees, from 0 to 1.
        seeds: how many fits are averaged.
        random_state: of the first fit; the others count on from it.
        threads: of LightGBM; None is one under ``ROWS_FOR_THREADS`` rows, all above.

    Attributes:
        classes_: the two outcomes, the second one is predicted.
        categories_: text column → its names, in code order.
        booster_: the averaged model.
        n_features_in_, feature_names_in_: as scikit-learn has them.
    """

    def __init__(
        self,
        trees: int = 200,
        learning_rate: float = 0.04,
        num_leaves: int = 8,
        min_data_in_leaf: int = 60,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        lambda_l2: float = 10.0,
        monotone: Sequence[int] | None = None,
        linear: float = 0.0,
        seeds: int = 1,
        random_state: int = 7,
        threads: int | None = None,
    ) -> None:
        self.trees = trees
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.monotone = monotone
        self.linear = linear
        self.seeds = seeds
        self.random_state = random_state
        self.threads = threads

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike, sample_weight: npt.ArrayLike | None = None) -> BoostedClassifier:  # noqa: N803 - scikit-learn's name
        """Fits on rows ``X``, shape (rows, features), with outcomes ``y``, shape (rows,).

        Raises:
            ValueError: not two outcomes, or as many ``monotone`` signs as there are columns.
        """
        if y is None:
            raise ValueError("BoostedClassifier requires y to be passed, but the target y is None.")
        matrix = self._learned(X)
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name="y")
        check_consistent_length(matrix, y)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(f"Only binary classification is supported. The target has {len(self.classes_)} classes.")
        if len(self.classes_) < 2:
            raise ValueError(f"Classifier can't train when only one class is present: {self.classes_[0]!r}.")
        if self.monotone is not None and len(self.monotone) != matrix.shape[1]:
            raise ValueError(f"monotone has {len(self.monotone)} signs for {matrix.shape[1]} columns")
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, matrix)
        data = self.dataset(matrix, codes.astype("float64"), weight)
        # where there is nothing but a line, a tree only lends it its head
        numbers, trees = (self.numbers[:1], 1) if self.linear >= 1 else (self.numbers, self.trees)
        self.booster_ = averaged(
            [lgb.train(self.parameters(len(matrix), seed), data, num_boost_round=trees) for seed in numbers]
        )
        if self.linear > 0:
            self.booster_ = with_line(self.booster_, self.line(matrix, codes.astype("float64"), weight), self.linear)
        return self

    def line(self, matrix: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> list[str]:
        """A logistic regression over :meth:`encoded` rows with outcomes 0 or 1, as LightGBM's text of its trees."""
        named = [place for place, name in enumerate(self._names) if name in self.categories_]
        return straight_trees(matrix, label, weight, named, self.monotone)

    @property
    def numbers(self) -> range:
        """The seeds of the fits."""
        return range(self.random_state, self.random_state + self.seeds)

    def parameters(self, rows: int, seed: int) -> dict[str, object]:
        """LightGBM's parameters for one fit on so many rows."""
        parameters: dict[str, object] = {
            "objective": "binary",
            "metric": "binary_logloss",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_data_in_leaf": self.min_data_in_leaf,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.lambda_l2,
            "cat_smooth": CATEGORY_SMOOTHING,
            "max_bin": BINS_OF_A_COLUMN,  # given here too, or a validation set would differ from its reference
            "seed": seed,
            # the same rows and seed give the same trees, whatever the machine's load
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads if self.threads is not None else (1 if rows < ROWS_FOR_THREADS else 0),
            "verbosity": -1,
        }
        if self.monotone is not None and any(self.monotone):
            parameters["monotone_constraints"] = list(self.monotone)
            parameters["monotone_constraints_method"] = "intermediate"
        return parameters

    def dataset(self, matrix: np.ndarray, label: np.ndarray, weight: np.ndarray | None = None) -> lgb.Dataset:
        """A matrix of :meth:`encoded` rows with its outcomes 0 or 1, as LightGBM reads it."""
        categorical = [place for place, name in enumerate(self._names) if name in self.categories_]
        return lgb.Dataset(
            matrix,
            label,
            weight=weight,
            feature_name=[f"f{place}" for place in range(matrix.shape[1])],  # event names may hold any character
            categorical_feature=categorical,
            params={"verbosity": -1, "max_bin": BINS_OF_A_COLUMN},
            free_raw_data=False,
        )

    def learn_columns(self, X: npt.ArrayLike) -> BoostedClassifier:  # noqa: N803
        """Takes in the columns of ``X`` and their categories, without fitting."""
        self._learned(X)
        return self

    def encoded(self, X: npt.ArrayLike) -> np.ndarray:  # noqa: N803
        """``X`` as the float64 matrix the trees read."""
        if isinstance(X, pd.DataFrame) and self.categories_:
            validate_data(self, _only_names(X), reset=False)
            return encode(X, list(X.columns), self.categories_)
        return np.asarray(validate_data(self, X, reset=False, dtype="float64", ensure_all_finite="allow-nan"))

    def decision_function(self, X: npt.ArrayLike) -> np.ndarray:  # noqa: N803
        """Log-odds of the second outcome, shape (rows,)."""
        check_is_fitted(self)
        return np.asarray(self.booster_.predict(self.encoded(X), raw_score=True), dtype="float64")

    def predict_proba(self, X: npt.ArrayLike) -> np.ndarray:  # noqa: N803
        """Probabilities of both outcomes, shape (rows, 2); not calibrated."""
        second = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - second, second])

    def predict(self, X: npt.ArrayLike) -> np.ndarray:  # noqa: N803
        """The likelier outcome, shape (rows,)."""
        above = self.decision_function(X) > 0
        return np.asarray(self.classes_[above.astype(int)])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.classifier_tags.multi_class = False
        return tags

    def _learned(self, X: npt.ArrayLike) -> np.ndarray:  # noqa: N803
        self.categories_: Mapping[str, tuple[str, ...]] = {}
        if isinstance(X, pd.DataFrame):
            texts = [str(name) for name in X.columns if not pd.api.types.is_numeric_dtype(X[name])]
            if texts:
                validate_data(self, _only_names(X))
                self._names = [str(name) for name in X.columns]
                self.categories_ = {name: tuple(sorted(X[name].dropna().unique())) for name in texts}
                return encode(X, self._names, self.categories_)
        matrix = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan")
        self._names = [str(place) for place in range(matrix.shape[1])]
        return np.asarray(matrix)


def _only_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Its columns with nothing but zeros in them, for checks that cannot read text."""
    return pd.DataFrame(0.0, index=frame.index, columns=frame.columns)


_LEAVES = re.compile(r"^(leaf_value|internal_value)=(.*)$", re.MULTILINE)


def averaged(boosters: Sequence[lgb.Booster]) -> lgb.Booster:
    """One model whose log-odds, and whose TreeSHAP contributions, are the mean of those of ``boosters``.

    LightGBM's text of a model is a head, its trees, and a tail; the mean of sums of trees is the sum of all trees
    with their leaves divided. Also takes a single one, which becomes independent of its training data.
    """
    texts = [booster.model_to_string() for booster in boosters]
    if len(texts) == 1:
        return lgb.Booster(model_str=texts[0])
    trees = [_divided(tree, len(texts)) for text in texts for tree in _split(text)[1]]
    return _of_trees(texts[0], trees)


def with_line(booster: lgb.Booster, line: Sequence[str], share: float) -> lgb.Booster:
    """A model whose log-odds are by ``share`` those of the trees of a straight ``line``, else those of ``booster``."""
    text = booster.model_to_string()
    trees = [] if share >= 1 else [_divided(tree, 1 / (1 - share)) for tree in _split(text)[1]]
    return _of_trees(text, [*trees, *(_divided(tree, 1 / share) for tree in line)])


def _of_trees(like: str, trees: Sequence[str]) -> lgb.Booster:
    """A model like another, of other trees."""
    head, _, tail = _split(like)
    # without the sizes of the old trees LightGBM finds the new ones by their names
    head = re.sub(r"^tree_sizes=.*\n", "", head, flags=re.MULTILINE)
    numbered = "".join(re.sub(r"^Tree=\d+", f"Tree={place}", tree, count=1) for place, tree in enumerate(trees))
    return lgb.Booster(model_str=head + numbered + tail)


def _split(text: str) -> tuple[str, list[str], str]:
    body, end, tail = text.partition("end of trees")
    head, *trees = re.split(r"^(?=Tree=\d+$)", body, flags=re.MULTILINE)
    return head, trees, end + tail


def _divided(tree: str, by: float) -> str:
    def smaller(match: re.Match[str]) -> str:
        return f"{match[1]}=" + " ".join(repr(float(value) / by) for value in match[2].split())

    return _LEAVES.sub(smaller, tree)
