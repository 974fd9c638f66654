"""Files of text as UTF-8, whatever they were written in.

UTF-8 is read as it is. A mark at the beginning, or zero bytes in every second place, tell UTF-16; double bytes that
stand beside each other as Japanese does tell Shift-JIS in Microsoft's form (code page 932); what else is not UTF-8 is
read as Windows-1252, which all but five bytes fit, line by line, so that lines in UTF-8 among them stay what they are.
Whatever had to be guessed is told, and what looks like neither is refused. A declared encoding is taken at its word:
what does not fit it is refused with its line and byte.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from churnml.adapters.project import PROJECT_FILE
from churnml.errors import SourceError
from churnml.specs.encodings import codec_of

BLOCK = 1 << 20
# Of lines that are not plain ASCII, so many bytes are looked at.
SAMPLE = 4 << 20
MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WINDOWS_1252, SHIFT_JIS = "cp1252", "cp932"
# Reasons an input is told about, by what its text was taken for.
GUESSED = {
    WINDOWS_1252: "read_as_windows_1252",
    SHIFT_JIS: "read_as_shift_jis",
    "utf-16-le": "read_as_utf_16",
    "utf-16-be": "read_as_utf_16",
}
MIXED, DOUBTFUL = "mixed_encodings", "declared_encoding_doubtful"
# Bytes that Latin-1 leaves to control characters, where Windows-1252 has the euro and curly quotes.
C1 = re.compile(rb"[\x80-\x9f]")
LONG_RUN = re.compile(rb"[\x80-\xff]{4,}")
HIGH = re.compile(rb"[\x80-\xff]")
JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff9f]")
# Half-width letters are single bytes that Windows-1252 has capital accents in: of those, two may stand together too.
JAPANESE_RUN = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff01-\uff60]{2,}|[\uff61-\uff9f]{3,}")


@dataclass(frozen=True)
class TextFile:
    """A file of text that can be read as UTF-8.

    Args:
        path: the file itself, or a copy in UTF-8.
        noted: reason → count of what its encoding was taken for.
    """

    path: Path
    noted: dict[str, int] = field(default_factory=dict)


def as_utf_8(name: str, path: Path, declared: str | None, target: Path, shown: Path) -> TextFile:
    """An input's file as UTF-8; raises SourceError where it does not fit its encoding.

    Args:
        name: the input's name.
        path: its file, not compressed.
        declared: its encoding as declared; guessed without.
        target: where to write a copy, if one is needed.
        shown: the file as the user knows it.
    """
    text = _Text(name, path, target, shown)
    return text.as_declared(codec_of(declared)) if declared else text.as_guessed()


@dataclass(frozen=True)
class _Text:
    """A file on its way to UTF-8."""

    name: str
    path: Path
    target: Path
    shown: Path

    def as_guessed(self) -> TextFile:
        start = self._start()
        mark = next((codec for mark, codec in MARKS.items() if start.startswith(mark)), None)
        if mark in ("utf-16", "utf-32"):
            return self._copied(mark, {})
        if b"\0" in start:
            return self._as_unmarked_utf_16(start)
        if self._is_utf_8():
            return TextFile(self.path)
        sample = self._lines_not_ascii()
        mixed = sum(_is_valid(line, "utf-8") for line in sample) * 2 >= len(sample)
        if not mixed and _is_japanese(sample):
            count = sum(not line.isascii() for line in _lines(self.path))
            return self._copied(SHIFT_JIS, {GUESSED[SHIFT_JIS]: count})
        self._must_look_western(sample)
        return self._line_by_line()

    def as_declared(self, codec: str) -> TextFile:
        start = self._start()
        if codec == "utf-8":
            self._decoded("utf-8", lambda _: None)
            return TextFile(self.path)
        if codec.startswith(("utf-16", "utf-32")) and b"\0" not in start:
            raise self._refused(codec, "it has neither a mark nor a zero byte", self._hint())
        if codec == "utf-16" and not start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            codec = _byte_order(start)
        if codec == "latin-1":
            return self._as_latin_1()
        doubtful = self._is_utf_8() and not start.isascii() and not codec.startswith("utf")
        return self._copied(codec, {DOUBTFUL: 1} if doubtful else {})

    def _as_latin_1(self) -> TextFile:
        """Latin-1 as everybody means it: with the characters that Windows-1252 has where Latin-1 has none."""
        microsofts = 0
        with self.path.open("rb") as file, self.target.open("wb") as out:
            while block := file.read(BLOCK):
                microsofts += len(C1.findall(block))
                out.write("".join(map(WESTERN.__getitem__, block)).encode() if C1.search(block) else _latin_1(block))
        noted = {GUESSED[WINDOWS_1252]: microsofts} if microsofts else {}
        return TextFile(self.target, noted | ({DOUBTFUL: 1} if self._is_utf_8() and not _is_ascii(self.path) else {}))

    def _start(self) -> bytes:
        with self.path.open("rb") as file:
            return file.read(1 << 16)

    def _is_utf_8(self) -> bool:
        try:
            for _ in _decoded_blocks(self.path, "utf-8"):
                pass
        except UnicodeDecodeError:
            return False
        return True

    def _lines_not_ascii(self) -> list[bytes]:
        lines: list[bytes] = []
        size = 0
        for line in _lines(self.path):
            if not line.isascii():
                lines.append(line)
                size += len(line)
                if size > SAMPLE:
                    break
        return lines

    def _as_unmarked_utf_16(self, start: bytes) -> TextFile:
        codec = _byte_order(start)
        try:
            start[: len(start) // 2 * 2].decode(codec, "strict" if len(start) < 1 << 16 else "ignore")
            readable = "\n" in start.decode(codec, "ignore") or len(start) < 1 << 10
        except UnicodeDecodeError:
            readable = False
        zeros = sorted((start[::2].count(0), start[1::2].count(0)))
        # of the two bytes of a character, hardly ever the lower one is zero
        if not readable or zeros[0] > 0.3 * zeros[1] or zeros[1] < 0.02 * len(start):
            raise SourceError(
                f"The file of input '{self.name}' holds bytes that no text has (zero bytes).",
                where=str(self.shown),
                remedy="Export it again as CSV UTF-8; or declare its 'encoding:' or 'format:'.",
            )
        return self._copied(codec, {GUESSED[codec]: 1})

    def _must_look_western(self, sample: list[bytes]) -> None:
        """Most letters of western languages are ASCII; where they are not, it is another script."""
        lines = [line for line in sample if not _is_valid(line, "utf-8")]
        high = sum(len(HIGH.findall(line)) for line in lines)
        runs = sum(len(run) for line in lines for run in LONG_RUN.findall(line))
        if runs * 2 > high:
            raise SourceError(
                f"The text of input '{self.name}' is neither UTF-8 nor Windows-1252, and its encoding cannot be told.",
                where=str(self.shown),
                remedy=f"Declare its 'encoding:' in {PROJECT_FILE}: windows-1251, koi8-r, windows-1253, gb18030, big5, "
                "euc-jp, euc-kr, or any other that Python knows. Or export it as UTF-8.",
            )

    def _line_by_line(self) -> TextFile:
        """Each line as UTF-8 if it is, else as Windows-1252."""
        western = in_utf_8 = place = number = 0
        with self.path.open("rb") as file, self.target.open("wb") as out:
            while lines := file.readlines(BLOCK):
                for line in lines:
                    number += 1
                    place += len(line)
                    if not line.isascii():
                        if _is_valid(line, "utf-8"):
                            in_utf_8 += 1
                        else:
                            western += 1
                            line = self._western(line, number, place - len(line))
                    out.write(line)
        noted = {GUESSED[WINDOWS_1252]: western} | ({MIXED: in_utf_8} if in_utf_8 else {})
        return TextFile(self.target, noted)

    def _western(self, line: bytes, number: int, place: int) -> bytes:
        try:
            return line.decode(WINDOWS_1252).encode()
        except UnicodeDecodeError as problem:
            raise self._misfit("UTF-8 nor Windows-1252", number, place + problem.start) from None

    def _copied(self, codec: str, noted: dict[str, int]) -> TextFile:
        with self.target.open("wb") as out:
            self._decoded(codec, lambda text: out.write(text.encode()))
        return TextFile(self.target, noted)

    def _decoded(self, codec: str, take: Callable[[str], object]) -> None:
        line = 1
        offset = 0
        try:
            for text, ahead in _decoded_blocks(self.path, codec):
                take(text)
                line += text.count("\n")
                offset = ahead
        except UnicodeDecodeError as problem:
            before = problem.object[: problem.start].decode(codec, "ignore")
            at = offset + problem.start
            raise self._misfit(codec, line + before.count("\n"), at, declared=True) from None
        except UnicodeEncodeError:
            raise self._refused(codec, "it holds halves of characters", self._hint()) from None

    def _misfit(self, codec: str, line: int, byte: int, *, declared: bool = False) -> SourceError:
        if declared:
            return self._refused(codec, f"line {line}, byte {byte + 1} does not fit", self._hint())
        return SourceError(
            f"The text of input '{self.name}' is neither {codec}: line {line}, byte {byte + 1} fits neither.",
            where=str(self.shown),
            remedy=f"Declare its 'encoding:' in {PROJECT_FILE}, or export it as UTF-8.",
        )

    def _refused(self, codec: str, why: str, hint: str) -> SourceError:
        return SourceError(
            f"The text of input '{self.name}' is not {codec}: {why}.",
            where=str(self.shown),
            remedy=f"{hint}Correct its 'encoding:' in {PROJECT_FILE}; without one it is guessed, and told.",
        )

    def _hint(self) -> str:
        return "It reads as UTF-8. " if self._is_utf_8() else ""


# What each byte is in Windows-1252; the five that have no character there stay the control characters of Latin-1.
WESTERN = tuple(bytes([byte]).decode(WINDOWS_1252, "replace").replace("\ufffd", chr(byte)) for byte in range(256))


def _latin_1(block: bytes) -> bytes:
    return block.decode("latin-1").encode()


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def _is_ascii(path: Path) -> bool:
    return all(line.isascii() for line in _lines(path))


def _is_valid(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _decoded_blocks(path: Path, codec: str) -> Iterator[tuple[str, int]]:
    """The text in blocks, each with the byte at which the next one begins."""
    decoder = codecs.getincrementaldecoder(codec)()
    offset = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            text = decoder.decode(block)
            offset += len(block)
            yield text, offset - len(decoder.getstate()[0])
        yield decoder.decode(b"", final=True), offset


def _byte_order(start: bytes) -> str:
    """Of UTF-16 without a mark: in most places of most texts, the higher byte is zero."""
    return "utf-16-le" if start[1::2].count(0) >= start[::2].count(0) else "utf-16-be"


def _is_japanese(sample: list[bytes]) -> bool:
    """Whether lines are Shift-JIS: all fit it, and its characters stand side by side, as no accents do.

    "Käse" in Windows-1252 fits too, but its one character has letters of ASCII on both sides.
    """
    characters = beside = 0
    for line in sample:
        try:
            text = line.decode(SHIFT_JIS)
        except UnicodeDecodeError:
            return False
        if re.search("[\ue000-\uf8ff]", text):
            return False
        characters += len(JAPANESE.findall(text))
        beside += sum(len(run) for run in JAPANESE_RUN.findall(text))
    return characters > 0 and beside >= 0.6 * characters
