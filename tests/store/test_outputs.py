"""The views that others build on: what they hold, what they hide, and how their columns may change."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from churnml.adapters.store import open_store
from churnml.adapters.store.connections import Connections
from churnml.ledger import DayPlan, HeldDay, LeavingCurve, LikelyPeriod, Reason, Timing, WorkItem
from churnml.ledger.outputs import OUTPUT_SCHEMA, OUTPUT_VIEWS
from tests.store.days import NOW, account, arm, day, decision, event, item, opening, record, scores

COLUMNS = Path(__file__).parent / "outputs"
PYTHON = {"text": str, "number": float, "count": int, "yes or no": (bool, int)}


def read(url: str, query: str) -> list[dict[str, Any]]:
    connections = Connections(url)
    with connections.reading() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(query)).mappings()]
    connections.close()
    return rows


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def test_the_columns_of_a_version_never_change() -> None:
    """Whoever changes a view counts the version up, and writes down the columns of the new one."""
    version = ".".join(map(str, OUTPUT_SCHEMA))
    kept = json.loads((COLUMNS / f"{version}.json").read_text("utf-8"))
    assert kept == {view.name: {column.name: column.kind for column in view.columns} for view in OUTPUT_VIEWS}


def test_the_views_hold_the_declared_columns_in_their_order_and_kind(url: str, engine: str) -> None:
    period = LikelyPeriod(day("03-08"), day("03-14"), 0.125)
    timing = Timing({"30": 0.2}, period, LeavingCurve((7, 14), (0.1, 0.2)))
    why = tuple(Reason(f"r{n}", "f", f"Reason {n} of 'Müller & Söhne', 100 %.", 1.0) for n in (1, 2, 3, 4))
    full = account("a", reasons=why, growth_reasons=why[:1], upsell_probability=0.5, timing=timing)
    with open_store(url) as store:
        record(
            store, scores(day("03-01"), replace(full, band_since=day("02-01"))), "one", NOW, opening(day("03-01"), "a")
        )
    for view in OUTPUT_VIEWS:
        (row,) = read(url, f"SELECT * FROM {view.name}")
        assert list(row) == [column.name for column in view.columns]
        for column in view.columns:
            value = row[column.name]
            if column.kind in PYTHON and value is not None:
                assert isinstance(value, PYTHON[column.kind]), column.name
            if column.kind == "date" and value is not None:
                assert isinstance(value, dt.date if engine == "postgresql" else str), column.name
                assert dt.date.fromisoformat(str(value)), column.name
    (row,) = read(url, "SELECT * FROM scores_latest")
    assert [row[f"reason_{n}"] for n in (1, 2, 3)] == [reason.sentence for reason in why[:3]]
    assert row["growth_reason_1"] == why[0].sentence
    assert (str(row["leaves_from"]), str(row["leaves_to"]), row["leaves_probability"]) == (
        "2024-03-08",
        "2024-03-14",
        0.125,
    )
    assert parsed(row["dimensions"]) == {"usage": 40.0, "support": None}
    assert parsed(row["models"]) == {"churn": "3", "upsell": None}
    assert not row["overridden"]


def test_what_is_not_known_is_null(url: str) -> None:
    bare = account("a", owner_id=None, mrr=None, health=None, reasons=(), churn_probability=None, mrr_at_risk=None)
    with open_store(url) as store:
        record(store, scores(day("03-01"), bare), "one", NOW)
    (row,) = read(url, "SELECT * FROM scores_latest")
    absent = {
        "stale_since",
        "name",
        "owner_id",
        "mrr",
        "health",
        "churn_probability",
        "mrr_at_risk",
        "upsell_probability",
        "band_since",
    }
    absent |= {"leaves_from", "leaves_to", "leaves_probability", "reason_1", "reason_2", "reason_3", "growth_reason_1"}
    assert {name for name, value in row.items() if value is None} == absent


def test_scores_are_those_of_the_newest_revision_of_the_newest_date(url: str) -> None:
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a", "left"), "one", NOW)
        record(store, scores(day("03-08"), account("a", health=10.0), "b"), "two", NOW)
        record(store, scores(day("03-08"), account("a", health=20.0), "b"), "three", NOW)
        record(store, scores(day("03-04"), account("a", health=30.0)), "late", NOW)
    latest = read(url, "SELECT account_id, health, revision FROM scores_latest ORDER BY account_id")
    assert [(row["account_id"], row["health"], row["revision"]) for row in latest] == [("a", 20.0, 2), ("b", 40.0, 2)]
    history = read(url, "SELECT as_of, account_id, health FROM scores_history ORDER BY as_of, account_id")
    assert [(str(row["as_of"])[5:], row["account_id"], row["health"]) for row in history] == [
        ("03-01", "a", 40.0),
        ("03-01", "left", 40.0),
        ("03-04", "a", 30.0),
        ("03-08", "a", 20.0),
        ("03-08", "b", 40.0),
    ]


def test_scores_that_broken_data_held_say_of_which_date_they_are(url: str) -> None:
    """Positive control: a date that was scored from its own data says nothing of the kind."""
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
        held = replace(scores(day("03-02"), "a"), held=HeldDay(day("03-01"), ("usage_events.dead.2024-03-01",)))
        record(store, held, "two", NOW)
    history = read(url, "SELECT as_of, stale_since FROM scores_history ORDER BY as_of")
    assert [(str(row["as_of"]), row["stale_since"] and str(row["stale_since"])) for row in history] == [
        ("2024-03-01", None),
        ("2024-03-02", "2024-03-01"),
    ]
    assert [str(row["stale_since"]) for row in read(url, "SELECT * FROM scores_latest")] == ["2024-03-01"]


def test_work_that_ended_is_not_open_and_snoozed_work_is(url: str) -> None:
    on = day("03-01")
    with open_store(url) as store:
        record(store, scores(on, "a", "b", "c"), "one", NOW, opening(on, "a", "b", "c"))
        for name, to in (
            ("b", {"state": "done", "ended_on": on, "ended_because": "spoke"}),
            ("c", {"state": "snoozed", "snoozed_until": day("03-20")}),
        ):
            was = item(name, on)
            store.work.change(was, WorkItem(**(vars(was) | to)), event(was.work_id, on, to["state"], "olga"), NOW)
    rows = read(url, "SELECT account_id, state, title, goal, snoozed_until FROM work_open ORDER BY account_id")
    assert [(row["account_id"], row["state"], row["title"], row["goal"]) for row in rows] == [
        ("a", "open", "Call", "keep"),
        ("c", "snoozed", "Call", "keep"),
    ]


def test_no_view_tells_who_is_held_out(url: str) -> None:
    """Positive control: the tables below do tell it."""
    on = day("03-01")
    held = decision(None, "held", "holdout", arm="holdout", title="Call the held-out account")
    plan = opening(on, "a")
    plan = DayPlan((*plan.decisions, held), plan.work, plan.events, (*plan.assignments, arm("held", on, arm="holdout")))
    with open_store(url) as store:
        record(store, scores(on, "a", "held"), "one", NOW, plan)
    assert "holdout" in str(read(url, "SELECT * FROM decisions")) + str(read(url, "SELECT * FROM assignments"))
    told = {view.name: str(read(url, f"SELECT * FROM {view.name}")) for view in OUTPUT_VIEWS}
    assert "holdout" not in str(told)
    assert "held-out" not in str(told)
    assert "'held'" not in told["work_open"]
    assert "'held'" in told["scores_latest"]


def test_a_role_that_may_read_the_views_reads_no_table(url: str, engine: str) -> None:
    if engine != "postgresql":
        pytest.skip("SQLite knows no roles")
    with open_store(url) as store:
        record(store, scores(day("03-01"), "a"), "one", NOW)
    connections = Connections(url)
    try:
        with connections.writing() as connection:
            schema = connection.scalar(sa.text("SELECT current_schema()"))
            views = ", ".join(view.name for view in OUTPUT_VIEWS)
            role = f"bi_{schema}"
            for statement in (
                f"CREATE ROLE {role}",
                f"GRANT USAGE ON SCHEMA {schema} TO {role}",
                f"GRANT SELECT ON {views} TO {role}",
            ):
                connection.execute(sa.text(statement))
        with connections.reading() as connection:
            connection.execute(sa.text(f"SET LOCAL ROLE {role}"))
            assert connection.scalar(sa.text("SELECT count(*) FROM scores_latest")) == 1
            with pytest.raises(sa.exc.ProgrammingError, match="permission denied"):
                connection.execute(sa.text("SELECT * FROM decisions"))
    finally:
        connections.close()
