"""The record of a training: all that is kept of a version beside the model itself.

It outlives the code that wrote it. So its shape has a number, and a record of an earlier shape is brought up to the
present one by an upgrade from each version to the next; what a version did not know yet is None or empty.
The keys on disk and in ``--json`` are the fields' names, or their aliases.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SerializerFunctionWrapHandler
from pydantic import model_serializer as serializer

from churnml.errors import RegistryError
from churnml.jsontypes import Json, JsonObject
from churnml.labels import Label

if TYPE_CHECKING:
    import pandas as pd

    from churnml.modelling.evaluation import Figure
    from churnml.specs.models import PromoteIf

RECORD_VERSION = 4


def _finite(value: object) -> object:
    """JSON has no nan and no infinity: such a number is not known."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


Known = Annotated[float | None, BeforeValidator(_finite)]


class RecordPart(BaseModel):
    """A part of a record: frozen, and no key in it is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, from_attributes=True)

    @classmethod
    def rows_of(cls, table: pd.DataFrame) -> tuple[Self, ...]:
        """A table's rows, whose columns are this part's keys."""
        return tuple(cls.model_validate(row) for row in table.to_dict("records"))


class RecordedFigure(RecordPart):
    """A figure with its interval; each number is None where it is not known."""

    value: Known
    low: Known = None
    high: Known = None


# Figure name → figure, and who (``model``, each rival, ``champion``, ``truth``) → those.
Figures = Mapping[str, RecordedFigure]
FiguresByWho = Mapping[str, Figures]


class RecordedFold(RecordPart):
    """The cutoffs that taught, and the one that was checked by."""

    train: tuple[dt.date, ...]
    validated: dt.date = Field(alias="validate")


class TriedSetting(RecordPart):
    """A setting the search tried, in words.

    Args:
        trees: the number of trees with the least mean loss.
        loss: mean log loss of the validation rows at that many trees.
        ahead, standard_error: by how much its loss is below that of the best before it; None for the declared one.
        taken: whether it took its place.
    """

    what: str
    trees: int | None
    loss: Known
    ahead: Known
    standard_error: Known
    taken: bool


class RecordedCalibration(RecordPart):
    """A calibration by its kind and numbers; a table of hundreds of points by its size."""

    kind: str
    slope: float | None = None
    intercept: float | None = None
    points: int | None = None

    @serializer(mode="wrap")
    def _what_it_has(self, handler: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        return {key: value for key, value in handler(self).items() if value is not None}


class TreatedRows(RecordPart):
    """How many training rows the team worked before their outcome was known, and of which playbook."""

    rows: int
    treated: int
    positives: int
    treated_positives: int
    playbooks: Mapping[str, int]
    dropped: bool


class YoungAccounts(RecordPart):
    """The training rows of accounts in their first weeks.

    Args:
        rows, positives: those of accounts that had not yet lived ``longest`` days.
        of: all training rows; None in records of before it was kept.
        longest: days after which nothing is unknown of an account for its youth alone.
        left_out: rows that did not train, because their lookback reaches before both the account and the data.
    """

    rows: int
    positives: int
    longest: int
    left_out: int
    of: int | None = None


class RecordedAnew(RecordPart):
    """A calibration made anew, because the first did not hold on the cutoffs that judge.

    Args:
        how, taught_at: the kind that was taken, in words; the cutoffs that taught that of the model itself.
        losses: each kind in words → log loss at cutoffs that later ones were calibrated before.
        before, after: how the first and the new one held, as the record's ``shift``.
        held, problem: whether the new one took the first one's place, and why not.
    """

    how: str
    taught_at: tuple[dt.date, ...]
    losses: Mapping[str, Known]
    before: Figures
    after: Figures
    held: bool
    problem: str | None = None


class TrainingRecord(RecordPart):
    """Which cutoffs did what, and how the model was fitted.

    Args:
        cutoffs, purged: those that trained, and those left out because they reach past the judged one.
        folds: how the training cutoffs were folded.
        searched_at, calibrated_at: the folds' cutoffs that chose settings, and that calibrate.
        later: the cutoff of a second, later period.
        fold_losses: cutoff → log loss of the chosen settings on it, before calibration.
        search: what the search tried.
        calibration_losses: kind of calibration → log loss out of sample.
        seeds: how many fits are averaged.
        touched: what the team did to the rows, where that is known.
        young: which of the rows are of accounts in their first weeks; None in records of before that was counted.
        anew: the calibration made anew; None where the first one held, or there was none to make.
        rows, positives, base_rate: of the rows that trained.
        trees, features: how many.
    """

    cutoffs: tuple[dt.date, ...]
    purged: tuple[dt.date, ...]
    folds: tuple[RecordedFold, ...]
    searched_at: tuple[dt.date, ...]
    calibrated_at: tuple[dt.date, ...]
    later: dt.date | None
    fold_losses: Mapping[str, Known]
    search: tuple[TriedSetting, ...]
    calibration_losses: Mapping[str, Known]
    seeds: int | None
    touched: TreatedRows | None
    rows: int
    positives: int
    base_rate: Known
    trees: int
    features: int
    calibration: RecordedCalibration | None
    young: YoungAccounts | None = None
    anew: RecordedAnew | None = None


class RecordedRenewal(RecordPart):
    """The columns renewals are counted by, and the days of each billing period."""

    days: str
    billing: str | None
    terms: Mapping[str, float]


class HazardFit(RecordPart):
    """How the hazards were fitted."""

    trees: int
    checked_at: dt.date
    check_loss: Known
    person_periods: int
    leavings: int


class CurveMark(RecordPart):
    """A day of judging: the share that had left by then, and who → the mean probability given to that."""

    day: int
    seen: float
    predicted: Mapping[str, float] = Field(alias="said")


class JudgedCurves(RecordPart):
    """The curves' figures at one cutoff, beside those of rivals such as the probability spread evenly over the window.

    Args:
        figures: who → figure name → figure.
        ahead: rival → figure name → how far ``curve`` is ahead of it, paired; positive is better.
        marks: one for each day of judging.
        rows, leavings: what was judged, to the ``last`` day.
    """

    figures: FiguresByWho
    ahead: FiguresByWho
    marks: tuple[CurveMark, ...]
    rows: int
    leavings: int
    last: int


class HazardRecord(RecordPart):
    """The curves: days at which the periods begin, days in which the label's leavings lie, fit and figures."""

    edges: tuple[int, ...]
    anchor: tuple[int, int]
    renewal: RecordedRenewal | None
    about: HazardFit
    judged: JudgedCurves | None


