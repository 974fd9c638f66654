"""How often the 95 % intervals hold the true figure: ``python -m benchmarks.coverage`` writes docs/believe.md.

A population so large that its figures are the true ones, with fixed predictions; samples of accounts of the size
of a small company are drawn from it, and the project's own ``evaluate`` puts intervals around their figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import norm
from sklearn.isotonic import IsotonicRegression

from benchmarks.believe import replace_block
from churnml.modelling.evaluation import ALL_FIGURES, Evaluation, evaluate
from churnml.modelling.ranking import Stakes

ACCOUNTS = 300_000
SAMPLE = 1_300
POSITIVES = 80
CUTOFFS = 3
# how alike the outcomes of an account's neighbouring cutoffs are: their label windows overlap by two thirds
ALIKE = 0.7
CAPACITY = 0.1
AHEAD = "ahead of a rival: "
SEED = 41  # of the population and of the samples; how intervals are made was chosen on others


@dataclass(frozen=True)
class Population:
    """Every account at every cutoff, shape (accounts, cutoffs), and what is said of it."""

    y: np.ndarray
    predictions: Mapping[str, np.ndarray]
    mrr: np.ndarray


def population(rng: np.random.Generator, accounts: int = ACCOUNTS, rate: float = POSITIVES / SAMPLE) -> Population:
    """Accounts whose risk wanders, a model that sees most of it and trusts itself a little too much, and a rival."""
    own = rng.normal(0, 0.8, (accounts, 1))
    z = own + rng.normal(0, 0.6, (accounts, CUTOFFS))
    z += _shift_to(z, rate)
    shared, apart = rng.normal(0, 1, (accounts, 1)), rng.normal(0, 1, (accounts, CUTOFFS))
    luck = norm.cdf(np.sqrt(ALIKE) * shared + np.sqrt(1 - ALIKE) * apart)
    middle = z.mean()
    model = middle + 0.1 + 1.15 * (0.75 * (z - middle) + rng.normal(0, 0.45, z.shape))
    rival = middle + 0.45 * (z - middle) + rng.normal(0, 0.5, z.shape)
    # small accounts leave more often, so money is not caught as accounts are
    mrr = np.exp(rng.normal(6, 1, (accounts, 1)) - 0.3 * own) * np.ones_like(z)
    predictions = {"model": _chance(model), "champion": _chance(rival), "base_rate": np.full(z.shape, rate)}
    return Population((luck < _chance(z)).astype("float64"), predictions, mrr)


def _chance(log_odds: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-log_odds)))


def _shift_to(z: np.ndarray, rate: float) -> float:
    """What to add to log-odds so that their mean probability is ``rate``."""
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _chance(z + middle).mean() < rate else (low, middle)
    return low


def judged(everybody: Population, chosen: np.ndarray, cutoffs: int, seed: int, resamples: int = 1000) -> Evaluation:
    """The project's figures of some accounts, at the first ``cutoffs`` cutoffs."""
    rows = np.repeat(chosen, cutoffs)
    flat = {who: p[chosen, :cutoffs].ravel() for who, p in everybody.predictions.items()}
    stakes = Stakes(CAPACITY, everybody.mrr[chosen, :cutoffs].ravel(), contact_cost=50.0, kept=3.6)
    return evaluate(rows, everybody.y[chosen, :cutoffs].ravel(), flat, seed, resamples, stakes)


Values = dict[str, tuple[float, float, float]]


def values(evaluation: Evaluation) -> Values:
    """Each figure of the model, and its lead over the champion; money by the row, as samples differ in size."""
    by_figure = {}
    for what, figures in (("", evaluation.figures["model"]), (AHEAD, evaluation.ahead["champion"])):
        for name in ALL_FIGURES:
            if name in figures:
                part = 1 / evaluation.rows if name == "profit_at_capacity" else 1.0
                f = figures[name]
                by_figure[what + name] = (f.value * part, f.low * part, f.high * part)
    return by_figure


def true_values(everybody: Population, cutoffs: int) -> Values:
    """The figures of the whole population."""
    return values(judged(everybody, np.arange(len(everybody.mrr)), cutoffs, 0, resamples=1))


def covered(everybody: Population, cutoffs: int, repetitions: int) -> dict[str, float]:
    """Figure → the share of repetitions in which the interval held the true one."""
    true, rng = true_values(everybody, cutoffs), np.random.default_rng(SEED + 1)
    held = dict.fromkeys(true, 0)
    for repetition in range(repetitions):
        chosen = rng.choice(len(everybody.mrr), SAMPLE, replace=False)
        for name, (_, low, high) in values(judged(everybody, chosen, cutoffs, SEED + repetition)).items():
            held[name] += low <= true[name][0] <= high
    return {name: count / repetitions for name, count in held.items()}


def calibrated(everybody: Population) -> Population:
    """The same with a model whose probabilities hold: there a calibration error is nothing but noise."""
    model = everybody.predictions["model"]
    step = IsotonicRegression(out_of_bounds="clip").fit(model.ravel(), everybody.y.ravel())
    # what the steps leave equal keeps its order
    held = step.predict(model.ravel()).reshape(model.shape) + 1e-9 * model
    return replace(everybody, predictions={**everybody.predictions, "model": held})


def section(repetitions: int) -> list[str]:
    """The table."""
    everybody = population(np.random.default_rng(SEED))
    designs = (
        ("one cutoff", everybody, 1),
        ("three cutoffs", everybody, CUTOFFS),
        ("one cutoff, calibrated", calibrated(everybody), 1),
    )
    by_design = [covered(which, cutoffs, repetitions) for _, which, cutoffs in designs]
    true = true_values(everybody, 1)
    rows = [
        f"| {_spoken(name)} | {true[name][0]:.4f} | {' | '.join(f'{share[name] * 100:.1f}' for share in by_design)} |"
        for name in true
    ]
    under = sum(share < 0.90 for by_design in by_design for share in by_design.values())
    over = sum(share > 0.99 for by_design in by_design for share in by_design.values())
    chance = 100 * np.sqrt(0.95 * 0.05 / repetitions)
    return [
        f"Of 100 repetitions, so many intervals held the true figure; counted over {repetitions}, so 95 may show as",
        f"95 ± {2 * chance:.0f}. {SAMPLE:,} accounts, about {POSITIVES} positives a cutoff; over three cutoffs each is "
        "three rows",
        "whose outcomes are alike. The third column has a model whose probabilities hold. "
        f"Of {len(true) * len(designs)}, {under} lie under 90 and {over} over 99.",
        "",
        f"| figure | true | {' | '.join(name for name, _, _ in designs)} |",
        "|---|---:|" + "---:|" * len(designs),
        *rows,
    ]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Count how often intervals hold the true figure.")
    parser.add_argument("--repetitions", type=int, default=500)
    lines = section(parser.parse_args().repetitions)
    replace_block("coverage", lines)
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
