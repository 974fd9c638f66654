"""What the store is asked by people: the list of a date, an account, what did not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.overrides import for_account
from churnml.adapters.store.schema import decisions, declarations, health_events, scores, scorings, work
from churnml.adapters.store.scorings import newest_of, newest_revisions
from churnml.adapters.store.work import events_of, items_of
from churnml.errors import TooLittleDataError, UnknownNameError

LISTED = ("opened", "kept")
TRACED = ("revision", "fingerprint", "models", "data_fingerprint", "declarations", "scored_at")
WORK_SHOWN = ("state", "opened_on", "minutes", "snoozed_until", "escalated_on")


def dates(connection: sa.Connection) -> list[dt.date]:
    """Every scored date, ascending."""
    return list(connection.scalars(sa.select(scorings.c.as_of).distinct().order_by(scorings.c.as_of)))


def scored(connection: sa.Connection, as_of: dt.date) -> list[dict[str, Any]]:
    """The newest scores of a date, by account id."""
    here = _scoring(connection, as_of).scoring_id
    query = sa.select(scores).where(scores.c.scoring_id == here).order_by(scores.c.account_id)
    return [_plain(row) for row in connection.execute(query).mappings()]


def queue(connection: sa.Connection, as_of: dt.date, owner: str | None, limit: int | None) -> list[dict[str, Any]]:
    """What :meth:`churnml.adapters.store.Store.queue` says."""
    scoring = _scoring(connection, as_of)
    newest = as_of == connection.scalar(sa.select(sa.func.max(scorings.c.as_of)))
    now: dict[str, Any] = {"owner": decisions.c.owner, "due": decisions.c.due}
    on_list: Any = decisions.c.outcome.in_(LISTED)
    if newest:
        # an earlier date shows its list as it was; the newest one as it is
        now = {name: sa.func.coalesce(work.c[name], column).label(name) for name, column in now.items()}
        on_list &= work.c.work_id.is_(None) | (work.c.state == "open")
    columns = [now.get(column.name, column) for column in decisions.c if column.name != "scoring_id"]
    shown = [work.c[name] for name in WORK_SHOWN] if newest else []
    kept = [column for column in scores.c if column.name not in ("scoring_id", "account_id")]
    same = (scores.c.scoring_id == decisions.c.scoring_id) & (scores.c.account_id == decisions.c.account_id)
    joined = decisions.join(scores, same).outerjoin(work, work.c.work_id == decisions.c.work_id)
    wanted = (decisions.c.scoring_id == scoring.scoring_id) & on_list
    query = sa.select(*columns, *shown, *kept).select_from(joined).where(wanted).order_by(decisions.c.place)
    if owner is not None:
        owners = set(connection.scalars(sa.select(now["owner"]).select_from(joined).where(wanted).distinct()))
        if owner not in owners:
            raise UnknownNameError("owner with open decisions", owner, owners)
        query = query.where(now["owner"] == owner)
    traced = {"as_of": as_of, **_traced(scoring)}
    return [{**_plain(row), **traced} for row in connection.execute(query.limit(limit)).mappings()]


def decided(
    connection: sa.Connection, as_of: dt.date, outcomes: Sequence[str] | None, account_id: str | None = None
) -> list[dict[str, Any]]:
    """What :meth:`churnml.adapters.store.Store.decided` says."""
    scoring = _scoring(connection, as_of)
    query = sa.select(decisions).where(decisions.c.scoring_id == scoring.scoring_id).order_by(decisions.c.place)
    if outcomes is not None:
        query = query.where(decisions.c.outcome.in_(outcomes))
    if account_id is not None:
        query = query.where(decisions.c.account_id == account_id)
    traced = {"as_of": as_of, **_traced(scoring)}
    return [{**_plain(row), **traced} for row in connection.execute(query).mappings()]


def overflow(connection: sa.Connection, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """What :meth:`churnml.adapters.store.Store.overflow` says."""
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    by = (newest.c.as_of, decisions.c.owner, decisions.c.playbook)
    sums = [sa.func.sum(decisions.c[name]).label(name) for name in ("value", "value_low", "value_high")]
    query = (
        sa.select(*by, sa.func.count().label("pieces"), *sums)
        .join(newest, newest.c.scoring_id == decisions.c.scoring_id)
        .where(decisions.c.outcome == "overflow")
        .group_by(*by)
        .order_by(*by)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def account(connection: sa.Connection, account_id: str, as_of: dt.date) -> dict[str, Any]:
    """What :meth:`churnml.adapters.store.Store.account` says."""
    scoring = _scoring(connection, as_of)
    here = scores.c.scoring_id == scoring.scoring_id
    row = connection.execute(sa.select(scores).where(here, scores.c.account_id == account_id)).mappings().one_or_none()
    if row is None:
        known = connection.scalars(sa.select(scores.c.account_id).where(here)).all()
        raise UnknownNameError("scored account", account_id, known, where=f"scores of {as_of}")
    made = decided(connection, as_of, None, account_id)
    history = _history(connection, account_id, as_of)
    return {
        **_plain(row),
        "as_of": as_of,
        **_traced(scoring),
        "decision": next((decision for decision in made if decision["outcome"] in LISTED), None),
        "decisions": made,
        "history": history,
        "previous": _previous(connection, account_id, history),
        "health_events": health_changes(connection, dt.date.min, as_of, account_id),
        "work": [asdict(item) for item in items_of(connection, account_id)],
        "work_events": [asdict(event) for event in events_of(connection, account_id=account_id)],
        "overrides": [asdict(override) for override in for_account(connection, account_id)],
    }


def health_changes(
    connection: sa.Connection, first: dt.date, last: dt.date, account_id: str | None = None
) -> list[dict[str, Any]]:
    """What :meth:`churnml.adapters.store.Store.health_events` says."""
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    query = (
        sa.select(newest.c.as_of, health_events.c.account_id, health_events.c.kind, health_events.c.details)
        .join(newest, newest.c.scoring_id == health_events.c.scoring_id)
        .order_by(newest.c.as_of, health_events.c.event_id)
    )
    if account_id is not None:
        query = query.where(health_events.c.account_id == account_id)
    found = connection.execute(query).mappings()
    return [{**row["details"], **{name: row[name] for name in ("as_of", "account_id", "kind")}} for row in found]


def bands(connection: sa.Connection, first: dt.date, last: dt.date) -> list[dict[str, Any]]:
    """What :meth:`churnml.adapters.store.Store.bands` says."""
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    names = ("account_id", "health", "raw_health", "coverage", "band", "band_since", "override_id", "mrr")
    query = (
        sa.select(newest.c.as_of, *(scores.c[name] for name in names))
        .join(newest, newest.c.scoring_id == scores.c.scoring_id)
        .order_by(newest.c.as_of, scores.c.account_id)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def healths(connection: sa.Connection, first: dt.date, last: dt.date) -> dict[str, list[tuple[dt.date, float | None]]]:
    """What :meth:`churnml.adapters.store.Store.healths` says."""
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    found: dict[str, list[tuple[dt.date, float | None]]] = {}
    for as_of, scoring_id in connection.execute(sa.select(newest).order_by(newest.c.as_of)).all():
        query = sa.select(scores.c.account_id, scores.c.health).where(scores.c.scoring_id == scoring_id)
        for account_id, health in connection.execute(query):
            found.setdefault(account_id, []).append((as_of, health))
    return found


def declaration(connection: sa.Connection, fingerprint: str) -> dict[str, Any]:
    """What :meth:`churnml.adapters.store.Store.declaration` says."""
    query = sa.select(declarations).where(declarations.c.fingerprint == fingerprint)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        known = connection.scalars(sa.select(declarations.c.fingerprint)).all()
        raise UnknownNameError("declaration on record", fingerprint, known)
    return dict(row)


def _history(connection: sa.Connection, account_id: str, as_of: dt.date) -> list[dict[str, Any]]:
    newest = newest_revisions(scorings.c.as_of <= as_of)
    names = ("health", "band", "churn_probability", "upsell_probability", "raw_health", "coverage", "override_id")
    query = (
        sa.select(newest.c.as_of, *(scores.c[name] for name in names))
        .join(newest, newest.c.scoring_id == scores.c.scoring_id)
        .where(scores.c.account_id == account_id)
        .order_by(newest.c.as_of)
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def _previous(connection: sa.Connection, account_id: str, history: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The account's whole row at the scoring before the last of its history."""
    if len(history) < 2:
        return None
    scoring = _scoring(connection, history[-2]["as_of"])
    query = sa.select(scores).where(scores.c.scoring_id == scoring.scoring_id, scores.c.account_id == account_id)
    return {**_plain(connection.execute(query).mappings().one()), "as_of": scoring.as_of, **_traced(scoring)}


def _scoring(connection: sa.Connection, as_of: dt.date) -> Any:
    found = newest_of(connection, as_of)
    if found is None:
        days = dates(connection)
        remedy = "Run 'churnml score' first." if not days else f"Scored dates: {', '.join(map(str, days[-5:]))}."
        raise TooLittleDataError(f"Nothing was scored for {as_of}.", remedy=remedy)
    return found


def _traced(scoring: Any) -> dict[str, Any]:
    return {name: getattr(scoring, name) for name in TRACED}


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    return {str(key): value for key, value in row.items() if key != "scoring_id"}
