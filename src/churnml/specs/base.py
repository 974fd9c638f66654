"""What every declaration is: frozen, typed, and forbidding unknown keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from churnml import features as catalogue
from churnml.errors import did_you_mean


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"there is no time zone '{value}'. {did_you_mean(value, available_timezones())}")
    return value


Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class Spec(BaseModel):
    """A mapping in a YAML file: frozen, and no key in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def known_families(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuses what names no family: ours, or the project's own where the file is read for a project."""
    families: catalogue.Catalogue = (info.context or {}).get("catalogue", catalogue.FAMILIES)
    for family in value:
        catalogue.check_family(family, families)
    return value


def twice(names: Sequence[str]) -> str | None:
    """The first by name of those that stand there more than once."""
    return min((name for name in names if names.count(name) > 1), default=None)
