"""The pages: from what is asked to the view that is shown."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace

from churnml.errors import RegistryError, UnknownNameError
from churnml.health.changes import HealthChange
from churnml.jobs.explain import change_of
from churnml.ledger import AccountStory, QueueLine, WorkItem
from churnml.ledger.cockpit import AccountFilter, OwnerWork
from churnml.pages.cockpit.account import AccountSources, AccountView, account_view
from churnml.pages.cockpit.accounts import PAGE_LENGTH, AccountsView, accounts_csv, accounts_view
from churnml.pages.cockpit.my_day import MyDay, day_item, ended_items
from churnml.pages.cockpit.timeline import BesideTheScores
from churnml.timeline import plus_days
from churnml.web.cockpit import SNOOZE_DAYS, Asked, Cockpit

# Longer lists nobody works off in a day; what follows comes up as these are done.
ITEMS_SHOWN = 60
# Of what ended and of what is put off.
OTHERS_SHOWN = 50


# ---------------------------------------------------------------- my day


def my_day(asked: Asked, wanted: str | None, focus: str) -> MyDay:
    """The work of one owner, or of everybody.

    Args:
        asked: by whom.
        wanted: whose list; empty is everybody's, None the visitor's own.
        focus: the work item that comes next.

    Raises:
        UnknownNameError: the list is not one that the visitor may see.
        TooLittleDataError: nothing was scored yet.
    """
    cockpit, store, seen = asked.cockpit, asked.cockpit.store, asked.visitor.owners
    facts = asked.newest
    work = store.owner_work(seen)
    owner = _owner(asked, wanted, work)
    today = cockpit.today
    lines = _listed(cockpit, facts.as_of, owner)
    total = sum(one.items for one in work if owner in (None, one.owner)) if len(lines) >= ITEMS_SHOWN else len(lines)
    shown = lines[:ITEMS_SHOWN]
    dates = store.dates()
    previous = dates[-2] if len(dates) > 1 else None
    ended = store.ended_since(plus_days(previous, 1) if previous else facts.as_of, owner)
    closed = [item for item in ended if item.state == "closed"][:OTHERS_SHOWN]
    finished = [item for item in ended if item.state != "closed"][:OTHERS_SHOWN]
    snoozed = _snoozed(cockpit, owner)
    names = store.account_names(item.account_id for item in (*closed, *finished, *snoozed))
    return MyDay(
        owner=owner,
        owners=_choices(work, seen),
        everybody=seen is None,
        today=today,
        as_of=facts.as_of,
        previous=previous,
        items=[day_item(line, today) for line in shown],
        more=max(0, total - len(shown)),
        snoozed=snoozed,
        names=names,
        closed=ended_items(closed, names),
        finished=ended_items(finished, names),
        overflow=[row for row in store.overflow(facts.as_of) if owner in (None, row.owner)],
        hand_to=facts.owners,
        snooze_to=plus_days(today, SNOOZE_DAYS),
        focus=focus,
    )


def _owner(asked: Asked, wanted: str | None, work: Iterable[OwnerWork]) -> str | None:
    """Whose list is shown; None is everybody's."""
    seen = asked.visitor.owners
    if wanted:
        if seen is not None and wanted not in seen:
            raise UnknownNameError("list", wanted, ())
        return wanted
    if seen is not None:
        return asked.visitor.name if asked.visitor.name in seen else next(iter(seen), asked.visitor.name)
    mine = any(one.owner == asked.visitor.name for one in work)
    return asked.visitor.name if wanted is None and mine else None


def _choices(work: Iterable[OwnerWork], seen: tuple[str, ...] | None) -> list[OwnerWork]:
    """Whose list can be chosen: who has work, and whoever the visitor may see."""
    busy = list(work)
    idle = [] if seen is None else [OwnerWork(name, 0) for name in seen if name not in {one.owner for one in busy}]
    return [*busy, *idle]


def _listed(cockpit: Cockpit, as_of: dt.date, owner: str | None) -> list[QueueLine]:
    try:
        return cockpit.store.queue(as_of, owner=owner, limit=ITEMS_SHOWN)
    except UnknownNameError:
        return []  # nothing is on their list


def _snoozed(cockpit: Cockpit, owner: str | None) -> list[WorkItem]:
    items = (item for item in cockpit.store.work.items(owner=owner, living=True) if item.state == "snoozed")
    return sorted(items, key=lambda item: (str(item.snoozed_until), item.work_id))[:OTHERS_SHOWN]


# ---------------------------------------------------------------- one account


def account_page(asked: Asked, account_id: str, as_of: dt.date | None, since: dt.date | None) -> AccountView:
    """One account.

    Args:
        asked: by whom.
        account_id: which.
        as_of: on which date; None is the newest it was scored on.
        since: from which date on its change is explained; None is the scoring before.

    Raises:
        UnknownNameError: there is none that the visitor may see, or it was not scored on such a date.
    """
    cockpit, store = asked.cockpit, asked.cockpit.store
    newest = asked.newest
    made_from = store.made_from(account_id, newest.as_of)
    if not made_from or not store.may_see(account_id, asked.visitor.owners):
        raise UnknownNameError("scored account", account_id, ())
    dates = [made.as_of for made in made_from]
    for day in (as_of, since):
        if day is not None and day not in dates:
            raise UnknownNameError("scoring of this account", str(day), map(str, dates))
    story = store.account(account_id, as_of or dates[-1])
    if since is not None and since < story.scoring.as_of:
        story = replace(story, previous=store.recorded(account_id, since))
    return account_view(
        AccountSources(
            story=story,
            made_from=made_from,
            change=_change(cockpit, story),
            beside=BesideTheScores(
                notes=store.notes.of(account_id),
                messages=store.outbox.all(subject=account_id),
                terms=store.account_terms(account_id, story.scoring.as_of),
            ),
            currency=cockpit.project.spec.currency,
            health=cockpit.project.health,
            today=cockpit.today,
            hand_to=newest.owners,
            snooze_to=plus_days(cockpit.today, SNOOZE_DAYS),
        )
    )


def _change(cockpit: Cockpit, story: AccountStory) -> HealthChange | None:
    """What changed, where models' scales can be had."""
    try:
        return change_of(story, cockpit.store, cockpit.yardsticks, cockpit.project.health.risk.model)
    except RegistryError:
        return None


# ---------------------------------------------------------------- every account


def accounts_page(asked: Asked, wanted: AccountFilter, page: int) -> AccountsView:
    """A stretch of the accounts that are asked for and may be seen; raises TooLittleDataError."""
    store, as_of, seen = asked.cockpit.store, asked.newest.as_of, asked.visitor.owners
    first = (page - 1) * PAGE_LENGTH
    accounts = store.account_list(as_of, wanted, seen, first=first, limit=PAGE_LENGTH)
    return accounts_view(
        wanted,
        accounts,
        store.account_choices(as_of, seen),
        page,
        renewing=store.renewals(as_of, wanted, seen),
        saved=store.views.of(asked.visitor.name),
    )


def accounts_file(asked: Asked, wanted: AccountFilter) -> tuple[dt.date, Iterable[str]]:
    """All accounts that are asked for and may be seen, as CSV, with their date; raises TooLittleDataError."""
    as_of = asked.newest.as_of
    accounts = asked.cockpit.store.account_list(as_of, wanted, asked.visitor.owners)
    return as_of, accounts_csv(accounts.lines)
