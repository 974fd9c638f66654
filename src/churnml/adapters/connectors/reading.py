"""A company's own tables, held against a system's declaration: which columns are there, and how they are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churnml.adapters.connectors.declared import AIRBYTE_RECORD, ConnectorColumn, ConnectorTable, Origin, Shape, System
from churnml.adapters.connectors.staging import FORMATS, FilledColumn, FilledTable, has_origin, raw_value, sql_type_of
from churnml.adapters.warehouse.looking import InputsSeen
from churnml.adapters.warehouse.reading import quoted

CLOCK = r"\d{4}-\d\d-\d\d[ T]\d\d?:\d\d(:\d\d(\.\d+)?)?"
# What every value of a column looks like → how it is written.
LOOKS = {
    "seconds": r"^-?\d{9,10}(\.\d+)?$",
    "milliseconds": r"^-?\d{12,13}(\.0+)?$",
    "utc": rf"^{CLOCK}$",
    "offset": rf"^{CLOCK}([zZ]|[+-]\d\d(:\d\d)?)$",
    "mixed": rf"^(\d{{4}}-\d\d-\d\d|{CLOCK}([zZ]|[+-]\d\d(:\d\d)?)?)$",
}


@dataclass(frozen=True)
class UnclearTime:
    """A column of times whose writing nobody can be sure of."""

    input: str
    column: str
    samples: tuple[str, ...]


def filled(table: ConnectorTable, name: str, shape: Shape, seen: InputsSeen) -> tuple[FilledTable, list[UnclearTime]]:
    """A system's table as the input ``name`` has it, with the times that cannot be told."""
    types, unclear = seen.types(name), []
    columns = []
    for column in table.columns:
        origin = _origin(column, shape, types, seen, name)
        written = ""
        if origin is not None and column.read_as in ("time", "date"):
            written, samples = _written(origin, types, seen, name)
            if samples:
                unclear.append(UnclearTime(name, str(origin), samples))
        columns.append(FilledColumn(column, origin, written))
    return FilledTable(table, name, shape, types, tuple(columns)), unclear


def expected(table: ConnectorTable, name: str, shape: Shape) -> FilledTable:
    """A table that is not there yet, as the shape's documentation has it."""
    columns = []
    for column in table.columns:
        own = [origin for origin in column.origins[shape] if origin.column != "metadata"]
        written = "seconds" if own and column.epoch and shape is Shape.AIRBYTE else ""
        columns.append(FilledColumn(column, own[0] if own else None, written))
    return FilledTable(table, name, shape, {}, tuple(columns))


def absent(table: ConnectorTable, shape: Shape) -> FilledTable:
    """A table the company does not have."""
    return FilledTable(table, "", shape, {}, tuple(FilledColumn(column, None) for column in table.columns))


def lacks(table: FilledTable) -> list[str]:
    """The columns without which an input is not this table."""
    return [name for name in table.declared.spec.needs if table.origin_of(name) is None]


def _origin(column: ConnectorColumn, shape: Shape, types: dict[str, str], seen: InputsSeen, name: str) -> Origin | None:
    for origin in column.origins_for(shape):
        if AIRBYTE_RECORD in types and not has_origin(origin, types):
            if seen.any_given(name, raw_value(origin, types)):
                return origin
        elif has_origin(origin, types) and (not origin.path or seen.any_given(name, raw_value(origin, types))):
            return origin
    return None


def _written(origin: Origin, types: dict[str, str], seen: InputsSeen, name: str) -> tuple[str, tuple[str, ...]]:
    """How the times of a column are written; with samples where it cannot be told."""
    kind = sql_type_of(origin, types)
    if kind.startswith(("TIMESTAMP", "DATE")):
        return "", ()
    raw = f"CAST({raw_value(origin, types)} AS VARCHAR)"
    for written, look in LOOKS.items():
        if seen.all_true(name, raw, f"regexp_matches(v, {quoted(look)})"):
            return written, ()
    fitting = [one for one in FORMATS if seen.all_true(name, raw, f"try_strptime(v, {quoted(one)}) IS NOT NULL")]
    if fitting and not (_day_first(fitting) and _month_first(fitting)):
        return fitting[0], ()
    return "mixed", tuple(sorted(seen.distinct(name, raw))[:3])


def _day_first(formats: Sequence[str]) -> bool:
    return any(one.startswith("%d/%m") for one in formats)


def _month_first(formats: Sequence[str]) -> bool:
    return any(one.startswith("%m/%d") for one in formats)


def loses(system: System, table: ConnectorTable) -> str | None:
    """What is lost where a company does not have a table."""
    if not table.spec.without:
        return None
    return f"{system.spec.title}: there is no {table.name}; it costs {table.spec.without}"
