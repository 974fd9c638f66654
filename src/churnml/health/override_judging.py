"""Was the person right, or the model? Overrides beside what came of their accounts.

An account that stays is right for whoever placed it on the healthy side, one that leaves for whoever placed it on the
worst band's side. As most accounts stay, whoever only ever says "it will stay" is mostly right without knowing
anything; so the share that came out as the person said stands beside the share the model's own probabilities expected,
and only an interval that lies wholly above it says that people know more than the model.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from churnml.ledger import Override
from churnml.modelling.reliability import wilson
from churnml.specs.health import HealthSpec
from churnml.timeline import plus_days

Direction = Literal["raised", "lowered"]
# Fewer overrides than this say nothing: of ten, the interval of a share is half the scale wide (Wilson, 1927).
LEAST = 10


@dataclass(frozen=True)
class ModelScore:
    """The model's view of the account on the date of the override.

    Args:
        score: the health score it would have had.
        churn_probability: calibrated; None without a model.
    """

    score: float | None
    churn_probability: float | None = None


@dataclass(frozen=True)
class JudgedOverride:
    """An override beside its outcome.

    Args:
        override: as it was made.
        was: the model's view.
        direction: up or down from the model's score; equal or unknown counts as neither and is not judged.
        left: whether the account left within the time.
        person_right, model_right: whether each had it on the side it turned out to belong to.
        closer: whose score lay closer to what came (100 stayed, 0 left).
    """

    override: Override
    was: ModelScore
    direction: Direction
    left: bool
    person_right: bool
    model_right: bool
    closer: Literal["person", "model"]


@dataclass(frozen=True)
class OverrideRecord:
    """How the overrides of one author, or of all, in one direction came out.

    Args:
        author: None is everybody.
        direction: raised or lowered.
        judged: how many.
        as_said: in how many the account went the way the score was moved: raised and stayed, lowered and left.
        low, high: Wilson's interval of that share.
        expected: the share the model's probabilities expected to go that way; None where they are not known.
        person_right, model_right: how many each had on the right side.
        verdict: what can be concluded, in words.
    """

    author: str | None
    direction: Direction
    judged: int
    as_said: int
    low: float
    high: float
    expected: float | None
    person_right: int
    model_right: int
    verdict: str


@dataclass(frozen=True)
class OverrideJudgement:
    """All overrides that can be judged, the records made of them, and how many cannot be yet."""

    judged: tuple[JudgedOverride, ...]
    records: tuple[OverrideRecord, ...]
    not_yet: int
    withdrawn: int
    unclear: int


def judge_overrides(
    spec: HealthSpec,
    overrides: Sequence[Override],
    was: Mapping[str, ModelScore],
    left: Mapping[str, dt.date],
    known_before: dt.date,
    within_days: int,
) -> OverrideJudgement:
    """Judges every override whose outcome is known.

    Args:
        spec: its worst band parts the sides.
        overrides: all that were ever made.
        was: override_id → the model's view then.
        left: account → the date it left; accounts that stay are not in it.
        known_before: outcomes before this date are known; later ones are not looked at.
        within_days: how long after it was made the outcome counts: the label's gap and horizon.
    """
    judged, not_yet, withdrawn, unclear = [], 0, 0, 0
    for override in sorted(overrides, key=lambda o: (o.made_on, o.override_id)):
        ends = plus_days(override.made_on, within_days)
        view = was.get(override.override_id)
        if override.withdrawn_on is not None and override.withdrawn_on < known_before:
            withdrawn += 1
        elif max(ends, override.expires_on) > known_before:
            not_yet += 1
        elif view is None or view.score is None or view.score == override.score:
            unclear += 1
        else:
            left_on = left.get(override.account_id)
            judged.append(_judged(spec, override, view, left_on is not None and override.made_on <= left_on < ends))
    return OverrideJudgement(tuple(judged), _records(judged), not_yet, withdrawn, unclear)


def _judged(spec: HealthSpec, override: Override, was: ModelScore, left: bool) -> JudgedOverride:
    score = was.score or 0.0
    edge = spec.bands[-2].at_least
    raised = override.score > score
    return JudgedOverride(
        override=override,
        was=was,
        direction="raised" if raised else "lowered",
        left=left,
        person_right=(override.score < edge) == left,
        model_right=(score < edge) == left,
        closer="person" if raised != left else "model",
    )


def _records(judged: Sequence[JudgedOverride]) -> tuple[OverrideRecord, ...]:
    records = []
    authors: list[str | None] = [None, *sorted({one.override.author for one in judged})]
    for author in authors:
        for direction in ("raised", "lowered"):
            mine = [one for one in judged if one.direction == direction and author in (None, one.override.author)]
            if mine:
                records.append(_record(author, mine))
    return tuple(records)


def _record(author: str | None, judged: Sequence[JudgedOverride]) -> OverrideRecord:
    direction = judged[0].direction
    as_said = sum(one.closer == "person" for one in judged)
    low, high = wilson(np.float64(as_said / len(judged)), len(judged))
    chances = [one.was.churn_probability for one in judged]
    known = [p for p in chances if p is not None]
    expected = None
    if len(known) == len(judged):
        expected = float(np.mean(known)) if direction == "lowered" else 1.0 - float(np.mean(known))
    return OverrideRecord(
        author=author,
        direction=direction,
        judged=len(judged),
        as_said=as_said,
        low=float(low),
        high=float(high),
        expected=expected,
        person_right=sum(one.person_right for one in judged),
        model_right=sum(one.model_right for one in judged),
        verdict=_verdict(len(judged), float(low), float(high), expected),
    )


def _verdict(judged: int, low: float, high: float, expected: float | None) -> str:
    if judged < LEAST:
        return f"too few to say: {LEAST - judged} more needed"
    if expected is None:
        return "the model gave no probability to compare with"
    if low > expected:
        return "people knew more than the model"
    if high < expected:
        return "the model knew more than people"
    return "no difference can be told"
