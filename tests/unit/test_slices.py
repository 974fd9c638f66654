"""The model part by part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from churnml.modelling.slices import LEAST, NAMES_SHOWN, slices


def rows(n=600, seed=1, **columns):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 6, n)
    frame = pd.DataFrame(
        {
            "account_id": [f"a{i}" for i in range(n)],
            "label": (rng.random(n) < p).astype(float),
            "account_segment": rng.choice(["smb", "enterprise"], n, p=[0.9, 0.1]),
            "subscription_tenure_days": rng.integers(0, 900, n).astype(float),
            "plan": rng.choice(["team", "scale"], n),
            "mrr": np.exp(rng.normal(5, 1, n)),
        }
    )
    return frame.assign(**columns), p


def test_every_row_is_in_one_part_of_each_slice_and_counts_as_it_is():
    frame, p = rows()
    found = pd.DataFrame(part.model_dump() for part in slices(frame, frame, p, seed=1))
    assert list(found["by"].drop_duplicates()) == ["segment", "tenure", "plan", "size"]
    for _, parts in found.groupby("by"):
        assert parts["rows"].sum() == len(frame)
        assert parts["positives"].sum() == frame["label"].sum()
    smb = found[found["part"] == "smb"].iloc[0]
    inside = frame["account_segment"] == "smb"
    assert smb["predicted"] == pytest.approx(p[inside].mean())
    assert smb["low"] <= smb["seen"] == pytest.approx(frame.loc[inside, "label"].mean())
    assert smb["roc_auc"]["low"] <= smb["roc_auc"]["value"] <= smb["roc_auc"]["high"]


def test_a_part_with_few_of_either_outcome_is_too_small_to_say():
    frame, p = rows()
    for part in slices(frame, frame, p, seed=1):
        few = min(part.positives, part.rows - part.positives) < LEAST
        assert part.too_small is few
    one = frame.assign(label=0.0)
    assert all(part.too_small and part.roc_auc.value is None for part in slices(one, one, p, seed=1))


def test_size_is_cut_into_thirds_of_what_trained_not_of_what_is_judged():
    frame, p = rows()
    richer = frame.assign(mrr=frame["mrr"] * 100)
    sizes = [part.part for part in slices(frame, richer, p, seed=1) if part.by == "size"]
    assert sizes[-1] == "large"
    assert next(part for part in slices(frame, richer, p, seed=1) if part.part == "large").rows > 0.9 * len(frame)


def test_what_is_not_known_stands_for_itself_and_many_names_are_put_together():
    frame, p = rows()
    odd = frame.assign(
        plan=[f"plan {i % 40}" for i in range(len(frame))],
        account_segment=np.where(frame.index % 2, None, frame["account_segment"]),
        subscription_tenure_days=np.where(frame.index % 3, np.nan, frame["subscription_tenure_days"]),
    )
    found = pd.DataFrame(part.model_dump() for part in slices(odd, odd, p, seed=1))
    assert len(found[found["by"] == "plan"]) == NAMES_SHOWN + 1
    assert "others" in set(found[found["by"] == "plan"]["part"])
    for by in ("segment", "tenure"):
        assert found[(found["by"] == by) & (found["part"] == "unknown")]["rows"].iloc[0] >= len(frame) // 2


def test_what_a_project_does_not_have_is_no_slice():
    frame, p = rows(plan=None, mrr=np.nan)
    bare = frame.drop(columns=["account_segment", "subscription_tenure_days"])
    assert slices(bare, bare, p, seed=1) == []
