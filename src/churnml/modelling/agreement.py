"""Whether a feature still means what a model was trained on: the same name is not enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnml.errors import nearest

# What of a declaration decides the values a model sees and how they are read, and how it is called for a person.
# The sentences and the catalogue's words may be polished without a new training.
MEANING: Mapping[str, str] = {
    "family": "family",
    "grain": "what it counts rows of",
    "measure": "measure",
    "rows": "rows of its own",
    "lookback": "lookback in days",
    "only": "event names",
    "made_of": "what it is made of",
    "placed": "where it is placed",
    "subject": "what it is about",
    "absent": "value when there is nothing",
    "unit": "unit",
    "polarity": "polarity",
}


@dataclass(frozen=True)
class Difference:
    """One way in which a feature is not what it was when a model was trained.

    Args:
        feature: its name.
        what: what of it differs, in words; empty when there is no such feature today.
        trained: what the model was trained on.
        today: what would be built today; the nearest name there is when the feature is gone.
    """

    feature: str
    what: str
    trained: Any
    today: Any

    @property
    def sentence(self) -> str:
        """The difference, for a person."""
        if not self.what:
            near = f"; the nearest there is: '{self.today}'" if self.today else ""
            return f"feature '{self.feature}' is not built here{near}"
        return f"feature '{self.feature}': its {self.what} was {_said(self.trained)}, today it is {_said(self.today)}"


def _said(value: Any) -> str:
    if value is None or value in ("", [], ()):
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def differences(trained: Sequence[Mapping[str, Any]], today: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """Every way the features of ``today`` differ from those a model was ``trained`` on.

    Args:
        trained: the declarations a model carries.
        today: name → declaration of what the project would build now.
    """
    found = []
    for then in trained:
        name = then["name"]
        now = today.get(name)
        if now is None:
            found.append(Difference(name, "", None, nearest(name, today)))
            continue
        found += [
            Difference(name, word, then.get(key), now.get(key))
            for key, word in MEANING.items()
            if _plain(then.get(key)) != _plain(now.get(key))
        ]
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
