"""A look at inputs before there are sources over them: their columns, their types, what their values are like."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from churnml.adapters.environment import with_environment
from churnml.adapters.outages import outage
from churnml.adapters.project import Project
from churnml.adapters.warehouse.inputs import register
from churnml.adapters.warehouse.reading import first_line, identifier
from churnml.errors import ProjectError, SourceError

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


def tables_of_database(declared: str, where: str) -> list[str]:
    """The tables and views of a database, with their schemas where it has several.

    Raises:
        ProjectError: the URL would show a password, or an environment variable in it is not set.
        SourceError, UnavailableError: it cannot be opened.
    """
    import sqlalchemy as sa

    shown = "Put the URL into an environment variable and name it: --data '${NAME}'."
    try:
        if sa.make_url(declared).password and "${" not in declared:
            raise ProjectError("The URL holds a password that would stand in project.yaml.", where=where, remedy=shown)
    except sa.exc.ArgumentError:
        pass  # a variable holds all of it
    try:
        url = sa.make_url(with_environment(declared, where))
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            raise SourceError("The database file is not there.", where=where, remedy="Correct the path.")
        engine = sa.create_engine(url)
        inspector = sa.inspect(engine)
        schemas = [None] if url.get_backend_name() == "sqlite" else inspector.get_schema_names()
        names = [
            f"{schema}.{name}" if schema else name
            for schema in schemas
            if schema not in ("information_schema", "pg_catalog")
            for name in (*inspector.get_table_names(schema), *inspector.get_view_names(schema))
        ]
        engine.dispose()
    except (sa.exc.SQLAlchemyError, ImportError) as problem:
        # the driver's message may repeat the URL with its password: only the class is shown
        raise outage(problem, "The database", where) or SourceError(
            f"The database cannot be opened ({type(problem).__name__}).",
            where=where,
            remedy="Check the URL, the network and the credentials.",
        ) from None
    return sorted(names)


@contextmanager
def look_at_inputs(project: Project) -> Iterator[InputsSeen]:
    """The project's inputs, open; raises SourceError, ProjectError, UnavailableError."""
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        for name, declared in project.spec.inputs.items():
            register(con, project, name, declared, Path(scratch))
        yield InputsSeen(con)
