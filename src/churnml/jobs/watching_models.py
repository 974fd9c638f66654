"""Watching the champions: what has moved, what is to be expected, what came true, and what is to be done.

For a schedule: :func:`watch_models` looks and writes nothing, :func:`record_watches` writes into the store and to
MLflow, and a watch's ``action`` says what is due; :func:`fall_back` takes the one that is done at once.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnml.adapters.registry import RegisteredModel, Registry
from churnml.adapters.store import Store
from churnml.errors import RegistryError, TooLittleDataError
from churnml.jobs.models import OpenData, roll_back
from churnml.jobs.opening import OpenedProject, Progress, silent
from churnml.jobs.past_scores import VersionRecords, judged_scorings, last_leavings, leavers_of, past_scores
from churnml.jobs.scoring import Champions, champions_of, read_date
from churnml.labels import Label
from churnml.ledger.monitoring import FigureKind, ModelWatch, PastScoring, WatchedFigure, WatchedModels
from churnml.modelling.evaluation import Figure
from churnml.modelling.tenure import BY_WATCH, Appointed
from churnml.scoring.predictions import Predictions
from churnml.specs.models import ModelSpec
from churnml.timeline import plus_days
from churnml.watch.drift import Drift, FeatureDrift, drift_of
from churnml.watch.expected import expected
from churnml.watch.leavers import LeaverShare, leavers_before
from churnml.watch.realised import ALL, UNTOUCHED, PastScores, Realised, realised
from churnml.watch.verdict import Recourse, alarms_of

log = logging.getLogger("churnml.watch")

# By those whom nobody tried to keep it is judged whether probabilities hold.
OF_UNTOUCHED = ("seen_over_said", "calibration_slope")
# A quarter of leavers changes slowly.
LEAVERS_EVERY_DAYS = 7


@dataclass(frozen=True)
class _Look:
    """What a look at one model is made from."""

    opened: OpenedProject
    store: Store
    spec: ModelSpec
    champion: RegisteredModel
    records: VersionRecords
    again: bool

    @property
    def label(self) -> Label:
        """The label the champion predicts."""
        return Label.model_validate(self.champion.predictor.manifest.label)

    def share(self, rows: int) -> float:
        """The share of so many accounts that the team can contact."""
        capacity = self.spec.decision.capacity
        return capacity if capacity < 1 else min(1.0, capacity / max(rows, 1))


def watch_models(
    opened: OpenedProject,
    registry: Registry,
    store: Store,
    now: dt.datetime,
    *,
    models: Sequence[str] = (),
    as_of: dt.date | None = None,
    champions: Champions | None = None,
    predictions: Predictions | None = None,
    again: bool = False,
    progress: Progress = silent,
) -> WatchedModels:
    """Looks at the champions, and says what is due; nothing is written.

    Args:
        opened, registry, store: the project.
        now: the moment, by which the age of versions is told.
        models: which; all when none is named.
        as_of: a scored date; the newest that was not held when None.
        champions, predictions: the date as they see it, where it is at hand, so that nothing is read or built twice.
        again: measure again what the store knows of outcomes.
        progress: is told what is done.

    Raises:
        TooLittleDataError: the date was not scored, or was held.
    """
    date = _scored_date(store, as_of)
    names = [name for name in opened.project.parts.names if not models or name in models]
    champions = champions or champions_of(opened, registry)
    if predictions is None or predictions.as_of != date:
        predictions = read_date(opened, champions, date, progress, reasons=False)
    watches, unwatched = [], _held_since(store, date)
    for name in names:
        champion = champions.by_model[name]
        if champion is None:
            unwatched.append(f"{name} has no champion, so there is nothing to watch")
            continue
        progress(f"watching {name}, version {champion.version}")
        look = _Look(opened, store, opened.project.model(name), champion, VersionRecords(registry, name), again)
        recourse = _recourse(registry, name, opened.project.monitoring.rest_days, now)
        watches.append(_watch(look, predictions, recourse))
    return WatchedModels(date, tuple(watches), tuple(unwatched))


def _scored_date(store: Store, as_of: dt.date | None) -> dt.date:
    dates = store.monitoring.dates_in_order()
    if not dates:
        raise TooLittleDataError(
            "No date was scored yet, so there is nothing to watch.", remedy="Run 'churnml score' first."
        )
    if as_of is not None and as_of not in dates:
        held = "was held, as its data could not be believed" if as_of in store.dates() else "was not scored"
        raise TooLittleDataError(f"{as_of} {held}.", remedy=f"Scored dates: {', '.join(map(str, dates[-5:]))}.")
    return as_of or dates[-1]


def _held_since(store: Store, date: dt.date) -> list[str]:
    """That later dates were held: what a broken feed does to features is no drift."""
    later = [one for one in store.dates() if one > date]
    held = [one for one in later if one not in store.monitoring.dates_in_order()]
    if not held:
        return []
    return [f"{len(held)} dates since then were held ({held[0]} to {held[-1]}), as their data could not be believed"]


def _recourse(registry: Registry, name: str, rest_days: int, now: dt.datetime) -> Recourse:
    """What can be done about the champion."""
    newest = max(registry.versions(name), key=lambda one: one.created)
    age = max(0, (now.astimezone(dt.UTC) - newest.created).days)
    trained = ""
    if age < rest_days:
        trained = f"version {newest.version} was trained {age} days ago, and {rest_days} days of rest are declared"
    try:
        registry.previous(name)
    except RegistryError:
        return Recourse("there was no champion before", trained)
    return Recourse("", trained)


def _watch(look: _Look, predictions: Predictions, recourse: Recourse) -> ModelWatch:
    name, version = look.spec.name, look.champion.version
    facts = look.opened.facts
    present, figures, left_out = _of_today(look, predictions)
    past, of_past, not_judged = _of_outcomes(look)
    own = bool(of_past) and all(figure.version == version for figure in of_past if figure.kind == "rolling")
    named = present | past
    recourse = Recourse(recourse.fell_back, recourse.trained, own)
    alarms = alarms_of(look.opened.project.monitoring.triggers, name, named, recourse)
    action = alarms[0].action if alarms else None
    log.info(
        "%(model)s watched at %(as_of)s: %(action)s", {"model": name, "as_of": predictions.as_of, "action": action}
    )
    return ModelWatch(
        model=name,
        version=version,
        as_of=predictions.as_of,
        known_through=facts.data_through,
        action=action,
        alarms=alarms,
        figures=(*figures, *of_past),
        left_out=(*left_out, *not_judged),
    )


# ---------------------------------------------------------------- without outcomes


def _of_today(look: _Look, predictions: Predictions) -> tuple[dict[str, Figure], list[WatchedFigure], list[str]]:
    """Drift and what is to be expected of the date: by the triggers' names, as written down, and what is missing."""
    model = predictions.models[look.spec.name]
    profile, version = look.champion.predictor.profile, look.champion.version
    if profile is None:
        return (
            {},
            [],
            [f"version {version} was trained before a model kept how things stood then: no drift, no estimate"],
        )
    if model is None or not model.eligible.any():
        return {}, [], ["no account was eligible"]
    frame = model.predictor.with_places(predictions.frame[model.eligible])
    p = model.predictor.predict(frame)
    gains = dict(zip(model.predictor.feature_names, model.predictor.booster.feature_importance("gain"), strict=True))
    moved_from = look.opened.project.monitoring.moved_from
    drift = drift_of(profile, frame, p, {name: float(gain) for name, gain in gains.items()}, moved_from)
    estimate = expected(p, profile.trust, look.share(len(p)), look.spec.seed)
    named = {f"expected_{name}": figure for name, figure in estimate.items()}
    scores, left_out = drift.scores, []
    if scores.usual is None:
        left_out.append("a single fold calibrated the model, so it is not known how far its probabilities move anyway")
    elif scores.low > scores.usual:
        named["score_drift"] = Figure(scores.index, scores.low, scores.high)
    named["feature_drift"] = Figure(drift.gain_moved, drift.gain_moved, drift.gain_moved)
    of = PastScoring(predictions.as_of, 0, version)
    return named, [*_drift_figures(of, drift), *_figures("expected", of, estimate, len(p))], left_out


