"""A YAML file read as a declaration, with an error that says where and how to mend it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from churnml import features as catalogue
from churnml.errors import ChurnmlError, ProjectError, SpecError, UnknownNameError, did_you_mean
from churnml.specs.base import NAME_PATTERN, Spec
from churnml.specs.plain_yaml import YamlTextError, read_yaml

AnySpec = TypeVar("AnySpec", bound=Spec)
# Kinds of mistakes whose own sentence speaks of Python.
EXPECTED: Mapping[str, str] = {
    "model_type": "keys and values must stand under it",
    "dict_type": "keys and values must stand under it",
    "tuple_type": "a list must stand there, as in [one, other]",
    "string_type": "a text must stand there; put it in quotes",
    "int_type": "a whole number must stand there",
    "int_parsing": "a whole number must stand there",
    "int_from_float": "a whole number must stand there",
    "float_type": "a number must stand there",
    "float_parsing": "a number must stand there",
    "bool_type": "true or false must stand there",
    "bool_parsing": "true or false must stand there",
    "finite_number": "the number must be finite",
    "date_from_datetime_inexact": "a day must stand there, without a time",
    "date_from_datetime_parsing": "no calendar has this day",
    "date_parsing": "no calendar has this day",
}


def read_spec(
    kind: type[AnySpec],
    path: Path,
    error: type[SpecError] | type[ProjectError] = SpecError,
    families: catalogue.Catalogue = catalogue.FAMILIES,
) -> AnySpec:
    """The YAML file at ``path`` as a ``kind``; raises ``error`` with the place and the remedy."""
    text = utf_8_text(path, error)
    try:
        written = read_yaml(text)
    except YamlTextError as mistake:
        raise error(mistake.what, where=_place(path, mistake.line), remedy=mistake.remedy) from None
    if not isinstance(written.value, dict):
        raise error("The file must be a mapping of keys to values.", where=str(path), remedy="See docs/specs.md.")
    try:
        return kind.model_validate(written.value, context={"catalogue": families})
    except UnknownNameError as unknown:  # a name that another file declares
        raise error(unknown.what, where=str(path), remedy=unknown.remedy) from None
    except ValidationError as problem:
        first, what, remedy = _first_mistake(kind, problem)
        more = f" (and {problem.error_count() - 1} more to mend)" if problem.error_count() > 1 else ""
        raise error(what, where=f"{_place(path, written.line_of(first))}{more}", remedy=remedy) from None


def utf_8_text(path: Path, error: type[ChurnmlError]) -> str:
    """The text of a file of the project's; raises ``error`` where there is none, or it is not UTF-8."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise error("The file is not there.", where=str(path), remedy="Create it, or correct the path.") from None
    except OSError as problem:
        why = problem.strerror or type(problem).__name__
        raise error(f"The file cannot be read ({why}).", where=str(path), remedy="Make it readable.") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise error("The file cannot be read: it is UTF-16, not UTF-8.", where=str(path), remedy="Save it as UTF-8.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = content.count(b"\n", 0, problem.start) + 1
        raise error(
            f"The file cannot be read: it is not UTF-8 (the byte 0x{content[problem.start]:02x}).",
            where=_place(path, line),
            remedy="Save it as UTF-8; editors call it 'UTF-8' or 'Unicode (UTF-8)'.",
        ) from None


def _place(path: Path, line: int | None) -> str:
    return str(path) if line is None else f"{path}, line {line}"


def _first_mistake(kind: type[Spec], problem: ValidationError) -> tuple[tuple[int | str, ...], str, str]:
    """Where it is, what is wrong, and the remedy; an unknown key explains a missing one, so it comes first."""
    errors = problem.errors(include_url=False)
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    place = error["loc"]
    key = ".".join(str(step) for step in place if step != "[key]")
    if error["type"] == "extra_forbidden":
        *path, last = place
        return place, f"'{key}' is not a key that is known here.", did_you_mean(str(last), _keys_at(kind, path))
    if error["type"] == "missing":
        return place, f"'{key}' is missing.", f"Add '{place[-1]}:'."
    subject = f"'{key}' cannot be used" if key else "The file cannot be used as it is"
    what = f"{subject}: {_why(error)}{_shown(error.get('input'))}"
    return place, what, "Correct the value; docs/specs.md lists what may stand here."


def _why(error: ErrorDetails) -> str:
    if error["type"] == "string_pattern_mismatch" and error.get("ctx", {}).get("pattern") == NAME_PATTERN:
        return "a name here has small letters, digits and _ only, and begins with a letter"
    plain = re.sub(r"^[A-Z][a-z]+ should", "it should", error["msg"].removeprefix("Value error, "))
    return EXPECTED.get(error["type"]) or _short(plain.replace(" after validation", ""))


def _shown(value: object) -> str:
    """What stands there now, where that is short and no secret."""
    if value is None:
        return " (nothing stands there)"
    if isinstance(value, str) and "://" in value and "@" in value:
        return " (an address, which may hold a password, stands there)"
    return f" (it says {_short(repr(value), 120)})" if isinstance(value, str | int | float | bool) else ""


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


def _short(text: str, longest: int = 300) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= longest else f"{plain[:longest]}…"
