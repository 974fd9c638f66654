"""Columns beside those a source maps that look as if they said when a row arrived."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.reading import Reading, identifier
from churnml.adapters.warehouse.typed import reads
from churnml.arrivals import KNOWN_AT, ArrivalColumn, looks_like_arrival, says_last_change
from churnml.tables import Table


def note_arrival_columns(reading: Reading, table: Table, source: Path, registered: Mapping[str, InputTable]) -> None:
    """Notes the columns of a source and of the inputs it reads that look like times of arrival.

    Only where the table can say when its rows were known and does not. The view ``_raw_<table>`` is there.
    """
    if KNOWN_AT not in table.column_names or KNOWN_AT in reading.counts.given[table.name]:
        return
    select = source.read_text("utf-8-sig")
    columns = [
        ArrivalColumn(name, column)
        for name, read in registered.items()
        if reads(select, name)
        for column in read.columns
    ]
    selected = reading.con.execute(f"DESCRIBE {identifier(f'_raw_{table.name}')}").fetchall()
    columns += [ArrivalColumn(f"sources/{source.name}", row[0]) for row in selected if row[0] not in table.column_names]
    by_name: dict[str, ArrivalColumn] = {}
    for column in columns:
        if looks_like_arrival(column.name):
            by_name.setdefault(column.name.lower(), column)
    # what says when a row landed comes before what says when it last changed
    likely = sorted(by_name.values(), key=lambda column: says_last_change(column.name))
    if likely:
        reading.counts.arrival_columns[table.name] = likely
