"""A YAML file read as a declaration, with an error that says where and how to mend it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from churnml import features as catalogue
from churnml.errors import ProjectError, SpecError, did_you_mean
from churnml.specs.base import Spec

AnySpec = TypeVar("AnySpec", bound=Spec)


def read_spec(
    kind: type[AnySpec],
    path: Path,
    error: type[SpecError] | type[ProjectError] = SpecError,
    families: catalogue.Catalogue = catalogue.FAMILIES,
) -> AnySpec:
    """The YAML file at ``path`` as a ``kind``; raises ``error`` with the place and the remedy."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error("The file is not there.", where=str(path), remedy="Create it, or correct the path.") from None
    except (OSError, UnicodeDecodeError) as problem:
        raise error("The file cannot be read.", where=str(path), remedy=_short(str(problem))) from None
    try:
        declared = yaml.safe_load(text)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise error(
            "The file is not valid YAML.", where=f"{path}{line}", remedy=_short(getattr(problem, "problem", "") or "")
        ) from None
    if not isinstance(declared, dict):
        raise error("The file must be a mapping of keys to values.", where=str(path), remedy="See docs/specs.md.")
    try:
        return kind.model_validate(declared, context={"catalogue": families})
    except ValidationError as problem:
        what, remedy = _first_mistake(kind, problem)
        more = f" (and {problem.error_count() - 1} more to mend)" if problem.error_count() > 1 else ""
        raise error(what, where=f"{path}{more}", remedy=remedy) from None


def _first_mistake(kind: type[Spec], problem: ValidationError) -> tuple[str, str]:
    """What is wrong, and the remedy; an unknown key explains a missing one, so it comes first."""
    errors = problem.errors(include_url=False)
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    key = ".".join(str(step) for step in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        *path, last = error["loc"]
        return f"'{key}' is not a key that is known here.", did_you_mean(str(last), _keys_at(kind, path))
    if error["type"] == "missing":
        return f"'{key}' is missing.", f"Add '{error['loc'][-1]}:'."
    value = error.get("input")
    shown = f" (it says {value!r})" if isinstance(value, str | int | float | bool) else ""
    what = f"'{key}' cannot be used: {_short(error['msg'].removeprefix('Value error, '))}{shown}"
    return what, "Correct the value; docs/specs.md lists what may stand here."


def _keys_at(kind: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The keys a mapping at ``path`` inside ``kind`` may have, as the schema says."""
    schema = kind.model_json_schema()
    node: Mapping[str, Any] = schema
    for step in path:
        node = _resolve(schema, node)
        if isinstance(step, int):
            node = node.get("items", {})
        elif step in node.get("properties", {}):
            node = node["properties"][step]
        else:
            node = node.get("additionalProperties") or next(iter(node.get("patternProperties", {}).values()), {})
    return list(_resolve(schema, node).get("properties", {}))


def _resolve(schema: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in node.get("anyOf", []):
        if "$ref" in choice or "properties" in choice:
            node = choice
            break
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def _short(text: str) -> str:
    return " ".join(text.split())[:300]
