"""A scored date: written whole or not at all, with everything it decided and everything that is to be told of it.

Scoring a date again from the same data, models and declarations changes nothing, whatever was scored before it
meanwhile; from others it adds a revision and keeps the old one. A date before the newest is scored for the record
alone: nobody ever saw its list, so no work is opened, no arm drawn and nothing told because of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import utc
from churnml.adapters.store.effects import lines_by
from churnml.adapters.store.outbox import put
from churnml.adapters.store.outcomes import assignments_by
from churnml.adapters.store.overrides import holding
from churnml.adapters.store.schema import (
    assignments,
    columns_of,
    decisions,
    declarations,
    health_events,
    held_days,
    scores,
    scorings,
)
from churnml.adapters.store.work import items_on, minutes_of_week, put_plan, spent_in_month
from churnml.adapters.store.writing import StaleError, count_up, hold, insert, insert_new, stamp_of
from churnml.ledger import BandState, Message, PriorState, Provenance, ScoredDay, Scoring
from churnml.ledger.rows import account_row, decision_row, event_details


def record(
    connection: sa.Connection, day: ScoredDay, made_from: Provenance, now: dt.datetime, messages: Sequence[Message]
) -> bool:
    """Writes a scored date in the transaction of ``connection``; False when it already stands there.

    A date before the newest one is scored for the record: of its plan only the decisions are written, and none
    of the messages.

    Args:
        connection: in a transaction.
        day: the date, with all that was decided.
        made_from: what it was made from.
        now: when it was scored.
        messages: what is to be told; one whose key a receiver was told before is not written again.

    Raises:
        StaleError: what the plan was made from has changed; ask :func:`prior_state` and plan again.
    """
    stamp = hold(connection)
    present = newest_of(connection, day.as_of)
    if present is not None and present[1].fingerprint in made_from.fingerprints:
        return False
    if made_from.stamp not in (None, stamp):
        raise StaleError(f"what the plan of {day.as_of} was made from has changed meanwhile")
    latest = connection.scalar(sa.select(sa.func.max(scorings.c.as_of)))
    for_the_record = latest is not None and day.as_of < latest
    revision = 1 if present is None else present[1].revision + 1
    scoring_id = _add_scoring(connection, day, revision, made_from, now)
    insert(connection, scores, [{"scoring_id": scoring_id, **account_row(account)} for account in day.accounts])
    placed = enumerate(day.plan.decisions, start=1)
    rows = [{"scoring_id": scoring_id, "place": place, **decision_row(decision)} for place, decision in placed]
    insert(connection, decisions, rows)
    events = [{"account_id": one.account_id, "kind": one.kind, "details": event_details(one)} for one in day.events]
    insert(connection, health_events, [{"scoring_id": scoring_id, **event} for event in events])
    if day.held is not None:
        held = {**vars(day.held), "breaks": list(day.held.breaks), "as_of": day.as_of}
        connection.execute(held_days.insert().values(scoring_id=scoring_id, **held))
    if not for_the_record:
        put_plan(connection, day.as_of, day.plan, now)
        drawn = [{**vars(assignment), "scoring_id": scoring_id} for assignment in day.plan.assignments]
        insert_new(connection, assignments, drawn)
        put(connection, messages, now)
    details = {
        "revision": revision,
        "fingerprint": made_from.fingerprint,
        "models": dict(day.models),
        "accounts": len(day.accounts),
        "decisions": len(day.plan.decisions),
        "for_the_record": for_the_record,
        "stale_since": day.held and str(day.held.stale_since),
    }
    audit(connection, now, "churnml", "scored", str(day.as_of), f"scoring of {day.as_of}", details)
    count_up(connection)
    return True


def prior_state(connection: sa.Connection, as_of: dt.date, cooldown_days: int = 0) -> PriorState:
    """What is on record when a date is scored; nothing of a later date is in it.

    Args:
        connection: to the store.
        as_of: the date.
        cooldown_days: the longest cooldown: how long ended work is remembered.
    """
    drawn = assignments_by(connection, through=as_of)
    return PriorState(
        bands=_bands(connection, as_of),
        overrides=tuple(holding(connection, as_of)),
        work=items_on(connection, as_of, cooldown_days),
        assignments={(one.account_id, one.playbook): one for one in drawn},
        minutes=minutes_of_week(connection, as_of),
        spent=spent_in_month(connection, as_of),
        lines=lines_by(connection, as_of),
        stamp=stamp_of(connection),
    )


def prior_inputs(connection: sa.Connection, as_of: dt.date) -> PriorState:
    """Of :func:`prior_state` what a date's fingerprint names, and no more: overrides and measured effects."""
    return PriorState(overrides=tuple(holding(connection, as_of)), lines=lines_by(connection, as_of))


