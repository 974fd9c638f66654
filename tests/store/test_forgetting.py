"""An account is forgotten by every table of the store, on both engines, and nothing else changes."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from churnml.adapters.store import Store, open_store, schema
from churnml.adapters.store.connections import Connections
from churnml.errors import ProjectError
from churnml.ledger import EnrolmentOutcome, HealthTrace, HierarchyScore, Override
from churnml.ledger.cockpit import AccountNote, SavedView
from churnml.watch.profile import IdSample, LoadProfile, TableProfile
from tests.store.days import NOW, account, day, event, item, message, opening, record, scores
from tests.store.test_records_stay import fill, tries
from tests.store.test_versions import everything

GONE = "Müller-&-Söhne"
WEEK = dt.timedelta(days=7)


def live(store: Store) -> None:
    """Rows of GONE in every table that may hold one, beside those of others; a sibling's score names it."""
    fill(store)
    on = day("03-08")
    family = HealthTrace(hierarchies=(HierarchyScore(GONE, 50.0, 2, GONE), HierarchyScore("p", 1.0, 1, "p")))
    rows = [account(GONE), account("b", trace=family), account("c")]
    assert record(
        store,
        scores(on, *rows),
        "two",
        NOW + WEEK,
        opening(on, GONE, "b"),
        messages=[message("2", GONE), message("3", "b")],
    )
    (sent,) = [one for one in store.outbox.claim(NOW + WEEK) if one.subject == GONE]
    store.outbox.failed(sent.delivery_id, NOW + WEEK, f"{GONE} is not there", None)
    store.outbox.revive(sent.delivery_id, NOW + WEEK, who="rita", why=f"{GONE} is there now")
    store.outbox.claim(NOW + WEEK)
    store.outbox.sent(sent.delivery_id, NOW + WEEK)
    store.overrides.add(Override("o2", GONE, 80.0, "olga", "they renewed", on, on + 3 * WEEK), NOW)
    store.overrides.withdraw("o2", day("03-09"), NOW, who="olga", why="they did not")
    store.outcomes.add([EnrolmentOutcome(GONE, "rescue", on, "counted", 0.0, 1.0, "unasked", None, None)], NOW)
    was = item("b", on)
    done = replace(was, state="done", ended_on=on, ended_because=f"spoke with {GONE}, their parent")
    store.notes.add(AccountNote(GONE, "olga", f"{GONE} looks at others", on), NOW)
    store.notes.add(AccountNote("b", "olga", f"as {GONE} did", on), NOW)
    store.views.keep("olga", SavedView(f"like {GONE}", {"text": GONE}), NOW)
    store.work.change(was, done, event(was.work_id, on, "done", "olga", f"spoke with {GONE}"), NOW + WEEK)


def forget(store: Store, name: str = GONE) -> None:
    store.forget_account(name, "d" * 64, NOW + 2 * WEEK, who="rita", why="request 17")


def naming(url: str, name: str) -> dict[str, int]:
    """Table → rows in which a name stands, in any form JSON gives it."""
    forms = (name, name.encode("unicode_escape").decode().replace("\\x", "\\u00"))
    counts = {
        table: sum(any(form in str(row) for form in forms) for row in rows) for table, rows in everything(url).items()
    }
    return {table: many for table, many in counts.items() if many}


def test_no_row_of_any_table_names_a_forgotten_account(url: str) -> None:
    with open_store(url) as store:
        live(store)
        traces = store.traces_of_account(GONE)
        own = {"scores", "decisions", "work", "work_events", "assignments", "overrides", "override_withdrawals"}
        own |= {"deliveries", "delivery_attempts", "outcomes", "audit_log", "account_notes"}
        # positive control: every table that can name an account does, as own rows or in somebody else's
        assert set(traces.rows) == own
        assert set(traces.mentions) == {"scores", "work", "work_events", "audit_log", "account_notes", "saved_views"}
        assert set(naming(url, GONE)) >= own - {"override_withdrawals"}
        assert traces.sent == {"crm": 1}
        assert traces.arms == 1
        forget(store)
        after = store.traces_of_account(GONE)
        assert (after.rows, after.mentions, after.left) == ({}, {}, {})
    assert naming(url, GONE) == {}


def test_everybody_elses_rows_stay_as_they_were(url: str) -> None:
    with open_store(url) as store:
        live(store)
        was = everything(url)
        forget(store)
    now = everything(url)
    for table in schema.metadata.tables:
        missing, new = (
            [row for row in was[table] if row not in now[table]],
            [row for row in now[table] if row not in was[table]],
        )
        gone = [row for row in missing if not any(str(row[0]) == str(changed[0]) for changed in new)]
        assert all(
            GONE in str(row)
            or "M\\u00fc" in str(row)
            or table in ("override_withdrawals", "delivery_attempts", "work_events", "audit_log")
            for row in gone
        ), table
    with open_store(url) as store:
        assert [one.account_id for one in store.scored(day("03-08"))] == ["b", "c"]
        (b, _) = store.scored(day("03-08"))
        assert [family.parent for family in b.trace.hierarchies] == ["forgotten", "p"]
        (work,) = store.work.items("b")
        assert work.ended_because == "spoke with forgotten, their parent"
        assert {one.account_id for one in store.outcomes.assignments()} == {"a", "b"}