class LaterPeriod(RecordPart):
    """The figures of a second, later cutoff that judges nothing and only checks."""

    cutoff: dt.date
    figures: FiguresByWho
    ahead: FiguresByWho
    rows: int
    positives: int
    shift: Figures


class JudgedCutoff(RecordPart):
    """One of the cutoffs that judge, and everybody's figures there, with intervals of few resamples.

    ``taught_to`` is the newest cutoff that taught the model judged here.
    """

    cutoff: dt.date
    taught_to: dt.date
    rows: int
    positives: int
    figures: FiguresByWho


class PooledCutoffs(RecordPart):
    """The cutoffs that judge, together; the verdict rests on them.

    Args:
        figures, ahead: as those of a single cutoff, resampled by account.
        rows, positives, positive_accounts: what was judged; an account stands in several cutoffs.
        shift: how the probabilities held, with intervals of ``sure``.
        champion_at: the cutoffs on which the champion was compared.
        by_cutoff: each cutoff, oldest first.
    """

    figures: FiguresByWho
    ahead: FiguresByWho
    rows: int
    positives: int
    positive_accounts: int
    shift: Figures
    sure: float
    champion_at: tuple[dt.date, ...]
    by_cutoff: tuple[JudgedCutoff, ...]


class ReliabilityBin(RecordPart):
    """Accounts of like probability: its mean, and the share of positives with Wilson's interval."""

    predicted: float = Field(alias="said")
    seen: float
    rows: int
    low: float
    high: float


class GainsPoint(RecordPart):
    """The share of positives among the first share of accounts, by whose order."""

    who: str
    contacted: float
    caught: float


class Slice(RecordPart):
    """A part of the judged accounts, parted by what; ``seen`` has Wilson's interval."""

    by: str
    part: str
    rows: int
    positives: int
    predicted: float = Field(alias="said")
    seen: float
    low: float
    high: float
    roc_auc: RecordedFigure
    too_small: bool


class Leak(RecordPart):
    """A feature that gives the outcome away, and how, in words."""

    feature: str
    sentence: str


class UnheardInput(RecordPart):
    """An input of health that has no say by the training rows; see :class:`churnml.health.directions.Unheard`."""

    feature: str
    why: str
    weight: float
    insisted: bool


class FamilyImportance(RecordPart):
    """A feature family's mean absolute contribution to the log-odds."""

    family: str
    log_odds: Known


class ContactPlan(RecordPart):
    """The declared terms of a contact, and how many accounts the team reaches: a share and a number."""

    capacity: float | int
    contact_cost: float
    saved_share: float
    months: int
    share: float
    contacted: float


