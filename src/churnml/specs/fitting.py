"""Names that one file uses and another declares."""

from __future__ import annotations

from churnml.errors import SpecError, UnknownNameError
from churnml.specs.health import HealthSpec
from churnml.specs.playbooks import PlaybooksSpec


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
