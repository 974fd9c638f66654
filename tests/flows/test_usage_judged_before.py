"""Usage that was only judged: rolled up when something needs it, the same as if it had been rolled up at once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from churnml.adapters.project import Project
from churnml.adapters.warehouse import Ingested, facts_of, increments, ingest, leases, read_profile, store
from churnml.adapters.warehouse import usage as usage_of
from churnml.rollups import RELATIONS
from tests.flows.test_growing_usage import accounts, growing, some_events
from tests.support import TODAY, features_at, make_project

CUTOFFS = (dt.date(2024, 3, 1), dt.date(2024, 4, 1))


def features_of(ingested: Ingested) -> pd.DataFrame:
    asked = {"families": ("usage.events", "usage.active_users", "usage.breadth"), "lookbacks": (7, 28)}
    return features_at(facts_of(ingested, ()), *CUTOFFS, **asked)


def assert_rolled_up_alike(one: Ingested, other: Ingested) -> None:
    """Whatever features are made of it, they are the same."""
    assert one.files("usage_days")
    for name in RELATIONS:
        files = [ingested.files(name) for ingested in (one, other)]
        assert len(files[0]) == len(files[1])
        for found, expected in zip(*files, strict=True):
            rows = [pd.read_parquet(file) for file in (found, expected)]
            columns = list(rows[0].columns)
            rows = [frame.sort_values(columns, ignore_index=True) for frame in rows]
            pd.testing.assert_frame_equal(*rows, check_exact=True)


def only_judged(project: Project) -> Ingested:
    return ingest(project, TODAY, since=None)


def events(*, named: bool, dirty: bool) -> pd.DataFrame:
    rows = some_events(1, "2023-12-01", 110)
    if dirty:
        rows.loc[:9, "account_id"] = "nobody"
        rows.loc[10:19, "quantity"] = -3.0
    return rows if named else rows.drop(columns="event_id")


def project_of(root: Path, rows: pd.DataFrame, *, grows: bool) -> Project:
    if grows:
        return growing(root, {"1": rows})
    return make_project(root, {"accounts": accounts("a", "b", "c", "d"), "usage_events": rows}, data_through=None)


@pytest.mark.parametrize("grows", [True, False])
@pytest.mark.parametrize("dirty", [True, False])
def test_usage_judged_first_and_rolled_up_later_is_that_of_one_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grows: bool, dirty: bool
) -> None:
    rows = events(named=dirty, dirty=dirty)
    at_once = ingest(project_of(tmp_path / "1", rows, grows=grows), TODAY)
    project = project_of(tmp_path / "2", rows, grows=grows)
    judged = only_judged(project)
    assert not judged.files("usage_days")
    monkeypatch.setattr(usage_of, "check_usage", lambda *_: pytest.fail("the events were judged again"))
    later = ingest(project, TODAY)
    assert (judged.rows, judged.quarantined, judged.warned) == (at_once.rows, at_once.quarantined, at_once.warned)
    assert (later.rows, later.quarantined, later.warned) == (at_once.rows, at_once.quarantined, at_once.warned)
    assert at_once.fingerprint == judged.fingerprint == later.fingerprint
    assert_rolled_up_alike(later, at_once)
    # and who only asks for the judgement finds it, whatever is rolled up of it
    assert only_judged(project).rows == later.rows


def test_a_file_that_only_checks_have_seen_is_rolled_up_beside_what_was_before(tmp_path: Path) -> None:
    first, second = some_events(1, "2023-12-01", 100), some_events(2, "2024-03-05", 40)
    project = growing(tmp_path / "grown", {"1": first})
    ingest(project, TODAY)
    project = growing(tmp_path / "grown", {"2": second})
    only_judged(project)
    found = ingest(project, TODAY)
    together = ingest(growing(tmp_path / "whole", {"1": first, "2": second}), TODAY)
    assert found.rows == together.rows
    assert found.fingerprint == together.fingerprint
    pd.testing.assert_frame_equal(features_of(found), features_of(together), check_exact=True)


def test_days_before_those_that_features_cover_are_left_out_and_no_feature_misses_them(tmp_path: Path) -> None:
    project = growing(tmp_path, {"1": some_events(1, "2023-12-01", 110)})
    some = ingest(project, TODAY, since=dt.date(2024, 2, 1))
    rolled = pd.read_parquet(some.files("usage_days")[0])
    assert rolled["day"].min() >= (dt.date(2024, 2, 1) - dt.date(1970, 1, 1)).days
    narrow, whole = (
        features_at(facts_of(ingested, ()), CUTOFFS[0], families=("usage.events",), lookbacks=(7, 28))
        for ingested in (some, ingest(project, TODAY))
    )
    pd.testing.assert_frame_equal(narrow, whole, check_exact=True)
    assert whole.drop(columns=["account_id", "as_of"]).to_numpy().any(), "else this proves nothing"


def test_an_event_that_was_judged_by_other_accounts_is_judged_again(tmp_path: Path) -> None:
    first = some_events(1, "2024-01-01", 50)
    only_judged(growing(tmp_path, {"1": first}, known=accounts("a", "b")))
    found = ingest(growing(tmp_path, {}, known=accounts("a", "b", "c", "d")), TODAY)
    assert found.rows["usage_events"] == len(first)


# ---------------------------------------------------------------- what is counted, killed, damaged


@pytest.mark.parametrize("grows", [True, False])
def test_what_came_each_day_is_counted_alike_by_who_only_judges(tmp_path: Path, grows: bool) -> None:
    rows = events(named=False, dirty=True)
    rows = pd.concat([rows, rows.iloc[[50, 51, 51]]], ignore_index=True)
    at_once = ingest(project_of(tmp_path / "1", rows, grows=grows), TODAY)
    project = project_of(tmp_path / "2", rows, grows=grows)
    judged = only_judged(project)
    later = ingest(project, TODAY)
    profile, feeds = read_profile(at_once.path)
    assert feeds.cells["rows"].sum() > len(rows), "the whole table and every name of an event"
    assert feeds.repeats["rows"].sum() > feeds.repeats["different"].sum()
    for one in (judged, later):
        again, counted = read_profile(one.path)
        assert again == profile
        pd.testing.assert_frame_equal(counted.cells, feeds.cells)
        pd.testing.assert_frame_equal(counted.repeats, feeds.repeats)


@pytest.mark.parametrize("grows", [True, False])
def test_a_run_that_ends_before_its_roll_ups_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, grows: bool
) -> None:
    rows = events(named=True, dirty=True)
    at_once = ingest(project_of(tmp_path / "1", rows, grows=grows), TODAY)
    project = project_of(tmp_path / "2", rows, grows=grows)
    warehouse = project.work / "warehouse"
    with monkeypatch.context() as broken:
        broken.setattr(usage_of, "write_rollups", lambda *_, **__: pytest.fail("killed"))
        # what a killed run cannot clear away either
        broken.setattr(store.shutil, "rmtree", lambda *_, **__: None)
        with pytest.raises(pytest.fail.Exception, match="killed"):
            ingest(project, TODAY)
    assert not list(warehouse.glob("[!.]*/manifest.json"))
    assert [*warehouse.glob(".making-*")], "else this proves nothing"
    later = ingest(project, TODAY)
    assert (later.rows, later.fingerprint) == (at_once.rows, at_once.fingerprint)
    assert_rolled_up_alike(later, at_once)
    assert not [*warehouse.glob(".making-*")]


@pytest.mark.parametrize("grows", [True, False])
def test_usage_that_was_judged_and_is_damaged_is_judged_anew(tmp_path: Path, grows: bool) -> None:
    rows = events(named=True, dirty=True)
    project = project_of(tmp_path, rows, grows=grows)
    judged = only_judged(project)
    before = judged.rows, judged.quarantined
    seen = judged.usage[0] / "usage_accounts.parquet"
    seen.write_bytes(seen.read_bytes()[:-9] + b"otherwise")
    later = ingest(project, TODAY)
    assert (later.rows, later.quarantined) == before
    assert later.files("usage_days")


def test_increments_that_were_judged_and_put_together_are_rolled_up_without_judging_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(increments, "MANY", 2)
    files = {str(n): some_events(n, f"2024-0{1 + n % 3}-01", 20, n=60).assign(quantity=1.0) for n in range(5)}
    for name, frame in files.items():
        judged = only_judged(growing(tmp_path / "grown", {name: frame}))
    assert len(judged.usage) == 2
    monkeypatch.setattr(usage_of, "check_usage", lambda *_: pytest.fail("the events were judged again"))
    found = ingest(growing(tmp_path / "grown", {}), TODAY)
    monkeypatch.undo()
    together = ingest(growing(tmp_path / "whole", files), TODAY)
    assert (found.rows, found.fingerprint) == (together.rows, together.fingerprint)
    pd.testing.assert_frame_equal(features_of(found), features_of(together), check_exact=True)


def test_what_is_kept_of_usage_as_it_was_judged_does_not_become_more_and_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(increments, "MANY", 3)
    # nothing is young
    monkeypatch.setattr(leases, "A_DAY", -1.0)
    for n in range(9):
        rolled = ingest(growing(tmp_path, {str(n): some_events(n, f"2024-0{1 + n % 3}-01", 20, n=40)}), TODAY)
        kept = [path.parent for path in tmp_path.glob(".churnml/warehouse/usage/*/*/segment.json")]
        assert len({path.parent for path in kept}) == 2, "as judged, and rolled up"
        assert len(kept) <= 2 * 2 * (increments.MANY + 1), "of the data as they are, and as they were"
    assert rolled.rows["usage_events"] == 9 * 40
