"""The encodings that an input may declare: those of Python that are for text."""

from __future__ import annotations

import codecs
from encodings.aliases import aliases

from churnml.errors import nearest

# By what programs write under these names: each is read as the larger set that Microsoft and the web make of it.
LARGER = {
    "shift_jis": "cp932",
    "ascii": "utf-8",
    "utf-8-sig": "utf-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "iso8859-1": "latin-1",
    "iso8859-9": "cp1254",
}
# Ways to write something down that are no encodings of a file.
NO_FILES = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem", "charmap"}
)


def codec_of(encoding: str) -> str:
    """Python's codec for a declared encoding; raises ValueError, with the nearest match, where there is none."""
    try:
        known = codecs.lookup(encoding.strip())
    except (LookupError, ValueError):
        known = None
    if known is None or not _is_for_files(known):
        match = nearest(encoding, _names())
        meant = f"did you mean '{match}'?" if match else "usual ones are utf-8, utf-16, windows-1252 and shift_jis"
        raise ValueError(f"there is no encoding '{encoding}'; {meant}")
    return LARGER.get(known.name, known.name)


def _is_for_files(codec: codecs.CodecInfo) -> bool:
    # the codecs that make bytes of bytes say so only here
    return getattr(codec, "_is_text_encoding", True) and codec.name not in NO_FILES


def _names() -> set[str]:
    names = set()
    for alias in {*aliases, *aliases.values()}:
        try:
            codec = codecs.lookup(alias)
        except LookupError:  # of another system
            continue
        if _is_for_files(codec) and alias[0].isalpha():
            names.add(alias.replace("_", "-"))
    return names
