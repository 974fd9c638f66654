"""Reasons and the card as ``churnml run`` leaves them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from churnml.features import FAMILIES
from churnml.modelling.record import ModelRecord
from churnml.pages.card import card
from tests.flows.conftest import churnml


def scored(project: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(project / ".churnml" / "churnml.db") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM scores")]


def test_the_models_reasons_are_given_where_the_risk_is_above_usual_and_healths_where_health_is_poor(
    after_run: Path,
) -> None:
    for model in ("churn", "upsell"):
        assert churnml("models", "promote", model, "--because", "a test", "--project", after_run).code == 0
    said = churnml("run", "--project", after_run, "--no-prefect", "--json")
    assert said.code == 0, said.err
    rates = {name: by["base_rate"] for name, by in json.loads(said.out)["scored_by"].items()}
    # of the others one of the models does not speak
    rows = [row for row in scored(after_run) if None not in (row["churn_probability"], row["upsell_probability"])]
    below = [row for row in rows if row["churn_probability"] <= rates["churn"]]
    above = [row for row in rows if row["churn_probability"] > rates["churn"]]
    reasons = {row["account_id"]: json.loads(row["reasons"]) for row in rows}
    assert {row["band"] for row in below if reasons[row["account_id"]]} <= {"watch", "at_risk"}
    assert sum(bool(reasons[row["account_id"]]) for row in above) > 0.5 * len(above)
    # points of health are tens where log-odds are tenths
    assert all(reason["weight"] < 6 for row in above for reason in reasons[row["account_id"]])
    grown = [row for row in rows if json.loads(row["growth_reasons"])]
    assert grown
    assert all(row["upsell_probability"] > rates["upsell"] for row in grown)
    for told in reasons.values():
        assert len(told) <= 3
        assert all(reason["code"] in FAMILIES for reason in told)
    assert any("for this account" in reason["sentence"] for told in reasons.values() for reason in told)


def test_the_card_is_printed_from_the_record_and_lies_beside_it_in_the_registry(ran: Path) -> None:
    said = churnml("models", "card", "churn", "--project", ran)
    assert said.code == 0, said.err
    shown = json.loads(churnml("models", "show", "churn", "--project", ran, "--json").out)
    auc = shown["roc_auc"]
    assert f"{auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]" in said.out
    assert shown["because"].split(":")[0].split(" on ")[0] in said.out
    logged = next((ran / ".churnml" / "mlartifacts").glob("**/churn/**/card.md")).read_text("utf-8")
    # the registry gives the version its number when the card is already written
    assert logged.replace("**", "") in said.out.replace(f"Version {shown['version']}, ", "").replace("**", "") + "\n"
    assert churnml("models", "card", "chrun", "--project", ran).code == 1


def test_a_card_is_the_same_from_the_record_as_data(ran: Path) -> None:
    # copies of the project put their artifacts beside these: a local registry keeps absolute paths
    found = [json.loads(path.read_text("utf-8")) for path in (ran / ".churnml").glob("mlartifacts/**/record.json")]
    record = next(one for one in found if (one["name"], one["version"]) == ("churn", "1"))
    assert card(ModelRecord.read(record)) == churnml("models", "card", "churn", "--project", ran).out