def newest_of(connection: sa.Connection, as_of: dt.date) -> tuple[int, Scoring] | None:
    """The newest revision of a date and its number in the store, or None."""
    query = sa.select(scorings.c.scoring_id, *columns_of(scorings, Scoring)).where(scorings.c.as_of == as_of)
    row = connection.execute(query.order_by(scorings.c.revision.desc()).limit(1)).one_or_none()
    return None if row is None else (row[0], Scoring(*row[1:]))


def fingerprint(connection: sa.Connection, as_of: dt.date) -> str | None:
    """The fingerprint of the newest scoring of a date."""
    newest = newest_of(connection, as_of)
    return None if newest is None else newest[1].fingerprint


def newest_revisions(wanted: sa.ColumnElement[bool]) -> sa.Subquery:
    """A subquery: as_of and the scoring_id of its newest revision."""
    query = sa.select(scorings.c.as_of, sa.func.max(scorings.c.scoring_id).label("scoring_id"))
    return query.where(wanted).group_by(scorings.c.as_of).subquery()


def _add_scoring(
    connection: sa.Connection, day: ScoredDay, revision: int, made_from: Provenance, now: dt.datetime
) -> int:
    """Adds the scoring, and the declarations that are new, each named by its kind and its words; its number."""
    declared = sorted(made_from.declarations.items())
    named = {kind: hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest() for kind, text in declared}
    rows = [
        {"fingerprint": named[kind], "kind": kind, "text": text, "first_seen_at": utc(now)} for kind, text in declared
    ]
    insert_new(connection, declarations, rows)
    scoring = Scoring(
        as_of=day.as_of,
        revision=revision,
        fingerprint=made_from.fingerprint,
        models=dict(day.models),
        data_fingerprint=made_from.data_fingerprint,
        declarations=named or None,
        scored_at=utc(now),
    )
    statement = scorings.insert().values(vars(scoring)).returning(scorings.c.scoring_id)
    return int(connection.execute(statement).scalar_one())


def _bands(connection: sa.Connection, as_of: dt.date) -> dict[str, BandState]:
    """Account → its band state at its newest scoring before a date."""
    latest = connection.scalar(sa.select(sa.func.max(scorings.c.as_of)).where(scorings.c.as_of < as_of))
    newest_scoring = None if latest is None else newest_of(connection, latest)
    if newest_scoring is None:
        return {}
    here = newest_scoring[0]
    newest = newest_revisions(scorings.c.as_of < as_of)
    # who was scored before and not on that date: few, so each is looked up; the ids are walked along the index
    walked = sa.select(sa.func.min(scores.c.account_id).label("account_id")).cte("walked", recursive=True)
    following = (
        sa.select(sa.func.min(scores.c.account_id)).where(scores.c.account_id > walked.c.account_id).scalar_subquery()
    )
    walked = walked.union_all(sa.select(following).where(walked.c.account_id.is_not(None)))
    there = sa.exists().where(scores.c.scoring_id == here, scores.c.account_id == walked.c.account_id)
    last = (
        sa.select(scores.c.scoring_id)
        .join(newest, newest.c.scoring_id == scores.c.scoring_id)
        .where(scores.c.account_id == walked.c.account_id)
        .order_by(newest.c.as_of.desc())
        .limit(1)
        .scalar_subquery()
    )
    missing = (
        sa.select(walked.c.account_id, last.label("scoring_id"))
        .where(walked.c.account_id.is_not(None), ~there)
        .subquery()
    )
    same = (missing.c.account_id == scores.c.account_id) & (missing.c.scoring_id == scores.c.scoring_id)
    columns = [scores.c[name] for name in ("account_id", "health", "band", "band_since", "pending", "pending_since")]
    states = sa.select(newest.c.as_of.label("scored_on"), *columns).join(
        newest, newest.c.scoring_id == scores.c.scoring_id
    )
    bands: dict[str, BandState] = {}
    for query in (states.where(scores.c.scoring_id == here), states.join(missing, same)):
        for row in connection.execute(query).mappings():
            # scored before that was kept: as far as is known, since then
            since = row["band_since"] or row["scored_on"]
            bands[row["account_id"]] = BandState(**{**row, "band_since": since})
    return dict(sorted(bands.items()))
