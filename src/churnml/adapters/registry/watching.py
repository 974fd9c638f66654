"""What was watched of a model, on MLflow: a run for each version, its metrics along the scored dates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from churnml.adapters.registry.client import Metric, ModelVersion, mlflow
from churnml.adapters.registry.registered import LONGEST_REASON, WATCH_RUN_TAG, WATCHED_TAG
from churnml.adapters.registry.showing import log_metrics
from churnml.ledger.monitoring import ModelWatch, WatchedFigure
from churnml.timeline import day_number_of

# Figures of single features are as many as features, with names MLflow may refuse: they are in the store alone.
OF_FEATURES = ("index", "moved")


def log_watch(
    client: mlflow.MlflowClient,
    experiment: str,
    version: ModelVersion,
    watch: ModelWatch,
    news: Sequence[WatchedFigure],
    now: dt.datetime,
) -> None:
    """Adds a look to the version's run of looks, and says on the version what it came to.

    The step of a metric is its date as days since 1970-01-01.

    Args:
        client: of the registry.
        experiment: the id of the experiment a new run goes to.
        version: that was watched.
        watch: the look.
        news: those of its figures that say something new.
        now: when it was taken.
    """
    run_id = version.tags.get(WATCH_RUN_TAG) or _new_run(client, experiment, version)
    log_metrics(client, run_id, list(_metrics(news, _model_id(version), now)))
    came_to = "; ".join(f"{alarm.action}: {alarm.sentence}" for alarm in watch.alarms) or "nothing alarming"
    client.set_model_version_tag(
        version.name, version.version, WATCHED_TAG, f"{watch.as_of}: {came_to}"[:LONGEST_REASON]
    )


def _new_run(client: mlflow.MlflowClient, experiment: str, version: ModelVersion) -> str:
    tags = {
        "churnml.watches": f"{version.name} {version.version}",
        "mlflow.note.content": f"What was watched of version {version.version} of the model {version.name}, "
        "trained in the run " + str(version.run_id) + ". Steps are dates, as days since 1970-01-01.",
    }
    run = client.create_run(experiment, tags=tags, run_name=f"watch of {version.name} {version.version}")
    # a run that stays open would be taken for one that was killed
    client.set_terminated(run.info.run_id, "FINISHED")
    client.set_model_version_tag(version.name, version.version, WATCH_RUN_TAG, run.info.run_id)
    return str(run.info.run_id)


def _model_id(version: ModelVersion) -> str | None:
    """The logged model behind a version, on whose page its metrics shall stand too; None where MLflow has none."""
    logged = str(version.source).removeprefix("models:/")
    return version.model_id or (logged if logged.startswith("m-") else None)


def _metrics(figures: Iterable[WatchedFigure], model_id: str | None, now: dt.datetime) -> Iterable[Metric]:
    # MLflow refuses a second value of a moment and a step
    at = int(now.timestamp() * 1000)
    for figure in figures:
        if figure.kind == "drift" and figure.figure in OF_FEATURES:
            continue
        name = ".".join(part for part in (figure.kind, figure.figure, figure.part.replace(" ", "_")) if part)
        for suffix, value in (("", figure.value), (".low", figure.low), (".high", figure.high)):
            if value is not None:
                yield Metric(name + suffix, value, at, day_number_of(figure.as_of), model_id=model_id)
