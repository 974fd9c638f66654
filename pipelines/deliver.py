"""The delivery flow: what the outbox holds is sent to the receivers, or shown."""

from __future__ import annotations

from pathlib import Path

from churnml.adapters.delivery import DeliveryReport
from churnml.adapters.delivery import deliver as empty_outbox
from churnml.adapters.project import Project, open_project
from churnml.adapters.store import open_store
from churnml.pages.artifacts import deliveries_table
from pipelines.artifacts import publish
from pipelines.clock import moment
from pipelines.engine import flow, task
from pipelines.progress import say


# tried again where the store does not answer; what did not arrive is due again, with a back-off of its own, later
@task("send what is due")
def send_what_is_due(project: Project, send: bool) -> DeliveryReport:
    """Sends, or says what would be sent."""
    with open_store(project.operational_url) as store:
        report = empty_outbox(project, store, send, moment, say)
        publish(deliveries_table(project.name, store.outbox.counts()))
        return report


@flow("churnml deliver")
def deliver(project: Path, send: bool = False) -> DeliveryReport:
    """Sends what is due to the receivers of ``models/delivery.yaml``; without ``send`` it shows what would be sent."""
    return send_what_is_due(open_project(project), send)
