"""What people do to work: each change made of the item as they saw it, or refused with the reason."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from churnml.errors import ChurnmlError, UnavailableError, UnknownNameError
from churnml.jobs.work import change_item, undo_change
from churnml.ledger import WorkItem
from churnml.pages.cockpit.frame import Notice
from churnml.pages.presenter import called, plural, words
from churnml.web.cockpit import UNDO_WITHIN, Asked
from churnml.web.forms import AskedError, SentForm, day_of, text_of
from churnml.web.people import NotAllowedError
from churnml.work.life import Changed, dismiss, done, fingerprint_of, lives, reassign, snooze

MOST_AT_ONCE = 200


@dataclass(frozen=True)
class WorkWish:
    """What somebody wants done to an item.

    Args:
        who: they.
        on: the date it counts for.
        why: in their words; empty where they gave none.
        until: for putting off.
        to: for handing on.
    """

    who: str
    on: dt.date
    why: str
    until: str
    to: str


Action = Callable[[WorkItem, WorkWish], Changed]


def _snooze(item: WorkItem, wish: WorkWish) -> Changed:
    return snooze(item, until=day_of(wish.until, "until"), who=wish.who, why=wish.why, on=wish.on)


ACTIONS: Mapping[str, Action] = {
    "done": lambda item, wish: done(item, who=wish.who, why=wish.why, on=wish.on),
    "snooze": _snooze,
    "dismiss": lambda item, wish: dismiss(item, who=wish.who, why=wish.why, on=wish.on),
    "hand-on": lambda item, wish: reassign(item, to=wish.to, who=wish.who, why=wish.why, on=wish.on),
}


def act(asked: Asked, form: SentForm, action: str) -> None:
    """Does one thing to one item.

    Raises:
        NotAllowedError: the visitor changes nothing.
        UnknownNameError: there is no such work that they may see.
        ChurnmlError: it cannot be done, or the item is not as they saw it.
    """
    wish = _wish(asked, form, action)
    _act(asked, form.one("work"), form.one("seen"), ACTIONS[action], wish)


def act_on_many(asked: Asked, form: SentForm) -> list[Notice]:
    """Does one thing to every item that was chosen; what was done and what was not, where not all of it was.

    Raises:
        NotAllowedError: the visitor changes nothing.
        AskedError: nothing or too much was chosen.
        UnavailableError: the store did not answer; what was done by then stays.
    """
    action = form.one("do")
    if action not in ACTIONS:
        raise AskedError("It is not clear what is to be done with what was chosen.")
    wish = _wish(asked, form, action)
    chosen = [name.rpartition(" ") for name in dict.fromkeys(form.all("item"))]
    if not chosen:
        raise AskedError("Nothing was chosen.", remedy="Choose what it is to be done to.")
    if len(chosen) > MOST_AT_ONCE:
        raise AskedError(f"More than {MOST_AT_ONCE} were chosen.", remedy="Choose fewer at once.")
    refused: list[Notice] = []
    for work_id, _, seen in chosen:
        try:
            _act(asked, work_id, seen, ACTIONS[action], wish)
        except UnavailableError:
            raise
        except ChurnmlError as problem:
            refused.append(Notice("refused", f"{work_id}: {problem.what}", problem.remedy))
    if not refused:
        return []
    written = len(chosen) - len(refused)
    return [Notice("done", f"{plural(written, 'change')} written, {len(refused)} refused."), *refused]


def undo(asked: Asked, form: SentForm) -> None:
    """Takes back what the visitor did just now; raises as :func:`churnml.jobs.work.undo_change`."""
    _may_act(asked)
    cockpit, work_id = asked.cockpit, form.one("work")
    item = cockpit.store.work_item(work_id)
    if item is None or not cockpit.may_take_back(item, asked.visitor):
        raise UnknownNameError("work item", work_id, ())
    undo_change(
        cockpit.project,
        cockpit.store,
        work_id,
        who=asked.visitor.name,
        on=cockpit.today,
        now=cockpit.clock.now(),
        within=UNDO_WITHIN,
    )


def _wish(asked: Asked, form: SentForm, action: str) -> WorkWish:
    _may_act(asked)
    wish = WorkWish(asked.visitor.name, asked.cockpit.today, text_of(form, "why"), form.one("until"), form.one("to"))
    if action == "hand-on" and wish.to not in asked.newest.owners:
        raise AskedError(f"Nobody here is called '{wish.to[:60]}'.", remedy="Choose whom to hand it to.")
    return wish


def _may_act(asked: Asked) -> None:
    if not asked.visitor.may_act:
        raise NotAllowedError("A viewer changes nothing.")


def _act(asked: Asked, work_id: str, seen: str, action: Action, wish: WorkWish) -> None:
    store = asked.cockpit.store
    # an account's id would do too, and mean whatever it has just now
    if store.work_item(work_id) is None:
        raise UnknownNameError("work item", work_id, ())

    def change(item: WorkItem) -> Changed:
        if not asked.cockpit.may_see_work(item, asked.visitor.owners):
            raise UnknownNameError("work item", work_id, ())
        if fingerprint_of(item) != seen:
            name = store.account_names([item.account_id]).get(item.account_id)
            raise ChurnmlError(
                _changed(item, name), remedy="Look at it as it stands now, and do it again if it is to be."
            )
        return action(item, wish)

    change_item(asked.cockpit.project, store, work_id, change, asked.cockpit.clock.now())


def _changed(item: WorkItem, name: str | None) -> str:
    """How an item stands that is not as it was seen; ``name`` is its account's."""
    account = called(item.account_id, name)
    what = f"{words(item.playbook).capitalize()} for {account} has changed since you opened the page: "
    if not lives(item):
        return f"{what}it was {item.state} on {item.ended_on} ({item.ended_because})."
    until = f", put off until {item.snoozed_until}" if item.snoozed_until else ""
    return f"{what}it is {item.state}{until}, with {item.owner}, due {item.due}."