def _drift_figures(of: PastScoring, drift: Drift) -> list[WatchedFigure]:
    def row(figure: str, part: str, one: FeatureDrift) -> WatchedFigure:
        return _row("drift", of, figure, part, Figure(one.index, one.low, one.high), drift.rows, None)

    share = Figure(drift.gain_moved, drift.gain_moved, drift.gain_moved)
    return [
        row("score_drift", "", drift.scores),
        _row("drift", of, "feature_drift", "", share, drift.rows, None),
        *(row("moved" if one.moved else "index", one.feature, one) for one in drift.features),
    ]


# ---------------------------------------------------------------- with outcomes


def _of_outcomes(look: _Look) -> tuple[dict[str, Figure], list[WatchedFigure], list[str]]:
    """What came true, and where leavers had stood: by the triggers' names, as written down, and what is missing."""
    judged = judged_scorings(look.opened, look.store, look.spec.name, look.label, look.records)
    left_out = list(judged.left_out)
    figures: list[WatchedFigure] = []
    if judged.chosen:
        figures += _realised_figures(look, judged.chosen, judged.rolling)
    else:
        left_out.append("no outcome of a scored date is known yet")
    if look.spec.name == look.opened.project.health.risk.model and look.label.tells_when:
        stood = _leaver_figures(look)
        figures += stood
        if not stood:
            left_out.append("nobody is known to have left in the newest quarter whose leavings are final")
    return _named(figures), figures, left_out


