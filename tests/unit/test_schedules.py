"""What ``schedules:`` may say, and when a run was due by it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from churnml.errors import ProjectError
from churnml.specs.project import ProjectSpec
from churnml.specs.reading import read_spec
from churnml.specs.schedules import FlowSchedule, Schedules


def read(folder: Path, schedules: str) -> Schedules:
    path = folder / "project.yaml"
    path.write_text(f"name: tiny\ninputs:\n  a: {{path: a.csv}}\nschedules:\n{schedules}", "utf-8")
    return read_spec(ProjectSpec, path, ProjectError).schedules


def test_without_a_word_scoring_is_daily_training_monthly_and_impact_weekly() -> None:
    usual = Schedules()
    assert [usual.score.cron, usual.train.cron, usual.impact.cron] == ["0 5 * * *", "0 3 1 * *", "0 7 * * 1"]
    assert (usual.catch_up, usual.collision, usual.deliver.after_score, usual.deliver.send) == (
        True,
        "enqueue",
        True,
        False,
    )


def test_on_and_off_are_written_as_people_write_them(tmp_path: Path) -> None:
    assert read(tmp_path, "  catch_up: off\n  train: {active: off}\n").catch_up is False
    assert read(tmp_path, "  train: {active: off}\n").train.active is False


def test_an_interval_takes_the_place_of_the_usual_cron_line(tmp_path: Path) -> None:
    declared = read(tmp_path, "  score: {every_seconds: 20}\n").score
    assert (declared.cron, declared.every_seconds, declared.fresh_hours) == (None, 20, 36)


@pytest.mark.parametrize(
    ("schedules", "told"),
    [
        ("  score: {cron: '0 25 * * *'}\n", "no cron line of five fields (Bad hour)"),
        ("  score: {cron: '0 0 5 * * *'}\n", "no cron line of five fields"),
        ("  score: {cron: '0 5 * * *', every_seconds: 5}\n", "either 'cron' or 'every_seconds'"),
        ("  score: {crn: '0 5 * * *'}\n", "Did you mean 'cron'?"),
        ("  scores: {active: off}\n", "Did you mean 'score'?"),
        ("  collision: wait\n", "schedules.collision"),
    ],
)
def test_a_mistake_in_schedules_is_told_with_its_place(tmp_path: Path, schedules: str, told: str) -> None:
    with pytest.raises(ProjectError) as mistake:
        read(tmp_path, schedules)
    assert told in str(mistake.value)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-15T04:00:00+00:00", "2026-01-15T05:00:00+01:00"),  # the very minute counts
        ("2026-01-15T03:59:59+00:00", "2026-01-14T05:00:00+01:00"),
        ("2026-03-29T12:00:00+00:00", "2026-03-29T05:00:00+02:00"),  # the day the clock is put forward
        ("2026-10-25T03:30:00+00:00", "2026-10-24T05:00:00+02:00"),  # and the one it is put back
        ("2026-10-25T04:00:00+00:00", "2026-10-25T05:00:00+01:00"),
    ],
)
def test_a_run_is_due_by_the_clock_of_the_projects_time_zone(now: str, due: str) -> None:
    declared = FlowSchedule(cron="0 5 * * *")
    assert declared.last_due(dt.datetime.fromisoformat(now), "Europe/Berlin") == dt.datetime.fromisoformat(due)


def test_intervals_count_from_a_moment_that_never_moves() -> None:
    declared = FlowSchedule(every_seconds=20)
    at = dt.datetime(2026, 1, 1, 12, 0, 25, tzinfo=dt.UTC)
    assert declared.last_due(at, "UTC") == declared.last_due(at + dt.timedelta(seconds=14), "UTC")
    assert declared.last_due(at, "UTC") == dt.datetime(2026, 1, 1, 12, 0, 20, tzinfo=dt.UTC)