def test_the_audit_log_says_that_somebody_was_forgotten_by_a_digest_alone(url: str) -> None:
    with open_store(url) as store:
        live(store)
        forget(store)
        line = store.audit.entries(limit=1)[0]
    assert (line.what, line.who, line.why, line.subject) == ("account forgotten", "rita", "request 17", "d" * 16)
    assert line.details["rows"]["work"] == 1  # type: ignore[index,call-overload]


def test_what_stays_is_guarded_again_afterwards(url: str) -> None:
    with open_store(url) as store:
        live(store)
        forget(store)
        for name in (*schema.APPEND_ONLY, *schema.KEPT):
            if everything(url)[name]:
                with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
                    tries(url, f"DELETE FROM {name}")


def test_an_erasure_that_fails_in_the_middle_leaves_everything_and_its_guards(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from churnml.adapters.store import forgetting

    def breaks(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    with open_store(url) as store:
        live(store)
        was = everything(url)
        monkeypatch.setattr(forgetting, "audit", breaks)
        with pytest.raises(OSError, match="disk"):
            forget(store)
    assert everything(url) == was
    with pytest.raises(sa.exc.IntegrityError, match="what is written there stays"):
        tries(url, "DELETE FROM scores")


def test_a_number_that_is_an_accounts_id_takes_nothing_else_with_it(url: str) -> None:
    """Positive control: the delivery 1, the key 1 and the sibling's family are there, before and after."""
    family = HealthTrace(hierarchies=(HierarchyScore("1", 1.0, 1, "1"),))
    with open_store(url) as store:
        fill(store)
        record(
            store,
            scores(day("03-08"), "1", account("b", health=1.0, trace=family)),
            "two",
            NOW + WEEK,
            messages=[message("2", "b")],
        )
        deliveries = store.outbox.all()
        assert deliveries[0].delivery_id == 1
        was = everything(url)
        forget(store, "1")
        assert store.outbox.all() == deliveries
        (b,) = store.scored(day("03-08"))
        assert b.trace.hierarchies == (HierarchyScore("forgotten", 1.0, 1, "forgotten"),)
    now = everything(url)
    assert len(was["scores"]) - len(now["scores"]) == 1
    assert {name for name in was if was[name] != now[name]} == {"scores", "audit_log", "stamps"}


def test_the_files_of_the_store_let_go_of_it(url: str, engine: str, tmp_path: Path) -> None:
    if engine != "sqlite":
        pytest.skip("a server's files are its own: the command says so")
    files = lambda: b"".join(path.read_bytes() for path in tmp_path.glob("store_*"))  # noqa: E731 - read twice
    with open_store(url) as store:
        live(store)
        assert GONE.encode() in files()
        forget(store)
        assert GONE.encode() in files()  # what SQLite deletes stays in its pages: the control of what comes next
        assert store.compact()
        assert GONE.encode() not in files()
        assert b"M\\u00fcller" not in files()


def test_the_samples_that_loads_are_compared_by_hold_no_hash_of_it(url: str, engine: str) -> None:
    """Positive control: the same hashes are there before, and those of others afterwards, each with its own amount."""
    big = 10082795048040506171  # more than a signed number of 64 bits holds
    contracts = IdSample((3, 5, big), False, (10.0, 20.0, 30.0), (1.0, None, 3.0))
    tables = {
        "accounts": TableProfile(3, ids=IdSample((1, 2, big), True)),
        "subscriptions": TableProfile(3, ids=contracts),
    }
    load = LoadProfile(day("03-01"), day("03-02"), True, {**tables, "usage_events": TableProfile(9)})
    with open_store(url) as store:
        live(store)
        store.watched.record(load, "of the data", "fine", day("03-02"), [], NOW)
        known = store.watched.reference(day("03-08"), "other data")
        assert known is not None
        assert dict(known.tables) == dict(load.tables)
        store.forget_account(GONE, "d" * 64, NOW, who="rita", why="17", sampled=frozenset({big, 5, 77}))
        known = store.watched.reference(day("03-08"), "other data")
    assert known is not None
    assert known.tables["accounts"].ids == IdSample((1, 2), True)
    assert known.tables["subscriptions"].ids == IdSample((3,), False, (10.0,), (1.0,))
    assert known.tables["usage_events"] == TableProfile(9)


def test_a_plan_made_before_is_stale(store: Store) -> None:
    live(store)
    stamp = store.prior_state(day("03-15")).stamp
    forget(store)
    assert store.prior_state(day("03-15")).stamp == stamp + 1


def test_who_does_not_own_the_tables_is_told_and_removes_nothing(url: str, engine: str) -> None:
    if engine != "postgresql":
        pytest.skip("SQLite knows no owners")
    with open_store(url) as store:
        live(store)
    was = everything(url)
    connections = Connections(url)
    try:
        with connections.writing() as connection:
            place = connection.scalar(sa.text("SELECT current_schema()"))
            role = f"app_{place}"
            for statement in (
                f"CREATE ROLE {role} LOGIN",
                f"GRANT USAGE ON SCHEMA {place} TO {role}",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {place} TO {role}",
                f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {place} TO {role}",
            ):
                connection.execute(sa.text(statement))
    finally:
        connections.close()
    with (
        open_store(url.replace("churnml@", f"{role}@")) as store,
        pytest.raises(ProjectError, match="owner of its tables"),
    ):
        forget(store)
    assert everything(url) == was
