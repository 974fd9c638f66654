"""What the playbooks changed: outcomes collected and written down, effects told."""

from __future__ import annotations

from pathlib import Path

from churnml.adapters.store import open_store
from churnml.impact.measures import Terms
from churnml.impact.report import ImpactReport
from churnml.jobs.impact import enrolments, judged, known_outcomes, measured_effects
from pipelines.clock import day, moment
from pipelines.engine import flow, task
from pipelines.parameters import Day, Engine
from pipelines.progress import say
from pipelines.train import open_data

outcomes = task("what became of everybody enrolled")(enrolments)
effects = task("the effect of every playbook")(judged)


@flow("churnml impact")
def impact(project: Path, today: Day | None = None, engine: Engine | None = None) -> ImpactReport:
    """Writes down what became of everybody enrolled, and tells the effect of every playbook.

    Where ordering by the measured effect was shown to keep more, the list goes by it from the next date on.
    """
    opened = open_data(project, day(today), say, engine)
    with open_store(opened.project.operational_url) as store:
        enrolled = outcomes(opened, store.outcomes.assignments(), store.work.items(), store.outcomes.risks())
        store.outcomes.add(known_outcomes(opened, enrolled), moment())
        report = effects(opened, enrolled, say, Terms(**opened.project.playbooks.measured.model_dump()))
        store.effects.add(measured_effects(report), moment())
        return report
