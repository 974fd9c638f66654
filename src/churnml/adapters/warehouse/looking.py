"""A look at inputs before there are sources over them: their columns, their types, what their values are like."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from churnml.adapters.project import Project
from churnml.adapters.warehouse.inputs import register
from churnml.adapters.warehouse.reading import first_line, identifier
from churnml.errors import SourceError

# So many different values of a column are compared with another's.
COMPARED = 200_000


class InputsSeen:
    """Inputs of a project that are open to be looked at."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def types(self, name: str) -> dict[str, str]:
        """Column → the engine's type, without the columns we add."""
        described = self._con.execute(f"DESCRIBE {identifier(name)}").fetchall()
        return {row[0]: str(row[1]) for row in described if row[0] not in ("source_row", "source_file")}

    def all_true(self, name: str, expression: str, condition: str) -> bool:
        """Whether ``condition`` (over ``v``) holds for every value of ``expression`` that is given; false for none."""
        query = (
            f"SELECT count(*), count(*) FILTER (WHERE {condition}) "
            f"FROM (SELECT {expression} AS v FROM {identifier(name)}) WHERE nullif(CAST(v AS VARCHAR), '') IS NOT NULL"
        )
        given, held = self._con.execute(query).fetchall()[0]
        return bool(given) and given == held

    def any_given(self, name: str, expression: str) -> bool:
        """Whether ``expression`` has a value in any row; false where it cannot be computed."""
        try:
            query = (
                f"SELECT 1 FROM {identifier(name)} WHERE nullif(CAST({expression} AS VARCHAR), '') IS NOT NULL LIMIT 1"
            )
            return bool(self._con.execute(query).fetchall())
        except duckdb.Error:
            return False

    def distinct(self, name: str, expression: str) -> frozenset[str]:
        """The different values of ``expression``, as text; empty where it cannot be computed."""
        try:
            query = f"SELECT DISTINCT CAST({expression} AS VARCHAR) FROM {identifier(name)} LIMIT {COMPARED}"
            return frozenset(row[0] for row in self._con.execute(query).fetchall() if row[0])
        except duckdb.Error:
            return frozenset()

    def has_rows(self, select: str) -> bool:
        """Whether a source gives any row; true where it cannot be run, which is for the reading to tell."""
        try:
            return bool(self._con.execute(f"SELECT 1 FROM ({select}) LIMIT 1").fetchall())
        except duckdb.Error:
            return True

    def rows(self, query: str) -> list[Sequence[str | None]]:
        """What a query over the inputs gives, as text; raises SourceError."""
        try:
            given = self._con.execute(query).fetchall()
        except duckdb.Error as problem:
            raise SourceError("The tables cannot be read.", remedy=first_line(problem)) from None
        return [tuple(None if v is None else str(v) for v in row) for row in given]


@contextmanager
def look_at_inputs(project: Project) -> Iterator[InputsSeen]:
    """The project's inputs, open; raises SourceError, ProjectError, UnavailableError."""
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, declared in project.spec.inputs.items():
            register(con, project, name, declared, Path(scratch))
        yield InputsSeen(con)
