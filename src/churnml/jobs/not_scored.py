"""Why an account that the tables hold has no score of a date."""

from __future__ import annotations

import datetime as dt

from churnml import snapshots
from churnml.errors import NotScoredError
from churnml.jobs.opening import OpenedProject
from churnml.labels import Label
from churnml.snapshots.eligibility import NotEligible, why_not_eligible

WHY_NOT = {
    NotEligible.NOT_THERE_YET: "it was created that day or later",
    NotEligible.NOT_PAYING: "no paying subscription was known then",
    NotEligible.NOTICE_GIVEN: "its notice was known then, so it is leaving already",
    NotEligible.NOT_ACTIVE: "it was not active in the {active_within} days before",
    NotEligible.NOT_DUE: "by its own rhythm it was not due between {due_first} and {due_last} days from then",
    NotEligible.PAYS_ALREADY: "it paid already then",
    NotEligible.OTHERS_MEANT: "the model speaks of others (population: {population})",
    NotEligible.LEFT: "its leaving was known then",
}


def why_not_scored(opened: OpenedProject, account_id: str, as_of: dt.date) -> NotScoredError | None:
    """What is told of an account that the tables hold, but no score of ``as_of``; None where they do not hold it."""
    if account_id not in snapshots.account_ids(opened.facts):
        return None
    spec = opened.project.model(opened.project.main_model)
    why = why_not_eligible(spec.label, opened.facts, account_id, as_of)
    if why is None:
        return NotScoredError(
            f"Account '{account_id}' has no score of {as_of}, but would have one now: the data or the label changed.",
            where=f"scores of {as_of}",
            remedy=f"Score that date anew: churnml score --as-of {as_of}.",
        )
    return NotScoredError(
        f"Account '{account_id}' is known, but was not scored on {as_of}: {_in_words(why, spec.label)}.",
        where=f"scores of {as_of}",
        remedy=f"Only accounts that model '{spec.name}' speaks of are scored (label: in "
        f"{opened.project.declaration(spec.name, 'spec.yaml')}). Name another date with --as-of.",
    )


def _in_words(why: NotEligible, label: Label) -> str:
    first, last = label.due_within or (0, 0)
    within = label.users_within if label.kind == "contraction" else label.active_within
    return WHY_NOT[why].format(active_within=within, due_first=first, due_last=last, population=label.population)
