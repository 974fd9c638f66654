"""Looking after the health score, and what one account's score is made of."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from churnml.cli.app import health_app
from churnml.cli.shell import (
    HERE,
    AsOfOption,
    JsonOption,
    ProjectOption,
    data_of,
    date_of,
    print_json,
    registry_of_project,
    say_lines,
    store_of,
)

if TYPE_CHECKING:
    from churnml.jobs import OpenedProject


def _opened(project: Path) -> OpenedProject:
    opened: OpenedProject = data_of(project)()
    return opened


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

    day = date_of(as_of, "--as-of")
    opened = _opened(project)
    with store_of(opened.project) as store:
        found = preview_change(opened, registry_of_project(project)[1], store, changed, day)
    if as_json:
        print_json(preview_data(found))
    else:
        say_lines(preview_text(found))


@health_app.add("weights")
def health_weights(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Weights of the dimensions as past outcomes would have them, beside the hand-set ones; nothing is applied."""
    from churnml.jobs.health import propose
    from churnml.pages.terminal.health import weights_text

    proposal = propose(_opened(project), registry_of_project(project)[1])
    if as_json:
        data = asdict(proposal)
        data["said"] = data.pop("sentence")  # the name outside
        print_json(data)
    else:
        say_lines(weights_text(proposal))


@health_app.add("overrides")
def health_overrides(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """Every override, and of those whose outcome is known: was the person right, was the model right."""
    from churnml.jobs.health import judge
    from churnml.pages.terminal.health import overrides_text

    opened = _opened(project)
    with store_of(opened.project) as store:
        judgement, overrides = judge(opened, store), store.overrides.all()
    if as_json:
        print_json(asdict(judgement) | {"overrides": [asdict(override) for override in overrides]})
    else:
        say_lines(overrides_text(overrides, judgement))


@health_app.add("flaps")
def health_flaps(project: ProjectOption = HERE, as_json: JsonOption = False) -> None:
    """How often bands changed and changed back, with margin and dwell and without."""
    from churnml.adapters.project import open_project
    from churnml.jobs.health import flaps
    from churnml.pages.terminal.health import flaps_text

    opened = open_project(project)
    with store_of(opened) as store:
        rates = flaps(store, opened.health)
    if as_json:
        print_json({name: asdict(rate) | {"per_account_year": rate.per_account_year} for name, rate in rates.items()})
    else:
        say_lines(flaps_text(rates))
