"""Which roll-ups of usage were ever asked for: they stay, so that a model registered earlier can still be scored."""

from __future__ import annotations

import json
import logging
import uuid
from pathlib import Path

from churnml.adapters.warehouse.reading import Progress
from churnml.adapters.warehouse.seals import DamagedError, sealed, unsealed
from churnml.rollups import PARTS

log = logging.getLogger("churnml.warehouse")

ROLLUPS_FILE = "rollups.json"


def ever_asked(work: Path, parts: frozenset[str], progress: Progress) -> frozenset[str]:
    """``parts`` and what was asked for before; written down in the work folder."""
    path = work / ROLLUPS_FILE
    before: frozenset[str] = frozenset()
    if path.exists():
        try:
            before = _listed_roll_ups(path)
        except DamagedError as problem:
            # what was asked for is not known any more: whatever can be, so that no model goes without
            before = PARTS
            log.warning("%(problem)s: all roll-ups are made", {"problem": problem})
            progress(f"list of roll-ups damaged ({problem}): all are made")
    asked = (before | parts) & PARTS
    if asked != before or before == PARTS:
        text = sealed({"parts": sorted(asked)})
        if not path.exists() or path.read_bytes() != text.encode():
            aside = work / f".rollups-{uuid.uuid4().hex[:8]}.json"
            aside.write_text(text, "utf-8")
            aside.replace(path)
    return asked


def _listed_roll_ups(path: Path) -> frozenset[str]:
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError):
        plain = None
    # as it was first written: the names alone
    if isinstance(plain, list) and plain and PARTS.issuperset(plain):
        return frozenset(plain)
    return frozenset(unsealed(path)["parts"])
