"""The views of the cockpit as HTML. Whatever comes from a user's data is text to every template, and stays text."""

from __future__ import annotations

from functools import cache, partial
from typing import Protocol

import jinja2

from churnml.ledger.cockpit import WITHOUT
from churnml.pages.cockpit.account import AccountView, made_of
from churnml.pages.cockpit.accounts import AccountsView
from churnml.pages.cockpit.frame import Frame, Notice
from churnml.pages.cockpit.models import ModelsView
from churnml.pages.cockpit.my_day import MyDay
from churnml.pages.cockpit.playbooks import PlaybooksView
from churnml.pages.presenter import (
    LONGEST_NAME,
    called,
    capitalised,
    cut,
    date,
    goal_name,
    money,
    number,
    percent,
    plural,
    printable,
    score,
    words,
)


class PageView(Protocol):
    """A page's typed view: one of those that have a template."""


TEMPLATES: dict[type, str] = {
    MyDay: "my_day.html.j2",
    AccountView: "account.html.j2",
    AccountsView: "accounts.html.j2",
    PlaybooksView: "playbooks.html.j2",
    ModelsView: "models.html.j2",
}


def page_html(view: PageView, frame: Frame) -> str:
    """A page as HTML.

    Args:
        view: one of those in :data:`TEMPLATES`.
        frame: what stands around it.
    """
    return _rendered(TEMPLATES[type(view)], frame, view=view)


def notice_html(title: str, notices: list[Notice], back: str, frame: Frame) -> str:
    """A page that says why something was not done, or not all of it, and leads back to ``back``."""
    return _rendered("notice.html.j2", frame, title=title, notices=notices, back=back)


def plain_html(template: str, **given: object) -> str:
    """A page that has no frame around it, for whoever is not known."""
    return _environment().get_template(template).render(**given)


def _rendered(template: str, frame: Frame, **given: object) -> str:
    amounts = partial(money, currency=frame.currency, cents=frame.cents)
    return _environment().get_template(template).render(frame=frame, money=amounts, **given)


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        loader=jinja2.PackageLoader("churnml.pages.cockpit", "templates"),
    )
    environment.filters |= {
        "capitalised": capitalised,
        "cut": partial(cut, length=LONGEST_NAME),
        "date": date,
        "goal": goal_name,
        "number": number,
        "percent": percent,
        "printable": printable,
        "score": score,
        "words": words,
    }
    environment.globals |= {"called": called, "plural": plural, "made_of": made_of, "without": WITHOUT}
    return environment
