"""What acting on an account is worth: probability × MRR × effect, in MRR a month.

``effect`` is the declared share of what is at stake that acting keeps or wins. It is a belief until ``churnml impact``
has measured it, so it comes as three numbers, and the value does too. Where the measured effect was shown to order the
list better (:mod:`churnml.impact.targeting`), the value is by that, and what the declaration says stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from churnml.specs.playbooks import Playbook

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """Expected MRR a month of a playbook for each row of facts; NaN where it is unknown.

    Args:
        low, likely, high: at the three declared effects.
    """

    low: Values
    likely: Values
    high: Values


def at_stake(goal: str, facts: pd.DataFrame) -> Values:
    """MRR a month that is expected to be lost (keep, care) or could be won (grow), for each row; NaN unknown.

    Args:
        goal: keep, grow or care.
        facts: a row an account, with ``mrr`` and the probability the goal is about. Of an upsell only the declared
            share of growth (``upsell_share``) is to be won, not the whole contract.
    """
    mrr = _numbers(facts, "mrr")
    if goal != "grow":
        return _numbers(facts, "churn_probability") * mrr
    share = np.nan_to_num(_numbers(facts, "upsell_share"), nan=1.0)
    return _numbers(facts, "upsell_probability") * mrr * share


def worth(playbook: Playbook, facts: pd.DataFrame, line: tuple[float, float] | None = None) -> Worth:
    """What ``playbook`` is worth for each row of ``facts``, to the cent.

    Args:
        playbook: which.
        facts: a row an account.
        line: share of MRR that acting was measured to keep at a churn probability of 0, and what is added for one of 1.
            A negative worth says that acting is expected to do harm: such an account is left alone.
    """
    stake = at_stake(playbook.goal, facts)
    effect = playbook.effect
    declared = Worth(*(np.round(stake * share, 2) for share in (effect.low, effect.likely, effect.high)))
    if line is None or playbook.goal == "grow":
        return declared
    measured = (line[0] + line[1] * _numbers(facts, "churn_probability")) * _numbers(facts, "mrr")
    return replace(declared, likely=np.round(measured, 2))


def _numbers(facts: pd.DataFrame, name: str) -> Values:
    if name not in facts:
        return np.full(len(facts), np.nan)
    return facts[name].to_numpy(dtype=np.float64, na_value=np.nan)
