"""Signs of currencies beside amounts: they may not contradict each other, the project, or the column of currencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse import values
from churnml.adapters.warehouse.currencies import code_of, meanings_of
from churnml.errors import ContractError

if TYPE_CHECKING:
    from churnml.adapters.warehouse.columns import SourceColumn
    from churnml.adapters.warehouse.reading import Reading


def must_bear_one_currency(reading: Reading, column: SourceColumn) -> None:
    """Raises ContractError where the signs beside a column's amounts name another currency than what says which it is.

    That is column ``currency`` of their row, else ``currency:`` of the project, else the other amounts.
    """
    own = reading.project.spec.currency
    if column.currencies:
        _must_be_those_of_the_column(reading, column)
        return
    signs = {sign: rows for sign, _, rows in _signs(reading, column, "''")}
    about = {code_of(own, ())} if own else set()
    codes = {code_of(sign, about) for sign in signs}
    if len(codes) > 1:
        raise ContractError(
            f"Column '{column.name}' of table {column.table} holds amounts in several currencies ({_counted(signs)}).",
            where=column.where,
            remedy="Select the currency of each row as column 'currency', or select the amounts in one currency.",
        )
    if codes and about and codes != about:
        (code,) = codes
        raise ContractError(
            f"Column '{column.name}' of table {column.table} holds amounts in {code} ({_counted(signs)}), and the "
            f"project's currency is {own}.",
            where=column.where,
            remedy=f"Set currency: {code} in {PROJECT_FILE} if that is what all amounts are; else select the currency "
            "of each row as column 'currency', and declare what it is worth under exchange_rates:.",
        )


def _must_be_those_of_the_column(reading: Reading, column: SourceColumn) -> None:
    wrong: Counter[str] = Counter()
    for sign, written, rows in _signs(reading, column, "coalesce(trim(currency::VARCHAR), '')"):
        # an amount without a currency is the project's
        named = written or reading.project.spec.currency
        if named and not {*meanings_of(sign)} & {*meanings_of(named)}:
            wrong[f"{sign} beside {named}"] += rows
    if wrong:
        raise ContractError(
            f"Amounts of table {column.table} bear the sign of another currency than the one named beside them "
            f"({_counted(wrong)}).",
            where=f"{column.where}, columns {column.name} and currency",
            remedy="Give each row the currency its amount is in, or take the sign off in the SELECT.",
        )


def _signs(reading: Reading, column: SourceColumn, currency: str) -> list[tuple[str, str, int]]:
    """The signs beside amounts, the SQL ``currency`` of their rows, and in how many rows; the most usual first."""
    signs = f"SELECT {values.currency_sign(column.column)} AS sign, {currency} AS currency FROM {column.raw} "
    signs += f"WHERE {column.column} IS NOT NULL AND TRY_CAST({column.column} AS DOUBLE) IS NULL"
    rows = reading.con.execute(
        f"SELECT sign, currency, count(*) FROM ({signs}) WHERE sign <> '' GROUP BY ALL ORDER BY 3 DESC, 1, 2"
    ).fetchall()
    return [(str(sign), str(named), int(count)) for sign, named, count in rows]


def _counted(signs: Mapping[str, int]) -> str:
    return ", ".join(f"{sign} in {rows:,} {'row' if rows == 1 else 'rows'}" for sign, rows in signs.items())
