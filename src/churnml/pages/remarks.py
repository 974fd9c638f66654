"""What is told of the columns of a project's tables, in lines of text and as plain data."""

from __future__ import annotations

from collections.abc import Sequence

from churnml.jsontypes import JsonObject
from churnml.pages.presenter import number, plural, printable
from churnml.remarks import MEANINGS, Remark, column_of, visible


def remark_data(one: Remark) -> JsonObject:
    """A remark as plain data for JSON."""
    return {
        "kind": one.kind.value,
        "table": one.table,
        "column": one.column,
        "rows": one.rows,
        "samples": list(one.samples),
        "detail": one.detail,
    }


def sentence(one: Remark) -> str:
    """A remark as a sentence, without its place: holds customers' data, so it is no line of a log."""
    samples = f": {', '.join(map(visible, one.samples))}" if one.samples else ""
    detail = f". {one.detail}" if one.detail else ""
    return f"{MEANINGS[one.kind]}{samples}{detail}"


def remark_lines(remarks: Sequence[Remark]) -> list[str]:
    """Each remark as two lines that are safe on a terminal; none where there is nothing to tell."""
    lines = ["", "  TOLD OF COLUMNS"] if remarks else []
    for one in remarks:
        rows = f" ({plural(one.rows, 'row')})" if one.rows else ""
        lines += ["", f"  {printable(column_of(one))}{rows}", f"    {printable(sentence(one))}"]
    return lines


def remark_counts(remarks: Sequence[Remark]) -> list[tuple[str, str, str]]:
    """Column, rows and sentence of each, as the report shows them."""
    return [(column_of(one), number(one.rows), sentence(one)) for one in remarks]
