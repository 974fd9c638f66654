"""An empty project: what ``churnml init`` writes, from the contract's own declarations."""

from __future__ import annotations

import re
from pathlib import Path

from churnml.adapters.project import PROJECT_FILE
from churnml.errors import ProjectError
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
# zone_words: {CST: America/Chicago}              # what a zone word means that several countries use

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
INPUT_OF = {
    "accounts": "my_accounts",
    "subscriptions": "my_subscriptions",
    "usage_events": "my_events",
    "support_tickets": "my_tickets",
}


def write_project(folder: Path, name: str | None) -> list[Path]:
    """Writes the template into ``folder``; raises ProjectError when a project is there already."""
    target = folder / PROJECT_FILE
    if target.exists():
        raise ProjectError("There is a project here already.", where=str(target), remedy="Name another folder.")
    called = name or re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "my-project"
    files = {target: PROJECT.format(name=called)}
    files |= {folder / "sources" / f"{table}.sql": _source(TABLES[table]) for table in INPUT_OF}
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
    return list(files)


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
