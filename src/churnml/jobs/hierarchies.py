"""Parents and their children at a scored date."""

from __future__ import annotations

from collections.abc import Sequence

from churnml import snapshots
from churnml.health.hierarchies import Hierarchies, roll_up
from churnml.health.score import INSUFFICIENT
from churnml.jobs.opening import OpenedProject
from churnml.ledger import ScoredAccount


def hierarchies_of(opened: OpenedProject, accounts: Sequence[ScoredAccount]) -> Hierarchies:
    """The hierarchies of the project's accounts, rolled up as ``health.yaml`` says.

    A parent is the one ``accounts`` names today: the contract holds no earlier ones, so hierarchies are shown and feed
    no model.

    Args:
        opened: whose accounts.
        accounts: those of one date. Where too little is known of one, its score does not speak for its parents either.
    """
    how = opened.project.health.rollup
    links = {} if how == "none" else snapshots.parents(opened.facts)
    if not links:
        return Hierarchies((), ())
    accounts = sorted(accounts, key=lambda account: account.account_id)
    scores = [None if account.band == INSUFFICIENT else account.health for account in accounts]
    ids, mrr = [account.account_id for account in accounts], [account.mrr for account in accounts]
    return roll_up(how, ids, scores, mrr, links, links.keys())
