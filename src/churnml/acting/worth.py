"""What acting on an account is worth: probability × MRR × effect, in MRR a month.

``effect`` is the declared share of what is at stake that acting keeps or wins. It is a belief until ``churnml impact``
has measured it, so it comes as three numbers, and the value does too.
"""

from __future__ import annotations

from dataclasses import dataclass

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


def worth(playbook: Playbook, facts: pd.DataFrame) -> Worth:
    """What ``playbook`` is worth for each row of ``facts``, to the cent."""
    stake = at_stake(playbook.goal, facts)
    effect = playbook.effect
    return Worth(*(np.round(stake * share, 2) for share in (effect.low, effect.likely, effect.high)))


def _numbers(facts: pd.DataFrame, name: str) -> Values:
    if name not in facts:
        return np.full(len(facts), np.nan)
    return facts[name].to_numpy(dtype=np.float64, na_value=np.nan)
