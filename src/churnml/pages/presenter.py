"""What things are called and how values are written, the same on the terminal, the report, the card and in messages.

What is not known is written as a dash. Numbers carry a real minus sign; a percentage a space before its sign.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeGuard

if TYPE_CHECKING:
    from churnml.modelling.record import Slice

NOTHING = "–"
# of what people call an account; a longer one is cut where it is shown
LONGEST_NAME = 120
# An account pays less than this a month on average: its money is written with cents.
SMALL_MRR = 100.0
# From here on a column of money is written in thousands, and from there on in millions.
THOUSANDS_FROM = 10_000.0
MILLIONS_FROM = 10_000_000.0

FIGURE_NAMES: Mapping[str, str] = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "brier_reliability": "Brier: reliability (less is better)",
    "brier_resolution": "Brier: resolution (more is better)",
    "brier_uncertainty": "Brier: uncertainty (of the outcome itself)",
    "calibration_in_the_large": "share seen less mean said",
    "seen_over_said": "positives seen for each one said",
    "calibration_intercept": "calibration intercept (0 holds)",
    "calibration_slope": "calibration slope (1 holds)",
    "precision_at_capacity": "had the outcome",
    "lift_at_capacity": "times the usual",
    "caught_at_capacity": "outcomes caught",
    "mrr_caught_at_capacity": "MRR caught",
    "profit_at_capacity": "profit",
    "concordance": "concordance",
    "integrated_brier": "integrated Brier score",
}
FIGURE_MEANINGS: Mapping[str, str] = {
    "roc_auc": "How often an account that had the outcome was given a higher probability than one that had not. "
    "0.5 is guessing, 1 is perfect.",
    "average_precision": "How pure the top of the list is: the share that had the outcome, averaged from the top down. "
    "Guessing gives the share of outcomes among all.",
    "brier": "The mean squared distance between the probability and what happened. Lower is better.",
    "log_loss": "Like the Brier score, but being sure and wrong costs far more. Lower is better.",
    "calibration_error": "How far, on average, a probability is from the share seen: 0.01 is one percentage point. "
    "Lower is better.",
}
# The figures every model is judged by, and those of the first accounts of its list, in the order they are shown in.
MAIN_FIGURES = tuple(FIGURE_MEANINGS)
# What several cutoffs together are shown by, and each of them.
POOLED_FIGURES = ("roc_auc", "average_precision", "brier", "log_loss", "seen_over_said")
CAPACITY_FIGURES = (
    "precision_at_capacity",
    "lift_at_capacity",
    "caught_at_capacity",
    "mrr_caught_at_capacity",
    "profit_at_capacity",
)
# Who has figures, in the order they are always shown in.
WHO_NAMES: Mapping[str, str] = {
    "model": "model",
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "base_rate": "base rate",
    "health": "health, no model",
    "champion": "previous champion",
    "truth": "best possible",
    "curve": "its curves",
    "classifier": "the probability, spread evenly over the window",
}
RIVAL_MEANINGS: Mapping[str, str] = {
    "recency": "how long since anybody was seen, and nothing else",
    "logistic_regression": "a plain linear model on the same features",
    "base_rate": "the usual share, for every account",
    "health": "the health dimensions alone, without any model",
    "champion": "the champion at the time this model was judged",
    "truth": "the simulated company's true probabilities: no model can be better, but for chance",
}
GOAL_NAMES: Mapping[str, str] = {"keep": "keep", "grow": "grow", "care": "care for"}
OUTCOME_NAMES: Mapping[str, str] = {
    "contract": "the last paying contract ends",
    "lapse": "no activity is seen",
    "event": "a leaving is recorded",
    "upsell": "the account has grown",
    "contraction": "the account has shrunk",
}


class Interval(Protocol):
    """A value with the ends of its interval; each may be unknown."""

    @property
    def value(self) -> float | None: ...

    @property
    def low(self) -> float | None: ...

    @property
    def high(self) -> float | None: ...


# ---------------------------------------------------------------- names


def words(name: str | None) -> str:
    """A declared name as words: ``at_risk`` as "at risk"."""
    return NOTHING if name is None else name.replace("_", " ")


def figure_name(figure: str) -> str:
    """ "ROC AUC" of ``roc_auc``, "ROC AUC, 30 days" of ``roc_auc_30``."""
    stem, _, days = figure.rpartition("_")
    if days.isdigit():
        return f"{figure_name(stem)}, {days} days"
    return FIGURE_NAMES.get(figure, words(figure))


def who_name(who: str) -> str:
    """A model or a rival: "logistic regression" of ``logistic_regression``."""
    return WHO_NAMES.get(who, words(who))


def by_who(figures: Iterable[str]) -> list[str]:
    """Whoever has figures, in the order they are always shown in; others after them."""
    return sorted(figures, key=lambda who: [*WHO_NAMES, who].index(who))


def goal_name(goal: str) -> str:
    """What a playbook is for: "care for" of ``care``."""
    return GOAL_NAMES.get(goal, words(goal))


def outcome_name(label_kind: str) -> str:
    """What a label of this kind calls the outcome."""
    return OUTCOME_NAMES.get(label_kind, "the outcome is seen")


def capitalised(text: str) -> str:
    """The first letter a capital, the others as they are."""
    return text[:1].upper() + text[1:]


# ---------------------------------------------------------------- numbers


def is_known(value: float | None) -> TypeGuard[float]:
    """Whether there is a finite number to write."""
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int = 0, *, signed: bool = False) -> str:
    """1234.5 as "1,234" (or with ``digits`` decimals); ``signed`` writes a plus before what is above zero."""
    if not is_known(value):
        return NOTHING
    text = f"{float(value):,.{digits}f}"
    if not text.strip("-0.,"):
        # "-0.000" says no more than "0.000"
        return text.lstrip("-")
    return ("+" if signed and value > 0 else "") + text.replace("-", "−")


def percent(share: float | None, digits: int = 1) -> str:
    """0.123 as "12.3 %"."""
    return f"{number(share * 100, digits)} %" if is_known(share) else NOTHING


def score(value: float | None, digits: int = 0) -> str:
    """A health score: "72"; "unknown" where there is none."""
    return number(value, digits) if is_known(value) else "unknown"


def points(share: float | None) -> str:
    """A difference of shares in percentage points, with its sign: 0.0123 as "+1.2"."""
    return number(share * 100, 1, signed=True) if is_known(share) else NOTHING


def times(value: float | None, usual: float | None) -> str | None:
    """How many times the usual: "2.4 × the usual"; None where either is not known."""
    if not is_known(value) or not is_known(usual) or usual == 0:
        return None
    return f"{number(value / usual, 1)} × the usual"


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 account", "2 accounts"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


# ---------------------------------------------------------------- intervals


def interval(figure: Interval | None, digits: int = 3, *, signed: bool = False) -> str:
    """A figure with its interval: "0.812 [0.781, 0.840]"."""
    return interval_of(figure, lambda value: number(value, digits, signed=signed))


def percent_interval(figure: Interval | None, digits: int = 1) -> str:
    """A share with its interval: "12.3 % [9.8 %, 15.1 %]"."""
    return interval_of(figure, lambda share: percent(share, digits))


def interval_of(figure: Interval | None, written: Callable[[float | None], str]) -> str:
    """A figure with its interval, each number as ``written`` writes it; a dash where the value is not known."""
    return written(None) if figure is None else with_interval(figure.value, figure.low, figure.high, written)


def with_interval(
    value: float | None, low: float | None, high: float | None, written: Callable[[float | None], str] = percent
) -> str:
    """A value, a share unless ``written`` says otherwise, with the ends of its interval where they are known."""
    if not is_known(value) or not is_known(low) or not is_known(high):
        return written(value)
    return f"{written(value)} [{written(low)}, {written(high)}]"


# ---------------------------------------------------------------- money


def money(amount: float | None, currency: str = "", *, cents: bool = False) -> str:
    """1234.5 as "1,234 EUR"; with ``cents``, amounts under a thousand that are not whole as "12.50 EUR"."""
    if not is_known(amount):
        return NOTHING
    with_cents = cents and abs(amount) < 1000 and amount != round(amount)
    return f"{number(amount, 2 if with_cents else 0)} {currency}".strip()


def has_cents(mean_mrr: float | None) -> bool:
    """Whether money is written with cents where an account pays ``mean_mrr`` a month."""
    return mean_mrr is not None and mean_mrr < SMALL_MRR


def money_column(figures: Sequence[Interval | None]) -> list[str]:
    """The amounts of one column, with their intervals, all in one unit: "22.1 [4.2, 45.3] k".

    The largest value decides whether that is one, a thousand (k) or a million (M).
    """
    largest = max((abs(figure.value) for figure in figures if figure and is_known(figure.value)), default=0.0)
    if largest < THOUSANDS_FROM:
        return [interval(figure, 0) for figure in figures]
    unit, mark = (1e6, "M") if largest >= MILLIONS_FROM else (1e3, "k")
    # three digits of the largest value, so that a small one beside it does not become nought
    digits = 1 if largest / unit < 100 else 0

    def in_unit(amount: float | None) -> str:
        return number(amount / unit, digits) if is_known(amount) else NOTHING

    cells = [interval_of(figure, in_unit) for figure in figures]
    return [cell if cell == NOTHING else f"{cell} {mark}" for cell in cells]


# ---------------------------------------------------------------- what a record says, in cells


def capacity_figures(figures: Mapping[str, Mapping[str, Interval]]) -> tuple[str, ...]:
    """The figures at capacity that are known of the model: none of money where nobody is known to pay."""
    own = figures.get("model", {})
    return tuple(name for name in CAPACITY_FIGURES if name in own and is_known(own[name].value))


def counts_money(shown: Iterable[str]) -> bool:
    """Whether any of these figures is an amount or a share of money."""
    return any(name in ("mrr_caught_at_capacity", "profit_at_capacity") for name in shown)


def figure_rows(figures: Mapping[str, Mapping[str, Interval]], shown: Sequence[str]) -> list[list[str]]:
    """Everybody's figures with their intervals, a row each that begins with who has them; money in one unit."""
    everybody = by_who(figures)
    columns = []
    for name in shown:
        column = [figures[who].get(name) for who in everybody]
        columns.append(money_column(column) if name == "profit_at_capacity" else [interval(one) for one in column])
    return [list(row) for row in zip(everybody, *columns, strict=True)]


