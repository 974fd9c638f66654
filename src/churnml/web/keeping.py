"""What people write down: views of the book by a name of their own, notes about accounts."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger.cockpit import AccountNote, SavedView
from churnml.pages.cockpit.accounts import asked_for
from churnml.web.cockpit import Asked
from churnml.web.forms import AskedError, SentForm, filter_of
from churnml.web.people import NotAllowedError

LONGEST_NAME = 80
MOST_VIEWS = 50
LONGEST_NOTE = 2_000


def keep_view(asked: Asked, form: SentForm) -> None:
    """Keeps what a page of the book shows under a name, in place of an earlier view of that name.

    Whoever may look may keep how they look: nobody else sees it, and it asks only for what they may see.

    Raises:
        AskedError: there is no name, or one that is too long, or the view cannot be read.
        ChurnmlError: they keep too many.
    """
    name = " ".join(form.one("name").split())
    if not name or len(name) > LONGEST_NAME:
        raise AskedError(f"A view needs a name of at most {LONGEST_NAME} characters.", remedy="Name it otherwise.")
    views, who = asked.cockpit.store.views, asked.visitor.name
    # as we would write it, whatever was sent
    view = SavedView(name, asked_for(filter_of(QueryParams(form.one("address")))))
    kept = views.of(who)
    if len(kept) >= MOST_VIEWS and name not in {one.name for one in kept}:
        raise ChurnmlError(f"You keep {MOST_VIEWS} views already.", remedy="Remove one that you do not need.")
    if view not in kept:
        views.keep(who, view, asked.cockpit.clock.now())


def remove_view(asked: Asked, form: SentForm) -> None:
    """Takes a view of the visitor's away; raises UnknownNameError where they keep none of that name."""
    views, who, name = asked.cockpit.store.views, asked.visitor.name, form.one("name")
    if name not in {one.name for one in views.of(who)}:
        raise UnknownNameError("view", name, ())
    views.remove(who, name, asked.cockpit.clock.now())


def write_note(asked: Asked, form: SentForm) -> None:
    """Writes down what somebody has to say of an account; the same twice on a day is one note.

    Raises:
        NotAllowedError: the visitor changes nothing.
        UnknownNameError: there is no such account that they may see.
        AskedError: the note is empty or too long.
    """
    if not asked.visitor.may_act:
        raise NotAllowedError("A viewer writes no notes.")
    store, account_id = asked.cockpit.store, form.one("account")
    known = store.made_from(account_id, asked.newest.as_of)
    if not known or not store.may_see(account_id, asked.visitor.owners):
        raise UnknownNameError("scored account", account_id, ())
    text = form.one("text").replace("\r\n", "\n")
    if not text or len(text) > LONGEST_NOTE:
        raise AskedError(f"A note has at least one and at most {LONGEST_NOTE} characters.", remedy="Write it again.")
    note = AccountNote(account_id, asked.visitor.name, text, asked.cockpit.today)
    store.notes.add(note, asked.cockpit.clock.now())
