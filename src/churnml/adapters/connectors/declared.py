"""What a system's tables are called and what stands in them, read from its ``system.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import Field

from churnml.errors import UnknownNameError
from churnml.specs.base import Name, Spec
from churnml.specs.reading import read_spec

HERE = Path(__file__).parent
SYSTEMS = ("stripe", "zendesk", "hubspot", "salesforce", "intercom", "chargebee")


class Shape(StrEnum):
    """Who wrote a table: a connector, or the system itself."""

    FIVETRAN = "fivetran"
    AIRBYTE = "airbyte"
    CSV = "csv"


# A column that only this one writes tells whose table it is.
MARKS = {
    Shape.FIVETRAN: ("_fivetran_synced", "_fivetran_id"),
    Shape.AIRBYTE: ("_airbyte_extracted_at", "_airbyte_emitted_at"),
}
LOADED_AT = ("_fivetran_synced", "_airbyte_extracted_at", "_airbyte_emitted_at")
# Where Airbyte does not flatten its records, all of a row stands in one column.
AIRBYTE_RECORD = "_airbyte_data"

ReadAs = Literal["text", "number", "flag", "time", "date", "json", "sfid"]


@dataclass(frozen=True)
class Origin:
    """Where a value stands: a column of the file, or a place in the JSON that a column holds."""

    column: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.column}: {self.path}" if self.path else self.column


@dataclass(frozen=True)
class ConnectorColumn:
    """A column of a system's table.

    Args:
        name: what the SQL calls it.
        read_as: what it holds.
        origins: where each shape keeps it, the likeliest first.
        epoch: without a zone or a format of its own, Airbyte writes it as seconds since 1970.
    """

    name: str
    read_as: ReadAs
    origins: dict[Shape, tuple[Origin, ...]]
    epoch: bool = False

    def origins_for(self, shape: Shape) -> list[Origin]:
        """Every place it may stand in, those of ``shape`` first."""
        ordered = [shape, *(other for other in Shape if other is not shape)]
        return list(dict.fromkeys(origin for one in ordered for origin in self.origins[one]))


class TableSpec(Spec):
    """A table in ``system.yaml``; names and columns are written ``fivetran | airbyte | csv``."""

    means: str
    names: str
    needs: tuple[str, ...]
    columns: dict[Name, str] = Field(default_factory=dict)
    # the table that has the same columns, instead of them
    like: str = ""
    # the columns, likeliest first, whose values may be the company's account ids
    account_keys: tuple[str, ...] = ()
    key: str = "id"
    # what is lost where the company does not have the table
    without: str = ""


class SystemSpec(Spec):
    """A system: its tables, the contract tables made of them, and where its shapes are documented."""

    title: str
    documented: tuple[str, ...]
    tables: dict[Name, TableSpec]
    # contract table → the tables of which one at least must be there
    gives: dict[Name, tuple[str, ...]]
    # the table that names the system's customers, and one to fall back on where there is none
    customers: tuple[str, ...]
    epoch_times: bool = False


@dataclass(frozen=True)
class ConnectorTable:
    """A table of a system, with its columns told apart."""

    name: str
    spec: TableSpec
    names: dict[Shape, tuple[str, ...]]
    columns: tuple[ConnectorColumn, ...]

    def column(self, name: str) -> ConnectorColumn:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class System:
    """A system that SQL can be written for."""

    name: str
    spec: SystemSpec
    tables: dict[str, ConnectorTable]

    def template(self, contract_table: str) -> str:
        """The SQL of one contract table, with places for what depends on the company's files."""
        return (HERE / self.name / f"{contract_table}.sql").read_text("utf-8")


@cache
def system(name: str) -> System:
    """The system called ``name``; raises UnknownNameError."""
    if name not in SYSTEMS:
        raise UnknownNameError("system", name, SYSTEMS, where="--from")
    spec = read_spec(SystemSpec, HERE / name / "system.yaml")
    tables = {}
    for table, table_spec in spec.tables.items():
        declared = spec.tables[table_spec.like].columns if table_spec.like else table_spec.columns
        columns = tuple(_column(key, text, spec.epoch_times) for key, text in declared.items())
        tables[table] = ConnectorTable(table, table_spec, _by_shape(table_spec.names), columns)
    return System(name, spec, tables)


def _by_shape(text: str) -> dict[Shape, tuple[str, ...]]:
    parts = [part.strip() for part in text.split("|")]
    return {
        shape: tuple(name.strip() for name in part.split(",") if name.strip() not in ("", "-"))
        for shape, part in zip(Shape, parts, strict=True)
    }


def _column(name: str, text: str, epoch: bool) -> ConnectorColumn:
    read_as, _, rest = text.partition("|")
    kind = read_as.strip()
    origins = {
        shape: tuple(Origin(*(part.strip() for part in one.partition(":")[::2])) for one in places)
        for shape, places in _by_shape(rest).items()
    }
    if kind not in ("text", "number", "flag", "time", "date", "json", "sfid"):
        raise ValueError(f"column {name} is read as '{kind}'")
    return ConnectorColumn(name, kind, origins, epoch and kind == "time")  # type: ignore[arg-type]
