"""What is declared before anything is looked at, and what may have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Terms:
    """What is declared before anything is looked at.

    Args:
        alpha: the probability that any sequence of intervals that can decide about a playbook ever excludes its truth.
        worth: the smallest effect worth finding, as a share: of accounts that leave, of their own MRR kept, of
            accounts that grow. Less than that either way is called no effect.
        expected: accounts with an outcome, a playbook, at which intervals are to be narrowest.
        least_an_arm: fewer outcomes than this in either arm, and nothing is estimated.
        least_expected: a yes or no must, at its rate in both arms together, be expected this often in the smaller arm.
        cap: MRR at the window's end counts up to this multiple of what was paid at enrolment.
        power: with which ``worth`` is to be found; for "N more needed".
        questions: how many intervals share ``alpha``; None counts those of the playbooks that have enrolled anybody.
            Whoever means to add playbooks declares them all, so that nothing widens later.
    """

    alpha: float = 0.05
    worth: float = 0.02
    expected: int = 500
    least_an_arm: int = 25
    least_expected: float = 3.0
    cap: float = 2.0
    power: float = 0.8
    questions: int | None = None


@dataclass(frozen=True)
class Measure:
    """One thing that may have changed.

    Args:
        name: its column.
        window: which window it needs to be over: ``churn`` or ``upsell``.
        better: 1 where more is better, −1 where less is.
        start: what the guess starts from, as a line over the churn probability.
        of: for an amount of money: the share it is made of; its money is that share × MRR at enrolment.
    """

    name: str
    window: Literal["churn", "upsell"]
    better: int
    start: tuple[float, float] = (0.0, 0.0)
    of: str | None = None

    @property
    def column(self) -> str:
        return self.of or self.name


LEFT = Measure("left", "churn", -1, (0.0, 1.0))
KEPT = Measure("kept", "churn", 1, (1.0, -1.0))
KEPT_MONEY = Measure("kept_money", "churn", 1, (1.0, -1.0), of="kept")
GREW = Measure("grew", "upsell", 1)
WON = Measure("won", "upsell", 1)
WON_MONEY = Measure("won_money", "upsell", 1, of="won")
MEASURES = (LEFT, KEPT, KEPT_MONEY, GREW, WON, WON_MONEY)


@dataclass(frozen=True)
class About:
    """A playbook's own words.

    Args:
        title, goal: as declared.
        effect: the declared share of what is at stake that acting keeps, likeliest.
    """

    title: str
    goal: str
    effect: float = 0.1