class ModelRecord(RecordPart):
    """The record of a training.

    Args:
        record_version: the shape of the record.
        name, means: the model, and what it predicts in words.
        version: the registered version; None until it is registered.
        fingerprint: names all it was made from.
        promoted, because: the verdict.
        against: the version of the champion it was judged against.
        cutoff: the newest cutoff that judged; the figures are of its rows.
        left_in_gap: accounts that left between the cutoff and the window, or had left before unknown to anybody.
        rows, positives: what was judged.
        figures: who → figure name → figure; ``model`` is always there, and empty where nothing could be measured.
        ahead: rival → figure name → how far the model is ahead of it, paired.
        shift: how the probabilities held, with 99 % intervals.
        calibration_error_by_chance: what probabilities that hold exactly would show on so many rows.
        reliability, gains, slices: the tables behind the charts, and the model part by part.
        decision: the terms of a contact.
        later: the second, later period.
        pooled: all cutoffs that judged, together; None where but one did.
        leaks: features that give the outcome away; None where nobody looked.
        importance: feature families, the largest first.
        training, hazard: how model and curves were fitted.
        label, spec: the declaration; ``spec`` as it was, for it may name what today's code no longer knows.
        data_through, data_fingerprint, made_with: the data, and the versions of the code.
        unheard: inputs of health that have no say, or would have none if the project did not insist.
    """

    record_version: Literal[4] = 4
    name: str
    means: str
    version: str | None = None
    fingerprint: str
    promoted: bool
    because: str
    against: str | None
    cutoff: dt.date
    left_in_gap: int | None
    rows: int
    positives: int
    figures: FiguresByWho
    ahead: FiguresByWho
    shift: Figures
    calibration_error_by_chance: Known
    reliability: tuple[ReliabilityBin, ...]
    gains: tuple[GainsPoint, ...]
    slices: tuple[Slice, ...]
    decision: ContactPlan | None
    later: LaterPeriod | None
    pooled: PooledCutoffs | None
    leaks: tuple[Leak, ...] | None
    importance: tuple[FamilyImportance, ...]
    training: TrainingRecord
    hazard: HazardRecord | None
    label: Label
    spec: Mapping[str, JsonValue]
    data_through: dt.date
    data_fingerprint: str
    made_with: Mapping[str, str]
    unheard: tuple[UnheardInput, ...] = ()

    @classmethod
    def read(cls, data: JsonObject) -> ModelRecord:
        """A record of any version; raises RegistryError for one of a later version, ValidationError for no record."""
        for version, upgraded in enumerate(UPGRADES, start=1):
            if data.get("record_version", 1) == version:
                data = upgraded(data)
        if data.get("record_version") != RECORD_VERSION:
            raise RegistryError(
                f"The record of model '{data.get('name')}' is of version {data.get('record_version')}; this churnml "
                f"reads records up to version {RECORD_VERSION}.",
                remedy="Update churnml.",
            )
        return cls.model_validate(data)

    def as_data(self) -> dict[str, Json]:
        """As plain data for JSON."""
        return self.model_dump(mode="json", by_alias=True)

    def registered_as(self, version: str) -> ModelRecord:
        """The record with the number its version was given."""
        return self.model_copy(update={"version": version})

    @property
    def promote_if(self) -> PromoteIf | None:
        """The rule it was judged by."""
        from churnml.specs.models import PromoteIf

        rule = self.spec.get("promote_if")
        return PromoteIf.model_validate(rule) if rule else None

    @property
    def judged_curves(self) -> JudgedCurves | None:
        """The curves' figures; None where there are no curves, or nobody left."""
        return self.hazard.judged if self.hazard else None


def recorded(figures: Mapping[str, Figure]) -> dict[str, RecordedFigure]:
    """Figures as they are recorded."""
    return {name: RecordedFigure.model_validate(figure) for name, figure in figures.items()}


def recorded_by_who(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, RecordedFigure]]:
    """Everybody's figures as they are recorded."""
    return {who: recorded(named) for who, named in figures.items()}


# What records without a version lack where they are old.
FIRST: JsonObject = {
    "means": "",
    "fingerprint": "",
    **{key: {} for key in ("made_with", "spec", "ahead", "shift")},
    **dict.fromkeys(("reliability", "gains", "slices", "importance"), ()),
    **dict.fromkeys(("left_in_gap", "against", "calibration_error_by_chance", "decision", "later", "leaks", "hazard")),
}
FIRST_TRAINING: JsonObject = {
    **{key: {} for key in ("fold_losses", "calibration_losses")},
    **dict.fromkeys(("purged", "folds", "searched_at", "calibrated_at", "search"), ()),
    **dict.fromkeys(("later", "seeds", "touched", "base_rate", "calibration")),
}


def _from_first(data: JsonObject) -> JsonObject:
    """Version 1 had no number; what later versions of it added is empty, what they took out is left out."""
    training: Any = data["training"]
    kept = {key: value for key, value in training.items() if key in TrainingRecord.model_fields}
    known = {key: value for key, value in data.items() if key in ModelRecord.model_fields}
    return {**FIRST, **known, "training": {**FIRST_TRAINING, **kept}, "record_version": 2}


def _from_second(data: JsonObject) -> JsonObject:
    """Version 2 judged by a single cutoff."""
    return {"pooled": None, **data, "record_version": 3}


def _from_third(data: JsonObject) -> JsonObject:
    """Version 3 kept sentences beside the numbers they were made of; pages make them now."""
    training: Any = data["training"]
    parts = {part: {**training[part]} for part in ("touched", "young") if training.get(part)}
    for part in parts.values():
        part.pop("sentence", None)
    return {**data, "training": {**training, **parts}, "record_version": 4}


UPGRADES: tuple[Callable[[JsonObject], JsonObject], ...] = (_from_first, _from_second, _from_third)  # oldest first
