"""When an account may leave, as a person meets it: scored, kept, explained."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from churnml.adapters.project import open_project
from churnml.adapters.store import open_store
from tests.flows.conftest import churnml


@pytest.fixture(scope="module")
def promoted(ran, tmp_path_factory):
    """The company with its churn model made champion by hand, and scored with it."""
    project = tmp_path_factory.mktemp("when") / "company"
    shutil.copytree(ran, project)
    for words in (("models", "promote", "churn", "--because", "to see its curves"), ("score", "--no-prefect")):
        said = churnml(*words, "--project", project)
        assert said.code == 0, said.err
    return project


@pytest.fixture(scope="module")
def scored(promoted):
    with open_store(open_project(promoted).operational_url) as store:
        return store.scored(store.dates()[-1])


def test_every_account_with_a_probability_has_a_curve_that_fits_it_and_never_falls(scored):
    likely = [account for account in scored if account.churn_probability is not None]
    assert likely
    for account in likely:
        left = [0.0, *account.timing.left_by.left]
        days = [0, *account.timing.left_by.days]
        assert (np.diff(left) >= 0).all()
        within = [account.timing.leave_within[mark] for mark in ("30", "60", "90", "180")]
        assert within == sorted(within)
        # the default label's window is [7, 98)
        opens, ends = left[days.index(7)], left[days.index(98)]
        assert (ends - opens) / (1 - opens) == pytest.approx(account.churn_probability, abs=5e-6)
    assert all(account.timing is None for account in scored if account.churn_probability is None)


def test_the_likely_period_is_a_period_of_the_curve_and_its_most_likely(scored):
    for timing in [account.timing for account in scored if account.timing is not None]:
        left, days = np.array([0.0, *timing.left_by.left]), np.array([0, *timing.left_by.days])
        likely = timing.likely_period
        assert likely.probability == pytest.approx(np.diff(left).max(), abs=2e-6)
        assert (likely.last - likely.first).days + 1 in np.diff(days)


def test_explain_tells_when_in_words_with_a_bar_and_in_json(promoted, scored):
    account = max(scored, key=lambda one: one.churn_probability or 0)
    said = churnml("explain", account.account_id, "--project", promoted)
    assert said.code == 0, said.err
    within, likely = account.timing.leave_within, account.timing.likely_period
    assert f"leaves within 30 days {within['30'] * 100:.1f} %, 60 days" in said.out
    assert f"most likely from {likely.first} to {likely.last}" in said.out
    bar = next(line for line in said.out.splitlines() if "█" in line)
    assert bar.split()[0].strip("▁▂▃▄▅▆▇█") == ""
    assert len(bar.split()[0]) == len(account.timing.left_by.days)
    told = json.loads(churnml("explain", account.account_id, "--project", promoted, "--json").out)
    assert told["leave_within"] == within
    period = {"from": str(likely.first), "to": str(likely.last), "probability": likely.probability}
    assert told["likely_period"] == period
    curve = account.timing.left_by
    assert told["left_by"] == {"days": list(curve.days), "left": list(curve.left)}


def test_the_record_tells_how_the_curves_were_fitted_and_how_they_did_beside_the_classifier(ran):
    from churnml.adapters.registry import registry_of

    registry = registry_of(open_project(ran))
    found = registry.record_of("churn", None).as_data()["hazard"]
    assert found["edges"][:3] == [0, 7, 14]
    assert found["anchor"] == [7, 98]
    assert found["about"]["leavings"] > 0
    assert {"roc_auc_30", "brier_90", "integrated_brier", "concordance"} <= set(found["judged"]["figures"]["curve"])
    assert set(found["judged"]["ahead"]) == {"classifier"}
    assert found["judged"]["last"] >= 98
    assert registry.record_of("upsell", None).hazard is None
    said = churnml("models", "show", "churn", "--project", ran)
    assert said.code == 0, said.err
    concordance = found["judged"]["figures"]["curve"]["concordance"]
    assert f"the one that leaves first in {concordance['value']:.3f} [{concordance['low']:.3f}" in said.out
    told = json.loads(churnml("models", "show", "churn", "--project", ran, "--json").out)
    assert told["when"] == found["judged"]
