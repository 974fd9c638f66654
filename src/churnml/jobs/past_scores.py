"""What the store's scores came to: their outcomes where they are known by now, and where leavers had stood."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import pandas as pd

from churnml import snapshots
from churnml.adapters.registry import Registry
from churnml.adapters.store import Store
from churnml.errors import RegistryError
from churnml.impact.treated import treated_in_window, treatment_marks
from churnml.jobs.opening import OpenedProject
from churnml.labels import Label
from churnml.ledger import Assignment, WorkItem
from churnml.ledger.monitoring import PastScoring
from churnml.modelling.promotion import overlapping
from churnml.modelling.record import ModelRecord
from churnml.timeline import end_of_data, plus_days
from churnml.watch.leavers import Leaver
from churnml.watch.realised import PastScores, judged_dates, rolling

# Those who left in so many days are looked at: a quarter.
QUARTER_DAYS = 91
# Who was eligible is asked so often; who comes and goes in less is not seen.
LOOK_EVERY_DAYS = 28
OfAccount = TypeVar("OfAccount", WorkItem, Assignment)


@dataclass(frozen=True)
class JudgedScorings:
    """The scorings whose outcomes are known and may be judged.

    Args:
        chosen: one a judged date, ascending; the newest of each stretch are ``rolling``.
        rolling: the newest of them that are looked at together.
        left_out: what was not judged and why, in words.
    """

    chosen: tuple[PastScoring, ...]
    rolling: tuple[PastScoring, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class VersionRecords:
    """The records of a model's versions, each read once; None of one that cannot be read."""

    registry: Registry
    model: str
    _read: dict[str, ModelRecord | None] = field(default_factory=dict, init=False, repr=False, compare=False)

    def of(self, version: str) -> ModelRecord | None:
        """The record of a version."""
        if version not in self._read:
            try:
                self._read[version] = self.registry.record_of(self.model, version)
            except RegistryError:
                self._read[version] = None
        return self._read[version]


def judged_scorings(
    opened: OpenedProject, store: Store, model: str, label: Label, records: VersionRecords
) -> JudgedScorings:
    """Which scorings are judged: mature, and made by a version that had not learned from their outcomes.

    A date that was scored long after, by a version that has trained on what it predicts, says nothing of how well the
    model does.
    """
    clean: dict[dt.date, PastScoring] = {}
    reasons: dict[str, list[dt.date]] = {}
    mature = [
        scored
        for scored in store.monitoring.scored_by(model)
        if label.reach.is_mature(scored.as_of, opened.facts.data_through)
    ]
    for as_of, scorings in itertools.groupby(mature, key=lambda scored: scored.as_of):
        problems = []
        for scored in reversed(list(scorings)):
            problem = _unfit(scored, label, records.of(scored.version))
            if problem is None:
                clean[as_of] = scored
                break
            problems.append(problem)
        else:
            reasons.setdefault(problems[0], []).append(as_of)
    spec = opened.project.monitoring
    dates = judged_dates(list(clean), label.reach, opened.facts.data_through, spec.every)
    newest = rolling(dates, spec.rolling) if dates else []
    left_out = tuple(
        f"{len(dates)} scored dates are not judged ({_dates(dates)}): {why}" for why, dates in reasons.items()
    )
    return JudgedScorings(tuple(clean[date] for date in dates), tuple(clean[date] for date in newest), left_out)


def _unfit(scored: PastScoring, label: Label, record: ModelRecord | None) -> str | None:
    """Why a scoring is not judged; None when it is."""
    who = f"version {scored.version}"
    if record is None:
        return f"the record of {who} cannot be read"
    if record.label != label:
        return f"{who} predicted another label"
    if overlapping(who, record.training.cutoffs, scored.as_of, label.reach):
        return f"they were scored by {who}, which had learned from their outcomes"
    return None


def _dates(dates: Sequence[dt.date]) -> str:
    return str(dates[0]) if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"


