"""A model's files, read and held against their checksums, and what it carries about its origin.

The trees are left as text: a stored model is read through this module, which imports no library.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from churnml.declarations import FeatureDeclaration, Wish
from churnml.errors import RegistryError
from churnml.jsontypes import JsonObject

BOOSTER_FILE = "booster.txt"
MODEL_FILE = "model.json"
HAZARD_FILE = "hazard.txt"
SUMS_FILE = "sha256.json"
# Raised whenever the stored form changes, so that an older model is refused rather than misread.
FORMAT = 2
# A thousand trees of a hundred leaves are ten megabytes; what is far beyond that was not written by churnml.
LARGEST_FILE = 256 * 1024 * 1024


# Group → percentiles 0 to 100 in training; group "" is everybody.
Scales = Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class ModelManifest:
    """Where a model comes from.

    Args:
        name: the model's name in the project.
        means: what it predicts, in words.
        label, spec: as declared when it was trained, in JSON's form.
        wish: what the families of its features were expanded over.
        places: PLACED feature → its scales.
        trained_on: the cutoffs it learned from, ascending.
        judged_at: the cutoff it was judged on.
        data_fingerprint: names the data it was made from.
        scales: further features whose reference scale it carries, for health.
        currency: shown behind money.
        made_with: library → version.
        unheard: input of health → why it has no say by the rows the model was trained on.
    """

    name: str
    means: str
    label: JsonObject
    spec: JsonObject
    wish: Wish
    trained_on: tuple[dt.date, ...]
    judged_at: dt.date
    data_fingerprint: str
    places: Mapping[str, Scales] = field(default_factory=dict)
    scales: tuple[FeatureDeclaration, ...] = ()
    currency: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    unheard: Mapping[str, str] = field(default_factory=dict)

    @property
    def predicts_growth(self) -> bool:
        """Whether the model speaks of growing rather than of leaving."""
        return self.label["kind"] == "upsell"

    def as_json(self) -> JsonObject:
        """As a model's file holds it."""
        return vars(self) | {
            "wish": asdict(self.wish),
            "trained_on": [str(cutoff) for cutoff in self.trained_on],
            "judged_at": str(self.judged_at),
            "scales": [feature.as_json() for feature in self.scales],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> ModelManifest:
        """The inverse of :meth:`as_json`."""
        typed: dict[str, Any] = {f.name: stored[f.name] for f in fields(cls) if f.name in stored} | {
            "wish": Wish.from_json(stored["wish"]),
            "trained_on": tuple(dt.date.fromisoformat(cutoff) for cutoff in stored["trained_on"]),
            "judged_at": dt.date.fromisoformat(stored["judged_at"]),
            "scales": tuple(FeatureDeclaration.from_json(feature) for feature in stored.get("scales", ())),
        }
        return cls(**typed)


@dataclass(frozen=True)
class StoredModel:
    """A model as its files hold it.

    Args:
        booster: the trees, in LightGBM's text.
        hazard: what the hazard says of itself, and its trees; None without one.
        features, categories, calibration, base_rate, reference, manifest: as
            :class:`churnml.modelling.predictor.Predictor` has them.
        profile: how things stood in training, as the file has it; None in a model from before it was kept.
    """

    booster: bytes
    hazard: tuple[Mapping[str, Any], bytes] | None
    features: tuple[FeatureDeclaration, ...]
    categories: Mapping[str, tuple[str, ...]]
    calibration: Mapping[str, Any]
    base_rate: float
    reference: Mapping[str, Sequence[float]]
    manifest: ModelManifest
    profile: Mapping[str, Any] | None = None


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
    written_as = content.get("format") if isinstance(content, dict) else None
    if written_as != FORMAT:
        newer = isinstance(written_as, int) and written_as > FORMAT
        train = "Train again, then promote the new version by hand: churnml models promote."
        raise RegistryError(
            f"The stored model was written by another version of churnml (format {written_as}, this one reads "
            f"{FORMAT}).",
            where=str(folder),
            remedy="Upgrade churnml." if newer else train,
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
        profile=content.get("profile"),
    )


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
