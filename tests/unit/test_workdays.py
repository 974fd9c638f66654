"""Which days a region works."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from churnml.adapters.warehouse.regions import regions_told
from churnml.errors import SpecError
from churnml.remarks import RemarkKind
from churnml.specs.project import ProjectSpec, check_calendar
from churnml.workdays import DAY_OFF, HALF_OFF, read_region, workdays

MAY_DAY_2023 = dt.date(2023, 5, 1)  # a Monday, and in Germany a holiday


def test_a_public_holiday_is_no_working_day_and_brings_what_a_weekend_does():
    week = workdays("DE", MAY_DAY_2023, 7)
    assert week.working.tolist() == [False, True, True, True, True, False, False]
    assert week.worked.tolist() == [DAY_OFF, 1, 1, 1, 1, DAY_OFF, DAY_OFF]
    assert week.usual.tolist() == [1, 1, 1, 1, 1, DAY_OFF, DAY_OFF]


def test_a_part_of_a_country_keeps_its_own_holidays():
    corpus_christi = dt.date(2023, 6, 8)
    assert not workdays("DE-BY", corpus_christi, 1).working[0]
    assert workdays("DE-HH", corpus_christi, 1).working[0]


def test_the_days_of_golden_week_that_bridge_it_are_worked_by_half():
    week = workdays("JP", dt.date(2024, 4, 29), 5)  # Monday and Friday are holidays
    assert week.worked.tolist() == [DAY_OFF, HALF_OFF, HALF_OFF, HALF_OFF, DAY_OFF]
    assert week.working.tolist() == [False, True, True, True, False]


def test_the_turn_of_the_year_is_half_off_from_christmas_on_where_that_is_kept():
    days = {region: workdays(region, dt.date(2023, 12, 27), 3).worked.tolist() for region in ("JP", "DE")}
    assert days == {"JP": [1, 1, HALF_OFF], "DE": [HALF_OFF, HALF_OFF, HALF_OFF]}


def test_a_weekend_is_that_of_the_country_and_a_saturday_made_up_for_a_holiday_is_worked():
    assert workdays("SA", dt.date(2024, 1, 19), 3).working.tolist() == [False, False, True]  # Friday to Sunday
    assert workdays("CN", dt.date(2024, 9, 14), 1).worked.tolist() == [1.0]


def test_a_day_is_the_same_whatever_days_are_asked_for_around_it():
    whole = workdays("JP", dt.date(2023, 12, 1), 200)
    for place in range(0, 200, 7):
        alone = workdays("JP", dt.date(2023, 12, 1) + dt.timedelta(days=place), 1)
        assert (alone.worked[0], alone.working[0]) == (whole.worked[place], whole.working[place])


def test_without_a_region_there_are_weekends_and_no_holidays():
    week = workdays(None, dt.date(2023, 12, 25), 7)
    assert np.array_equal(week.usual, week.worked)
    assert week.working.sum() == 5


@pytest.mark.parametrize(
    ("written", "code"),
    [("jp", "JP"), ("us_ca", "US-CA"), ("Japan", "JP"), ("JPN", "JP"), ("UK", "GB"), ("united states", "US")],
)
def test_a_region_is_read_as_exports_write_it(written, code):
    assert read_region(written) == code


@pytest.mark.parametrize(
    ("written", "why"), [("Jappan", "Did you mean 'JP'"), ("US-CAL", "Did you mean 'CA'"), ("", "no country ''")]
)
def test_a_region_that_is_not_known_is_told_with_the_nearest(written, why):
    with pytest.raises(ValueError, match=why):
        read_region(written)


def test_accounts_without_a_region_that_is_known_are_counted_with_samples_and_what_they_keep():
    told = {
        one.kind: one for one in regions_told("country", {None: 3, "JP": 9, "Jappan": 2, "Germany": 4, " ": 1}, "DE")
    }
    assert set(told) == {RemarkKind.NO_REGION, RemarkKind.UNKNOWN_REGION, RemarkKind.REGION_SPELLING}
    assert (told[RemarkKind.NO_REGION].rows, told[RemarkKind.UNKNOWN_REGION].rows) == (4, 2)
    assert told[RemarkKind.UNKNOWN_REGION].samples == ("Jappan",)
    assert "Did you mean 'JP'" in told[RemarkKind.UNKNOWN_REGION].detail
    assert "holidays of DE" in told[RemarkKind.UNKNOWN_REGION].detail
    assert told[RemarkKind.REGION_SPELLING].detail == "'Germany' is DE"


@pytest.mark.parametrize(
    ("declared", "why"),
    [
        ({"even_out_holidays": True}, "needs region:"),
        ({"region_by": "contry", "static": ["country"]}, "Did you mean 'country'"),
        ({"fiscal_year_starts": 13}, "fiscal_year_starts"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused(declared, why):
    with pytest.raises(ValueError, match=why):
        ProjectSpec.model_validate({"name": "t", "inputs": {"events": {"path": "e.csv"}}, **declared})


@pytest.mark.parametrize(
    ("family", "mended_by", "why"),
    [
        ("calendar.fiscal_year", {"fiscal_year_starts": 4}, "begins in January"),
        ("calendar.working_days", {"region": "JP"}, "whose holidays"),
        ("calendar.use", {"region_by": "country", "static": ["country"]}, "whose holidays"),
    ],
)
def test_a_family_of_the_calendar_that_nothing_is_declared_for_is_refused_when_it_is_named(family, mended_by, why):
    declared = {"name": "t", "inputs": {"events": {"path": "e.csv"}}}
    with pytest.raises(SpecError, match=why):
        check_calendar(["usage.*", family], ProjectSpec.model_validate(declared), "spec.yaml")
    check_calendar(["usage.*", family], ProjectSpec.model_validate(declared | mended_by), "spec.yaml")
    check_calendar(["usage.*", "calendar.*"], ProjectSpec.model_validate(declared), "spec.yaml")
