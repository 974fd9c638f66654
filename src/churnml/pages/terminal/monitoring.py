"""What was watched of the models, as printed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from churnml.pages.presenter import NOTHING, figure_name, interval, number, percent, plural, printable, words
from churnml.pages.terminal.layout import table

if TYPE_CHECKING:
    from churnml.ledger.monitoring import ModelWatch, WatchedFigure, WatchedModels

EXPECTED_SHOWN = ("roc_auc", "average_precision", "brier", "log_loss", "positives", "precision_at_capacity")
REALISED_SHOWN = ("roc_auc", "average_precision", "brier", "seen_over_said", "calibration_error")
PART_NAMES = {"all": "everybody", "treated": "those the team worked", "untouched": "those nobody worked"}
ACTION_NAMES = {
    None: "nothing is alarming",
    "warn": "WARNING",
    "recalibrate": "RECALIBRATE",
    "train_now": "TRAIN NOW",
    "fall_back": "FALL BACK to the champion before",
}
FEATURES_SHOWN = 8
DATES_SHOWN = 8


def watches_text(watched: WatchedModels) -> str:
    """What ``churnml models watch`` prints."""
    parts = [_watch_text(watch) for watch in watched.watches]
    return "\n\n".join([*parts, *(printable(line) for line in watched.unwatched)])


def _watch_text(watch: ModelWatch) -> str:
    lines = [f"{watch.model}, version {watch.version}, watched at {watch.as_of}: {ACTION_NAMES[watch.action]}"]
    lines += [f"  {ACTION_NAMES[alarm.action]}: {printable(alarm.sentence)}" for alarm in watch.alarms]
    lines += _drift_lines(watch)
    lines += _expected_lines(watch)
    lines += _realised_lines(watch)
    lines += _leaver_lines(watch)
    if watch.left_out:
        lines += ["", "  not looked at:", *(f"    {printable(line)}" for line in watch.left_out)]
    return "\n".join(lines)


def _of(watch: ModelWatch, kind: str, name: str | None = None) -> list[WatchedFigure]:
    return [f for f in watch.figures if f.kind == kind and name in (None, f.figure)]


def _drift_lines(watch: ModelWatch) -> list[str]:
    scores, share = _of(watch, "drift", "score_drift"), _of(watch, "drift", "feature_drift")
    if not scores or not share:
        return []
    moved = _of(watch, "drift", "moved")
    lines = [
        "",
        f"  since training, on {plural(scores[0].rows, 'account')}: the probabilities have moved by "
        f"{interval(scores[0])} (population stability index);",
        f"  {plural(len(moved), 'feature')} moved, with {percent(share[0].value, 0)} of the model's gain",
    ]
    if moved:
        rows = [[printable(figure.part), interval(figure)] for figure in moved[:FEATURES_SHOWN]]
        lines += table(["moved furthest", "index"], rows)
    if len(moved) > FEATURES_SHOWN:
        lines.append(f"  and {len(moved) - FEATURES_SHOWN} more")
    return lines


def _expected_lines(watch: ModelWatch) -> list[str]:
    now = {figure.figure: figure for figure in _of(watch, "expected") if figure.as_of == watch.as_of}
    if not now:
        return []
    rows = [[_name(name), interval(now[name])] for name in EXPECTED_SHOWN if name in now]
    return ["", *table(["to be expected of these scores", "95 % interval"], rows)]


def _name(figure: str) -> str:
    names = {"positives": "share with the outcome", "precision_at_capacity": "the same of the first accounts"}
    return names.get(figure) or figure_name(figure)


def _realised_lines(watch: ModelWatch) -> list[str]:
    """What came true of the newest judged dates together, and what was expected of each beside it."""
    rolling = _of(watch, "rolling")
    lines: list[str] = []
    if rolling:
        parts = [part for part in PART_NAMES if any(figure.part == part for figure in rolling)]
        rows = [_part_row(part, [figure for figure in rolling if figure.part == part]) for part in parts]
        header = [
            f"what came true, to {rolling[0].as_of}",
            "rows",
            "had the outcome",
            *map(figure_name, REALISED_SHOWN),
        ]
        lines += ["", *table(header, rows, right=(1, 2))]
    dates = {figure.as_of: figure for figure in _of(watch, "realised", "roc_auc") if figure.part == "all"}
    if dates:
        guessed = {figure.as_of: figure for figure in _of(watch, "expected", "roc_auc")}
        rows = [
            [str(date), printable(dates[date].version), interval(guessed.get(date)), interval(dates[date])]
            for date in sorted(dates)[-DATES_SHOWN:]
        ]
        lines += ["", *table(["judged date", "version", "ROC AUC expected", "ROC AUC seen"], rows)]
    return lines


def _part_row(part: str, figures: Sequence[WatchedFigure]) -> list[str]:
    by_name = {figure.figure: figure for figure in figures}
    first = figures[0]
    shown = (interval(by_name.get(name)) for name in REALISED_SHOWN)
    positives = NOTHING if first.positives is None else number(first.positives)
    return [PART_NAMES[part], number(first.rows), positives, *shown]


def _leaver_lines(watch: ModelWatch) -> list[str]:
    figures = _of(watch, "leavers")
    if not figures:
        return []
    names = {"listed": "on a list in time", "held_out": "left alone on purpose", "missed": "nobody was warned"}
    rows = [
        [f"stood in {words(f.part)}" if f.part else names[f.figure], number(f.positives), _share(f)] for f in figures
    ]
    header = [f"of {plural(figures[0].rows, 'leaver')} to {figures[0].as_of}", "accounts", "share, 95 % interval"]
    return ["", *table(header, rows, right=(1,))]


def _share(figure: WatchedFigure) -> str:
    return f"{percent(figure.value, 0)} [{percent(figure.low, 0)}, {percent(figure.high, 0)}]"
