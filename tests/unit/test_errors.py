"""Mistakes told so that they can be mended."""

from __future__ import annotations

import copy

import pytest

from churnml.errors import ChurnmlError, ContractError, UnknownNameError, did_you_mean, nearest, without_secrets


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("acounts", "accounts"),
        ("Accounts", "accounts"),
        ("ACCOUNT_ID", "account_id"),
        ("usage_event", "usage_events"),
        ("zzz", None),
        ("", None),
    ],
)
def test_the_nearest_name_is_the_one_a_person_meant_or_none(name, meant):
    assert nearest(name, ["accounts", "account_id", "usage_events"]) == meant


def test_the_nearest_name_does_not_depend_on_the_order_of_the_names():
    assert nearest("plann", ["plan_b", "plan_a"]) == nearest("plann", ["plan_a", "plan_b"])


def test_without_a_near_name_the_names_are_listed_and_a_long_list_is_cut():
    assert did_you_mean("qqq", ["a", "b"]) == "What exists: 'a', 'b'."
    assert did_you_mean("qqq", [f"n{i:02d}" for i in range(15)]).endswith("'n11' and 3 more.")
    assert did_you_mean("qqq", []) == "There is nothing to choose from."


def test_a_message_says_what_where_and_the_remedy_each_on_its_line():
    said = str(ChurnmlError("It broke.", where="here", remedy="Mend it."))
    assert said == "It broke.\n  where:  here\n  remedy: Mend it."
    assert str(ChurnmlError("It broke.")) == "It broke."


def test_an_unknown_name_is_an_error_of_the_user_with_the_nearest():
    problem = UnknownNameError("table", "acounts", ["accounts"], where="project.yaml")
    assert isinstance(problem, ChurnmlError)
    assert "There is no table named 'acounts'." in str(problem)
    assert "Did you mean 'accounts'?" in str(problem)
    assert isinstance(ContractError("x"), ChurnmlError)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("postgresql://ada:hunter2@db/crm", "postgresql://***@db/crm"),
        ("postgresql://ada:hun/ter@2@db/crm is away", "postgresql://***@db/crm is away"),
        ("(postgresql+psycopg://:hunter2@db)", "(postgresql+psycopg://***@db)"),
        ("https://hunter2:@x.example", "https://***@x.example"),
        ("host=db password=hunter2 user=ada", "host=db password=*** user=ada"),
        ("sc://db:15002/;token=hunter2;x=1", "sc://db:15002/;token=***;x=1"),
        # nothing of a secret
        ("postgresql://ada@db/crm", "postgresql://ada@db/crm"),
        ("postgresql://ada:${PASSWORD}@db/crm", "postgresql://ada:${PASSWORD}@db/crm"),
        ("write token=${NAME}", "write token=${NAME}"),
        ("Use sqlite:///… or postgresql://….", "Use sqlite:///… or postgresql://…."),
        ("ada@example.com", "ada@example.com"),
    ],
)
def test_no_error_tells_the_password_of_an_address(told: str, shown: str) -> None:
    assert without_secrets(told) == shown
    mistake = ChurnmlError(told, where=told, remedy=told)
    assert str(mistake).count(shown) == 3
    assert copy.copy(mistake).what == shown