def _realised_figures(look: _Look, chosen: Sequence[PastScoring], newest: Sequence[PastScoring]) -> list[WatchedFigure]:
    """The figures of every judged date, and of the newest together; what the store knows is not measured again."""
    known = [] if look.again else look.store.monitoring.figures(look.spec.name)
    judged = {(one.as_of, one.version) for one in chosen}
    before = [f for f in known if f.kind in ("realised", "expected") and (f.as_of, f.version) in judged]
    done = {(figure.as_of, figure.version) for figure in before if figure.kind == "realised"}
    last, versions = newest[-1].as_of, ", ".join(dict.fromkeys(one.version for one in newest))
    together = [f for f in known if f.kind == "rolling" and (f.as_of, f.version) == (last, versions)]
    missing = [one for one in chosen if (one.as_of, one.version) not in done]
    wanted = sorted({*missing, *(() if together else newest)}, key=lambda one: one.as_of)
    growth = look.spec.plays == "grows"
    scores = {one.as_of: one for one in past_scores(look.opened, look.store, wanted, look.label, growth=growth)}
    figures = [*before, *together]
    for one in missing:
        if one.as_of in scores:
            figures += _judged_figures(look, one, scores[one.as_of])
    of_newest = [scores[one.as_of] for one in newest if one.as_of in scores]
    if not together and of_newest:
        seed, share = look.spec.seed, look.share(len(of_newest[-1].rows))
        figures += _past_rows("rolling", realised(of_newest, share, seed))
    return figures


def _judged_figures(look: _Look, scored: PastScoring, past: PastScores) -> list[WatchedFigure]:
    """What came of one scored date, beside what was to be expected of it."""
    share, seed = look.share(len(past.rows)), look.spec.seed
    figures = _past_rows("realised", realised([past], share, seed))
    try:
        profile = look.records.registry.version(look.spec.name, scored.version).predictor.profile
    except RegistryError:
        profile = None
    if profile is not None:
        p = past.rows["probability"].to_numpy(dtype="float64")
        figures += _figures("expected", scored, expected(p, profile.trust, share, seed), len(p))
    return figures


def _past_rows(kind: FigureKind, of: Iterable[Realised]) -> list[WatchedFigure]:
    return [
        _row(kind, PastScoring(one.as_of, 0, ", ".join(one.versions)), name, one.part, figure, one.rows, one.positives)
        for one in of
        for name, figure in one.figures.items()
    ]


