"""Which of a project's models gives the risk, and which the chance to grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from churnml.errors import ProjectError
from churnml.specs.models import ModelSpec

IN_WORDS = {"risk": "gives the risk", "grows": "gives the chance to grow"}


@dataclass(frozen=True)
class ModelParts:
    """The model that gives the risk and the one that gives the chance to grow; None where there is none."""

    risk: str | None
    grows: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """The models that a scored date asks."""
        return tuple(name for name in (self.risk, self.grows) if name is not None)


def parts_of(specs: Mapping[str, ModelSpec], asked_for_risk: str | None, where: str, health_file: str) -> ModelParts:
    """Who plays which part among the models of a project.

    Args:
        specs: name → declaration of each.
        asked_for_risk: the model that the project's own health.yaml names under ``risk: model:``; None for none.
        where: the place models are listed in, for errors.
        health_file: the file of the health score, for errors.

    Raises:
        ProjectError: two models play one part, or health asks for a model that is not there or plays another part.
    """
    if asked_for_risk is not None and asked_for_risk not in specs:
        raise ProjectError(
            f"Health is judged by the model '{asked_for_risk}', which the project does not have.",
            where=where,
            remedy=f"Add {asked_for_risk} to models:, or name another one under risk: model: in {health_file}.",
        )
    if asked_for_risk is not None and specs[asked_for_risk].plays != "risk":
        raise ProjectError(
            f"Health takes its risk from the model '{asked_for_risk}', which does not give the risk.",
            where=f"{health_file}, risk: model:",
            remedy=f"Add part: risk to models/{asked_for_risk}/spec.yaml, or name another model.",
        )
    playing = {part: [name for name, spec in specs.items() if spec.plays == part] for part in IN_WORDS}
    for part, names in playing.items():
        if names[1:]:
            other = next(other for other in IN_WORDS if other != part)
            raise ProjectError(
                f"Each of the models {' and '.join(repr(name) for name in names)} {IN_WORDS[part]}, "
                "and a scored date asks one.",
                where=where,
                remedy=f"Say in models/<name>/spec.yaml that one of them plays another part: part: {other}, or part: "
                "none for a model that is only trained and judged.",
            )
    return ModelParts(next(iter(playing["risk"]), None), next(iter(playing["grows"]), None))
