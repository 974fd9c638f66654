"""The steps of training, scoring and running, as plain functions over an opened project.

``pipelines/`` strings them together and adds retries, progress and a record of runs; nothing here
knows Prefect, and nothing there does arithmetic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from churnml.jobs.judging import Judgement, judge_challenger
    from churnml.jobs.opening import OpenedProject, Progress, open_data, require_core_events, wish_for, wish_of
    from churnml.jobs.recording import record_challenger
    from churnml.jobs.scoring import (
        Champions,
        champions_of,
        dates_between,
        declared_for,
        default_as_of,
        feature_sql,
        features_at,
        features_of,
        read_date,
        require_same,
        scoring_fingerprint,
        write_day,
        write_frame,
    )
    from churnml.jobs.summary import run_summary
    from churnml.jobs.training import Collected, collect, fit_challenger, marks_of, training_fingerprint

__all__ = [
    "Champions",
    "Collected",
    "Judgement",
    "OpenedProject",
    "Progress",
    "champions_of",
    "collect",
    "dates_between",
    "declared_for",
    "default_as_of",
    "feature_sql",
    "features_at",
    "features_of",
    "fit_challenger",
    "judge_challenger",
    "marks_of",
    "open_data",
    "read_date",
    "record_challenger",
    "require_core_events",
    "require_same",
    "run_summary",
    "scoring_fingerprint",
    "training_fingerprint",
    "wish_for",
    "wish_of",
    "write_day",
    "write_frame",
]


def __getattr__(name: str) -> object:
    # most of them bring engines and models with them, and a look-up needs neither
    if name in __all__:
        for file in ("opening", "scoring", "summary", "training", "judging", "recording"):
            module = import_module(f"churnml.jobs.{file}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
