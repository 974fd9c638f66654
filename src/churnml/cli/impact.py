"""Whether it helped: the effect of every playbook against its holdout."""

from __future__ import annotations

from churnml.cli.app import app
from churnml.cli.shell import (
    HERE,
    EngineOption,
    JsonOption,
    PlainOption,
    ProjectOption,
    check_declarations,
    choose_engine,
    print_json,
    say_lines,
)


@app.add()
def impact(
    project: ProjectOption = HERE,
    engine: EngineOption = None,
    no_prefect: PlainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Whether the playbooks help: each against its holdout, and what to stop doing."""
    check_declarations(project)
    choose_engine(no_prefect)
    from churnml.pages.terminal.impact import impact_text
    from pipelines.impact import impact as flow

    report = flow(project=str(project), engine=engine)
    if as_json:
        print_json(report.as_data())
    else:
        say_lines(impact_text(report))
