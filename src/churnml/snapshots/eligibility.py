"""Why an account is not among those a label speaks of at a cutoff: by what was known then, as its population is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from enum import StrEnum

from churnml.labels import Label
from churnml.snapshots import population
from churnml.snapshots.known import contract_status
from churnml.snapshots.narrowing import says_who_pays
from churnml.stretches import cutoff_relation
from churnml.tables import Facts, Relation
from churnml.timeline import midnight


class NotEligible(StrEnum):
    """Why an account is left out of a population."""

    NOT_THERE_YET = "not_there_yet"
    NOT_PAYING = "not_paying"
    NOTICE_GIVEN = "notice_given"
    NOT_ACTIVE = "not_active"
    NOT_DUE = "not_due"
    PAYS_ALREADY = "pays_already"
    OTHERS_MEANT = "others_meant"
    LEFT = "left"


def why_not_eligible(label: Label, facts: Facts, account_id: str, as_of: dt.date) -> NotEligible | None:
    """Why an account of ``facts`` is not in the label's population at ``as_of``; None where it is."""
    own = _of_account(facts, account_id)
    if not own.accounts.filter(own.accounts["created_at"] < midnight(as_of)).count().to_pandas():
        return NotEligible.NOT_THERE_YET
    if len(population(label, own, [as_of])):
        return None
    if label.population is not None and len(population(label.model_copy(update={"population": None}), own, [as_of])):
        return NotEligible.OTHERS_MEANT
    if label.kind == "lapse":
        return NotEligible.NOT_ACTIVE if label.due_within is None else NotEligible.NOT_DUE
    if label.kind == "contraction" and not label.of_money and own.subscriptions is None:
        return NotEligible.NOT_ACTIVE
    if own.subscriptions is None:
        return NotEligible.LEFT
    status = contract_status(own, cutoff_relation([as_of])).to_pandas()
    pays = (status["mrr_cents"] > 0).any()
    if label.population is not None and says_who_pays(label, own):
        return NotEligible.OTHERS_MEANT
    if pays and label.starts_paying:
        return NotEligible.PAYS_ALREADY
    if not pays:
        return NotEligible.NOT_PAYING
    if status["leaving"].any() and not label.include_notice_given:
        return NotEligible.NOTICE_GIVEN
    return NotEligible.NOT_ACTIVE if label.kind == "contraction" else NotEligible.LEFT


def _of_account(facts: Facts, account_id: str) -> Facts:
    def narrowed(rows: Relation) -> Relation:
        return rows.filter(rows["account_id"] == account_id)

    return replace(
        facts,
        accounts=narrowed(facts.accounts),
        subscriptions=None if facts.subscriptions is None else narrowed(facts.subscriptions),
        churn_events=None if facts.churn_events is None else narrowed(facts.churn_events),
        usage_days=None if facts.usage_days is None else narrowed(facts.usage_days),
    )
