"""Looking after the health score, and what one account's score is made of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from churnml.cli.app import health_app
from churnml.cli.shell import (
    HERE,
    AsOfOption,
    JsonOption,
    ProjectOption,
    data_of,
    date_of,
    json_text,
    project_and_store,
    registry_of_project,
    say_lines,
)


@health_app.add("preview")
def health_preview(
    changed: Annotated[Path, typer.Option("--with", help="The changed health.yaml.")],
    project: ProjectOption = HERE,
    as_of: AsOfOption = None,
    as_json: JsonOption = False,
) -> None:
    """What a changed health.yaml would do to every account, before it is applied."""
    from churnml.jobs.health import preview_change
    from churnml.pages.terminal.health import preview_data, preview_text

    day = None if as_of is None else date_of(as_of)
    opened = data_of(project)
    with project_and_store(project) as (_, store):
        previewed = preview_change(opened, registry_of_project(project)[1], store, changed, day)
    say_lines(json_text(preview_data(previewed)) if as_json else preview_text(previewed))


@health_app.add("weights")
def health_weights(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Weights of the dimensions as past outcomes would have them, beside the hand-set ones; nothing is applied."""
    from churnml.jobs.health import propose
    from churnml.pages.terminal.health import weights_text

    proposal = propose(data_of(project), registry_of_project(project)[1])
    data = asdict(proposal)
    data["said"] = data.pop("sentence")  # the name outside
    say_lines(json_text(data) if as_json else weights_text(proposal))


@health_app.add("overrides")
def health_overrides(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every override, and of those whose outcome is known: was the person right, was the model right."""
    from churnml.jobs.health import judge
    from churnml.pages.terminal.health import overrides_text

    opened = data_of(project)
    with project_and_store(project) as (_, store):
        judgement, overrides = judge(opened, store), store.overrides.all()
    data = asdict(judgement) | {"overrides": [asdict(override) for override in overrides]}
    say_lines(json_text(data) if as_json else overrides_text(overrides, judgement))


@health_app.add("flaps")
def health_flaps(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """How often bands changed and changed back, with margin and dwell and without."""
    from churnml.jobs.health import flaps
    from churnml.pages.terminal.health import flaps_text

    with project_and_store(project) as (opened, store):
        rates = flaps(store, opened.health)
    data = {name: asdict(rate) | {"per_account_year": rate.per_account_year} for name, rate in rates.items()}
    say_lines(json_text(data) if as_json else flaps_text(rates))
