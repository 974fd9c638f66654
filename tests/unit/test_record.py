"""A training's record is read whatever version wrote it, and no field of it changes its name unnoticed."""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from churnml.errors import RegistryError
from churnml.labels import Label
from churnml.modelling import record as room
from churnml.modelling.record import FIRST, FIRST_TRAINING, ModelRecord

HERE = Path(__file__).parent / "records"
SOURCE = Path(__file__).parents[2] / "src" / "churnml"
FIRST_RECORD: dict[str, Any] = json.loads((HERE / "version_1.json").read_text("utf-8"))
# Kept for whoever opens the record: no page of ours shows them.
SHOWN_NOWHERE = {
    "HazardRecord.edges",
    "HazardRecord.anchor",
    "HazardRecord.renewal",
    "HazardRecord.about",
    "RecordedRenewal.days",
    "RecordedRenewal.billing",
    "RecordedRenewal.terms",
    "HazardFit.trees",
    "HazardFit.checked_at",
    "HazardFit.check_loss",
    "HazardFit.person_periods",
    "HazardFit.leavings",
}


def parts() -> list[type[BaseModel]]:
    """The record and everything it is made of, as this module declares it."""
    return [
        part
        for part in vars(room).values()
        if isinstance(part, type) and issubclass(part, BaseModel) and part.__module__ == room.__name__
    ]


def keys(schema: dict[str, Any]) -> Iterator[str]:
    """``Part.key`` of everything a record on disk may hold."""
    for name, part in {"ModelRecord": schema, **schema["$defs"]}.items():
        yield from (f"{name}.{key}" for key in part.get("properties", {}))


def test_a_record_of_the_first_version_is_read_and_keeps_every_key_and_figure() -> None:
    data = ModelRecord.read(FIRST_RECORD).as_data()
    assert (data.pop("record_version"), data.pop("gains"), data.pop("pooled")) == (4, [], None)
    assert (data.pop("unheard"), data["training"].pop("young"), data["training"].pop("anew")) == ([], None, None)
    since = {name: data["label"].pop(name) for name in data["label"].keys() - FIRST_RECORD["label"].keys()}
    assert since == {name: getattr(Label(kind="contract"), name) for name in since}
    assert json.dumps(data, sort_keys=True) == json.dumps(FIRST_RECORD, sort_keys=True)


def test_sentences_that_earlier_records_kept_beside_their_numbers_are_left_to_the_pages() -> None:
    older = ModelRecord.read(FIRST_RECORD).as_data() | {"record_version": 3}
    counted = {"rows": 30, "positives": 4, "longest": 90, "left_out": 2}
    worked = {"rows": 60, "treated": 6, "positives": 9, "treated_positives": 1, "playbooks": {"a": 6}, "dropped": False}
    told = {"young": counted | {"sentence": "x"}, "touched": worked | {"sentence": "y"}}
    training = ModelRecord.read(older | {"training": older["training"] | told}).training
    assert training.young is not None
    assert training.touched is not None
    assert training.young.model_dump() == counted | {"of": None}
    assert training.touched.model_dump() == worked


def test_what_is_written_is_read_again_as_it_was() -> None:
    record = ModelRecord.read(FIRST_RECORD)
    assert ModelRecord.read(json.loads(json.dumps(record.as_data()))) == record


@pytest.mark.parametrize("key", sorted(FIRST))
def test_a_part_that_an_old_record_lacks_is_empty(key: str) -> None:
    older = {name: value for name, value in FIRST_RECORD.items() if name != key}
    assert not getattr(ModelRecord.read(older), key)


@pytest.mark.parametrize("key", sorted(FIRST_TRAINING))
def test_a_part_of_the_training_that_an_old_record_lacks_is_empty(key: str) -> None:
    older = copy.deepcopy(FIRST_RECORD)
    del older["training"][key]
    assert not getattr(ModelRecord.read(older).training, key)


def test_what_a_later_version_took_out_is_left_out_of_an_old_record() -> None:
    older = copy.deepcopy(FIRST_RECORD)
    older["training"]["taught"] = 3
    assert ModelRecord.read(older) == ModelRecord.read(FIRST_RECORD)


def test_a_record_of_a_later_version_asks_for_a_newer_churnml() -> None:
    with pytest.raises(RegistryError, match="version 99"):
        ModelRecord.read({**FIRST_RECORD, "record_version": 99})


def test_a_key_that_is_not_known_is_refused() -> None:
    present = ModelRecord.read(FIRST_RECORD).as_data()
    with pytest.raises(ValidationError, match="fingerprnt"):
        ModelRecord.read(present | {"fingerprnt": "x"})


def test_a_number_that_json_cannot_hold_is_not_known() -> None:
    assert room.RecordedFigure(value=float("nan"), low=float("-inf")).value is None


def test_the_keys_on_disk_are_what_they_were() -> None:
    schema = ModelRecord.model_json_schema(mode="validation")
    assert sorted(keys(schema)) == (HERE / "keys.txt").read_text("utf-8").split(), (
        "a record's key changed: that needs a new record_version and an upgrade"
    )


def test_every_field_is_read_somewhere() -> None:
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py") if path.name != "record.py"]
    read = {
        node.attr
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    fields = {f"{part.__name__}.{name}" for part in parts() for name in part.model_fields}
    unread = {field for field in fields if field.split(".")[1] not in read} | {"ModelRecord.record_version"}
    assert fields >= SHOWN_NOWHERE
    assert unread - SHOWN_NOWHERE <= {"ModelRecord.record_version"}
