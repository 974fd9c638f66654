"""The training flow: past snapshots in, a verdict on the newest mature cutoffs out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from churnml.adapters.registry import RegisteredModel, Registry
from churnml.errors import RegistryError
from churnml.jobs import judging, opening, recording, training, watching
from churnml.modelling.record import ModelRecord
from churnml.watch.breaks import DataBreak
from pipelines.artifacts import publish_model, traced_registry
from pipelines.clock import day
from pipelines.engine import flow, task
from pipelines.parameters import Day, Engine
from pipelines.progress import say

open_data = task("open project and check its tables")(opening.open_data)
open_registry = task("open the model registry")(traced_registry)
collect = task("collect labelled snapshots")(training.collect)
fit_challenger = task("fit the challenger")(training.fit_challenger)
judge_challenger = task("judge on the newest mature cutoffs")(judging.judge_challenger)
record_challenger = task("register, and promote if proven")(recording.record_challenger)


@task("read the present champion")
def champion_or_why(registry: Registry, name: str) -> tuple[RegisteredModel | None, str | None]:
    """The champion, or why it cannot be read: training goes on, promotion does not."""
    try:
        return registry.champion(name), None
    except RegistryError as problem:
        by_hand = f"to replace it, promote by hand: churnml models promote {name}"
        return None, f"the present champion cannot be read ({problem.what}); {by_hand}"


def stands(name: str, present: RegisteredModel | None, broken: Sequence[DataBreak]) -> ModelRecord:
    """The record of the model that stands because the load is broken; raises DataBreakError where there is none."""
    if present is None:
        raise watching.not_trained(name, broken)
    say(f"{name}: not trained, version {present.version} stands: {broken[0].break_id}")
    return present.record


def train_one(opened: opening.OpenedProject, registry: Registry, name: str, *, again: bool) -> ModelRecord:
    """Trains one model and says what came of it, as its record; nothing is done when nothing changed."""
    spec = opened.project.model(name)
    registry.mend(opened.project.name, name)
    marks = training.marks_of(opened)
    known = None if again else registry.find(name, training.training_fingerprint(opened, spec, marks))
    if known is not None:
        say(f"{name}: nothing has changed since version {known.version}; it is reused")
        return known
    champion, unreadable = champion_or_why(registry, name)
    if broken := watching.untrainable(opened):
        return stands(name, champion or registry.newest(name), broken)
    snapshots = collect(opened, spec, say, marks)
    say(f"{name}: fitting on {len(snapshots.split.train)} cutoffs, judging at {snapshots.split.judged}")
    challenger = fit_challenger(opened, spec, snapshots)
    present = champion.predictor if champion else None
    judged = judge_challenger(opened, spec, snapshots, challenger, present, unreadable)
    say(f"{name}: registering, {'promoted' if judged.verdict.promoted else 'not promoted'}")
    return record_challenger(
        opened, registry, spec, snapshots, challenger, judged, champion.version if champion else None
    )


@flow("churnml train")
def train(
    project: Path,
    models: list[str] | None = None,
    today: Day | None = None,
    again: bool = False,
    engine: Engine | None = None,
) -> dict[str, ModelRecord]:
    """Trains the named models of a project (all when none is named): name → record."""
    opened = open_data(project, day(today), say, engine)
    registry = open_registry(opened.project)
    records = {name: train_one(opened, registry, name, again=again) for name in models or opened.project.model_names}
    for record in records.values():
        publish_model(opened.project, registry, record)
    return records
