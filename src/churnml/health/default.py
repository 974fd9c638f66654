"""The health that ships with churnml, said with the features a project has: it asks for no lookback of its own."""

from __future__ import annotations

import re
from collections.abc import Collection

from churnml.health.directions import with_inputs
from churnml.specs.health import Dimension, HealthInput, HealthSpec

_DAYS = re.compile(r"_(\d+)d(?=_|$)")


def as_far_as_possible(spec: HealthSpec, possible: Collection[str]) -> HealthSpec:
    """``spec`` with each input that is not ``possible`` as the same over the nearest lookback, or without it.

    Args:
        spec: the default declaration.
        possible: names of the features that the project can make.
    """
    return with_inputs(spec, {name: _possible_inputs(one, possible) for name, one in spec.dimensions.items()})


def _possible_inputs(dimension: Dimension, possible: Collection[str]) -> tuple[HealthInput, ...]:
    inputs: dict[str, HealthInput] = {}
    for given in dimension.inputs:
        name = nearest_lookback(given.feature, possible)
        if name is not None and name not in inputs:
            inputs[name] = given if name == given.feature else given.model_copy(update={"feature": name})
    return tuple(inputs.values())


def nearest_lookback(name: str, possible: Collection[str]) -> str | None:
    """The feature of the same measure whose lookbacks come nearest; None where there is none."""
    if name in possible:
        return name
    stem, asked = _DAYS.sub("_#d", name), _days(name)
    if not asked:
        return None
    alike = [one for one in possible if _DAYS.sub("_#d", one) == stem]
    return min(alike, key=lambda one: (_distance(_days(one), asked), _days(one)), default=None)


def _days(name: str) -> tuple[int, ...]:
    return tuple(int(days) for days in _DAYS.findall(name))


def _distance(days: tuple[int, ...], asked: tuple[int, ...]) -> int:
    return sum(abs(one - other) for one, other in zip(days, asked, strict=True))
