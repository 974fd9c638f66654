"""What a form or an address says, read and checked before anything is done with it."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import QueryParams
from starlette.requests import Request

from churnml.errors import ChurnmlError
from churnml.ledger.cockpit import AccountFilter, SortKey, WorkKey
from churnml.pages.cockpit.accounts import ASCENDING_FIRST
from churnml.timeline import FIRST_DAY, LAST_DAY, month_of

LONGEST_BODY = 256 * 1024
MOST_FIELDS = 5_000
LONGEST_TEXT = 500
FORM = "application/x-www-form-urlencoded"
# Where a form may lead back to.
PAGES = frozenset({"/day", "/account", "/accounts", "/playbooks", "/models"})
SORT_KEYS: Mapping[str, SortKey] = {key: key for key in get_args(SortKey)}
WORK_KEYS: Mapping[str, WorkKey] = {key: key for key in get_args(WorkKey)}


class AskedError(ChurnmlError):
    """A form or an address says something that cannot be read as meant."""


@dataclass(frozen=True)
class SentForm:
    """A form as it was sent: name → its values, in their order."""

    values: Mapping[str, Sequence[str]]

    def one(self, name: str) -> str:
        """The value of a field, without spaces around it; empty where there is none."""
        return (self.values.get(name) or [""])[-1].strip()

    def all(self, name: str) -> Sequence[str]:
        """Every value of a field."""
        return self.values.get(name, ())

    @property
    def back(self) -> str:
        """The page that it leads back to: one of ours, whatever was sent."""
        return local_address(self.one("back"))


async def sent_form(request: Request) -> SentForm:
    """The form of a request; raises AskedError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().casefold() != FORM:
        raise AskedError("This is no form of this page.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise AskedError("The form is too long.", remedy="Choose fewer at once.")
    try:
        # PostgreSQL takes NUL in no text
        sent = body.decode("utf-8").replace("%00", "").replace("\0", "")
        return SentForm(parse_qs(sent, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise AskedError("The form cannot be read.", remedy="Open the page again.") from None


def local_address(address: str) -> str:
    """An address of a page of ours; the list where it is none."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or parts.path not in PAGES or address != address.strip() or "\\" in address:
        return "/day"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def day_of(text: str, what: str) -> dt.date:
    """A date of a field; raises AskedError."""
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        raise AskedError(f"{what}: '{text[:40]}' is not a date.", remedy="Write it as 2026-01-31.") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise AskedError(f"{what}: {day} cannot be reckoned with.")
    return day


def text_of(form: SentForm, name: str) -> str:
    """A text of a field; raises AskedError where it is too long."""
    text = form.one(name)
    if len(text) > LONGEST_TEXT:
        raise AskedError(f"The text is longer than {LONGEST_TEXT} characters.", remedy="Say it shorter.")
    return text


def filter_of(asked: QueryParams) -> AccountFilter:
    """Which accounts an address asks for; raises AskedError."""
    sort = asked.get("sort") or "risk"
    key = SORT_KEYS.get(sort)
    if key is None:
        raise AskedError(f"Accounts cannot be ordered by '{sort[:40]}'.")
    work = WORK_KEYS.get(asked.get("work", ""))
    if work is None:
        raise AskedError(f"Open work is 'open' or 'none', not '{asked['work'][:40]}'.")
    order = asked.get("order", "")
    return AccountFilter(
        text=asked.get("text", "").strip(),
        owner=asked.get("owner", ""),
        segment=asked.get("segment", ""),
        band=asked.get("band", ""),
        work=work,
        health_from=_number(asked, "health_from"),
        health_to=_number(asked, "health_to"),
        mrr_from=_number(asked, "mrr_from"),
        churn_from=_number(asked, "churn_from"),
        renews=_month(asked.get("renews", "").strip()),
        sort=key,
        descending=order == "down" if order in ("down", "up") else key not in ASCENDING_FIRST,
    )


def _month(text: str) -> str:
    """A month of an address, as it was written; raises AskedError."""
    try:
        if text:
            month_of(text)
    except (ValueError, OverflowError):
        raise AskedError(f"renews: '{text[:40]}' is not a month.", remedy="Write it as 2026-01.") from None
    return text


def page_of(asked: QueryParams) -> int:
    """Which stretch an address asks for, from 1 on; raises AskedError."""
    text = asked.get("page", "1")
    if not (text.isascii() and text.isdigit() and int(text[:9]) >= 1 and len(text) < 10):
        raise AskedError(f"'{text[:40]}' is no page.")
    return int(text)


def _number(asked: QueryParams, name: str) -> float | None:
    text = asked.get(name, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise AskedError(f"{name.replace('_', ' ')}: '{text[:40]}' is not a number.")
    return value
