"""In which encoding a file of text is."""

from __future__ import annotations

import codecs
import shutil
from pathlib import Path


def encoding_of(path: Path) -> tuple[str, bool]:
    """The file's encoding, and whether it had to be guessed (it is not UTF-8)."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", False
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1", True
    return "utf-8", False


def as_utf_8(path: Path, encoding: str, target: Path) -> Path:
    """A copy of the file in UTF-8; what does not fit its encoding becomes the replacement character."""
    with (
        path.open("r", encoding=encoding, errors="replace", newline="") as file,
        target.open("w", encoding="utf-8", newline="") as out,
    ):
        shutil.copyfileobj(file, out, 1 << 20)
    return target
