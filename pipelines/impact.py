"""What the playbooks changed: outcomes collected and written down, effects told."""

from __future__ import annotations

from pathlib import Path

from churnml.acting.impact import ImpactReport
from churnml.adapters.store import open_store
from churnml.impact_job import assess, found_effects, outcome_rows, terms_of
from pipelines.clock import day, moment
from pipelines.engine import flow, task
from pipelines.progress import say
from pipelines.train import open_data

effects = task("the effect of every playbook")(assess)
outcomes = task("what became of everybody enrolled")(outcome_rows)


@flow("churnml impact")
def impact(project: str, today: str | None = None, engine: str | None = None) -> ImpactReport:
    """Writes down what became of everybody enrolled, and tells the effect of every playbook.

    Where ordering by the measured effect was shown to keep more, the list goes by it from the next date on.
    """
    opened = open_data(Path(project), day(today), say, engine)
    with open_store(opened.project.operational_url) as store:
        enrolled = store.outcomes.assignments()
        store.outcomes.add(outcomes(opened, enrolled), moment())
        risks, terms = store.outcomes.risks(), terms_of(opened.project.playbooks.measured)
        report = effects(opened, enrolled, store.work.pieces(), say, risks=risks, terms=terms)
        store.effects.add(found_effects(report), moment())
        return report
