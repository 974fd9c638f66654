"""What ``models/metrics.yaml`` may say: how revenue and its retention are reckoned."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from churnml.specs.base import Day, DaysOrNone, Spec

Denominator = Literal["opening_mrr", "renewals_due"]
CrossSellBy = Literal["subscription", "plan", "none"]
RateKind = Literal["contract", "constant", "dated"]


class MetricsSpec(Spec):
    """How revenue is reckoned by `churnml metrics` ([metrics.md](metrics.md)).

    `denominator` is what retention and churn are shares of: of all who paid when the period opened (`opening_mrr`), or
    of those of them with a renewal in it (`renewals_due`). Who pays again after at most `returns_within` days never
    left. What an account pays for beside what it goes on paying for is cross-sell: another contract (`subscription`),
    another `plan`, or `none` is told apart. Amounts in other currencies are taken at the rate of each contract's
    beginning (`contract`), all at the rate of one day (`constant`: of `rates_of`, else of the end of the last period),
    or each at the rate of its date (`dated`), which shows what rates alone did. Where the fiscal year begins stands in
    project.yaml (`fiscal_year_starts`).
    """

    denominator: Denominator = "opening_mrr"
    returns_within: DaysOrNone = 28
    cross_sell_by: CrossSellBy = "subscription"
    exchange_rates: RateKind = "contract"
    rates_of: Day | None = None

    @model_validator(mode="before")
    @classmethod
    def _declared_elsewhere(cls, value: object) -> object:
        if isinstance(value, dict) and "fiscal_year_starts" in value:
            raise ValueError("fiscal_year_starts stands in project.yaml, for the calendar and the metrics alike")
        return value

    @model_validator(mode="after")
    def _a_day_of_constant_rates(self) -> MetricsSpec:
        if self.rates_of is not None and self.exchange_rates != "constant":
            raise ValueError("rates_of: is the day of constant rates, and needs exchange_rates: constant")
        return self
