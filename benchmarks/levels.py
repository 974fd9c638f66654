"""What smooth levels of use buy, beside the truth: ``python -m benchmarks.levels [--seeds 7,11] [--half-lives 14,42]``.

Each company is simulated and its snapshots are built once; then models are fitted in one run, without the levels, with
them, with single families of them, and, for the bound, with the hidden health and pressure themselves as features.
Figures are shares of what can be known, by the true probabilities. What is chosen is chosen on the companies of
``CHOOSING``; those of :mod:`benchmarks.truth` judge. Every company is a line of ``--out``, and one that stands there
is not run again. Writes no page.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t

from benchmarks.truth import expected_auc
from churnml.features import Feature, Grain, Polarity, Unit
from churnml.features.usage_levels import LEVEL_FAMILIES
from churnml.jobs.judging import truth_of
from churnml.jobs.opening import OpenedProject, open_data
from churnml.jobs.training import Collected, collect, fit_challenger
from churnml.modelling.training import at_cutoffs
from churnml.simulate import simulate
from churnml.specs.models import ModelSpec

CHOOSING = (7, 11, 12, 13)
TODAY = dt.date(2026, 1, 1)
HIDDEN = ("health", "pressure")
# In words → the families of levels that are kept.
CHOICES: Mapping[str, tuple[str, ...]] = {
    "without levels": (),
    "all levels": LEVEL_FAMILIES,
    **{f"only {family}": (family,) for family in LEVEL_FAMILIES},
}
BOUND = "given the hidden state"


@dataclass(frozen=True)
class Share:
    """What one choice of features keeps in one company: its share, and the CPU seconds of the fit."""

    model: str
    seed: int
    choice: str
    share: float
    seconds: float


def share_kept(opened: OpenedProject, spec: ModelSpec, collected: Collected) -> tuple[float, float]:
    """The share of what can be known above chance that a model keeps where it is judged, and CPU seconds of its fit."""
    begun = time.process_time()
    fitted = fit_challenger(opened, spec, collected)
    spent = time.process_time() - begun
    rows = at_cutoffs(collected.rows, [collected.split.judged])
    rows = rows[rows["label"].notna()]
    truth = truth_of(opened.project, spec.name, rows)
    if truth is None:
        raise ValueError(f"the truth about {spec.name} is not known for every judged row")
    p = fitted.predictor.predict(rows)
    return (expected_auc(p, truth) - 0.5) / (expected_auc(truth, truth) - 0.5), spent


def with_hidden(folder: Path, collected: Collected) -> Collected:
    """What is collected, without levels and with the simulator's hidden state as features: a bound, no model."""
    state = pd.read_parquet(folder / "truth" / "latent.parquet")[["account_id", "as_of", *HIDDEN]]
    state["as_of"] = pd.to_datetime(state["as_of"]).astype("datetime64[us]")
    rows = collected.rows.merge(state, on=["account_id", "as_of"], how="left", validate="one_to_one")
    hidden = tuple(
        Feature(name, name, name, Grain.OWN, abs, Polarity.NEITHER, Unit.SCORE, "{value}", rows=lambda *_: None)
        for name in HIDDEN
    )
    plain = tuple(feature for feature in collected.features if feature.family not in LEVEL_FAMILIES)
    return replace(collected, rows=rows, features=(*plain, *hidden))


def measured(seed: int, folder: Path, accounts: int, half_lives: Sequence[int], choices: Sequence[str]) -> list[Share]:
    """A company's shares, for every model and choice."""
    simulate(folder, accounts=accounts, months=24, seed=seed)
    opened = open_data(folder, TODAY)
    lines = []
    for name in opened.project.model_names:
        spec = opened.project.model(name)
        features = spec.features.model_copy(update={"half_lives": tuple(half_lives)})
        spec = spec.model_copy(update={"hazard": None, "features": features})
        collected = collect(opened, spec)
        for choice in choices:
            if choice == BOUND:
                tried = with_hidden(folder, collected)
            else:
                left = [f for f in collected.features if f.family not in LEVEL_FAMILIES or f.family in CHOICES[choice]]
                tried = replace(collected, features=tuple(left))
            share, seconds = share_kept(opened, spec, tried)
            lines.append(Share(name, seed, choice, share, seconds))
            sys.stderr.write(f"levels: {lines[-1]}\n")
    return lines


def table(lines: Sequence[Share]) -> list[str]:
    """Means over companies, and what each choice adds to having no levels, both with 95 % intervals."""
    frame = pd.DataFrame(lines)
    rows = [
        "| model | features | companies | share of what can be known | more than without |",
        "|---|---|---:|---|---|",
    ]
    for (model, choice), these in frame.groupby(["model", "choice"], sort=False):
        beside = frame[(frame["model"] == model) & (frame["choice"] == "without levels")].set_index("seed")["share"]
        share = these.set_index("seed")["share"]
        more = "" if choice == "without levels" else _with_interval((share - beside).dropna(), "+")
        rows.append(f"| {model} | {choice} | {len(these)} | {_with_interval(share)} | {more} |")
    return rows


def _with_interval(values: pd.Series, sign: str = "") -> str:
    mean = values.mean()
    if len(values) < 2:
        return f"{mean:{sign}.3f}"
    reach = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return f"{mean:{sign}.3f} [{mean - reach:{sign}.3f}, {mean + reach:{sign}.3f}]"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="What smooth levels of use buy, beside the truth.")
    parser.add_argument("--seeds", default=",".join(map(str, CHOOSING)))
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--half-lives", default="14,42")
    parser.add_argument("--choices", default=";".join((*CHOICES, BOUND)), help="separated by semicolons")
    parser.add_argument("--out", type=Path, default=Path("levels.jsonl"))
    asked = parser.parse_args()
    lines = [Share(**json.loads(line)) for line in asked.out.read_text().splitlines()] if asked.out.exists() else []
    for seed in map(int, asked.seeds.split(",")):
        if any(line.seed == seed for line in lines):
            continue
        with tempfile.TemporaryDirectory() as scratch:
            half_lives, choices = [int(days) for days in asked.half_lives.split(",")], asked.choices.split(";")
            new = measured(seed, Path(scratch) / "company", asked.accounts, half_lives, choices)
        lines += new
        with asked.out.open("a") as out:
            out.writelines(json.dumps(asdict(line)) + "\n" for line in new)
    print("\n".join(table(lines)))


if __name__ == "__main__":
    main()
