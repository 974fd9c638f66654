"""models/*.yaml and project.yaml, read into frozen typed objects that forbid unknown keys.

What the business may change stands in these files; what they may say is declared here.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from churnml import features as catalogue
from churnml.checks import Severity, reasons
from churnml.errors import ProjectError, SpecError, UnknownNameError, did_you_mean
from churnml.features.declared import DeclaredFamily
from churnml.labels import Label
from churnml.tables import TABLES

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


class Declared(BaseModel):
    """A mapping in a YAML file: frozen, and no key in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


def _catalogue_of(info: ValidationInfo) -> catalogue.Catalogue:
    """The families a file may name: ours, and the project's own where it is read for a project."""
    said: catalogue.Catalogue = (info.context or {}).get("catalogue", catalogue.FAMILIES)
    return said


# ---------------------------------------------------------------- project.yaml


class Input(Declared):
    """One of the user's own tables: a file, several files (``data/events/*.parquet``), or a table of a database.

    ``grows: by_file`` says that files are only ever added, and that the SELECT over them looks at each row for
    itself: usage is then read file by file, each file once.
    """

    path: str | None = None
    format: Literal["csv", "parquet"] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    encoding: Literal["utf-8", "latin-1", "utf-16"] | None = None
    database: str | None = None
    table: str | None = None
    grows: Literal["by_file"] | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> Input:
        if (self.path is None) == (self.database is None):
            raise ValueError("give either 'path' (a file) or 'database' with 'table'")
        if (self.database is None) != (self.table is None):
            raise ValueError("'database' (a URL) and 'table' go together")
        if self.grows and self.database:
            raise ValueError("'grows: by_file' is for files, not for a database")
        return self


class Stores(Declared):
    """Where results are kept; relative to the project folder, or URLs of servers.

    ``${NAME}`` is replaced by the environment variable NAME, so that no secret stands in the file.
    """

    work: str = ".churnml"
    operational: str | None = None
    registry: str | None = None
    # where the engine is: postgresql://…, sc://… (Spark Connect) or a Spark master; empty is this machine
    warehouse: str | None = None


class ProjectSpec(Declared):
    """What ``project.yaml`` may say."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_\-]*$", max_length=60)]
    inputs: dict[Name, Input] = Field(min_length=1)
    data_through: dt.date | None = None
    timezone: str = "UTC"
    time_formats: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    models: tuple[Name, ...] = Field(default=("churn", "upsell"), min_length=1)
    # what snapshots are computed on, from the same declarations
    engine: Literal["duckdb", "spark", "postgres"] = "duckdb"
    # a file of Python in the project with FAMILIES of its own, for what models/features.yaml cannot say
    python_features: Annotated[str, Field(pattern=r"^[A-Za-z0-9_\-./]+\.py$")] | None = None
    checks: dict[str, dict[str, Severity]] = {}
    stores: Stores = Stores()
    # a simulated company knows its true probabilities; they judge a model beside its rivals, nothing else
    truth: str | None = None
    currency: Annotated[str, Field(max_length=8)] = ""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        if value not in available_timezones():
            raise ValueError(f"there is no time zone '{value}'. {did_you_mean(value, available_timezones())}")
        return value

    @field_validator("checks")
    @classmethod
    def _known_checks(cls, value: dict[str, dict[str, Severity]]) -> dict[str, dict[str, Severity]]:
        for scope, declared in value.items():
            if scope not in {"all", *TABLES}:
                raise ValueError(f"there is no contract table '{scope}'. {did_you_mean(scope, TABLES)}")
            for reason in declared:
                if reason not in reasons():
                    raise ValueError(f"there is no check '{reason}'. {did_you_mean(reason, reasons())}")
        return value


# ---------------------------------------------------------------- models/features.yaml


class FeaturesSpec(Declared):
    """What ``models/features.yaml`` may say: the project's own families, beside those of the catalogue."""

    families: tuple[DeclaredFamily, ...] = Field(min_length=1)

    @field_validator("families")
    @classmethod
    def _new_names(cls, value: tuple[DeclaredFamily, ...]) -> tuple[DeclaredFamily, ...]:
        names = [family.name for family in value]
        for name in names:
            if name in catalogue.FAMILIES:
                raise ValueError(f"there is a family '{name}' in the catalogue already; give yours another name")
            if names.count(name) > 1:
                raise ValueError(f"two families are named '{name}'")
        return value


