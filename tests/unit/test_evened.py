"""Use with holidays evened out, where days are worked in a holiday's place or volumes lie below zero."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest

from churnml.features.calendar import DaysAround, DaysKind
from churnml.features.declare import HolidayRegions
from churnml.features.evened import EvenedOut
from churnml.features.measures import Quantity, Sum
from churnml.timeline import day_number_of

LONGEST = 84
A_SUNDAY_WAS_WORKED = dt.date(2024, 4, 29)  # in China, for a bridge of May Day
AFTER_MAY_DAY = dt.date(2024, 5, 6)


def evened(measure, cutoff, value, usual):
    """The value, and how many working days were missing in the measure's lookback and worked in the longest."""
    days = DaysAround(np.array([day_number_of(cutoff)]), ["CN"], LONGEST, 0)
    one = EvenedOut(measure, HolidayRegions("CN"), LONGEST)
    (aid,) = one.aids
    (given,) = one.evened(np.array([value]), {aid: np.array([usual])}, days, np.array([1000.0]))
    missing, worked = (days.total(kind, -n, 0)[0] for kind, n in ((DaysKind.MISSING, 7), (DaysKind.WORKED, LONGEST)))
    return given, missing, worked


def test_a_day_worked_in_a_holiday_s_place_takes_off_what_is_usual_and_no_more_than_there_is():
    measure = Sum("events", 7)
    given, missing, worked = evened(measure, A_SUNDAY_WAS_WORKED, 80.0, 600.0)
    assert missing == pytest.approx(-0.9)
    assert given == round(80 - 0.9 * 600 / worked) < 80
    assert evened(measure, A_SUNDAY_WAS_WORKED, 1.0, 600.0)[0] == 0


def test_a_volume_below_zero_is_evened_out_and_not_cut_off():
    given, missing, worked = evened(Quantity(7), AFTER_MAY_DAY, -5.0, 60.0)
    assert missing > 0
    assert given == pytest.approx(-5 + missing * 60 / worked)
    assert given < 0
    assert evened(Quantity(7), A_SUNDAY_WAS_WORKED, -5.0, 60.0)[0] == -5
