"""A settled date: every account with its score and what made it, what happened to its health, what was decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from churnml.ledger.work import LISTED, DayPlan, Decision

# What a feature was, as a score read it; None not known.
InputValue = float | str | None


@dataclass(frozen=True)
class Reason:
    """One reason.

    Args:
        code: the feature family.
        feature: the feature the sentence speaks of.
        sentence: what a person reads. Holds the user's own data: escape it where it is shown.
        weight: log-odds its theme adds, or points of health it costs.
    """

    code: str
    feature: str
    sentence: str
    weight: float


@dataclass(frozen=True)
class LikelyPeriod:
    """The period an account most likely leaves in, if it leaves: its first and last day, and the probability."""

    first: dt.date
    last: dt.date
    probability: float


@dataclass(frozen=True)
class LeavingCurve:
    """Days from the cutoff at which the periods end, and the probability of having left by then; parallel."""

    days: tuple[int, ...]
    left: tuple[float, ...]


@dataclass(frozen=True)
class Timing:
    """When one account may leave.

    Args:
        leave_within: days from the cutoff, as text → probability of having left by then, never falling; None
            past the end of the curve.
        likely_period: when it most likely leaves.
        left_by: the whole curve.
    """

    leave_within: Mapping[str, float | None]
    likely_period: LikelyPeriod
    left_by: LeavingCurve


@dataclass(frozen=True)
class AppliedException:
    """An exception that held for an account, and what it did; equal scores: it held and changed nothing."""

    name: str
    before: float
    after: float


@dataclass(frozen=True)
class HierarchyScore:
    """The score of a parent with all under it, beside an account's own.

    Args:
        parent: its account id.
        score: 0 to 100; None where no member's is known.
        members: how many scored accounts it holds.
        worst: the member with the lowest score; None where none is known.
    """

    parent: str
    score: float | None
    members: int
    worst: str | None


@dataclass(frozen=True)
class HealthTrace:
    """What made an account's score, so that it can be traced and made again.

    Args:
        raw_health: the weighted mean, before exceptions.
        ruled_health: after exceptions, before an override.
        weights: dimension, and risk → the share of the mean it has.
        base_rate: the usual probability of churn; None without a model.
        scorecard, stage: what the account is judged by, and where in its life it is.
        exceptions: those that held, in order.
        override_id: the override that holds, if one does.
        inputs: feature → its value, as the score read it; None where that was not kept.
        hierarchies: the parents the account belongs under.
        stale_since: the date the score is of, where that stands because the day's data could not be believed.
    """

    raw_health: float | None = None
    ruled_health: float | None = None
    weights: Mapping[str, float | None] = field(default_factory=dict)
    base_rate: float | None = None
    scorecard: str | None = None
    stage: str | None = None
    exceptions: tuple[AppliedException, ...] = ()
    override_id: str | None = None
    inputs: Mapping[str, InputValue] | None = None
    hierarchies: tuple[HierarchyScore, ...] = ()
    stale_since: dt.date | None = None


@dataclass(frozen=True)
class ScoredAccount:
    """All that is known of one account on one date.

    Args:
        account_id, owner_id, segment, mrr: the account, as known on the date.
        churn_probability, upsell_probability: calibrated; None without a champion.
        health: 0 to 100; None unknown.
        band: the settled band.
        coverage: the share of the score's weight that was known.
        dimensions: dimension, and risk → 0 to 100; None unknown.
        reasons, growth_reasons: why it may leave or is poorly, and why it may grow; the heaviest first.
        mrr_at_risk: MRR × probability of churn.
        timing: when it may leave; None where the champion has no hazard.
        band_since: the first date it was in its band without a break.
        pending, pending_since: the band its score has pointed to since, while dwell holds it back; else None.
        trace: what made the score.
        renews_on: when its contract renews, or should have; None where that is not known.
        name: what people call the account, as its table says when it is scored; None where it says nothing. Holds the
            user's own data: escape it where it is shown.
    """

    account_id: str
    owner_id: str | None
    segment: str | None
    mrr: float | None
    churn_probability: float | None
    upsell_probability: float | None
    health: float | None
    band: str
    coverage: float
    dimensions: Mapping[str, float | None]
    reasons: tuple[Reason, ...]
    growth_reasons: tuple[Reason, ...]
    mrr_at_risk: float | None
    timing: Timing | None = None
    band_since: dt.date | None = None
    pending: str | None = None
    pending_since: dt.date | None = None
    trace: HealthTrace = field(default_factory=HealthTrace)
    name: str | None = None
    renews_on: dt.date | None = None


@dataclass(frozen=True)
class HealthEvent:
    """Something that happened to an account's health; never changed afterwards.

    Args:
        account_id: whose.
        on: the date of the scoring that noticed it.
        kind: ``band`` (the settled band changed) or ``drop`` (the score fell by the declared points or more).
        from_, to: bands, or scores as text.
        because: why, in words.
    """

    account_id: str
    on: dt.date
    kind: Literal["band", "drop"]
    from_: str
    to: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class HeldDay:
    """Why the scores of a date are those of an earlier one.

    Args:
        stale_since: that date.
        breaks: the names of the breaks in the data that were the reason.
        unscored: accounts that became customers since, and so have no score.
    """

    stale_since: dt.date
    breaks: tuple[str, ...]
    unscored: int = 0


@dataclass(frozen=True)
class StandingDay:
    """The newest date that was scored from data in order: its accounts stand while later data are not.

    Args:
        as_of: the date.
        accounts: as they were scored.
        models: model name → version used.
        fingerprint: of the scoring.
    """

    as_of: dt.date
    accounts: tuple[ScoredAccount, ...]
    models: Mapping[str, str | None]
    fingerprint: str


@dataclass(frozen=True)
class ScoredDay:
    """A settled date: written down whole or not at all.

    Args:
        as_of: the date.
        accounts: every scored account, sorted by id.
        models: model name → version used, None where health stands alone.
        plan: all that was decided, and the work and the arms that come of it.
        events: what happened to the accounts' health.
        problems: what was wrong with the links between parents and children, in words.
        held: why its scores are those of an earlier date; None where they are its own.
    """

    as_of: dt.date
    accounts: tuple[ScoredAccount, ...]
    models: Mapping[str, str | None]
    plan: DayPlan = field(default_factory=DayPlan)
    events: tuple[HealthEvent, ...] = ()
    problems: tuple[str, ...] = ()
    held: HeldDay | None = None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Those on somebody's list: at most one an account, most valuable first."""
        return tuple(decision for decision in self.plan.decisions if decision.disposition in LISTED)


@dataclass(frozen=True)
class Provenance:
    """What a scored date was made from.

    Args:
        fingerprint: names data, models and declarations; equal means nothing would change.
        as_good: further fingerprints: a date that has one of them stands as it is too.
        declarations: kind (health, playbooks …) → its YAML as it was. Must hold no secret.
        data_fingerprint: of the data.
        stamp: that of the :class:`churnml.ledger.PriorState` the plan was made from.
    """

    fingerprint: str
    declarations: Mapping[str, str] = field(default_factory=dict)
    data_fingerprint: str | None = None
    stamp: int | None = None
    as_good: tuple[str, ...] = ()

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Under which of them the date stands as it is."""
        return (self.fingerprint, *self.as_good)
