"""Which files an input's path stands for: one, those of a pattern, those of a folder, or those of a lake's table."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from churnml.adapters.environment import PROJECT_FILE, with_environment
from churnml.errors import ProjectError
from churnml.specs.inputs import Input

FileKind = Literal["csv", "parquet", "json"]
PatternKind = Literal["file", "files", "delta", "iceberg"]
SUFFIXES: dict[str, FileKind] = {
    **dict.fromkeys((".csv", ".tsv", ".txt", ".tab", ".psv"), "csv"),
    **dict.fromkeys((".parquet", ".pq", ".parq"), "parquet"),
    **dict.fromkeys((".json", ".jsonl", ".ndjson"), "json"),
}
COMPRESSED = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".zip")
PATTERN = re.compile(r"[*?\[]")
# s3://…, https://…; a letter and a colon alone are a drive of Windows
SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]+):/{2}")
DATABASES = ("postgres", "mysql", "mariadb", "sqlite", "mssql", "oracle", "snowflake", "bigquery", "redshift", "duckdb")
DELTA_LOG, ICEBERG_METADATA = "_delta_log", "metadata"
# What a row has where it has no value for its folder.
NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class InputFiles:
    """The files of an input.

    Args:
        kind: one file, several, or a table of a lake.
        path: the path as declared, the environment's variables replaced.
        paths: the files, in order of their names; of a lake's table, those that say what is in it.
        base: the folder below which folders ``key=value`` are columns.
        noted: reason → count of what lies in a folder and is not read.
    """

    kind: PatternKind
    path: str
    paths: list[Path]
    base: Path
    noted: dict[str, int] = field(default_factory=dict)

    def partitions(self, file: Path) -> dict[str, str | None]:
        """Column → value that the folders of a file below :attr:`base` say, as Hive writes them."""
        parts = file.relative_to(self.base).parts[:-1] if file.is_relative_to(self.base) else ()
        named = [part.partition("=") for part in parts if "=" in part]
        return {unquote(key): None if value == NO_PARTITION else unquote(value) for key, _, value in named if key}


def file_kind(name: str) -> FileKind | None:
    """What a file is by its name; None where it does not say."""
    lower = name.lower()
    bare = next((lower.removesuffix(suffix) for suffix in COMPRESSED if lower.endswith(suffix)), lower)
    return SUFFIXES.get(os.path.splitext(bare)[1])


def declared_path(root: Path, name: str, declared: Input) -> str:
    """The path of an input, the environment's variables replaced; raises ProjectError."""
    return with_environment(declared.path or "", _where(root, name))


def input_files(root: Path, name: str, declared: Input) -> InputFiles:
    """The files of an input; raises ProjectError where there are none, or they cannot be read as one."""
    path = declared_path(root, name, declared)
    _must_be_of_this_machine(root, name, path)
    whole = root / path
    if whole.is_dir():
        files = _of_folder(root, name, whole, path, declared)
    elif whole.is_file():  # a name may look like a pattern
        files = InputFiles("file", path, [whole], whole.parent)
    elif PATTERN.search(path):
        files = _of_pattern(root, path)
    else:
        files = InputFiles("file", path, [], whole.parent)
    if not files.paths:
        raise ProjectError(
            f"No file matches the path of input '{name}'."
            if files.kind == "files"
            else f"The file of input '{name}' is not there.",
            where=f"{_where(root, name)}: path: {declared.path}",
            remedy="Correct the path (it is relative to the project folder), or put the file there."
            + _nearest(whole, files),
        )
    if declared.grows and files.kind in ("delta", "iceberg"):
        raise ProjectError(
            f"Input '{name}' is a table of {files.kind.capitalize()}, and 'grows: by_file' is for files that are only "
            "added.",
            where=_where(root, name),
            remedy="Leave it out: the table is read as it stands.",
        )
    _must_be_utf_8(name, files.paths)
    return files


def _where(root: Path, name: str) -> str:
    return f"{root / PROJECT_FILE}, inputs: {name}"


