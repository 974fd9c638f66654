"""What is append-only is so in the database itself, whoever comes with whatever program."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import sqlalchemy as sa

from churnml.adapters.store import Store, open_store, schema
from churnml.adapters.store.connections import Connections
from churnml.jobs.tokens import make_token
from churnml.ledger import EnrolmentOutcome, HealthEvent, HeldDay, MeasuredEffect, Override
from churnml.ledger.api import CallKey
from churnml.ledger.cockpit import AccountNote, SavedView
from churnml.specs.watching import BreakKind
from churnml.watch.breaks import DataBreak
from churnml.watch.profile import LoadProfile
from churnml.work.life import done
from tests.store.days import NOW, day, event, item, message, opening, record, scores, tries
from tests.store.test_monitoring import WATCH

LOAD = LoadProfile(day("02-29"), day("03-01"), True, {})


def fill(store: Store) -> None:
    """At least one row in every table."""
    on = day("03-01")
    declared = {"health": "bands: []"}
    events = [HealthEvent("a", on, "band", "healthy", "at_risk")]
    assert record(
        store,
        scores(on, "a"),
        "one",
        NOW,
        opening(on, "a"),
        declarations=declared,
        events=events,
        messages=[message("1")],
    )
    store.outbox.sent(store.outbox.claim(NOW)[0].delivery_id, NOW)
    store.overrides.add(Override("o1", "a", 80.0, "olga", "they renewed", on, on + dt.timedelta(days=30)), NOW)
    store.overrides.withdraw("o1", day("03-05"), NOW, who="olga", why="they did not")
    store.outcomes.add([EnrolmentOutcome("a", "rescue", on, "counted", 0.0, 1.0, "unasked", None, None)], NOW)
    store.watched.record(LOAD, "data", "fine", on, [DataBreak(BreakKind.DEAD, "usage_events", "", on)], NOW)
    store.watched.accept("usage_events.dead.2024-03-01", "olga", "it was switched off", on, NOW)
    held = replace(scores(day("03-02"), "a"), held=HeldDay(on, ("usage_events.dead.2024-03-01",)))
    assert record(store, held, "two", NOW)
    store.effects.add([MeasuredEffect("rescue", on, (0.0, 0.2), "it works")], NOW)
    store.monitoring.add(WATCH, NOW)
    store.notes.add(AccountNote("a", "olga", "they look at others", on), NOW)
    store.views.keep("olga", SavedView("my worst", {"band": "at_risk"}), NOW)
    token, _ = make_token(store, "crm", role="revops", owners=None, scopes=["work:write"], who="olga", now=NOW)
    was = store.work.items("a")[0]
    now = done(was, who=token.author, on=on)
    store.work.change(was, *now, NOW, call=CallKey(token.token_id, "key", "asked"))
    store.tokens.revoke("crm", NOW, who="olga", why="it was lost")


def rows(url: str, table: str) -> list[object]:
    connections = Connections(url)
    with connections.reading() as connection:
        found = [tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table} ORDER BY 1, 2"))]
    connections.close()
    return found


def test_every_table_is_either_guarded_or_known_to_change() -> None:
    assert {*schema.APPEND_ONLY, *schema.KEPT} == set(schema.metadata.tables)


def test_the_database_refuses_to_change_or_delete_what_stays(url: str, engine: str) -> None:
    with open_store(url) as store:
        fill(store)
    for name in schema.APPEND_ONLY:
        was = rows(url, name)
        assert was, name
        column = next(iter(schema.metadata.tables[name].c)).name
        statements = [f'UPDATE {name} SET "{column}" = "{column}"', f"DELETE FROM {name}"]
        if engine == "postgresql":
            statements.append(f"TRUNCATE {name} CASCADE")
        for statement in statements:
            with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
                tries(url, statement)
        assert rows(url, name) == was


def test_what_changes_may_change_but_never_goes(url: str) -> None:
    with open_store(url) as store:
        fill(store)
    for name, change in (("work", "owner = 'x'"), ("deliveries", "attempts = 9"), ("stamps", "stamp = 99")):
        tries(url, f"UPDATE {name} SET {change}")
        with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
            tries(url, f"DELETE FROM {name}")


def test_an_account_has_one_living_item_for_a_playbook_and_a_reason(store: Store) -> None:
    on = day("03-01")
    record(store, scores(on, "a"), "one", NOW, opening(on, "a"))
    second = item("a", on, work_id="another")
    twice = opening(on, "a")
    plan = type(twice)(work=(second,), events=(event("another", on, "opened"),))
    with pytest.raises(sa.exc.IntegrityError):
        record(store, scores(on, "a"), "two", NOW, plan)
    assert store.fingerprint(on) == "one"
