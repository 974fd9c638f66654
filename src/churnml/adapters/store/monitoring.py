"""What was seen of the models: every look, every figure that said something new, and the scores they are made from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import fields

import sqlalchemy as sa

from churnml.adapters.store.connections import Connections, utc
from churnml.adapters.store.schema import columns_of, held_days, model_figures, model_watches, scores, scorings
from churnml.adapters.store.scorings import newest_revisions
from churnml.adapters.store.writing import insert, some_at_a_time
from churnml.ledger.monitoring import FigureKind, ModelWatch, PastScoring, WatchAlarm, WatchedFigure

FIGURE_KEY = ("kind", "as_of", "version", "figure", "part")
IN_ORDER = scorings.c.scoring_id.not_in(sa.select(held_days.c.scoring_id))
# What a store rounds is not new.
DIGITS = 12


class Monitoring:
    """The looks of a store at its models."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def news(self, watch: ModelWatch) -> list[WatchedFigure]:
        """The figures of a look that say something new."""
        with self._connections.reading() as connection:
            return _news(connection, watch)

    def add(self, watch: ModelWatch, now: dt.datetime) -> bool:
        """Adds a look with those of its figures that say something new; False where it says nothing new at all.

        Args:
            watch: the look.
            now: when it was taken.
        """
        with self._connections.writing() as connection:
            new = _news(connection, watch)
            before = _watches(connection, watch.model, watch.as_of)
            if not new and before and _verdict(before[-1]) == _verdict(watch):
                return False
            values = {
                "model": watch.model,
                "version": watch.version,
                "as_of": watch.as_of,
                "known_through": watch.known_through,
                "action": watch.action,
                "alarms": [vars(alarm) for alarm in watch.alarms],
                "left_out": list(watch.left_out),
                "at": utc(now),
            }
            statement = model_watches.insert().values(values).returning(model_watches.c.watch_id)
            watch_id = int(connection.execute(statement).scalar_one())
            rows = [{"watch_id": watch_id, "model": watch.model, **vars(_rounded(figure))} for figure in new]
            insert(connection, model_figures, rows)
        return True

    def watches(self, model: str) -> list[ModelWatch]:
        """Every look at a model without its figures, by date and as they were taken."""
        with self._connections.reading() as connection:
            return _watches(connection, model)

    def figures(
        self, model: str, kind: FigureKind | None = None, on: Collection[dt.date] | None = None
    ) -> list[WatchedFigure]:
        """The newest word of each figure of a model, by kind and date; only those of a kind or of these dates."""
        with self._connections.reading() as connection:
            figures = _figures(connection, model, on, kind)
        return sorted(
            figures,
            key=lambda figure: (figure.kind, figure.as_of, figure.version, figure.figure, figure.part),
        )

    def scored_by(self, model: str) -> list[PastScoring]:
        """Every scoring that a version of the model took part in, by date and revision.

        Those of dates that were held are left out: their scores are those of an earlier date.
        """
        query = sa.select(scorings.c.as_of, scorings.c.revision, scorings.c.models).where(IN_ORDER)
        with self._connections.reading() as connection:
            rows = connection.execute(query.order_by(scorings.c.as_of, scorings.c.revision)).all()
        return [PastScoring(as_of, revision, models[model]) for as_of, revision, models in rows if models.get(model)]

    def dates_in_order(self) -> list[dt.date]:
        """Every scored date whose newest scoring was not held, ascending."""
        newest = newest_revisions(sa.true())
        query = sa.select(newest.c.as_of).join(scorings, scorings.c.scoring_id == newest.c.scoring_id)
        with self._connections.reading() as connection:
            return list(connection.scalars(query.where(IN_ORDER).order_by(newest.c.as_of)))

    def probabilities(self, scored: PastScoring, *, growth: bool = False) -> dict[str, float]:
        """Account → its probability of leaving (or of growing) in one scoring; those without one are left out."""
        column = scores.c.upsell_probability if growth else scores.c.churn_probability
        query = (
            sa.select(scores.c.account_id, column)
            .join(scorings, scorings.c.scoring_id == scores.c.scoring_id)
            .where(scorings.c.as_of == scored.as_of, scorings.c.revision == scored.revision, column.is_not(None))
            .order_by(scores.c.account_id)
        )
        with self._connections.reading() as connection:
            return {row.account_id: row[1] for row in connection.execute(query)}

    def bands_of(self, accounts: Sequence[str], first: dt.date, last: dt.date) -> dict[str, dict[dt.date, str]]:
        """Account → scored date from ``first`` to ``last`` → its band then, by the newest scoring of the date."""
        newest = newest_revisions(scorings.c.as_of.between(first, last))
        query = sa.select(scores.c.account_id, newest.c.as_of, scores.c.band).join(
            newest, newest.c.scoring_id == scores.c.scoring_id
        )
        bands: dict[str, dict[dt.date, str]] = {}
        with self._connections.reading() as connection:
            for some in some_at_a_time(accounts):
                for account_id, as_of, band in connection.execute(query.where(scores.c.account_id.in_(some))):
                    bands.setdefault(account_id, {})[as_of] = band
        return bands


def _news(connection: sa.Connection, watch: ModelWatch) -> list[WatchedFigure]:
    dates = {figure.as_of for figure in watch.figures}
    known = {_key(figure): figure for figure in _figures(connection, watch.model, dates)}
    return [figure for figure in watch.figures if known.get(_key(figure)) != _rounded(figure)]


def _figures(
    connection: sa.Connection,
    model: str,
    dates: Collection[dt.date] | None = None,
    kind: FigureKind | None = None,
) -> list[WatchedFigure]:
    """The newest word of each figure, in any order; only those of ``dates`` and of a ``kind`` where they are given."""
    keys = [model_figures.c[name] for name in FIGURE_KEY]
    newest = sa.select(sa.func.max(model_figures.c.figure_id)).where(model_figures.c.model == model).group_by(*keys)
    if dates is not None:
        newest = newest.where(model_figures.c.as_of.in_(sorted(dates)))
    if kind is not None:
        newest = newest.where(model_figures.c.kind == kind)
    query = sa.select(*columns_of(model_figures, WatchedFigure)).where(model_figures.c.figure_id.in_(newest))
    return [WatchedFigure(*row) for row in connection.execute(query)]


def _watches(connection: sa.Connection, model: str, as_of: dt.date | None = None) -> list[ModelWatch]:
    names = [field.name for field in fields(ModelWatch) if field.name != "figures"]
    query = sa.select(*(model_watches.c[name] for name in names)).where(model_watches.c.model == model)
    if as_of is not None:
        query = query.where(model_watches.c.as_of == as_of)
    return [
        ModelWatch(
            **{
                **row,
                "alarms": tuple(WatchAlarm(**alarm) for alarm in row["alarms"]),
                "left_out": tuple(row["left_out"]),
                "figures": (),
            }
        )
        for row in connection.execute(query.order_by(model_watches.c.as_of, model_watches.c.watch_id)).mappings()
    ]


def _key(figure: WatchedFigure) -> tuple[object, ...]:
    return tuple(getattr(figure, name) for name in FIGURE_KEY)


def _verdict(watch: ModelWatch) -> tuple[object, ...]:
    return watch.version, watch.action, watch.alarms, watch.left_out


def _rounded(figure: WatchedFigure) -> WatchedFigure:
    ends = (None if end is None else round(end, DIGITS) for end in (figure.value, figure.low, figure.high))
    value, low, high = ends
    return WatchedFigure(**{**vars(figure), "value": value, "low": low, "high": high})
