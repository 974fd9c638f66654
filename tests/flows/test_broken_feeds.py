"""A feed breaks: it is told, the scores of the last good date stand, no work comes of it, and mending ends it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.flows.conftest import churnml

GOOD, BROKEN = "2024-12-16", "2024-12-30"


def declare(project: Path, **changes: Any) -> None:
    path = project / "project.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | changes), encoding="utf-8")


def through(project: Path, day: str) -> None:
    declare(project, data_through=str((pd.Timestamp(day) - pd.Timedelta(days=1)).date()))


def events(project: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = project / "data" / "product_events.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def csv(project: Path, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    path = project / "data" / f"{name}.csv"
    change(pd.read_csv(path, dtype=str, keep_default_na=False)).to_csv(path, index=False)


def found(project: Path, *words: str) -> Any:
    said = churnml(*words, "--project", project, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def score(project: Path) -> Any:
    return found(project, "score", "--no-prefect")


def rows(project: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(project / ".churnml" / "churnml.db") as connection:
        return connection.execute(query).fetchall()


def standing_scores(project: Path, as_of: str) -> dict[str, tuple[Any, ...]]:
    """Account → health, band, since when and probability, of a date's newest scoring."""
    query = (
        "SELECT account_id, health, band, band_since, churn_probability FROM scores WHERE scoring_id = "
        f"(SELECT max(scoring_id) FROM scorings WHERE as_of = '{as_of}')"
    )
    return {row[0]: row[1:] for row in rows(project, query)}


