"""What somebody's mistake or an outage is answered with, on a page as to a program."""

from __future__ import annotations

from churnml.errors import ProjectError, TooLittleDataError, UnavailableError, UnknownNameError
from churnml.web.forms import AskedError
from churnml.web.people import NotAllowedError


def status_of(problem: Exception, method: str) -> int:
    """The HTTP status of a mistake or an outage."""
    if isinstance(problem, NotAllowedError):
        return 403
    if isinstance(problem, UnknownNameError | TooLittleDataError):
        return 404
    if isinstance(problem, UnavailableError):
        return 503
    if isinstance(problem, ProjectError):
        return 500
    if isinstance(problem, AskedError):
        return 422
    return 409 if method == "POST" else 422


def remedy_of(problem: Exception) -> str:
    """How it is mended; nothing of a name that is not known, since the nearest one would tell what else there is."""
    return "" if isinstance(problem, UnknownNameError) else getattr(problem, "remedy", "")
