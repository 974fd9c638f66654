"""The main job end to end on a small simulated company."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import churnml

FIGURES = ("roc_auc", "average_precision", "brier", "calibration_error")
RIVALS = ("base_rate", "recency", "logistic_regression")


def rows_of(project: Path) -> list[tuple[object, ...]]:
    """Everything the operational store holds, in order."""
    with sqlite3.connect(project / ".churnml" / "churnml.db") as connection:
        tables = ("scorings", "scores", "decisions")
        return [row for table in tables for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2")]


def test_a_run_ends_with_one_json_object_that_says_everything(after_run: Path) -> None:
    said = churnml("run", "--project", after_run, "--no-prefect", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["as_of"] == "2024-12-30"
    assert found["accounts_scored"] > 200
    assert sum(found["bands"].values()) == found["accounts_scored"]
    assert sum(found["decisions"].values()) <= found["accounts_scored"]
    assert all(isinstance(n, int) for table in found["quarantined"].values() for n in table.values())
    assert set(found["models"]) == {"churn", "upsell"}
    for model in found["models"].values():
        assert isinstance(model["promoted"], bool)
        assert model["because"]
        assert model["version"]
        assert model["positives"] > 0
        for who in (model, *(model["rivals"][rival] for rival in RIVALS)):
            for figure in FIGURES:
                assert who[figure]["low"] <= who[figure]["value"] <= who[figure]["high"]
        # the simulated company knows the truth: nobody can be better than it by more than chance
        assert model["best_possible"]["roc_auc"]["high"] > model["roc_auc"]["low"]


def test_running_a_date_again_changes_nothing(after_run: Path) -> None:
    before = rows_of(after_run)
    assert before
    assert churnml("run", "--project", after_run, "--no-prefect").code == 0
    assert churnml("score", "--project", after_run, "--no-prefect").code == 0
    assert rows_of(after_run) == before


def test_training_from_scratch_gives_the_same_scores(simulated: Path, ran: Path, company: Path) -> None:
    assert churnml("run", "--project", company, "--no-prefect").code == 0

    def scores(project: Path) -> pd.DataFrame:
        with sqlite3.connect(project / ".churnml" / "churnml.db") as connection:
            return pd.read_sql("SELECT * FROM scores ORDER BY account_id", connection)

    pd.testing.assert_frame_equal(scores(ran), scores(company), check_exact=True)


def test_an_earlier_date_can_be_scored_and_explained_with_its_history(after_run: Path) -> None:
    assert churnml("score", "--project", after_run, "--no-prefect", "--as-of", "2024-12-02").code == 0
    queue = json.loads(churnml("queue", "--project", after_run, "--json").out)
    assert queue["as_of"] == "2024-12-30"
    account = queue["decisions"][0]["account_id"]
    said = churnml("explain", account, "--project", after_run, "--json")
    assert said.code == 0
    found = json.loads(said.out)
    assert found["account_id"] == account
    assert found["decision"]["playbook"] == queue["decisions"][0]["playbook"]
    assert [entry["as_of"] for entry in found["history"]][-1] == "2024-12-30"


def test_a_queue_names_each_account_once_and_the_most_valuable_first(after_run: Path) -> None:
    decisions = json.loads(churnml("queue", "--project", after_run, "--json").out)["decisions"]
    accounts = [decision["account_id"] for decision in decisions]
    assert len(accounts) == len(set(accounts))
    values = [decision["value"] for decision in decisions if decision["value"] is not None]
    assert values == sorted(values, reverse=True)
    owner = decisions[0]["owner"]
    own = json.loads(churnml("queue", "--project", after_run, "--owner", owner, "--json").out)["decisions"]
    assert own == [decision for decision in decisions if decision["owner"] == owner]


def test_a_reason_carries_the_accounts_own_number(after_run: Path) -> None:
    decisions = json.loads(churnml("queue", "--project", after_run, "--json").out)["decisions"]
    sentences = [r["sentence"] for d in decisions for r in (d["reasons"] + d["growth_reasons"])]
    assert sentences
    assert all("{" not in sentence and "nan" not in sentence for sentence in sentences)
    assert sum(any(letter.isdigit() for letter in sentence) for sentence in sentences) > 0.8 * len(sentences)


def test_a_killed_scoring_leaves_nothing_half_visible(after_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sqlalchemy as sa

    from churnml.adapters.store import scorings

    before = rows_of(after_run)
    insert = scorings.account_row
    monkeypatch.setattr(scorings, "account_row", lambda *given: insert(*given) | {"band": None})
    with pytest.raises((sa.exc.IntegrityError, AssertionError)):
        _score_raising(after_run, "2024-12-09")
    assert rows_of(after_run) == before
    monkeypatch.undo()
    assert churnml("score", "--project", after_run, "--no-prefect", "--as-of", "2024-12-09").code == 0
    assert len(rows_of(after_run)) > len(before)


def _score_raising(project: Path, as_of: str) -> None:
    from pipelines.score import score

    score(str(project), as_of, "2026-01-01")


def test_the_champion_loads_in_a_fresh_process_that_knows_only_the_tracking_uri(after_run: Path) -> None:
    found = json.loads(churnml("models", "list", "--project", after_run, "--json").out)
    if not any(version["champion"] for version in found["churn"]):
        assert churnml("models", "promote", "churn", "--because", "a test", "--project", after_run).code == 0
    program = """
