"""Usage that grows by files: what is read once, and that it comes out as if all had been read together."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from churnml.adapters.project import open_project
from churnml.adapters.warehouse import facts_of, increments, ingest, store
from tests.support import TODAY, features_at, make_project, set_aside

SELECT = "SELECT * FROM events"
CUTOFFS = (dt.date(2024, 3, 1), dt.date(2024, 4, 1), dt.date(2024, 4, 5))


def accounts(*names: str) -> str:
    return "account_id | created_at\n" + "\n".join(f"{name} | 2023-01-01" for name in names)


def some_events(seed: int, start: str, days: int, n: int = 300) -> pd.DataFrame:
    """Events of a stretch of days, some of them known only days later."""
    rng = np.random.default_rng(seed)
    when = pd.Timestamp(start) + pd.to_timedelta(rng.integers(0, days * 24 * 60, n), unit="min")
    late = pd.to_timedelta(np.where(rng.random(n) < 0.2, rng.integers(0, 40 * 24, n), 0), unit="h")
    return pd.DataFrame(
        {
            "account_id": rng.choice(["a", "b", "c", "d"], n),
            "occurred_at": when,
            "event": rng.choice([f"e{i}" for i in range(70)], n),
            "user_id": rng.choice(["u", "v", "w", None], n),
            "quantity": np.round(rng.normal(2, 1, n), 2),
            "known_at": when + late,
            "event_id": [f"{seed}-{i}" for i in range(n)],
        }
    )


def growing(root: Path, files: dict[str, pd.DataFrame], *, known: str = accounts("a", "b", "c", "d"), **spec):
    """A project whose events lie in ``data/events``, one Parquet file a delivery."""
    (root / "data" / "events").mkdir(parents=True, exist_ok=True)
    for name, frame in files.items():
        frame.to_parquet(root / "data" / "events" / f"{name}.parquet")
    declared = {"events": {"path": "data/events/*.parquet", "grows": "by_file"}}
    return make_project(root, {"accounts": known}, sources={"usage_events": SELECT}, inputs=declared, **spec)


def features(project):
    ingested = ingest(project, TODAY)
    facts = facts_of(ingested, ())
    names = tuple(f"e{i}" for i in range(3))
    return features_at(facts, *CUTOFFS, families=("usage.*",), event_names=names), ingested


@pytest.fixture
def readings(monkeypatch):
    """Counts the files that are opened for reading events, reading by reading."""
    seen: list[list[str]] = []
    was = store.register

    def register(con, project, name, declared, scratch, only=None):
        if name == "events":
            seen.append(sorted(path.name for path in (only if only is not None else [])))
        return was(con, project, name, declared, scratch, only)

    monkeypatch.setattr(store, "register", register)
    return seen


def test_a_new_file_is_the_only_one_read_and_the_features_are_those_of_reading_all_together(tmp_path, readings):
    first, second = some_events(1, "2023-12-01", 100), some_events(2, "2024-03-05", 40)
    grown = growing(tmp_path / "grown", {"1": first})
    features(grown)
    grown = growing(tmp_path / "grown", {"2": second})
    found, ingested = features(grown)
    assert readings == [["1.parquet"], ["2.parquet"]]
    whole, together = features(growing(tmp_path / "whole", {"1": first, "2": second}))
    pd.testing.assert_frame_equal(found, whole, check_exact=True)
    assert ingested.rows == together.rows
    assert len(ingested.usage) == 2


def test_a_date_already_scored_can_be_replayed_as_it_was_known_then(tmp_path):
    late = some_events(3, "2024-01-01", 80)
    late["known_at"] = late["occurred_at"] + pd.Timedelta(days=120)
    before, _ = features(growing(tmp_path, {"1": some_events(1, "2023-12-01", 120)}))
    after, _ = features(growing(tmp_path, {"2": late}))
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    told = late.assign(known_at=late["occurred_at"], event_id=[f"again-{i}" for i in range(len(late))])
    control, _ = features(growing(tmp_path, {"3": told}))
    assert not control.equals(before), "rows that were known in time must change the features, else this proves nothing"


def test_an_unchanged_project_is_not_read_again(tmp_path, readings):
    project = growing(tmp_path, {"1": some_events(1, "2024-01-01", 50)})
    features(project)
    features(project)
    assert readings == [["1.parquet"]]


def test_without_new_files_and_a_declared_end_the_data_end_with_the_usage_read_before(tmp_path, readings):
    project = growing(tmp_path, {"1": some_events(1, "2024-01-01", 50)}, data_through=None)
    first, again = (ingest(project, today, parts=frozenset()) for today in (TODAY, TODAY + dt.timedelta(days=1)))
    assert readings == [["1.parquet"]]
    assert again.path != first.path
    assert again.data_through == first.data_through == dt.date(2024, 2, 19)


def test_a_file_that_was_changed_is_read_again_and_the_others_are_not(tmp_path, readings):
    growing(tmp_path, {"1": some_events(1, "2024-01-01", 50)})
    features(open_project(tmp_path))
    features(growing(tmp_path, {"2": some_events(2, "2024-02-01", 50)}))
    found, _ = features(growing(tmp_path, {"2": some_events(5, "2024-02-01", 60)}))
    assert readings[-1] == ["2.parquet"]
    whole, _ = features(
        growing(tmp_path / "whole", {"1": some_events(1, "2024-01-01", 50), "2": some_events(5, "2024-02-01", 60)})
    )
    pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_events_of_an_account_that_appears_later_are_taken_back_out_of_quarantine(tmp_path, readings):
    first = some_events(1, "2024-01-01", 50)
    _, ingested = features(growing(tmp_path, {"1": first}, known=accounts("a", "b")))
    assert ingested.quarantined["usage_events"]["unknown_account"] > 0
    found, ingested = features(growing(tmp_path, {}, known=accounts("a", "b", "c", "d")))
    assert ingested.quarantined == {}
    assert readings[-1] == ["1.parquet"]
    whole, _ = features(growing(tmp_path / "whole", {"1": first}))
    pd.testing.assert_frame_equal(found, whole, check_exact=True)


def test_an_earlier_end_of_the_data_sets_later_events_aside_again(tmp_path):
    first = some_events(1, "2024-01-01", 100)
    features(growing(tmp_path, {"1": first}))
    found, ingested = features(growing(tmp_path, {}, data_through="2024-03-15"))
    assert ingested.quarantined["usage_events"]["future"] == (first["occurred_at"] >= "2024-03-16").sum()
    later, ingested = features(growing(tmp_path, {}, data_through="2024-12-31"))
    assert ingested.quarantined == {}
    assert not later.equals(found)


def test_without_a_declared_end_the_data_end_with_the_newest_event_of_any_file(tmp_path):
    features(growing(tmp_path, {"1": some_events(1, "2024-03-01", 31)}, data_through=None))
    _, ingested = features(growing(tmp_path, {"2": some_events(2, "2024-01-01", 20)}, data_through=None))
    assert ingested.data_through == some_events(1, "2024-03-01", 31)["occurred_at"].max().date()


def test_an_event_that_was_delivered_in_an_earlier_file_is_a_duplicate(tmp_path):
    first = some_events(1, "2024-01-01", 50)
    before, _ = features(growing(tmp_path, {"1": first}))
    after, ingested = features(growing(tmp_path, {"2": first.head(40)}))
    assert ingested.quarantined["usage_events"] == {"duplicate": 40}
    pd.testing.assert_frame_equal(after, before, check_exact=True)
    assert [reason for _, reason, _ in set_aside(ingested)] == ["duplicate"] * 40


def test_many_increments_become_few_and_nothing_changes(tmp_path, monkeypatch):
    monkeypatch.setattr(increments, "MANY", 3)
    files = {str(n): some_events(n, f"2024-0{1 + n % 4}-01", 20, n=60) for n in range(7)}
    for name, frame in files.items():
        found, ingested = features(growing(tmp_path / "grown", {name: frame}))
    assert len(ingested.usage) <= 3
    whole, together = features(growing(tmp_path / "whole", files))
    pd.testing.assert_frame_equal(found, whole, check_exact=True)
    assert ingested.rows == together.rows


def test_two_sources_that_read_the_growing_input_are_read_whole(tmp_path, readings):
    project = growing(tmp_path, {"1": some_events(1, "2024-01-01", 50)})
    (tmp_path / "sources" / "churn_events.sql").write_text(
        "SELECT account_id, max(occurred_at) AS churned_at FROM events GROUP BY ALL", encoding="utf-8"
    )
    features(project)
    features(growing(tmp_path, {"2": some_events(2, "2024-02-01", 50)}))
    assert readings[-1] == []  # not narrowed to the new file


def test_the_file_a_row_came_from_can_say_when_it_was_known(tmp_path):
    frame = some_events(1, "2024-03-20", 3).drop(columns="known_at")
    project = growing(tmp_path, {"2024-04-03": frame})
    sql = (
        "SELECT * EXCLUDE (source_file), "
        "strptime(regexp_extract(source_file, '\\d{4}-\\d\\d-\\d\\d'), '%Y-%m-%d') AS known_at FROM events"
    )
    (tmp_path / "sources" / "usage_events.sql").write_text(sql, encoding="utf-8")
    found, _ = features(project)
    seen = found.groupby("as_of")["usage_events_28d"].sum()
    assert list(seen) == [0, 0, len(frame)]


def test_a_glob_that_matches_nothing_is_told(tmp_path):
    project = growing(tmp_path, {})
    with pytest.raises(Exception, match="No file matches"):
        ingest(project, TODAY)


def test_growing_is_for_files_not_for_databases(tmp_path):
    project = growing(tmp_path, {})
    said = yaml.safe_load((tmp_path / "project.yaml").read_text(encoding="utf-8"))
    said["inputs"]["events"] = {"database": "sqlite:///x.db", "table": "t", "grows": "by_file"}
    (tmp_path / "project.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    with pytest.raises(Exception, match="not for a database"):
        open_project(project.root)
