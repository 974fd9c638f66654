"""Whether two operational stores hold the same: table by table, row by row, whatever the clock said.

``python -m benchmarks.same_store ONE OTHER`` takes two URLs, or two projects' folders, and exits 1 when a row differs.
It is what a change that must change nothing is tried with: let the old code and the new live the same days.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

# When something was written, and what names it there: another run has others.
CLOCK = frozenset(
    {"at", "scored_at", "created_at", "first_seen_at", "next_attempt_at", "leased_until", "leased_by", "sent_at"}
)
# A digest that counts the code's own version in, and numbers that follow from the order of writing.
NAMED_BY_CODE = frozenset({"fingerprint", "scoring_id", "event_id", "delivery_id", "audit_id", "attempt_id"})
SHOWN = 3


def rows_of(connection: sa.Connection, table: sa.Table) -> pd.DataFrame:
    """A table's rows as text, in an order that follows from what they hold."""
    columns = [column for column in table.columns if column.name not in CLOCK | NAMED_BY_CODE]
    rows = [[as_text(value) for value in row] for row in connection.execute(sa.select(*columns))]
    names = [column.name for column in columns]
    return (
        pd.DataFrame(rows, columns=names).sort_values(names, ignore_index=True) if rows else pd.DataFrame(columns=names)
    )


def as_text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def differences(one: sa.Engine, other: sa.Engine) -> list[str]:
    """What differs, in words; empty when nothing does."""
    tables = [sa.MetaData(), sa.MetaData()]
    for metadata, engine in zip(tables, (one, other), strict=True):
        metadata.reflect(engine)
    names = [set(metadata.tables) for metadata in tables]
    lines = [
        f"{name} stands only in the {which}"
        for which, mine, theirs in (("first", *names), ("second", *names[::-1]))
        for name in sorted(mine - theirs)
    ]
    with one.connect() as first, other.connect() as second:
        for name in sorted(names[0] & names[1]):
            lines += table_differences(
                name, rows_of(first, tables[0].tables[name]), rows_of(second, tables[1].tables[name])
            )
    return lines


def table_differences(name: str, one: pd.DataFrame, other: pd.DataFrame) -> list[str]:
    lines = [f"{name}: column {column} stands only in one" for column in sorted({*one.columns} ^ {*other.columns})]
    common = [column for column in one.columns if column in other.columns]
    one, other = one[common], other[common]
    if len(one) != len(other):
        lines.append(f"{name}: {len(one)} rows beside {len(other)}")
    merged = one.merge(other, how="outer", indicator=True) if common else pd.DataFrame()
    odd = merged[merged["_merge"] != "both"] if len(merged) else merged
    if len(odd):
        lines.append(f"{name}: {len(odd)} rows stand in one alone, such as")
        lines += [f"    {row['_merge']}: {row.drop('_merge').to_dict()}" for _, row in odd.head(SHOWN).iterrows()]
        if len(one) == len(other):
            changed = {column: int((one[column].to_numpy() != other[column].to_numpy()).sum()) for column in common}
            lines.append(f"    by column, sorted alike: { {k: v for k, v in changed.items() if v} }")
    return lines


def url_of(given: str) -> str:
    store = Path(given) / ".churnml" / "churnml.db"
    return f"sqlite:///{store}" if store.exists() else given


def main(arguments: list[str]) -> int:
    """Prints the differences; 1 when there are any."""
    one, other = (sa.create_engine(url_of(given)) for given in arguments)
    lines = differences(one, other)
    print("\n".join(lines) or "The two stores hold the same.")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
