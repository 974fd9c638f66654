"""The true probabilities of a simulated company, which ``truth:`` of project.yaml names."""

from __future__ import annotations

import pandas as pd

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.errors import ProjectError

KEY = ("account_id", "as_of")
REMEDY = "Only simulated companies have one: take the line out, or simulate again."


def true_probabilities(project: Project) -> pd.DataFrame | None:
    """One row an ``account_id`` and ``as_of``, ``<model>_probability`` beside them; None where no truth is declared.

    Raises:
        ProjectError: the declared file is not there, or holds something else.
    """
    if project.spec.truth is None:
        return None
    path, where = project.root / project.spec.truth, f"{project.root / PROJECT_FILE}, truth:"
    if not path.is_file():
        raise ProjectError(f"There is no file '{project.spec.truth}'.", where=where, remedy=REMEDY)
    try:
        known = pd.read_parquet(path)
        known["as_of"] = pd.to_datetime(known["as_of"]).astype("datetime64[us]")
        known["account_id"] = known["account_id"].astype(str)
    except (OSError, ValueError, KeyError) as problem:  # Arrow's own errors are ValueErrors
        raise ProjectError(
            f"'{project.spec.truth}' is no Parquet file with the columns {' and '.join(KEY)}.",
            where=where,
            remedy=REMEDY,
        ) from problem
    return known
