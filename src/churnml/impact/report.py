"""What is known of every playbook: effects with their intervals, arms with their counts, and a word on each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from churnml.impact.measures import Terms
from churnml.impact.targeting import Targeting
from churnml.jsontypes import JsonObject

Word = Literal["works", "harms", "no_sign", "not_yet", "unsound", "not_measured"]


@dataclass(frozen=True)
class Effect:
    """What treating changed in one measure, treated − held out, in its own unit (a share, or money a month).

    Args:
        measure: its name.
        treated, holdout: how many with an outcome.
        treated_mean, holdout_mean: their plain means; the estimate also uses what was known of each before.
        value, low, high: the estimate and its confidence sequence; None where it is not estimable.
        once_low, once_high: the interval for whoever looks once and never again, at 95 % for itself alone.
        why_not: why it is not estimable; empty when it is.
    """

    measure: str
    treated: int
    holdout: int
    treated_mean: float | None
    holdout_mean: float | None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    once_low: float | None = None
    once_high: float | None = None
    why_not: str = ""

    @property
    def outcomes(self) -> int:
        """How many accounts it rests on."""
        return self.treated + self.holdout


@dataclass(frozen=True)
class Counts:
    """How many accounts were enrolled, and what is known of them.

    Args:
        enrolled: in the arm.
        counted: whose window is over and whose outcome is known.
        waiting: whose window is not over.
        gone: that had left before they were enrolled, and nobody knew.
        vanished: that are no longer in the tables.
        worked: that a work item was opened for.
        elsewhere: that another playbook was worked on before the window closed.
    """

    enrolled: int
    counted: int
    waiting: int
    gone: int
    vanished: int
    worked: int
    elsewhere: int = 0


@dataclass(frozen=True)
class PlaybookImpact:
    """One playbook.

    Args:
        playbook, title, goal: which.
        treated, holdout: its arms.
        held_out: the mean probability of being held out, as drawn.
        decides: the measure the verdict rests on.
        effects: measure → effect.
        verdict: the word.
        sentence: the verdict in words.
        total_needed: accounts with an outcome needed in all, where not yet estimable; else None.
        more_needed: of those, how many are still to come, the waiting ones included.
        problems: what is wrong with the experiment, in words.
        targeting: whether its accounts had better be ordered by measured effect; None for a playbook to grow, and where
            nobody was held out.
    """

    playbook: str
    title: str
    goal: str
    treated: Counts
    holdout: Counts
    held_out: float
    decides: str
    effects: Mapping[str, Effect]
    verdict: Word
    sentence: str
    total_needed: int | None = None
    more_needed: int | None = None
    problems: tuple[str, ...] = ()
    targeting: Targeting | None = None


@dataclass(frozen=True)
class Together:
    """All playbooks as one programme: the mean over every enrolment, and what it comes to.

    Args:
        enrolments: treated and held out, with an outcome.
        effects: measure → mean effect of an enrolment.
        kept, won: MRR kept and won by all treated enrolments together, a month: value, low, high; None where unknown.
    """

    enrolments: int
    effects: Mapping[str, Effect]
    kept: tuple[float, float, float] | None
    won: tuple[float, float, float] | None


@dataclass(frozen=True)
class ImpactReport:
    """What is known of every playbook.

    Args:
        data_through: outcomes are of windows that end by then.
        terms: what was declared.
        alpha_each: the share of alpha each deciding interval has.
        currency: of money.
        playbooks: by name.
        together: all of them.
        stop: what to stop doing, in words.
        notes: what a reader must know, in words.
    """

    data_through: dt.date
    terms: Terms
    alpha_each: float
    currency: str
    playbooks: tuple[PlaybookImpact, ...]
    together: Together
    stop: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def knows_money(self) -> bool:
        """Whether any outcome of anybody who is known to pay was counted."""
        effects = [one.effects.get(name) for one in self.playbooks for name in ("kept_money", "won_money")]
        return any(effect is not None and effect.outcomes > 0 for effect in effects)

    def as_data(self) -> JsonObject:
        """Plain JSON data."""
        return {**asdict(self), "data_through": str(self.data_through)}
