"""Features at any cutoff: what a model's are, looked at or written; nothing that fits or loads a model is imported."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from churnml import snapshots
from churnml.adapters.outages import outage
from churnml.declarations import FeatureDeclaration
from churnml.errors import ProjectError, RegistryError, TooLittleDataError
from churnml.features import Feature, choose
from churnml.jobs.opening import OpenedProject, Progress, built_for, default_as_of, silent, wish_for
from churnml.lazy import ibis
from churnml.modelling.agreement import Difference, differences

if TYPE_CHECKING:
    from churnml.modelling.predictor import Predictor


def features_at(
    opened: OpenedProject,
    cutoffs: Sequence[dt.date],
    model: str | None,
    progress: Progress = silent,
    of: Predictor | None = None,
) -> pd.DataFrame:
    """The features of a model's population at the given cutoffs, as known then.

    ``of`` is a registered model whose own features are wanted, instead of those a training would choose today.
    """
    chosen = _features_wanted(opened, cutoffs, model, of)
    label = opened.project.model(model or opened.project.main_model).label
    spine = snapshots.population(label, opened.facts, cutoffs)
    progress(f"{len(chosen)} features of {len(spine):,} snapshots")
    rows = snapshots.build_snapshots(opened.facts, chosen, spine.drop(columns="mrr_cents"))
    return rows if of is None else of.with_places(rows)


def feature_sql(
    opened: OpenedProject, cutoffs: Sequence[dt.date], model: str | None, of: Predictor | None = None
) -> str:
    """The SQL that :func:`features_at` has the project's engine run, a statement for features of the same rows."""
    statements = []
    for wanted in snapshots.measured_together(_features_wanted(opened, cutoffs, model, of)):
        query = snapshots.measuring_query(opened.facts, wanted, cutoffs)
        statements.append(f"-- {', '.join(feature.name for feature in wanted)}\n{ibis.to_sql(query)};\n")
    return "\n".join(statements)


def _features_wanted(
    opened: OpenedProject, cutoffs: Sequence[dt.date], model: str | None, of: Predictor | None
) -> Sequence[Feature]:
    spec, last = opened.project.model(model or opened.project.main_model), default_as_of(opened)
    for cutoff in cutoffs:
        if cutoff > last:
            raise TooLittleDataError(
                f"Features as of {cutoff} cannot be known: the data end with {opened.facts.data_through}.",
                remedy=f"Ask for {last} or earlier.",
            )
    if of is not None:
        return list(features_of(opened, of, f"registered '{spec.name}'").values())
    wish = wish_for(opened, spec, min(cutoffs))
    return choose(spec.features.families, spec.features.exclude, wish, opened.facts, opened.project.catalogue)


def check_output(out: Path) -> None:
    """Raises ProjectError unless a file of features could be ``out``: to be asked before they are computed."""
    if out.suffix not in (".parquet", ".csv"):
        raise ProjectError("The output must be a .parquet or .csv file.", where=str(out), remedy="Name it so.")
    if not out.parent.is_dir():
        raise ProjectError(
            "The folder of the output is not there.", where=str(out.parent), remedy="Make it, or correct --out."
        )
    if out.is_dir():
        raise ProjectError("The output is a folder.", where=str(out), remedy="Name a file in it.")


def write_frame(rows: pd.DataFrame, out: Path) -> None:
    """Writes rows as Parquet or CSV, whole or not at all; raises ProjectError, UnavailableError."""
    check_output(out)
    aside = out.with_name(f".{out.name}.part")
    try:
        if out.suffix == ".parquet":
            rows.to_parquet(aside, index=False)
        else:
            rows.to_csv(aside, index=False)
        aside.replace(out)
    except OSError as problem:
        raise outage(problem, "The output", str(out)) or ProjectError(
            f"The output cannot be written ({problem.strerror or problem}).", where=str(out), remedy="Correct --out."
        ) from None


def require_same(
    opened: OpenedProject,
    predictor: Predictor,
    whose: str,
    trained: Sequence[FeatureDeclaration],
    built: Mapping[str, Feature],
) -> None:
    """Raises RegistryError naming the first way in which ``built`` differs from what was ``trained``."""
    changed = differences(trained, {name: feature.declaration() for name, feature in built.items()})
    if changed:
        raise RegistryError(
            f"The {whose} was trained on other features than this project builds today: "
            f"{_what_differs(opened, predictor, changed[0])}"
            + (f" ({len(changed)} differences in all)." if changed[1:] else "."),
            where=f"project {opened.project.name}",
            remedy="Declare it as it was (or bring its column back into sources/), or train again and promote what "
            "was trained: churnml train, churnml models promote.",
        )


def _what_differs(opened: OpenedProject, predictor: Predictor, change: Difference) -> str:
    if not change.what and change.feature in opened.project.possible_features(predictor.manifest.wish):
        return f"feature '{change.feature}' is declared, but the project's tables no longer give what it needs"
    return change.sentence


def features_of(opened: OpenedProject, predictor: Predictor, whose: str) -> dict[str, Feature]:
    """The features a model reads, by name; raises RegistryError unless the project builds them as it was trained on."""
    built = built_for(opened, predictor, predictor.feature_names)
    require_same(opened, predictor, whose, predictor.features, built)
    return built
