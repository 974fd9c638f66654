"""Effects learned from a holdout: estimates that cover the truth, and no switching on without proof."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churnml.acting.uplift import LEAST_ROWS, Trial, crossed, effects, lead_of, ready, value_of
from churnml.errors import TooLittleDataError


def effect_of(features: np.ndarray, size: float) -> np.ndarray:
    """The true effect of acting: up to ``size`` one way for some accounts and the other way for others."""
    return size * np.tanh(features[:, 0])


def simulated(seed: int, accounts: int, size: float, *, shift: float = 0.0, share: float = 0.5) -> Trial:
    """A randomised trial: who leaves depends on two features, whom acting helps on the first alone.

    The value the list goes by knows the risk, which has nothing to do with the effect.
    """
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(accounts, 3))
    propensity = np.where(features[:, 2] > 0, share, share * 0.8)
    treated = draw.random(accounts) < propensity
    kept = 0.6 + 0.1 * np.tanh(features[:, 1]) + treated * (effect_of(features, size) + shift)
    outcome = (draw.random(accounts) < kept).astype(float)
    return Trial(
        account_id=np.array([f"a{i:05d}" for i in range(accounts)]),
        features=pd.DataFrame(features, columns=["use", "seats", "age"]),
        treated=treated,
        propensity=propensity,
        outcome=outcome,
        event=outcome == 0,
        value=1 - kept,
    )


def truth_of(features: np.ndarray, policy: np.ndarray, size: float, shift: float) -> float:
    """The mean outcome under the policy, of exactly these accounts."""
    return float(np.mean(0.6 + 0.1 * np.tanh(features[:, 1]) + policy * (effect_of(features, size) + shift)))


def test_the_intervals_of_a_policys_value_and_lead_hold_the_truth_about_nineteen_times_in_twenty():
    held = {"value": 0, "lead": 0, "half as wide": 0}
    runs = 200
    everybody = np.random.default_rng(0).normal(size=(200_000, 3))
    best = (everybody[:, 0] > 0).astype(float)
    value = truth_of(everybody, best, 0.3, 0.05)
    lead = value - truth_of(everybody, np.ones(len(best)), 0.3, 0.05)
    for seed in range(runs):
        trial = simulated(seed, 400, 0.3, shift=0.05, share=0.7)
        policy = (trial.features["use"].to_numpy() > 0).astype(float)
        found = crossed(trial)
        estimate, ahead = value_of(found, policy), lead_of(found, policy, np.ones(400))
        held["value"] += estimate.low <= value <= estimate.high
        held["lead"] += ahead.low <= lead <= ahead.high
        narrow = value_of(found, policy, alpha=0.327)
        held["half as wide"] += narrow.low <= value <= narrow.high
    # two standard errors of 200 draws at 95 % are three in a hundred
    assert 0.92 * runs <= held["value"] <= 0.985 * runs, held
    assert 0.92 * runs <= held["lead"] <= 0.985 * runs, held
    assert held["half as wide"] < 0.8 * runs, held  # the test can fail


def test_a_policy_is_worth_what_the_logged_probabilities_of_the_arms_say():
    # nobody's outcome depends on a feature, but those who would stay anyhow were treated more often
    draw = np.random.default_rng(1)
    stays = draw.random(4000) < 0.5
    propensity = np.where(stays, 0.8, 0.2)
    trial = replace(
        simulated(1, 4000, 0.0),
        features=pd.DataFrame({"noise": draw.normal(size=4000)}),
        treated=draw.random(4000) < propensity,
        propensity=propensity,
        outcome=np.where(stays, 0.9, 0.3),
    )
    everybody, nobody = np.ones(4000), np.zeros(4000)
    lead = lead_of(crossed(trial), everybody, nobody)
    assert lead.low < 0 < lead.high
    guessed = replace(trial, propensity=np.full(4000, trial.treated.mean()))
    assert lead_of(crossed(guessed), everybody, nobody).low > 0.2  # positive control: averages of the arms mislead


@pytest.mark.parametrize(("shift", "runs"), [(0.0, 100), (0.1, 40)])
def test_without_any_difference_between_accounts_it_is_not_switched_on(shift, runs):
    on = sum(ready(simulated(seed, 400, 0.0, shift=shift), least=20).is_ready for seed in range(runs))
    assert on <= 0.05 * runs


def test_asking_again_and_again_as_accounts_come_in_switches_nothing_on_by_luck():
    on = 0
    for seed in range(200, 225):
        whole = simulated(seed, 600, 0.0)
        looks = (Trial(**{name: _taken(getattr(whole, name), np.arange(rows)) for name in whole.__dataclass_fields__})
                 for rows in (150, 250, 400, 600))  # fmt: skip
        on += any(ready(look, least=20).is_ready for look in looks)
    assert on <= 2


def test_with_a_strong_difference_between_accounts_it_is_switched_on():
    found = [ready(simulated(seed, 1500, 0.4), least=20) for seed in range(10)]
    assert sum(one.is_ready for one in found) >= 9
    one = next(one for one in found if one.is_ready)
    assert set(one.leads) == {"treat by expected value", "treat all"}
    assert all(lead.low > 0 for lead in one.leads.values())
    assert (one.need, one.more) == (None, 0)
    assert "worth more an account" in one.sentence


def test_a_list_that_goes_by_the_true_effect_already_is_not_beaten():
    trial = simulated(1, 1500, 0.4)
    knowing = replace(trial, value=effect_of(trial.features.to_numpy(), 0.4))
    found = ready(knowing, least=20)
    assert not found.is_ready
    assert found.leads["treat all"].low > 0
    assert "treat by expected value" in found.sentence


def test_too_few_outcomes_say_how_many_more_accounts_are_needed():
    trial = simulated(3, 200, 0.4)
    found = ready(trial, least=100)
    assert (found.is_ready, found.need, dict(found.leads)) == (False, "outcomes", {})
    assert found.outcomes == {
        "treated": int(trial.event[trial.treated].sum()),
        "holdout": int(trial.event[~trial.treated].sum()),
    }
    assert found.more is not None
    # so many more at the same rates, and there are enough
    later = ready(simulated(3, 200 + round(found.more * 1.2), 0.4), least=100)
    assert later.need != "outcomes"
    assert ready(replace(trial, event=np.zeros(200, dtype=bool))).more is None
    assert f"about {found.more:,} more accounts" in found.sentence


def test_a_lead_that_is_not_proven_says_how_many_more_accounts_would_prove_it():
    found = ready(simulated(10, 500, 0.4), least=20)
    assert (found.is_ready, found.need) == (False, "proof")
    assert found.more is not None
    assert found.more > 0
    enough = [ready(simulated(50 + seed, 500 + 2 * found.more, 0.4), least=20).is_ready for seed in range(5)]
    assert sum(enough) >= 4
    assert f"about {found.more:,} more" in found.sentence


def test_where_there_is_no_lead_nobody_can_say_how_many_more_are_needed():
    trial = simulated(1, 400, 0.0)
    found = [ready(simulated(seed, 300, 0.0), least=20) for seed in range(6)]
    behind = [one for one in found if min(lead.value for lead in one.leads.values()) <= 0]
    assert behind
    assert all(one.more is None for one in behind)
    assert "nobody can say" in behind[0].sentence
    assert not ready(trial, least=20).is_ready


def test_capacity_limits_how_many_are_treated_and_the_rivals_with_them():
    trial = simulated(2, 1500, 0.4)
    small, whole = ready(trial, least=20, capacity=0.1), ready(trial, least=20)
    assert small.leads["treat all"].value < whole.leads["treat by expected value"].value
    # treating a tenth by the learned effect gains about a tenth of the greatest effects more than a tenth by chance
    assert 0.02 < small.leads["treat all"].value < 0.06


def test_a_cost_above_every_effect_leaves_nobody_to_treat_and_nothing_to_switch_on():
    found = ready(simulated(2, 600, 0.2), least=20, cost=5.0)
    assert found.leads["treat all"].low > 0
    assert found.leads["treat by expected value"].value == 0.0
    assert not found.is_ready


def test_learned_effects_are_near_the_true_ones_and_know_the_harmed():
    trial = simulated(4, 3000, 0.3, shift=0.05)
    today = np.random.default_rng(9).normal(size=(500, 3))
    frame = pd.DataFrame(today, columns=["use", "seats", "age"])[["age", "use", "seats"]].assign(other="text")
    learned, true = effects(trial, frame), effect_of(today, 0.3) + 0.05
    assert np.corrcoef(learned, true)[0, 1] > 0.9
    assert abs(learned.mean() - true.mean()) < 0.04
    assert np.mean((learned < 0) == (true < 0)) > 0.85


def test_money_kept_is_an_outcome_as_good_as_yes_or_no():
    trial = simulated(6, 1500, 0.4)
    mrr = np.exp(np.random.default_rng(1).normal(5, 0.3, 1500))
    money = replace(trial, outcome=trial.outcome * mrr)
    found = ready(money, least=20)
    assert found.is_ready
    assert found.leads["treat all"].value > 100 * ready(trial, least=20).leads["treat all"].value


def test_missing_constant_and_wild_features_do_no_harm():
    trial = simulated(7, 800, 0.4)
    features = trial.features.copy()
    features.loc[features.index[::7], "seats"] = np.nan
    features.loc[3, "use"] = 1e9
    wild = replace(trial, features=features.assign(nothing=np.nan, same=1.0))
    plain, found = crossed(trial), crossed(wild)
    assert np.isfinite(found.effect).all()
    assert np.corrcoef(np.delete(plain.effect, 3), np.delete(found.effect, 3))[0, 1] > 0.9
    assert np.abs(found.effect).max() < 2
    assert np.isfinite(effects(wild, wild.features)).all()


def test_the_order_of_the_accounts_changes_nothing():
    trial = simulated(8, 400, 0.3)
    order = np.random.default_rng(1).permutation(400)
    turned = Trial(**{name: _taken(getattr(trial, name), order) for name in trial.__dataclass_fields__})
    found, again = crossed(trial), crossed(turned)
    np.testing.assert_array_equal(found.fold[order], again.fold)
    np.testing.assert_allclose(found.effect[order], again.effect, atol=1e-9)
    one, other = ready(trial, least=20), ready(turned, least=20)
    assert one.leads["treat all"].value == pytest.approx(other.leads["treat all"].value)


def _taken(values, order):
    return values.iloc[order].reset_index(drop=True) if isinstance(values, pd.DataFrame) else values[order]


def test_no_account_is_scored_by_its_own_outcome():
    trial = simulated(9, 300, 0.3)
    found = crossed(trial)
    here = np.flatnonzero(found.fold == 0)
    outcome = trial.outcome.copy()
    outcome[here] += 100.0
    again = crossed(replace(trial, outcome=outcome))
    np.testing.assert_allclose(again.effect[here], found.effect[here])
    others = found.fold != 0
    assert np.abs(again.effect[others] - found.effect[others]).max() > 1.0  # positive control


@pytest.mark.parametrize("certain", [0.0, 1.0, math.nan, 1.5])
def test_arms_that_were_not_left_to_chance_are_refused(certain):
    trial = simulated(1, 100, 0.3)
    propensity = trial.propensity.copy()
    propensity[4] = certain
    with pytest.raises(TooLittleDataError, match="1 of 100 accounts were certain"):
        replace(trial, propensity=propensity)


def test_too_few_in_an_arm_are_refused_and_counted():
    trial = simulated(1, 100, 0.3)
    lonely = replace(trial, treated=np.arange(100) < LEAST_ROWS - 1)
    for call in (lambda: crossed(lonely), lambda: effects(lonely, lonely.features)):
        with pytest.raises(TooLittleDataError, match="19 treated and 81 held-out"):
            call()
    assert ready(lonely, least=1).need == "outcomes"


def test_entries_that_do_not_belong_together_are_refused():
    trial = simulated(1, 100, 0.3)
    with pytest.raises(ValueError, match="as many entries"):
        replace(trial, outcome=trial.outcome[:50])
    with pytest.raises(ValueError, match="once"):
        replace(trial, account_id=np.full(100, "a"))
    with pytest.raises(ValueError, match="no number"):
        replace(trial, outcome=np.full(100, np.nan))
    with pytest.raises(ValueError, match="shares"):
        ready(trial, capacity=0.0)
