"""What acting is worth: as declared, and as measured once that was shown to order the list better."""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnml.specs.playbooks import Playbook
from churnml.work.candidates import worth

FACTS = pd.DataFrame(
    {
        "account_id": ["a", "b", "c"],
        "churn_probability": [0.2, 0.5, np.nan],
        "upsell_probability": [0.1, 0.1, 0.1],
        "upsell_share": [0.1, 0.1, 0.1],
        "mrr": [1000.0, 100.0, 100.0],
    }
)


def playbook(goal: str = "keep") -> Playbook:
    return Playbook.model_validate(
        {
            "name": "p",
            "title": "P",
            "goal": goal,
            "enter": "mrr > 0",
            "do": ["call"],
            "effect": {"low": 0.0, "likely": 0.1, "high": 0.3},
        }
    )


def test_what_is_declared_counts_until_something_is_measured() -> None:
    found = worth(playbook(), FACTS)
    assert found.likely.tolist()[:2] == [20.0, 5.0]
    assert found.high.tolist()[:2] == [60.0, 15.0]
    assert np.isnan(found.likely[2])


def test_a_measured_line_takes_the_place_of_the_likely_effect_and_leaves_the_declared_range_beside_it() -> None:
    found = worth(playbook(), FACTS, (-0.05, 0.4))
    # (−0.05 + 0.4 × 0.2) × 1000 and (−0.05 + 0.4 × 0.5) × 100
    assert found.likely.tolist()[:2] == [30.0, 15.0]
    assert found.high.tolist()[:2] == [60.0, 15.0]
    assert np.isnan(found.likely[2])


def test_where_acting_is_measured_to_harm_it_is_worth_less_than_nothing() -> None:
    assert worth(playbook(), FACTS, (-0.1, 0.0)).likely.tolist()[0] == -100.0


def test_a_playbook_to_grow_has_no_line_over_the_risk_of_leaving() -> None:
    assert worth(playbook("grow"), FACTS, (0.5, 0.5)).likely.tolist() == worth(playbook("grow"), FACTS).likely.tolist()