# ---------------------------------------------------------------- models/<name>/spec.yaml


class Cutoffs(Declared):
    """Which cutoffs train and judge: ``every`` days back from the newest mature one."""

    every: Positive = 28
    at_most: Annotated[int, Field(ge=2)] = 30


class FeatureChoice(Declared):
    """Which families of features, over which lookbacks."""

    families: tuple[str, ...] = Field(min_length=1)
    exclude: tuple[str, ...] = ()
    lookbacks: tuple[Annotated[int, Field(gt=0, le=730)], ...] = Field(default=(7, 28, 90), min_length=1, max_length=20)
    event_names: NotNegative | tuple[str, ...] = 8

    @field_validator("lookbacks")
    @classmethod
    def _rising(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("families", "exclude")
    @classmethod
    def _known_families(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for family in value:
            catalogue.check_family(family, _catalogue_of(info))
        return value


class Tuning(Declared):
    """A bounded search of the estimator's settings (Optuna) on folds older than what calibrates and judges.

    What it finds is taken only where the folds are sure that it beats what is declared.
    """

    trials: Annotated[int, Field(ge=0, le=500)] = 0


class Estimator(Declared):
    """How LightGBM is fitted. The number of trees is found on rows of their own, never on the judged.

    ``monotone``: whether the outcome may only fall with what is declared healthier and only rise with what is
    riskier; ``auto`` lets go of that where the folds show that it hurts. ``half_life``: days after which a row
    counts half as much; ``auto`` tries half a year. ``seeds``: how many fits are averaged. Of ``folds``, every third
    chooses settings and trees, the others calibrate.
    """

    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.04
    num_leaves: Annotated[int, Field(ge=2)] = 8
    min_data_in_leaf: Positive = 60
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0)] = 10.0
    max_trees: Positive = 600
    monotone: Literal["auto"] | bool = "auto"
    half_life: Literal["auto"] | Positive | None = "auto"
    seeds: Annotated[int, Field(ge=1, le=50)] = 3
    folds: Annotated[int, Field(ge=1, le=24)] = 9
    tuning: Tuning = Tuning()


class PromoteIf(Declared):
    """When a challenger becomes champion: each named rival must be beaten on each named figure,
    the whole paired interval above zero."""

    # recency is not asked where there is no usage data
    beats: tuple[Literal["base_rate", "recency", "logistic_regression", "health", "champion"], ...] = (
        "base_rate",
        "recency",
        "champion",
    )
    figures: tuple[Literal["roc_auc", "average_precision", "brier", "log_loss"], ...] = Field(
        default=("roc_auc", "log_loss"), min_length=1
    )
    min_positives: Positive = 20

    @model_validator(mode="after")
    def _always(self) -> PromoteIf:
        if "base_rate" not in self.beats or "champion" not in self.beats:
            raise ValueError("'beats' must name at least base_rate and champion")
        return self


