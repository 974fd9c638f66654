"""Files of a project that name somebody: what is left to be removed by hand is found by looking."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from churnml.adapters.project import Project

# A shorter id, or a plain number, stands in every file.
LEAST_TELLING = 4
# What versions keep of a file is not looked into.
NOT_LOOKED_INTO = frozenset({".git"})
SQLITE_FILES = (".db", ".db-wal", ".db-shm")


def is_telling(name: str) -> bool:
    """Whether finding an id in a file says that it is meant."""
    return len(name) >= LEAST_TELLING and not re.fullmatch(r"[\d.,]+", name)


def files_naming(project: Project, name: str) -> list[Path]:
    """The files in the project's folder and its working folder that name somebody, by path.

    Not looked into: the declared inputs, the operational store, and what ``.git`` keeps. Parquet is read, column by
    column; everything else is searched as it lies.
    """
    inputs = {
        path.resolve()
        for input_name, declared in project.spec.inputs.items()
        if declared.path is not None
        for path in project.input_paths(input_name, declared)
    }
    store = {f"churnml{ending}" for ending in SQLITE_FILES} if not project.spec.stores.operational else set()
    return [
        path
        for path in _files([project.root.resolve(), project.work])
        if path not in inputs and not (path.parent == project.work and path.name in store) and names(path, name)
    ]


def _files(folders: Sequence[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if path in seen or path.is_symlink() or not path.is_file() or NOT_LOOKED_INTO & set(path.parts):
                continue
            seen.add(path)
            yield path


def names(path: Path, name: str) -> bool:
    """Whether a file names somebody."""
    if path.suffix.lower() in (".parquet", ".pq"):
        return _parquet_names(path, name)
    if path.stat().st_size == 0:
        return False
    forms = {name, json.dumps(name)[1:-1]}
    # in a database's pages a text has no end that could be seen
    bounded = path.suffix.lower() not in SQLITE_FILES
    before, after = (rb"(?<![0-9A-Za-z_])", rb"(?![0-9A-Za-z_])") if bounded else (b"", b"")
    pattern = re.compile(before + b"(?:" + b"|".join(re.escape(form.encode()) for form in forms) + b")" + after)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return pattern.search(content) is not None


def _parquet_names(path: Path, name: str) -> bool:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            columns = [
                field.name
                for field in file.schema_arrow
                if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
            ]
            return any(
                pc.any(pc.match_substring(column, name)).as_py()
                for batch in file.iter_batches(columns=columns)
                for column in batch.columns
            )
    except (pa.ArrowInvalid, OSError):
        # whatever it is, it is no Parquet file
        return name.encode() in path.read_bytes()
