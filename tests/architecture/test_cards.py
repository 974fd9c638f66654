"""The cards of the models that come with churnml are what their records and declarations say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from churnml.modelling.record import ModelRecord
from churnml.pages.card import card
from churnml.specs.models import ModelSpec
from churnml.specs.reading import read_spec
from docs.cards import MODELS, NAMES, record_text

REMEDY = "run make cards"


def data_of(name: str) -> dict[str, Any]:
    return json.loads((MODELS / name / "record.json").read_text("utf-8"))


def said_in(declared: Any, recorded: Any) -> bool:
    """Whether everything a declaration says stands in the record too; what it leaves to defaults may be newer."""
    if isinstance(declared, Mapping):
        return isinstance(recorded, Mapping) and all(
            key in recorded and said_in(value, recorded[key]) for key, value in declared.items()
        )
    return declared == recorded


def test_every_model_that_ships_has_a_card() -> None:
    assert sorted(path.parent.name for path in MODELS.glob("*/spec.yaml")) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_card_is_what_its_record_renders_to(name: str) -> None:
    record = ModelRecord.read(data_of(name))
    assert (MODELS / name / "card.md").read_text("utf-8") == card(record), REMEDY
    assert (MODELS / name / "record.json").read_text("utf-8") == record_text(record), REMEDY


@pytest.mark.parametrize("name", NAMES)
def test_a_committed_card_is_of_the_model_as_it_is_declared(name: str) -> None:
    record = data_of(name)
    spec = read_spec(ModelSpec, MODELS / name / "spec.yaml")
    assert said_in(spec.model_dump(mode="json", exclude_unset=True), record["spec"]), REMEDY
    assert said_in(spec.label.model_dump(mode="json", exclude_unset=True), record["label"]), REMEDY
    assert (record["name"], record["means"]) == (spec.name, spec.means), REMEDY


def test_a_changed_declaration_makes_the_card_stale() -> None:
    recorded = data_of("churn")["spec"]
    changed = json.loads(json.dumps(recorded))
    changed["label"]["horizon"] += 1
    assert said_in(recorded, recorded)
    assert not said_in(changed, recorded)
    assert not said_in(recorded | {"new": 1}, recorded)


@pytest.mark.parametrize("path", [Path(name) / file for name in NAMES for file in ("card.md", "record.json")], ids=str)
def test_what_is_committed_names_no_place_on_a_machine(path: Path) -> None:
    text = (MODELS / path).read_text("utf-8")
    assert "/tmp/" not in text  # noqa: S108
    assert "sqlite:" not in text
