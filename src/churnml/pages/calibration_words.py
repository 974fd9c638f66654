"""Which cutoffs choose, calibrate and judge, and what came of a calibration made anew, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from churnml.modelling.record import ModelRecord, RecordedAnew
from churnml.pages.markdown import plain
from churnml.pages.presenter import interval


def roles_in_words(record: ModelRecord) -> str:
    """Which cutoffs chose settings, calibrated and judged, in one line."""
    training = record.training
    judges = [one.cutoff for one in record.pooled.by_cutoff] if record.pooled else [record.cutoff]
    roles = (("chosen", training.searched_at), ("calibrated", training.calibrated_at), ("judged", judges))
    return "; ".join(f"{role} at {_cutoffs(cutoffs)}" for role, cutoffs in roles if cutoffs)


def _cutoffs(cutoffs: Sequence[dt.date]) -> str:
    if len(cutoffs) == 1:
        return str(cutoffs[0])
    return f"{len(cutoffs)} cutoffs, {min(cutoffs)} to {max(cutoffs)}"


def kept_apart(record: ModelRecord) -> str:
    """Which cutoffs choose, calibrate and judge."""
    anew = record.training.anew
    if anew is None or not anew.held:
        return (
            "What chose settings and calibrated was final before the oldest cutoff that judges; those that judge took "
            "part in nothing but the figures below"
        )
    return (
        "What chose settings was final before the oldest cutoff that judges. The calibration was made anew, because "
        "the first one did not hold: for each cutoff that judges, on what was final before it and judges nothing. "
        "Those that judge decided that, and took part in nothing else but the figures below"
    )


def made_anew(anew: RecordedAnew | None) -> list[str]:
    """What is to be told of a calibration made anew, a line each; nothing where there was none."""
    if anew is None:
        return []
    seen = [shift.get("seen_over_said") for shift in (anew.before, anew.after)]
    first, then = (interval(figure) if figure else "unknown" for figure in seen)
    held = "took its place" if anew.held else f"did not hold either ({plain(anew.problem or '')})"
    losses = ", ".join(f"{plain(how)} {loss:.4f}" for how, loss in anew.losses.items() if loss is not None)
    return [
        f"- The first calibration did not hold on the cutoffs that judge (positives seen for each one said: {first}). "
        f"Calibrated anew, by {plain(anew.how)} ({', '.join(map(str, anew.taught_at))}), it was {then}; that {held}.",
        *([f"- Ways to calibrate anew compared by log loss, each on later cutoffs: {losses}."] if losses else []),
    ]
