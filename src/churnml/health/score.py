"""The health score: 0 to 100, 100 is best, from declared dimensions on scales fitted in training.

An input's score is the share of the training population that was no healthier: 80 means "as good as
or better than 80 % of accounts". The scale is stored with the model, so today's score of an account
does not depend on who else is scored today.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from churnml.declarations import FeatureDeclaration
from churnml.errors import SpecError, UnknownNameError
from churnml.features import Feature, Polarity, theme_of
from churnml.health.exceptions import with_exceptions
from churnml.health.scorecards import SEGMENT, scorecards_of
from churnml.ledger import AppliedException, Override, Reason
from churnml.scoring.peers import Peers
from churnml.scoring.reasons import POOR, Candidates, numbered, particular, pick, speakable, tell, tiers, wordings
from churnml.specs.health import INSUFFICIENT as INSUFFICIENT
from churnml.specs.health import RISK, Dimension, HealthInput, HealthSpec

# What is shown of a score is what it is judged by: two digits, so that 69.996 is not shown as 70 in the band below.
DIGITS = 2
# A probability is kept with six digits, so it is judged by them: a score can be made again from what is on record.
PROBABILITY_DIGITS = 6
NEUTRAL = 50.0


def check_inputs(spec: HealthSpec, possible: Mapping[str, Feature], where: str) -> None:
    """Every input must be a declared feature with a direction, and what is asked of an account must be a number of it.

    Raises UnknownNameError or SpecError.
    """
    for name, dimension in spec.dimensions.items():
        for given in dimension.inputs:
            there = f"{where}, dimension '{name}'"
            _require_number(given.feature, possible, there)
            if possible[given.feature].polarity is Polarity.NEITHER:
                raise SpecError(
                    f"Feature '{given.feature}' is declared neither healthier nor riskier, so it has no direction "
                    "on a health scale.",
                    where=there,
                    remedy="Use a feature with a polarity; docs/features.md lists them.",
                )
            if given.age:
                _require_number(given.age, possible, there)
    for exception in spec.exceptions:
        for feature in exception.when.features:
            _require_number(feature, possible, f"{where}, exception '{exception.name}'")
    by_segment = [card.name for card in spec.scorecards if card.when.segment]
    by_segment += [exception.name for exception in spec.exceptions if exception.when.segment]
    if by_segment and SEGMENT not in possible:
        raise SpecError(
            f"'{by_segment[0]}' asks for a segment, but the project does not declare segment static.",
            where=where,
            remedy="Add 'segment' to static: in project.yaml if it never changes, or drop the condition.",
        )


def _require_number(name: str, possible: Mapping[str, Feature], where: str) -> None:
    if name not in possible:
        raise UnknownNameError("feature", name, possible, where=where)
    if possible[name].is_category:
        raise SpecError(
            f"Feature '{name}' is a name, not a number.",
            where=where,
            remedy="Use a feature that is a number; docs/features.md lists them.",
        )


def on_scale(values: np.ndarray, scale: Sequence[float], polarity: str) -> np.ndarray:
    """0 to 100: the share of the reference that is no healthier; missing stays missing."""
    points = np.asarray(scale)
    if polarity == Polarity.HEALTHIER:
        share = np.searchsorted(points, values, side="right") / len(points)
    else:
        share = 1 - np.searchsorted(points, values, side="left") / len(points)
    return np.where(np.isnan(values), np.nan, 100.0 * share)


@dataclass(frozen=True)
class Health:
    """Health of every row; arrays have the shape (rows,).

    Args:
        score: 0 to 100, as it is told; missing where nothing is known.
        band: the band that score lies in; ``insufficient_data`` where coverage is under the declared least. What
            an account's band is once settled says :mod:`churnml.health.bands`.
        coverage: share of the weight of the account's scorecard that was known.
        dimensions: dimension, and risk → 0 to 100, missing where none of its inputs is known.
        inputs: feature → 0 to 100 on its reference scale.
        raw: the weighted mean, before exceptions.
        ruled: after exceptions, before an override.
        stage, card: where in its life the account is, and the scorecard it is judged by.
        weights: dimension, and risk → share of the weighted mean it has for that account.
        shares: feature → the same of an input.
        fresh: feature → 1 known and fresh, 0 not known or gone stale.
        exceptions: those that held, in order, by row.
        overrides: the override that holds, by row.
    """

    score: np.ndarray
    band: np.ndarray
    coverage: np.ndarray
    dimensions: Mapping[str, np.ndarray]
    inputs: Mapping[str, np.ndarray]
    raw: np.ndarray
    ruled: np.ndarray
    stage: np.ndarray
    card: np.ndarray
    weights: Mapping[str, np.ndarray]
    shares: Mapping[str, np.ndarray]
    fresh: Mapping[str, np.ndarray]
    exceptions: Sequence[tuple[AppliedException, ...]]
    overrides: Sequence[Override | None] = field(default=())

    def __len__(self) -> int:
        return len(self.score)


def health_of(
    spec: HealthSpec,
    frame: pd.DataFrame,
    polarity: Mapping[str, str],
    reference: Mapping[str, Sequence[float]],
    churn_probability: np.ndarray,
    base_rate: float | None,
) -> Health:
    """Scores every row of ``frame``.

    Args:
        spec: the declared dimensions, scorecards, exceptions and bands.
        frame: features, one row an account.
        polarity: feature → whether more of it is healthier or riskier.
        reference: feature → percentiles fitted in training.
        churn_probability: calibrated, shape (rows,); missing where there is no model.
        base_rate: the usual probability; None without a model.
    """
    inputs = _on_scales(spec, frame, polarity, reference)
    judged = scorecards_of(spec, frame)
    parts = {name: _dimension(dimension, inputs, frame) for name, dimension in spec.dimensions.items()}
    dimensions = {name: part.score for name, part in parts.items()} | {RISK: _risk(spec, churn_probability, base_rate)}
    known = {name: ~np.isnan(values) for name, values in dimensions.items()}
    counts = {
        name: weight * known[name] * (parts[name].fresh if name in parts else 1.0)
        for name, weight in judged.weights.items()
    }
    total = np.sum(list(counts.values()), axis=0)
    weights = {name: _ratio(count, total) for name, count in counts.items()}
    raw = np.sum([np.nan_to_num(values) * np.nan_to_num(weights[n]) for n, values in dimensions.items()], axis=0)
    raw = np.round(np.where(total > 0, raw, np.nan), DIGITS)
    seen = [judged.weights[name] * part.known for name, part in parts.items()]
    # without a model its weight is nobody's fault: coverage speaks of the data
    possible = np.sum([judged.weights[name] for name in (*parts, *((RISK,) if base_rate else ()))], axis=0)
    covered = np.sum([*seen, judged.weights[RISK] * known[RISK]], axis=0)
    coverage = np.round(np.nan_to_num(_ratio(covered, possible)), 6)
    counted = np.stack([np.where(counts[name] > 0, dimensions[name], np.inf) for name in dimensions])
    worst = np.round(counted.min(axis=0), DIGITS)
    ruled, exceptions = with_exceptions(spec, frame, judged.stage, dimensions, worst, raw)
    return Health(
        score=ruled,
        band=bands_of(spec, ruled, coverage),
        coverage=coverage,
        dimensions=dimensions,
        inputs=inputs,
        raw=raw,
        ruled=ruled,
        stage=judged.stage,
        card=judged.card,
        weights=weights,
        shares=_shares(inputs, parts, weights),
        fresh={feature: fresh for part in parts.values() for feature, fresh in part.freshness.items()},
        exceptions=exceptions,
        overrides=[None] * len(frame),
    )


def _on_scales(
    spec: HealthSpec, frame: pd.DataFrame, polarity: Mapping[str, str], reference: Mapping[str, Sequence[float]]
) -> dict[str, np.ndarray]:
    """Feature → 0 to 100 on its reference scale, of those inputs that the frame and the scales hold."""
    return {
        name: on_scale(frame[name].to_numpy(dtype="float64"), reference[name], polarity[name])
        for name in dict.fromkeys(given.feature for given in spec.inputs)
        if name in frame.columns and name in reference
    }


def _risk(spec: HealthSpec, churn_probability: np.ndarray, base_rate: float | None) -> np.ndarray:
    """The dimension of the risk, 0 to 100; missing without a model."""
    if not base_rate:
        return np.full(len(churn_probability), np.nan)
    lifts, points = zip(*spec.risk.points, strict=True)
    lift = stretched(np.round(churn_probability, PROBABILITY_DIGITS) / base_rate, base_rate, lifts[-1])
    return np.where(np.isnan(lift), np.nan, np.interp(np.nan_to_num(lift), lifts, points))


def stretched(lift: np.ndarray, base_rate: float, last: float) -> np.ndarray:
    """Multiples of the usual risk, so that the ``last`` one declared is that of a certain leaver where it lies beyond.

    Nobody can be ten times as likely as 28 %. There multiples are stretched, in proportion on the scale of logarithms:
    the usual stays 1, and certainty becomes ``last``. At a usual risk of at most 1 / ``last`` they stay as they are.
    """
    most = 1.0 / base_rate
    if most <= 1.0 or last <= most:
        return lift
    return np.asarray(lift ** (np.log(last) / np.log(most)))


@dataclass(frozen=True)
class _Part:
    """A dimension of every row; arrays have the shape (rows,).

    Args:
        score: the weighted mean of its inputs.
        fresh: share of the weight of the inputs that count which is fresh; it scales the dimension's own weight.
        known: share of the weight of all its inputs that is known and fresh.
        shares: feature → share of the mean that the input has.
        freshness: feature → how fresh it is; 0 where it is not known.
    """

    score: np.ndarray
    fresh: np.ndarray
    known: np.ndarray
    shares: Mapping[str, np.ndarray]
    freshness: Mapping[str, np.ndarray]


def _dimension(dimension: Dimension, inputs: Mapping[str, np.ndarray], frame: pd.DataFrame) -> _Part:
    """What is stale counts by its freshness as known, and for the rest as missing."""
    nothing = np.full(len(frame), np.nan)
    sums, count, whole, seen = (np.zeros(len(frame)) for _ in range(4))
    counts: dict[str, np.ndarray] = {}
    freshness: dict[str, np.ndarray] = {}
    for given in dimension.inputs:
        scaled = inputs.get(given.feature, nothing)
        known = np.where(np.isnan(scaled), 0.0, _freshness(given, frame))
        seen += given.weight * known
        if given.missing == "ignore":
            mine = given.weight * known
            whole += given.weight * ~np.isnan(scaled)
            value = np.nan_to_num(scaled)
        else:
            mine = np.full(len(frame), given.weight)
            whole += given.weight
            instead = NEUTRAL if given.missing == "neutral" else 0.0
            value = known * np.nan_to_num(scaled) + (1 - known) * instead
        sums += mine * value
        count += mine
        counts[given.feature] = counts.get(given.feature, np.zeros(len(frame))) + mine
        freshness[given.feature] = known
    return _Part(
        score=_ratio(sums, count),
        fresh=np.nan_to_num(_ratio(count, whole)),
        known=seen / sum(given.weight for given in dimension.inputs),
        shares={feature: _ratio(mine, count) for feature, mine in counts.items()},
        freshness=freshness,
    )


def _freshness(given: HealthInput, frame: pd.DataFrame) -> np.ndarray:
    """1 up to ``stale_after`` days of age, then halved every ``half_life`` or gone; of unknown age it is not known."""
    if given.age is None or given.stale_after is None:
        return np.ones(len(frame))
    if given.age not in frame.columns:
        return np.zeros(len(frame))
    late = frame[given.age].to_numpy(dtype="float64", na_value=np.nan) - given.stale_after
    decayed = 0.5 ** (np.maximum(late, 0.0) / given.half_life) if given.half_life else late <= 0
    return np.where(np.isnan(late), 0.0, decayed)


def _shares(
    inputs: Mapping[str, np.ndarray], parts: Mapping[str, _Part], weights: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Feature → the share of the whole weighted mean that it has; what two dimensions take counts twice."""
    shares: dict[str, np.ndarray] = {}
    for name, part in parts.items():
        for feature, share in part.shares.items():
            if feature in inputs:
                mine = np.nan_to_num(share) * np.nan_to_num(weights[name])
                shares[feature] = shares[feature] + mine if feature in shares else mine
    return shares


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Missing where the whole is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def bands_of(spec: HealthSpec, score: np.ndarray, coverage: np.ndarray) -> np.ndarray:
    """The band each score lies in; ``insufficient_data`` where too little is known."""
    band = np.full(len(score), INSUFFICIENT, dtype=object)
    for declared in reversed(spec.bands):  # worst first, so that a better band overwrites
        band[score >= declared.at_least] = declared.name
    band[(coverage < spec.min_coverage) | np.isnan(score)] = INSUFFICIENT
    return band


