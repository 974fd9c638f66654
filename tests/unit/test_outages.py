"""Which exceptions are outages, whichever library raises them; everything else is somebody's to mend."""

from __future__ import annotations

import errno
import socket
import sqlite3
import ssl
from collections.abc import Callable

import duckdb
import httpx
import psycopg
import pytest
import requests
import sqlalchemy as sa
from mlflow.exceptions import MlflowException

from churnml.adapters.outages import OutageKind, kind_of_outage, may_pass, outage, outages_told
from churnml.errors import ProjectError, SourceError, UnavailableError


def raised(what: Exception, *, within: Exception | None = None) -> Exception:
    """``what`` as it is caught; or ``within``, raised while it was handled."""
    try:
        try:
            raise what
        except Exception:
            if within is None:
                raise
            raise within  # noqa: B904 - as MLflow does
    except Exception as problem:
        return problem


def sqlite(name: str, code: int) -> sqlite3.OperationalError:
    problem = sqlite3.OperationalError("words")
    problem.sqlite_errorname, problem.sqlite_errorcode = name, code
    return problem


def by_driver(problem: Exception) -> sa.exc.OperationalError:
    return sa.exc.OperationalError("SELECT 1", {}, problem)


REFUSED = (
    'connection to server at "127.0.0.1", port 5432 failed: Connection refused\n\tIs the server running on that host'
)
STARTING = 'connection to server at "h", port 1 failed: FATAL:  the database system is starting up'
NOBODY = 'connection to server at "h", port 1 failed: FATAL:  password authentication failed for user "u"'


@pytest.mark.parametrize(
    ("problem", "trouble"),
    [
        (OSError(errno.ENOSPC, "no space", "/w/x"), OutageKind.FULL),
        (OSError(errno.EDQUOT, "quota"), OutageKind.FULL),
        (OSError(errno.EIO, "broken"), OutageKind.FAILING),
        (PermissionError(errno.EACCES, "no", "/w"), OutageKind.DENIED),
        (OSError(errno.EROFS, "read-only", "/w"), OutageKind.DENIED),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), OutageKind.AWAY),
        (socket.gaierror(socket.EAI_AGAIN, "again"), OutageKind.AWAY),
        (TimeoutError(), OutageKind.AWAY),
        (FileNotFoundError(errno.ENOENT, "not there", "x"), None),
        (BrokenPipeError(errno.EPIPE, "pipe"), None),
        (ValueError("no space left on device"), None),
        (by_driver(sqlite("SQLITE_BUSY_SNAPSHOT", 517)), OutageKind.TAKEN),
        (by_driver(sqlite("SQLITE_FULL", 13)), OutageKind.FULL),
        (by_driver(sqlite("SQLITE_READONLY_DIRECTORY", 1544)), OutageKind.DENIED),
        (by_driver(sqlite("SQLITE_ERROR", 1)), None),
        (by_driver(psycopg.OperationalError(REFUSED)), OutageKind.AWAY),
        (by_driver(psycopg.OperationalError("connection timeout expired")), OutageKind.AWAY),
        (by_driver(psycopg.OperationalError(STARTING)), OutageKind.AWAY),
        (by_driver(psycopg.OperationalError(NOBODY)), None),
        (psycopg.errors.DiskFull("x"), OutageKind.FULL),
        (psycopg.errors.LockNotAvailable("x"), OutageKind.TAKEN),
        (psycopg.errors.SerializationFailure("x"), OutageKind.TAKEN),
        (psycopg.errors.AdminShutdown("x"), OutageKind.AWAY),
        (psycopg.errors.InvalidPassword("x"), None),
        (psycopg.errors.UndefinedTable("x"), None),
        (duckdb.IOException('Could not write file "/w/x.parquet": No space left on device'), OutageKind.FULL),
        (duckdb.OutOfMemoryException("failed to offload: 'max_temp_directory_size'"), OutageKind.FULL),
        (duckdb.BinderException("no such column"), None),
        (requests.exceptions.ConnectTimeout(), OutageKind.AWAY),
        (requests.exceptions.InvalidURL("x"), None),
        (requests.exceptions.SSLError("certificate"), None),
        (httpx.ReadTimeout("x"), OutageKind.AWAY),
        (httpx.UnsupportedProtocol("x"), None),
        (raised(requests.exceptions.ConnectionError(), within=MlflowException("API request failed")), OutageKind.AWAY),
        (MlflowException("API request failed: too many 503 error responses"), OutageKind.AWAY),
        (MlflowException("Registered Model with name=churn not found"), None),
        # an exception of ours raised while another was handled does not stand for that one
        (raised(ConnectionRefusedError(errno.ECONNREFUSED, "x"), within=ValueError("a bug")), None),
    ],
)
def test_an_outage_is_known_by_what_its_library_makes_of_it(problem: Exception, trouble: OutageKind | None) -> None:
    assert kind_of_outage(problem) is trouble
    told = outage(problem, "The store", "project.yaml")
    if trouble is None:
        assert told is None
    else:
        assert type(told) is (ProjectError if trouble is OutageKind.DENIED else UnavailableError)


def test_a_certificate_nobody_vouches_for_is_no_outage_however_it_is_wrapped() -> None:
    refused = httpx.ConnectError("certificate verify failed")
    refused.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert kind_of_outage(refused) is None
    assert kind_of_outage(httpx.ConnectError("refused")) is OutageKind.AWAY


@pytest.mark.parametrize(
    ("problem", "may"),
    [
        (UnavailableError("away"), True),
        (ProjectError("wrong"), False),
        (OSError(errno.ENOSPC, "full"), True),
        (OSError(errno.EMFILE, "a fault nobody named"), True),
        (PermissionError(errno.EACCES, "no"), False),
        (FileNotFoundError(errno.ENOENT, "x"), False),
        (KeyError("a bug"), False),
    ],
)
def test_only_what_may_pass_by_itself_is_worth_another_try(problem: Exception, may: bool) -> None:
    assert may_pass(problem) is may


def test_what_is_told_names_a_file_and_repeats_no_words_of_a_driver() -> None:
    told = outage(by_driver(psycopg.OperationalError(f"{REFUSED} postgresql://u:hunter2@h/d")), "The store", "here")
    assert "hunter2" not in str(told)
    assert "where:  /w/x.parquet" in str(outage(duckdb.IOException('Could not write "/w/x.parquet": file too large')))
    assert "where:  /w/y" in str(outage(OSError(errno.ENOSPC, "full", "/w/y")))


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (lambda: TimeoutError(), UnavailableError),
        (lambda: SourceError("a mistake"), SourceError),
        (lambda: KeyError("a bug"), KeyError),
    ],
)
def test_mistakes_and_bugs_go_through_as_they_are(problem: Callable[[], Exception], expected: type[Exception]) -> None:
    with pytest.raises(expected) as told, outages_told("The store"):
        raise problem()
    assert type(told.value) is expected
