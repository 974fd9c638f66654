"""Whether what was written is what is read: a checksum of every file, and of the list of the checksums.

CRC-32 (ISO 3309, as zlib has it) finds any damage of up to 32 bits in a row, and of other damage all but one case in
four billion, at some gigabytes a second; against whoever alters a file on purpose it is none.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from churnml.jsontypes import JsonObject

SEAL = "crc32"
BLOCK = 1 << 20


class DamagedError(Exception):
    """A file that can be made anew is gone, or not as it was written; ``how``, in words."""

    def __init__(self, path: Path, how: str) -> None:
        super().__init__(f"{path.name} {how}")
        self.path, self.how = path, how


def sealed(content: JsonObject) -> str:
    """JSON that carries the checksum of what it holds."""
    return json.dumps({**content, SEAL: _seal_of(content)}, indent=1, sort_keys=True, ensure_ascii=False)


def unsealed(path: Path) -> dict[str, Any]:  # the shape is the caller's to check
    """What a sealed file holds; raises DamagedError."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DamagedError(path, "is gone") from None
    except OSError as problem:
        raise DamagedError(path, f"cannot be read ({problem.strerror})") from None
    except ValueError:
        raise DamagedError(path, "was altered") from None
    if not isinstance(content, dict) or content.pop(SEAL, None) != _seal_of(content):
        raise DamagedError(path, "was altered")
    return dict(content)


def sums_of(folder: Path) -> dict[str, str]:
    """The checksum of every Parquet file under a folder, by its path in it."""
    return {str(path.relative_to(folder)): _sum(path) for path in sorted(folder.rglob("*.parquet"))}


def check_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Raises DamagedError unless the Parquet files under ``folder`` are those that were written."""
    for name in sorted({*sums, *(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))}):
        path = folder / name
        try:
            there = _sum(path)
        except FileNotFoundError:
            raise DamagedError(path, "is gone") from None
        except OSError as problem:
            raise DamagedError(path, f"cannot be read ({problem.strerror})") from None
        if name not in sums:
            raise DamagedError(path, "was added")
        if there != sums[name]:
            raise DamagedError(path, "was altered")


def _seal_of(content: JsonObject) -> str:
    return f"{zlib.crc32(json.dumps(content, sort_keys=True).encode()):08x}"


def _sum(path: Path) -> str:
    value = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            value = zlib.crc32(block, value)
    return f"{value:08x}"
