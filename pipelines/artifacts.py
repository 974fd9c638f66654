"""Tables put on a run's page in Prefect, and the way from there to the MLflow run and back."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from churnml.adapters.registry import Registry, registry_of
from churnml.pages.artifacts import RunTable, model_table

if TYPE_CHECKING:
    from churnml.adapters.project import Project
    from churnml.modelling.record import ModelRecord

log = logging.getLogger("churnml.pipelines")


def under_prefect() -> bool:
    """Whether this is a run that Prefect records."""
    if os.environ.get("CHURNML_ENGINE") == "plain":
        return False
    from prefect.context import FlowRunContext

    return FlowRunContext.get() is not None


def publish(table: RunTable) -> None:
    """Puts a table on the run's page. A page that cannot be had fails no run: it is told in the log."""
    if not table.rows or not under_prefect():
        return
    from prefect.artifacts import create_table_artifact

    try:
        create_table_artifact([dict(row) for row in table.rows], key=table.key, description=table.description)
    except Exception as problem:
        log.warning(
            "the table %(key)s could not be put on the run's page (%(kind)s)",
            {"key": table.key, "kind": type(problem).__name__},
        )


def publish_model(project: Project, registry: Registry, record: ModelRecord) -> None:
    """A model's figures on the run's page, with the way to its MLflow run."""
    if record.version is None or not under_prefect():
        return
    run = registry.run_of(record.name, record.version)
    publish(model_table(project.name, record, f"[MLflow run]({run.url})" if run.url else f"MLflow run `{run.run_id}`."))


def traced_registry(project: Project) -> Registry:
    """The project's registry; what it records names the Prefect run it came from."""
    registry = registry_of(project)
    if under_prefect():
        from prefect.runtime import flow_run

        registry.run_tags = {"prefect.flow_run_id": str(flow_run.id), "prefect.flow_run_name": str(flow_run.name)}
        if page := flow_run.ui_url:
            registry.run_tags["prefect.flow_run_url"] = str(page)
    return registry
