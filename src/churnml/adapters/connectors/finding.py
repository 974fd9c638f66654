"""Which files of a folder, or tables of a database, are the tables of a system."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from churnml.adapters.connectors.declared import MARKS, ConnectorTable, Shape, System
from churnml.adapters.warehouse.looking import tables_of_database
from churnml.errors import ProjectError
from churnml.specs.inputs import Input

ENDINGS = (".csv", ".tsv", ".parquet", ".pq", ".csv.gz", ".csv.zst", ".jsonl", ".ndjson")
DEEPEST = 5  # folders below the data folder
ALIASES = {"salesforce": ("sf", "sfdc"), "zendesk": ("zd", "zendesk_support"), "hubspot": ("hs",)}
# What exports and copies put behind a table's name.
BEHIND = re.compile(r"(_data|_export|_raw|_\d{4}_?\d{2}_?\d{2}.*|_\d+)$")


@dataclass(frozen=True)
class Candidate:
    """A file, a folder of files of one kind, or a table of a database.

    Args:
        words: the names it may go by: the file's, then its folders', nearest first.
        declared: as ``inputs:`` would declare it.
    """

    words: tuple[str, ...]
    declared: Input

    @property
    def place(self) -> str:
        return self.declared.path or self.declared.table or ""


def plain(text: str) -> str:
    """A name without case and marks: ``Ticket Data`` is ``ticket_data``."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def candidates(root: Path, data: Path) -> list[Candidate]:
    """The files under ``data`` that may be tables, by name; files beside each other in a table's folder are one."""
    result: dict[str, Candidate] = {}
    for path in sorted(_files(data)):
        stem = plain(path.name[: -len(_ending(path))])
        folders = tuple(plain(part) for part in reversed(path.relative_to(data).parts[:-1]))
        place = os.path.relpath(path, root)
        result[place] = Candidate((stem, *folders), Input(path=place))
        # a folder named after a table, with files of any names in it
        if re.fullmatch(r"(part|data|file|chunk|export)?[_0-9a-f]*", stem) and folders:
            pattern = os.path.join(os.path.dirname(place), "*" + _ending(path))
            result[pattern] = Candidate(folders, Input(path=pattern))
            del result[place]
    return list(result.values())


def candidates_of_database(declared: str) -> list[Candidate]:
    """The tables of a database that may be tables of a system; their schemas are their folders."""
    listed = [name.rpartition(".") for name in tables_of_database(declared, f"--data {shown_url(declared)}")]
    return [
        Candidate(
            tuple(plain(word) for word in (name, schema) if word),
            Input(database=declared, table=f"{schema}.{name}" if schema else name),
        )
        for schema, _, name in listed
    ]


def is_database(data: str) -> bool:
    """Whether what stands behind ``--data`` is a URL, or a variable that holds one."""
    return "://" in data or data.startswith("${")


def shown_url(declared: str) -> str:
    """A URL without its password."""
    return re.sub(r"//([^:/@]*):[^@]*@", r"//\1:…@", declared)


def _files(data: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(data):
        if len(Path(folder).relative_to(data).parts) >= DEEPEST:
            folders.clear()
        folders[:] = [name for name in sorted(folders) if not name.startswith(".")]
        yield from (Path(folder) / name for name in files if _ending(Path(name)))


def _ending(path: Path) -> str:
    return next((end for end in sorted(ENDINGS, key=len, reverse=True) if path.name.casefold().endswith(end)), "")


def named_like(table: ConnectorTable, system: str, words: Sequence[str], shapes: Sequence[Shape]) -> bool:
    """Whether a candidate's own name is the table's, with or without the system's name before it."""
    wanted = {plain(name) for shape in shapes for name in table.names[shape]}
    return any(name in wanted for name in _stripped(words[0], system))


def _stripped(word: str, system: str) -> set[str]:
    """A name, without what stands before and behind it."""
    names = {word}
    for prefix in (system, *ALIASES.get(system, ())):
        names |= {name.removeprefix(prefix).strip("_") for name in names if name.startswith(prefix)}
    names |= {re.sub(r"^(src|raw|stg|public|airbyte|fivetran)_+", "", name) for name in names}
    for _ in range(3):
        names |= {BEHIND.sub("", name) for name in names}
    return names


def speaks_of(candidate: Candidate, systems: Sequence[str]) -> str | None:
    """The system that a candidate's name or folder speaks of."""
    for word in candidate.words:
        for name in systems:
            if any(word == a or word.startswith(a + "_") for a in (name, *ALIASES.get(name, ()))):
                return name
    return None


def shape_of(columns: Sequence[str], table: ConnectorTable, word: str, system: System) -> Shape:
    """Who wrote a table, by the columns that only they add, else by its name."""
    for shape, marks in MARKS.items():
        if any(mark in columns for mark in marks):
            return shape
    # without the connector's own columns: whoever has more of its columns under the names it gives them
    fold = {name.casefold() for name in columns}

    def known(shape: Shape) -> int:
        return sum(any(o.column.casefold() in fold for o in column.origins[shape]) for column in table.columns)

    return max(Shape, key=lambda shape: (known(shape), word in table.names[shape]))


def must_be_there(data: str) -> None:
    """Raises ProjectError where ``--data`` names a folder that is not there."""
    if not is_database(data) and not Path(data).is_dir():
        raise ProjectError(
            "The folder with the tables is not there.",
            where=f"--data {data}",
            remedy="Name the folder that holds the files, or leave --data out to write SQL for files that are to come.",
        )
