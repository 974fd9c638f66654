"""What every command shares: its options, how a date is read, how a result is told."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from churnml.errors import ProjectError
from churnml.timeline import FIRST_DAY, LAST_DAY

if TYPE_CHECKING:
    from churnml.adapters.project import Project
    from churnml.adapters.registry import Registry
    from churnml.adapters.store import Store
    from churnml.jobs.opening import OpenedProject
    from churnml.pages.summary import RunSummary

ProjectOption = Annotated[Path, typer.Option("--project", help="The project folder.", show_default="here")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
PlainOption = Annotated[
    bool,
    typer.Option("--no-prefect", help="Run the same steps without Prefect: some ten seconds sooner, no run record."),
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="The date, YYYY-MM-DD.", show_default="the newest")]
EngineOption = Annotated[
    Literal["duckdb", "spark", "postgres"] | None,
    typer.Option("--engine", help="Compute snapshots on duckdb, spark or postgres.", show_default="the project's"),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Train even if nothing has changed.")]
NameArgument = Annotated[str, typer.Argument(help="The model.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so; kept in the history.")]
HERE = Path()
# Of a command that something outside did not answer: EX_TEMPFAIL of sysexits.h.
OUTAGE = 75
# More are never there; SQLite and PostgreSQL count to 2^63.
MOST = 1_000_000_000


def date_of(text: str, option: str = "--as-of") -> dt.date:
    try:
        day = dt.date.fromisoformat(text)
    except ValueError:
        remedy = "Write it as YYYY-MM-DD, for instance 2026-01-31."
        raise ProjectError(f"'{text}' is not a date.", where=option, remedy=remedy) from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ProjectError(
            f"{day} cannot be reckoned with.", where=option, remedy=f"Name a day from {FIRST_DAY} to {LAST_DAY}."
        )
    return day


def ready(project: Path, plain: bool, *, runs: bool = True) -> None:
    """Reads the declarations, so that a mistake shows at once, and then chooses what the flows run on.

    To be called before a flow is imported; ``runs`` says whether one is run at once. Under Prefect, a mistake of the
    user's is told once, by us, and not as a failed run with a traceback.
    """
    from churnml.adapters.project import open_project

    opened = open_project(project)
    opened.check_declarations()
    if plain:
        os.environ["CHURNML_ENGINE"] = "plain"
        return
    import logging

    from churnml.adapters.prefect_place import place_prefect
    from pipelines.progress import say

    kept = place_prefect(opened)
    if kept is not None:
        say(kept)
    if runs:
        say("starting under Prefect (some seconds; --no-prefect does without)")
    import pipelines.engine  # noqa: F401 - importing Prefect sets its loggers up

    logging.getLogger("prefect").setLevel(logging.CRITICAL)


def json_text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def say_lines(*lines: str) -> None:
    """Prints lines, if anybody wants them; raises UnavailableError or ProjectError where they cannot be written."""
    out: TextIO | None = sys.stdout
    if out is None:  # it was closed before we began
        return
    try:
        out.write("\n".join(lines) + "\n")
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        from churnml.adapters.outages import outage

        raise outage(problem, "What the output is written to", "standard output") or ProjectError(
            f"The output cannot be written ({problem.strerror or problem}).",
            where="standard output",
            remedy="Look what it is led to.",
        ) from None


@contextmanager
def project_and_store(project: Path) -> Iterator[tuple[Project, Store]]:
    """The project with its operational store, which is closed at the end."""
    from churnml.adapters.project import open_project
    from churnml.adapters.store import open_store

    opened = open_project(project)
    with open_store(opened.operational_url) as store:
        yield opened, store


def day_or_newest(store: Store, as_of: str | None) -> dt.date:
    if as_of is not None:
        return date_of(as_of)
    if dates := store.dates():
        return dates[-1]
    raise ProjectError("Nothing was scored yet.", remedy="Run 'churnml run' or 'churnml score' first.")


def tell_run(project: Path, summary: RunSummary, as_json: bool) -> None:
    if as_json:
        say_lines(json_text(summary.as_data()))
        return
    from churnml.pages.terminal.run import QUEUE_SHOWN, RunPlaces, run_text

    with project_and_store(project) as (opened, store):
        queue = store.queue(summary.as_of, limit=QUEUE_SHOWN)
    places = RunPlaces(
        project=opened.root,
        scores=None if opened.spec.stores.operational else opened.work / "churnml.db",
        mlflow=opened.registry_url if opened.registry_is_local else None,
        churnml_command=_command("churnml"),
        mlflow_command=_command("mlflow"),
    )
    say_lines(run_text(summary, queue, places, risk=opened.health.risk.model))


def _command(name: str) -> str:
    """How a command is typed here: by its name, or by its path where the environment is not activated."""
    beside = Path(sys.executable).with_name(name)
    if shutil.which(name) or not beside.exists():
        return name
    return shlex.quote(os.path.relpath(beside))


def data_of(project: Path, engine: str | None = None) -> OpenedProject:
    """The project with its tables, read and checked."""
    from churnml.jobs.opening import open_data
    from pipelines.clock import day
    from pipelines.progress import say

    return open_data(project, day(), say, engine)


def registry_of_project(project: Path, model: str | None = None) -> tuple[Project, Registry]:
    """The project and its registry; raises UnknownNameError when the project has no such ``model``."""
    from churnml.adapters.project import open_project
    from churnml.adapters.registry import registry_of

    opened = open_project(project)
    if model is not None:
        opened.model(model)
    return opened, registry_of(opened)
