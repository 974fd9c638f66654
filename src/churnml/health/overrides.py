"""A person's word against the score: made with a reason and an end, applied where it is seen."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from churnml.errors import OverrideError
from churnml.health.score import DIGITS, Health, bands_of
from churnml.ledger import Override
from churnml.specs.health import HealthSpec
from churnml.timeline import plus_days

# A year: whoever would overrule a score for longer should change health.yaml.
LONGEST_DAYS = 365


def make_override(
    spec: HealthSpec, account_id: str, score: float, author: str, reason: str, made_on: dt.date, days: int | None = None
) -> Override:
    """An override that holds from ``made_on`` on, for ``days`` or as long as declared.

    The same words of the same author on the same date make the same override. Raises OverrideError.
    """
    author, reason = author.strip(), " ".join(reason.split())
    days = spec.override_days if days is None else days
    about = f"override of account '{account_id}'"
    if not author:
        raise OverrideError("An override needs an author.", where=about, remedy="Say who you are.")
    if not reason:
        raise OverrideError("An override needs a reason.", where=about, remedy="Say what the score misses.")
    if not 0 <= score <= 100:  # so that what is no number is refused too
        raise OverrideError(f"{score} is no health score.", where=about, remedy="Give a number from 0 to 100.")
    if not 1 <= days <= LONGEST_DAYS:
        raise OverrideError(
            f"An override cannot hold for {days} days.",
            where=about,
            remedy=f"Give 1 to {LONGEST_DAYS} days; what should hold for longer belongs into health.yaml.",
        )
    score = round(float(score), DIGITS)
    named = json.dumps([account_id, score, author, reason, str(made_on), days])
    name = hashlib.sha256(named.encode()).hexdigest()[:16]
    return Override(name, account_id, score, author, reason, made_on, plus_days(made_on, days))


def with_overrides(
    spec: HealthSpec, health: Health, account_ids: Sequence[str], overrides: Sequence[Override], on: dt.date
) -> Health:
    """``health`` with the score and band of whoever has an override that holds on that date.

    ``ruled`` and ``raw`` keep what the score would have been. Of several the newest holds; of those of one date the
    last by name. What was said after ``on``, or had ended by then, changes nothing.
    """
    standing = {
        override.account_id: override
        for override in sorted(overrides, key=lambda o: (o.made_on, o.override_id))
        if override.holds_on(on)
    }
    held = [standing.get(account_id) for account_id in account_ids]
    rows = np.array([row for row, override in enumerate(held) if override], dtype=int)
    score, band = health.ruled.copy(), bands_of(spec, health.ruled, health.coverage)
    score[rows] = [override.score for override in held if override]
    # whoever says so knows the account: too little data is no objection
    band[rows] = bands_of(spec, score[rows], np.ones(len(rows)))
    return replace(health, score=score, band=band, overrides=held)
