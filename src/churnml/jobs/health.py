"""Looking after the health score: a changed health.yaml tried on every account, weights, overrides, flaps, changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.errors import TooLittleDataError
from churnml.health.bands import FlapRate, flap_rates
from churnml.health.directions import heard
from churnml.health.override_judging import ModelScore, OverrideJudgement, judge_overrides
from churnml.health.preview import Preview, preview
from churnml.health.score import check_inputs, health_of
from churnml.health.weights import WeightProposal, propose_weights
from churnml.jobs.opening import OpenedProject, built_for, default_as_of
from churnml.jobs.scoring import champions_of, read_date
from churnml.labels import Label
from churnml.ledger import Override
from churnml.specs.health import HealthSpec
from churnml.specs.reading import read_spec
from churnml.stretches import KEY
from churnml.timeline import end_of_data, plus_days

if TYPE_CHECKING:
    from churnml.adapters.registry import Registry
    from churnml.adapters.store import Store

# A quarter between cutoffs of the past that weights are proposed from: closer ones tell the same story again.
EVERY_DAYS = 91
CUTOFFS = 8


def preview_change(
    opened: OpenedProject, registry: Registry, store: Store, changed: Path, as_of: dt.date | None
) -> Preview:
    """What the declaration in the file ``changed`` would do to every account on a date.

    Raises:
        SpecError: the file cannot be read, or asks for a feature that is none.
    """
    then = read_spec(HealthSpec, changed)
    champions = champions_of(opened, registry)
    now = heard(opened.project.health, champions.scales_of.manifest.unheard)
    check_inputs(then, opened.project.possible_features(champions.scales_of.manifest.wish), str(changed))
    then = heard(then, champions.scales_of.manifest.unheard)
    date = as_of or default_as_of(opened)
    predictions = read_date(opened, champions, date, also=then.features, reasons=False)
    return preview(
        now,
        then,
        date,
        predictions.frame,
        predictions.polarity,
        predictions.reference,
        predictions.churn,
        predictions.base_rate,
        store.prior_state(date),
    )


def propose(opened: OpenedProject, registry: Registry) -> WeightProposal:
    """Weights by which the dimensions would have told who left, at quarterly cutoffs of the past.

    The risk's own weight is not among them: its model has seen those outcomes.
    """
    champions = champions_of(opened, registry)
    spec = heard(opened.project.health, champions.scales_of.manifest.unheard)
    label = opened.project.risk_spec("Weights are proposed by who left").label
    last = label.reach.latest_mature(opened.facts.data_through)
    cutoffs = [plus_days(last, -EVERY_DAYS * n) for n in range(CUTOFFS)]
    spine = snapshots.population(label, opened.facts, cutoffs)
    if spine.empty:
        raise TooLittleDataError(
            "No weights can be proposed: there is no past date whose outcomes are known.",
            remedy="Give more history, or keep the hand-set weights.",
        )
    features = built_for(opened, champions.scales_of, spec.features)
    frame = snapshots.build_snapshots(opened.facts, list(features.values()), spine.drop(columns="mrr_cents"))
    labels = snapshots.attach_label(label, opened.facts, spine)["label"].to_numpy()
    polarity = {name: feature.polarity for name, feature in features.items()}
    nothing = np.full(len(frame), np.nan)
    health = health_of(spec, frame, polarity, champions.scales_of.reference, nothing, None)
    scored = {name: values for name, values in health.dimensions.items() if name in spec.dimensions}
    return propose_weights(spec, frame[KEY].assign(label=labels, **scored))


def judge(opened: OpenedProject, store: Store) -> OverrideJudgement:
    """Every override beside what became of its account: was the person right, was the model right."""
    made = store.overrides.all()
    label = opened.project.risk_spec("Overrides are judged by who left").label
    was = {override.override_id: _score_then(store, override.account_id, override.made_on) for override in made}
    return judge_overrides(
        opened.project.health,
        made,
        {override_id: score for override_id, score in was.items() if score is not None},
        _left(opened, label, made),
        end_of_data(opened.facts.data_through),
        label.gap + label.horizon,
    )


def _score_then(store: Store, account_id: str, on: dt.date) -> ModelScore | None:
    """The model's score of the account at its newest scoring by that date, without any override."""
    for date in reversed([date for date in store.dates() if date <= on]):
        if recorded := store.recorded(account_id, date):
            return ModelScore(recorded.account.trace.ruled_health, recorded.account.churn_probability)
    return None


def _left(opened: OpenedProject, label: Label, made: Sequence[Override]) -> dict[str, dt.date]:
    """Account → the first date at which it had left after an override of it, by the churn label's own kind."""
    if not made:
        return {}
    spine = snapshots.population(label, opened.facts, sorted({override.made_on for override in made}))
    about = {(override.account_id, pd.Timestamp(override.made_on)) for override in made}
    asked = [key in about for key in zip(spine["account_id"], spine["as_of"], strict=True)]
    spine = spine[asked].reset_index(drop=True)
    if spine.empty:
        return {}
    if not label.tells_when:
        return _came_true(opened, label, spine)
    times = snapshots.attach_leaving_times(label, opened.facts, spine, end_of_data(opened.facts.data_through))
    left_on = spine["as_of"] + pd.to_timedelta(times["left_after"].to_numpy(dtype="float64", na_value=np.nan), unit="D")
    first = left_on.groupby(spine["account_id"]).min().dropna()
    return {str(account): day.date() for account, day in first.items()}


def _came_true(opened: OpenedProject, label: Label, spine: pd.DataFrame) -> dict[str, dt.date]:
    """Account → the end of the first window at which the label was true, of a label that names no day of leaving."""
    through = opened.facts.data_through
    mature = [label.reach.is_mature(as_of.date(), through) for as_of in spine["as_of"]]
    rows = spine[mature].reset_index(drop=True)
    if rows.empty:
        return {}
    labels = snapshots.attach_label(label, opened.facts, rows)["label"].to_numpy()
    first = rows[labels == 1].groupby("account_id")["as_of"].min()
    return {str(account): label.reach.window(as_of.date()).end for account, as_of in first.items()}


def flaps(store: Store, health: HealthSpec) -> dict[str, FlapRate]:
    """How often bands changed and changed back over all that was scored: with margin and dwell, and without."""
    dates = store.dates()
    if len(dates) < 2:
        raise TooLittleDataError(
            "Flaps are counted over a history, and there are fewer than two scored dates.",
            remedy="Score further dates; 'churnml backfill FROM TO' scores those that are over.",
        )
    rows = pd.DataFrame([vars(band) for band in store.bands(dates[0], dates[-1])])
    rows["score"] = rows["health"].astype("float64")
    rows["overridden"] = rows["override_id"].notna()
    return flap_rates(health, rows[["account_id", "as_of", "score", "coverage", "overridden"]])
