"""The level of use, smoothly: weeks weighted by how recent they are, each through its square root.

Counts over a fixed lookback forget a week all at once, and one busy day can be most of them. Here a week counts half
as much every half-life, and of a week's use the square root is taken before it is weighted (and undone after), so that
a week of four times the use weighs twice: the level of an account that did the same every week is exactly that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from churnml.lazy import ibis
from churnml.tables import Relation, whole

if TYPE_CHECKING:
    import ibis.expr.types as ir

WEEK_DAYS = 7
# A level looks no further back, whatever the lookback: a user's weeks are bits of one whole number.
MOST_WEEKS = 52
# A level of fewer weeks says no more than the counts of those weeks.
FEWEST_WEEKS = 3
# Weighted roots are summed as whole trillionths, so that their order does not matter and no value shows the rounding.
PICO = 1e12


def weeks_in(lookback: int) -> int:
    """How many whole weeks of a lookback in days a level looks at; at least the newest."""
    return min(max(lookback // WEEK_DAYS, 1), MOST_WEEKS)


def weights(weeks: int, half_life: int) -> tuple[float, ...]:
    """What each week counts, the newest first: half as much every ``half_life`` days."""
    return tuple(2.0 ** (-WEEK_DAYS * week / half_life) for week in range(weeks))


@dataclass(frozen=True)
class WeeklyLevel:
    """The level of ``column`` a week, over the whole weeks that the account has lived (WEEK, WEEK_USERS).

    (Σ wₖ √xₖ ÷ Σ wₖ)², where week k has the count xₖ and weight wₖ = 2^(−7k ÷ half_life). Weeks without use count as
    zero; of weeks before the account began nothing is summed, above or below.

    Args:
        column: ``events`` or ``users``.
        weeks: how many weeks back.
        half_life: in days.
    """

    column: str
    weeks: int
    half_life: int
    lived: ClassVar[int] = WEEK_DAYS

    @property
    def ages(self) -> tuple[int, ...]:
        """The days of all its weeks."""
        return (WEEK_DAYS * self.weeks,)

    def __call__(self, rows: Relation) -> ir.Value:
        each = weights(self.weeks, self.half_life)
        weight = rows["week"].cases(*[(week, _number(each[week])) for week in range(self.weeks)], else_=_number(0))
        roots = whole(rows[self.column].cast("float64").sqrt() * weight * _number(PICO))
        lived = ibis.least(rows["weeks_lived"].max(), self.weeks)
        total = lived.cases(*[(n, _number(sum(each[:n]))) for n in range(1, self.weeks + 1)], else_=_number(0))
        root = roots.sum().cast("float64") / _number(PICO) / total.nullif(0.0)
        return root * root


def level_of(column: str, lookback: int, half_life: int | None = None) -> WeeklyLevel:
    """The level over the whole weeks of a lookback in days; undeclared, the half-life is a third of it."""
    return WeeklyLevel(column, weeks_in(lookback), half_life or max(lookback // 3, 1))


def _number(value: float) -> ir.FloatingScalar:
    return ibis.literal(float(value), "float64")
