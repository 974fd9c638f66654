"""What revenue can be told apart by: the accounts' attributes as they are today, and when an account first paid."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from churnml.errors import UnknownNameError
from churnml.revenue.calendar import Grain, period_of
from churnml.revenue.movements import RevenueMovements
from churnml.tables import Facts
from churnml.timeline import date_of

COHORT = "cohort"
NOT_GIVEN = "(not given)"
# How people call them → the columns of accounts.
_COLUMNS: Mapping[str, str] = {
    "segment": "segment",
    "owner": "owner_id",
    "source": "acquisition_source",
    "industry": "industry",
    "region": "region",
}


def groupings(facts: Facts) -> dict[str, str | None]:
    """Name → column of accounts, of all that the project's accounts can be told apart by; of the cohort None."""
    given = facts.given.get("accounts", frozenset())
    named = {name: column for name, column in _COLUMNS.items() if column in given}
    return {COHORT: None} | named | {name: name for name in facts.static if name not in _COLUMNS.values()}


def group_of_rows(facts: Facts, moved: RevenueMovements, per: str, grain: Grain, fiscal_year_starts: int) -> pd.Series:
    """The group of each row of ``moved.rows``; :data:`NOT_GIVEN` where the account's attribute is empty.

    Args:
        facts: the project's tables.
        moved: what every account's MRR did.
        per: a name of :func:`groupings`, or the column itself; a cohort is the period an account first paid in.
        grain: of cohorts.
        fiscal_year_starts: the month in which a fiscal year begins.

    Raises:
        UnknownNameError: accounts have no such attribute.
    """
    known = groupings(facts)
    by_column = {column: name for name, column in known.items() if column}
    name = by_column.get(per, per)
    if name not in known:
        raise UnknownNameError("attribute of accounts", per, known, where="--per")
    rows, column = moved.rows, known[name]
    if column is None:
        days = rows["first_day"].unique()
        names = {day: period_of(date_of(int(day)), grain, fiscal_year_starts).name for day in days}
        return rows["first_day"].map(names)
    accounts = facts.accounts.select("account_id", group=facts.accounts[column].cast("string")).to_pandas()
    groups = rows["account_id"].map(accounts.set_index("account_id")["group"])
    return groups.fillna(NOT_GIVEN)
