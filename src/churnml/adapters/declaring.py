"""What a command writes into a project's own ``project.yaml``: lines added, nothing else touched."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from churnml.errors import ProjectError
from churnml.specs.plain_yaml import YamlTextError, read_yaml

KEY = "renamed_events"


def declare_renames(path: Path, renames: Mapping[str, str]) -> None:
    """Adds old name → new name under ``renamed_events:``, whole or not at all; comments and order stay.

    Raises:
        ProjectError: the file says it in a way that no line can be added to; its remedy says what to write.
    """
    if not renames:
        return
    text = path.read_bytes().decode("utf-8-sig")
    before = _keys_of(text)
    added = _added(text, renames, declared=KEY in before)
    declared = before.get(KEY)
    wanted = before | {KEY: {**(declared if isinstance(declared, dict) else {}), **renames}}
    try:
        as_meant = _keys_of(added) == wanted
    except YamlTextError:
        as_meant = False
    if not as_meant:
        lines = "; ".join(_line(old, new, "").strip() for old, new in renames.items())
        raise ProjectError(
            f"{KEY}: cannot be added to by a command as it stands.", where=str(path), remedy=f"Write into it: {lines}"
        )
    _replace(path, added)


def _keys_of(text: str) -> dict[str, object]:
    value = read_yaml(text).value
    return value if isinstance(value, dict) else {}


def _added(text: str, renames: Mapping[str, str], *, declared: bool) -> str:
    ending = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    place = next((n for n, line in enumerate(lines) if re.match(rf"{KEY}\s*:\s*(#.*)?$", line)), None)
    if place is None and declared:
        return text  # in a line of its own: {}
    if place is None:
        whole = [*lines, f"{KEY}:", *(_line(old, new, "  ") for old, new in renames.items())]
        return ending.join(whole) + ending
    under = re.match(r"\s+", lines[place + 1]) if place + 1 < len(lines) else None
    indent = under.group() if under else "  "
    more = [_line(old, new, indent) for old, new in renames.items()]
    return ending.join([*lines[: place + 1], *more, *lines[place + 1 :]]) + ending


def _line(old: str, new: str, indent: str) -> str:
    # a JSON text is a quoted text of YAML
    return f"{indent}{json.dumps(old, ensure_ascii=False)}: {json.dumps(new, ensure_ascii=False)}"


def _replace(path: Path, text: str) -> None:
    handle, aside = tempfile.mkstemp(prefix=".project-", suffix=".yaml", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode("utf-8"))
        os.chmod(aside, path.stat().st_mode & 0o777)
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
