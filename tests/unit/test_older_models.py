"""A model that an earlier churnml stored is scored as it was then, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from churnml.errors import RegistryError
from churnml.modelling.predictor import Predictor
from churnml.modelling.stored import FORMAT, MODEL_FILE, SUMS_FILE

# stored by the churnml that first wrote records with a version, with rows and the probabilities it gave them
OLD = Path(__file__).parent / "models" / "format_2"
GIVEN: dict[str, Any] = json.loads(OLD.with_name("format_2_rows.json").read_text("utf-8"))
# what manifests of the first models did not have yet
LATER = ("places", "scales", "currency", "made_with")


def rows(predictor: Predictor) -> pd.DataFrame:
    frame = pd.DataFrame(GIVEN["rows"])
    numbers = [name for name in predictor.feature_names if name not in predictor.categories]
    return frame.astype(dict.fromkeys(numbers, float))


def rewritten(folder: Path, change: Any) -> Path:
    """A copy of the old model whose file was changed, with the checksums that file would have had."""
    shutil.copytree(OLD, folder)
    content = json.loads((folder / MODEL_FILE).read_text("utf-8"))
    change(content)
    text = json.dumps(content).encode()
    (folder / MODEL_FILE).write_bytes(text)
    sums = json.loads((folder / SUMS_FILE).read_text("utf-8"))
    (folder / SUMS_FILE).write_text(json.dumps(sums | {MODEL_FILE: hashlib.sha256(text).hexdigest()}), "utf-8")
    return folder


def test_an_older_model_gives_the_probabilities_it_gave_to_the_bit() -> None:
    predictor = Predictor.load(OLD)
    assert list(predictor.predict(rows(predictor))) == GIVEN["predictions"]
    assert predictor.manifest.name == "upsell"
    assert [feature.name for feature in predictor.features] == list(predictor.feature_names)


def test_a_manifest_without_what_came_later_scores_the_same(tmp_path: Path) -> None:
    def older(content: dict[str, Any]) -> None:
        for key in LATER:
            del content["about"][key]

    predictor = Predictor.load(rewritten(tmp_path / "model", older))
    assert list(predictor.predict(rows(predictor))) == GIVEN["predictions"]
    assert (predictor.manifest.places, predictor.manifest.currency, predictor.manifest.made_with) == ({}, "", {})


@pytest.mark.parametrize(
    ("written_as", "remedy"), [(1, "Train again"), (None, "Train again"), (FORMAT + 1, "Upgrade churnml")]
)
def test_a_model_of_another_format_is_refused_with_both_formats(
    tmp_path: Path, written_as: int | None, remedy: str
) -> None:
    folder = rewritten(tmp_path / "model", lambda content: content.update(format=written_as))
    with pytest.raises(RegistryError, match=rf"format {written_as}, this one reads {FORMAT}") as refused:
        Predictor.load(folder)
    assert remedy in refused.value.remedy
