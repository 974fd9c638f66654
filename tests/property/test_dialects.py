"""A random company in a random dialect gives the features of the plain dialect to the bit, or a stop."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from benchmarks.dialect_choices import CHOICES, Dialect, possible, random_dialect
from benchmarks.dialect_company import random_company
from benchmarks.dialects import EQUAL, STOPPED, TOLD, different, drawn, features_of, judged, of_company, read
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
    a_day = dt.timedelta(days=1)
    others = {
        "nothing": company,
        "amount": replace(company, terms=(replace(first, mrr=first.mrr + 1), *company.terms[1:])),
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
