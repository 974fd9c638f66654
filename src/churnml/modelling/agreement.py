"""Whether a feature still means what a model was trained on: the same name is not enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.declarations import FeatureDeclaration
from churnml.errors import nearest

# What of a declaration decides the values a model sees and how they are read, and how it is called for a person.
# The sentences and the catalogue's words may be polished without a new training.
MEANING: Mapping[str, str] = {
    "family": "family",
    "grain": "what it counts rows of",
    "measure": "measure",
    "lived": "days an account must have lived",
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
    trained: object
    today: object

    @property
    def sentence(self) -> str:
        """The difference, for a person."""
        if not self.what:
            near = f"; the nearest there is: '{self.today}'" if self.today else ""
            return f"feature '{self.feature}' is not built here{near}"
        then, now = _in_words(self.trained), _in_words(self.today)
        return f"feature '{self.feature}': its {self.what} was {then}, today it is {now}"


def _in_words(value: object) -> str:
    if value is None or value in ("", ()):
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def differences(trained: Sequence[FeatureDeclaration], today: Mapping[str, FeatureDeclaration]) -> list[Difference]:
    """Every way the features of ``today`` differ from those a model was ``trained`` on.

    Args:
        trained: the declarations a model carries.
        today: name → declaration of what the project would build now.
    """
    changed = []
    for then in trained:
        now = today.get(then.name)
        if now is None:
            changed.append(Difference(then.name, "", None, nearest(then.name, today)))
            continue
        changed += [
            Difference(then.name, word, getattr(then, key), getattr(now, key))
            for key, word in MEANING.items()
            if getattr(then, key) != getattr(now, key)
        ]
    return changed