@pytest.fixture(scope="module")
def good(ran: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The company as it stood two weeks before the end, scored from data in order; never to be changed."""
    project = tmp_path_factory.mktemp("good") / "company"
    shutil.copytree(ran, project)
    for file in (project / ".churnml").glob("churnml.db*"):
        file.unlink()
    through(project, GOOD)
    assert score(project)["held"] is None
    through(project, BROKEN)
    return project


@pytest.fixture
def two_weeks_on(good: Path, tmp_path: Path) -> Path:
    """A copy of it to do wrong to."""
    project = tmp_path / "company"
    shutil.copytree(good, project)
    return project


def dead(project: Path) -> None:
    events(project, lambda rows: rows[rows["event_time"] < "2024-12-17"])


def renamed(project: Path) -> None:
    def rename(rows: pd.DataFrame) -> pd.DataFrame:
        late = (rows["event_time"] >= "2024-12-06") & (rows["event_name"] == "report_viewed")
        return rows.assign(event_name=rows["event_name"].mask(late, "report_opened"))

    events(project, rename)


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    amounts = pd.to_numeric(rows["monthly_amount"], errors="coerce")
    return rows.assign(monthly_amount=(amounts * 100).astype(str).where(amounts.notna(), rows["monthly_amount"]))


def half_of(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["account_no"].str[-1].isin(list("13579"))]


BREAKS: dict[str, tuple[Callable[[Path], None], str]] = {
    "dead": (dead, "usage_events: nothing since 17 December 2024; "),
    "emptied": (lambda project: events(project, lambda rows: rows[:0]), "usage_events: the table is empty; "),
    "renamed": (renamed, "`report_viewed` stopped on 6 December 2024 as `report_opened` began (renamed?)"),
    "duplicates": (
        lambda project: events(project, lambda rows: pd.concat([rows] * 10)),
        "stands there 10 times (loaded again?)",
    ),
    "values": (lambda project: csv(project, "contracts", in_cents), "`mrr` of the same rows is × 100 since"),
    "shrunk": (lambda project: csv(project, "contracts", half_of), "of what the load before had is gone"),
    "tickets": (
        lambda project: csv(project, "helpdesk_tickets", lambda rows: rows[:0]),
        "support_tickets: the table is empty; ",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BREAKS)
def test_a_broken_feed_is_told_and_the_last_good_scores_stand(two_weeks_on: Path, kind: str) -> None:
    spoil, sentence = BREAKS[kind]
    spoil(two_weeks_on)
    said = churnml("score", "--project", two_weeks_on, "--no-prefect", "--json")
    assert said.code == 0, said.err
    day = json.loads(said.out)
    assert sentence in said.err
    assert any(sentence in one["sentence"] and one["action"] == "hold" for one in day["breaks"])
    assert (day["as_of"], day["held"]["stale_since"], day["held"]["age_days"]) == (BROKEN, GOOD, 14)
    before, now = (standing_scores(two_weeks_on, as_of) for as_of in (GOOD, BROKEN))
    assert now
    assert all(now[account] == before[account] for account in now)
    assert day["health_events"] == {}
    assert rows(two_weeks_on, f"SELECT count(*) FROM work WHERE opened_on = '{BROKEN}'") == [(0,)]
    assert rows(two_weeks_on, f"SELECT count(*) FROM assignments WHERE assigned_on = '{BROKEN}'") == [(0,)]


def test_data_in_order_hold_nothing_and_the_day_is_scored(two_weeks_on: Path) -> None:
    day = score(two_weeks_on)
    assert (day["held"], day["breaks"]) == (None, [])
    before, now = (standing_scores(two_weeks_on, as_of) for as_of in (GOOD, BROKEN))
    assert any(now[account] != before[account] for account in now if account in before)


@pytest.mark.slow
def test_mending_ends_the_hold_as_if_the_held_day_had_not_been(two_weeks_on: Path, tmp_path: Path) -> None:
    never_held = tmp_path / "other" / "company"
    shutil.copytree(two_weeks_on, never_held)
    data = tmp_path / "data"
    shutil.copytree(two_weeks_on / "data", data)
    dead(two_weeks_on)
    through(two_weeks_on, "2024-12-23")
    assert score(two_weeks_on)["held"]["stale_since"] == GOOD
    stays = rows(two_weeks_on, "SELECT * FROM scores")
    assert score(two_weeks_on)["held"]["stale_since"] == GOOD  # again: nothing is written
    assert rows(two_weeks_on, "SELECT * FROM scores") == stays
    status = found(two_weeks_on, "data", "status")
    assert status["held"]["as_of"] == "2024-12-23"
    assert [one["kind"] for one in status["breaks"]] == ["dead"]
    shutil.rmtree(two_weeks_on / "data")
    shutil.copytree(data, two_weeks_on / "data")
    through(two_weeks_on, BROKEN)
    mended, other = score(two_weeks_on), score(never_held)
    assert mended["held"] is None
    assert mended["health_events"] == other["health_events"]
    assert standing_scores(two_weeks_on, BROKEN) == standing_scores(never_held, BROKEN)
    ended = found(two_weeks_on, "data", "status")
    assert ended["breaks"] == []
    assert [(one["noticed_on"], one["ended_on"]) for one in ended["history"]] == [("2024-12-23", BROKEN)]


@pytest.mark.slow
def test_an_accepted_rename_is_read_under_the_old_name_and_every_feature_goes_on(
    two_weeks_on: Path, tmp_path: Path
) -> None:
    healthy = tmp_path / "healthy" / "company"
    shutil.copytree(two_weeks_on, healthy)
    renamed(two_weeks_on)
    name = found(two_weeks_on, "data", "status")["breaks"][0]["break"]
    assert name == "usage_events.renamed.report_viewed.2024-12-06"
    said = churnml(
        "data", "accept", name, "--as-rename", "--by", "ana", "--why", "release 12", "--project", two_weeks_on
    )
    assert said.code == 0, said.err
    declared = yaml.safe_load((two_weeks_on / "project.yaml").read_text("utf-8"))
    assert declared["renamed_events"] == {"report_viewed": "report_opened"}
    assert score(two_weeks_on)["breaks"] == []
    score(healthy)
    assert standing_scores(two_weeks_on, BROKEN) == standing_scores(healthy, BROKEN)
    log = found(two_weeks_on, "work", "log", name)
    assert [(line["who"], line["what"], line["why"]) for line in log] == [("ana", "event renamed", "release 12")]


def test_what_somebody_says_is_meant_holds_nothing(two_weeks_on: Path) -> None:
    dead(two_weeks_on)
    name = found(two_weeks_on, "data", "status")["breaks"][0]["break"]
    words = ("data", "accept", name, "--by", "ana", "--project", two_weeks_on)
    assert churnml(*words).code != 0  # why?
    said = churnml(*words, "--why", "switched off for good")
    assert (said.code, said.out) == (0, f"{name} is meant: it holds nothing from the next run on\n")
    day = score(two_weeks_on)
    assert (day["held"], day["breaks"]) == (None, [])
    again = churnml(*words, "--why", "switched off for good")
    assert "that was said before" in again.out


def test_a_break_for_which_stop_is_declared_ends_the_run(two_weeks_on: Path) -> None:
    dead(two_weeks_on)
    declare(two_weeks_on, watch={"usage_events": {"dead": "stop"}})
    said = churnml("score", "--project", two_weeks_on, "--no-prefect")
    assert said.code == 1
    assert "usage_events: nothing since 17 December 2024; " in said.err
    assert "churnml data accept 'usage_events.dead.2024-12-17'" in said.err
    assert rows(two_weeks_on, f"SELECT count(*) FROM scorings WHERE as_of = '{BROKEN}'") == [(0,)]


def test_where_nothing_was_scored_before_nothing_is_scored_from_a_broken_feed(two_weeks_on: Path) -> None:
    dead(two_weeks_on)
    for file in (two_weeks_on / ".churnml").glob("churnml.db*"):
        file.unlink()
    said = churnml("score", "--project", two_weeks_on, "--no-prefect")
    assert said.code == 1
    assert "2024-12-30 cannot be scored: usage_events: nothing since 17 December 2024; " in said.err
    assert "churnml score --as-of 2024-12-17" in said.err
    assert churnml("score", "--project", two_weeks_on, "--no-prefect", "--as-of", "2024-12-17").code == 0


def test_check_and_the_terminal_tell_it(two_weeks_on: Path) -> None:
    dead(two_weeks_on)
    checked = churnml("check", "--project", two_weeks_on)
    assert checked.code == 0
    assert "BROKEN FEEDS" in checked.out
    assert "usage_events: nothing since 17 December 2024; " in checked.out
    assert found(two_weeks_on, "check")["breaks"][0]["kind"] == "dead"
    shown = churnml("data", "status", "--project", two_weeks_on).out
    assert "usage_events.dead.2024-12-17" in shown
    assert "churnml data accept BREAK" in shown
