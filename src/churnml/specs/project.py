"""What ``project.yaml`` may say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from churnml.checks import CheckAction, reasons
from churnml.errors import SpecError, did_you_mean
from churnml.specs.base import A_CENTURY, Day, Name, Spec, Zone, each_once, twice
from churnml.specs.inputs import Input
from churnml.specs.schedules import Schedules
from churnml.specs.time_formats import known_formats
from churnml.specs.watching import Actions, Region, known_actions
from churnml.specs.web import WebSpec
from churnml.tables import TABLES, ColumnKind

CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{2,7}$")]
ExchangeRate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
DecimalMark = Literal[".", ","]
# the lowest and the highest that can be given, or the words of two faces
CsatScale = Annotated[str, Field(pattern=r"^(\d{1,3}-\d{1,3}|good/bad)$")]
# of accounts: its key, its name, its times, and what a row is numbered by
NOT_ATTRIBUTES = {
    *(
        c.name
        for c in TABLES["accounts"].columns
        if c.kind in (ColumnKind.ID, ColumnKind.TIME, ColumnKind.TEXT) and c.name != "owner_id"
    ),
    *("source_row", "source", "source_file", "unreadable"),
}
EventName = Annotated[str, Field(min_length=1, max_length=200)]


class Stores(Spec):
    """Where results are kept; relative to the project folder, or URLs of servers.

    ``${NAME}`` is replaced by the environment variable NAME, so that no secret stands in the file.
    """

    work: str = ".churnml"
    operational: str | None = None
    registry: str | None = None
    # where the engine is: postgresql://…, sc://… (Spark Connect) or a Spark master; empty is this machine
    warehouse: str | None = None

    @field_validator("work")
    @classmethod
    def _a_folder_of_its_own(cls, value: str) -> str:
        if not set(PurePath(value).parts) - {".", ".."}:
            raise ValueError("results need a folder of their own, as in .churnml")
        return value


class Retention(Spec):
    """After how many days histories go; without a number they stay. ``churnml forget --old --yes`` applies it.

    ``scores_days`` is about scored dates: scores, decisions and changes of health. What impact is measured from stays:
    arms, outcomes, work, and the score of an account on the day it was enrolled. ``messages_days`` is about messages
    that were sent or given up, ``audit_days`` about lines of the audit log.
    """

    scores_days: Annotated[int, Field(ge=90, le=A_CENTURY)] | None = None
    messages_days: Annotated[int, Field(ge=30, le=A_CENTURY)] | None = None
    audit_days: Annotated[int, Field(ge=90, le=A_CENTURY)] | None = None


class ProjectSpec(Spec):
    """What ``project.yaml`` may say."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]*$", max_length=60)]
    inputs: dict[Name, Input] = Field(min_length=1)
    data_through: Day | None = None
    timezone: Zone = "UTC"
    time_formats: tuple[str, ...] = ()
    # what a zone word behind a time means that several countries use: CST → America/Chicago
    zone_words: dict[Annotated[str, Field(pattern=r"^[A-Za-z]{1,10}$")], Zone] = Field(default_factory=dict)
    static: tuple[str, ...] = ()
    # event names that are what the product is bought for; the rest is getting there
    core_events: Annotated[tuple[EventName, ...], Field(max_length=200)] = ()
    models: tuple[Name, ...] = Field(default=("churn", "upsell"), min_length=1)
    # what snapshots are computed on, from the same declarations
    engine: Literal["duckdb", "spark", "postgres"] = "duckdb"
    # a file of Python in the project with FAMILIES of its own, for what models/features.yaml cannot say
    python_features: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-./]+\.py$")] | None = None
    checks: dict[str, dict[str, CheckAction]] = Field(default_factory=dict)
    # contract table → columns of its SELECT that are meant to be there although the contract does not know them
    extra: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    # what stands before decimals in text: one for all tables, or table → mark; else each column's values tell
    decimal_mark: str | dict[str, str] | None = None
    # how satisfaction is given: two ends of a scale (1-10), good/bad, or word → 1 to 5; else 1 to 5
    csat_scale: str | dict[str, float] | None = None
    # a help desk's own words and numbers for how serious a ticket is: word → low, normal, high or urgent
    priorities: dict[str, Literal["low", "normal", "high", "urgent"]] = Field(default_factory=dict)
    # the share of contracts, or of their MRR, that may be set aside before a run stops
    may_lose: Annotated[float, Field(ge=0, le=1)] = 0.05
    # what is done when a feed breaks: table (or all) → kind of break → warn, hold or stop
    watch: Actions = Field(default_factory=dict)
    # whose public holidays its customers keep: DE, or DE-BY for a part of it
    region: Region | None = None
    # the account attribute (of static:) that names an account's own region; without one, region: is everybody's
    region_by: str | None = None
    # the month, 1 to 12, in which a fiscal year begins
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12)] = 1
    # whether use is counted and compared without holidays, at what is usual for the account itself
    even_out_holidays: bool = False
    # event names that were changed: old → new; new events are read under the old name, so that features go on
    renamed_events: dict[EventName, EventName] = Field(default_factory=dict)
    stores: Stores = Stores()
    retention: Retention = Retention()
    # a simulated company knows its true probabilities; they judge a model beside its rivals, nothing else
    truth: str | None = None
    currency: Annotated[str, Field(max_length=8)] = ""
    # what one unit of another currency is worth in that one: a number, or numbers by the date they hold from
    exchange_rates: dict[CurrencyCode, ExchangeRate | dict[Day, ExchangeRate]] = Field(default_factory=dict)
    # what runs by itself under churnml serve and churnml deploy, and when
    schedules: Schedules = Schedules()
    # how people sign in to churnml web, and who may do what there
    web: WebSpec = WebSpec()

    check_each_once = field_validator("core_events", "models", "static", "time_formats")(each_once)

    check_time_formats = field_validator("time_formats")(known_formats)

    @field_validator("static")
    @classmethod
    def _attributes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for name in value:
            if name in NOT_ATTRIBUTES:
                raise ValueError(f"'{name}' is no attribute of an account that a model could use")
        return value

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, value: dict[str, dict[str, CheckAction]]) -> dict[str, dict[str, CheckAction]]:
        for scope, declared in value.items():
            if scope not in {"all", *TABLES}:
                raise ValueError(f"there is no contract table '{scope}'. {did_you_mean(scope, TABLES)}")
            for reason in declared:
                if reason not in reasons():
                    raise ValueError(f"there is no check '{reason}'. {did_you_mean(reason, reasons())}")
        return value

    @model_validator(mode="after")
    def _holidays_of_a_region(self) -> ProjectSpec:
        if self.region_by is not None and self.region_by not in self.static:
            raise ValueError(
                f"region_by: '{self.region_by}' is not among static:, and a region that may change says nothing of "
                f"the past. {did_you_mean(self.region_by, self.static)}"
            )
        if self.even_out_holidays and not (self.region or self.region_by):
            raise ValueError("even_out_holidays: needs region: or region_by:, whose holidays they are")
        return self

    @model_validator(mode="after")
    def _rates_into_a_currency(self) -> ProjectSpec:
        if self.exchange_rates and not self.currency:
            raise ValueError("exchange_rates: needs currency:, the one that amounts are converted into")
        if self.currency in self.exchange_rates:
            raise ValueError(f"exchange_rates: {self.currency} is the project's own currency, which needs no rate")
        if empty := [code for code, rates in self.exchange_rates.items() if rates == {}]:
            raise ValueError(f"exchange_rates: {empty[0]} has no rate")
        return self

    @field_validator("extra", "decimal_mark")
    @classmethod
    def _of_known_tables(cls, value: object) -> object:
        for name in value if isinstance(value, dict) else ():
            if name not in TABLES:
                raise ValueError(f"there is no contract table '{name}'. {did_you_mean(name, TABLES)}")
        return value

    @field_validator("decimal_mark")
    @classmethod
    def _a_dot_or_a_comma(cls, value: str | dict[str, str] | None) -> str | dict[str, str] | None:
        for mark in value.values() if isinstance(value, dict) else [value] if value is not None else []:
            if mark not in (".", ","):
                raise ValueError(f"'{mark}' is no decimal mark: '.' or ','")
        return value

    @field_validator("priorities", mode="before")
    @classmethod
    def _numbers_as_words(cls, value: object) -> object:
        """In YAML ``1: urgent`` has a number for its key."""
        if not isinstance(value, dict):
            return value
        words = {str(word).strip() if isinstance(word, int) else word: meant for word, meant in value.items()}
        if again := twice([str(word).strip().lower() for word in words]):
            raise ValueError(f"'{again}' stands there twice")
        return words

    @field_validator("csat_scale")
    @classmethod
    def _a_scale_or_words(cls, value: str | dict[str, float] | None) -> str | dict[str, float] | None:
        if isinstance(value, dict):
            for word, meant in value.items():
                if not 1 <= meant <= 5:
                    raise ValueError(f"'{word}' is {meant:g}, which is not between 1 and 5")
        elif value is not None and value != "good/bad":
            ends = re.fullmatch(r"(\d{1,3})-(\d{1,3})", value)
            if ends is None:
                raise ValueError(f"'{value}' is no scale: two ends as in 1-10, good/bad, or word: 1 to 5")
            if int(ends[1]) >= int(ends[2]):
                raise ValueError("the lowest comes first, as in 1-10")
        return value

    @field_validator("watch")
    @classmethod
    def _known_actions(cls, value: Actions) -> Actions:
        return known_actions(value)

    @field_validator("renamed_events")
    @classmethod
    def _each_renamed_once(cls, value: dict[str, str]) -> dict[str, str]:
        for old, new in value.items():
            if old == new:
                raise ValueError(f"'{old}' is renamed to itself")
            if new in value:
                raise ValueError(f"'{new}' is a new name and an old one: name the newest beside the oldest")
            if list(value.values()).count(new) > 1:
                raise ValueError(f"'{new}' is the new name of two events")
        return value


def check_calendar(families: Sequence[str], project: ProjectSpec, where: str) -> None:
    """Raises SpecError where a model names a family of the calendar that the project says nothing for.

    Args:
        families: what the model names; of ``calendar.*`` it takes what there is.
        project: what ``project.yaml`` says.
        where: the file that names them.
    """
    if "calendar.fiscal_year" in families and project.fiscal_year_starts == 1:
        raise SpecError(
            "'calendar.fiscal_year' says nothing where a fiscal year begins in January.",
            where=f"{where}, features: families",
            remedy="Declare fiscal_year_starts: 4 (its month) in project.yaml, or name 'calendar.season'.",
        )
    by_holidays = [family for family in families if family in ("calendar.working_days", "calendar.use")]
    if by_holidays and not (project.region or project.region_by):
        raise SpecError(
            f"'{by_holidays[0]}' counts working days, and the project does not say whose holidays are kept.",
            where=f"{where}, features: families",
            remedy="Declare region: (as DE, or US-CA) or region_by: in project.yaml.",
        )
