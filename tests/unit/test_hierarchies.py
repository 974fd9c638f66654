"""Parents and children out of the project's own accounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnml.health.hierarchies import Hierarchies
from churnml.jobs.opening import open_data
from churnml.jobs.scoring import hierarchies_of
from churnml.ledger import ScoredAccount
from tests.store.days import account
from tests.support import TODAY, make_project

ACCOUNTS = """
account_id | created_at | parent_account_id
holding    | 2022-01-01 |
north      | 2022-01-01 | holding
south      | 2022-01-01 | holding
lost       | 2022-01-01 | nobody
"""
SUBSCRIPTIONS = "account_id | subscription_id | starts_at | mrr\nnorth | s | 2023-01-01 | 100"


def scored(account_id: str, health: float | None, band: str, mrr: float | None) -> ScoredAccount:
    return account(account_id, health=health, band=band, mrr=mrr)


SCORED = [
    scored("south", 20.0, "at_risk", 100.0),
    scored("north", 80.0, "healthy", 300.0),
    scored("holding", 5.0, "insufficient_data", 1000.0),
    scored("lost", None, "insufficient_data", None),
]


def hierarchies(root: Path, accounts: str, rollup: str | None = None) -> Hierarchies:
    project = make_project(root, {"accounts": accounts, "subscriptions": SUBSCRIPTIONS}, static=[])
    if rollup:
        declared = project.declaration("health.yaml").read_text("utf-8").replace("rollup: mrr", f"rollup: {rollup}")
        (root / "models").mkdir()
        (root / "models" / "health.yaml").write_text(declared, encoding="utf-8")
    return hierarchies_of(open_data(root, TODAY), SCORED)


def test_a_hierarchy_is_what_the_accounts_table_says_and_too_little_data_does_not_speak_for_it(tmp_path: Path):
    rolled = hierarchies(tmp_path, ACCOUNTS)
    (holding,) = rolled.hierarchies
    assert (holding.parent, holding.members, holding.known) == ("holding", ("holding", "north", "south"), 2)
    assert (holding.score, holding.mrr, holding.worst) == (65.0, 1400.0, "south")
    assert rolled.problems == ("Account 'lost' is under a parent that is no account ('nobody').",)


def test_how_it_is_rolled_up_is_declared(tmp_path: Path):
    assert hierarchies(tmp_path, ACCOUNTS, "worst").hierarchies[0].score == 20.0


@pytest.mark.parametrize("rollup", [None, "none"])
def test_without_parents_or_without_a_roll_up_there_are_no_hierarchies(rollup: str | None, tmp_path: Path):
    accounts = ACCOUNTS if rollup else "account_id | created_at\nnorth | 2022-01-01"
    assert hierarchies(tmp_path, accounts, rollup) == Hierarchies((), ())
