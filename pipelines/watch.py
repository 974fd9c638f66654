"""After a scoring on its schedule: the champions are watched, and what is due is done, or asked for."""

from __future__ import annotations

from churnml.adapters.registry import Registry
from churnml.adapters.store import open_store
from churnml.errors import ChurnmlError
from churnml.jobs import watching_models
from churnml.jobs.acting import act_on
from churnml.jobs.opening import OpenedProject, default_as_of
from churnml.jobs.scoring import Champions
from churnml.ledger.monitoring import WatchedModels
from churnml.scoring.predictions import Predictions
from pipelines.clock import moment
from pipelines.engine import task
from pipelines.following import of_a_deployment, request_run
from pipelines.progress import say


@task("watch the champions")
def watch_champions(
    opened: OpenedProject, registry: Registry, champions: Champions, predictions: Predictions
) -> WatchedModels:
    """The champions at a date that was just scored, written down."""
    now = moment()
    with open_store(opened.project.operational_url) as store:
        watched = watching_models.watch_models(
            opened, registry, store, now, as_of=predictions.as_of, champions=champions, predictions=predictions
        )
        watching_models.record_watches(registry, store, watched, now, opened.project.name)
    return watched


def watch_after(opened: OpenedProject, registry: Registry, champions: Champions, predictions: Predictions) -> None:
    """Watches the champions after the newest date was scored, and sees to what is due.

    Only where this is a run of a deployment: whoever scores by hand watches by hand (``churnml models watch``). The
    scores stand already, so what cannot be watched is told and fails nothing.
    """
    if not of_a_deployment() or predictions.as_of < default_as_of(opened):
        return
    try:
        watched = watch_champions(opened, registry, champions, predictions)
        for watch in watched.watches:
            for alarm in watch.alarms:
                say(f"{watch.model}, version {watch.version}: {alarm.action}: {alarm.sentence}")
            if done := act_on(opened, registry, watch):
                say(done.splitlines()[0])
    except ChurnmlError as problem:
        say(f"the models are not watched: {problem.what}")
        return
    due = [watch.model for watch in watched.watches if watch.action == "train_now"]
    if due:
        request_run(opened.project, "train", f"what was watched of {', '.join(due)}")
