"""What churnml adds to LightGBM: loading and scoring, training, reasons; each beside the bare calls it contains.

``python -m benchmarks.scoring FOLDER`` measures in a process of its own and prints one JSON object; both sides of a
ratio are run in turn, so that a busy moment strikes both.
"""

from __future__ import annotations

import argparse
import datetime as dt
import inspect
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

SCORED, EXPLAINED, RUNS = 100_000, 200_000, 5
MODEL = "churn"


def seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def in_turn(ways: Sequence[Callable[[], Any]], runs: int) -> list[float]:
    """The median seconds of each way, run in turn, after one round that is not counted."""
    rounds = [[seconds(way) for way in ways] for _ in range(runs + 1)][1:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


# ---------------------------------------------------------------- scoring


def many(rows: Any, wanted: int) -> Any:
    """``wanted`` accounts made of those there are, each number moved a little so that none is met twice."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(1)
    frame: pd.DataFrame = pd.concat([rows] * (wanted // len(rows) + 1), ignore_index=True).head(wanted)
    for name in frame.select_dtypes("number").columns:
        frame[name] = frame[name] * rng.uniform(0.9, 1.1, wanted)
    frame["account_id"] = [f"account {i}" for i in range(wanted)]
    return frame


def scoring(project: Path, rows: Any) -> dict[str, float]:
    """Loading the champion and scoring, by pyfunc and by churnml's own registry, beside the bare calls."""
    import lightgbm as lgb
    import mlflow

    from churnml.adapters.project import open_project
    from churnml.adapters.registry import registry_of

    opened = open_project(project)
    registry = registry_of(opened)
    mlflow.set_tracking_uri(opened.registry_url)
    uri = f"models:/{MODEL}@champion"
    champion = registry.champion(MODEL)
    assert champion is not None
    frame = many(rows, SCORED)
    matrix = champion.predictor.matrix(frame)
    text = champion.predictor.booster.model_to_string()
    features = frame[champion.predictor.feature_names]

    def bare() -> Any:
        return lgb.Booster(model_str=text).predict(matrix)

    def by_pyfunc() -> Any:
        return mlflow.pyfunc.load_model(uri).predict(features)

    def by_registry() -> Any:
        return registry.version(MODEL).predictor.predict(features)

    floor, pyfunc, ours = in_turn([bare, by_pyfunc, by_registry], RUNS)
    load_pyfunc, load_ours = in_turn([lambda: mlflow.pyfunc.load_model(uri), lambda: registry.version(MODEL)], RUNS)
    return {
        "bare": floor,
        "pyfunc": pyfunc,
        "registry": ours,
        "load_pyfunc": load_pyfunc,
        "load_registry": load_ours,
        "trees": champion.predictor.booster.num_trees(),
        "features": len(champion.predictor.features),
    }


def explaining(project: Path, rows: Any, scratch: Path) -> dict[str, float]:
    """A file scored with and without reasons, and what TreeSHAP for all of it costs by itself."""
    from churnml.adapters.batch import ROWS, Job, score_file
    from churnml.adapters.project import open_project
    from churnml.adapters.registry import registry_of

    model = registry_of(open_project(project)).version(MODEL)
    frame = many(rows, EXPLAINED)
    source = scratch / "many.parquet"
    frame.to_parquet(source, row_group_size=ROWS)

    def file(reasons: bool) -> Callable[[], Any]:
        job = Job(model.predictor, model.version, with_reasons=reasons)
        return lambda: score_file(job, source, scratch / "scores.parquet", lambda _: None)

    return {
        "plain": seconds(file(False)),
        "reasons": seconds(file(True)),
        "treeshap": seconds(lambda: model.predictor.contributions(frame)),
    }


# ---------------------------------------------------------------- training


@dataclass
class Fit:
    """One booster that a training made: how, on what, and how many rounds."""

    settings: dict[str, Any]
    data: dict[str, Any]
    rounds: int = 0


@contextmanager
def watched() -> Iterator[list[Fit]]:
    """The LightGBM fits made inside, whoever asks for them."""
    import lightgbm as lgb

    given: dict[int, dict[str, Any]] = {}
    fits: dict[int, Fit] = {}
    kept: list[Any] = []  # so that no two have the same id
    make, subset = lgb.Dataset.__init__, lgb.Dataset.subset
    begin, update = lgb.Booster.__init__, lgb.Booster.update

    def making(self: Any, *values: Any, **named: Any) -> None:
        kept.append(self)
        given[id(self)] = dict(inspect.signature(make).bind(self, *values, **named).arguments)
        make(self, *values, **named)

    def cutting(self: Any, used: Any, *rest: Any, **named: Any) -> Any:
        cut_set, whole = subset(self, used, *rest, **named), given[id(self)]
        cut = {key: whole[key][used] for key in ("data", "label", "weight") if whole.get(key) is not None}
        given[id(cut_set)] = whole | cut
        return cut_set

    def beginning(self: Any, params: Any = None, train_set: Any = None, **rest: Any) -> None:
        if train_set is not None:
            kept.append(self)
            fits[id(self)] = Fit(dict(params), given[id(train_set)])
        begin(self, params, train_set, **rest)

    def updating(self: Any, *values: Any, **named: Any) -> Any:
        fits[id(self)].rounds += 1
        return update(self, *values, **named)

    fits_seen: list[Fit] = []
    with (
        mock.patch.object(lgb.Dataset, "__init__", making),
        mock.patch.object(lgb.Dataset, "subset", cutting),
        mock.patch.object(lgb.Booster, "__init__", beginning),
        mock.patch.object(lgb.Booster, "update", updating),
    ):
        yield fits_seen
    fits_seen += fits.values()


def bare_fits(fits: Sequence[Fit]) -> None:
    """The same fits and nothing else: no folds to cut, nothing judged after each tree, no calibration."""
    import lightgbm as lgb

    for fit in fits:
        names = ("data", "label", "weight", "init_score", "categorical_feature", "feature_name", "params")
        data = lgb.Dataset(**{name: fit.data[name] for name in names if fit.data.get(name) is not None})
        booster = lgb.Booster(fit.settings, data)
        for _ in range(fit.rounds):
            booster.update()


def training(project: Path) -> dict[str, float]:
    """``fit_challenger`` on a project's snapshots, beside the LightGBM fits it contains."""
    from churnml.jobs.opening import open_data
    from churnml.jobs.training import collect, fit_challenger

    opened = open_data(project, dt.date(2026, 1, 1))
    spec = opened.project.model(MODEL)
    collected = collect(opened, spec)
    with watched() as fits:
        fit_challenger(opened, spec, collected)
    ours, floor = in_turn([lambda: fit_challenger(opened, spec, collected), lambda: bare_fits(fits)], 3)
    return {
        "fit": ours,
        "bare": floor,
        "fits": len(fits),
        "rounds": sum(fit.rounds for fit in fits),
        "rows": len(collected.rows),
        "features": len(collected.features),
    }


# ---------------------------------------------------------------- the page


def prepared(scratch: Path) -> tuple[Path, Any]:
    """A simulated company with a champion, and the features of its accounts."""
    import pandas as pd

    project, out = scratch / "company", scratch / "features.parquet"
    churnml = [sys.executable, "-m", "churnml.cli"]
    quiet: dict[str, Any] = {"check": True, "stdout": subprocess.DEVNULL}
    subprocess.run([*churnml, "simulate", "--out", str(project)], **quiet)
    subprocess.run([*churnml, "train", MODEL, "--no-prefect", "--project", str(project)], **quiet)
    promote = [*churnml, "models", "promote", MODEL, "--because", "to be measured", "--project", str(project)]
    subprocess.run(promote, **quiet)
    write = [*churnml, "features", "--champion", "--as-of", "2024-12-02", "--out", str(out), "--project", str(project)]
    subprocess.run(write, **quiet)
    return project, pd.read_parquet(out)


START = "import mlflow.pyfunc, churnml.modelling.predictor"


def section(scratch: Path) -> list[str]:
    """The part of the page about LightGBM and what is around it."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "benchmarks.scoring", str(scratch)], check=True, stdout=subprocess.PIPE
    )
    parts = json.loads(done.stdout)
    score, fit, why = parts["scoring"], parts["training"], parts["explaining"]

    def line(what: str, took: float, floor: float, beside: str) -> str:
        return f"| {what} | {took:.2f} | {took / floor:.2f} × {beside} |"

    return [
        "## LightGBM and what is around it",
        "",
        f"A simulated company of 2,000 accounts, and its champion of {score['trees']:.0f} trees on "
        f"{score['features']:.0f} features. Medians of runs",
        "taken in turn in one process. Start-up, that is Python and the imports of MLflow and LightGBM, comes once "
        f"before: {parts['startup']:.1f} s.",
        "",
        "| what | seconds | beside |",
        "|---|---|---|",
        line(
            f"`mlflow.pyfunc.load_model`, then predict {SCORED:,} accounts",
            score["pyfunc"],
            score["bare"],
            "`Booster(model_str)` and `predict` of the same matrix",
        ),
        line("the same by churnml's own registry, checksums tested", score["registry"], score["bare"], "the same"),
        line(
            f"training: {fit['fits']:.0f} fits, {fit['rounds']:.0f} trees, {fit['rows']:,.0f} snapshots, calibration",
            fit["fit"],
            fit["bare"],
            "those LightGBM fits alone",
        ),
        line(f"`churnml score --input`, {EXPLAINED:,} accounts", why["plain"], why["plain"], "itself"),
        line("the same with `--reasons`", why["reasons"], why["plain"], "without"),
        line("exact TreeSHAP of all of them, alone", why["treeshap"], why["plain"], "scoring without"),
        "",
        f"Of the first two, loading alone takes {score['load_pyfunc']:.2f} s and {score['load_registry']:.2f} s.",
        "",
    ]


def main() -> None:
    """Measures everything once."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    scratch: Path = parser.parse_args().folder
    project, rows = prepared(scratch)
    parts = {
        "startup": seconds(lambda: subprocess.run([sys.executable, "-W", "ignore", "-c", START], check=True)),
        "scoring": scoring(project, rows),
        "training": training(project),
        "explaining": explaining(project, rows, scratch),
    }
    sys.stdout.write(json.dumps(parts) + "\n")


if __name__ == "__main__":
    main()
