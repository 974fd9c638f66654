"""The same model looked at part by part: does it hold for every segment, tenure, plan and size?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from churnml.modelling.evaluation import accelerated, resampled_weights
from churnml.modelling.ranking import order_measure
from churnml.modelling.record import RecordedFigure, Slice
from churnml.modelling.reliability import wilson

# With fewer positives (or negatives) the 95 % interval of a ROC AUC of 0.7 reaches 0.18 to either side (Hanley and
# McNeil, Radiology 143, 1982), so that it cannot be told from chance.
LEAST = 10
NAMES_SHOWN = 8
RESAMPLES = 500
OTHERS, UNKNOWN = "others", "unknown"
TENURES = ((90.0, "under 90 days"), (365.0, "90 to 364 days"), (np.inf, "a year or more"))
SIZES = ("small", "middle", "large")


def slices(train: pd.DataFrame, judged: pd.DataFrame, p: np.ndarray, seed: int) -> list[Slice]:
    """Each part's rows, positives, ROC AUC, and what was predicted of it beside what was seen.

    Args:
        train: rows that trained; thirds of MRR are cut on them.
        judged: the judged rows with ``account_id, label``, and what they are parted by.
        p: what the model predicted, shape (rows,).
        seed: of the bootstrap.

    Returns:
        The parts; ``low, high`` is Wilson's interval of ``seen``, ``roc_auc`` not known where all came out alike.
    """
    y = judged["label"].to_numpy(dtype="float64")
    account = judged["account_id"].to_numpy()
    parts = []
    for by, part in _parts(train, judged):
        order = [name for name in dict.fromkeys(part.cat.categories) if (part == name).any()]
        for name in order:
            inside = (part == name).to_numpy()
            parts.append(_slice(by, str(name), account[inside], y[inside], p[inside], seed))
    return parts


def _slice(by: str, part: str, account: np.ndarray, y: np.ndarray, p: np.ndarray, seed: int) -> Slice:
    low, high = wilson(y.mean(), len(y))
    measured = order_measure(p, y)
    samples = [measured(w)["roc_auc"] for w in resampled_weights(account, seed, RESAMPLES)]
    auc = accelerated(float(measured(np.ones((1, len(y))))["roc_auc"][0]), np.concatenate(samples))
    return Slice(
        by=by,
        part=part,
        rows=len(y),
        positives=int(y.sum()),
        said=float(p.mean()),
        seen=float(y.mean()),
        low=float(low),
        high=float(high),
        roc_auc=RecordedFigure.model_validate(auc),
        too_small=bool(min(y.sum(), len(y) - y.sum()) < LEAST),
    )


def _parts(train: pd.DataFrame, judged: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """By what the rows are parted, with the part of each as ordered categories."""
    if "account_segment" in judged.columns:
        yield "segment", _named(judged["account_segment"])
    tenure = next((name for name in ("subscription_tenure_days", "account_age_days") if name in judged.columns), None)
    if tenure:
        ends = [end for end, _ in TENURES]
        yield "tenure", _banded(judged[tenure], ends, [name for _, name in TENURES])
    if judged["plan"].notna().any():
        yield "plan", _named(judged["plan"])
    known = train["mrr"].dropna()
    if known.nunique() >= len(SIZES) and judged["mrr"].notna().any():
        thirds = np.quantile(known, [1 / 3, 2 / 3])
        if thirds[0] < thirds[1]:
            yield "size", _banded(judged["mrr"], [*thirds, np.inf], list(SIZES))


def _named(values: pd.Series) -> pd.Series:
    """Names, the most frequent first; few names are shown, the others together."""
    counts = values.value_counts()
    shown = [str(name) for name in counts.index[:NAMES_SHOWN]]
    text = values.map(lambda name: UNKNOWN if pd.isna(name) else str(name) if str(name) in shown else OTHERS)
    return pd.Series(pd.Categorical(text, list(dict.fromkeys([*shown, OTHERS, UNKNOWN]))), index=values.index)


def _banded(values: pd.Series, ends: list[float], names: list[str]) -> pd.Series:
    """Numbers in bands, each up to but not including its end; what is not known stands for itself."""
    place = np.searchsorted(ends, values.to_numpy(dtype="float64"), side="right").clip(max=len(names) - 1)
    text = np.where(values.isna(), UNKNOWN, np.array(names, dtype=object)[place])
    return pd.Series(pd.Categorical(text, [*names, UNKNOWN]), index=values.index)
