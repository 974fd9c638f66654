"""What is answered: from what is asked to the shape that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from churnml.errors import UnknownNameError
from churnml.ledger import Reason, ScoredAccount, Scoring, WorkEvent, WorkItem
from churnml.ledger.cockpit import AccountFilter, AccountPlace, MadeFrom, WorkFilter, WorkPlace
from churnml.pages.cockpit.accounts import ASCENDING_FIRST
from churnml.web.api import cursors, shapes
from churnml.web.api.callers import Caller
from churnml.web.api.cursors import AccountCursor
from churnml.web.api.problems import ApiError


def account_page(caller: Caller, query: shapes.AccountQuery) -> shapes.AccountPage:
    """A page of the accounts that are asked for and may be seen.

    Raises:
        AskedError: the cursor cannot be read, or is of another question.
        ApiError: the scoring that the cursor is of has been replaced.
        TooLittleDataError: nothing was scored yet.
    """
    store, asked = caller.cockpit.store, _filter(query)
    cursor = cursors.account_cursor_of(query.cursor, asked) if query.cursor else None
    as_of = caller.newest.as_of if cursor is None else cursor.as_of
    if cursor is not None and as_of not in store.dates():
        raise _gone()
    scoring = store.newest_scoring(as_of)
    if cursor is not None and scoring.revision != cursor.revision:
        raise _gone()
    # one more, to know whether anything follows
    after = cursor.place if cursor else None
    listed = store.account_list(as_of, asked, caller.owners, after=after, limit=query.limit + 1)
    lines, last = listed.lines[: query.limit], None
    if len(listed.lines) > query.limit:
        place = AccountPlace(lines[-1].value_of(asked.sort), lines[-1].account_id)
        last = cursors.account_cursor(AccountCursor(as_of, scoring.revision, place), asked)
    return shapes.AccountPage(
        scoring=_made_by(caller, scoring),
        currency=caller.cockpit.project.spec.currency,
        accounts=listed.accounts,
        mrr=listed.mrr,
        mrr_at_risk=listed.at_risk,
        items=[shapes.AccountShown.model_validate(line, from_attributes=True) for line in lines],
        next=last,
    )


def account_score(caller: Caller, query: shapes.OneAccountQuery) -> shapes.AccountScore:
    """The newest score of an account, or that of a date; raises UnknownNameError."""
    dates = [made.as_of for made in _made_from(caller, query.id)]
    as_of = query.as_of or dates[-1]
    recorded = caller.cockpit.store.recorded(query.id, as_of) if as_of in dates else None
    if recorded is None:
        raise UnknownNameError("scoring of this account", str(as_of), ())
    return _score(caller, recorded.scoring, recorded.account)


def account_history(caller: Caller, query: shapes.HistoryQuery) -> shapes.AccountHistory:
    """A page of an account's scores, the newest first; raises UnknownNameError and AskedError."""
    made_from = {made.as_of: made for made in _made_from(caller, query.id)}
    before = cursors.day_cursor_of(query.cursor) if query.cursor else None
    story = caller.cockpit.store.account(query.id, max(made_from))
    points = [one for one in reversed(story.history) if before is None or one.as_of < before]
    shown = points[: query.limit]
    items = [
        shapes.HistoryShown(
            as_of=point.as_of,
            health=point.health,
            band=point.band,
            churn_probability=point.churn_probability,
            upsell_probability=point.upsell_probability,
            coverage=point.coverage,
            overridden=point.override_id is not None,
            held=made_from[point.as_of].held,
            models=dict(made_from[point.as_of].models),
        )
        for point in shown
    ]
    last = cursors.day_cursor(shown[-1].as_of) if len(points) > len(shown) else None
    return shapes.AccountHistory(account_id=query.id, items=items, next=last)


def account_work(caller: Caller, query: shapes.AccountWorkQuery) -> shapes.AccountWorkItems:
    """All work of an account; raises UnknownNameError."""
    _made_from(caller, query.id)
    items = [work_shown(item) for item in caller.cockpit.store.work.items(query.id)]
    return shapes.AccountWorkItems(account_id=query.id, items=items)


