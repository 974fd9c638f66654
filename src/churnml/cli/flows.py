"""The flows: train, score, run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.app import app
from churnml.cli.logs import set_up_logs
from churnml.cli.shell import (
    HERE,
    AgainOption,
    AsOfOption,
    EngineOption,
    JsonOption,
    PlainOption,
    ProjectOption,
    date_of,
    json_text,
    ready,
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
    """Train, judge on the newest mature cutoffs, register; promote only what is proven."""
    ready(project, no_prefect)
    from churnml.pages.summary import model_data
    from churnml.pages.terminal.models import model_text
    from pipelines.train import train as flow

    records = flow(project=project, models=list(models or []), again=again, engine=engine)
    data = {name: model_data(record) for name, record in records.items()}
    say_lines(json_text(data) if as_json else "\n".join(map(model_text, records.values())))


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
        from churnml.adapters.batch import Job, score_file
        from churnml.adapters.registry import open_registry
        from pipelines.progress import say

        opened = open_registry(registry, None) if registry else registry_of_project(project)[1]
        chosen = opened.version(model, version, alias)
        rows = score_file(Job(chosen.predictor, chosen.version, tuple(ids or ()), reasons), features_file, out, say)
        data = {"rows": rows, "out": str(out), "model": model, "version": chosen.version}
        text = f"{rows:,} rows scored with version {chosen.version} of '{model}', written to {out}"
        say_lines(json_text(data) if as_json else text)
        return
    if out is not None:
        raise ProjectError("--out is for a file of features.", remedy="Give --input too, or leave --out away.")
    day = None if as_of is None else date_of(as_of)
    ready(project, no_prefect)
    from pipelines.score import score as flow

    tell_run(project, flow(project=project, as_of=day, engine=engine), as_json)


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
    day = None if as_of is None else date_of(as_of)
    ready(project, no_prefect)
    from pipelines.run import run as flow

    tell_run(project, flow(project=project, as_of=day, again=again, engine=engine), as_json)


@app.add()
def backfill(
    first: Annotated[str, typer.Argument(metavar="FROM", help="The first date, YYYY-MM-DD.")],
    last: Annotated[str, typer.Argument(metavar="TO", help="The last date.")],
    every: Annotated[int, typer.Option(min=1, help="Days from one date to the next.")] = 7,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that read the dates.")] = 1,
    project: ProjectOption = HERE,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score past dates as they were known then, for their history; nobody gets work for a day that is over.

    What was scored from the same inputs before stands: interrupted, it goes on where it was.
    """
    begins, ends = date_of(first, "FROM"), date_of(last, "TO")
    ready(project, no_prefect)
    from churnml.pages.terminal.run import backfill_text
    from pipelines.score import backfill as flow

    days = flow(project=project, first=begins, last=ends, every=every, engine=engine, workers=workers)
    say_lines(json_text([day.as_data() for day in days]) if as_json else backfill_text(days))


@app.add()
def serve(
    project: ProjectOption = HERE,
    port: Annotated[
        int | None,
        typer.Option(help="Answer /healthz, /readyz and /metrics on this loopback port.", show_default="not at all"),
    ] = None,
    prefect_port: Annotated[
        int | None, typer.Option(help="The port of the Prefect server it starts.", show_default="a free one")
    ] = None,
) -> None:
    """Keep running: score, train, measure and deliver as project.yaml schedules it, until stopped."""
    from pipelines.serving import Ports, serve

    set_up_logs(verbose=False, also=("churnml.serve",))
    serve(project, Ports(server=prefect_port, probes=port))


@app.add()
def deploy(
    project: ProjectOption = HERE,
    pool: Annotated[
        str | None, typer.Option(help="The work pool whose workers run it.", show_default="the server's only one")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take over deployments of another folder or of churnml serve.")
    ] = False,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print the prefect.yaml of 'prefect deploy --all' instead.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Put the project's schedules on a Prefect server (PREFECT_API_URL), for the workers of a pool."""
    # flows without Prefect have no deployments
    os.environ.pop("CHURNML_ENGINE", None)
    ready(project, False, runs=False)
    from pipelines.deploying import deploy, yaml_of

    if as_yaml:
        say_lines(yaml_of(project, pool))
        return
    put = deploy(project, pool, replace=replace)
    data = [{"name": one.planned.full_name, "created": one.created, "changed": list(one.changed)} for one in put]
    say_lines(json_text(data) if as_json else "\n".join(one.line for one in put))
