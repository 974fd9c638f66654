"""How long an account has lived at a cutoff, and what cannot be known of it before it has lived longer."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd

from churnml.features import Feature
from churnml.tables import Facts
from churnml.timeline import day_number, day_number_of


def days_lived(facts: Facts, spine: pd.DataFrame) -> np.ndarray:
    """Days from an account's creation to the cutoff, shape (rows,); missing where it is not known to exist then."""
    as_of = pd.to_datetime(spine["as_of"]) - pd.Timestamp("1970-01-01")
    days = as_of.dt.days.to_numpy(dtype="float64") - _created_on(facts, spine)
    return np.where(days >= 0, days, np.nan)


def _created_on(facts: Facts, spine: pd.DataFrame) -> np.ndarray:
    created = facts.accounts.select("account_id", day=day_number(facts.accounts["created_at"])).to_pandas()
    return spine["account_id"].map(created.set_index("account_id")["day"]).to_numpy(dtype="float64")


def known_once_lived(column: pd.Series, feature: Feature, lived: np.ndarray) -> pd.Series:
    """``column`` without what compares periods that the account has not lived whole.

    The one rule for all measures that compare periods: of an account of 20 days, the last 28 days against the last 90
    is 90 ÷ 28 whatever it does, so there is nothing that the number could say of the account.
    """
    return column.where(lived >= feature.lived) if feature.lived else column


def lies_within_data(facts: Facts, spine: pd.DataFrame, begins: dt.date, longest: int) -> np.ndarray:
    """Whether the data hold all that a lookback of ``longest`` days asks of an account at its cutoff, shape (rows,).

    They do where the lookback begins no earlier than the data (``begins``), and where the account does not: all it
    has lived is there to be counted, however little that is.
    """
    begun = day_number_of(begins)
    as_of = (pd.to_datetime(spine["as_of"]) - pd.Timestamp("1970-01-01")).dt.days.to_numpy()
    return np.asarray((as_of - longest >= begun) | (_created_on(facts, spine) >= begun))
