"""What the cockpit asks of the store: a stretch of all accounts, who has how much work, marks of change.

Whoever may not see an account is answered as if it were not there: every question takes the owners whose accounts
may be seen, and none of them means nothing.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from churnml.adapters.store.connections import utc
from churnml.adapters.store.kept_items import item_of
from churnml.adapters.store.reading import newest_scoring
from churnml.adapters.store.schema import audit_log, columns_of, held_days, scores, scorings, work, work_events
from churnml.adapters.store.scorings import newest_revisions
from churnml.adapters.store.work import COLUMNS as WORK_COLUMNS
from churnml.adapters.store.work import items_where
from churnml.errors import UnknownNameError
from churnml.ledger import ENDED, WorkEvent, WorkItem
from churnml.ledger.cockpit import (
    WITHOUT,
    AccountChoices,
    AccountFilter,
    AccountLine,
    AccountList,
    AccountPlace,
    AccountTerms,
    LastChange,
    LateScoring,
    MadeFrom,
    Owners,
    OwnerWork,
    RenewingDay,
    TakenAccount,
    WorkFilter,
    WorkPlace,
)
from churnml.timeline import month_of

LINE = tuple(
    scores.c[name]
    for name in (
        "account_id",
        "name",
        "owner_id",
        "segment",
        "mrr",
        "health",
        "band",
        "band_since",
        "churn_probability",
        "upsell_probability",
        "mrr_at_risk",
        "renews_on",
    )
)
UNDONE = "undone"
# values a statement may hold: SQLite takes no more than 32,766
MOST_ASKED = 10_000


def account_list(
    connection: sa.Connection,
    as_of: dt.date,
    asked: AccountFilter,
    owners: Owners = None,
    *,
    first: int = 0,
    after: AccountPlace | None = None,
    limit: int | None = None,
) -> AccountList:
    """The accounts of a date's newest scoring that are asked for; raises TooLittleDataError.

    Args:
        connection: to the store.
        as_of: a scored date.
        asked: which, in which order.
        owners: whose accounts may be seen.
        first, limit: the stretch: after so many, at most so many.
        after: the stretch begins behind this place instead.
    """
    here, _ = newest_scoring(connection, as_of)
    open_work = _open_work()
    joined = scores.outerjoin(open_work, open_work.c.account_id == scores.c.account_id)
    items = sa.func.coalesce(open_work.c.open_items, 0)
    wanted = (scores.c.scoring_id == here) & _seen(owners) & _asked(asked, items)
    count, mrr, at_risk = connection.execute(
        sa.select(sa.func.count(), sa.func.sum(scores.c.mrr), sa.func.sum(scores.c.mrr_at_risk))
        .select_from(joined)
        .where(wanted)
    ).one()
    by = _sorted_by(asked, items)
    query = (
        sa.select(*LINE, items)
        .select_from(joined)
        .where(wanted if after is None else wanted & _behind(after, by, asked.descending))
        .order_by(by.is_(None), by.desc() if asked.descending else by.asc(), scores.c.account_id)
        .offset(first)
        .limit(limit)
    )
    lines = tuple(AccountLine(*row) for row in connection.execute(query))
    return AccountList(as_of, lines, int(count), mrr, at_risk)


def renewals(
    connection: sa.Connection, as_of: dt.date, asked: AccountFilter, owners: Owners = None
) -> list[RenewingDay]:
    """On which days contracts renew, of the accounts that are asked for and may be seen; raises TooLittleDataError."""
    here, _ = newest_scoring(connection, as_of)
    open_work = _open_work()
    items = sa.func.coalesce(open_work.c.open_items, 0)
    query = (
        sa.select(scores.c.renews_on, sa.func.count(), sa.func.sum(scores.c.mrr), sa.func.sum(scores.c.mrr_at_risk))
        .select_from(scores.outerjoin(open_work, open_work.c.account_id == scores.c.account_id))
        .where(scores.c.scoring_id == here, _seen(owners), _asked(asked, items))
        .group_by(scores.c.renews_on)
    )
    days = [RenewingDay(*row) for row in connection.execute(query)]
    return sorted(days, key=lambda one: (one.day is None, one.day or as_of))


def _behind(place: AccountPlace, by: sa.ColumnElement[Any], descending: bool) -> sa.ColumnElement[bool]:
    """What comes after a place, in the order in which accounts without a value are last and equal ones go by id."""
    later = scores.c.account_id > place.account_id
    if place.value is None:
        return by.is_(None) & later
    further = by < place.value if descending else by > place.value
    return further | ((by == place.value) & later) | by.is_(None)


def account_choices(connection: sa.Connection, as_of: dt.date, owners: Owners = None) -> AccountChoices:
    """What the accounts of a date that may be seen can be chosen by; raises TooLittleDataError."""
    here, _ = newest_scoring(connection, as_of)
    seen = (scores.c.scoring_id == here) & _seen(owners)

    def of(column: sa.Column[str]) -> tuple[str, ...]:
        query = sa.select(column).where(seen, column.is_not(None)).distinct().order_by(column)
        return tuple(connection.scalars(query))

    return AccountChoices(of(scores.c.owner_id), of(scores.c.segment), of(scores.c.band))


def account_names(connection: sa.Connection, account_ids: Iterable[str]) -> dict[str, str]:
    """Account → what people call it, as it was scored last; of those that have a name."""
    asked = sorted(set(account_ids))
    names: dict[str, str] = {}
    for first in range(0, len(asked), MOST_ASKED):
        newest = (
            sa.select(scores.c.account_id, sa.func.max(scores.c.scoring_id).label("scoring_id"))
            .where(scores.c.account_id.in_(asked[first : first + MOST_ASKED]))
            .group_by(scores.c.account_id)
            .subquery()
        )
        same = (scores.c.account_id == newest.c.account_id) & (scores.c.scoring_id == newest.c.scoring_id)
        query = sa.select(scores.c.account_id, scores.c.name).join(newest, same).where(scores.c.name.is_not(None))
        names |= {str(row.account_id): str(row.name) for row in connection.execute(query)}
    return names


def may_see(connection: sa.Connection, account_id: str, owners: Owners) -> bool:
    """Whether an account is of one of these owners, at its newest scoring, or has living work that is."""
    if owners is None:
        return True
    newest = (
        sa.select(scores.c.owner_id)
        .join(scorings, scorings.c.scoring_id == scores.c.scoring_id)
        .where(scores.c.account_id == account_id)
        .order_by(scorings.c.as_of.desc(), scorings.c.revision.desc())
        .limit(1)
    )
    if connection.scalar(newest) in owners:
        return True
    theirs = sa.select(work.c.work_id).where(
        work.c.account_id == account_id, work.c.owner.in_(owners), work.c.state.not_in(ENDED)
    )
    return connection.execute(theirs.limit(1)).first() is not None


def owner_work(connection: sa.Connection, owners: Owners = None) -> tuple[OwnerWork, ...]:
    """Who has how much open work, most first; of these owners, or of all."""
    count = sa.func.count()
    query = sa.select(work.c.owner, count).where(work.c.state == "open").group_by(work.c.owner)
    if owners is not None:
        query = query.where(work.c.owner.in_(owners))
    return tuple(OwnerWork(*row) for row in connection.execute(query.order_by(count.desc(), work.c.owner)))


def taken_accounts(connection: sa.Connection, as_of: dt.date, owners: Owners = None) -> list[TakenAccount]:
    """Whom playbooks have open work for, of the accounts that may be seen: by playbook, the most valuable first.

    Args:
        connection: to the store.
        as_of: the newest scored date, for the accounts' names.
        owners: whose accounts may be seen.
    """
    here, _ = newest_scoring(connection, as_of)
    same = (scores.c.account_id == work.c.account_id) & (scores.c.scoring_id == here)
    columns = (work.c.playbook, work.c.account_id, scores.c.name, work.c.owner, work.c.opened_on, work.c.value)
    query = sa.select(*columns).select_from(work.outerjoin(scores, same)).where(work.c.state == "open")
    if owners is not None:
        query = query.where(work.c.owner.in_(owners) | _seen(owners))
    query = query.order_by(work.c.playbook, work.c.value.is_(None), work.c.value.desc(), work.c.account_id)
    return [TakenAccount(*row) for row in connection.execute(query)]


def work_item(connection: sa.Connection, work_id: str) -> WorkItem | None:
    """The item of exactly this id, as it stands; None where there is none."""
    return next(iter(items_where(connection, work.c.work_id == work_id)), None)


def work_page(
    connection: sa.Connection, asked: WorkFilter, owners: Owners = None, *, after: WorkPlace | None = None, limit: int
) -> list[WorkItem]:
    """A stretch of the work items that are asked for, in the order they were opened.

    Args:
        connection: to the store.
        asked: which.
        owners: whose work may be seen; None is everybody's.
        after: the stretch begins behind this place.
        limit: at most so many.
    """
    wanted: sa.ColumnElement[bool] = sa.true() if owners is None else work.c.owner.in_(owners)
    for column, value in ((work.c.owner, asked.owner), (work.c.playbook, asked.playbook)):
        if value:
            wanted &= column == value
    if asked.state == "living":
        wanted &= work.c.state.not_in(ENDED)
    elif asked.state:
        wanted &= work.c.state == asked.state
    if after is not None:
        later = (work.c.opened_on == after.opened_on) & (work.c.work_id > after.work_id)
        wanted &= (work.c.opened_on > after.opened_on) | later
    query = sa.select(*WORK_COLUMNS).where(wanted).order_by(work.c.opened_on, work.c.work_id).limit(limit)
    return [WorkItem(**row) for row in connection.execute(query).mappings()]


def ended_since(connection: sa.Connection, since: dt.date, owner: str | None) -> list[WorkItem]:
    """Items that ended on or after a date, whoever ended them; of one owner, or of all; the newest first."""
    query = sa.select(*WORK_COLUMNS).where(work.c.state.in_(ENDED), work.c.ended_on >= since)
    if owner is not None:
        query = query.where(work.c.owner == owner)
    query = query.order_by(work.c.ended_on.desc(), work.c.work_id)
    return [WorkItem(**row) for row in connection.execute(query).mappings()]


def changed_by(connection: sa.Connection, who: str, since: dt.datetime) -> list[LastChange]:
    """The items whose last change somebody made since a moment, the newest change first."""
    query = (
        sa.select(audit_log.c.details)
        .where(audit_log.c.at >= utc(since), audit_log.c.who == who, audit_log.c.what.like("work %"))
        .order_by(audit_log.c.audit_id.desc())
    )
    names = dict.fromkeys(str(details.get("work_id")) for details in connection.scalars(query))
    changes = (_last_change(connection, name) for name in names)
    return [one for one in changes if one is not None and one.event.who == who and one.at >= utc(since)]


def last_change(connection: sa.Connection, work_id: str) -> LastChange:
    """What happened to an item last; raises UnknownNameError."""
    change = _last_change(connection, work_id)
    if change is None:
        raise UnknownNameError("work item", work_id, ())
    return change


def _last_change(connection: sa.Connection, work_id: str) -> LastChange | None:
    item = connection.execute(sa.select(*WORK_COLUMNS).where(work.c.work_id == work_id)).mappings().one_or_none()
    query = (
        sa.select(*columns_of(work_events, WorkEvent), work_events.c.after, work_events.c.at)
        .where(work_events.c.work_id == work_id)
        .order_by(work_events.c.on.desc(), work_events.c.event_id.desc())
    )
    rows = connection.execute(query).all()
    if item is None or not rows:
        return None
    *values, _, at = rows[0]
    before = item_of(rows[1].after) if len(rows) > 1 else None
    return LastChange(WorkItem(**item), before, WorkEvent(*values), at, sum(row.what == UNDONE for row in rows))


def made_from(connection: sa.Connection, account_id: str, last: dt.date) -> list[MadeFrom]:
    """What each scoring of an account up to a date was made from, by date."""
    newest = newest_revisions(scorings.c.as_of <= last)
    query = (
        sa.select(newest.c.as_of, scorings.c.models, scorings.c.declarations, held_days.c.scoring_id.is_not(None))
        .join(scores, (scores.c.scoring_id == newest.c.scoring_id) & (scores.c.account_id == account_id))
        .join(scorings, scorings.c.scoring_id == newest.c.scoring_id)
        .outerjoin(held_days, held_days.c.scoring_id == newest.c.scoring_id)
        .order_by(newest.c.as_of)
    )
    return [MadeFrom(*row) for row in connection.execute(query)]


def account_terms(connection: sa.Connection, account_id: str, last: dt.date) -> list[AccountTerms]:
    """The terms of an account at each of its scorings up to a date, by date."""
    newest = newest_revisions(scorings.c.as_of <= last)
    columns = (newest.c.as_of, *(scores.c[name] for name in ("mrr", "owner_id", "renews_on")))
    query = (
        sa.select(*columns)
        .join(scores, (scores.c.scoring_id == newest.c.scoring_id) & (scores.c.account_id == account_id))
        .order_by(newest.c.as_of)
    )
    return [AccountTerms(*row) for row in connection.execute(query)]


def late_scorings(connection: sa.Connection, limit: int) -> list[LateScoring]:
    """The newest scored dates, the newest first."""
    newest = newest_revisions(sa.true())
    accounts = (
        sa.select(sa.func.count())
        .select_from(scores)
        .where(scores.c.scoring_id == scorings.c.scoring_id)
        .scalar_subquery()
    )
    columns = [scorings.c[name] for name in ("as_of", "revision", "scored_at", "models")]
    query = (
        sa.select(*columns, accounts, held_days.c.stale_since)
        .join(newest, newest.c.scoring_id == scorings.c.scoring_id)
        .outerjoin(held_days, held_days.c.scoring_id == scorings.c.scoring_id)
        .order_by(scorings.c.as_of.desc())
        .limit(limit)
    )
    return [LateScoring(*row) for row in connection.execute(query)]


def _open_work() -> sa.Subquery:
    return (
        sa.select(work.c.account_id, sa.func.count().label("open_items"))
        .where(work.c.state == "open")
        .group_by(work.c.account_id)
        .subquery()
    )


def _seen(owners: Owners) -> sa.ColumnElement[bool]:
    """Accounts of these owners, and those that have living work of theirs."""
    if owners is None:
        return sa.true()
    theirs = sa.select(work.c.account_id).where(work.c.owner.in_(owners), work.c.state.not_in(ENDED))
    return scores.c.owner_id.in_(owners) | scores.c.account_id.in_(theirs)


def _asked(asked: AccountFilter, items: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    wanted: sa.ColumnElement[bool] = sa.true()
    if asked.text:
        # SQLite takes upper and lower case alike in English alone: Ä is looked for as ä, too
        written = {asked.text, asked.text.lower(), asked.text.upper(), asked.text.title()}
        columns = (scores.c.account_id, scores.c.name)
        wanted &= sa.or_(*(column.icontains(text, autoescape=True) for column in columns for text in sorted(written)))
    for column, value in ((scores.c.owner_id, asked.owner), (scores.c.segment, asked.segment)):
        if value:
            wanted &= column.is_(None) if value == WITHOUT else column == value
    if asked.band:
        wanted &= scores.c.band == asked.band
    if asked.work:
        wanted &= items > 0 if asked.work == "open" else items == 0
    floors = ((scores.c.health, asked.health_from), (scores.c.mrr, asked.mrr_from))
    for number, least in (*floors, (scores.c.churn_probability, asked.churn_from)):
        if least is not None:
            wanted &= number >= least
    if asked.renews:
        first, next_month = month_of(asked.renews)
        wanted &= (scores.c.renews_on >= first) & (scores.c.renews_on < next_month)
    if asked.health_to is not None:
        wanted &= scores.c.health <= asked.health_to
    return wanted


def _sorted_by(asked: AccountFilter, items: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
    columns: Mapping[str, sa.ColumnElement[Any]] = {  # of every type
        "account": sa.func.lower(sa.func.coalesce(scores.c.name, scores.c.account_id)),
        "owner": scores.c.owner_id,
        "segment": scores.c.segment,
        "mrr": scores.c.mrr,
        "health": scores.c.health,
        "band": scores.c.band,
        "churn": scores.c.churn_probability,
        "upsell": scores.c.upsell_probability,
        "risk": scores.c.mrr_at_risk,
        "since": scores.c.band_since,
        "renews": scores.c.renews_on,
        "work": items,
    }
    return columns[asked.sort]
