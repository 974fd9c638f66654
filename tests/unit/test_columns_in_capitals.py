"""To the engine ``Plan`` is ``plan``, so it is to us: a file with its header in capitals is read as another."""

from __future__ import annotations

import pandas as pd

from churnml.adapters.warehouse import facts_of, ingest
from tests.support import TODAY, day, features_at, make_project

CHEAP = ("usage.events", "subscriptions.mrr", "account.*")
ROWS = {
    "accounts": [("account_id", "created_at", "segment"), ("k1", "2024-01-05", "North"), ("k2", "2024-02-05", "South")],
    "subscriptions": [
        ("account_id", "subscription_id", "starts_at", "mrr", "plan"),
        ("k1", "s1", "2024-01-10", "40", "Pro"),
        ("k2", "s2", "2024-02-10", "60", "Team"),
    ],
    "usage_events": [
        ("account_id", "occurred_at", "event"),
        *[("k1", f"2024-11-{d:02d} 09:30", "login") for d in (3, 9)],
    ],
}


def features(root, upper):
    root.mkdir()
    frames = {
        name: pd.DataFrame(rows, columns=[column.upper() if upper else column for column in header])
        for name, (header, *rows) in ROWS.items()
    }
    project = make_project(root, frames, static=["segment"])
    return features_at(
        facts_of(ingest(project, TODAY), project.spec.static), day("2024-12-01"), families=CHEAP, lookbacks=(28,)
    )


def test_a_header_in_capitals_gives_the_features_of_one_in_small_letters(tmp_path):
    plain = features(tmp_path / "small", upper=False)
    assert plain["usage_events_28d"].tolist() == [2, 0]
    pd.testing.assert_frame_equal(features(tmp_path / "capitals", upper=True), plain, check_exact=True)