def _nearest(whole: Path, files: InputFiles) -> str:
    """What lies beside a file that is not there, if it is called nearly so."""
    from churnml.errors import nearest

    if files.kind != "file" or not whole.parent.is_dir():
        return ""
    close = nearest(whole.name, (os.fsencode(path.name).decode("utf-8", "replace") for path in whole.parent.iterdir()))
    return f" Did you mean '{close}'?" if close else ""


def _must_be_of_this_machine(root: Path, name: str, path: str) -> None:
    match = SCHEME.match(path)
    if match is None:
        return
    scheme = match["scheme"].lower()
    if scheme.split("+")[0].startswith(DATABASES):
        # whatever stands behind it may be a password
        raise ProjectError(
            f"The path of input '{name}' is the address of a database.",
            where=_where(root, name),
            remedy="Declare it as 'database:', beside 'table:'; with its password as ${NAME}, from the environment.",
        )
    raise ProjectError(
        f"Input '{name}' lies elsewhere ({scheme}://), and inputs are files of this machine.",
        where=_where(root, name),
        remedy="Copy the files here before each run (for instance: aws s3 sync, gsutil rsync, curl), or mount the "
        "bucket, and declare that path.",
    )


def _of_pattern(root: Path, path: str) -> InputFiles:
    absolute = Path(path).is_absolute()
    top = Path(Path(path).anchor) if absolute else root
    pattern = str(Path(path).relative_to(top)) if absolute else path
    paths = sorted(file for file in top.glob(pattern) if file.is_file())
    fixed = []
    for part in Path(pattern).parts[:-1]:
        if PATTERN.search(part) or "=" in part:
            break
        fixed.append(part)
    return InputFiles("files", path, paths, top.joinpath(*fixed))


def _of_folder(root: Path, name: str, folder: Path, path: str, declared: Input) -> InputFiles:
    """Every file of a folder and those below it, of one kind; or the files that describe a lake's table."""
    if (folder / DELTA_LOG).is_dir():
        return InputFiles("delta", path, _below(folder / DELTA_LOG), folder)
    metadata = sorted((folder / ICEBERG_METADATA).glob("*.metadata.json"))
    if metadata:
        return InputFiles("iceberg", path, metadata, folder)
    if declared.format in ("delta", "iceberg"):
        raise ProjectError(
            f"The folder of input '{name}' holds no {declared.format.capitalize()} table.",
            where=f"{_where(root, name)}: path: {declared.path}",
            remedy=f"Declare the folder that holds {DELTA_LOG if declared.format == 'delta' else ICEBERG_METADATA}.",
        )
    files = _below(folder)
    kinds = {file: file_kind(file.name) for file in files}
    counted = Counter(kind for kind in kinds.values() if kind)
    if declared.format:
        paths = [file for file in files if kinds[file] in (declared.format, None)]
    else:
        paths = [file for file in files if kinds[file]]
    if len(counted) > 1 and not declared.format:
        listed = ", ".join(f"{count} {kind}" for kind, count in counted.most_common())
        raise ProjectError(
            f"The folder of input '{name}' holds files of several kinds ({listed}).",
            where=f"{_where(root, name)}: path: {declared.path}",
            remedy="Declare its 'format:', or a pattern such as 'data/events/*.csv'.",
        )
    left = len(files) - len(paths)
    return InputFiles("files", path, paths, folder, {"files_not_read": left} if left else {})


def _below(folder: Path) -> list[Path]:
    """The files under a folder, but for those that programs put there for themselves (``_SUCCESS``, ``.x.crc``)."""
    files = []
    for inner in sorted(glob.glob("**", root_dir=folder, recursive=True)):
        file = folder / inner
        hidden = any(part.startswith(("_", ".")) and "=" not in part for part in Path(inner).parts)
        if file.is_file() and not hidden:
            files.append(file)
    return files


def _must_be_utf_8(name: str, paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            shown = os.fsencode(path).decode("utf-8", "backslashreplace")
            raise ProjectError(
                f"The name of a file of input '{name}' is not UTF-8.", where=shown, remedy="Rename it."
            ) from None
