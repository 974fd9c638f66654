"""What came of past scores: which dates are judged, and the treated apart."""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from churnml.timeline import Reach, plus_days
from churnml.watch.leavers import NEVER_SCORED, Leaver, leavers_before
from churnml.watch.realised import ALL, TREATED, UNTOUCHED, PastScores, judged_dates, realised, rolling

REACH = Reach(gap=7, horizon=91, settle=28)
FIRST = dt.date(2024, 1, 1)
DAILY = [plus_days(FIRST, n) for n in range(200)]


def past(as_of: dt.date, seed: int, treated: float = 0.0, saved: float = 0.0, rows: int = 2_000) -> PastScores:
    """Probabilities that hold, but that the team keeps a share of those it works."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 8, rows)
    label = rng.random(rows) < p
    worked = rng.random(rows) < treated
    label &= ~(worked & (rng.random(rows) < saved))
    frame = pd.DataFrame(
        {
            "account_id": np.arange(rows).astype(str),
            "as_of": pd.Timestamp(as_of),
            "probability": p,
            "label": label.astype(float),
            "treated": worked,
        }
    )
    return PastScores(as_of, "3", frame, 0)


def test_a_date_is_judged_from_the_day_its_label_is_final_and_not_a_day_before() -> None:
    settled = REACH.settled_on(FIRST)
    assert judged_dates([FIRST], REACH, plus_days(settled, -1), 28) == [FIRST]
    assert judged_dates([FIRST], REACH, plus_days(settled, -2), 28) == []


def test_of_daily_scores_the_first_of_every_four_weeks_is_judged_and_stays_the_one() -> None:
    early = judged_dates(DAILY, REACH, plus_days(FIRST, 250), 28)
    late = judged_dates(DAILY, REACH, plus_days(FIRST, 400), 28)
    assert late[: len(early)] == early
    assert len(early) > 3
    assert {(b - a).days for a, b in itertools.pairwise(late[1:])} == {28}


def test_the_newest_judged_dates_of_one_stretch_are_looked_at_together() -> None:
    dates = [plus_days(FIRST, n) for n in (0, 28, 56, 84, 112)]
    assert rolling(dates, 91) == dates[1:]
    assert rolling(dates, 1) == dates[-1:]


def test_probabilities_that_hold_come_true_as_they_said() -> None:
    (one,) = realised([past(FIRST, 1), past(plus_days(FIRST, 28), 2)], 0.1, 7)
    assert (one.part, one.rows, one.cutoffs, one.versions) == (ALL, 4_000, 2, ("3",))
    assert one.figures["seen_over_said"].low < 1 < one.figures["seen_over_said"].high
    assert one.figures["roc_auc"].clear_above(0.6)
    assert not any(name.startswith(("mrr_", "profit")) for name in one.figures)


def test_who_was_saved_makes_a_model_look_wrong_among_the_treated_and_not_among_the_untouched() -> None:
    parts = {one.part: one for one in realised([past(FIRST, 3, treated=0.5, saved=0.8)], 0.1, 7)}
    assert list(parts) == [ALL, TREATED, UNTOUCHED]
    assert parts[TREATED].rows + parts[UNTOUCHED].rows == parts[ALL].rows
    assert parts[TREATED].figures["seen_over_said"].high < 0.5
    untouched = parts[UNTOUCHED].figures["seen_over_said"]
    assert untouched.low < 1 < untouched.high


def test_too_few_outcomes_give_no_figure_rather_than_a_wild_one() -> None:
    scores = past(FIRST, 4, rows=60)
    scores.rows["label"] = (np.arange(60) < 3).astype(float)
    (one,) = realised([scores], 0.1, 7)
    assert (one.figures, one.positives) == ({}, 3)


# ---------------------------------------------------------------- leavers


def leaver(account: str, band: str | None, listed: bool = False, held_out: bool = False) -> Leaver:
    return Leaver(account, FIRST, None if band is None else FIRST, band, listed, held_out)


def test_leavers_are_counted_by_where_they_stood_with_an_interval() -> None:
    those = [leaver("a", "at_risk", listed=True), leaver("b", "healthy"), leaver("c", "healthy", held_out=True)]
    before = leavers_before([*those, leaver("d", None)], ["at_risk", "watch", "healthy"], FIRST, FIRST)
    assert [(band.name, band.count) for band in before.bands] == [
        ("at_risk", 1),
        ("watch", 0),
        ("healthy", 2),
        (NEVER_SCORED, 1),
    ]
    assert (before.listed.count, before.held_out.count, before.missed.count) == (1, 1, 1)
    share = before.missed.share
    # Wilson, by hand for one of four
    assert (share.value, share.low, share.high) == pytest.approx((0.25, 0.0456, 0.6994), abs=1e-3)


def test_a_band_that_is_declared_no_more_is_counted_all_the_same() -> None:
    before = leavers_before([leaver("a", "yellow")], ["at_risk", "healthy"], FIRST, FIRST)
    assert [(band.name, band.count) for band in before.bands if band.count] == [("yellow", 1)]


def test_where_nobody_left_no_share_is_known() -> None:
    assert np.isnan(leavers_before([], ["at_risk", "healthy"], FIRST, FIRST).missed.share.value)
