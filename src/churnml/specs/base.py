"""What every declaration is: frozen, typed, and forbidding unknown keys."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from churnml import features as catalogue
from churnml.errors import did_you_mean
from churnml.timeline import FIRST_DAY, LAST_DAY


def _known_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"there is no time zone '{value}'. {did_you_mean(value, available_timezones())}")
    return value


# more of anything that is counted or weighed is a slip of the keyboard, and sums of it would leave what can be counted
LARGEST = 1_000_000
LARGEST_MONEY = 1e12
A_CENTURY = 36_525


def _written_as_a_date(value: object) -> object:
    """Refuses a number, as such or as a text: it would be read as seconds since 1970."""
    if isinstance(value, int | float) or (isinstance(value, str) and not re.match(r"\s*\d{4}-\d\d-\d\d", value)):
        raise ValueError("write the date as YYYY-MM-DD")
    return value


def _reckoned_with(value: dt.date) -> dt.date:
    if not FIRST_DAY <= value <= LAST_DAY:
        raise ValueError(f"days from {FIRST_DAY} to {LAST_DAY} can be reckoned with")
    return value


Positive = Annotated[int, Field(gt=0, le=LARGEST)]
NotNegative = Annotated[int, Field(ge=0, le=LARGEST)]
PositiveDays = Annotated[int, Field(gt=0, le=A_CENTURY)]
DaysOrNone = Annotated[int, Field(ge=0, le=A_CENTURY)]
Weight = Annotated[float, Field(ge=1 / LARGEST, le=LARGEST)]
Money = Annotated[float, Field(ge=0, le=LARGEST_MONEY)]
WrittenDay = Annotated[dt.date, BeforeValidator(_written_as_a_date)]
Day = Annotated[WrittenDay, AfterValidator(_reckoned_with)]
Share = Annotated[float, Field(ge=0, le=1)]
NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
Zone = Annotated[str, AfterValidator(_known_zone)]


class Spec(BaseModel):
    """A mapping in a YAML file: frozen, no key in it is unknown, no number in it is infinite or none."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False)


def known_families(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    """Refuses what names no family: ours, or the project's own where the file is read for a project."""
    families: catalogue.Catalogue = (info.context or {}).get("catalogue", catalogue.FAMILIES)
    for family in value:
        catalogue.check_family(family, families)
    return value


def each_once(value: tuple[str, ...]) -> tuple[str, ...]:
    """Refuses a list in which something stands twice."""
    if again := twice(value):
        raise ValueError(f"'{again}' stands there twice")
    return value


def twice(names: Sequence[str]) -> str | None:
    """The first by name of those that stand there more than once."""
    return min((name for name in names if names.count(name) > 1), default=None)
