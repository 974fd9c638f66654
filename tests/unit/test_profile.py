"""What a model keeps of its training, to be watched by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churnml.errors import RegistryError
from churnml.modelling.predictor import Predictor
from churnml.modelling.profile import ModelProfile, fit_profile, fit_trust
from churnml.modelling.stored import MODEL_FILE
from tests.unit.test_registry import model


def unseen(between: float, seed: int, periods: int = 12, rows: int = 1_500, intercept: float = 0.0) -> pd.DataFrame:
    """Probabilities that hold but for a shift that is drawn anew for each period."""
    rng = np.random.default_rng(seed)
    z = np.log(p := rng.beta(1, 12, (periods, rows))) - np.log1p(-p)
    true = 1 / (1 + np.exp(-(z + intercept + between * rng.standard_normal((periods, 1)))))
    return pd.DataFrame(
        {
            "account_id": np.arange(periods * rows).astype(str),
            "as_of": np.repeat(pd.date_range("2023-01-01", periods=periods, freq="91D"), rows),
            "label": (rng.random((periods, rows)) < true).astype(float).ravel(),
            "probability": p.ravel(),
        }
    )


def test_the_spread_between_periods_is_told_from_what_sampling_gives() -> None:
    none = [fit_trust(unseen(0.0, seed)) for seed in range(6)]
    some = [fit_trust(unseen(0.4, seed)) for seed in range(6)]
    assert all(trust is not None for trust in none + some)
    assert np.mean([trust.between_intercepts for trust in none if trust]) < 0.08
    assert 0.28 < np.mean([trust.between_intercepts for trust in some if trust]) < 0.52


def test_rows_that_repeat_an_account_tell_less() -> None:
    once = unseen(0.0, 1, periods=1)
    repeated = pd.concat([once] * 4, ignore_index=True)
    alone, together = fit_trust(once), fit_trust(repeated)
    assert alone is not None
    assert together is not None
    assert together.intercept_error == pytest.approx(alone.intercept_error, rel=1e-6)


def test_nothing_can_be_trusted_where_everybody_stayed() -> None:
    assert fit_trust(unseen(0.0, 1).assign(label=0.0)) is None


def profile() -> ModelProfile:
    rows = pd.DataFrame({"account_id": ["a", "b", "c"], "as_of": pd.Timestamp("2024-01-01"), "a": [0.1, 1 / 3, np.nan]})
    return fit_profile(rows.assign(name=["x", None, "y"]), ["a", "name"], ["name"], unseen(0.0, 2, periods=2, rows=300))


def test_a_model_keeps_its_profile_to_the_bit(tmp_path: Path) -> None:
    kept = replace(model(1), profile=profile())
    kept.save(tmp_path)
    assert Predictor.load(tmp_path).profile == kept.profile


def test_a_model_from_before_has_none_and_loads(tmp_path: Path) -> None:
    model(1).save(tmp_path)
    assert "profile" not in json.loads((tmp_path / MODEL_FILE).read_text("utf-8"))
    assert Predictor.load(tmp_path).profile is None


def test_a_profile_of_a_later_version_is_refused_with_the_remedy() -> None:
    with pytest.raises(RegistryError, match="version 9") as refused:
        ModelProfile.from_json({**profile().as_json(), "version": 9})
    assert refused.value.remedy == "Update churnml."


def test_no_account_stands_in_a_profile() -> None:
    rows = pd.DataFrame({"account_id": ["ACME-SECRET"] * 3, "as_of": pd.Timestamp("2024-01-01"), "a": [1.0, 2.0, 3.0]})
    kept = fit_profile(rows, ["a"], [], unseen(0.0, 2, periods=2, rows=300))
    assert "ACME-SECRET" not in json.dumps(kept.as_json())
