"""Several cutoffs judge together: neither a lucky one promotes nor an unlucky one refuses."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from churnml.modelling.pooling import JudgedRows
from churnml.modelling.pooling import pool as pooled
from churnml.modelling.promotion import ALONE, judge, shifted
from churnml.specs.models import PromoteIf

ASKS = PromoteIf(beats=("base_rate", "champion"))


def pool(judged, champion=None):
    return pooled(judged, 7, champion, resamples=200)


def cutoffs(moods, n=500, off=1.0, seed=2):
    """Cutoffs whose accounts are the same; in each more or fewer leave than is usual, by its mood."""
    rng, judged = np.random.default_rng(seed), []
    level = rng.normal(-2.2, 1.1, n)
    for place, mood in enumerate(moods):
        p = 1 / (1 + np.exp(-level - rng.normal(0, 0.2, n)))
        y = (rng.random(n) < np.clip(p * mood, 0, 1)).astype(float)
        rows = pd.DataFrame({"account_id": [f"a{k}" for k in range(n)], "label": y})
        said = {"model": np.clip(p * off, 0, 0.99), "base_rate": np.full(n, p.mean())}
        day = dt.date(2024, 1, 1) + dt.timedelta(days=28 * place)
        judged.append(JudgedRows(day, day - dt.timedelta(days=126), rows, said))
    return judged


def test_a_single_bad_cutoff_refuses_alone_and_not_among_others():
    bad = cutoffs([1.0, 1.0, 1.0, 0.45])
    assert "the calibration has shifted" in judge(pool(bad[-1:]).evaluation, ASKS, False).because
    together = pool(bad)
    assert judge(together.evaluation, ASKS, False).promoted, together.evaluation.shift
    assert list(together.by_cutoff) == [one.cutoff for one in bad]


def test_a_single_good_cutoff_does_not_promote_what_fails_in_the_others():
    # it says too much everywhere; in the last one by chance so many left
    lucky = cutoffs([1.0, 1.0, 1.0, 2.0], off=2.0)
    assert judge(pool(lucky[-1:]).evaluation, ASKS, False).promoted
    refused = judge(pool(lucky).evaluation, ASKS, False)
    assert not refused.promoted
    assert f"over 4 cutoffs, {lucky[0].cutoff} to {lucky[-1].cutoff}" in refused.because


def test_each_leaver_is_counted_once_and_intervals_are_those_of_accounts():
    once = cutoffs([1.0])[0]
    copied = pool([once, once, once]).evaluation
    alone = pool([once]).evaluation
    assert (copied.positives, copied.leavers) == (3 * alone.positives, alone.leavers)
    # the same rows three times over know no more than once
    mine, theirs = copied.figures["model"]["seen_over_said"], alone.figures["model"]["seen_over_said"]
    assert mine.high - mine.low == pytest.approx(theirs.high - theirs.low, rel=0.02)


def test_the_champion_is_compared_only_where_it_has_not_trained():
    judged = cutoffs([1.0, 1.0, 1.0])
    of_champion = {judged[-1].cutoff: judged[-1].predictions["base_rate"]}
    found = pool(judged, of_champion)
    assert found.champion_at == (judged[-1].cutoff,)
    assert found.evaluation.ahead["champion"]["roc_auc"] == pool(judged[-1:]).evaluation.ahead["base_rate"]["roc_auc"]
    assert "champion" not in found.evaluation.figures
    assert "champion" not in pool(judged).evaluation.ahead


def test_a_cutoff_at_which_nobody_left_still_counts():
    judged = cutoffs([1.0, 0.0, 1.0])
    found = pool(judged)
    assert found.evaluation.rows == 1500
    assert found.by_cutoff[judged[1].cutoff].positives == 0


def test_one_cutoff_by_itself_closes_the_door_only_beyond_half_as_much_again():
    off = pool(cutoffs([0.72], n=6000)).evaluation
    assert "the calibration has shifted at 2024-01-01" in str(shifted(off))
    assert shifted(off, ALONE) is None
    assert shifted(pool(cutoffs([0.45], n=6000)).evaluation, ALONE)
