"""What every declaration is: frozen, typed, and forbidding unknown keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

from churnml import features as catalogue

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class Spec(BaseModel):
    """A mapping in a YAML file: frozen, and no key in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def catalogue_of(info: ValidationInfo) -> catalogue.Catalogue:
    """The families a file may name: ours, and the project's own where it is read for a project."""
    families: catalogue.Catalogue = (info.context or {}).get("catalogue", catalogue.FAMILIES)
    return families
