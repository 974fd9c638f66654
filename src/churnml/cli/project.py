"""Projects and their data: init, check, simulate, features, audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from churnml.cli.app import app
from churnml.cli.shell import (
    HERE,
    EngineOption,
    JsonOption,
    ProjectOption,
    data_of,
    date_of,
    json_text,
    registry_of_project,
    say_lines,
)
from churnml.errors import ProjectError


@app.add()
def init(
    folder: Annotated[Path, typer.Argument(help="Where the project shall be.")] = HERE,
    name: Annotated[str | None, typer.Option(help="Its name.", show_default="the folder's")] = None,
    systems: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Whose tables there are, the one that names the accounts first: stripe, zendesk, hubspot, salesforce, "
            "intercom, chargebee; several with commas.",
        ),
    ] = None,
    shape: Annotated[
        Literal["fivetran", "airbyte", "csv"] | None,
        typer.Option(help="Who wrote the tables.", show_default="found out"),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="The folder they are in, or a database: '${NAME}'.", show_default="the project's data"),
    ] = None,
) -> None:
    """Write a project: empty, or over the tables of known systems (--from)."""
    if systems is not None:
        _init_from(folder, name, systems, shape, data)
        return
    if shape is not None or data is not None:
        raise ProjectError(
            "--shape and --data speak of the tables of known systems.", where="--from", remedy="Name the systems."
        )
    from churnml.jobs.init import write_project

    written = write_project(folder, name)
    say_lines(f"A project was begun in {folder}:", *(f"  {path}" for path in written))
    say_lines("Point its inputs: at your files, adapt the SELECTs, then run 'churnml check'.")


def _init_from(folder: Path, name: str | None, systems: str, shape: str | None, data: str | None) -> None:
    from churnml.jobs.init import write_connected

    named = list(dict.fromkeys(one.strip().lower() for one in systems.split(",") if one.strip()))
    began = write_connected(folder, name, named, shape, data)
    say_lines(f"A project was begun in {folder}:", *(f"  {path}" for path in began.files))
    say_lines(*(f"- {line}" for line in began.told))
    if began.there:
        say_lines("Look the SQL over, then run 'churnml check'.")
    else:
        say_lines("None of these tables is there yet: put the files where inputs: says, then run 'churnml check'.")


@app.add()
def check(
    project: ProjectOption = HERE,
    as_json: JsonOption = False,
    whole: Annotated[
        bool, typer.Option("--whole", help="Read databases whole, also those that are read by a watermark.")
    ] = False,
) -> None:
    """Read every declaration and table; say what was set aside and why."""
    from churnml.arrivals import assumptions
    from churnml.jobs.opening import open_checked, read_whole, require_core_events
    from churnml.jobs.truth import true_probabilities
    from churnml.jobs.watching import look_at_data
    from churnml.pages.terminal.data import CheckedTables, check_data, check_text
    from pipelines.clock import day
    from pipelines.progress import say

    if whole:
        read_whole(project)
    opened = open_checked(project, day(), say)
    require_core_events(opened)
    true_probabilities(opened.project)
    ingested = opened.ingested
    checked = CheckedTables(
        project=opened.project.name,
        data_through=ingested.data_through,
        rows=ingested.rows,
        quarantined=ingested.quarantined,
        warned=ingested.warned,
        findings=opened.project.rule_findings(),
        quarantine_file=str((ingested.path / "quarantine.parquet").relative_to(opened.project.work.parent)),
        breaks=look_at_data(opened).breaks,
        remarks=ingested.remarks,
        assumed=assumptions(ingested.given, opened.project.spec.static),
        arrival_columns=ingested.arrival_columns,
    )
    say_lines(json_text(check_data(checked)) if as_json else check_text(checked))


@app.add()
def simulate(
    out: Annotated[Path, typer.Option("--out", help="Where to write the company's project folder.")],
    accounts: Annotated[int, typer.Option(min=20, help="Accounts ever, over the whole time.")] = 2000,
    months: Annotated[int, typer.Option(min=6, max=120)] = 24,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    events: Annotated[int | None, typer.Option(min=1, help="About how many usage events.")] = None,
    region: Annotated[
        str | None, typer.Option(help="Where its customers are (JP, US-CA): on holidays they work less.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a SaaS company whose true churn and upsell probabilities are known."""
    from dataclasses import asdict

    from churnml.simulate import simulate as build
    from pipelines.progress import say

    company = build(out, accounts=accounts, months=months, seed=seed, events=events, region=region, progress=say)
    text = f"A company was written to {out}. Next: churnml run --project {out}"
    say_lines(json_text(asdict(company)) if as_json else text)


@app.add()
def features(
    as_of: Annotated[list[str], typer.Option("--as-of", help="A cutoff, YYYY-MM-DD; may be repeated.")],
    out: Annotated[Path | None, typer.Option("--out", help="A .parquet or .csv file to write.")] = None,
    project: ProjectOption = HERE,
    model: Annotated[str | None, typer.Option(help="Whose features.", show_default="the risk model's")] = None,
    champion: Annotated[
        bool, typer.Option("--champion", help="What the champion reads, rather than what a training would choose now.")
    ] = False,
    engine: EngineOption = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that would run, and write nothing.")] = False,
) -> None:
    """Write the features of every eligible account at one or more cutoffs."""
    from churnml.jobs.features import check_output, feature_sql, features_at, write_frame
    from pipelines.progress import say

    if out is None and not sql:
        raise ProjectError("There is no file to write to.", where="--out", remedy="Give --out FILE, or --sql.")
    if out is not None and not sql:
        check_output(out)
    cutoffs = [date_of(text) for text in as_of]
    opened = data_of(project, engine)
    of = None
    if champion:
        name = model or opened.project.main_model
        of = registry_of_project(project, name)[1].version(name).predictor
    if sql or out is None:
        say_lines(feature_sql(opened, cutoffs, model, of))
        return
    rows = features_at(opened, cutoffs, model, say, of)
    write_frame(rows, out)
    say_lines(f"{len(rows):,} rows with {rows.shape[1]:,} columns written to {out}")


@app.add()
def audit(
    project: ProjectOption = HERE,
    as_of: Annotated[
        list[str] | None,
        typer.Option("--as-of", help="A cutoff, YYYY-MM-DD; may be repeated.", show_default="the newest ones"),
    ] = None,
    model: Annotated[str | None, typer.Option(help="Only this model's.", show_default="all")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Let warnings fail the audit too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Prove that no feature and no label looks past its cutoff."""
    from churnml.jobs.audit import audit_project
    from churnml.pages.terminal.data import audit_text
    from pipelines.progress import say

    cutoffs = [date_of(text) for text in as_of or ()]
    audited = audit_project(data_of(project), [model] if model else (), cutoffs, say)
    say_lines(json_text(audited.as_data()) if as_json else audit_text(audited))
    audited.require(strict=strict)