def past_scores(
    opened: OpenedProject, store: Store, scorings: Sequence[PastScoring], label: Label, *, growth: bool = False
) -> list[PastScores]:
    """The scores of judged scorings with what came of them, in order; those without a single outcome are left out.

    ``growth`` says that they are scores of growing, not of the risk.

    Raises:
        TooLittleDataError: one of them is not mature.
    """
    if not scorings:
        return []
    spine = snapshots.population(label, opened.facts, [scored.as_of for scored in scorings])
    spine["label"] = snapshots.attach_label(label, opened.facts, spine)["label"].to_numpy()
    marks = treatment_marks(store.outcomes.assignments(), store.work.items())
    past = []
    for scored in scorings:
        written = store.monitoring.probabilities(scored, growth=growth)
        scores = pd.DataFrame({"account_id": list(written), "probability": list(written.values())})
        here = spine.loc[spine["as_of"] == pd.Timestamp(scored.as_of), ["account_id", "as_of", "label"]]
        rows = scores.merge(here, on="account_id", how="inner", validate="one_to_one")
        rows = rows[rows["label"].notna()].reset_index(drop=True)
        if len(rows):
            rows["treated"] = treated_in_window(rows, marks, label.reach)
            past.append(PastScores(scored.as_of, scored.version, rows, len(written) - len(rows)))
    return past


# ---------------------------------------------------------------- leavers


def last_leavings(opened: OpenedProject, label: Label) -> dt.date:
    """The last day of which it is final who left."""
    return plus_days(opened.facts.data_through, -label.leaving_settles)


def leavers_of(opened: OpenedProject, store: Store, label: Label) -> tuple[list[Leaver], dt.date, dt.date]:
    """Those who left in the newest quarter whose leavings are final, and where each had stood; its first and last day.

    An account is seen where it stood at its newest scoring that left time to act: the label's gap before it left.
    """
    ends = plus_days(last_leavings(opened, label), 1)
    first = plus_days(ends, -QUARTER_DAYS)
    # who has given notice is no longer eligible, so leavers are looked for from a whole label window before
    begins = plus_days(first, -label.gap - label.horizon)
    left = _left_on(opened, label, begins, first, ends)
    bands = store.monitoring.bands_of(sorted(left), begins, ends)
    items, assignments = _by_account(store.work.items()), _by_account(store.outcomes.assignments())
    leavers = [
        _leaver(account, on, label, bands.get(account, {}), items.get(account, ()), assignments.get(account, ()))
        for account, on in sorted(left.items())
    ]
    return leavers, first, plus_days(ends, -1)


def _left_on(opened: OpenedProject, label: Label, begins: dt.date, first: dt.date, ends: dt.date) -> dict[str, dt.date]:
    """Account → the day it left, of those that left from ``first`` up to but not including ``ends``."""
    days = (ends - begins).days
    spine = snapshots.population(label, opened.facts, [plus_days(begins, n) for n in range(0, days, LOOK_EVERY_DAYS)])
    if spine.empty:
        return {}
    times = snapshots.attach_leaving_times(label, opened.facts, spine, end_of_data(opened.facts.data_through))
    gone = times[times["left_after"].notna()]
    left_on = gone["as_of"] + pd.to_timedelta(gone["left_after"].astype("float64"), unit="D")
    inside = (left_on >= pd.Timestamp(first)) & (left_on < pd.Timestamp(ends))
    newest = left_on[inside].groupby(gone["account_id"][inside]).max()
    return {str(account): at.date() for account, at in newest.items()}


def _by_account(rows: Sequence[OfAccount]) -> dict[str, list[OfAccount]]:
    by_account: dict[str, list[OfAccount]] = {}
    for row in rows:
        by_account.setdefault(row.account_id, []).append(row)
    return by_account


def _leaver(
    account: str,
    left_on: dt.date,
    label: Label,
    bands: Mapping[dt.date, str],
    items: Sequence[WorkItem],
    assignments: Sequence[Assignment],
) -> Leaver:
    in_time, begins = plus_days(left_on, -label.gap), plus_days(left_on, -label.gap - label.horizon)
    seen_on = max((date for date in bands if begins <= date <= in_time), default=None)
    return Leaver(
        account_id=account,
        left_on=left_on,
        seen_on=seen_on,
        band=bands[seen_on] if seen_on else None,
        listed=any(item.opened_on <= in_time and (item.ended_on is None or item.ended_on >= begins) for item in items),
        held_out=any(one.arm == "holdout" and begins <= one.assigned_on <= in_time for one in assignments),
    )
