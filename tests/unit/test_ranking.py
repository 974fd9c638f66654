"""What the top of a list catches, beside the slow obvious version."""

from __future__ import annotations

import numpy as np
import pytest

from churnml.modelling.evaluation import DECISION_FIGURES, evaluate
from churnml.modelling.ranking import Stakes, order_measure


def company(seed, rows=120, ties=True):
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 4, rows)
    return np.round(p, 1) if ties else p, (rng.random(rows) < p).astype(float), np.exp(rng.normal(5, 1, rows))


def slow_at_capacity(p, y, mrr, w, stakes, draws=4000):
    """Copies every row as often as it was drawn, breaks ties by chance, and looks at the top."""
    rng = np.random.default_rng(0)
    row = np.repeat(np.arange(len(p)), w.astype(int))
    contacted = stakes.share * len(row)
    found = []
    for _ in range(draws):
        order = row[np.lexsort((rng.random(len(row)), -p[row]))]
        whole, part = order[: int(contacted)], contacted - int(contacted)
        last = order[int(contacted)] if part > 0 else None
        caught = y[whole].sum() + (part * y[last] if last is not None else 0)
        money = (y * mrr)[whole].sum() + (part * (y * mrr)[last] if last is not None else 0)
        found.append((caught, money))
    caught, money = np.mean(found, axis=0)
    return {
        "precision_at_capacity": caught / contacted,
        "lift_at_capacity": caught / contacted / y[row].mean(),
        "caught_at_capacity": caught / y[row].sum(),
        "mrr_caught_at_capacity": money / (y * mrr)[row].sum(),
        "profit_at_capacity": stakes.kept * money - stakes.contact_cost * contacted,
    }


@pytest.mark.parametrize("share", [0.1, 0.37, 1.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_what_the_top_catches_is_what_contacting_it_catches_ties_by_chance(seed, share):
    p, y, mrr = company(seed)
    stakes = Stakes(share, mrr, contact_cost=3.0, kept=2.0)
    w = np.random.default_rng(seed).multinomial(len(p), np.full(len(p), 1 / len(p)), size=1).astype(float)
    found = order_measure(p, y, stakes)(w)
    expect = slow_at_capacity(p, y, mrr, w[0], stakes)
    for name, value in expect.items():
        assert found[name][0] == pytest.approx(value, rel=0.02, abs=0.5 if name.startswith("profit") else 0.01), name


def test_without_ties_the_top_is_exact():
    p, y, mrr = company(3, rows=100, ties=False)
    stakes = Stakes(0.25, mrr, contact_cost=1.0, kept=0.5)
    found = {name: value[0] for name, value in order_measure(p, y, stakes)(np.ones((1, 100))).items()}
    top = np.argsort(-p)[:25]
    assert found["precision_at_capacity"] == pytest.approx(y[top].mean())
    assert found["caught_at_capacity"] == pytest.approx(y[top].sum() / y.sum())
    assert found["mrr_caught_at_capacity"] == pytest.approx((y * mrr)[top].sum() / (y * mrr).sum())
    assert found["profit_at_capacity"] == pytest.approx(0.5 * (y * mrr)[top].sum() - 25)


def test_the_base_rate_catches_its_share_whatever_the_order_of_the_rows():
    _, y, mrr = company(4, rows=100)
    stakes = Stakes(0.2, mrr, contact_cost=0.0, kept=1.0)
    for order in (np.arange(100), np.argsort(-y), np.argsort(y)):
        shuffled = Stakes(0.2, mrr[order], 0.0, 1.0)
        found = order_measure(np.full(100, 0.3), y[order], shuffled)(np.ones((1, 100)))
        assert found["lift_at_capacity"][0] == pytest.approx(1.0)
        assert found["caught_at_capacity"][0] == pytest.approx(0.2)
        assert found["profit_at_capacity"][0] == pytest.approx(0.2 * (y * stakes.mrr).sum())


def test_an_mrr_that_is_not_known_counts_as_nothing_and_no_positive_gives_no_figure():
    p, y, mrr = company(5, rows=60)
    holes = np.where(np.arange(60) % 3 == 0, np.nan, mrr)
    with_holes = order_measure(p, y, Stakes(0.3, holes, 0.0, 1.0))(np.ones((1, 60)))
    with_zeros = order_measure(p, y, Stakes(0.3, np.nan_to_num(holes), 0.0, 1.0))(np.ones((1, 60)))
    assert with_holes["profit_at_capacity"] == pytest.approx(with_zeros["profit_at_capacity"])
    nobody = order_measure(p, np.zeros(60), Stakes(0.3, mrr, 2.0, 1.0))(np.ones((1, 60)))
    assert np.isnan(nobody["caught_at_capacity"][0])
    assert nobody["profit_at_capacity"][0] == pytest.approx(-36.0)


def test_figures_at_capacity_come_with_intervals_and_paired_leads():
    p, y, mrr = company(6, rows=400, ties=False)
    rival = np.random.default_rng(1).permutation(p)
    account = np.arange(400).astype(str)
    said = {"model": p, "champion": rival}
    found = evaluate(account, y, said, seed=1, resamples=200, stakes=Stakes(0.1, mrr, 5.0, 1.0))
    for name in DECISION_FIGURES:
        figure = found.figures["model"][name]
        assert figure.low <= figure.value <= figure.high
        gap = figure.value - found.figures["champion"][name].value
        assert found.ahead["champion"][name].value == pytest.approx(gap)
    assert not set(DECISION_FIGURES) & set(evaluate(account, y, said, 1, resamples=10).figures["model"])
