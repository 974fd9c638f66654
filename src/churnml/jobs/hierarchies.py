"""Parents and their children at a scored date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from churnml import snapshots
from churnml.health.hierarchies import Families, roll_up
from churnml.health.score import INSUFFICIENT
from churnml.jobs.opening import OpenedProject


def families_of(opened: OpenedProject, scored: Sequence[Mapping[str, Any]]) -> Families:
    """The families of the project's accounts, rolled up as ``health.yaml`` says.

    A parent is the one ``accounts`` names today: the contract holds no earlier ones, so families are shown and feed
    no model.

    Args:
        opened: whose accounts.
        scored: the accounts of one date: ``account_id, health, band, mrr``. Where too little is known of an account
            its score does not speak for its family either.
    """
    how = opened.project.health.rollup
    links = {} if how == "none" else snapshots.parents(opened.facts)
    if not links:
        return Families((), ())
    rows = sorted(scored, key=lambda row: str(row["account_id"]))
    scores = [None if row["band"] == INSUFFICIENT or pd.isna(row["health"]) else float(row["health"]) for row in rows]
    mrr = [None if pd.isna(row["mrr"]) else float(row["mrr"]) for row in rows]
    return roll_up(how, [str(row["account_id"]) for row in rows], scores, mrr, links, links.keys())
