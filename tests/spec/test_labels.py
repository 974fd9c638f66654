"""Every kind of label by its worked examples: who is eligible, who counts, and when it is final."""

from __future__ import annotations

import datetime as dt

import pandas as pd
import pytest
from pydantic import ValidationError

from churnml.errors import ContractError, TooLittleDataError
from churnml.features import Wish, choose
from churnml.labels import Label, require_sources
from churnml.snapshots import attach_label, build_snapshots, population
from tests.spec import narrowed_label_examples
from tests.spec.label_examples import AS_OF, CONTRACT, EVENT, LAPSE, UPSELL, LabelExample
from tests.spec.label_examples import EXAMPLES as EXAMPLES_OF_KINDS
from tests.spec.narrowed_label_examples import CONTRACTION
from tests.support import ALL_FAMILIES, day, facts_for, table

EXAMPLES = (*EXAMPLES_OF_KINDS, *narrowed_label_examples.EXAMPLES)


def labels_of(example: LabelExample, tmp_path) -> dict[str, str]:
    expect = table(example.expect)
    tables = dict(example.tables)
    tables.setdefault("accounts", pd.DataFrame({"account_id": expect["account_id"], "created_at": "2022-01-01"}))
    facts = facts_for(tmp_path, tables, static=list(example.static))
    label = Label.model_validate(example.label)
    labelled = attach_label(label, facts, population(label, facts, [example.as_of]))
    assert labelled["account_id"].is_unique
    written = {1.0: "1", 0.0: "0"}
    found = {row.account_id: written.get(row.label, "missing") for row in labelled.itertuples()}
    return {account: found.get(account, "not eligible") for account in expect["account_id"]}


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_a_label_is_what_its_worked_example_shows(example: LabelExample, tmp_path):
    expect = table(example.expect)
    assert labels_of(example, tmp_path) == dict(zip(expect["account_id"], expect["label"], strict=True))


def test_every_kind_of_label_has_examples_of_each_outcome():
    seen = {(example.label["kind"], said) for example in EXAMPLES for said in table(example.expect)["label"]}
    for kind in ("contract", "lapse", "event", "upsell", "contraction"):
        assert {(kind, "1"), (kind, "0"), (kind, "not eligible")} <= seen, kind


# ---------------------------------------------------------------- maturity


TABLES = {
    "accounts": "account_id | created_at\na | 2022-01-01",
    "subscriptions": "account_id | subscription_id | starts_at | mrr\na | s | 2023-01-01 | 100",
    "usage_events": "account_id | occurred_at | event\na | 2024-05-20 | login\na | 2024-06-20 | login",
    "churn_events": "account_id | churned_at\na | 2025-01-01",
}


@pytest.mark.parametrize(
    ("said", "settles"),
    [
        (CONTRACT, "2024-07-22"),
        (LAPSE, "2024-07-08"),
        (LAPSE | {"settle": 3}, "2024-07-11"),
        (EVENT | {"settle": 10}, "2024-07-18"),
        (UPSELL | {"mrr_up_by": 0.1}, "2024-07-08"),
        (CONTRACTION | {"mrr_down_by": 0.1}, "2024-07-08"),
    ],
    ids=["contract", "lapse", "lapse with settle", "event with settle", "upsell", "contraction"],
)
def test_a_label_whose_window_or_settling_reaches_past_the_data_is_refused(said, settles, tmp_path):
    label = Label.model_validate(said)
    last_needed = day(settles) - dt.timedelta(days=1)
    enough = facts_for(tmp_path / "enough", TABLES, data_through=str(last_needed))
    attach_label(label, enough, population(label, enough, [AS_OF]))
    short = facts_for(tmp_path / "short", TABLES, data_through=str(last_needed - dt.timedelta(days=1)))
    with pytest.raises(TooLittleDataError) as refused:
        attach_label(label, short, population(label, short, [AS_OF]))
    assert settles in refused.value.what
    assert "2024-05-31" in refused.value.remedy  # the newest cutoff that is mature


def test_a_label_without_its_table_is_refused_and_the_table_named(tmp_path):
    facts = facts_for(tmp_path, {"accounts": TABLES["accounts"], "usage_events": TABLES["usage_events"]})
    require_sources(Label.model_validate(LAPSE), facts.given, "spec.yaml")
    for said, source in (
        (CONTRACT, "subscriptions"),
        (EVENT, "churn_events"),
        (UPSELL | {"plans": ["a"]}, "subscriptions"),
    ):
        with pytest.raises(ContractError, match=source):
            require_sources(Label.model_validate(said), facts.given, "spec.yaml")


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "upsell"},
        {"kind": "contraction"},
        {"kind": "contraction", "mrr_down_by": 1.5},
        {"kind": "lapse", "due_within": [20, -10]},
        {"kind": "lapse", "grace": 3},
        {"kind": "event", "grace": 3},
        {"kind": "contract", "horizon": 0},
        {"kind": "contract", "gap": -1},
        {"kind": "weather"},
        {"kind": "contract", "horizn": 3},
    ],
    ids=str,
)
def test_a_label_that_cannot_be_meant_is_refused(said):
    with pytest.raises(ValidationError):
        Label.model_validate(said)


def test_a_cutoff_without_anybody_eligible_gives_no_rows_and_no_failure(tmp_path):
    facts = facts_for(tmp_path, TABLES)
    label = Label.model_validate(CONTRACT)
    spine = population(label, facts, [day("2020-01-01")])
    assert spine.empty
    features = choose(ALL_FAMILIES, (), Wish((7, 28), (), ()), facts)
    assert build_snapshots(facts, features, spine).empty
    assert attach_label(label, facts, spine).empty


def test_the_population_carries_what_the_account_pays_at_the_cutoff(tmp_path):
    tables = TABLES | {
        "accounts": "account_id | created_at | owner_id\na | 2022-01-01 | kim",
        "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr    | seats | plan
            a          | s1              | 2023-01-01 | 2024-05-01 | 100    | 5     | team
            a          | s1              | 2024-05-01 |            | 120.50 | 7     | scale
            a          | s2              | 2024-05-01 |            | 10     | 1     | starter
        """,
    }
    facts = facts_for(tmp_path, tables)
    row = population(Label.model_validate(CONTRACT), facts, [AS_OF]).iloc[0]
    assert (row["mrr"], row["mrr_cents"], row["seats"], row["plan"], row["owner_id"]) == (
        130.5,
        13050,
        8,
        "scale",
        "kim",
    )
    assert row["as_of"] == pd.Timestamp(AS_OF)
