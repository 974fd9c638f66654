"""Columns that name currencies and are not mapped: where they name several, amounts would be summed as they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.currencies import SPELLINGS, code_of
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.reading import Reading, identifier
from churnml.adapters.warehouse.typed import reads
from churnml.errors import ContractError
from churnml.remarks import RemarkKind
from churnml.tables import SUBSCRIPTIONS, Table

CURRENCY = "currency"
# currency, currency_code, mrr_currency, ccy, Währung, devise, moneda, valuta, 通貨
_NAMED_SO = re.compile(
    r"(?<![a-z])curr(?:ency|encies)?(?![a-z])|(?<![a-z])ccy(?![a-z])|w(?:ä|ae)hrung|"
    "devise|moneda|moeda|valuta|通貨|货币|幣別",
    re.I,
)
_CODE = re.compile(r"[A-Z]{3}")
# A column of more different texts than that holds something else.
MOST = 40


def must_map_currencies(reading: Reading, table: Table, source: Path, registered: Mapping[str, InputTable]) -> None:
    """Looks for columns of currencies that the SELECT of subscriptions leaves aside; ``_raw_subscriptions`` is there.

    A column of an input that the SELECT does not name is told; what it names may be what it computes with.

    Raises:
        ContractError: the SELECT gives one under another name, and it names another currency than the project's, or
            several. One that is declared as ``extra`` is meant to be so.
    """
    if table is not SUBSCRIPTIONS or CURRENCY in reading.counts.given[table.name]:
        return
    extra = {name.casefold() for name in reading.project.spec.extra.get(table.name, ())}
    given = reading.counts.unmapped[table.name]
    for name in given:
        if _NAMED_SO.search(name) and name.casefold() not in extra:
            _must_be_the_projects(reading, source, name)
    select = source.read_text("utf-8-sig")
    if "*" in select:
        return  # it may give every column, and what it gives was looked at above
    names = select.casefold()
    for read in registered.values():
        if reads(select, read.name):
            for name in read.columns:
                if _NAMED_SO.search(name) and not reads(names, name.casefold()):
                    _tell(reading, read.name, name)


def _must_be_the_projects(reading: Reading, source: Path, name: str) -> None:
    codes = _currencies(reading, f"_raw_{SUBSCRIPTIONS.name}", name)
    if _are_others(reading, codes):
        raise ContractError(
            f"Column '{name}' names currencies ({_counted(codes)}), but table {SUBSCRIPTIONS.name} has no column "
            f"'{CURRENCY}': amounts of several would count as one.",
            where=str(source),
            remedy=f"Select it as {CURRENCY} ({identifier(name)} AS {CURRENCY}) and declare exchange_rates:. If mrr is "
            f"of one currency already, name it under extra: {{{SUBSCRIPTIONS.name}: [{name}]}} in {PROJECT_FILE}.",
        )


def _tell(reading: Reading, place: str, name: str) -> None:
    codes = _currencies(reading, place, name)
    if _are_others(reading, codes):
        detail = f"Column '{name}' of input '{place}': select it AS {CURRENCY}, unless mrr is of one currency already"
        rows = sum(rows for _, rows in codes)
        samples = [f"{rows:,} × {code}" for code, rows in codes]
        reading.tell(RemarkKind.UNMAPPED_CURRENCY, SUBSCRIPTIONS.name, CURRENCY, rows, samples, detail)


def _currencies(reading: Reading, relation: str, name: str) -> list[tuple[str, int]]:
    """The codes in a column with their rows, the most usual first; none where it holds anything else."""
    text = f"trim({identifier(name)}::VARCHAR)"
    written = reading.con.execute(
        f"SELECT {text}, count(*) FROM {identifier(relation)} WHERE {text} <> '' GROUP BY 1 LIMIT {MOST}"
    ).fetchall()
    rows_of: dict[str, int] = {}
    for one, rows in written:
        if one.upper() not in SPELLINGS and not _CODE.fullmatch(one.upper()):
            return []
        code = code_of(one, ())
        rows_of[code] = rows_of.get(code, 0) + int(rows)
    return sorted(rows_of.items(), key=lambda pair: (-pair[1], pair[0]))


def _are_others(reading: Reading, codes: Sequence[tuple[str, int]]) -> bool:
    """Whether these are several currencies, or one that is not the project's."""
    own = reading.project.spec.currency
    return len(codes) > 1 or bool(codes and own and codes[0][0] != code_of(own, [code for code, _ in codes]))


def _counted(codes: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{rows:,} × {code}" for code, rows in codes)
