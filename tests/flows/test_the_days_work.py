"""The day as the team meets it: its list, what it does with it, what is told to others, and what is looked up."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.flows.conftest import churnml


def found(project: Path, *words: str | Path) -> Any:
    said = churnml(*words, "--project", project, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def listed(project: Path, *words: str) -> list[dict[str, Any]]:
    decisions: list[dict[str, Any]] = found(project, "queue", *words)["decisions"]
    return decisions


def score(project: Path, *words: str) -> Any:
    return found(project, "score", "--no-prefect", *words)


def test_work_that_is_done_leaves_the_list_and_stays_done(after_run: Path) -> None:
    first, second = listed(after_run)[:2]
    done = found(after_run, "work", "done", first["work_id"], "--by", "kim", "--because", "they renew")
    assert (done["state"], done["ended_because"], done["event"]["who"]) == ("done", "they renew", "kim")
    assert listed(after_run)[0]["account_id"] == second["account_id"]
    score(after_run)
    assert first["account_id"] not in {d["account_id"] for d in listed(after_run)}
    again = churnml("work", "done", first["work_id"], "--by", "kim", "--project", after_run)
    assert again.code == 1
    assert "It was done on" in again.err
    assert "remedy" in again.err
    story = found(after_run, "work", "show", first["work_id"])
    assert [event["what"] for event in story["events"]] == ["opened", "done"]
    log = found(after_run, "work", "log", first["account_id"])
    assert [(line["who"], line["what"], line["why"]) for line in log] == [("kim", "work done", "they renew")]


def test_work_can_be_put_off_handed_on_and_refused_and_each_wants_a_reason(after_run: Path) -> None:
    one, two, three = (decision["work_id"] for decision in listed(after_run)[:3])
    off = found(after_run, "work", "snooze", one, "--until", "2025-02-03", "--because", "buyer is away", "--by", "kim")
    assert (off["state"], off["snoozed_until"]) == ("snoozed", "2025-02-03")
    to = found(after_run, "work", "reassign", two, "--to", "lee", "--because", "knows them", "--by", "kim")
    assert to["owner"] == "lee"
    no = found(after_run, "work", "dismiss", three, "--because", "sold to a competitor", "--by", "kim")
    assert no["state"] == "dismissed"
    queue = {decision["work_id"]: decision for decision in listed(after_run)}
    assert one not in queue
    assert three not in queue
    assert queue[two]["owner"] == "lee"
    assert [decision["work_id"] for decision in listed(after_run, "--owner", "lee")] == [two]
    for words in (
        ("work", "dismiss", two, "--because", " ", "--by", "kim"),
        ("work", "snooze", two, "--until", "2020-01-01", "--because", "later", "--by", "kim"),
        ("work", "snooze", two, "--until", "someday", "--because", "later", "--by", "kim"),
        ("work", "done", "A-nobody", "--by", "kim"),
    ):
        refused = churnml(*words, "--project", after_run)
        assert refused.code == 1, words
        assert "remedy" in refused.err, words


def test_an_override_counts_from_the_next_scoring_is_seen_and_can_be_taken_back(after_run: Path) -> None:
    worst = min(listed(after_run), key=lambda decision: decision["health"])
    account, before = worst["account_id"], worst["health"]
    made = found(
        after_run, "work", "override", account, "--score", "88", "--because", "signed for three years", "--by", "kim"
    )
    assert found(after_run, "explain", account)["health"] == before
    score(after_run)
    seen = found(after_run, "explain", account)
    assert (seen["health"], seen["band"]) == (88.0, "healthy")
    assert seen["details"]["ruled_health"] == before
    text = churnml("explain", account, "--project", after_run).out
    assert f"overridden by kim until {made['expires_on']} (it would be {before:.0f}): signed for three years" in text
    assert found(after_run, "health", "overrides")["not_yet"] == 1
    found(after_run, "work", "withdraw", made["override_id"], "--because", "a misunderstanding", "--by", "kim")
    score(after_run)
    assert found(after_run, "explain", account)["health"] == before
    refused = churnml(
        "work", "override", account + "x", "--score", "1", "--because", "?", "--by", "kim", "--project", after_run
    )
    assert refused.code == 1
    assert account in refused.err


def test_every_line_of_the_list_says_what_made_it(after_run: Path) -> None:
    versions = {name: by["version"] for name, by in score(after_run)["scored_by"].items()}
    for decision in listed(after_run):
        assert decision["models"] == versions
        assert decision["rule"]
        assert decision["because"]
        assert decision["facts"]["churn_probability"] == decision["churn_probability"]
        assert set(decision["declarations"]) == {"health", "playbooks", "team"}
        assert decision["health_inputs"]
        assert 0 < decision["propensity"] <= 1


def test_nobody_is_given_more_than_they_can_take_and_the_rest_is_told_with_its_value(after_run: Path) -> None:
    owners = Counter(decision["owner"] for decision in listed(after_run))
    team = {"people": {owner: {"minutes_a_week": 240, "open_at_most": 2} for owner in owners}}
    (after_run / "models").mkdir(exist_ok=True)
    (after_run / "models" / "team.yaml").write_text(yaml.safe_dump(team))
    (after_run / ".churnml" / "churnml.db").unlink()
    said = score(after_run)
    told = churnml("score", "--no-prefect", "--project", after_run).out
    assert f"{said['outcomes']['overflow']:,} did not fit into anybody's day" in told
    assert f"{said['outcomes']['holdout']:,} left alone on purpose" in told
    held = Counter(decision["owner"] for decision in listed(after_run))
    assert max(held.values()) == 2
    assert said["outcomes"]["overflow"] > 0
    left = found(after_run, "work", "overflow")["overflow"]
    assert sum(row["pieces"] for row in left) == said["outcomes"]["overflow"]
    known = [row["value"] for row in left if row["value"] is not None]
    assert said["left_lying"] == (pytest.approx(sum(known), abs=0.01) if known else None)
    minutes: Counter[str] = Counter()
    for item in found(after_run, "work", "list"):
        minutes[item["owner"]] += item["minutes"]
    assert max(minutes.values()) <= 240


def test_a_date_that_is_over_gets_scores_but_gives_nobody_work(after_run: Path) -> None:
    work = found(after_run, "work", "list", "--all")
    days = found(after_run, "backfill", "2024-11-04", "2024-12-02", "--every", "14", "--no-prefect")
    assert [day["as_of"] for day in days] == ["2024-11-04", "2024-11-18", "2024-12-02"]
    assert found(after_run, "work", "list", "--all") == work
    rates = found(after_run, "health", "flaps")
    assert rates["settled"]["changes"] <= rates["unsettled"]["changes"]
    account = listed(after_run)[0]["account_id"]
    change = found(after_run, "explain", account)["change"]
    if change is not None and change["total"] is not None:
        parts = [change[name] for name in ("data", "model", "configuration", "override")]
        assert round(sum(parts), 2) == change["total"]


def on_record(project: Path) -> dict[str, list[tuple[object, ...]]]:
    """What the store holds of the newest date and of all work, but the count of changes."""
    with closing(sqlite3.connect(project / ".churnml" / "churnml.db")) as connection:
        (newest,) = connection.execute("SELECT max(as_of) FROM scorings").fetchone()
        here = "SELECT scoring_id FROM scorings WHERE as_of = ?"
        of_the_date = {
            name: connection.execute(f"SELECT * FROM {name} WHERE scoring_id IN ({here})", (newest,))
            for name in ("scorings", "scores", "decisions", "health_events")
        }
        of_all = {name: connection.execute(f"SELECT * FROM {name}") for name in ("work", "work_events", "assignments")}
        return {name: sorted(rows.fetchall(), key=str) for name, rows in (of_the_date | of_all).items()}


def test_an_older_date_scored_later_leaves_the_newest_one_and_all_work_as_they_were(after_run: Path) -> None:
    before = on_record(after_run)
    newest = before["scorings"][0][1]
    assert found(after_run, "backfill", "2024-12-16", "2024-12-23", "--no-prefect")
    again = score(after_run)
    assert on_record(after_run) == before
    assert again["as_of"] == newest
    # the date itself, without work: it has its list, and keeps it
    assert found(after_run, "backfill", newest, newest, "--no-prefect")
    assert on_record(after_run) == before
    own = yaml.safe_load((Path(__file__).parents[2] / "models" / "health.yaml").read_text("utf-8"))
    own["bands"][0]["at_least"] = 90
    (after_run / "models").mkdir(exist_ok=True)
    (after_run / "models" / "health.yaml").write_text(yaml.safe_dump(own), "utf-8")
    score(after_run)
    assert len(on_record(after_run)["scorings"]) == 2, "declared otherwise, it is scored anew: else this proves nothing"


def test_a_date_scored_without_work_gets_its_list_when_it_is_scored_as_the_newest(company: Path, ran: Path) -> None:
    shutil.copytree(ran / ".churnml", company / ".churnml")
    for file in (company / ".churnml").glob("churnml.db*"):
        file.unlink()
    newest = found(company, "backfill", "2024-12-30", "2024-12-30", "--no-prefect")[0]["as_of"]
    assert not on_record(company)["work"]
    assert score(company)["as_of"] == newest
    assert on_record(company)["work"]
    assert [row[2] for row in on_record(company)["scorings"]] == [1, 2]


def test_a_changed_health_yaml_can_be_tried_on_everybody_before_it_counts(after_run: Path, tmp_path: Path) -> None:
    defaults = yaml.safe_load((Path(__file__).parents[2] / "models" / "health.yaml").read_text("utf-8"))
    defaults["bands"][0]["at_least"] = 90
    changed = tmp_path / "health.yaml"
    changed.write_text(yaml.safe_dump(defaults))
    before = score(after_run)["bands"]
    seen = found(after_run, "health", "preview", "--with", changed)
    assert seen["then"]["healthy"] < seen["now"]["healthy"]
    assert seen["changed"]["accounts"] >= seen["now"]["healthy"] - seen["then"]["healthy"]
    assert score(after_run)["bands"] == before
    weights = found(after_run, "health", "weights")
    assert all(weight["low"] <= weight["high"] and weight["proposed"] >= 0 for weight in weights["weights"])


def test_what_is_decided_is_told_to_the_receivers_once_and_only_when_it_is_sent(after_run: Path) -> None:
    (after_run / "models").mkdir(exist_ok=True)
    receivers = {"files": {"kind": "drop", "path": "drop", "format": "jsonl", "sends": ["work"]}}
    (after_run / "models" / "delivery.yaml").write_text(yaml.safe_dump({"receivers": receivers}))
    (after_run / ".churnml" / "churnml.db").unlink()
    score(after_run)
    said = churnml("deliver", "--project", after_run, "--no-prefect")
    assert "Nothing was sent" in said.out
    assert not (after_run / "drop").exists()
    found(after_run, "deliver", "--send", "--no-prefect")
    work_id = listed(after_run)[0]["work_id"]
    found(after_run, "work", "done", work_id, "--by", "kim")
    found(after_run, "deliver", "--send", "--no-prefect")
    lines = [
        json.loads(line)
        for path in sorted((after_run / "drop").iterdir())
        for line in path.read_text("utf-8").splitlines()
    ]
    assert len({line["key"] for line in lines}) == len(lines)
    told = Counter(line["work"]["what"] for line in lines)
    assert told["opened"] == len(found(after_run, "work", "list", "--all"))
    assert told["done"] == 1
    assert found(after_run, "deliveries", "list")["counts"] == {"files": {"sent": len(lines)}}


def test_impact_says_nothing_before_there_are_outcomes(after_run: Path) -> None:
    report = found(after_run, "impact", "--no-prefect")
    assert report["playbooks"]
    assert {playbook["verdict"] for playbook in report["playbooks"]} == {"not_yet"}
    assert report["stop"] == []
    assert "more needed" in churnml("impact", "--project", after_run, "--no-prefect").out
