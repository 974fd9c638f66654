"""What a model carries about its origin. A stored model is read through this module, so it imports no library."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from churnml.declarations import FeatureDeclaration, Wish
from churnml.jsontypes import JsonObject

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