class HazardPeriods(Declared):
    """When, not only whether: the coming periods an account may leave in, ``every`` days long.

    The first period is the label's gap; the others follow it, and further ones where the label's window ends later.
    Leave ``hazard:`` out, and no curve is made.
    """

    every: Annotated[int, Field(gt=0, le=366)] = 7
    periods: Annotated[int, Field(gt=0, le=120)] = 26

    def edges(self, label: Label) -> tuple[int, ...]:
        """Days from the cutoff at which the periods begin, with the last one's end."""
        # a lapse counts from the day the window opens; other leavings in the gap are a period of their own
        opens = label.leaves_in[1] if label.kind == "lapse" else label.gap
        needed = -(-(label.leaves_in[1] - opens) // self.every)
        later = [opens + self.every * n for n in range(max(self.periods, needed) + 1)]
        return tuple(sorted({0, *later}))


class Decision(Declared):
    """What the team can do with the list, and what that is worth; figures at capacity are reckoned by it.

    A contact costs ``contact_cost``; where the outcome was coming it keeps (for upsell: wins) ``saved_share`` of the
    account's MRR for ``months``.
    """

    # below 1 a share of the judged accounts, else a number of accounts
    capacity: Annotated[float, Field(gt=0, lt=1)] | Positive = 0.1
    # in the currency of mrr
    contact_cost: Annotated[float, Field(ge=0)] = 0.0
    # three leavers in ten take what they are offered: the mean that Verbraken, Verbeke and Baesens reckon with
    # (IEEE Transactions on Knowledge and Data Engineering 25, 2013)
    saved_share: Share = 0.3
    months: Positive = 12


class ModelSpec(Declared):
    """What ``models/<name>/spec.yaml`` may say."""

    name: Name
    means: str
    seed: int = 7
    label: Label
    cutoffs: Cutoffs = Cutoffs()
    embargo: NotNegative = 0
    features: FeatureChoice
    estimator: Estimator = Estimator()
    calibration: Literal["auto", "none", "sigmoid", "isotonic", "venn_abers"] = "auto"
    hazard: HazardPeriods | None = None
    promote_if: PromoteIf = PromoteIf()
    decision: Decision = Decision()

    @model_validator(mode="after")
    def _curve_fits_label(self) -> ModelSpec:
        if self.hazard is not None and self.label.kind == "upsell":
            raise ValueError("'hazard' is for labels of leaving, not for upsell")
        return self


# ---------------------------------------------------------------- models/health.yaml


class HealthInput(Declared):
    """A feature that counts towards a dimension; its direction is the feature's own polarity."""

    feature: str
    weight: Annotated[float, Field(gt=0)] = 1.0


class Dimension(Declared):
    """A part of the health score: the weighted mean of its inputs on their reference scales."""

    weight: Annotated[float, Field(gt=0)]
    means: str
    inputs: tuple[HealthInput, ...] = Field(min_length=1)


class RiskDimension(Declared):
    """The calibrated churn probability as a dimension.

    ``points`` maps probability ÷ base rate to a score, straight lines between: RevOps reads them as
    "an account at twice the usual risk scores 35".
    """

    weight: Annotated[float, Field(gt=0)]
    model: Name = "churn"
    means: str = "the calibrated probability of churn beside the usual one"
    points: tuple[tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0, le=100)]], ...] = Field(
        min_length=2
    )

    @field_validator("points")
    @classmethod
    def _falling(cls, value: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if any(a[0] >= b[0] or a[1] < b[1] for a, b in pairwise(value)):
            raise ValueError("points must go from low to high risk, their scores never rising")
        return value


class Band(Declared):
    """A stretch of the health score: from ``at_least`` up to the next band."""

    name: Name
    at_least: Annotated[float, Field(ge=0, le=100)]


class HealthSpec(Declared):
    """What ``models/health.yaml`` may say."""

    dimensions: dict[Name, Dimension] = Field(min_length=1)
    risk: RiskDimension
    bands: tuple[Band, ...] = Field(min_length=2)
    min_coverage: Share = 0.5

    @field_validator("bands")
    @classmethod
    def _whole_scale(cls, value: tuple[Band, ...]) -> tuple[Band, ...]:
        lows = [band.at_least for band in value]
        if lows != sorted(lows, reverse=True) or len(set(lows)) != len(lows) or lows[-1] != 0:
            raise ValueError("bands go from best to worst, and the last starts at 0")
        if len({band.name for band in value}) != len(value):
            raise ValueError("two bands have the same name")
        return value


# ---------------------------------------------------------------- models/playbooks.yaml


class Span(Declared):
    """A condition on a number; both ends belong to it."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Span:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most, so nothing can match")
        return self


class When(Declared):
    """When a playbook takes an account: everything given must hold."""

    band: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    churn_probability: Span | None = None
    churn_lift: Span | None = None
    upsell_probability: Span | None = None
    upsell_lift: Span | None = None
    health: Span | None = None
    mrr: Span | None = None
    tenure_days: Span | None = None
    days_to_renewal: Span | None = None
    dimension: dict[Name, Span] = {}

    @field_validator("reason")
    @classmethod
    def _known_reasons(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for family in value:
            catalogue.check_family(family, _catalogue_of(info))
        return value


class Playbook(Declared):
    """What to do for an account, by whom, until when."""

    name: Name
    title: str
    goal: Literal["keep", "grow", "care"]
    when: When
    do: tuple[str, ...] = Field(min_length=1)
    owner: Literal["account_owner"] | Annotated[str, Field(pattern=r"^team:[a-z][a-z0-9_\-]*$")] = "account_owner"
    due_in_days: NotNegative = 5


class PlaybooksSpec(Declared):
    """What ``models/playbooks.yaml`` may say: the first playbook whose rule holds takes the account."""

    playbooks: tuple[Playbook, ...] = Field(min_length=1)
    fallback_owner: Annotated[str, Field(pattern=r"^team:[a-z][a-z0-9_\-]*$")] = "team:customer-success"

    @field_validator("playbooks")
    @classmethod
    def _unique(cls, value: tuple[Playbook, ...]) -> tuple[Playbook, ...]:
        names = [playbook.name for playbook in value]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two playbooks are named '{min(twice)}'")
        return value


# ---------------------------------------------------------------- reading

Spec = TypeVar("Spec", bound=Declared)


def read_spec(
    kind: type[Spec],
    path: Path,
    error: type[SpecError] | type[ProjectError] = SpecError,
    families: catalogue.Catalogue = catalogue.FAMILIES,
) -> Spec:
    """The YAML file at ``path`` as a ``kind``; raises ``error`` with the place and the remedy."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error("The file is not there.", where=str(path), remedy="Create it, or correct the path.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error("The file cannot be read.", where=str(path), remedy=_short(str(problem))) from None
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise error(
            "The file is not valid YAML.",
            where=f"{path}{line}",
            remedy=_short(getattr(problem, "problem", "") or ""),
        ) from None
    if not isinstance(said, dict):
        raise error("The file must be a mapping of keys to values.", where=str(path), remedy="See docs/specs.md.")
    try:
        return kind.model_validate(said, context={"catalogue": families})
    except ValidationError as problem:
        raise error(_sentence(problem), where=_place(path, problem), remedy=_remedy(kind, problem)) from None


def _first(problem: ValidationError) -> Any:
    # an unknown key explains a missing one, so it is told first
    errors = problem.errors(include_url=False)
    unknown = [e for e in errors if e["type"] == "extra_forbidden"]
    return (unknown or errors)[0]


def _sentence(problem: ValidationError) -> str:
    found = _first(problem)
    key = _dotted(found["loc"])
    if found["type"] == "extra_forbidden":
        return f"'{key}' is not a key that is known here."
    if found["type"] == "missing":
        return f"'{key}' is missing."
    said = found.get("input")
    shown = f" (it says {said!r})" if isinstance(said, str | int | float | bool) else ""
    return f"'{key}' cannot be used: {_short(found['msg'].removeprefix('Value error, '))}{shown}"


def _place(path: Path, problem: ValidationError) -> str:
    more = problem.error_count() - 1
    return f"{path}" + (f" (and {more} more to mend)" if more else "")


def _remedy(kind: type[Declared], problem: ValidationError) -> str:
    found = _first(problem)
    if found["type"] == "extra_forbidden":
        *path, key = found["loc"]
        return did_you_mean(str(key), _keys_at(kind, tuple(path)))
    if found["type"] == "missing":
        return f"Add '{found['loc'][-1]}:'."
    return "Correct the value; docs/specs.md lists what may stand here."


def _keys_at(kind: type[BaseModel], path: tuple[Any, ...]) -> list[str]:
    """The keys a mapping at ``path`` inside ``kind`` may have, as the schema says."""
    schema = kind.model_json_schema()
    node: Mapping[str, Any] = schema
    for step in path:
        node = _resolve(schema, node)
        if isinstance(step, int):
            node = node.get("items", {})
        elif step in node.get("properties", {}):
            node = node["properties"][step]
        else:
            node = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
    return list(_resolve(schema, node).get("properties", {}))


def _resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in node.get("anyOf", []):
        if "$ref" in choice or "properties" in choice:
            node = choice
            break
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _dotted(location: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in location) or "the file"


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


# ---------------------------------------------------------------- cross-checks between files


def check_names_fit(health: HealthSpec, playbooks: PlaybooksSpec, static: tuple[str, ...]) -> None:
    """Bands, dimensions and attributes named by playbooks must exist; raises UnknownNameError."""
    bands = [band.name for band in health.bands] + ["insufficient_data"]
    for playbook in playbooks.playbooks:
        where = f"playbooks.yaml, playbook '{playbook.name}'"
        for band in playbook.when.band:
            if band not in bands:
                raise UnknownNameError("band", band, bands, where=where)
        for dimension in playbook.when.dimension:
            if dimension not in health.dimensions:
                raise UnknownNameError("health dimension", dimension, health.dimensions, where=where)
        if playbook.when.segment and "segment" not in static:
            raise SpecError(
                "A playbook asks for a segment, but the project does not declare segment static.",
                where=where,
                remedy="Add 'segment' to static: in project.yaml if it never changes, or drop the condition.",
            )
