"""Events a project declares to be what its product is bought for."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml

from churnml.errors import UnknownNameError
from churnml.jobs.features import features_at
from churnml.jobs.opening import open_data
from tests.support import TODAY, make_project

AS_OF = dt.date(2024, 6, 1)
TABLES = {
    "accounts": "account_id | created_at\na | 2022-01-01\nb | 2022-01-01",
    "usage_events": """
        account_id | occurred_at      | event  | known_at
        a          | 2024-05-30 10:00 | report |
        a          | 2024-05-20 10:00 | export |
        a          | 2024-05-20 11:00 | login  |
        a          | 2024-05-21 11:00 | login  |
        a          | 2024-05-21 12:00 | export | 2024-06-01
        b          | 2024-05-31 12:00 | login  |
    """,
}
SPEC = {
    "name": "churn",
    "means": "no use for four weeks",
    "label": {"kind": "lapse", "gap": 0, "horizon": 28},
    "features": {"families": ["usage.*"], "lookbacks": [7, 28], "event_names": 0},
}
HEALTH = {
    "dimensions": {"value": {"weight": 1, "means": "value", "inputs": [{"feature": "usage_core_share_28d"}]}},
    "risk": {"weight": 1, "points": [[0, 100], [10, 0]]},
    "bands": [{"name": "good", "at_least": 50}, {"name": "bad", "at_least": 0}],
}
PLAYBOOK = {
    "name": "value",
    "title": "Show what it is for",
    "goal": "care",
    "enter": "feature.usage_core_share_28d < 0.2 and reasons has 'usage.core'",
    "do": ["Show it."],
}


def project_with(root, core_events):
    make_project(root, TABLES, models=["churn"], core_events=core_events)
    (root / "models" / "churn").mkdir(parents=True)
    files = {"churn/spec.yaml": SPEC, "health.yaml": HEALTH, "playbooks.yaml": {"playbooks": [PLAYBOOK]}}
    for name, said in files.items():
        (root / "models" / name).write_text(yaml.safe_dump(said), encoding="utf-8")
    return root


def test_core_events_become_features_that_health_and_playbooks_may_name(tmp_path):
    opened = open_data(project_with(tmp_path, ["report", "export"]), TODAY)
    found = features_at(opened, [AS_OF], None).set_index("account_id")
    assert found.loc["a", ["usage_core_7d", "usage_core_28d"]].tolist() == [1, 2]
    assert found.loc["a", "usage_core_share_28d"] == 0.5
    assert found.loc["a", "usage_core_trend_7d_28d"] == 2
    assert found.loc["b", ["usage_core_28d", "usage_core_share_28d"]].tolist() == [0, 0]


def test_without_a_declaration_there_are_none_and_what_names_them_says_so(tmp_path):
    with pytest.raises(UnknownNameError, match="usage_core_share_28d"):
        open_data(project_with(tmp_path, []), TODAY)


def test_a_core_event_that_nobody_ever_did_is_an_error_when_features_are_chosen(tmp_path):
    opened = open_data(project_with(tmp_path, ["report", "exprot"]), TODAY)
    with pytest.raises(UnknownNameError, match="exprot") as mistake:
        features_at(opened, [AS_OF], None)
    assert "Did you mean 'export'?" in str(mistake.value)
    assert "core_events" in str(mistake.value)


def test_the_order_in_which_core_events_stand_changes_no_feature(tmp_path):
    one, other = (
        features_at(open_data(project_with(tmp_path / name, events), TODAY), [AS_OF], None)
        for name, events in (("one", ["report", "export"]), ("other", ["export", "report"]))
    )
    assert one.equals(other)