def work_page(caller: Caller, query: shapes.WorkQuery) -> shapes.WorkPage:
    """A page of the work that is asked for and may be seen; raises AskedError."""
    after = cursors.work_cursor_of(query.cursor) if query.cursor else None
    asked = WorkFilter(query.owner, query.playbook, query.state)
    items = caller.cockpit.store.work_page(asked, caller.owners, after=after, limit=query.limit + 1)
    shown = items[: query.limit]
    place = WorkPlace(shown[-1].opened_on, shown[-1].work_id) if len(items) > query.limit else None
    return shapes.WorkPage(
        items=[work_shown(item) for item in shown], next=None if place is None else cursors.work_cursor(place)
    )


def work_item(caller: Caller, work_id: str) -> WorkItem:
    """A work item that may be seen; raises UnknownNameError."""
    item = caller.cockpit.store.work_item(work_id)
    if item is None or not caller.cockpit.may_see_work(item, caller.owners):
        raise UnknownNameError("work item", work_id, ())
    return item


def work_history(caller: Caller, work_id: str) -> shapes.WorkHistory:
    """Everything that happened to a work item that may be seen; raises UnknownNameError."""
    item = work_item(caller, work_id)
    events = caller.cockpit.store.work.events(item.work_id)
    return shapes.WorkHistory(work_id=item.work_id, items=[_event(event) for event in events])


def work_shown(item: WorkItem) -> shapes.WorkShown:
    """A work item as it is shown."""
    return shapes.WorkShown.model_validate(item, from_attributes=True)


def _filter(query: shapes.AccountQuery) -> AccountFilter:
    descending = query.order == "down" if query.order else query.sort not in ASCENDING_FIRST
    asked = AccountFilter(descending=descending, sort=query.sort)
    names = ("owner", "segment", "band", "work", "health_from", "health_to", "mrr_from", "churn_from", "renews")
    return replace(asked, text=query.text.strip(), **{name: getattr(query, name) for name in names})


def _made_from(caller: Caller, account_id: str) -> Sequence[MadeFrom]:
    """The scorings of an account that may be seen, by date; raises UnknownNameError as where there is none."""
    store = caller.cockpit.store
    made_from = store.made_from(account_id, caller.newest.as_of)
    if not made_from or not store.may_see(account_id, caller.owners):
        raise UnknownNameError("scored account", account_id, ())
    return made_from


def _made_by(caller: Caller, scoring: Scoring) -> shapes.MadeBy:
    held = caller.cockpit.store.held(scoring.as_of)
    return shapes.MadeBy(
        as_of=scoring.as_of,
        revision=scoring.revision,
        scored_at=scoring.scored_at,
        models=dict(scoring.models),
        stale_since=held.stale_since if held else None,
    )


def _score(caller: Caller, scoring: Scoring, account: ScoredAccount) -> shapes.AccountScore:
    likely = account.timing.likely_period if account.timing else None
    return shapes.AccountScore(
        scoring=_made_by(caller, scoring),
        currency=caller.cockpit.project.spec.currency,
        account_id=account.account_id,
        name=account.name,
        owner_id=account.owner_id,
        segment=account.segment,
        mrr=account.mrr,
        renews_on=account.renews_on,
        health=account.health,
        band=account.band,
        band_since=account.band_since,
        coverage=account.coverage,
        dimensions=dict(account.dimensions),
        overridden=account.trace.override_id is not None,
        churn_probability=account.churn_probability,
        upsell_probability=account.upsell_probability,
        mrr_at_risk=account.mrr_at_risk,
        leaves=shapes.Leaving.model_validate(likely, from_attributes=True) if likely else None,
        reasons=_reasons(account.reasons),
        growth_reasons=_reasons(account.growth_reasons),
    )


def _reasons(reasons: Sequence[Reason]) -> list[shapes.ReasonShown]:
    return [shapes.ReasonShown(code=one.code, sentence=one.sentence) for one in reasons]


def _event(event: WorkEvent) -> shapes.WorkEventShown:
    """An event, without what a scoring noted beside it: that may tell of the playbook's measurement."""
    details = event.details
    after = details.get("to") or details.get("until")
    before = details.get("from")
    return shapes.WorkEventShown(
        on=event.on,
        what=event.what,
        who=event.who,
        why=event.why,
        before=None if before is None else str(before),
        after=None if after is None else str(after),
    )


def _gone() -> ApiError:
    return ApiError(
        410, "The accounts were scored anew since the page before.", remedy="Begin again, without a cursor."
    )
