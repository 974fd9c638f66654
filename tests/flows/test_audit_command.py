"""``churnml audit``, as a person meets it: what it prints, what it gives other programs, how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.flows.conftest import churnml
from tests.support import make_project
from tests.unit.test_audit import company

SPEC = {
    "name": "churn",
    "means": "its contract ends",
    "label": {"kind": "contract", "gap": 7, "horizon": 60},
    "features": {
        "families": ["usage.events", "tickets.backlog", "subscriptions.mrr"],
        "lookbacks": [7, 28, 90],
        "event_names": 0,
    },
}
LEAKING = '''
from churnml.features import Family, Feature, Grain, Polarity, Unit


def by_day_alone(facts, cutoffs):
    """Counts the last four weeks' usage whenever it became known."""
    days = facts.usage_days
    rows = days.join(cutoffs, [days["day"] < cutoffs["as_of_day"], days["day"] >= cutoffs["as_of_day"] - 28])
    return rows.select("account_id", "as_of", n="events")


def features(wish):
    return (
        Feature(
            name="ours_events", family="ours.events", means="events of four weeks", grain=Grain.OWN,
            measure=lambda rows: rows["n"].sum(), polarity=Polarity.HEALTHIER, unit=Unit.COUNT,
            when_low="{value}", when_high="{value}", absent=0.0, rows=by_day_alone,
        ),
    )


FAMILIES = (Family("ours.events", "usage_events", "events", features),)
'''  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("honest")
    tables = {name: pd.DataFrame(rows) for name, rows in company().items()}
    make_project(root, tables, models=["churn"], data_through="2024-09-01")
    (root / "models" / "churn").mkdir(parents=True)
    (root / "models" / "churn" / "spec.yaml").write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    return root


def test_an_honest_project_is_told_in_words_what_was_tried_and_warnings_fail_it_only_when_strict(honest):
    said = churnml("audit", "--project", honest, "--as-of", "2024-06-01", "--strict")
    assert "7 features and the population of one model" in said.out
    assert "2024-06-01" in said.out
    assert "moved 7 of 7 features" in said.out
    assert "6 of 6 planted features that leak were caught" in said.out
    assert "subscriptions has no known_at" in said.out
    assert "support_tickets has no known_at" in said.out
    assert "Nothing looks past its cutoff." in said.out
    assert said.code == 1
    assert "The audit found 5 warnings, and --strict was asked for: " in said.err


def test_an_honest_project_ends_with_0_and_the_answer_for_programs_names_every_finding(honest):
    said = churnml("audit", "--project", honest, "--as-of", "2024-06-01", "--model", "churn", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert set(found) == {"project", "data_through", "features", "labels", "passed", "findings"}
    assert found["passed"] is True
    assert found["features"]["canaries"] == {
        "usage_whenever_known": True,
        "usage_after_the_cutoff": True,
        "tickets_whenever_known": True,
        "last_versions": True,
        "final_resolutions": True,
        "final_ends": True,
    }
    assert found["features"]["tried"][0]["as_of"] == "2024-06-01"
    assert found["labels"][0]["changed"] > 0
    missing = [f for f in found["findings"] if f["kind"] == "known_at missing"]
    assert [(f["severity"], f["name"]) for f in missing] == [
        ("warning", "subscriptions.known_at"),
        ("warning", "support_tickets.known_at"),
    ]


def test_a_late_ticket_whose_arrival_is_not_mapped_is_told_with_the_table_and_the_column_that_would_tell(
    honest, tmp_path
):
    root = tmp_path / "late"
    shutil.copytree(honest, root, ignore=shutil.ignore_patterns(".churnml"))
    path = root / "data" / "support_tickets.csv"
    tickets = pd.read_csv(path)
    tickets["_fivetran_synced"] = pd.to_datetime(tickets["opened_at"]) + pd.Timedelta(days=9)
    tickets.to_csv(path, index=False)
    source = root / "sources" / "support_tickets.sql"
    source.write_text("SELECT * EXCLUDE (_fivetran_synced) FROM raw_support_tickets\n")
    words = ("audit", "--project", root, "--as-of", "2024-06-01", "--json")
    (told,) = (f for f in json.loads(churnml(*words).out)["findings"] if f["kind"] == "arrival not mapped")
    assert told["name"] == "support_tickets.known_at"
    assert "'_fivetran_synced' of raw_support_tickets looks like the time a row arrived" in told["sentence"]
    checked = json.loads(churnml("check", "--project", root, "--json").out)
    assert checked["arrival_columns"] == {
        "support_tickets": [{"place": "raw_support_tickets", "name": "_fivetran_synced"}]
    }
    source.write_text("SELECT *, _fivetran_synced AS known_at FROM raw_support_tickets\n")
    mapped = json.loads(churnml(*words).out)["findings"]
    assert not {"arrival not mapped", "known at its last change"} & {f["kind"] for f in mapped}
    assert ["9 days" in f["sentence"] for f in mapped if f["kind"] == "late tickets"] == [True]


def test_a_feature_of_the_projects_own_that_leaks_ends_with_1_and_is_named(honest, tmp_path):
    root = tmp_path / "leaking"
    shutil.copytree(honest, root)
    spec = SPEC | {"features": SPEC["features"] | {"families": ["usage.events", "ours.*"]}}
    (root / "models" / "churn" / "spec.yaml").write_text(yaml.safe_dump(spec), encoding="utf-8")
    (root / "features.py").write_text(LEAKING, encoding="utf-8")
    said = yaml.safe_load((root / "project.yaml").read_text("utf-8")) | {"python_features": "features.py"}
    (root / "project.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    ended = churnml("audit", "--project", root, "--as-of", "2024-06-01")
    assert ended.code == 1
    assert ended.message.startswith("churnml: The audit failed: 'ours_events' looks past the cutoff.\n")
    assert "LEAK: [churn] 'ours_events' of account a" in ended.out
    assert "It is told by usage_events." in ended.out
    assert "The audit failed." in ended.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--as-of", "2025-06-01"), "the data end with 2024-09-01"),
        (("--as-of", "June"), "'June' is not a date"),
        (("--model", "chrun"), "Did you mean 'churn'?"),
    ],
)
def test_what_cannot_be_audited_is_told(honest, words, told):
    said = churnml("audit", "--project", honest, *words)
    assert said.code == 1
    assert told in said.err


def test_a_simulated_company_passes(tmp_path):
    out = tmp_path / "company"
    assert churnml("simulate", "--out", out, "--accounts", "150", "--months", "12", "--events", "30000").code == 0
    said = churnml("audit", "--project", out, "--as-of", "2023-08-01", "--model", "churn")
    assert said.code == 0, said.out + said.err
    assert "Not moved" not in said.out, "every feature of the catalogue can be moved, so all of it is proved"
