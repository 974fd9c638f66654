"""A scored date: written whole or not at all, with everything it decided and everything that is to be told of it.

Scoring a date again from the same data, models and declarations changes nothing; from others it adds a revision and
keeps the old one. A date before the newest is scored for the record alone: nobody ever saw its list, so no work is
opened, no arm drawn and nothing told because of it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from churnml.adapters.store.audit import note as audit
from churnml.adapters.store.connections import utc
from churnml.adapters.store.effects import lines_by
from churnml.adapters.store.outbox import put
from churnml.adapters.store.outcomes import assignments_by
from churnml.adapters.store.overrides import holding
from churnml.adapters.store.schema import assignments, decisions, declarations, health_events, scores, scorings
from churnml.adapters.store.work import items_on, minutes_of_week, put_plan, spent_in_month
from churnml.adapters.store.writing import StaleError, count_up, hold, insert, insert_new, stamp_of
from churnml.ledger import BandState, DayPlan, Message, PriorState

if TYPE_CHECKING:
    # what comes with it takes a second to load, and reading a list needs none of it
    from churnml.scoring.predictions import ScoredDay

SCORE_COLUMNS = tuple(column.name for column in scores.c if column.name not in ("scoring_id", "details"))
DECISION_COLUMNS = tuple(column.name for column in decisions.c if column.name not in ("scoring_id", "place"))
# What a decision lacks that was made before there were rules with capacity.
PLAIN = {"reason": "", "rule": "", "facts": {}}


def record(
    connection: sa.Connection,
    scored: ScoredDay,
    fingerprint: str,
    now: dt.datetime,
    plan: DayPlan,
    *,
    bands: Sequence[BandState],
    events: Sequence[Mapping[str, Any]],
    messages: Sequence[Message],
    declared: Mapping[str, str],
    data: str | None,
    extra: Mapping[str, Mapping[str, Any]],
    stamp: int | None,
) -> bool:
    """What :meth:`churnml.adapters.store.Store.record` says, in the transaction of ``connection``."""
    held = hold(connection)
    present = newest_of(connection, scored.as_of)
    if present is not None and present.fingerprint == fingerprint:
        return False
    if stamp is not None and stamp != held:
        raise StaleError(f"what the plan of {scored.as_of} was made from has changed meanwhile")
    latest = connection.scalar(sa.select(sa.func.max(scorings.c.as_of)))
    for_the_record = latest is not None and scored.as_of < latest
    revision = 1 if present is None else present.revision + 1
    scoring_id = connection.scalar(
        scorings.insert()
        .values(
            as_of=scored.as_of,
            revision=revision,
            fingerprint=fingerprint,
            models=dict(scored.models),
            scored_at=utc(now),
            data_fingerprint=data,
            declarations=_declare(connection, declared, now),
        )
        .returning(scorings.c.scoring_id)
    )
    states = {state.account_id: state for state in bands}
    insert(
        connection,
        scores,
        [
            score_row(scoring_id, account, states.get(account.account_id), extra.get(account.account_id, {}))
            for account in scored.accounts
        ],
    )
    decided = plan.decisions or scored.decisions
    insert(connection, decisions, [decision_row(scoring_id, place, one) for place, one in enumerate(decided, start=1)])
    insert(connection, health_events, [_health_event_row(scoring_id, event) for event in events])
    if not for_the_record:
        put_plan(connection, scored.as_of, plan, now)
        drawn = [{**vars(assignment), "scoring_id": scoring_id} for assignment in plan.assignments]
        insert_new(connection, assignments, drawn)
        put(connection, messages, now)
    details = {
        "revision": revision,
        "fingerprint": fingerprint,
        "models": dict(scored.models),
        "accounts": len(scored.accounts),
        "decisions": len(decided),
        "for_the_record": for_the_record,
    }
    audit(connection, now, "churnml", "scored", str(scored.as_of), f"scoring of {scored.as_of}", details)
    count_up(connection)
    return True


def before(connection: sa.Connection, as_of: dt.date, cooldown_days: int) -> PriorState:
    """What :meth:`churnml.adapters.store.Store.before` says, as ``connection`` sees it."""
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


def newest_of(connection: sa.Connection, as_of: dt.date) -> Any:
    """The newest revision of a date, or None."""
    query = sa.select(scorings).where(scorings.c.as_of == as_of).order_by(scorings.c.revision.desc()).limit(1)
    return connection.execute(query).one_or_none()


def newest_revisions(wanted: Any = None) -> Any:
    """A subquery: as_of and the scoring_id of its newest revision."""
    query = sa.select(scorings.c.as_of, sa.func.max(scorings.c.scoring_id).label("scoring_id"))
    return (query if wanted is None else query.where(wanted)).group_by(scorings.c.as_of).subquery()


def fingerprint_of(kind: str, text: str) -> str:
    """What names a declaration: 64 letters made from its kind and its words."""
    return hashlib.sha256(f"{kind}\0{text}".encode()).hexdigest()


def score_row(scoring_id: int, account: Any, state: BandState | None, extra: Mapping[str, Any]) -> dict[str, Any]:
    """An account's row: what is said of it, its band state, and the rest by name under ``details``."""
    given: dict[str, Any] = {**vars(account), **extra}
    if state is not None:
        given |= {name: getattr(state, name) for name in ("band_since", "pending", "pending_since")}
    row: dict[str, Any] = {name: given.pop(name, None) for name in SCORE_COLUMNS}
    more = given.pop("details", None) or {}
    return {"scoring_id": scoring_id, **row, "details": {**more, **given} or None}


