"""Whether intervals that are looked at every week keep their word: ``python -m benchmarks.impact_coverage``.

A company enrols accounts in a playbook all year, looks every week, and would act the first time an interval excludes
something. The table says in which share of such years an interval that was stated ever excluded the true mean effect on
those enrolled by then. Beside the report's own sequence stand the same without its care for the variance, the interval
that would hold for one look, made of the same scores, and the usual one of two shares.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from churnml.impact.measures import LEFT, Terms
from churnml.impact.sequential import EffectScores, half_width, once_half_width, scores

WEEKS = 52
RUNS = 300
RATE = 0.05
SIZES = (200, 600, 1_000, 3_000)
HELD_OUT = (0.1, 0.3, 0.5)
# what treating does to an account's chance of leaving, as a multiple of it
KINDS = {"does nothing": 1.0, "works": 0.4, "harms": 1.6}


@dataclass(frozen=True)
class Year:
    """Accounts in the order of their enrolment, and by how much treating changes each one's chance of leaving."""

    treated: np.ndarray
    risk: np.ndarray
    left: np.ndarray
    truth: np.ndarray
    week: np.ndarray
    propensity: float


@dataclass(frozen=True)
class Wrong:
    """Which intervals ever excluded the truth in a year.

    Args:
        stated: in how many of its weeks there was an interval.
        sequence: the report's.
        published: the same with the variance seen, whatever the arms have seen.
        once, shares: the one for one look, made of the same scores; the usual one of two shares.
        width: half the width of the sequence at the last look.
    """

    stated: int
    sequence: bool
    published: bool
    once: bool
    shares: bool
    width: float


def year(rng: np.random.Generator, n: int, held_out: float, times: float, rate: float = RATE) -> Year:
    """A year of ``n`` enrolments, spread over its weeks."""
    risk = rng.beta(1, 1 / rate - 1, n)
    treated = rng.random(n) < 1 - held_out
    changed = np.minimum(risk * times, 1.0)
    left = (rng.random(n) < np.where(treated, changed, risk)).astype(float)
    return Year(treated, risk, left, changed - risk, np.arange(n) * WEEKS // n, 1 - held_out)


def looked_at_weekly(one: Year, terms: Terms) -> Wrong:
    """What a year of weekly looks comes to; an interval is stated when the report would state one."""
    n = len(one.left)
    scored = scores(one.left, one.treated, np.full(n, one.propensity), one.risk, one.week, LEFT.start)
    ever = np.zeros(4, bool)
    stated, width = 0, math.nan
    for end in np.searchsorted(one.week, np.arange(1, WEEKS + 1)):
        arm, left = one.treated[:end], one.left[:end]
        fewest, rate = min(arm.sum(), (~arm).sum()), left.mean() if end else 0.0
        if fewest < terms.least_an_arm or min(rate, 1 - rate) * fewest < terms.least_expected:
            continue
        part, truth = EffectScores(scored.effect[:end], scored.plain[:end]), one.truth[:end].mean()
        width = half_width(int(end), part.variance, terms.alpha, terms.expected)
        off = abs(part.effect.mean() - truth)
        shares, error = _two_shares(left[arm], left[~arm])
        seen = float(np.var(part.effect, ddof=1))
        ever |= (
            off > width,
            off > half_width(int(end), seen, terms.alpha, terms.expected),
            off > once_half_width(int(end), seen, terms.alpha),
            abs(shares - truth) > 1.96 * error,
        )
        stated += 1
    return Wrong(stated, *(bool(x) for x in ever), width)


def _two_shares(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The difference of two shares, and its usual standard error."""
    error = math.sqrt(sum(part.mean() * (1 - part.mean()) / len(part) for part in (one, other)))
    return float(one.mean() - other.mean()), error


def rows(runs: int, seed: int) -> Iterator[tuple[str, int, float, list[Wrong]]]:
    """Each kind of playbook, size and holdout, with the years in which anything was stated."""
    for kind, times in KINDS.items():
        for n in SIZES:
            for held_out in HELD_OUT:
                rng = np.random.default_rng([seed, n, int(100 * held_out), int(100 * times)])
                years = [looked_at_weekly(year(rng, n, held_out, times), Terms()) for _ in range(runs)]
                stated = [one for one in years if one.stated]
                if len(stated) >= runs / 2:
                    yield kind, n, held_out, stated


def coverage_table(runs: int = RUNS, seed: int = 20) -> str:
    """The table, in Markdown: of the years in which an interval was stated, the share in which one was ever wrong."""
    lines = [
        f"Weekly looks over a year, {100 * RATE:g} % leave, {runs} years a row; only rows where at least half of the "
        "years have enough outcomes for an interval.",
        "",
        "| the playbook | enrolled | held out | the sequence is ever wrong | with the variance seen alone | "
        "one-look interval of the same scores | usual interval of two shares | half width at the end, points |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, n, held_out, years in rows(runs, seed):
        wrong = [np.mean([getattr(one, name) for one in years]) for name in ("sequence", "published", "once", "shares")]
        width = 100 * np.mean([one.width for one in years])
        cells = " | ".join(f"{100 * share:.1f} %" for share in wrong)
        lines.append(f"| {kind} | {n:,} | {100 * held_out:.0f} % | {cells} | {width:.1f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=20)
    asked = parser.parse_args()
    print(coverage_table(asked.runs, asked.seed))


if __name__ == "__main__":
    main()
