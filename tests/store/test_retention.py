"""Histories shrink by declared age: what is old goes, what impact is measured from stays, and both are told."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from churnml.adapters.store import Store, open_store
from churnml.ledger import HealthEvent, HeldDay
from churnml.specs.project import Retention
from tests.store.days import NOW, account, day, message, opening, record, scores
from tests.store.test_records_stay import tries
from tests.store.test_versions import everything

TODAY = day("12-31")
LATER = NOW + dt.timedelta(days=300)
SCORES = Retention(scores_days=100)


def year(store: Store) -> None:
    """A date a month; on the first one accounts are enrolled; declarations change in the middle."""
    for month in range(1, 13):
        on, moment = dt.date(2024, month, 1), dt.datetime(2024, month, 1, 8)  # noqa: DTZ001 - as the store keeps it
        plan = opening(on, "a") if month == 1 else None
        scored = scores(on, account("a", churn_probability=month / 100), "b")
        if month == 2:
            scored = replace(scored, held=HeldDay(day("01-01"), ("usage_events.dead.2024-01-20",)))
        record(
            store,
            scored,
            f"fingerprint {month}",
            moment,
            *([plan] if plan else []),
            declarations={"health": "bands: [1]" if month < 6 else "bands: [2]"},
            events=[HealthEvent("b", on, "drop", "9", "1")],
            messages=[message(f"{month} {name}", name) for name in ("a", "b")],
        )
        for claimed in store.outbox.claim(moment):
            store.outbox.sent(claimed.delivery_id, moment)


def test_old_dates_go_and_the_scores_impact_reads_stay(url: str) -> None:
    with open_store(url) as store:
        year(store)
        risks = store.outcomes.risks()
        assert risks == {("a", day("01-01")): 0.01}
        gone = store.let_go(SCORES, TODAY, LATER)
        # from October on is younger than a hundred days
        assert store.dates() == [day("01-01"), *(dt.date(2024, month, 1) for month in (10, 11, 12))]
        assert [one.account_id for one in store.scored(day("01-01"))] == ["a"]
        assert store.outcomes.risks() == risks
        assert len(store.work.items()) == len(store.outcomes.assignments()) == 1
        assert gone.dates == (9, day("01-01"), day("09-01"))
        assert gone.rows == {"held_days": 1, "health_events": 9, "decisions": 1, "scores": 17, "scorings": 8}
        assert "1 scores of accounts on the day they were enrolled" in gone.kept[0]
        line = store.audit.entries(limit=1)[0]
        assert (line.what, line.details["scores_days"]) == ("aged rows removed", 100)
        assert store.aged(SCORES, TODAY).rows == {}


def test_what_is_shown_is_what_goes_and_showing_changes_nothing(url: str) -> None:
    with open_store(url) as store:
        year(store)
        was = everything(url)
        declared = Retention(scores_days=100, messages_days=30, audit_days=200)
        shown = store.aged(declared, TODAY)
        assert everything(url) == was
        gone = store.let_go(declared, TODAY, LATER)
    assert {name: many for name, many in gone.rows.items() if name in shown.rows} == dict(shown.rows)
    now = everything(url)
    for table, many in gone.rows.items():
        new = 1 if table == "audit_log" else 0
        assert len(was[table]) - len(now[table]) + new == many, table
    assert {table for table in was if was[table] != now[table]} == {*gone.rows, "audit_log", "stamps"}


def test_the_newest_date_stays_however_old_it_is(url: str) -> None:
    with open_store(url) as store:
        record(store, scores(day("01-01"), "a"), "one", NOW)
        record(store, scores(day("01-02"), "a"), "two", NOW)
        store.let_go(SCORES, dt.date(2030, 1, 1), LATER)
        assert store.dates() == [day("01-02")]
        assert store.prior_state(day("01-03")).bands["a"].band == "at_risk"


def test_declarations_that_no_date_names_any_more_go_with_it(url: str) -> None:
    with open_store(url) as store:
        year(store)
        assert len(everything(url)["declarations"]) == 2
        store.let_go(Retention(scores_days=90), dt.date(2025, 6, 1), LATER)
        # the date of the enrolment names the first one
        assert len(everything(url)["declarations"]) == 2
        record(store, scores(dt.date(2025, 6, 1), "a"), "new", LATER, declarations={"health": "bands: [3]"})
        gone = store.let_go(Retention(scores_days=90), dt.date(2025, 6, 2), LATER)
    assert gone.rows["declarations"] == 1
    assert sorted(row[2] for row in everything(url)["declarations"]) == ["bands: [1]", "bands: [3]"]


def test_messages_that_wait_or_are_a_receivers_newest_stay(url: str) -> None:
    with open_store(url) as store:
        for n, moment in enumerate((NOW, NOW + dt.timedelta(days=1), NOW + dt.timedelta(days=2))):
            on = day("03-01") + dt.timedelta(days=n)
            record(store, scores(on, "a"), str(n), moment, messages=[message(f"{n}"), message(f"b{n}", "b", "other")])
            for claimed in store.outbox.claim(moment):
                if claimed.receiver == "crm":
                    store.outbox.sent(claimed.delivery_id, moment)
        gone = store.let_go(Retention(messages_days=30), TODAY, LATER)
        assert gone.rows == {"delivery_attempts": 2, "deliveries": 2}
        assert [one.key for one in store.outbox.all() if one.receiver == "crm"] == ["2"]
        assert [one.state for one in store.outbox.all() if one.receiver == "other"] == ["pending"] * 3
        assert "4 messages" in gone.kept[0]


def test_the_guards_stand_again_afterwards(url: str) -> None:
    with open_store(url) as store:
        year(store)
        store.let_go(Retention(scores_days=100, messages_days=30, audit_days=100), TODAY, LATER)
    for table in ("scores", "scorings", "declarations", "audit_log", "deliveries", "delivery_attempts"):
        with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
            tries(url, f"DELETE FROM {table}")
