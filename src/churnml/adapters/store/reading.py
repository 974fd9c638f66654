"""What the store is asked by people: the list of a date, an account, what did not fit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import fields
from typing import TypeVar

import sqlalchemy as sa

from churnml.adapters.store.overrides import overrides_where
from churnml.adapters.store.schema import (
    decisions,
    declarations,
    health_events,
    held_days,
    overrides,
    scores,
    scorings,
    work,
)
from churnml.adapters.store.scorings import newest_of, newest_revisions
from churnml.adapters.store.work import COLUMNS as WORK_COLUMNS
from churnml.adapters.store.work import events_of, items_where
from churnml.errors import TooLittleDataError, UnknownNameError
from churnml.ledger import (
    LISTED,
    AccountStory,
    DatedHealth,
    Decision,
    HealthEvent,
    HeldDay,
    HistoryPoint,
    Overflow,
    QueueLine,
    RecordedAccount,
    RecordedBand,
    RecordedDecision,
    RecordedDeclaration,
    ScoredAccount,
    Scoring,
    StandingDay,
    WorkItem,
)
from churnml.ledger.rows import account_of, decision_of, event_of

# of a decision the place comes first
DECISION_NAMES = ("place", *(column.name for column in decisions.c if column.name not in ("scoring_id", "place")))
DECISION_COLUMNS = tuple(decisions.c[name] for name in DECISION_NAMES)
SCORE_NAMES = tuple(column.name for column in scores.c if column.name != "scoring_id")
SCORE_COLUMNS = tuple(scores.c[name] for name in SCORE_NAMES)
Point = TypeVar("Point", HistoryPoint, RecordedBand)


def dates(connection: sa.Connection) -> list[dt.date]:
    """Every scored date, ascending."""
    return list(connection.scalars(sa.select(scorings.c.as_of).distinct().order_by(scorings.c.as_of)))


def newest_made(connection: sa.Connection, as_of: dt.date) -> Scoring:
    """The newest scoring of a date; raises TooLittleDataError."""
    return newest_scoring(connection, as_of)[1]


def scored_at(connection: sa.Connection, as_of: dt.date) -> dt.datetime:
    """When a date was written last, in UTC without a zone; raises TooLittleDataError."""
    return newest_scoring(connection, as_of)[1].scored_at


def scored(connection: sa.Connection, as_of: dt.date) -> list[ScoredAccount]:
    """The newest scores of a date, by account id; raises TooLittleDataError."""
    here, _ = newest_scoring(connection, as_of)
    query = sa.select(*SCORE_COLUMNS).where(scores.c.scoring_id == here).order_by(scores.c.account_id)
    return [_account(row) for row in connection.execute(query)]


def accounts_scored(connection: sa.Connection, as_of: dt.date) -> int:
    """How many accounts the newest scoring of a date has; raises TooLittleDataError."""
    here, _ = newest_scoring(connection, as_of)
    query = sa.select(sa.func.count()).select_from(scores).where(scores.c.scoring_id == here)
    return int(connection.scalar(query) or 0)


def queue(
    connection: sa.Connection, as_of: dt.date, owner: str | None = None, limit: int | None = None
) -> list[QueueLine]:
    """The list of a date in order: what was opened or kept, with the account's score and what made the line.

    Of the newest date, what was done, dismissed, closed or snoozed since is left out, and owner and due date are
    the present ones; an earlier date shows its list as it was.
    """
    here, scoring = newest_scoring(connection, as_of)
    newest = as_of == connection.scalar(sa.select(sa.func.max(scorings.c.as_of)))
    present: dict[str, sa.ColumnElement[object]] = {name: decisions.c[name] for name in ("owner", "due")}
    on_list: sa.ColumnElement[bool] = decisions.c.outcome.in_(LISTED)
    if newest:
        # an earlier date shows its list as it was; the newest one as it is
        present = {name: sa.func.coalesce(work.c[name], column) for name, column in present.items()}
        on_list &= work.c.work_id.is_(None) | (work.c.state == "open")
    made = [present.get(column.name, column) for column in DECISION_COLUMNS]
    same = (scores.c.scoring_id == decisions.c.scoring_id) & (scores.c.account_id == decisions.c.account_id)
    joined = decisions.join(scores, same).outerjoin(work, work.c.work_id == decisions.c.work_id)
    wanted = (decisions.c.scoring_id == here) & on_list
    query = sa.select(*made, *SCORE_COLUMNS, *WORK_COLUMNS).select_from(joined).where(wanted)
    if owner is not None:
        owners = connection.scalars(sa.select(present["owner"]).select_from(joined).where(wanted).distinct())
        known = {str(name) for name in owners}
        if owner not in known:
            raise UnknownNameError("owner with open decisions", owner, known)
        query = query.where(present["owner"] == owner)
    lines = []
    # three rows in one, whose columns share names: they are told apart by place
    first, second = len(DECISION_COLUMNS), len(DECISION_COLUMNS) + len(SCORE_COLUMNS)
    for row in connection.execute(query.order_by(decisions.c.place).limit(limit)):
        item = WorkItem(*row[second:]) if newest and row[second] is not None else None
        lines.append(QueueLine(scoring, row[0], _decision(row[:first]), _account(row[first:second]), item))
    return lines


def decided(
    connection: sa.Connection,
    as_of: dt.date,
    dispositions: Sequence[str] | None = None,
    account_id: str | None = None,
) -> list[RecordedDecision]:
    """The decisions of a date's newest scoring in order, those not offered too; or only those ``dispositions``."""
    here, scoring = newest_scoring(connection, as_of)
    query = sa.select(*DECISION_COLUMNS).where(decisions.c.scoring_id == here).order_by(decisions.c.place)
    if dispositions is not None:
        query = query.where(decisions.c.outcome.in_(dispositions))
    if account_id is not None:
        query = query.where(decisions.c.account_id == account_id)
    return [RecordedDecision(scoring, row[0], _decision(row)) for row in connection.execute(query)]


