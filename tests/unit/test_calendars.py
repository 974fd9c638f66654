"""Working days, time zones, holidays and absences."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from churnml.specs.team import TeamSpec
from churnml.work.calendars import Calendar, calendar_of
from tests.support import day


def calendar(project_zone: str = "UTC", **person: Any) -> Calendar:
    team = TeamSpec.model_validate({"holidays": ["2024-06-05"], "people": {"ana": person}})
    return calendar_of(team.person("ana"), team, project_zone)


# June 2024: the 3rd is a Monday; the 5th, a Wednesday, is a holiday of the team.
@pytest.mark.parametrize(
    ("person", "start", "n", "reached"),
    [
        ({}, "2024-06-03", 1, "2024-06-04"),
        ({}, "2024-06-03", 2, "2024-06-06"),  # over the holiday
        ({}, "2024-06-03", 5, "2024-06-11"),  # and the week-end
        ({}, "2024-06-01", 1, "2024-06-03"),  # a Saturday: Monday is the first working day after it
        ({}, "2024-06-01", 0, "2024-06-03"),
        ({}, "2024-06-03", 0, "2024-06-03"),
        ({"holidays": []}, "2024-06-03", 2, "2024-06-05"),  # her own list in place of the team's
        ({"working_days": ["sun", "mon"]}, "2024-06-03", 1, "2024-06-09"),
        ({"away": [{"from": "2024-06-04", "to": "2024-06-07"}]}, "2024-06-03", 1, "2024-06-10"),
    ],
)
def test_working_days_skip_week_ends_holidays_and_absences(person, start, n, reached):
    assert calendar(**person).plus_working_days(day(start), n) == day(reached)


@pytest.mark.parametrize(
    ("project_zone", "zone", "today"),
    [
        ("UTC", "UTC", "2024-06-03"),
        ("UTC", "America/New_York", "2024-06-02"),  # midnight in London is the evening before there
        ("UTC", "Asia/Tokyo", "2024-06-03"),
        ("Asia/Tokyo", "UTC", "2024-06-02"),
        ("America/New_York", "Asia/Tokyo", "2024-06-03"),
        ("Pacific/Kiritimati", "Pacific/Pago_Pago", "2024-06-01"),  # 25 hours apart
    ],
)
def test_a_persons_date_is_the_one_on_their_calendar_at_the_projects_midnight(project_zone, zone, today):
    assert calendar(project_zone, time_zone=zone).today(day("2024-06-03"), project_zone) == day(today)


def test_the_zone_is_the_persons_then_the_teams_then_the_projects():
    team = TeamSpec.model_validate({"time_zone": "Asia/Tokyo", "people": {"ana": {"time_zone": "Europe/Paris"}}})
    assert calendar_of(team.person("ana"), team, "UTC").zone == "Europe/Paris"
    assert calendar_of(team.person("ben"), team, "UTC").zone == "Asia/Tokyo"
    assert calendar_of(TeamSpec().person("ben"), TeamSpec(), "America/Lima").zone == "America/Lima"


@pytest.mark.parametrize(
    ("away", "due_in_days", "can"),
    [
        ([], 5, True),
        ([{"from": "2024-06-03", "to": "2024-06-06"}], 5, True),
        ([{"from": "2024-06-03", "to": "2024-06-11"}], 5, False),  # it would be due on the 11th
        ([{"from": "2024-06-03", "to": "2024-06-10"}], 5, True),
        ([{"from": "2024-06-04", "to": "2024-12-31"}], 5, True),  # there today
        ([{"from": "2024-06-03", "to": "2024-06-04"}, {"from": "2024-06-05", "to": "2024-06-06"}], 2, False),
    ],
)
def test_who_is_away_until_it_would_be_due_cannot_take_it(away, due_in_days, can):
    assert calendar(away=away).can_take(day("2024-06-03"), due_in_days) is can


def test_who_leaves_is_there_until_the_day_before():
    ana = calendar(left="2024-06-04")
    assert ana.can_take(day("2024-06-03"), 5)
    assert not ana.can_take(day("2024-06-04"), 5)


def test_days_overdue_are_the_working_days_gone_by():
    ana = calendar()
    friday = day("2024-06-07")
    assert [ana.working_days_past(friday, friday + dt.timedelta(n)) for n in range(5)] == [0, 0, 0, 1, 2]
    assert ana.working_days_past(friday, day("2024-06-03")) == 0


@given(
    start=st.dates(dt.date(2024, 1, 1), dt.date(2025, 12, 31)),
    n=st.integers(0, 30),
    week=st.sets(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), min_size=1),
    away=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), max_size=3),
)
@settings(max_examples=100, deadline=None, derandomize=True, database=None)
def test_the_nth_working_day_is_one_and_n_lie_up_to_it(start, n, week, away):
    stretches = [
        {"from": start + dt.timedelta(first), "to": start + dt.timedelta(first + long)} for first, long in away
    ]
    ana = calendar(working_days=sorted(week), away=stretches)
    reached = ana.plus_working_days(start, n)
    assert ana.works_on(reached)
    assert ana.working_days_past(start, reached) == (n or (reached > start))