import sys, mlflow, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model("models:/churn@champion")
columns = model.metadata.get_input_schema().inputs
frame = pd.DataFrame({c.name: np.ones(3) if c.type.name == "double" else ["x", None, "y"] for c in columns})
scored = model.predict(frame)
assert scored["probability"].between(0, 1).all(), scored
shipped = model.predict(model.input_example)
assert len(shipped) == 5
loaded = {name.split(".")[0] for name in sys.modules}
assert not loaded & {"prefect", "duckdb", "ibis"}, loaded & {"prefect", "duckdb", "ibis"}
ours = {name for name in sys.modules if name.partition(".")[0] == "churnml"}
own = {"churnml.modelling" + room for room in ("", ".predictor", ".curves", ".profile", ".stored")}
assert ours == {"churnml", "churnml.errors", "churnml.declarations", "churnml.jsontypes", *own}, ours
print("scored", len(scored))
"""
    uri = f"sqlite:///{after_run / '.churnml' / 'mlflow.db'}"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={"MLFLOW_TRACKING_URI": uri, "PATH": "", "MLFLOW_DISABLE_TELEMETRY": "true"}
        | {key: value for key, value in os.environ.items() if key == "PYTHONPATH"},
        cwd=after_run,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "scored 3" in done.stdout


def test_features_can_be_written_for_several_dates(company: Path, tmp_path: Path) -> None:
    out = tmp_path / "features.parquet"
    said = churnml("features", "--as-of", "2024-06-03", "--as-of", "2024-09-02", "--out", out, "--project", company)
    assert said.code == 0, said.err
    frame = pd.read_parquet(out)
    assert sorted(frame["as_of"].dt.strftime("%Y-%m-%d").unique()) == ["2024-06-03", "2024-09-02"]
    assert {"account_id", "usage_active_days_28d", "subscription_mrr"} <= set(frame.columns)
    assert "label" not in frame.columns


def test_check_counts_the_planted_dirt(company: Path) -> None:
    said = churnml("check", "--project", company, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    planted = json.loads((company / "truth" / "dirt.json").read_text("utf-8"))
    reasons = {"unreadable_date": "unreadable"}  # an odd name is no mistake, only a test of nerves
    for table, kinds in planted.items():
        for kind, count in ((reasons.get(k, k), n) for k, n in kinds.items() if k != "odd_name"):
            counted = found["quarantined"].get(table, {}).get(kind, 0) + found["warned"].get(table, {}).get(kind, 0)
            assert counted >= count, f"{table}: {count} × {kind} planted, {counted} found: {found['quarantined']}"


def test_a_project_begun_by_init_is_understood_once_its_inputs_are_there(tmp_path: Path) -> None:
    assert churnml("init", tmp_path / "mine").code == 0
    said = churnml("check", "--project", tmp_path / "mine")
    assert said.code == 1
    assert "my_accounts" in said.err


def test_a_model_that_beats_nothing_is_not_promoted_and_health_stands_alone(company: Path) -> None:
    spec = company / "models" / "churn" / "spec.yaml"
    spec.parent.mkdir(parents=True, exist_ok=True)
    # an account's industry says nothing about its leaving
    spec.write_text(
        "name: churn\nmeans: as ever\nlabel: {kind: contract, gap: 7, horizon: 91, grace: 28}\n"
        "features: {families: [account.attributes]}\npromote_if: {min_positives: 1}\n",
        "utf-8",
    )
    said = churnml("run", "--project", company, "--no-prefect", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert found["models"]["churn"]["promoted"] is False
    assert "not shown to beat the base rate" in found["models"]["churn"]["because"]
    assert found["scored_by"]["churn"] == {"version": None, "health_only": True, "base_rate": None}
    text = churnml("run", "--project", company, "--no-prefect").out
    assert "health dimensions stand alone" in text
    page = (company / ".churnml" / "report.html").read_text("utf-8")
    assert "health dimensions alone" in page.lower()
    scored = json.loads(churnml("queue", "--project", company, "--json").out)["decisions"]
    assert all(decision["churn_probability"] is None for decision in scored)


def test_an_altered_champion_is_refused_and_stays_champion_until_replaced_by_hand(after_run: Path) -> None:
    company = after_run
    assert churnml("models", "promote", "churn", "--because", "a test", "--project", company).code == 0
    model = next((company / ".churnml" / "mlartifacts").rglob("churn/**/booster.txt"))
    model.write_text(model.read_text("utf-8").replace("tree", "tre", 1), "utf-8")
    said = churnml("score", "--project", company, "--no-prefect")
    assert said.code == 1
    assert "altered" in said.err
    said = churnml("train", "churn", "--again", "--project", company, "--no-prefect", "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)["churn"]
    assert found["promoted"] is False
    assert "cannot be read" in found["because"]
    assert churnml("models", "promote", "churn", "--because", "a test", "--project", company).code == 0
    assert churnml("score", "--project", company, "--no-prefect").code == 0


def test_a_copy_of_a_project_trains_into_its_own_folder(ran, after_run):
    def kept(project):
        return sorted(str(path) for path in (project / ".churnml" / "mlartifacts").rglob("*") if path.is_file())

    before = kept(ran)
    copied = kept(after_run)
    said = churnml("train", "upsell", "--again", "--project", after_run, "--no-prefect", "--json")
    assert said.code == 0, said.err
    assert kept(ran) == before
    assert len(kept(after_run)) > len(copied)
    assert json.loads(said.out)["upsell"]["version"] == "2"
    shown = json.loads(churnml("models", "show", "upsell", "--version", "2", "--project", after_run, "--json").out)
    assert shown["version"] == "2"


def test_the_sql_of_features_is_shown_and_nothing_is_written(company: Path) -> None:
    shown = churnml("features", "--as-of", "2024-06-03", "--sql", "--project", company)
    assert shown.code == 0, shown.err
    statements = shown.out.split(";\n")[:-1]
    named = {name for line in shown.out.splitlines() if line.startswith("-- ") for name in line[3:].split(", ")}
    assert {"usage_events_28d", "tickets_open", "subscription_tenure_days"} <= named
    assert all("SELECT" in statement and statement.lstrip().startswith("-- ") for statement in statements)
    assert not list(company.glob("*.parquet"))


def test_features_without_a_file_to_write_say_so(company: Path) -> None:
    refused = churnml("features", "--as-of", "2024-06-03", "--project", company)
    assert refused.code == 1
    assert "Give --out FILE, or --sql." in refused.err