def _named(figures: Sequence[WatchedFigure]) -> dict[str, Figure]:
    """The newest dates' figures together, and the leavers nobody was warned of, by the triggers' names."""
    parts: dict[str, dict[str, Figure]] = {}
    named: dict[str, Figure] = {}
    for figure in figures:
        of = _figure_of(figure)
        if figure.kind == "rolling" and of is not None:
            parts.setdefault(figure.part, {})[figure.figure] = of
        elif figure.kind == "leavers" and figure.figure == "missed" and of is not None:
            named["leavers_missed"] = of
    everybody, untouched = parts.get(ALL, {}), parts.get(UNTOUCHED)
    told = everybody if untouched is None else {**everybody, **_only(untouched, OF_UNTOUCHED)}
    return named | {f"realised_{name}": figure for name, figure in told.items()}


def _only(figures: Mapping[str, Figure], names: Iterable[str]) -> dict[str, Figure]:
    return {name: figures[name] for name in names if name in figures}


def _figure_of(figure: WatchedFigure) -> Figure | None:
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return Figure(figure.value, figure.low, figure.high)


def _leaver_figures(look: _Look) -> list[WatchedFigure]:
    """Where leavers had stood; what the store knows of the last days is not counted again."""
    ends = last_leavings(look.opened, look.label)
    known = [] if look.again else look.store.monitoring.figures(look.spec.name, "leavers")
    newest = max((figure.as_of for figure in known), default=None)
    if newest is not None and plus_days(newest, LEAVERS_EVERY_DAYS) > ends >= newest:
        return [figure for figure in known if (figure.as_of, figure.version) == (newest, known[-1].version)]
    leavers, first, last = leavers_of(look.opened, look.store, look.label)
    if not leavers:
        return []
    bands = [band.name for band in reversed(look.opened.project.health.bands)]
    before = leavers_before(leavers, bands, first, last)
    of = PastScoring(last, 0, look.champion.version)

    def row(figure: str, share: LeaverShare, part: str = "") -> WatchedFigure:
        return _row("leavers", of, figure, part, share.share, before.leavers, share.count)

    return [
        *(row("stood", band, band.name) for band in before.bands),
        row("listed", before.listed),
        row("held_out", before.held_out),
        row("missed", before.missed),
    ]


# ---------------------------------------------------------------- written down, acted upon


def _figures(kind: FigureKind, of: PastScoring, figures: Mapping[str, Figure], rows: int) -> list[WatchedFigure]:
    return [_row(kind, of, name, "", figure, rows, None) for name, figure in figures.items()]


def _row(
    kind: FigureKind, of: PastScoring, name: str, part: str, figure: Figure, rows: int, positives: int | None
) -> WatchedFigure:
    value, low, high = (float(end) if math.isfinite(end) else None for end in (figure.value, figure.low, figure.high))
    return WatchedFigure(kind, of.as_of, of.version, name, part, value, low, high, rows, positives)


def record_watches(registry: Registry, store: Store, watched: WatchedModels, now: dt.datetime, project: str) -> bool:
    """Writes looks into the store and their figures to MLflow; whether any said something new."""
    for watch in watched.watches:
        # MLflow first: stopped between the two, a figure stands there twice rather than not at all
        registry.log_watch(project, watch, store.monitoring.news(watch), now)
    new = [store.monitoring.add(watch, now) for watch in watched.watches]
    return any(new)


def fall_back(registry: Registry, watch: ModelWatch, open_data: OpenData) -> Appointed:
    """Makes the champion before the watched one champion again; raises RegistryError where that cannot be.

    Nothing is done where another than the watched version has become champion meanwhile.
    """
    present = registry.champion_version(watch.model)
    if present != watch.version:
        raise RegistryError(
            f"Version {watch.version} of '{watch.model}' was watched, but version {present or 'none'} is champion now.",
            remedy="Watch again.",
        )
    why = next(alarm.sentence for alarm in watch.alarms if alarm.action == "fall_back")
    return roll_back(registry, watch.model, None, f"watched at {watch.as_of}: {why}", None, open_data, BY_WATCH)