def slice_cells(part: Slice) -> list[str]:
    """A part of the judged accounts: how many, how many positive, what was said, what was seen, and ROC AUC."""
    return [
        number(part.rows),
        number(part.positives),
        percent(part.predicted),
        with_interval(part.seen, part.low, part.high),
        "too small to say" if part.too_small else interval(part.roc_auc),
    ]


def share_of_the_possible(figures: Mapping[str, Mapping[str, Interval]]) -> float | None:
    """How much of what can be known above chance the model knows; None where that is not known."""
    best, own = (figures.get(who, {}).get("roc_auc") for who in ("truth", "model"))
    if best is None or own is None or best.value is None or own.value is None or best.value <= 0.5:
        return None
    return (own.value - 0.5) / (best.value - 0.5)


# ---------------------------------------------------------------- dates and texts


def date(day: dt.date | None) -> str:
    """A date as "1 January 2025"."""
    return NOTHING if day is None else f"{day.day} {day:%B %Y}"


def date_range(first: dt.date, last: dt.date) -> str:
    """Dates from first to last: "from 7 to 13 October 2024"."""
    if (first.year, first.month) == (last.year, last.month):
        return f"from {first.day} to {date(last)}"
    return f"from {date(first)} to {date(last)}"


def cut(text: str, length: int) -> str:
    """A text of at most ``length`` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def called(account_id: str, name: str | None) -> str:
    """An account as people call it, with the id that it is told by beside it: "Acme Ltd (A-17)"."""
    return f"{cut(' '.join(name.split()), LONGEST_NAME)} ({account_id})" if name and name.strip() else account_id


def printable(text: object) -> str:
    """A user's text without what would steer the terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in str(text))
