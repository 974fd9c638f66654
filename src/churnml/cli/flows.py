"""The flows: train, score, run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from churnml.cli.app import app
from churnml.cli.shell import (
    HERE,
    AgainOption,
    AsOfOption,
    EngineOption,
    JsonOption,
    PlainOption,
    ProjectOption,
    check_declarations,
    choose_engine,
    date_of,
    print_json,
    registry_of_project,
    say_lines,
    tell_run,
)
from churnml.errors import ProjectError


@app.add()
def train(
    models: Annotated[list[str] | None, typer.Argument(help="Which models.", show_default="all")] = None,
    project: ProjectOption = HERE,
    again: AgainOption = False,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Train, judge on the newest mature cutoff, register; promote only what is proven."""
    check_declarations(project)
    choose_engine(no_prefect)
    from churnml.pages.summary import model_data
    from churnml.pages.terminal.models import model_text
    from pipelines.train import train as flow

    records = flow(project=str(project), models=list(models or []), again=again, engine=engine)
    if as_json:
        print_json({name: model_data(record) for name, record in records.items()})
    else:
        say_lines(*map(model_text, records.values()))


@app.add()
def score(
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
    features_file: Annotated[
        Path | None, typer.Option("--input", help="Score this Parquet file (or folder of them) of features instead.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="With --input: the .parquet file to write.")] = None,
    model: Annotated[str, typer.Option(help="With --input: the model.")] = "churn",
    version: Annotated[str | None, typer.Option(help="With --input: its version.", show_default="--alias")] = None,
    alias: Annotated[str, typer.Option(help="With --input: its alias.")] = "champion",
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", help="With --input: a column to keep.", show_default="account_id and as_of"),
    ] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="With --input: say why.")] = False,
    registry: Annotated[
        str | None, typer.Option(help="With --input: an MLflow tracking URI; no project is needed then.")
    ] = None,
) -> None:
    """Score, explain and route every eligible account at a date, with the champions; or score a file of features."""
    if features_file is not None:
        if out is None or as_of is not None:
            raise ProjectError(
                "A file of features is scored as it is.", remedy="Give --input and --out, and no --as-of."
            )
        _score_file(
            features_file,
            out,
            _at_uri(registry) if registry else registry_of_project(project)[1],
            model,
            version,
            alias,
            tuple(ids or ()),
            reasons,
            as_json,
        )
        return
    if out is not None:
        raise ProjectError("--out is for a file of features.", remedy="Give --input too, or leave --out away.")
    check_declarations(project)
    day = date_of(as_of, "--as-of")
    choose_engine(no_prefect)
    from pipelines.score import score as flow

    tell_run(project, flow(project=str(project), as_of=str(day) if day else None, engine=engine), as_json)


@app.add()
def run(
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    again: AgainOption = False,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """The whole job: check, train what has changed, score, route, and write report.html."""
    check_declarations(project)
    day = date_of(as_of, "--as-of")
    choose_engine(no_prefect)
    from pipelines.run import run as flow

    tell_run(project, flow(project=str(project), as_of=str(day) if day else None, again=again, engine=engine), as_json)


@app.add()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first date, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last date.")],
    every: Annotated[int, typer.Option(min=1, help="Days from one date to the next.")] = 7,
    project: ProjectOption = HERE,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score past dates as they were known then, for their history; nobody gets work for a day that is over."""
    check_declarations(project)
    begins, ends = date_of(first, "FROM"), date_of(last, "TO")
    choose_engine(no_prefect)
    from pipelines.score import backfill as flow

    summaries = flow(project=str(project), first=str(begins), last=str(ends), every=every, engine=engine)
    if as_json:
        print_json([summary.as_data() for summary in summaries])
    else:
        say_lines(*(f"{day.as_of}: {day.accounts_scored:,} accounts scored" for day in summaries))


@app.add()
def serve(
    project: ProjectOption = HERE,
    train_cron: Annotated[str, typer.Option(help="When to train, as cron says it.")] = "0 3 1 * *",
    score_cron: Annotated[str, typer.Option(help="When to score and route.")] = "0 5 * * *",
) -> None:
    """Keep running: train and score on a schedule, recorded by Prefect, until stopped."""
    check_declarations(project)
    choose_engine(False)
    from pipelines.serve import serve as flows

    flows(str(project.resolve()), train_cron, score_cron)


def _score_file(
    source: Path,
    out: Path,
    registry: Any,
    model: str,
    version: str | None,
    alias: str,
    ids: tuple[str, ...],
    reasons: bool,
    as_json: bool,
) -> None:
    from churnml.adapters.batch import Job, score_file
    from pipelines.progress import say

    found = registry.version(model, version, alias)
    rows = score_file(Job(found.predictor, found.version, ids, reasons), source, out, say)
    if as_json:
        print_json({"rows": rows, "out": str(out), "model": model, "version": found.version})
    else:
        say_lines(f"{rows:,} rows scored with version {found.version} of '{model}', written to {out}")


def _at_uri(uri: str) -> Any:
    from churnml.adapters.registry import open_registry

    return open_registry(uri, None)
