"""Tables of a lake as inputs: Delta and Iceberg, in a folder of this machine, as they stand now.

Both are read through the libraries of their own projects, which come with extras; their data files are only read where
they lie in the table's folder, whatever the table's metadata say.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from churnml.adapters.input_files import InputFiles
from churnml.adapters.outages import outage
from churnml.errors import ChurnmlError, SourceError

if TYPE_CHECKING:
    import pyarrow as pa


def copy_lake(name: str, files: InputFiles, target: Path) -> None:
    """Copies what a Delta or Iceberg table holds now into a Parquet file; raises SourceError."""
    read = _delta if files.kind == "delta" else _iceberg
    try:
        _write(read(name, files), target)
    except ModuleNotFoundError:
        raise SourceError(
            f"Reading input '{name}', a table of {files.kind.capitalize()}, needs a package that is not installed.",
            where=str(files.base),
            remedy=f"Install it: pip install 'churnml[{files.kind}]'",
        ) from None
    except ChurnmlError:
        raise
    except Exception as problem:
        raise outage(problem, f"Reading input '{name}'", str(files.base)) or SourceError(
            f"The {files.kind.capitalize()} table of input '{name}' cannot be read ({type(problem).__name__}).",
            where=str(files.base),
            remedy="Copy the whole folder again; or write the table as plain Parquet and declare that.",
        ) from None


def _write(reader: pa.RecordBatchReader, target: Path) -> None:
    import pyarrow.parquet as pq

    with pq.ParquetWriter(target, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)


def _delta(name: str, files: InputFiles) -> pa.RecordBatchReader:
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(files.base)
    _must_lie_in(name, files.base, table.file_uris())
    rows = QueryBuilder().register("rows", table).execute("SELECT * FROM rows")
    return pa.RecordBatchReader.from_stream(rows)


def _iceberg(name: str, files: InputFiles) -> pa.RecordBatchReader:
    from pyiceberg.io import InputFile
    from pyiceberg.io.pyarrow import PyArrowFileIO
    from pyiceberg.table import StaticTable

    table = StaticTable.from_metadata(str(_newest(files)))
    written_at = table.location().rstrip("/")

    class FolderFileIO(PyArrowFileIO):  # type: ignore[misc]  # the library has no types here
        """Every file of the table, wherever it was when it was written, is read in its folder and nowhere else."""

        def new_input(self, location: str) -> InputFile:
            return super().new_input(str(_in_folder(name, files.base, written_at, location)))

    table.io = FolderFileIO()
    return table.scan().to_arrow_batch_reader()


def _in_folder(name: str, folder: Path, written_at: str, location: str) -> Path:
    """The file of an Iceberg table in its folder: its metadata name it by where the table was when it was written."""
    if location.startswith(f"{written_at}/"):
        path = folder / unquote(location.removeprefix(f"{written_at}/"))
    else:
        path = _local(location) or Path(location)
    _must_lie_in(name, folder, [str(path)])
    return path


def _newest(files: InputFiles) -> Path:
    """The newest metadata: as ``version-hint.text`` says, else by the number at the beginning of their names."""
    hint = files.paths[0].parent / "version-hint.text"
    by_hint = [
        p for p in files.paths if hint.is_file() and p.name == f"v{hint.read_text('utf-8').strip()}.metadata.json"
    ]
    return by_hint[0] if by_hint else max(files.paths, key=lambda path: (_version(path), path.stat().st_mtime_ns))


def _version(path: Path) -> int:
    match = re.match(r"v?(\d+)", path.name)
    return int(match.group(1)) if match else -1


def _local(location: str) -> Path | None:
    """The path of a location on this machine; None where it is elsewhere."""
    parsed = urlparse(location)
    if parsed.scheme == "file":
        return Path(unquote(parsed.path))
    return None if "://" in location else Path(location)


def _must_lie_in(name: str, folder: Path, locations: Iterable[str]) -> None:
    inside = folder.resolve()
    for location in locations:
        path = _local(location)
        if path is None or not path.resolve().is_relative_to(inside):
            raise SourceError(
                f"The table of input '{name}' has files outside its folder.",
                where=f"{folder}: {location}",
                remedy="Copy the table with its own tools, so that all its files lie in one folder; or write it as "
                "plain Parquet and declare that.",
            )
