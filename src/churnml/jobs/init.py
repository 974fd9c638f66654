"""An empty project: what ``churnml init`` writes, from the contract's own declarations."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from churnml.adapters.connectors.connecting import ConnectedSources, connect
from churnml.adapters.connectors.declared import Shape, system
from churnml.adapters.connectors.finding import must_be_there
from churnml.adapters.project import PROJECT_FILE
from churnml.errors import ProjectError
from churnml.features import FAMILIES
from churnml.tables import TABLES, Table

PROJECT = """\
# A churnml project. Every key is explained in docs/specs.md.
name: {name}

# your own tables: files (CSV, Parquet), or tables of a database
inputs:
  my_accounts: {{path: data/accounts.csv}}
  my_subscriptions: {{path: data/subscriptions.csv}}
  my_events: {{path: data/events.csv}}
  my_tickets: {{path: data/tickets.csv}}
  # crm: {{database: "${{CRM_URL}}", table: accounts}}     # a SQLAlchemy URL; secrets stay in the environment

# the last full day in the data; without it, the day of the newest usage
# data_through: 2026-01-31
# timezone: Asia/Tokyo
# time_formats: ["%d/%m/%Y", "%d/%m/%Y %H:%M"]   # besides ISO dates
# zone_words: {{CST: America/Chicago}}             # what a zone word means that several countries use

# account attributes that never change; only these may feed a model
static: []

# the events your product is bought for, by their names in usage_events: their number, their share of all use
# and their trend become features of their own
# core_events: [report_exported, integration_synced]

models: [churn, upsell]

# what is set aside and what only warns, by table (or all) and reason
# checks:
#   all: {{before_account_created: warn}}
"""
CONNECTED = """\
# A churnml project over {systems}. Every key is explained in docs/specs.md.
name: {name}

# the tables; relative paths begin at this folder
inputs:
{inputs}

# the last full day in the data; without it, the day of the newest usage
# data_through: 2026-01-31
# the zone of your days; connectors write UTC
# timezone: Asia/Tokyo

# account attributes that never change; only these may feed a model. There are: {attributes}
static: []

# the events your product is bought for, by their names in usage_events: their number, their share of all use
# and their trend become features of their own
# core_events: [report_exported, integration_synced]

models: [churn, upsell]
"""
ACCOUNT_MAP_FILE = "data/account_map.csv"
INPUT_OF = {
    "accounts": "my_accounts",
    "subscriptions": "my_subscriptions",
    "usage_events": "my_events",
    "support_tickets": "my_tickets",
}


@dataclass(frozen=True)
class Began:
    """A project that was begun over tables of known systems.

    Args:
        files: what was written.
        there: whether there were tables to look at.
        told: what was chosen, and what is missing and what that costs.
    """

    files: list[Path]
    there: bool
    told: tuple[str, ...]


def write_project(folder: Path, name: str | None) -> list[Path]:
    """Writes the template into ``folder``; raises ProjectError when a project is there already."""
    files = {_new_target(folder): PROJECT.format(name=_called(folder, name))}
    files |= {folder / "sources" / f"{table}.sql": _source(TABLES[table]) for table in INPUT_OF}
    _write(folder, files)
    return list(files)


def _new_target(folder: Path) -> Path:
    target = folder / PROJECT_FILE
    if target.exists():
        raise ProjectError("There is a project here already.", where=str(target), remedy="Name another folder.")
    return target


def _called(folder: Path, name: str | None) -> str:
    return name or re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "my-project"


def _write(folder: Path, files: Mapping[Path, str]) -> None:
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        (folder / "data").mkdir(exist_ok=True)
    except OSError as problem:
        raise ProjectError(
            f"The project cannot be written ({problem.strerror or problem}).",
            where=str(folder),
            remedy="Name a folder that can be written to.",
        ) from None


def write_connected(
    folder: Path, name: str | None, systems: Sequence[str], shape: str | None, data: str | None
) -> Began:
    """Writes a project over the tables of ``systems`` under ``data``: a folder (else the project's own), or a database.

    Raises:
        ProjectError: there is a project already, or the tables name no accounts.
        UnknownNameError: there is no such system.
        SourceError: a table cannot be read.
    """
    target = _new_target(folder)
    known = [system(one) for one in systems]
    if data is not None:
        must_be_there(data)
    connected = connect(folder, data or str(folder / "data"), known, Shape(shape) if shape else None)
    files = {target: _connected_project(_called(folder, name), connected)}
    files |= {folder / "sources" / f"{table}.sql": text for table, text in connected.sources.items()}
    if connected.account_map is not None:
        files[folder / ACCOUNT_MAP_FILE] = _account_map(connected.account_map)
    _write(folder, files)
    return Began(list(files), connected.there, (*connected.told, *_missing(connected.sources)))


def _source(table: Table) -> str:
    """A SELECT that takes every column under its own name; what may be left out is commented out."""
    lines = [
        f"-- {table.grain}. One SELECT over your inputs; rename your columns to these.",
        "SELECT",
        "    source_row",
    ]
    for column in table.columns:
        mark = "" if column.required else "-- "
        lines.append(f"    {mark}, {column.name}  -- {column.means}")
    return "\n".join([*lines, f"FROM {INPUT_OF[table.name]}"]) + "\n"


def _connected_project(name: str, connected: ConnectedSources) -> str:
    lines = []
    for input_name, declared in connected.inputs.items():
        keys = declared.model_dump(mode="json", exclude_defaults=True)
        lines.append(f"  {input_name}: {{{', '.join(f'{key}: {json.dumps(value)}' for key, value in keys.items())}}}")
    if connected.account_map is not None:
        lines += [
            "  # ids of other systems that no account is known for: fill in account_id, or leave them out",
            f"  account_map: {{path: {ACCOUNT_MAP_FILE}}}",
        ]
    systems = ", ".join(f"{system(one).spec.title} ({shape})" for one, shape in connected.shapes.items())
    attributes = ", ".join(connected.attributes) or "none"
    return CONNECTED.format(name=name, systems=systems, inputs="\n".join(lines), attributes=attributes)


def _account_map(unmatched: Sequence[tuple[str, str, str]]) -> str:
    """A CSV to fill in, a line an id that no account is known for."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("system", "id", "name", "account_id"))
    writer.writerows((*row, "") for row in unmatched)
    return text.getvalue()


def _missing(sources: Mapping[str, str]) -> list[str]:
    """The contract tables that nothing gives, and the features that costs."""
    told = []
    for table in ("subscriptions", "usage_events", "support_tickets"):
        if table not in sources:
            families = [family.name for family in FAMILIES.values() if family.source == table]
            told.append(f"{MISSING[table]} It costs {len(families)} families of features, {', '.join(families[:3])} …")
    return told


MISSING = {
    "subscriptions": "There are no subscriptions: labels of kind contract, MRR and renewals need them.",
    "usage_events": "There is no usage: it is your product's own. Put a table of its events (account, time, event) "
    "beside the others, declare it under inputs: and write sources/usage_events.sql.",
    "support_tickets": "There are no support tickets.",
}
