"""The user's own files and database tables, registered under their input names.

What stands in a file is data: every CSV field arrives as text, nothing in it is run or followed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.project import Project
from churnml.adapters.warehouse.csv_files import register_csv
from churnml.adapters.warehouse.databases import copy_table
from churnml.adapters.warehouse.input_tables import InputTable, columns_of, register_parquet
from churnml.adapters.warehouse.reading import quoted
from churnml.specs.project import Input

if TYPE_CHECKING:
    import duckdb


def register(
    con: duckdb.DuckDBPyConnection,
    project: Project,
    name: str,
    declared: Input,
    scratch: Path,
    only: Sequence[Path] | None = None,
) -> InputTable:
    """Makes input ``name`` readable as a table of ``con`` (a DuckDB connection); raises SourceError.

    ``only`` narrows an input of several files to some of them.
    """
    if declared.database is not None:
        target = scratch / f"input-{name}.parquet"
        copy_table(project, name, declared, target)
        return register_parquet(con, name, target)
    paths = project.input_paths(name, declared)
    several = len(paths) > 1 or any(mark in (declared.path or "") for mark in "*?[")
    if not several:
        return _register_file(con, name, paths[0], declared, scratch)
    return _register_several(con, project.root, name, paths if only is None else only, declared, scratch)


def file_name(root: Path, declared: str | None, path: Path) -> str:
    """A file of an input as it is named whichever way the project's folder was: absolute only if declared so."""
    return str(path if Path(declared or "").is_absolute() else path.relative_to(root))


def _register_file(con: duckdb.DuckDBPyConnection, name: str, path: Path, declared: Input, scratch: Path) -> InputTable:
    kind = declared.format or ("parquet" if path.suffix.lower() in (".parquet", ".pq") else "csv")
    if kind == "parquet":
        return register_parquet(con, name, path)
    return register_csv(con, name, path, declared, scratch)


def _register_several(
    con: duckdb.DuckDBPyConnection, root: Path, name: str, paths: Sequence[Path], declared: Input, scratch: Path
) -> InputTable:
    """Several files as one input, each row with its ``source_file`` beside its ``source_row`` in that file."""
    parts = [_register_file(con, f"_{name}_{place}", path, declared, scratch) for place, path in enumerate(paths)]
    selects = [
        f'SELECT *, {quoted(file_name(root, declared.path, path))} AS source_file FROM "{part.name}"'
        for part, path in zip(parts, paths, strict=True)
    ]
    con.execute(f'CREATE VIEW "{name}" AS {" UNION ALL BY NAME ".join(selects)}')
    warned = sum((Counter(part.warned) for part in parts), Counter[str]())
    rejects = tuple(reject for part in parts for reject in part.rejects)
    return InputTable(name, columns_of(con, name), dict(warned), rejects, parts[0].delimiter if parts else "")
