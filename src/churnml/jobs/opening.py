"""Opening a project: its tables checked, its declarations read, its features looked up."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from churnml import snapshots
from churnml.adapters.project import PROJECT_FILE, Project, open_project
from churnml.adapters.warehouse import (
    ALL_DAYS,
    Ingested,
    engine_of,
    event_names,
    facts_of,
    forget_kept_rows,
    ingest,
)
from churnml.errors import UnknownNameError
from churnml.features import RECENCY, Feature, Wish, choose, wanted_parts
from churnml.health.score import check_inputs
from churnml.labels import require_sources
from churnml.rules.facts import columns_asked
from churnml.tables import Facts
from churnml.timeline import end_of_data

if TYPE_CHECKING:
    from churnml.modelling.predictor import Predictor
    from churnml.specs.models import ModelSpec

log = logging.getLogger("churnml.jobs")

Progress = Callable[[str], None]
# Facts that playbooks and reasons may ask for, wherever the project's data can answer them.
CONTEXT_FEATURES = ("subscription_tenure_days", "subscription_days_to_renewal", "account_segment", "account_age_days")


def silent(_: str) -> None:
    return None


@dataclass(frozen=True)
class OpenedProject:
    """A project with its checked tables at hand."""

    project: Project
    ingested: Ingested
    facts: Facts


@dataclass(frozen=True)
class CheckedProject:
    """A project with its tables judged; usage is not rolled up, so there is nothing to compute features from."""

    project: Project
    ingested: Ingested


def open_data(
    root: Path,
    today: dt.date,
    progress: Progress = silent,
    engine: str | None = None,
    usage_since: Callable[[Project], dt.date] = lambda _: ALL_DAYS,
) -> OpenedProject:
    """Opens a project, reads its declarations, and reads and checks its tables.

    ``engine`` is what snapshots are computed on, instead of what the project declares; ``usage_since`` is the first day
    of the project's usage that will be looked at.
    """
    project = open_project(root)
    project.check_declarations()
    ingested = ingest(project, today, progress, _asked_of_rollups(project), usage_since(project))
    return open_ingested(project, ingested, engine)


def open_checked(root: Path, today: dt.date, progress: Progress = silent) -> CheckedProject:
    """Opens a project, reads its declarations, and judges its tables."""
    project = open_project(root)
    project.check_declarations()
    ingested = ingest(project, today, progress, _asked_of_rollups(project), None)
    _check_against_tables(project, ingested)
    return CheckedProject(project, ingested)


def read_whole(root: Path) -> None:
    """From now on, the tables of databases of a project are read whole once more, watermark or not."""
    forget_kept_rows(open_project(root).work / "warehouse")


def open_ingested(project: Project, ingested: Ingested, engine: str | None = None) -> OpenedProject:
    """A project whose tables were read and checked already; somebody holds them."""
    facts = facts_of(ingested, project.spec.static, engine_of(project, ingested, engine))
    _check_against_tables(project, ingested)
    opened = {"project": project.name, "data_through": facts.data_through, "models": len(project.model_names)}
    log.info("%(project)s opened with data through %(data_through)s and %(models)d models", opened)
    return OpenedProject(project, ingested, facts)


def _check_against_tables(project: Project, ingested: Ingested) -> None:
    """Raises ContractError where a declaration needs what the tables do not have."""
    for name in project.model_names:
        require_sources(project.model(name).label, ingested.given, str(project.declaration(name, "spec.yaml")))
    check_inputs(project.health, project.risk_features, str(project.declaration("health.yaml")))


def default_as_of(opened: OpenedProject) -> dt.date:
    """The newest date that can be scored: the midnight after the last full day."""
    return end_of_data(opened.facts.data_through)


def _asked_of_rollups(project: Project) -> frozenset[str]:
    """What the features of the project's models and of its health score ask of the usage roll-ups."""
    asked: frozenset[str] = frozenset()
    for name in project.model_names:
        spec = project.model(name)
        wish = project.wish(spec, ("any",) if spec.features.event_names else ())
        asked |= wanted_parts(spec.features.families, spec.features.exclude, wish, project.catalogue)
    for feature in _with_what_they_are_made_of(beside_names(project), project.risk_features):
        asked |= feature.parts
    return asked


def beside_names(project: Project) -> list[str]:
    """Features that health, the recency rival and the playbooks need, whichever the model sees."""
    asked = columns_asked(project.rules.names).values()
    return [*project.health.features, RECENCY, *CONTEXT_FEATURES, *asked]


def _with_what_they_are_made_of(names: Sequence[str], available: Mapping[str, Feature]) -> tuple[Feature, ...]:
    """The named features with all they are made of, in catalogue order; names not available are left out."""
    wanted: set[str] = set()
    ahead = [name for name in names if name in available]
    while ahead:
        name = ahead.pop()
        if name not in wanted and name in available:
            wanted.add(name)
            ahead += available[name].made_of
    return tuple(feature for name, feature in available.items() if name in wanted)


def features_by_name(opened: OpenedProject, names: Sequence[str], wish: Wish) -> tuple[Feature, ...]:
    """The named features with all they are made of, in catalogue order; those the data cannot answer left out."""
    catalogue = opened.project.catalogue
    answered = choose(tuple(catalogue), (), wish, opened.facts, catalogue)
    return _with_what_they_are_made_of(names, {feature.name: feature for feature in answered})


def built_for(opened: OpenedProject, predictor: Predictor, names: Sequence[str]) -> dict[str, Feature]:
    """The named features and the context as the project builds them today, by name; those it cannot are left out.

    Families are expanded over what they were when the model was trained.
    """
    built = features_by_name(opened, [*names, *CONTEXT_FEATURES], predictor.manifest.wish)
    return {feature.name: feature for feature in built}


def wish_for(opened: OpenedProject, spec: ModelSpec, known_before: dt.date) -> Wish:
    """What a model's families are expanded over; its most frequent events are those known before a date.

    Raises:
        UnknownNameError: a core event occurs nowhere in the data.
    """
    require_core_events(opened)
    names = spec.features.event_names
    if isinstance(names, int):
        names = snapshots.frequent_events(opened.facts, known_before, names)
    return opened.project.wish(spec, names)


def require_core_events(opened: OpenedProject | CheckedProject) -> None:
    """Raises UnknownNameError unless every core event occurs in the data: a misspelt one would count nothing."""
    declared = opened.project.spec.core_events
    if not declared or "usage_events" not in opened.ingested.given:
        return
    known = event_names(opened.ingested.path)
    for name in declared:
        if name not in known:
            where = f"{opened.project.root / PROJECT_FILE}: core_events"
            raise UnknownNameError("event in usage_events", name, known, where=where)
