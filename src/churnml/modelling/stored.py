"""A model's files, read and held against their checksums; its trees are left as text, so LightGBM is not needed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from churnml.declarations import FeatureDeclaration
from churnml.errors import RegistryError
from churnml.modelling.manifest import ModelManifest

BOOSTER_FILE = "booster.txt"
MODEL_FILE = "model.json"
HAZARD_FILE = "hazard.txt"
SUMS_FILE = "sha256.json"
# Raised whenever the stored form changes, so that an older model is refused rather than misread.
FORMAT = 2
# A thousand trees of a hundred leaves are ten megabytes; what is far beyond that was not written by churnml.
LARGEST_FILE = 256 * 1024 * 1024


@dataclass(frozen=True)
class StoredModel:
    """A model as its files hold it.

    Args:
        booster: the trees, in LightGBM's text.
        hazard: what the hazard says of itself, and its trees; None without one.
        features, categories, calibration, base_rate, reference, manifest: as
            :class:`churnml.modelling.predictor.Predictor` has them.
    """

    booster: bytes
    hazard: tuple[Mapping[str, Any], bytes] | None
    features: tuple[FeatureDeclaration, ...]
    categories: Mapping[str, tuple[str, ...]]
    calibration: Mapping[str, Any]
    base_rate: float
    reference: Mapping[str, Sequence[float]]
    manifest: ModelManifest


def read_model(folder: Path) -> StoredModel:
    """The model in ``folder``; raises RegistryError when a file is missing or was altered."""
    try:
        sums = json.loads(_read(folder, SUMS_FILE))
        # only the hazard may be missing, where it has no sum either
        there = [BOOSTER_FILE, MODEL_FILE]
        there += [HAZARD_FILE] if HAZARD_FILE in sums or (folder / HAZARD_FILE).exists() else []
        texts = {name: _read(folder, name) for name in there}
        altered = [name for name, text in texts.items() if hashlib.sha256(text).hexdigest() != sums[name]]
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise RegistryError("The stored model is incomplete.", where=str(folder), remedy=str(problem)) from None
    if altered:
        raise RegistryError(
            f"The stored model was altered after it was registered: {', '.join(altered)}.",
            where=str(folder),
            remedy="Restore the artifact, or train again.",
        )
    # what is read is what the checksum was taken of
    content = json.loads(texts[MODEL_FILE])
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise RegistryError(
            "The stored model was written by another version of churnml.",
            where=str(folder),
            remedy="Train again, then promote the new version by hand: churnml models promote.",
        )
    hazard = content.get("hazard")
    if hazard is not None and HAZARD_FILE not in sums:
        raise RegistryError("The stored model is incomplete.", where=str(folder), remedy=f"It lacks {HAZARD_FILE}.")
    return StoredModel(
        booster=texts[BOOSTER_FILE],
        hazard=None if hazard is None else (hazard, texts[HAZARD_FILE]),
        features=tuple(FeatureDeclaration.from_json(feature) for feature in content["features"]),
        categories={name: tuple(names) for name, names in content["categories"].items()},
        calibration=content["calibration"],
        base_rate=content["base_rate"],
        reference=content["reference"],
        manifest=ModelManifest.from_json(content["about"]),
    )


def _read(folder: Path, name: str) -> bytes:
    """A file of the model; raises OSError for a link out of the folder, or more than a model can be."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        raise OSError(f"{name} is not there as a plain file.")
    with path.open("rb") as file:
        text = file.read(LARGEST_FILE + 1)
    if len(text) > LARGEST_FILE:
        raise OSError(f"{name} is larger than {LARGEST_FILE // 1024**2} MiB, which no model of churnml is.")
    return text
