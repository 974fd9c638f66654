"""How values are written for people, wherever they stand."""

from __future__ import annotations

import datetime as dt

import pytest

from churnml.modelling.evaluation import ALL_FIGURES, DECISION_FIGURES, FIGURES, Figure
from churnml.modelling.record import RecordedFigure
from churnml.modelling.training import RIVALS
from churnml.pages import presenter
from churnml.pages.presenter import (
    date,
    date_range,
    figure_name,
    interval,
    money,
    money_column,
    number,
    percent,
    percent_interval,
    points,
    times,
)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (number(1234), "1,234"),
        (number(-0.5, 1), "−0.5"),
        (number(-0.0001, 2), "0.00"),
        (number(None), "–"),
        (number(float("nan")), "–"),
        (number(2, signed=True), "+2"),
        (percent(0.123), "12.3 %"),
        (points(-0.0123), "−1.2"),
        (interval(RecordedFigure(value=0.8123, low=0.78, high=0.84)), "0.812 [0.780, 0.840]"),
        (interval(RecordedFigure(value=0.01, low=-0.02, high=0.04), 2, signed=True), "+0.01 [−0.02, +0.04]"),
        (interval(RecordedFigure(value=0.5, low=None, high=None)), "0.500"),
        (interval(Figure(0.5, float("nan"), float("nan"))), "0.500"),
        (interval(None), "–"),
        (percent_interval(Figure(0.354, 0.2, 0.5), 0), "35 % [20 %, 50 %]"),
        (times(0.12, 0.05), "2.4 × the usual"),
        (times(0.12, None), None),
        (money(1234.5, "EUR"), "1,234 EUR"),
        (money(12.5, "EUR", cents=True), "12.50 EUR"),
        (date(dt.date(2025, 1, 1)), "1 January 2025"),
        (date_range(dt.date(2025, 1, 7), dt.date(2025, 1, 13)), "from 7 to 13 January 2025"),
        (figure_name("roc_auc_30"), "ROC AUC, 30 days"),
    ],
)
def test_values_are_written_for_people(text: str | None, written: str | None) -> None:
    assert text == written


@pytest.mark.parametrize(
    ("figures", "written"),
    [
        ([Figure(22_134, 4_213, 45_312), Figure(8_914, 2_132, 24_563)], ["22.1 [4.2, 45.3] k", "8.9 [2.1, 24.6] k"]),
        ([Figure(221_340, 42_130, 453_120), None], ["221 [42, 453] k", "–"]),
        ([Figure(9_914, 2_132, 24_563), Figure(-3, -9, 5)], ["9,914 [2,132, 24,563]", "−3 [−9, 5]"]),
        ([Figure(-22_100_000, float("nan"), float("nan"))], ["−22.1 M"]),
    ],
)
def test_the_money_of_one_column_has_one_unit(figures: list[Figure | None], written: list[str]) -> None:
    assert money_column(figures) == written


def test_every_figure_and_every_rival_has_a_name() -> None:
    assert set(presenter.FIGURE_NAMES) >= set(ALL_FIGURES)
    assert tuple(FIGURES) == presenter.MAIN_FIGURES
    assert tuple(DECISION_FIGURES) == presenter.CAPACITY_FIGURES
    assert set(presenter.WHO_NAMES) >= {"model", "champion", "truth", *RIVALS}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Acme Ltd", "Acme Ltd (A-17)"),
        (None, "A-17"),
        (" ", "A-17"),
        ("Acme\nLtd", "Acme Ltd (A-17)"),
        ("x" * 300, f"{'x' * 119}… (A-17)"),
    ],
)
def test_an_account_is_called_by_its_name_with_its_id_or_by_that_alone(name: str | None, written: str) -> None:
    assert presenter.called("A-17", name) == written
