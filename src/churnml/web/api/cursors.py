"""Where a page of a list ended, as a text that the caller gives back to get the next."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import math
from dataclasses import asdict, dataclass

from churnml.jsontypes import Json
from churnml.ledger.cockpit import AccountFilter, AccountPlace, WorkPlace
from churnml.web.forms import AskedError

LONGEST = 2_000


@dataclass(frozen=True)
class AccountCursor:
    """Where a page of accounts ended.

    Args:
        as_of, revision: the scoring that it is a page of; the next page is one of the same.
        place: the last account on it. It holds what the caller was shown, and nothing of others.
    """

    as_of: dt.date
    revision: int
    place: AccountPlace


def account_cursor(cursor: AccountCursor, asked: AccountFilter) -> str:
    """As a text; it goes on with the same question alone."""
    value = cursor.place.value
    if isinstance(value, dt.date):
        value = value.isoformat()
    return _text(["a", _digest(asked), cursor.as_of.isoformat(), cursor.revision, value, cursor.place.account_id])


def account_cursor_of(text: str, asked: AccountFilter) -> AccountCursor:
    """From a text; raises AskedError where it is none of ours, or of another question."""
    match _parts(text):
        case ["a", str(digest), str(as_of), int(revision), (str() | int() | float() | None) as value, str(account_id)]:
            if digest != _digest(asked):
                raise AskedError(
                    "The cursor is of another question.", remedy="Ask the same, or begin without a cursor."
                )
            place = AccountPlace(_value(value, asked), account_id)
            return AccountCursor(_day(as_of), revision, place)
    raise _unreadable()


def work_cursor(place: WorkPlace) -> str:
    """As a text."""
    return _text(["w", place.opened_on.isoformat(), place.work_id])


def work_cursor_of(text: str) -> WorkPlace:
    """From a text; raises AskedError where it is none of ours."""
    match _parts(text):
        case ["w", str(opened_on), str(work_id)]:
            return WorkPlace(_day(opened_on), work_id)
    raise _unreadable()


def day_cursor(day: dt.date) -> str:
    """As a text."""
    return _text(["d", day.isoformat()])


def day_cursor_of(text: str) -> dt.date:
    """From a text; raises AskedError where it is none of ours."""
    match _parts(text):
        case ["d", str(day)]:
            return _day(day)
    raise _unreadable()


def _text(parts: list[Json]) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode().rstrip("=")


def _parts(text: str) -> Json:
    if len(text) > LONGEST:
        raise _unreadable()
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts: Json = json.loads(raw)
        json.dumps(parts, ensure_ascii=False).encode()
    except (ValueError, binascii.Error, RecursionError):
        raise _unreadable() from None
    if "\0" in json.dumps(parts, ensure_ascii=False) or "\\u0000" in json.dumps(parts):
        raise _unreadable()
    return parts


def _value(value: str | float | None, asked: AccountFilter) -> float | str | dt.date | None:
    """What accounts are ordered by, of the kind that it is."""
    if value is None:
        return None
    textual = asked.sort in ("account", "owner", "segment", "band", "since", "renews")
    if textual != isinstance(value, str) or isinstance(value, bool):
        raise _unreadable()
    if isinstance(value, str):
        return _day(value) if asked.sort in ("since", "renews") else value
    if not math.isfinite(value) or abs(value) > 1e300:
        raise _unreadable()
    return float(value)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise _unreadable() from None


def _digest(asked: AccountFilter) -> str:
    return hashlib.sha256(json.dumps(asdict(asked)).encode()).hexdigest()[:12]


def _unreadable() -> AskedError:
    return AskedError("The cursor cannot be read.", remedy="Give back the text of 'next' as it was, or leave it out.")
