"""What people call an account: read like a name, shown to people, and read by no feature."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest

from churnml.errors import ProjectError
from churnml.remarks import RemarkKind
from churnml.snapshots import account_names
from tests.store.days import account, day
from tests.support import facts_for, features_at, make_project
from tests.unit.test_values import read, rows_of

ACCOUNTS = pd.DataFrame(
    {
        "account_id": ["a1", "b2", "c3"],
        "created_at": ["2024-01-02", "2024-02-03", "2024-03-04"],
        "name": ["Müller & Söhne", "", "Client’s \u202eGmbH"],
    }
)
SUBSCRIPTIONS = """
    account_id | subscription_id | starts_at  | mrr
    ---------- | --------------- | ---------- | ---
    a1         | s1              | 2024-01-02 | 100
    b2         | s2              | 2024-02-03 | 200
    c3         | s3              | 2024-03-04 | 300
"""
AS_OF = dt.date(2024, 6, 1)


def test_a_name_is_read_without_what_an_export_put_around_it_and_that_is_told(tmp_path: Path) -> None:
    written = [" Acme Ltd\u00a0", "\\N", "NULL", "Client’s \u202eGmbH", "007"]
    typed, counts = read(tmp_path, {"accounts": rows_of("accounts", "name", written)})
    assert [None if pd.isna(one) else one for one in typed["accounts"]["name"]] == [
        "Acme Ltd",
        None,
        "NULL",
        "Client’s GmbH",
        "007",
    ]
    assert {(one.kind, one.column) for one in counts.remarks} == {
        (RemarkKind.NO_VALUE, "name"),
        (RemarkKind.DOUBTFUL_NAME, "name"),
        (RemarkKind.SPELLING, "name"),
    }


def test_names_change_no_feature_and_an_account_without_one_has_none(tmp_path: Path) -> None:
    without = ACCOUNTS.drop(columns="name")
    named = facts_for(tmp_path / "named", {"accounts": ACCOUNTS, "subscriptions": SUBSCRIPTIONS})
    unnamed = facts_for(tmp_path / "unnamed", {"accounts": without, "subscriptions": SUBSCRIPTIONS})
    assert account_names(named) == {"a1": "Müller & Söhne", "c3": "Client’s GmbH"}
    assert account_names(unnamed) == {}
    of_named, of_unnamed = (features_at(facts, AS_OF, families=("account.*",)) for facts in (named, unnamed))
    assert "name" not in of_named.columns
    pd.testing.assert_frame_equal(of_named, of_unnamed)


def test_a_name_can_be_declared_static_by_nobody(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="'name' is no attribute of an account"):
        make_project(tmp_path, {"accounts": ACCOUNTS}, static=["name"])


def test_the_list_and_the_account_are_printed_with_names() -> None:
    from churnml.ledger import QueueLine, Scoring
    from churnml.pages.terminal.accounts import queue_text
    from churnml.pages.terminal.work import work_list_text
    from tests.store.days import NOW, decision, item

    scoring = Scoring(day("03-01"), 1, "f", {}, None, None, NOW)
    line = QueueLine(scoring, 1, decision(None, "a1"), account("a1", name="Acme\x1b[2J Ltd"), None)
    assert "Acme�[2J Ltd (a1)" in queue_text(day("03-01"), [line])
    assert "Acme Ltd (a1)" in work_list_text([item("a1", day("03-01"))], {"a1": "Acme Ltd"})
