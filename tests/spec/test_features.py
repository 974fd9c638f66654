"""Every feature family by its worked examples, through the product's own door."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.errors import SpecError, UnknownNameError
from churnml.features import FAMILIES, Grain, Wish, choose, expand
from churnml.features.declare import CalendarWish
from tests.spec.feature_examples import ACCOUNTS, EXAMPLES, Example
from tests.support import facts_for, features_at, table


@pytest.mark.parametrize("example", EXAMPLES, ids=[f"{e.family}: {e.title}" for e in EXAMPLES])
def test_a_feature_has_the_value_its_worked_example_shows(example: Example, tmp_path):
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS} | dict(example.tables), static=list(example.static))
    needed = {other for f in _features(example) for other in f.made_of}
    families = {example.family} | {f.name for f in FAMILIES.values() if needed & {x.name for x in _of(f, example)}}
    found = features_at(
        facts,
        example.as_of,
        families=tuple(families),
        lookbacks=example.lookbacks,
        event_names=example.event_names,
        core_events=example.core_events,
        calendar=example.calendar,
    ).set_index("account_id")
    expect = table(example.expect).set_index("account_id")
    for account, values in expect.iterrows():
        for name, said in values.items():
            value = found.loc[account, name]
            if said == "":
                assert pd.isna(value), f"{account}: {name} is {value}, not missing"
            elif isinstance(value, str):
                assert value == said, f"{account}: {name}"
            else:
                # logarithms are summed in whole billionths
                assert value == pytest.approx(float(said), rel=1e-9, abs=1e-9), f"{account}: {name}"


def _of(family, example):
    return family.features(
        Wish(example.lookbacks, example.event_names, example.static, example.core_events, (14, 42), example.calendar)
    )


def _features(example):
    return _of(FAMILIES[example.family], example)


def test_every_family_has_a_worked_example():
    # what is placed on a scale from training cannot be worked out from the tables alone
    wish = Wish((7, 28), ("login",), ("segment",), ("report",), (14, 42))
    placed = {f.family for family in FAMILIES.values() for f in family.features(wish) if f.grain is Grain.PLACED}
    assert {example.family for example in EXAMPLES} == set(FAMILIES) - placed


def test_the_worked_examples_of_a_family_show_every_one_of_its_features():
    shown = {name for example in EXAMPLES for name in table(example.expect).columns}
    calendar = CalendarWish((7, 98), fiscal_year_starts=4, even_out=True)
    wish = Wish((7, 28), ("login",), ("industry",), ("report",), (14, 42), calendar)
    features = [f for family in FAMILIES.values() for f in family.features(wish) if f.grain is not Grain.PLACED]
    assert {f.name for f in features} - shown == set()


def test_an_example_speaks_of_its_own_family_only():
    for example in EXAMPLES:
        own = {feature.name for feature in _features(example)}
        assert set(table(example.expect).columns) - {"account_id"} <= own, example.title


def test_feature_names_are_unique_across_families():
    names = [
        f.name
        for family in expand(tuple(FAMILIES))
        for f in family.features(Wish((7, 28, 90), ("x",), ("y",), ("x", "z"), (14, 42)))
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("present", ["usage_events", "support_tickets", "subscriptions"])
def test_a_project_gets_the_features_of_the_tables_it_has_and_none_of_the_others(present, tmp_path):
    rows = {
        "usage_events": "account_id | occurred_at | event | user_id\na | 2024-05-31 | login | ann",
        "support_tickets": "account_id | ticket_id | opened_at\na | t | 2024-05-31",
        "subscriptions": "account_id | subscription_id | starts_at | mrr | seats\na | s | 2024-01-01 | 100 | 5",
    }
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS, present: rows[present]})
    chosen = choose(("usage.*", "tickets.*", "subscriptions.*", "account.*"), (), Wish((7, 28), (), ()), facts)
    groups = {f.family.split(".")[0] for f in chosen}
    assert groups == {{"usage_events": "usage", "support_tickets": "tickets"}.get(present, present), "account"}
    features_at(facts, EXAMPLES[0].as_of)


def test_a_feature_whose_column_the_project_does_not_give_is_left_out(tmp_path):
    facts = facts_for(
        tmp_path, {"accounts": ACCOUNTS, "usage_events": "account_id | occurred_at | event\na | 2024-05-31 | x"}
    )
    chosen = choose(("usage.*",), (), Wish((7, 28), (), ()), facts)
    families = {f.family for f in chosen}
    assert not families & {"usage.active_users", "usage.users_trend", "usage.depth", "usage.quantity"}
    assert "usage.events" in families


def test_families_that_none_of_the_tables_can_answer_are_told(tmp_path):
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS})
    with pytest.raises(SpecError, match="None of the declared"):
        choose(("usage.*",), (), Wish((7, 28), (), ()), facts)


def test_a_family_that_is_named_without_what_it_is_made_of_is_told_and_not_left_out_in_silence(tmp_path):
    rows = "account_id | occurred_at | event | user_id\na | 2024-05-31 | login | ann"
    facts = facts_for(tmp_path, {"accounts": ACCOUNTS, "usage_events": rows})
    wish = Wish((7, 28), (), ())
    for others in ((), ("account.age",)):
        with pytest.raises(SpecError, match="made of others that are not asked for") as told:
            choose(("usage.trend", *others), (), wish, facts)
        assert "usage.events" in told.value.remedy
    with_them = choose(("usage.trend", "usage.events"), (), wish, facts)
    assert {feature.family for feature in with_them} == {"usage.trend", "usage.events"}
    # a whole group is what can be built of it
    assert choose(("usage.*",), ("usage.events",), wish, facts)


def test_an_unknown_family_is_told_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"usage\.events"):
        expand(("usage.event",))