def decision_row(scoring_id: int, place: int, decision: Any) -> dict[str, Any]:
    """A decision's row."""
    given = {**vars(decision), "outcome": getattr(decision, "disposition", "opened")}
    row = {name: given.get(name, PLAIN.get(name)) for name in DECISION_COLUMNS}
    return {"scoring_id": scoring_id, "place": place, **row}


def _health_event_row(scoring_id: int, event: Mapping[str, Any]) -> dict[str, Any]:
    more = {name: value for name, value in event.items() if name not in ("account_id", "kind")}
    return {"scoring_id": scoring_id, "account_id": event["account_id"], "kind": event["kind"], "details": more}


def _declare(connection: sa.Connection, declared: Mapping[str, str], now: dt.datetime) -> dict[str, str] | None:
    """Keeps the declarations that are new; kind → fingerprint of all."""
    named = {kind: fingerprint_of(kind, text) for kind, text in sorted(declared.items())}
    rows = [
        {"fingerprint": named[kind], "kind": kind, "text": text, "first_seen_at": utc(now)}
        for kind, text in sorted(declared.items())
    ]
    insert_new(connection, declarations, rows)
    return named or None


def _bands(connection: sa.Connection, as_of: dt.date) -> dict[str, BandState]:
    """Account → its band state at its newest scoring before a date."""
    latest = connection.scalar(sa.select(sa.func.max(scorings.c.as_of)).where(scorings.c.as_of < as_of))
    if latest is None:
        return {}
    newest = newest_revisions(scorings.c.as_of < as_of)
    here = newest_of(connection, latest).scoring_id
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
    gone = (
        sa.select(walked.c.account_id, last.label("scoring_id"))
        .where(walked.c.account_id.is_not(None), ~there)
        .subquery()
    )
    same = (gone.c.account_id == scores.c.account_id) & (gone.c.scoring_id == scores.c.scoring_id)
    columns = [scores.c[name] for name in ("account_id", "health", "band", "band_since", "pending", "pending_since")]
    states = sa.select(newest.c.as_of, *columns).join(newest, newest.c.scoring_id == scores.c.scoring_id)
    found: dict[str, BandState] = {}
    for query in (states.where(scores.c.scoring_id == here), states.join(gone, same)):
        found |= {row.account_id: _state(row) for row in connection.execute(query)}
    return dict(sorted(found.items()))


def _state(row: Any) -> BandState:
    return BandState(
        account_id=row.account_id,
        scored_on=row.as_of,
        health=row.health,
        band=row.band,
        # scored before that was kept: as far as is known, since then
        band_since=row.band_since or row.as_of,
        pending=row.pending,
        pending_since=row.pending_since,
    )
