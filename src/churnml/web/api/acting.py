"""What is done to work: once for each key, of the item as the caller saw it, or refused with the reason."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from churnml.errors import UnknownNameError
from churnml.jobs.work import change_item, undo_change
from churnml.ledger import WorkItem
from churnml.ledger.api import ApiCall, CallKey
from churnml.web.acting import ACTIONS, WorkWish
from churnml.web.api import shapes
from churnml.web.api.answering import etag_of, names
from churnml.web.api.callers import Caller
from churnml.web.api.problems import ApiError
from churnml.web.api.reading import work_shown
from churnml.web.cockpit import UNDO_WITHIN
from churnml.web.forms import AskedError
from churnml.web.people import NotAllowedError
from churnml.work.life import Changed

LONGEST_KEY = 200
UNDO = "undo"


@dataclass(frozen=True)
class Act:
    """Something that is to be done.

    Args:
        work_id: to which item.
        action: one of the actions of the pages, or :data:`UNDO`.
        asked: what was sent with it.
        key: the caller's own name for it, as ``Idempotency-Key`` has it.
        seen: the fingerprint of the item as they saw it, as ``If-Match`` has it.
    """

    work_id: str
    action: str
    asked: shapes.Why | shapes.WhyUntil | shapes.WhyTo
    key: str
    seen: str


@dataclass(frozen=True)
class Outcome:
    """The item as it stood afterwards, and whether the same call had done it before."""

    item: WorkItem
    repeated: bool


class MadeBeforeError(Exception):
    """The same call has been made meanwhile."""

    def __init__(self, call: ApiCall) -> None:
        super().__init__(call.key.key)
        self.call = call


def act(caller: Caller, wanted: Act) -> Outcome:
    """Does it, or answers what the same call did before.

    Raises:
        NotAllowedError: the caller changes nothing.
        ApiError: the key or the fingerprint is missing, the key has meant something else, the item has changed.
        UnknownNameError: there is no such work that they may see.
        ChurnmlError: it cannot be done.
    """
    if not caller.visitor.may_act:
        raise NotAllowedError("A viewer changes nothing.")
    call = _call_of(caller, wanted)
    try:
        _not_made(caller, call)
        return Outcome(_done(caller, wanted, call), repeated=False)
    except MadeBeforeError as before:
        return Outcome(before.call.after, repeated=True)


def _done(caller: Caller, wanted: Act, call: CallKey) -> WorkItem:
    cockpit, store = caller.cockpit, caller.cockpit.store
    now = cockpit.clock.now()
    check = _check_of(caller, wanted, call)
    item = store.work_item(wanted.work_id)
    # known by its own id alone: an account's would mean whatever work it has just now
    if item is None:
        raise UnknownNameError("work item", wanted.work_id, ())
    check(item)
    if wanted.action == UNDO:
        after, _ = undo_change(
            cockpit.project,
            store,
            wanted.work_id,
            who=caller.visitor.name,
            on=cockpit.today,
            now=now,
            within=UNDO_WITHIN,
            check=check,
            call=call,
        )
        return after
    wish = _wish(caller, wanted)

    def change(present: WorkItem) -> Changed:
        check(present)
        return ACTIONS[wanted.action](present, wish)

    after, _ = change_item(cockpit.project, store, wanted.work_id, change, now, call)
    return after


def _check_of(caller: Caller, wanted: Act, call: CallKey) -> Callable[[WorkItem], None]:
    """Looks at an item before it is touched, each time it is read."""

    def check(item: WorkItem) -> None:
        _not_made(caller, call)
        cockpit, undoes = caller.cockpit, wanted.action == UNDO
        if not (cockpit.may_take_back(item, caller.visitor) if undoes else cockpit.may_see_work(item, caller.owners)):
            raise UnknownNameError("work item", wanted.work_id, ())
        if not names(wanted.seen, etag_of(work_shown(item)), weakly=False):
            raise ApiError(
                412,
                f"The work has changed since you saw it: it is {item.state}, with {item.owner}, due {item.due}.",
                remedy="Read it anew, and do it again if it is to be.",
                headers={"ETag": etag_of(work_shown(item))},
            )

    return check


def _not_made(caller: Caller, call: CallKey) -> None:
    """Raises MadeBeforeError where the call was made, and ApiError where its key has meant something else."""
    made = caller.cockpit.store.api_call(call.token_id, call.key)
    if made is None:
        return
    if made.key.request != call.request:
        raise ApiError(
            422, "The Idempotency-Key has been used for something else.", remedy="Use a new one for each change."
        )
    raise MadeBeforeError(made)


def _call_of(caller: Caller, wanted: Act) -> CallKey:
    key = wanted.key.strip()
    if not key or len(key) > LONGEST_KEY or not key.isprintable() or not key.isascii():
        raise ApiError(
            400,
            f"Idempotency-Key is missing, or not up to {LONGEST_KEY} printable characters.",
            remedy="Send a new one with each change, and the same again when you repeat it.",
        )
    if not wanted.seen.strip():
        raise ApiError(
            428,
            "If-Match is missing.",
            remedy="Send the ETag of the work item as you saw it, so that nobody changes what they have not seen.",
        )
    request = json.dumps([wanted.work_id, wanted.action, wanted.asked.model_dump(mode="json")])
    return CallKey(caller.token.token_id, key, hashlib.sha256(request.encode()).hexdigest())


def _wish(caller: Caller, wanted: Act) -> WorkWish:
    asked = wanted.asked
    until = asked.until.isoformat() if isinstance(asked, shapes.WhyUntil) else ""
    to = asked.to.strip() if isinstance(asked, shapes.WhyTo) else ""
    if isinstance(asked, shapes.WhyTo) and to not in caller.newest.owners:
        raise AskedError(f"Nobody here is called '{to[:60]}'.", remedy="Name one of the owners.")
    return WorkWish(caller.visitor.name, caller.cockpit.today, asked.why.strip(), until, to)