def health_reasons(
    spec: HealthSpec,
    frame: pd.DataFrame,
    health: Health,
    features: Mapping[str, FeatureDeclaration],
    usual: Mapping[str, float],
    currency: str = "",
) -> list[tuple[Reason, ...]]:
    """Without a model: the inputs that cost each account the most, where they are poor on their scale."""
    names = [name for name in dict.fromkeys(given.feature for given in spec.inputs) if name in health.inputs]
    if not names:
        return [() for _ in range(len(frame))]
    declared = [features[name] for name in names]
    scaled = np.column_stack([health.inputs[name] for name in names])
    shares = np.column_stack([health.shares[name] for name in names])
    poor = (scaled <= POOR) & (shares > 0)  # never where it is not known, nor where nobody is judged by it
    lost = np.where(poor, (100 - scaled) * shares, 0.0)
    theme, _ = numbered([theme_of(feature.family) for feature in declared])
    row, which = np.nonzero(poor & speakable(frame, declared))
    costs = lost[row, which]
    candidates = Candidates(
        row=row,
        theme=theme[which],
        family=which,
        feature=which,
        weight=costs,
        strength=costs,
        particular=particular(row, which, declared, usual, Peers.of(frame)).bits,
        words=wordings(row, which, frame, declared, usual),
        tier=tiers(row, which, frame, declared),
    )
    return tell(pick(candidates, of_list=True), frame, declared, usual, currency)
