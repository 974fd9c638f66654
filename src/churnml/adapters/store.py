"""The operational store: scores and routing decisions, through SQLAlchemy and nothing else.

A date is scored in one transaction, so it is visible whole or not at all. Scoring a date again from the
same data, models and declarations changes nothing; from others it adds a new revision and keeps the old.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from churnml.acting.scoring import Scores
from churnml.errors import ProjectError, TooLittleDataError, UnknownNameError

metadata = sa.MetaData()

scorings = sa.Table(
    "scorings",
    metadata,
    sa.Column("scoring_id", sa.Integer, primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("scored_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("as_of", "revision"),
)
scores = sa.Table(
    "scores",
    metadata,
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), primary_key=True),
    sa.Column("account_id", sa.String(200), primary_key=True),
    sa.Column("owner_id", sa.String(200)),
    sa.Column("segment", sa.String(200)),
    sa.Column("mrr", sa.Float),
    sa.Column("churn_probability", sa.Float),
    sa.Column("upsell_probability", sa.Float),
    sa.Column("health", sa.Float),
    sa.Column("band", sa.String(60), nullable=False),
    sa.Column("coverage", sa.Float, nullable=False),
    sa.Column("dimensions", sa.JSON, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("growth_reasons", sa.JSON, nullable=False),
    sa.Column("mrr_at_risk", sa.Float),
    # when it may leave; a store from before has these added when it is opened
    sa.Column("leave_within", sa.JSON(none_as_null=True)),
    sa.Column("likely_period", sa.JSON(none_as_null=True)),
    sa.Column("left_by", sa.JSON(none_as_null=True)),
)
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), primary_key=True),
    sa.Column("account_id", sa.String(200), primary_key=True),
    sa.Column("place", sa.Integer, nullable=False),
    sa.Column("playbook", sa.String(60), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("goal", sa.String(20), nullable=False),
    sa.Column("steps", sa.JSON, nullable=False),
    sa.Column("owner", sa.String(200), nullable=False),
    sa.Column("due", sa.Date, nullable=False),
    sa.Column("because", sa.JSON, nullable=False),
    sa.Column("value", sa.Float),
)

BATCH = 5_000


class Store:
    """An opened operational store."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def record(self, scored: Scores, fingerprint: str, now: dt.datetime) -> bool:
        """Writes a scored date in one transaction; False when it already stands there.

        Args:
            scored: the date.
            fingerprint: names data, models and declarations; equal means nothing would change.
            now: when it was scored.
        """
        with self._engine.begin() as connection:
            present = self._newest(connection, scored.as_of)
            if present is not None and present.fingerprint == fingerprint:
                return False
            inserted = connection.execute(
                scorings.insert().values(
                    as_of=scored.as_of,
                    revision=1 if present is None else present.revision + 1,
                    fingerprint=fingerprint,
                    models=dict(scored.models),
                    scored_at=now,
                )
            )
            scoring_id = (
                inserted.lastrowid if inserted.inserted_primary_key is None else inserted.inserted_primary_key[0]
            )
            rows = [_score_row(scoring_id, account) for account in scored.accounts]
            for start in range(0, len(rows), BATCH):
                connection.execute(scores.insert(), rows[start : start + BATCH])
            routed = [_decision_row(scoring_id, i, d) for i, d in enumerate(scored.decisions, start=1)]
            for start in range(0, len(routed), BATCH):
                connection.execute(decisions.insert(), routed[start : start + BATCH])
        return True

    def fingerprint(self, as_of: dt.date) -> str | None:
        """The fingerprint of the newest scoring of a date."""
        with self._engine.connect() as connection:
            present = self._newest(connection, as_of)
        return None if present is None else str(present.fingerprint)

    def dates(self) -> list[dt.date]:
        """Every scored date, ascending."""
        with self._engine.connect() as connection:
            return list(connection.scalars(sa.select(scorings.c.as_of).distinct().order_by(scorings.c.as_of)))

    def scored(self, as_of: dt.date) -> list[dict[str, Any]]:
        """The newest scores of a date, by account id."""
        with self._engine.connect() as connection:
            scoring = self._scoring(connection, as_of)
            query = sa.select(scores).where(scores.c.scoring_id == scoring.scoring_id).order_by(scores.c.account_id)
            return [_plain(row) for row in connection.execute(query).mappings()]

    def queue(self, as_of: dt.date, owner: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
        """The decisions of a date in order, each with its account's score."""
        kept = [column for column in scores.c if column.name not in ("scoring_id", "account_id")]
        with self._engine.connect() as connection:
            scoring = self._scoring(connection, as_of)
            query = (
                sa.select(decisions, *kept)
                .join(
                    scores,
                    (scores.c.scoring_id == decisions.c.scoring_id) & (scores.c.account_id == decisions.c.account_id),
                )
                .where(decisions.c.scoring_id == scoring.scoring_id)
                .order_by(decisions.c.place)
            )
            if owner is not None:
                owners = connection.scalars(
                    sa.select(decisions.c.owner).where(decisions.c.scoring_id == scoring.scoring_id).distinct()
                ).all()
                if owner not in owners:
                    raise UnknownNameError("owner with open decisions", owner, owners)
                query = query.where(decisions.c.owner == owner)
            if limit is not None:
                query = query.limit(limit)
            return [_plain(row) for row in connection.execute(query).mappings()]

    def account(self, account_id: str, as_of: dt.date) -> dict[str, Any]:
        """One account on a date with its decision and its earlier scores; raises UnknownNameError."""
        with self._engine.connect() as connection:
            scoring = self._scoring(connection, as_of)
            here = scores.c.scoring_id == scoring.scoring_id
            row = (
                connection.execute(sa.select(scores).where(here, scores.c.account_id == account_id))
                .mappings()
                .one_or_none()
            )
            if row is None:
                known = connection.scalars(sa.select(scores.c.account_id).where(here)).all()
                raise UnknownNameError("scored account", account_id, known, where=f"scores of {as_of}")
            decision = (
                connection.execute(
                    sa.select(decisions).where(
                        decisions.c.scoring_id == scoring.scoring_id, decisions.c.account_id == account_id
                    )
                )
                .mappings()
                .one_or_none()
            )
            newest = (
                sa.select(scorings.c.as_of, sa.func.max(scorings.c.scoring_id).label("scoring_id"))
                .group_by(scorings.c.as_of)
                .subquery()
            )
            history = connection.execute(
                sa.select(newest.c.as_of, scores.c.health, scores.c.band, scores.c.churn_probability)
                .join(newest, newest.c.scoring_id == scores.c.scoring_id)
                .where(scores.c.account_id == account_id, newest.c.as_of <= as_of)
                .order_by(newest.c.as_of)
            ).mappings()
            return _plain(row) | {
                "as_of": as_of,
                "models": scoring.models,
                "decision": None if decision is None else _plain(decision),
                "history": [dict(entry) for entry in history],
            }

    def _scoring(self, connection: sa.Connection, as_of: dt.date) -> Any:
        found = self._newest(connection, as_of)
        if found is None:
            dates = connection.scalars(sa.select(scorings.c.as_of).distinct().order_by(scorings.c.as_of)).all()
            remedy = "Run 'churnml score' first." if not dates else f"Scored dates: {', '.join(map(str, dates[-5:]))}."
            raise TooLittleDataError(f"Nothing was scored for {as_of}.", remedy=remedy)
        return found

    @staticmethod
    def _newest(connection: sa.Connection, as_of: dt.date) -> Any:
        query = sa.select(scorings).where(scorings.c.as_of == as_of).order_by(scorings.c.revision.desc()).limit(1)
        return connection.execute(query).one_or_none()


def _score_row(scoring_id: int, account: Any) -> dict[str, Any]:
    row = asdict(account)
    row["dimensions"] = dict(account.dimensions)
    return {"scoring_id": scoring_id, **row}


def _decision_row(scoring_id: int, place: int, decision: Any) -> dict[str, Any]:
    return {"scoring_id": scoring_id, "place": place, **asdict(decision)}


def _plain(row: sa.RowMapping) -> dict[str, Any]:
    return {str(key): value for key, value in row.items() if key != "scoring_id"}


@contextmanager
def open_store(url: str) -> Iterator[Store]:
    """The store at ``url``, its tables made if they are not there; raises ProjectError."""
    try:
        engine = sa.create_engine(url)
        if engine.dialect.name == "sqlite":
            sa.event.listen(engine, "connect", _sqlite_settings)
        metadata.create_all(engine)
        _add_missing_columns(engine)
    except Exception as problem:
        # the driver's message may repeat the URL with its password: only the class is told
        raise ProjectError(
            f"The operational store cannot be opened ({type(problem).__name__}).",
            where="project.yaml, stores: operational",
            remedy="Check that the URL, the server and the credentials are right and the folder is writable.",
        ) from None
    try:
        yield Store(engine)
    finally:
        engine.dispose()


def _add_missing_columns(engine: sa.Engine) -> None:
    """Gives the tables of a store from before the columns they lack, empty; only such as may be empty are ever new."""
    quoted = engine.dialect.identifier_preparer.quote
    for table in metadata.sorted_tables:
        for name in _lacking(engine, table):
            column = sa.schema.CreateColumn(table.c[name]).compile(dialect=engine.dialect)
            try:
                with engine.begin() as connection:
                    connection.execute(sa.text(f"ALTER TABLE {quoted(table.name)} ADD COLUMN {column}"))
            except sa.exc.DBAPIError:
                # whoever opened the store at the same moment may have been faster
                if name in _lacking(engine, table):
                    raise


def _lacking(engine: sa.Engine, table: sa.Table) -> list[str]:
    present = {column["name"] for column in sa.inspect(engine).get_columns(table.name)}
    return [column.name for column in table.columns if column.nullable and column.name not in present]


def _sqlite_settings(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.close()
