"""Which failures are outages: something outside did not answer, is taken, or has no room left.

Every library says it in its own way, most of them wrapped in an exception of another. It is read here, by classes and
codes and, where there are none, by the words of one version or another; none of the libraries is imported. What is not
known as an outage is none: a mistake of the user's tried again stays one.
"""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Any

from churnml.errors import ChurnmlError, ProjectError, UnavailableError

# How long a database's server may take to let us in, where its driver would wait for ever.
CONNECT_SECONDS = 10


class OutageKind(Enum):
    """What is wrong outside, as a sentence says it of something. All but DENIED may pass by themselves."""

    FULL = "finds no room left on its disk"
    FAILING = "cannot read or write its disk"
    TAKEN = "is locked by somebody else"
    AWAY = "does not answer"
    DENIED = "refuses churnml: permission denied, or read-only"


# what it is that is in trouble, where nobody says it
ANYTHING = {
    OutageKind.FULL: "A file that is written",
    OutageKind.FAILING: "A file",
    OutageKind.TAKEN: "A file or database",
    OutageKind.AWAY: "Something outside that churnml needs",
    OutageKind.DENIED: "A file or folder",
}
WHOLE = "what was not written whole was not written"
REMEDIES = {
    OutageKind.FULL: f"Make room on the disk (or raise the quota), and run it again: {WHOLE}.",
    OutageKind.FAILING: f"Look whether the disk is full or failing, and run it again: {WHOLE}.",
    OutageKind.TAKEN: "Run it again once the other program is done.",
    OutageKind.AWAY: "Look whether it is running and can be reached from here under that name and port, and run it "
    f"again: {WHOLE}.",
    OutageKind.DENIED: "Give whoever runs churnml the right to read and write there; look-ups need to read only.",
}

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
AWAY = {
    *(errno.ECONNREFUSED, errno.ECONNRESET, errno.ECONNABORTED, errno.ETIMEDOUT),
    *(errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.ENOTCONN, errno.ESTALE),
}
DENIED = {errno.EROFS, errno.EACCES, errno.EPERM}
NAMED_WRONGLY = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
# SQLSTATE, or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
SQLSTATES = {
    "08": OutageKind.AWAY,
    "57P": OutageKind.AWAY,
    "53100": OutageKind.FULL,
    "53": OutageKind.TAKEN,
    "55P03": OutageKind.TAKEN,
    "40": OutageKind.TAKEN,
    "58030": OutageKind.FAILING,
    "25006": OutageKind.DENIED,
    "42501": OutageKind.DENIED,
}
# of the codes that MySQL and MariaDB number their errors with: away, locked, full
MYSQL = {
    **dict.fromkeys((2002, 2003, 2005, 2006, 2013, 1053), OutageKind.AWAY),
    **dict.fromkeys((1040, 1205, 1213), OutageKind.TAKEN),
    1021: OutageKind.FULL,
}
# beginnings of SQLite's names for its results
SQLITE = {
    "SQLITE_BUSY": OutageKind.TAKEN,
    "SQLITE_LOCKED": OutageKind.TAKEN,
    "SQLITE_FULL": OutageKind.FULL,
    "SQLITE_IOERR": OutageKind.FAILING,
    "SQLITE_READONLY": OutageKind.DENIED,
    "SQLITE_PERM": OutageKind.DENIED,
}
# what PostgreSQL says while it starts, stops or has nobody free, where a failed connection has no SQLSTATE
NOT_NOW = ("starting up", "shutting down", "too many c", "remaining connection slots", "in recovery mode")
# how libpq and psycopg put it that nobody answered
LOST = (
    *("connection refused", "connection reset", "timeout", "timed out", "no route to host", "unreachable"),
    *("could not translate host name", "failed to resolve host", "is the server running"),
    *("server closed", "connection is closed", "connection is lost", "connection was lost", "could not receive data"),
)
STATUSES = {408, 425, 429, 502, 503, 504}
MLFLOW_CODES = {"TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED", "IO_ERROR"}
GRPC_CODES = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED")
WORDS = {
    "no space left on device": OutageKind.FULL,
    "file too large": OutageKind.FULL,
    "disk quota exceeded": OutageKind.FULL,
    "max_temp_directory_size": OutageKind.FULL,
    "could not set lock": OutageKind.TAKEN,
    "read-only file system": OutageKind.DENIED,
    "permission denied": OutageKind.DENIED,
    "input/output error": OutageKind.FAILING,
}
# exceptions of the first are read by the second; of every other library only what it inherits from Python is
NETWORK = ("requests", "urllib3", "httpx", "httpcore", "anyio")
NETWORK_TROUBLES = ("Timeout", "Connect", "Network", "Protocol", "ReadError", "WriteError", "Retry", "Chunked", "Name")
PREFECT_WORDS = ("connect to ephemeral Prefect API server", "Failed to reach API at")
DUCKDB = ("duckdb", "_duckdb")
# whose exceptions stand for others, met while they were handled
WRAPPERS = ("mlflow", "sqlalchemy", "alembic", "prefect", *NETWORK)