def overflow(connection: sa.Connection, first: dt.date, last: dt.date | None = None) -> list[Overflow]:
    """What did not fit on the dates from ``first`` to ``last``, or on ``first``: by date, owner and playbook."""
    newest = newest_revisions(scorings.c.as_of.between(first, first if last is None else last))
    by = (newest.c.as_of, decisions.c.owner, decisions.c.playbook)
    sums = [sa.func.sum(decisions.c[name]) for name in ("value", "value_low", "value_high")]
    query = (
        sa.select(*by, sa.func.count(), *sums)
        .join(newest, newest.c.scoring_id == decisions.c.scoring_id)
        .where(decisions.c.outcome == "overflow")
        .group_by(*by)
        .order_by(*by)
    )
    return [Overflow(*row) for row in connection.execute(query)]


def account(connection: sa.Connection, account_id: str, as_of: dt.date) -> AccountStory:
    """One account on a date, with its past; raises UnknownNameError."""
    present = recorded(connection, account_id, as_of)
    if present is None:
        known = [one.account_id for one in scored(connection, as_of)]
        raise UnknownNameError("scored account", account_id, known, where=f"scores of {as_of}")
    history = _points(connection, HistoryPoint, scorings.c.as_of <= as_of, account_id)
    return AccountStory(
        scoring=present.scoring,
        account=present.account,
        previous=recorded(connection, account_id, history[-2].as_of) if len(history) > 1 else None,
        decisions=tuple(decided(connection, as_of, account_id=account_id)),
        history=tuple(history),
        health_events=tuple(health_changes(connection, dt.date.min, as_of, account_id)),
        work=tuple(items_where(connection, work.c.account_id == account_id)),
        work_events=tuple(events_of(connection, account_id=account_id)),
        overrides=tuple(overrides_where(connection, overrides.c.account_id == account_id)),
    )


