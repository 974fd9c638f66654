"""What every command shares: its options, how a date is read, how a result is told."""

from __future__ import annotations

import datetime as dt
import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from churnml.errors import ProjectError

if TYPE_CHECKING:
    from churnml.adapters.project import Project
    from churnml.pages.summary import RunSummary

ProjectOption = Annotated[Path, typer.Option("--project", help="The project folder.", show_default="here")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
PlainOption = Annotated[
    bool,
    typer.Option("--no-prefect", help="Run the same steps without Prefect: some ten seconds sooner, no run record."),
]
AsOfOption = Annotated[str | None, typer.Option("--as-of", help="The date, YYYY-MM-DD.", show_default="the newest")]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="Compute snapshots on duckdb, spark or postgres.", show_default="the project's"),
]
AgainOption = Annotated[bool, typer.Option("--again", help="Train even if nothing has changed.")]
NameArgument = Annotated[str, typer.Argument(help="The model.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so; kept in the history.")]
HERE = Path()


def date_of(text: str | None, option: str) -> dt.date | None:
    if text is None:
        return None
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ProjectError(
            f"'{text}' is not a date.",
            where=option,
            remedy="Write it as YYYY-MM-DD, for instance 2026-01-31.",
        ) from None


def choose_engine(plain: bool) -> None:
    """Chooses what the flows run on; to be called before a flow is imported.

    Under Prefect, a mistake of the user's is told once, by us, and not as a failed run with a traceback.
    """
    if plain:
        os.environ["CHURNML_ENGINE"] = "plain"
        return
    import logging

    from pipelines.progress import say

    say("starting under Prefect (some seconds; --no-prefect does without)")
    import pipelines.engine  # noqa: F401 - importing Prefect sets its loggers up

    logging.getLogger("prefect").setLevel(logging.CRITICAL)


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def say_lines(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")


def store_of(project: Project) -> Any:
    from churnml.adapters.store import open_store

    return open_store(project.operational_url)


def day_or_newest(store: Any, as_of: str | None) -> dt.date:
    day = date_of(as_of, "--as-of")
    if day is not None:
        return day
    dates = store.dates()
    if not dates:
        raise ProjectError("Nothing was scored yet.", remedy="Run 'churnml run' or 'churnml score' first.")
    newest: dt.date = dates[-1]
    return newest


def today_of(project: Project) -> dt.date:
    """Today, as the project lives: a project whose data are declared to end somewhere lives on the day after that."""
    from pipelines.clock import day

    return project.today(day())


def check_declarations(project: Path) -> None:
    """Declarations are read before an engine is started, so that a mistake shows at once."""
    from churnml.adapters.project import open_project

    open_project(project).check_declarations()


def tell_run(project: Path, summary: RunSummary, as_json: bool) -> None:
    if as_json:
        print_json(summary.as_data())
        return
    from churnml.adapters.project import open_project
    from churnml.pages.terminal.run import QUEUE_SHOWN, RunPlaces, run_text

    opened = open_project(project)
    with store_of(opened) as store:
        queue = store.queue(summary.as_of, limit=QUEUE_SHOWN)
    places = RunPlaces(
        project=opened.root,
        scores=None if opened.spec.stores.operational else opened.work / "churnml.db",
        mlflow=opened.work / "mlflow.db" if opened.registry_is_local else None,
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


def data_of(project: Path) -> Any:
    """Opens the project's data, when they are asked for."""

    def opening() -> Any:
        from churnml import jobs
        from pipelines.clock import day
        from pipelines.progress import say

        return jobs.open_data(project, day(), say)

    return opening


def registry_of_project(project: Path) -> tuple[Project, Any]:
    from churnml.adapters.project import open_project
    from churnml.adapters.registry import registry_of

    opened = open_project(project)
    return opened, registry_of(opened)