def kind_of_outage(problem: BaseException) -> OutageKind | None:
    """What is wrong outside, by an exception or those it stands for; None where it is no outage."""
    chain = list(_chain(problem))
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in chain):
        return None  # the server answered; the certificate is to be mended
    # what was raised first says it best
    return next((trouble for one in reversed(chain) if (trouble := _own_kind(one))), None)


def may_pass(problem: BaseException) -> bool:
    """Whether trying again may help: an outage, or a fault of the system that is not known and no mistake in a name."""
    if isinstance(problem, ChurnmlError):
        return isinstance(problem, UnavailableError)
    trouble = kind_of_outage(problem)
    if trouble is None:
        return isinstance(problem, OSError) and not isinstance(problem, NAMED_WRONGLY)
    return trouble is not OutageKind.DENIED


@contextlib.contextmanager
def outages_told(who: str = "", where: str = "") -> Iterator[None]:
    """Raises what :func:`outage` makes of an outage; every other exception goes through as it is."""
    try:
        yield
    except ChurnmlError:
        raise
    except Exception as problem:
        told = outage(problem, who, where)
        if told is None:
            raise
        raise told from None


def outage(problem: BaseException, who: str = "", where: str = "") -> ChurnmlError | None:
    """What the user is told of ``problem``; None where it is no outage.

    Args:
        problem: whatever was raised. Its words may hold a password or a customer's data and are not repeated, but for
            the path of a file.
        who: the store, database … it is about, which begins a sentence; else it is said in general.
        where: where the user declared it; else the file it happened to.

    Returns:
        UnavailableError; or ProjectError for what is denied, which does not pass by itself.
    """
    trouble = kind_of_outage(problem)
    if trouble is None:
        return None
    kind = ProjectError if trouble is OutageKind.DENIED else UnavailableError
    subject = who or ANYTHING[trouble]
    return kind(f"{subject} {trouble.value}.", where=where or _file_of(problem), remedy=REMEDIES[trouble])


def _file_of(problem: BaseException) -> str:
    """The file an exception is about; empty where it does not say."""
    for one in _chain(problem):
        if isinstance(one, OSError) and one.filename:
            return str(one.filename)
        # DuckDB's alone: others quote addresses
        path = re.search(r'"(/[^"\\]+)', str(one)) if _library(one) in DUCKDB else None
        if path:
            return path.group(1)
    return ""


def _chain(problem: BaseException) -> Iterator[BaseException]:
    """The exception, and those it stands for, each once."""
    ahead: list[BaseException] = [problem]
    seen: set[int] = set()
    while ahead:
        one = ahead.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        met = one.__context__ if not one.__suppress_context__ and _library(one) in WRAPPERS else None
        inside = (one.__cause__, met, getattr(one, "orig", None), getattr(one, "reason", None), *one.args)
        ahead += [other for other in inside if isinstance(other, BaseException)]


