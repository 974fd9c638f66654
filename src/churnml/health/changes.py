"""Why a score is another one than it was: data, model, configuration and override, adding up exactly.

What the later score was made of is put in place of the earlier, step by step in a declared order: first the data
(where in its life the account is, then dimension by dimension, then the probability), then the model with its scales,
then ``health.yaml``. Each step is worth what the score moved by it, in hundredths of a point as whole numbers, so that
the parts add up to the difference that is shown. In another order the parts would differ a little where two things
moved at once; the order is always this one. An override is worth what it adds to the score there would be without it,
so that it hides nothing: under an override that stands, a fall of the data is told, and how much of it was held up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from churnml.health.score import DIGITS, health_of
from churnml.health.scorecards import RENEWAL, SEGMENT, TENURE
from churnml.ledger import Override
from churnml.specs.health import HealthSpec

if TYPE_CHECKING:
    from churnml.modelling.predictor import Predictor
    from churnml.modelling.stored import StoredModel

CONTEXT = (SEGMENT, TENURE, RENEWAL)
HUNDREDTHS = 10**DIGITS
# Parts of the change of the data, among all parts.
DATA = "data:"


@dataclass(frozen=True)
class Yardstick:
    """What the model gives a score: the registry keeps it with the version.

    Args:
        version: of the churn model, or of whose scales were used; None without one.
        reference: feature → percentiles fitted in training.
        polarity: feature → ``healthier`` or ``riskier``.
        base_rate: the usual probability; None without a model.
        unheard: input → why it has no say.
    """

    version: str | None
    reference: Mapping[str, Sequence[float]]
    polarity: Mapping[str, str]
    base_rate: float | None
    unheard: Mapping[str, str] = field(default_factory=dict)


def yardstick_of(model: Predictor | StoredModel, version: str | None, *, in_use: bool) -> Yardstick:
    """What a registered model gives a score.

    Args:
        model: whose scales were read.
        version: its own.
        in_use: whether it was the champion; one that only lends its scales gives no probability.
    """
    declared = [*model.features, *model.manifest.scales]
    return Yardstick(
        version=version,
        reference=model.reference,
        polarity={feature.name: feature.polarity.value for feature in declared},
        base_rate=model.base_rate if in_use else None,
        unheard=model.manifest.unheard,
    )


@dataclass(frozen=True)
class ScoreInputs:
    """All that one account's score was made of.

    Args:
        on: the date it was scored.
        inputs: what :func:`inputs_of` gave: feature → value, None not known; what is not in it was not asked.
        churn_probability: calibrated; None not known.
        yardstick: the model's part.
        spec: ``health.yaml`` as it was.
        override: the one that held, if any.
    """

    on: dt.date
    inputs: Mapping[str, float | str | None]
    churn_probability: float | None
    yardstick: Yardstick
    spec: HealthSpec
    override: Override | None = None


@dataclass(frozen=True)
class HealthChange:
    """A difference of two scores and its parts, in points; parts add up to ``total``.

    Args:
        before, after: the scores; None not known, and then there are no parts.
        total: the difference.
        data, model, configuration, override: its parts.
        by_data: the parts of ``data``: ``stage``, each dimension, ``risk``; they add up to it. Exceptions that begin
            or cease to hold count where the data that made them do so does.
        note: what a reader should know of the parts.
    """

    before: float | None
    after: float | None
    total: float | None = None
    data: float | None = None
    model: float | None = None
    configuration: float | None = None
    override: float | None = None
    by_data: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


def inputs_of(spec: HealthSpec, frame: pd.DataFrame) -> list[dict[str, float | str | None]]:
    """What is to be kept of each row so that its score can be made again: JSON data, by feature.

    Args:
        spec: which features are read.
        frame: features, one row an account.
    """
    names = [name for name in (*CONTEXT, *spec.features) if name in frame.columns]
    rows = frame[names].astype(object)
    kept: list[dict[Any, Any]] = rows.where(rows.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in kept]


def explain_change(before: ScoreInputs, after: ScoreInputs, says_earlier_model: float | None = None) -> HealthChange:
    """The difference between two scores of an account, decomposed.

    Args:
        before, after: what they were made of.
        says_earlier_model: what the earlier model says of the later data. Without it, and with another model, the
            whole change of the probability counts as the model's, and the note says so.
    """
    first, last = score_of(before), score_of(after)
    if first is None or last is None:
        return HealthChange(_points(first), _points(last), note="one of the two scores is not known")
    start, end = without_override(before), without_override(after)
    if start is None or end is None:
        note = "without an override one of the two scores is not known, so all of the difference is the override's"
        parts = dict.fromkeys(("model", "configuration"), 0)
        return _change(first, last, parts | {"override": last - first}, note)
    # what only one was asked for changes neither score: that it is asked or not is a change of the configuration
    before, after = _with_unasked(before, after), _with_unasked(after, before)
    same_model = before.yardstick.version == after.yardstick.version
    probability, note = after.churn_probability if same_model else says_earlier_model, ""
    if probability is None and not same_model:
        probability = before.churn_probability
        if before.churn_probability != after.churn_probability:
            note = "what the earlier model says of the later data is not known: the risk's change counts as the model's"
    steps = [
        *_data_steps(before, after, probability),
        ("model", lambda made: replace(made, yardstick=after.yardstick, churn_probability=after.churn_probability)),
        ("configuration", lambda made: replace(made, spec=after.spec, inputs=after.inputs)),
    ]
    parts, made, at = {}, before, start
    for name, step in steps:
        made = step(made)
        now = without_override(made)
        # where a step alone would leave nothing known, what it does is told with the next
        parts[name] = 0 if now is None else now - at
        at = at if now is None else now
    return _change(first, last, parts | {"override": (last - end) - (first - start)}, note)


def _change(first: int, last: int, parts: Mapping[str, int], note: str) -> HealthChange:
    by_data = {name: value for name, value in parts.items() if name.startswith(DATA)}
    return HealthChange(
        before=_points(first),
        after=_points(last),
        total=_points(last - first),
        data=_points(sum(by_data.values())),
        model=_points(parts["model"]),
        configuration=_points(parts["configuration"]),
        override=_points(parts["override"]),
        by_data={name.removeprefix(DATA): value / HUNDREDTHS for name, value in by_data.items()},
        note=note,
    )


def score_of(made: ScoreInputs) -> int | None:
    """The score in hundredths of a point, made again from what was kept; None not known."""
    return without_override(made) if made.override is None else round(made.override.score * HUNDREDTHS)


def without_override(made: ScoreInputs) -> int | None:
    """The same, whatever a person said against it."""
    frame = pd.DataFrame([dict(made.inputs)], index=[0])
    for name in frame.columns:
        if name != SEGMENT:
            frame[name] = pd.to_numeric(frame[name]).astype("float64")
    probability = np.array([np.nan if made.churn_probability is None else made.churn_probability])
    its = made.yardstick
    health = health_of(made.spec, frame, its.polarity, its.reference, probability, its.base_rate)
    score = float(health.ruled[0])
    return None if np.isnan(score) else round(score * HUNDREDTHS)


Step = Callable[[ScoreInputs], ScoreInputs]


def _data_steps(before: ScoreInputs, after: ScoreInputs, probability: float | None) -> list[tuple[str, Step]]:
    """Places the later data one part after the other: stage, dimensions, what else is asked, probability."""
    spec = before.spec
    groups: dict[str, list[str]] = {"stage": list(CONTEXT)}
    for name, dimension in spec.dimensions.items():
        groups[name] = [feature for given in dimension.inputs for feature in (given.feature, given.age) if feature]
    taken = {feature for features in groups.values() for feature in features}
    groups["exceptions"] = [feature for feature in spec.features if feature not in taken]

    def placed(features: Sequence[str]) -> Step:
        return lambda made: replace(made, inputs={**made.inputs, **{name: after.inputs.get(name) for name in features}})

    steps = [(DATA + name, placed(features)) for name, features in groups.items() if features]
    return [*steps, (f"{DATA}risk", lambda made: replace(made, churn_probability=probability))]


def _with_unasked(made: ScoreInputs, other: ScoreInputs) -> ScoreInputs:
    own = {*CONTEXT, *made.spec.features}
    mine, its = made.yardstick, other.yardstick
    return replace(
        made,
        inputs={**{name: value for name, value in other.inputs.items() if name not in own}, **made.inputs},
        yardstick=replace(
            mine,
            reference={**{name: scale for name, scale in its.reference.items() if name not in own}, **mine.reference},
            polarity={**its.polarity, **mine.polarity},
        ),
    )


def _points(hundredths: int | None) -> float | None:
    return None if hundredths is None else hundredths / HUNDREDTHS
