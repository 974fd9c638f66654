"""The HTTP API's own description (OpenAPI) as tables: for its page in the cockpit, and for the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from churnml.pages.cockpit.rendering import plain_html


@dataclass(frozen=True)
class ShownParameter:
    """What may be sent: where (query, path, header, body), its name and kind, whether it must be there, what it is."""

    where: str
    name: str
    kind: str
    required: bool
    means: str


@dataclass(frozen=True)
class ShownOperation:
    """One thing the API does.

    Args:
        method, path: its address.
        means: what it does.
        parameters: what may be sent.
        answer: the name of the shape that is answered.
        statuses: those it may answer.
    """

    method: str
    path: str
    means: str
    parameters: Sequence[ShownParameter]
    answer: str
    statuses: Sequence[str]


@dataclass(frozen=True)
class ShownShape:
    """A shape that is answered: its name, meaning and fields."""

    name: str
    means: str
    fields: Sequence[ShownParameter]


# Any: a description of OpenAPI is JSON of many shapes
Described = Mapping[str, Any]


def api_html(described: Described, place: str) -> str:
    """The page of the API.

    Args:
        described: its OpenAPI description.
        place: the path it lies under.
    """
    return plain_html(
        "api.html.j2", info=described["info"], place=place, operations=operations(described), shapes=shapes(described)
    )


def operations(described: Described) -> list[ShownOperation]:
    """Everything the API does, what is read first."""
    shown = [
        _operation(described, method, path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    ]
    return sorted(shown, key=lambda one: (one.method != "GET", one.path))


def shapes(described: Described) -> list[ShownShape]:
    """What is answered, by name; what is sent stands with the operations."""
    answered = {one.answer for one in operations(described)}
    schemas: Described = described["components"]["schemas"]
    names = {name for name in schemas if name in answered or _is_part(described, name, answered)}
    return [
        ShownShape(name, schemas[name].get("description", ""), _fields(schemas[name], "answer"))
        for name in sorted(names | {"Problem", "Mistake"})
        if name in schemas
    ]


def _is_part(described: Described, name: str, answered: set[str]) -> bool:
    schemas: Described = described["components"]["schemas"]
    wanted = f"#/components/schemas/{name}"
    return any(wanted in str(schemas[one].get("properties", {})) for one in answered if one in schemas)


def _operation(described: Described, method: str, path: str, operation: Described) -> ShownOperation:
    parameters = [
        ShownParameter(
            one["in"], one["name"], _kind(one["schema"]), bool(one.get("required")), one.get("description", "")
        )
        for one in operation.get("parameters", [])
    ]
    body = operation.get("requestBody")
    if body is not None:
        schema = _resolved(described, body["content"]["application/json"]["schema"])
        parameters += _fields(schema, "body")
    answered = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return ShownOperation(
        method=method.upper(),
        path=path,
        means=operation.get("description", ""),
        parameters=parameters,
        answer=answered["$ref"].rpartition("/")[2],
        statuses=sorted(operation["responses"]),
    )


def _fields(schema: Described, where: str) -> list[ShownParameter]:
    required = set(schema.get("required", ()))
    return [
        ShownParameter(where, name, _kind(one), name in required, one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]


def _kind(schema: Described) -> str:
    """The kind of a value in words."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(str(one) or "(empty)" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type", "anything"))


def _resolved(described: Described, schema: Described) -> Described:
    if "$ref" not in schema:
        return schema
    named: Described = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return named
