"""What people keep for themselves: views of the book by a name of their own."""

from __future__ import annotations

from starlette.datastructures import QueryParams

from churnml.errors import ChurnmlError, UnknownNameError
from churnml.ledger.cockpit import SavedView
from churnml.pages.cockpit.accounts import address
from churnml.web.cockpit import Asked
from churnml.web.forms import AskedError, SentForm, filter_of

LONGEST_NAME = 80
MOST_VIEWS = 50


def keep_view(asked: Asked, form: SentForm) -> None:
    """Keeps what a page of the book shows under a name, in place of an earlier view of that name.

    Whoever may look may keep how they look: nobody else sees it, and it asks only for what they may see.

    Raises:
        AskedError: there is no name, or one that is too long, or the view cannot be read.
        ChurnmlError: they keep too many.
    """
    name = " ".join(form.one("name").replace("\0", "").split())
    if not name or len(name) > LONGEST_NAME:
        raise AskedError(f"A view needs a name of at most {LONGEST_NAME} characters.", remedy="Name it otherwise.")
    views, who = asked.cockpit.store.views, asked.visitor.name
    # as we would write it, whatever was sent
    view = SavedView(name, address(filter_of(QueryParams(form.one("address"))), path="").removeprefix("?"))
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
