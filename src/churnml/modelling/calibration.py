"""From a model's log-odds to probabilities that can be believed, learned on rows no tree has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression


def fit_calibration(kind: str, log_odds: np.ndarray, label: np.ndarray) -> dict[str, Any]:
    """Calibration as names and numbers.

    Args:
        kind: ``sigmoid`` (Platt, 1999; on the log-odds, so that the identity is inside the family) or
            ``isotonic`` (Zadrozny and Elkan, 2002; wants a thousand positives or so).
        log_odds: out-of-fold log-odds, shape (rows,).
        label: 0 or 1, shape (rows,).
    """
    if kind == "isotonic":
        fitted = IsotonicRegression(out_of_bounds="clip", y_min=0.0, y_max=1.0).fit(log_odds, label)
        return {"kind": "isotonic", "x": fitted.X_thresholds_.tolist(), "y": fitted.y_thresholds_.tolist()}
    # next to no penalty: two numbers from hundreds of rows need none
    fitted = LogisticRegression(C=1e6).fit(log_odds.reshape(-1, 1), label)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        # the folds' order was no better than chance; a falling curve would only learn that noise
        return {
            "kind": "sigmoid",
            "slope": 0.0,
            "intercept": float(np.log(label.mean() / (1 - label.mean()))),
        }
    return {"kind": "sigmoid", "slope": slope, "intercept": float(fitted.intercept_[0])}
