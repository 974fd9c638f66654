"""Revenue: how it moves, and what is kept of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from churnml.cli.app import app
from churnml.cli.shell import HERE, AsOfOption, JsonOption, ProjectOption, data_of, date_of, json_text, say_lines


@app.add()
def metrics(
    project: ProjectOption = HERE,
    by: Annotated[Literal["month", "quarter", "year"], typer.Option("--by", help="How long a period is.")] = "month",
    per: Annotated[
        str | None,
        typer.Option("--per", help="cohort, segment, owner, source, industry, region, or a static attribute."),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", help="A day of the first period.", show_default="a year or more before")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", help="A day of the last period.", show_default="the last that is over")
    ] = None,
    as_of: AsOfOption = None,
    accounts: Annotated[bool, typer.Option("--accounts", help="Tell whose every movement is.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="A .csv or .parquet file to write; with --accounts, of accounts.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """MRR movements, churn, GRR and NRR by month, quarter or fiscal year, as models/metrics.yaml defines them."""
    from churnml.jobs.features import check_output, write_frame
    from churnml.jobs.metrics import WantedMetrics, revenue_report
    from churnml.pages.revenue import accounts_frame, figures_frame, revenue_data
    from churnml.pages.terminal.revenue import metrics_text

    if out is not None:
        check_output(out)
    wanted = WantedMetrics(
        by,
        per,
        None if first is None else date_of(first, "--from"),
        None if last is None else date_of(last, "--to"),
        None if as_of is None else date_of(as_of),
    )
    report = revenue_report(data_of(project), wanted)
    if out is not None:
        rows = accounts_frame(report) if accounts else figures_frame(report)
        write_frame(rows, out)
    if as_json:
        say_lines(json_text(revenue_data(report, accounts=accounts)))
    elif out is None:
        say_lines(metrics_text(report, accounts=accounts))
    else:
        say_lines(f"{len(rows):,} rows written to {out}")
