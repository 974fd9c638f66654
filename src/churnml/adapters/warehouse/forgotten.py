"""Rows of accounts and users that were forgotten: set aside when they are read again, and only their number kept."""

from __future__ import annotations

import logging
from pathlib import Path

import duckdb

from churnml.adapters.project import Project
from churnml.adapters.suppression import Forgettable, Suppression
from churnml.adapters.warehouse import leases
from churnml.adapters.warehouse.profile import SAMPLED_IDS
from churnml.adapters.warehouse.reading import Reading, identifier, parquet, quoted
from churnml.adapters.warehouse.versions import counted_rows
from churnml.checks import FORGOTTEN
from churnml.tables import TABLES, Table

log = logging.getLogger("churnml.warehouse")

# The columns of a relation that name an account, or a user.
NAMING: dict[Forgettable, tuple[str, ...]] = {"account": ("account_id", "parent_account_id"), "user": ("user_id",)}


def flag_forgotten(reading: Reading, table: Table) -> None:
    """Adds ``forgotten`` to the view ``_typed_<name>``; such a row's ids and content are gone from the view.

    Where nobody was forgotten the view stays as it is.
    """
    suppression = reading.project.suppression
    if not suppression:
        return
    con, view = reading.con, identifier(f"_typed_{table.name}")
    whole = identifier(f"_whole_{table.name}")
    columns = {row[0] for row in con.execute(f"DESCRIBE {view}").fetchall()}
    kinds: list[Forgettable] = [kind for kind in NAMING if _digests(suppression, kind)]
    named = [(kind, column) for kind in kinds for column in NAMING[kind] if column in columns]
    if not named:
        return
    con.execute(f"ALTER VIEW {view} RENAME TO {whole}")
    flags = [f"coalesce({_is_forgotten(suppression, kind, column)}, false) AS _gone_{column}" for kind, column in named]
    # a child of a forgotten parent stays, without the link
    whose = " OR ".join([f"_gone_{column}" for _, column in named if column != "parent_account_id"] or ["false"])
    emptied = [f"CASE WHEN NOT _gone_{column} THEN {column} END AS {column}" for _, column in named]
    any_of = " OR ".join(f"_gone_{column}" for _, column in named)
    emptied.append(f"CASE WHEN NOT ({any_of}) THEN source END AS source")
    gone = ", ".join(f"_gone_{column}" for _, column in named)
    con.execute(
        f"CREATE TEMP VIEW {view} AS "
        f"SELECT * EXCLUDE ({gone}) REPLACE ({', '.join(emptied)}), ({whose}) AS {FORGOTTEN} "
        f"FROM (SELECT *, {', '.join(flags)} FROM {whole})"
    )


def _digests(suppression: Suppression, kind: Forgettable) -> frozenset[str]:
    return suppression.accounts if kind == "account" else suppression.users


def _is_forgotten(suppression: Suppression, kind: Forgettable, column: str) -> str:
    """SQL of :meth:`Suppression.holds`."""
    key = suppression.key
    inner = f"sha256({quoted(f'{key}|{kind}|')} || {column})"
    listed = ", ".join(quoted(digest) for digest in sorted(_digests(suppression, kind)))
    return f"sha256({quoted(f'{key}|')} || {inner}) IN ({listed})"


def checked_rows(project: Project, kind: Forgettable, name: str) -> dict[str, int]:
    """Relation → rows of all checked tables and roll-ups kept that name an account or a user, where there are any."""
    counted: dict[str, int] = {}
    with duckdb.connect() as con:
        for path in sorted((project.work / "warehouse").rglob("*.parquet")):
            # what is being made, or was left behind half made, may not be readable yet
            if not any(part.startswith(".") for part in path.relative_to(project.work).parts):
                counted[path.stem] = counted.get(path.stem, 0) + _rows_naming(con, path, kind, name)
    return {relation: rows for relation, rows in sorted(counted.items()) if rows}


def _rows_naming(con: duckdb.DuckDBPyConnection, path: Path, kind: Forgettable, name: str) -> int:
    columns = {row[0] for row in con.execute(f"DESCRIBE SELECT * FROM {parquet([path])}").fetchall()}
    conditions = [f"{identifier(column)}::VARCHAR = {quoted(name)}" for column in NAMING[kind] if column in columns]
    if path.stem == "quarantine":
        conditions.append(f'contains("row", {quoted(name)})')
    if not conditions:
        return 0
    # a ticket counts once, however many versions of it are kept
    table = TABLES.get(path.stem)
    counted = counted_rows(table) if table else "count(*)"
    return int(con.execute(f"SELECT {counted} FROM {parquet([path])} WHERE {' OR '.join(conditions)}").fetchall()[0][0])


def sampled_ids(project: Project, account_id: str) -> frozenset[int]:
    """The hashes by which the profiles of loads may know an account: of its own id, its contracts' and its tickets'.

    As far as checked tables that name it are kept; of its own id always.
    """
    with duckdb.connect() as con:
        hashes = set(con.execute("SELECT md5_number_upper(?)", [account_id]).fetchall())
        for name, named_by in SAMPLED_IDS.items():
            for path in (project.work / "warehouse").glob(f"[!.]*/{name}.parquet"):
                query = f"SELECT md5_number_upper({named_by}) FROM {parquet([path])} WHERE account_id = ?"
                hashes |= set(con.execute(query, [account_id]).fetchall())
    return frozenset(int(row[0]) for row in hashes if row[0] is not None)


def remove_checked_tables(project: Project) -> None:
    """Removes all checked tables and increments, which the next reading makes anew; what a run still reads stays.

    One that makes some at this moment is waited for: it may have begun before who is forgotten was written down.
    """
    stores = project.work / "warehouse"
    if not stores.is_dir():
        return
    with leases.one_maker(stores, lambda: log.info("another run is reading the tables; waiting for it")):
        for folder in [*stores.glob("usage/*/*"), *stores.iterdir()]:
            if folder.is_dir() and folder.name != "usage":
                leases.take_away(folder)
