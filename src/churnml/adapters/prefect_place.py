"""Where Prefect keeps its records, and whether it can, looked at before it is started: it would wait for minutes."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from churnml.adapters.outages import outage
from churnml.adapters.project import Project
from churnml.errors import ProjectError

HOME = "PREFECT_HOME"
SERVER = "PREFECT_API_URL"
SERVER_SECONDS = 5.0


def place_prefect(project: Project) -> str | None:
    """Sees to it that Prefect can keep its records; a line for the user where they go into the project's work folder.

    Raises:
        UnavailableError: the server that the environment names does not answer, or the disk is full.
        ProjectError: the folder that the environment names cannot be written, nor the project's.
    """
    if os.environ.get(SERVER):
        _must_answer(os.environ[SERVER])
    declared = os.environ.get(HOME)
    home = Path(declared).expanduser() if declared else Path("~/.prefect").expanduser()
    problem = _trouble_with(home)
    if problem is None:
        return None
    if declared:
        raise _cannot_keep(problem, home, HOME)
    beside = project.work / "prefect"
    worse = _trouble_with(beside)
    if worse is not None:
        raise _cannot_keep(worse, beside, str(beside))
    os.environ[HOME] = str(beside)
    return f"Prefect cannot write {home}, so it keeps its records in {beside} ({HOME} names another place)"


def _trouble_with(home: Path) -> OSError | None:
    """Why Prefect could not write there; None where it can."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"\0" * 4096)
        for kept in home.glob("prefect.db*"):
            with kept.open("ab"):
                pass
    except OSError as problem:
        return problem
    return None


def _cannot_keep(problem: OSError, home: Path, where: str) -> Exception:
    return outage(problem, "The folder for Prefect's records", where) or ProjectError(
        f"Prefect cannot keep its records in {home}.",
        where=where,
        remedy=f"Name a folder that can be written with {HOME}, or do without: --no-prefect. ({problem.strerror})",
    )


def _must_answer(url: str) -> None:
    """Raises UnavailableError where nobody answers at ``url``; whatever is answered will do."""
    import httpx

    try:
        httpx.get(f"{url.rstrip('/')}/health", timeout=SERVER_SECONDS)
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        told = outage(problem, "The Prefect server", f"{SERVER} in the environment")
        if told is not None:
            raise told from None
