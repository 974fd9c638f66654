"""Amounts of several currencies as amounts of one, at the rate of the contract, of one day or of each date."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from churnml.specs.metrics import MetricsSpec
from churnml.tables import Facts
from churnml.timeline import day_number, day_number_of

# The day of a rate that is declared without one: it holds ever.
EVER = -(10**7)


@dataclass(frozen=True)
class DatedRate:
    """What one unit of a currency is worth in the project's, from a day on (days since 1970-01-01)."""

    from_day: int
    rate: Fraction


@dataclass(frozen=True)
class Valuation:
    """How the amounts of contracts become amounts of the project's currency.

    Args:
        rates: currency → its rates, by day; without any, amounts stay at the rate of their contract's beginning.
        unrated: currencies that have rates, but none that was known then: amounts stay as above.
        fixed_day: with constant rates, the day they are of.
    """

    rates: Mapping[str, Sequence[DatedRate]]
    fixed_day: int | None = None
    unrated: tuple[str, ...] = ()

    def cents(self, rows: pd.DataFrame, day: int) -> np.ndarray:
        """What rows of :class:`~churnml.revenue.contracts.PaidContracts` are worth at a midnight.

        Args:
            rows: with cents, own_cents and currency.
            day: its number, in days since 1970-01-01; the rates of the day before it hold.

        Returns:
            Whole hundredths, int64: each row's own amount times the rate, halves upward, reckoned exactly.
        """
        worth = rows["cents"].to_numpy("int64").copy()
        currencies = rows["currency"].to_numpy(object)
        for currency, rates in self.rates.items():
            its = np.flatnonzero(currencies == currency)
            rate = rate_before(rates, day if self.fixed_day is None else self.fixed_day)
            # whole numbers of any size: a float would be a hundredth off now and then
            doubled = 2 * rows["own_cents"].to_numpy("int64")[its].astype(object) * rate.numerator + rate.denominator
            worth[its] = (doubled // (2 * rate.denominator)).astype("int64")
        return worth


def rate_before(rates: Sequence[DatedRate], day: int) -> Fraction:
    """The newest rate that held before a midnight; before them all, the first one."""
    standing = [rate for rate in rates if rate.from_day < day]
    return (standing[-1] if standing else rates[0]).rate


def valuation(facts: Facts, spec: MetricsSpec, as_of: dt.date, last: dt.date) -> Valuation:
    """How amounts are converted, by the rates known before ``as_of``.

    Args:
        facts: the project's tables; without ``exchange_rates`` nothing was to be converted.
        spec: what is declared.
        as_of: rates and corrections that became known on that day or later are not there.
        last: the end of the last period, which constant rates are of unless a day is declared.
    """
    if spec.exchange_rates == "contract" or facts.exchange_rates is None:
        return Valuation({})
    frame = facts.exchange_rates.select(
        "currency", "rate", "known_at", from_day=day_number(facts.exchange_rates["starts_at"]).cast("int64")
    ).to_pandas()
    known = frame[frame["known_at"].isna() | (frame["known_at"] < pd.Timestamp(as_of))]
    rates = _by_currency(known)
    unrated = tuple(sorted(set(frame["currency"]) - set(rates)))
    if spec.exchange_rates == "dated":
        return Valuation(rates, None, unrated)
    of = day_number_of(last) if spec.rates_of is None else day_number_of(spec.rates_of) + 1
    return Valuation(rates, of, unrated)


def _by_currency(known: pd.DataFrame) -> dict[str, list[DatedRate]]:
    """The rates of each currency by day, of one day's the one that was known last."""
    frame = known.assign(from_day=known["from_day"].fillna(EVER).astype("int64"))
    frame = frame.sort_values(["currency", "from_day", "known_at"], na_position="first")
    frame = frame.drop_duplicates(["currency", "from_day"], keep="last")
    rates: dict[str, list[DatedRate]] = {}
    for currency, from_day, rate in zip(frame["currency"], frame["from_day"], frame["rate"], strict=True):
        # as it is written: 1.1 is eleven tenths
        rates.setdefault(currency, []).append(DatedRate(int(from_day), Fraction(repr(float(rate)))))
    return rates
