"""What tells a form of ours from one that somebody else's page sends: a cookie, and a token that fits it alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets

COOKIE = "churnml_session"
LIFETIME = dt.timedelta(hours=12)


class Sessions:
    """Sessions of one process: with it they end.

    Args:
        secret: what they are signed with; made anew where it is not given.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)

    def begin(self, now: dt.datetime) -> str:
        """A new session."""
        body = f"{int(_seconds(now))}.{secrets.token_urlsafe(18)}"
        return f"{body}.{self._sign('session', body)}"

    def is_live(self, session: str, now: dt.datetime) -> bool:
        """Whether a session is ours and has not ended."""
        body, _, signature = session.rpartition(".")
        begun, _, _ = body.partition(".")
        if not begun.isascii() or not begun.isdigit() or not self._fits(signature, self._sign("session", body)):
            return False
        return 0 <= _seconds(now) - int(begun) <= LIFETIME.total_seconds()

    def token(self, session: str, who: str) -> str:
        """What the forms of a session carry; somebody else's do not fit."""
        return self._sign("form", f"{session}\n{who}")

    def token_fits(self, token: str, session: str, who: str) -> bool:
        """Whether a form is of this session."""
        return self._fits(token, self.token(session, who))

    def _sign(self, what: str, text: str) -> str:
        return hmac.new(self._secret, f"{what}\n{text}".encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _fits(given: str, right: str) -> bool:
        return hmac.compare_digest(given.encode(), right.encode())


def _seconds(moment: dt.datetime) -> float:
    """Seconds since 1970 of a moment in UTC without a zone."""
    return moment.replace(tzinfo=dt.UTC).timestamp()
