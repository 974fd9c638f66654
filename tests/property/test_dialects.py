"""A random company in a random dialect gives the features of the plain dialect to the bit, or a stop."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from benchmarks import dialects
from benchmarks.dialect_choices import CHOICES, Dialect, possible, random_dialect
from benchmarks.dialect_company import random_company
from benchmarks.dialect_losses import Losses, without
from benchmarks.dialects import (
    DIFFERENT,
    EQUAL,
    STOPPED,
    TOLD,
    Compared,
    Read,
    different,
    drawn,
    features_of,
    judged,
    of_company,
    read,
)
from tests.support import examples

# the benchmark reads two thousand; each costs some two seconds here
COMPANIES = examples(10)


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    return judged(tmp_path_factory.mktemp("dialects"), drawn(range(COMPANIES)))


@pytest.mark.slow  # the companies are read one by one
def test_no_company_differs_from_its_plain_dialect_without_a_word(every):
    silent = [
        (one.company.seed, one.dialect.named(), one.detail)
        for one in every
        if one.outcome not in (EQUAL, STOPPED, TOLD)
    ]
    assert len(every) == COMPANIES
    assert not silent


@pytest.mark.slow  # the companies are read one by one
def test_most_companies_are_read_and_not_stopped(every):
    outcomes = [one.outcome for one in every]
    assert outcomes.count(EQUAL) >= COMPANIES / 2


def test_the_comparison_sees_an_amount_a_time_a_name_and_an_end_that_are_not_the_same(tmp_path):
    company = random_company(3)
    event, first = company.events[0], company.terms[0]
    open_one = next(place for place, term in enumerate(company.terms) if term.ends_at is None)
    dearer = [replace(term, mrr=term.mrr + (place == open_one)) for place, term in enumerate(company.terms)]
    a_day = dt.timedelta(days=1)
    others = {
        "nothing": company,
        "amount": replace(company, terms=tuple(dearer)),
        "end": replace(company, terms=(replace(first, starts_at=first.starts_at - a_day), *company.terms[1:])),
        "missing": replace(company, events=company.events[1:]),
        "name": replace(company, events=(replace(event, event="other"), *company.events[1:])),
        "time": replace(company, events=(replace(event, occurred_at=event.occurred_at - a_day), *company.events[1:])),
    }
    stores = [(f"{name}/", read(tmp_path / name, other, Dialect()).ingested) for name, other in others.items()]
    features = features_of(stores)
    plain = of_company("nothing/", features)
    seen = {name: bool(different(plain, of_company(f"{name}/", features))) for name in others}
    assert seen == {name: name != "nothing" for name in others}


def test_every_choice_is_drawn_and_can_be_written():
    companies = [random_company(seed) for seed in range(14)] * 50
    dialects = [random_dialect(company, seed) for seed, company in enumerate(companies)]
    for name, values in CHOICES.items():
        assert {getattr(dialect, name) for dialect in dialects} == set(values), name
    for company, dialect in zip(companies, dialects, strict=True):
        assert possible(company, dialect) == dialect


QUANTITIES, TICKETS = (
    Losses(frozenset({("usage_events", "quantity")})),
    Losses(rows={"support_tickets": frozenset("t")}),
)


@pytest.mark.parametrize(
    ("readings", "outcome"),
    [
        ([((), Losses())], EQUAL),
        ([(("a",), Losses())], DIFFERENT),
        ([(("a",), QUANTITIES), ((), Losses())], TOLD),
        ([(("a",), QUANTITIES), (("b",), Losses())], DIFFERENT),
        ([(("a",), QUANTITIES), (("b",), TICKETS), ((), Losses())], TOLD),
        ([(("a",), QUANTITIES), (("b",), TICKETS), (("b",), Losses())], DIFFERENT),
    ],
)
def test_a_difference_is_told_only_where_nothing_differs_without_what_was_told(
    readings, outcome, tmp_path, monkeypatch
):
    whole, script = (random_company(3), Dialect()), iter(readings)

    def compared(root, given):
        ((company, dialect),), (differences, losses) = given, next(script)
        return [Compared(Read(company, dialect, object()), differences, losses)]

    monkeypatch.setattr(dialects, "compared", compared)
    assert [one.outcome for one in judged(tmp_path, [whole])] == [outcome]
    assert next(script, None) is None


def test_a_company_without_what_was_told_lacks_those_values_and_rows_and_nothing_else():
    company = random_company(3)
    event, ticket, account = company.events[0], company.tickets[0], company.accounts[-1].account_id
    losses = Losses(
        frozenset({("usage_events", "quantity"), ("subscriptions", "seats")}),
        {"usage_events": frozenset({event.event_id}), "support_tickets": frozenset({ticket.ticket_id})},
    )
    left = without(company, losses)
    assert left.events == tuple(replace(one, quantity=None) for one in company.events[1:])
    assert left.terms == tuple(replace(one, seats=None) for one in company.terms)
    assert left.tickets == tuple(one for one in company.tickets if one.ticket_id != ticket.ticket_id)
    assert left.accounts == company.accounts
    gone = without(company, Losses(rows={"accounts": frozenset({account})}))
    assert account not in {row.account_id for row in (*gone.accounts, *gone.terms, *gone.events, *gone.tickets)}