def recorded(connection: sa.Connection, account_id: str, as_of: dt.date) -> RecordedAccount | None:
    """The account as it was scored on a date; None where it was not."""
    here, scoring = newest_scoring(connection, as_of)
    query = sa.select(*SCORE_COLUMNS).where(scores.c.scoring_id == here, scores.c.account_id == account_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else RecordedAccount(scoring, _account(row))


def health_changes(
    connection: sa.Connection, first: dt.date, last: dt.date, account_id: str | None = None
) -> list[HealthEvent]:
    """Changes of health on the dates from ``first`` to ``last``, in order."""
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    query = (
        sa.select(newest.c.as_of, health_events.c.account_id, health_events.c.kind, health_events.c.details)
        .join(newest, newest.c.scoring_id == health_events.c.scoring_id)
        .order_by(newest.c.as_of, health_events.c.event_id)
    )
    if account_id is not None:
        query = query.where(health_events.c.account_id == account_id)
    return [event_of(*row) for row in connection.execute(query)]


def bands(connection: sa.Connection, first: dt.date, last: dt.date) -> list[RecordedBand]:
    """Health and band of every account on every scored date from ``first`` to ``last``."""
    return _points(connection, RecordedBand, scorings.c.as_of.between(first, last))


def healths(connection: sa.Connection, first: dt.date, last: dt.date) -> dict[str, list[DatedHealth]]:
    """Account → its scored dates from ``first`` to ``last`` with its health, ascending; quick for many accounts.

    Dates that were held are left out: their scores are those of an earlier date.
    """
    newest = newest_revisions(scorings.c.as_of.between(first, last))
    held_ones = sa.select(held_days.c.scoring_id)
    healths: dict[str, list[DatedHealth]] = {}
    asked = sa.select(newest).where(newest.c.scoring_id.not_in(held_ones)).order_by(newest.c.as_of)
    for as_of, scoring_id in connection.execute(asked).all():
        query = sa.select(scores.c.account_id, scores.c.health).where(scores.c.scoring_id == scoring_id)
        for account_id, health in connection.execute(query):
            healths.setdefault(account_id, []).append(DatedHealth(as_of, health))
    return healths


def held(connection: sa.Connection, as_of: dt.date) -> HeldDay | None:
    """Why the scores of a date are those of an earlier one; None where they are its own, or it was not scored."""
    newest = newest_of(connection, as_of)
    query = sa.select(held_days).where(held_days.c.scoring_id == (newest[0] if newest else None))
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else HeldDay(row["stale_since"], tuple(row["breaks"]), row["unscored"])


def standing(connection: sa.Connection, as_of: dt.date) -> StandingDay | None:
    """The newest scoring, of a date or before it, that was not held; None where there is none."""
    query = (
        sa.select(scorings.c.scoring_id, scorings.c.as_of, scorings.c.models, scorings.c.fingerprint)
        .where(scorings.c.as_of <= as_of, scorings.c.scoring_id.not_in(sa.select(held_days.c.scoring_id)))
        .order_by(scorings.c.as_of.desc(), scorings.c.revision.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    accounts = sa.select(*SCORE_COLUMNS).where(scores.c.scoring_id == row[0]).order_by(scores.c.account_id)
    return StandingDay(row[1], tuple(_account(one) for one in connection.execute(accounts)), row[2], row[3])


def declaration(connection: sa.Connection, fingerprint: str) -> RecordedDeclaration:
    """A declaration as it was; raises UnknownNameError."""
    query = sa.select(declarations).where(declarations.c.fingerprint == fingerprint)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        known = connection.scalars(sa.select(declarations.c.fingerprint)).all()
        raise UnknownNameError("declaration on record", fingerprint, known)
    return RecordedDeclaration(**row)


def _points(
    connection: sa.Connection, shape: type[Point], dated: sa.ColumnElement[bool], account_id: str | None = None
) -> list[Point]:
    """What the fields of ``shape`` name, of the newest scorings, by date and account."""
    newest = newest_revisions(dated)
    columns = [newest.c.as_of, *(scores.c[field.name] for field in fields(shape) if field.name != "as_of")]
    query = sa.select(*columns).join(newest, newest.c.scoring_id == scores.c.scoring_id)
    query = query.order_by(newest.c.as_of, scores.c.account_id)
    if account_id is not None:
        query = query.where(scores.c.account_id == account_id)
    return [shape(**row) for row in connection.execute(query).mappings()]


def newest_scoring(connection: sa.Connection, as_of: dt.date) -> tuple[int, Scoring]:
    """The newest revision of a date and its number in the store; raises TooLittleDataError."""
    newest = newest_of(connection, as_of)
    if newest is None:
        days = dates(connection)
        remedy = "Run 'churnml score' first." if not days else f"Scored dates: {', '.join(map(str, days[-5:]))}."
        raise TooLittleDataError(f"Nothing was scored for {as_of}.", remedy=remedy)
    return newest


def _account(values: Sequence[object]) -> ScoredAccount:
    return account_of(dict(zip(SCORE_NAMES, values, strict=True)))


def _decision(values: Sequence[object]) -> Decision:
    return decision_of(dict(zip(DECISION_NAMES, values, strict=True)))
