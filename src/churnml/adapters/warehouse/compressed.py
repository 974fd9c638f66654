"""Compressed files as the bytes inside them: gzip, Zstandard, bzip2, xz, and a ZIP archive with one file in it.

What a file is, its first bytes say; its name may say something else.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from churnml.errors import SourceError

MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ\x00": "xz",
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
}
# Files that are no text, by their first bytes, with what to do about them.
NO_TEXT = {
    b"PAR1": ("a Parquet file", "Declare 'format: parquet'."),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook (.xls)", "Save the sheet as CSV UTF-8."),
    b"SQLite format 3\x00": ("a SQLite database", "Declare 'database: sqlite:///…' with 'table:' instead of 'path:'."),
    b"ORC": ("an ORC file", "Convert it to Parquet."),
    b"Obj\x01": ("an Avro file", "Convert it to Parquet."),
    b"%PDF": ("a PDF", "Export the table as CSV."),
}
TAR_AT, TAR = 257, b"ustar"
BLOCK = 1 << 20


def decompressed(name: str, path: Path, target: Path) -> Path:
    """The file itself, or what is compressed in it as ``target``; raises SourceError where that is no text.

    Args:
        name: the input's name.
        path: its file.
        target: where to write.
    """
    if _kind(path) is not None:
        try:
            with _opened(name, path) as inside, target.open("wb") as out:
                shutil.copyfileobj(inside, out, BLOCK)
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as problem:
            raise _damaged(name, path, problem) from None
        except OSError as problem:
            # pyarrow and gzip say so of a broken stream; a full disk has a number
            if problem.errno is not None:
                raise
            raise _damaged(name, path, problem) from None
        path, shown = target, path
    else:
        shown = path
    _must_be_text(name, path, shown)
    return path


def _kind(path: Path) -> str | None:
    with path.open("rb") as file:
        start = file.read(8)
    return next((kind for magic, kind in MAGIC.items() if start.startswith(magic)), None)


@contextmanager
def _opened(name: str, path: Path) -> Iterator[IO[bytes]]:
    """The bytes inside a compressed file."""
    kind = _kind(path)
    if kind == "gzip":
        with gzip.open(path) as unzipped:
            yield cast(IO[bytes], unzipped)
    elif kind == "bzip2":
        with bz2.open(path) as file:
            yield file
    elif kind == "xz":
        with lzma.open(path) as file:
            yield file
    elif kind == "zip":
        with zipfile.ZipFile(path) as archive, archive.open(_only_member(name, path, archive)) as file:
            yield file
    else:
        # the standard library has no Zstandard before Python 3.14
        import pyarrow as pa

        with path.open("rb") as raw, pa.CompressedInputStream(pa.PythonFile(raw, mode="r"), "zstd") as file:
            yield file


def _only_member(name: str, path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    if any(member.filename == "[Content_Types].xml" for member in members):
        raise SourceError(
            f"The file of input '{name}' is an Excel workbook (.xlsx).",
            where=str(path),
            remedy="Save the sheet as CSV UTF-8.",
        )
    if len(members) != 1:
        listed = ", ".join(f"'{member.filename}'" for member in members[:5])
        raise SourceError(
            f"The archive of input '{name}' holds {len(members)} files{': ' + listed if listed else ''}.",
            where=str(path),
            remedy="Unpack it, and declare the folder or a pattern as the path.",
        )
    if members[0].flag_bits & 1:
        raise SourceError(
            f"The archive of input '{name}' is locked with a password.", where=str(path), remedy="Unpack it."
        )
    return members[0]


def _damaged(name: str, path: Path, problem: Exception) -> SourceError:
    return SourceError(
        f"The file of input '{name}' is compressed, and damaged or cut off ({type(problem).__name__}).",
        where=str(path),
        remedy="Export or copy it again.",
    )


def _must_be_text(name: str, path: Path, shown: Path) -> None:
    with path.open("rb") as file:
        start = file.read(512)
    if start[TAR_AT:].startswith(TAR):
        what, remedy = "a tar archive", "Unpack it, and declare the folder as the path."
    elif path != shown and any(start.startswith(magic) for magic in MAGIC):
        what, remedy = "compressed twice", "Unpack it once."
    else:
        known = next((told for magic, told in NO_TEXT.items() if start.startswith(magic)), None)
        if known is None:
            return
        what, remedy = known
    raise SourceError(f"The file of input '{name}' is {what}.", where=str(shown), remedy=remedy)
