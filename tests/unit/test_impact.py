"""The impact report: verdicts that hold however often one looks, and alarms about the experiment itself."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churnml.impact.effects import impact
from churnml.impact.measures import MEASURES, About, Terms
from churnml.impact.sequential import half_width

THROUGH = dt.date(2024, 12, 31)
WEEKS = 20


def company(
    n: int = 2_000,
    seed: int = 1,
    playbook: str = "rescue",
    share: float = 0.7,
    effect: float = 0.0,
    grows: float = 0.0,
) -> pd.DataFrame:
    """Accounts enrolled week by week; ``effect`` is added to the chance of leaving of the treated, ``grows`` likewise."""
    rng = np.random.default_rng(seed)
    treated, risk = rng.random(n) < share, rng.beta(2, 10, n)
    left = rng.random(n) < np.clip(risk + effect * treated, 0, 1)
    grew = ~left & (rng.random(n) < np.clip(0.1 + grows * treated, 0, 1))
    kept = np.where(left, 0.0, np.where(grew, 1.3, rng.choice([0.9, 1.0], n)))
    weeks = np.arange(n) * WEEKS // n
    return pd.DataFrame(
        {
            "account_id": [f"{playbook}-{number:05d}" for number in range(n)],
            "playbook": playbook,
            "arm": np.where(treated, "treated", "holdout"),
            "propensity": share,
            "assigned_on": [dt.date(2024, 1, 1) + dt.timedelta(weeks=int(week)) for week in weeks],
            "risk": risk,
            "mrr": rng.lognormal(5, 0.8, n),
            "worked": treated,
            "churn_state": "counted",
            "upsell_state": "counted",
            "left": left.astype(float),
            "grew": grew.astype(float),
            "kept": kept,
            "won": np.maximum(kept - 1, 0),
        }
    )


ABOUT = {"rescue": About("Rescue", "keep"), "grow": About("Grow", "grow"), "care": About("Care", "care")}


def one(rows: pd.DataFrame, **terms) -> object:
    (found,) = impact(rows, ABOUT, THROUGH, Terms(**terms)).playbooks
    return found


# ---------------------------------------------------------------- effects


def test_the_interval_holds_the_truth_and_its_sign_is_named() -> None:
    works, harms = one(company(4_000, effect=-0.1)), one(company(4_000, effect=0.1))
    assert works.verdict == "works"
    assert harms.verdict == "harms"
    # nobody's chance falls below nought, so the true mean effect is a little less than a tenth
    assert works.effects["left"].low < -0.087 < works.effects["left"].high < 0
    assert 0 < harms.effects["left"].low < 0.1 < harms.effects["left"].high
    assert works.effects["kept"].low > 0
    assert works.effects["kept_money"].low > 0


def test_the_order_of_the_rows_changes_nothing() -> None:
    rows = company(600)
    shuffled = rows.sample(frac=1, random_state=3)
    assert impact(rows, ABOUT, THROUGH).as_data() == impact(shuffled, ABOUT, THROUGH).as_data()


def test_what_is_enrolled_later_does_not_change_what_was_said_of_those_before() -> None:
    """The scores of a prefix are those of the whole: else the sequence of looks would not be one."""
    rows = company(2_000)
    early = rows[rows["assigned_on"] < dt.date(2024, 3, 1)]
    with_waiting = rows.copy()
    later = ~rows["account_id"].isin(early["account_id"])
    with_waiting.loc[later, ["churn_state", "upsell_state"]] = "waiting"
    with_waiting.loc[later, ["left", "kept", "grew", "won"]] = np.nan
    assert one(early).effects == one(with_waiting).effects
    assert one(early).effects != one(rows).effects  # the control


def test_waiting_accounts_are_counted_apart_and_never_used() -> None:
    rows = company(2_000, effect=-0.1)
    rows.loc[rows.index[1_000:], "churn_state"] = "waiting"
    absurd = rows.copy()
    absurd.loc[rows.index[1_000:], ["left", "kept"]] = [1.0, 99.0]
    found = one(absurd)
    assert found.treated.waiting + found.holdout.waiting == 1_000
    assert found.effects["left"].outcomes == 1_000
    assert found.effects == one(rows).effects
    absurd["churn_state"] = "counted"
    assert one(absurd).effects["left"] != found.effects["left"]  # the control


def test_money_weighs_each_account_by_what_it_paid() -> None:
    rows = company(2_000, effect=-0.1)
    effects = one(rows).effects
    tenfold = one(rows.assign(mrr=rows["mrr"] * 10)).effects
    assert tenfold["kept_money"].value == pytest.approx(10 * effects["kept_money"].value)
    assert tenfold["kept_money"].low == pytest.approx(10 * effects["kept_money"].low)
    assert tenfold["kept"] == effects["kept"]
    alike = one(rows.assign(mrr=100.0)).effects
    assert alike["kept_money"].value == pytest.approx(100 * alike["kept"].value)


def test_what_does_not_help_and_may_harm_is_not_called_without_effect() -> None:
    may_harm = one(company(1_000, effect=0.04, share=0.5), worth=0.02)
    nothing = one(company(12_000, share=0.5), worth=0.025)
    assert (may_harm.verdict, nothing.verdict) == ("no_sign", "no_sign")
    assert "may harm" in may_harm.sentence
    assert "no sign of an effect" in nothing.sentence


def test_a_few_giants_keep_money_from_being_estimated_and_not_the_shares() -> None:
    rows = company(2_000)
    rows.loc[rows.index[:3], "mrr"] = 1e7
    found = one(rows)
    assert found.effects["kept_money"].value is None
    assert "a few large accounts" in found.effects["kept_money"].why_not
    assert found.effects["kept"].value is not None


def test_an_account_without_mrr_counts_for_leaving_and_not_for_money() -> None:
    rows = company(2_000)
    rows.loc[rows.index[:100], ["mrr", "kept", "won"]] = np.nan
    found = one(rows)
    assert found.effects["left"].outcomes == 2_000
    assert found.effects["kept"].outcomes == found.effects["kept_money"].outcomes == 1_900


def test_what_was_kept_beyond_the_cap_counts_as_the_cap() -> None:
    rows = company(2_000)
    rows.loc[rows.index[0], ["kept", "won"]] = [2.0, 1.0]
    wild = rows.copy()
    wild.loc[rows.index[0], ["kept", "won"]] = [500.0, 499.0]
    assert one(rows).effects == one(wild).effects


# ---------------------------------------------------------------- not yet


def test_more_needed_shrinks_as_outcomes_come_and_then_a_verdict_is_given() -> None:
    rows = company(12_000, effect=0.0, share=0.5)
    said = [one(rows.iloc[:n], worth=0.025) for n in (100, 1_000, 4_000, 12_000)]
    assert [s.verdict for s in said] == ["not_yet", "not_yet", "not_yet", "no_sign"]
    assert said[0].more_needed > said[1].more_needed > said[2].more_needed > 0
    assert said[3].more_needed is None
    assert f"{said[1].more_needed:,} more needed" in said[1].sentence


def test_before_any_outcome_the_number_needed_rests_on_the_risk_known_at_enrolment() -> None:
    rows = company(300).assign(churn_state="waiting", upsell_state="waiting", left=np.nan, kept=np.nan)
    found = one(rows)
    assert found.verdict == "not_yet"
    assert "300 are enrolled and waiting" in found.sentence
    safer = one(rows.assign(risk=rows["risk"] / 4))
    assert safer.more_needed < found.more_needed  # rarer leaving scatters less


def test_the_number_needed_is_enough() -> None:
    """As many as it asked for, at the effect declared worth it, and it is found four times in five."""
    terms = {"worth": 0.1}
    asked = one(company(100, share=0.5), **terms).total_needed
    assert asked is not None
    found = sum(one(company(asked, seed, share=0.5, effect=-0.12), **terms).verdict == "works" for seed in range(40))
    assert found >= 24  # the mean effect is a tenth, since nobody's chance falls below nought: of 40 at 0.8
    few = sum(one(company(asked // 4, seed, share=0.5, effect=-0.12), **terms).verdict == "works" for seed in range(40))
    assert few < 20  # the control: a quarter of them would not do


# ---------------------------------------------------------------- several playbooks


def test_playbooks_share_the_probability_of_being_wrong() -> None:
    rescue, care = company(1_000), company(1_000, 2, "care")
    alone = one(rescue).effects["left"]
    report = impact(pd.concat([rescue, care]), ABOUT, THROUGH)
    beside = {p.playbook: p for p in report.playbooks}["rescue"].effects["left"]
    assert report.alpha_each == 0.025
    wider = half_width(1_000, 1.0, 0.025, 500) / half_width(1_000, 1.0, 0.05, 500)
    assert (beside.high - beside.low) / (alone.high - alone.low) == pytest.approx(wider)
    assert (beside.once_low, beside.once_high) == (alone.once_low, alone.once_high)


def test_a_playbook_to_grow_asks_two_questions_and_harms_if_it_drives_accounts_away() -> None:
    report = impact(company(4_000, playbook="grow", effect=0.1, grows=0.2, share=0.5), ABOUT, THROUGH)
    assert report.alpha_each == 0.025
    (found,) = report.playbooks
    assert found.effects["grew"].low > 0
    assert found.verdict == "harms"
    assert "share that left" in found.sentence


def test_declared_questions_keep_room_for_playbooks_to_come() -> None:
    assert impact(company(500), ABOUT, THROUGH, Terms(questions=10)).alpha_each == 0.005
    assert impact(company(500), ABOUT, THROUGH).alpha_each == 0.05


def test_harmful_playbooks_are_named_before_useless_ones_in_what_to_stop() -> None:
    rows = pd.concat([company(9_000, 2, "care", share=0.5), company(4_000, 1, "rescue", effect=0.1)])
    report = impact(rows, ABOUT, THROUGH, Terms(worth=0.05))
    assert [p.verdict for p in report.playbooks] == ["no_sign", "harms"]
    assert [line.split(":")[0] for line in report.stop] == ["Stop “Rescue”", "Stop “Care”"]


def test_the_programme_is_every_enrolment_and_its_money_that_of_all_treated() -> None:
    rows = pd.concat([company(2_000, effect=-0.1), company(2_000, 2, "care", effect=-0.1)])
    together = impact(rows, ABOUT, THROUGH).together
    assert together.enrolments == 4_000
    left, money = together.effects["left"], together.effects["kept_money"]
    assert left.low < -0.087 < left.high < 0
    assert together.kept == pytest.approx(tuple(money.treated * x for x in (money.value, money.low, money.high)))
    alone = one(company(2_000, effect=-0.1)).effects["left"]
    assert left.high - left.low < 0.8 * (alone.high - alone.low)


# ---------------------------------------------------------------- whether the experiment is sound


def test_a_playbook_without_a_holdout_is_not_measured_and_spoils_nothing() -> None:
    never = company(500, 2, "care").assign(arm="treated", propensity=1.0)
    report = impact(pd.concat([company(), never]), ABOUT, THROUGH)
    care, rescue = report.playbooks
    assert care.verdict == "not_measured"
    assert rescue.effects == one(company()).effects
    assert "500 enrolments were made with nobody held out" in report.notes[0]
    assert report.together.effects["left"].outcomes == 2_000


def test_lost_assignments_make_the_experiment_unsound_and_chance_does_not() -> None:
    rows = company(3_000, share=0.9)
    held = rows["arm"] == "holdout"
    assert not one(rows).problems
    lost = rows[~held | (np.cumsum(held) % 2 == 0)]
    found = one(lost)
    assert found.verdict == "unsound"
    assert "held out where" in found.sentence


def test_arms_that_differ_in_risk_make_the_experiment_unsound() -> None:
    rows = company(3_000, share=0.5)
    bent = rows.assign(risk=rows["risk"] + 0.1 * (rows["arm"] == "treated"))
    assert one(bent).verdict == "unsound"
    assert "risk" in one(bent).problems[0]


def test_accounts_that_vanish_from_one_arm_make_the_experiment_unsound() -> None:
    rows = company(3_000, share=0.5)
    turn = np.arange(len(rows)) % 5 == 0
    both = rows.assign(churn_state=np.where(turn, "vanished", "counted"))
    assert not one(both).problems
    assert one(both).treated.vanished > 0
    of_one = rows.assign(churn_state=np.where(turn & (rows["arm"] == "treated"), "vanished", "counted"))
    assert "vanished" in one(of_one).problems[0]


def test_held_out_accounts_that_were_worked_stay_in_their_arm_and_are_counted() -> None:
    rows = company()
    crossed = rows.assign(worked=rows["worked"] | (rows.index < 100))
    found = impact(crossed, ABOUT, THROUGH)
    n = int(((rows["arm"] == "holdout") & (rows.index < 100)).sum())
    assert found.playbooks[0].holdout.worked == n > 0
    assert found.playbooks[0].effects == one(rows).effects
    assert any(note.startswith(f"{n} held-out accounts were worked") for note in found.notes)


def test_that_held_out_accounts_got_something_else_is_said() -> None:
    rows = company(1_000)
    other = rows.assign(elsewhere=(rows["arm"] == "holdout") & (rows.index % 2 == 0))
    (note,) = impact(other, ABOUT, THROUGH).notes
    assert "held out of “Rescue” and on 0 % of those treated" in note
    assert impact(other, ABOUT, THROUGH).playbooks[0].effects == one(rows).effects
    assert impact(rows, ABOUT, THROUGH).notes == ()


# ---------------------------------------------------------------- what is handed on


def test_the_report_is_plain_json_whatever_is_missing() -> None:
    for rows in (company(60), company(0), company(2_000).assign(risk=np.nan, mrr=np.nan, kept=np.nan, won=np.nan)):
        written = json.dumps(impact(rows, ABOUT, THROUGH).as_data(), allow_nan=False)
        assert json.loads(written)["data_through"] == "2024-12-31"


def test_nobody_enrolled_is_no_failure() -> None:
    report = impact(company(0), ABOUT, THROUGH)
    assert report.playbooks == ()
    assert report.stop == ()
    assert report.together.kept is None


def test_every_measure_is_reported() -> None:
    assert set(one(company()).effects) == {measure.name for measure in MEASURES}


def test_a_project_without_an_upsell_label_does_not_measure_growth() -> None:
    rows = company(2_000, playbook="grow").assign(upsell_state="unasked", grew=np.nan, won=np.nan)
    assert one(rows).verdict == "not_measured"
    keeps = replace(ABOUT["rescue"], goal="care")
    assert impact(rows, {"grow": keeps}, THROUGH).playbooks[0].verdict != "not_measured"


def test_a_lost_verdict_is_a_finite_number_of_accounts_away() -> None:
    """Right between nothing and what is worth it, the number needed is what makes the interval decide for sure."""
    rows = company(30_000, effect=-0.02, share=0.5)
    found = one(rows, worth=0.03)
    if found.verdict == "not_yet":
        assert found.total_needed > 30_000
        assert math.isfinite(found.total_needed)
    assert found.verdict in ("not_yet", "works")


def test_a_small_holdout_is_told_what_half_would_spare() -> None:
    small, half = (one(company(8_000, share=share), worth=0.005) for share in (0.9, 0.5))
    assert "With half held out" in small.sentence
    assert "With half held out" not in half.sentence
    named = int(small.sentence.split("With half held out, ")[1].split(" ")[0].replace(",", ""))
    assert named == pytest.approx(half.total_needed, rel=0.15)
