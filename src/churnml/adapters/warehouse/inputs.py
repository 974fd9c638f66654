"""The user's own files and database tables, registered under their input names.

What stands in a file is data: every field of a text arrives as text, nothing in it is run or followed.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.input_files import FileKind, InputFiles, file_kind, input_files
from churnml.adapters.project import Project
from churnml.adapters.warehouse.csv_files import register_csv
from churnml.adapters.warehouse.databases import copy_table
from churnml.adapters.warehouse.input_tables import InputTable, columns_of, register_parquet
from churnml.adapters.warehouse.json_files import register_json
from churnml.adapters.warehouse.lakes import copy_lake
from churnml.adapters.warehouse.reading import identifier, only, quoted
from churnml.adapters.warehouse.watermarks import INPUTS
from churnml.specs.inputs import Input

if TYPE_CHECKING:
    import duckdb


def register(
    con: duckdb.DuckDBPyConnection,
    project: Project,
    name: str,
    declared: Input,
    scratch: Path,
    narrowed: Sequence[Path] | None = None,
) -> InputTable:
    """Makes input ``name`` readable as a table of ``con`` (a DuckDB connection); raises SourceError, ProjectError.

    ``narrowed`` leaves some files of an input of several.
    """
    target = scratch / f"input-{name}.parquet"
    if declared.database is not None:
        copy_table(project, name, declared, target)
        return register_parquet(con, name, target)
    files = input_files(project.root, name, declared)
    if files.kind in ("delta", "iceberg"):
        copy_lake(name, files, target)
        return register_parquet(con, name, target)
    if files.kind == "file":
        return _register_file(con, name, files.paths[0], declared, scratch)
    return _register_several(
        con, project.root, name, files, files.paths if narrowed is None else narrowed, declared, scratch
    )


def file_name(root: Path, path: Path, absolute: bool) -> str:
    """A file of an input as it is named whichever way the project's folder was: absolute only if declared so."""
    return str(path if absolute else path.relative_to(root))


def _register_file(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    kind = declared.format or file_kind(path.name) or _kind_by_content(path)
    if kind == "parquet":
        return register_parquet(con, name, path)
    if kind == "json":
        return register_json(con, name, path, declared, scratch)
    return register_csv(con, name, path, declared, scratch)


def _kind_by_content(path: Path) -> FileKind:
    """What a file is whose name does not say."""
    with path.open("rb") as file:
        start = file.read(64)
    if start.startswith(b"PAR1"):
        return "parquet"
    return "json" if start.lstrip().startswith((b'{"', b"[{", b"[\n", b"[\r")) else "csv"


def _register_several(
    con: duckdb.DuckDBPyConnection,
    root: Path,
    name: str,
    files: InputFiles,
    paths: Sequence[Path],
    declared: Input,
    scratch: Path,
) -> InputTable:
    """Several files as one input, each row with its ``source_file`` beside its ``source_row`` in that file.

    What folders ``key=value`` say is a column, unless the file has one of that name: a date where it always is one.
    """
    parts = [_register_file(con, f"_{name}_{place}", path, declared, scratch) for place, path in enumerate(paths)]
    absolute = Path(files.path).is_absolute()
    types = _partition_types(files)
    selects = []
    for part, path in zip(parts, paths, strict=True):
        there = {column.casefold() for column in part.columns}
        extra = "".join(
            f", {'NULL' if value is None else quoted(value)}::{types[key]} AS {identifier(key)}"
            for key, value in files.partitions(path).items()
            if key.casefold() not in there
        )
        own = quoted(file_name(root, path, absolute))
        selects.append(f'SELECT *{extra}, {own} AS source_file FROM "{part.name}"')
    con.execute(f'CREATE VIEW "{name}" AS {" UNION ALL BY NAME ".join(selects)}')
    warned = sum((Counter(part.warned) for part in parts), Counter(files.noted))
    rejects = tuple(reject for part in parts for reject in part.rejects)
    return InputTable(name, columns_of(con, name), dict(warned), rejects, parts[0].delimiter if parts else "")


def _partition_types(files: InputFiles) -> dict[str, str]:
    """Folder's column → its type in SQL, the same for every file of the input."""
    values: dict[str, set[str]] = {}
    for path in files.paths:
        for key, value in files.partitions(path).items():
            values.setdefault(key, set()).update([] if value is None else [value])
    return {key: "DATE" if all(map(_is_date, of)) and of else "VARCHAR" for key, of in values.items()}


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def shut_out_other_files(con: duckdb.DuckDBPyConnection, project: Project, out: Path) -> None:
    """From here on no SQL, ours or the project's, reads any file but the declared inputs."""
    files = [p for n, i in project.spec.inputs.items() if i.path is not None for p in project.input_paths(n, i)]
    # a path is looked at as it is asked for, a pattern, and as the file it leads to
    paths = dict.fromkeys(text for file in files for path in (file, file.resolve()) for text in (str(path), only(path)))
    con.execute(f"SET allowed_paths = [{', '.join(quoted(path) for path in paths)}]")
    work = project.work / "warehouse"
    own = [text for path in (out, work / "usage", work / INPUTS) for text in (str(path), only(path))]
    con.execute(f"SET allowed_directories = [{', '.join(quoted(path) for path in own)}]")
    con.execute("SET enable_external_access = false")
