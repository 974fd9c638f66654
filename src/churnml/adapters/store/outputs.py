"""The views that others build on, as SQL of both engines: their columns are declared in ``ledger/outputs.py``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.schema import decisions, held_days, scores, scorings, work
from churnml.adapters.store.scorings import newest_revisions
from churnml.ledger import ENDED
from churnml.ledger.outputs import OUTPUT_SCHEMA, OUTPUT_VIEWS

# columns of any type, side by side
Expressions = Mapping[str, sa.ColumnElement[Any]]


def make_output_views(connection: sa.Connection) -> None:
    """Makes the declared views anew, in the transaction of ``connection``."""
    drop_output_views(connection)
    for name, query in _queries(connection.dialect.name == "postgresql").items():
        text = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {text}")


def drop_output_views(connection: sa.Connection) -> None:
    """Takes the views away: PostgreSQL alters no column that a view shows."""
    for view in OUTPUT_VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")


def _queries(on_postgresql: bool) -> dict[str, sa.Select[tuple[object, ...]]]:
    """View → its SELECT, with exactly the declared columns in their order."""
    newest = newest_revisions(sa.true())
    latest = sa.select(sa.func.max(scorings.c.as_of)).scalar_subquery()
    every = scores.join(newest, newest.c.scoring_id == scores.c.scoring_id)
    dated = every.join(scorings, scorings.c.scoring_id == scores.c.scoring_id).outerjoin(
        held_days, held_days.c.scoring_id == scores.c.scoring_id
    )
    major, minor = OUTPUT_SCHEMA
    version: Expressions = {"major": sa.literal(major), "minor": sa.literal(minor)}
    return {
        "output_schema": sa.select(*_declared("output_schema", version)),
        "scores_latest": sa.select(*_declared("scores_latest", _score(on_postgresql)))
        .select_from(dated)
        .where(scorings.c.as_of == latest),
        "scores_history": sa.select(*_declared("scores_history", _score(on_postgresql))).select_from(dated),
        "work_open": sa.select(*_declared("work_open", _work())).where(work.c.state.not_in(ENDED)),
    }


def _declared(view: str, expressions: Expressions) -> list[sa.Label[object]]:
    columns = next(one.columns for one in OUTPUT_VIEWS if one.name == view)
    if {column.name for column in columns} != set(expressions):
        raise ValueError(f"the view {view} has other columns than are declared")
    return [expressions[column.name].label(column.name) for column in columns]


def _score(on_postgresql: bool) -> Expressions:
    period = scores.c.likely_period
    plain = (
        "account_id",
        "owner_id",
        "segment",
        "mrr",
        "health",
        "band",
        "band_since",
        "coverage",
        "dimensions",
        "name",
    )
    probabilities = ("churn_probability", "upsell_probability", "mrr_at_risk")
    return {
        **{name: scorings.c[name] for name in ("as_of", "revision", "scored_at", "models")},
        **{name: scores.c[name] for name in (*plain, *probabilities)},
        "stale_since": held_days.c.stale_since,
        "overridden": scores.c.override_id.is_not(None),
        "leaves_from": _day(period["from"].as_string(), on_postgresql),
        "leaves_to": _day(period["to"].as_string(), on_postgresql),
        "leaves_probability": period["probability"].as_float(),
        **{f"reason_{place + 1}": scores.c.reasons[(place, "sentence")].as_string() for place in range(3)},
        "growth_reason_1": scores.c.growth_reasons[(0, "sentence")].as_string(),
    }


def _work() -> Expressions:
    plain = ("work_id", "account_id", "playbook", "reason", "owner", "state", "opened_on", "due", "snoozed_until")
    return {
        **{name: work.c[name] for name in (*plain, "escalated_on", "minutes", "cost", "value")},
        **{name: _newest_word(decisions.c[name]) for name in ("title", "goal")},
    }


def _newest_word(column: sa.ColumnElement[object]) -> sa.ColumnElement[object]:
    """What the newest decision about a work item says."""
    # by the account, because there is an index on that
    about = (decisions.c.account_id == work.c.account_id) & (decisions.c.work_id == work.c.work_id)
    return sa.select(column).where(about).order_by(decisions.c.scoring_id.desc()).limit(1).scalar_subquery()


def _day(text: sa.ColumnElement[str], on_postgresql: bool) -> sa.ColumnElement[dt.date] | sa.ColumnElement[str]:
    """A date out of JSON: on SQLite, as every date there, its ISO text."""
    return sa.cast(text, sa.Date) if on_postgresql else text