def _library(problem: BaseException) -> str:
    return type(problem).__module__.split(".")[0]


def _own_kind(problem: BaseException) -> OutageKind | None:
    known: Any = problem
    match _library(problem):
        case "sqlite3":
            name = getattr(known, "sqlite_errorname", "") or ""
            return next((trouble for begins, trouble in SQLITE.items() if name.startswith(begins)), None)
        case "psycopg" | "psycopg2" | "asyncpg":
            return _of_postgresql(known)
        case "pymysql" | "MySQLdb" | "mysql" | "mariadb":
            code = getattr(known, "errno", None) or (known.args[0] if known.args else None)
            return MYSQL.get(code) if isinstance(code, int) else None
        case "sqlalchemy":
            if type(known).__name__ == "TimeoutError":  # of the pool
                return OutageKind.TAKEN
            return OutageKind.AWAY if getattr(known, "connection_invalidated", False) else None
        case library if library in DUCKDB:
            return _by_words(known)
        case "mlflow":
            return _of_mlflow(known)
        case "grpc" | "pyspark":
            return OutageKind.AWAY if any(code in str(known) for code in GRPC_CODES) else _by_words(known)
        case library if library in NETWORK:
            return _of_network(known)
    if isinstance(problem, OSError):
        return _of_system(problem)
    of_prefect = isinstance(problem, RuntimeError) and any(words in str(problem) for words in PREFECT_WORDS)
    return OutageKind.AWAY if of_prefect else None


def _of_system(problem: OSError) -> OutageKind | None:
    lost = isinstance(problem, ConnectionError) and not isinstance(problem, BrokenPipeError)
    if lost or isinstance(problem, socket.gaierror | TimeoutError):
        return OutageKind.AWAY
    for codes, trouble in ((FULL, OutageKind.FULL), (AWAY, OutageKind.AWAY), (DENIED, OutageKind.DENIED)):
        if problem.errno in codes:
            return trouble
    return OutageKind.FAILING if problem.errno == errno.EIO else None


def _of_postgresql(problem: Any) -> OutageKind | None:
    state = str(getattr(problem, "sqlstate", None) or getattr(problem, "pgcode", None) or "")
    if state:
        return next((trouble for begins, trouble in SQLSTATES.items() if state.startswith(begins)), None)
    text = str(problem)
    if "FATAL" in text:  # the server answered, and lets nobody in
        return OutageKind.AWAY if any(words in text for words in NOT_NOW) else None
    return OutageKind.AWAY if any(words in text.lower() for words in LOST) else None


def _of_mlflow(problem: Any) -> OutageKind | None:
    # "too many 503 error responses" is the end of its own retries; what it made of a database's error says less
    by_code = problem.__cause__ is None and getattr(problem, "error_code", "") in MLFLOW_CODES
    if by_code or "error responses" in str(problem):
        return OutageKind.AWAY
    # of several files that could not be fetched it keeps the words alone
    return _by_words(problem)


def _of_network(problem: Any) -> OutageKind | None:
    name = type(problem).__name__
    if "SSL" in name or "Unsupported" in name or "Local" in name:
        return None
    if _status(problem) in STATUSES or any(words in name for words in NETWORK_TROUBLES):
        return OutageKind.AWAY
    return None


def _status(problem: Any) -> int | None:
    response = getattr(problem, "response", None)
    asked: Sequence[Any] = (getattr(response, "status_code", None), getattr(problem, "status_code", None))
    return next((status for status in asked if isinstance(status, int)), None)


def _by_words(problem: BaseException) -> OutageKind | None:
    text = str(problem).lower()
    return next((trouble for words, trouble in WORDS.items() if words in text), None)
