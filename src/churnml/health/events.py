"""What is reported of a health score that moved: a change of band, and a drop, apart from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from churnml.health.bands import ladder_of
from churnml.health.score import DIGITS, Health
from churnml.ledger import BandState, DatedHealth, HealthEvent
from churnml.specs.health import INSUFFICIENT, HealthSpec


def health_events(
    spec: HealthSpec,
    states: Sequence[BandState],
    health: Health,
    prior: Mapping[str, BandState],
    earlier: Mapping[str, Sequence[DatedHealth]] | None = None,
) -> list[HealthEvent]:
    """What today's scoring noticed, by account id, a drop before a change of band.

    A drop is reported once: it is measured from the highest score of the declared days before, as far as that was
    scored since the last drop that was reported. An account's first scoring is no event.

    Args:
        spec: what is declared of events and bands.
        states: today's settled bands, parallel to the rows of ``health``.
        health: today's scores.
        prior: account → its state at the newest scoring before today.
        earlier: account → date and score of earlier scorings. They should reach back twice ``within_days``, so that
            what was reported before is known; without them only the newest scoring is looked at.
    """
    events: list[HealthEvent] = []
    for row, state in enumerate(states):
        last = prior.get(state.account_id)
        if last is None or last.scored_on >= state.scored_on:
            last = None
        history = (earlier or {}).get(state.account_id, (DatedHealth(last.scored_on, last.health),) if last else ())
        events += _drop(spec, state, history, health, row)
        if last is not None and last.band != state.band:
            because = _why_band(spec, state, last, health, row)
            events.append(HealthEvent(state.account_id, state.scored_on, "band", last.band, state.band, because))
    return sorted(events, key=lambda event: (event.account_id, event.kind != "drop"))


def _drop(
    spec: HealthSpec,
    state: BandState,
    history: Sequence[DatedHealth],
    health: Health,
    row: int,
) -> list[HealthEvent]:
    """The drop that today's score ends, if it does: all scorings played again, so that none is reported twice."""
    today, within = state.scored_on, spec.events.within_days
    seen = sorted((on, score) for on, score in history if score is not None and on < today)
    if state.health is None or not seen or max(score for _, score in seen) - state.health < spec.events.drop:
        return []
    scorings = [*seen, (today, state.health)]
    reported, drop = 0, None  # where the last drop was reported, and the highest score if the present one ends a drop
    for place, (on, score) in enumerate(scorings):
        reach = [(height, day) for day, height in scorings[reported:place] if (on - day).days <= within]
        top = max(reach, default=None)
        drop = top if top is not None and top[0] - score >= spec.events.drop else None
        reported = place if drop else reported
    if drop is None:
        return []
    top_score, top_on = drop
    days = (today - top_on).days
    because = (
        f"fell {round(top_score - state.health, DIGITS):g} points in {days} {'day' if days == 1 else 'days'}, "
        f"from {top_score:g} on {top_on}",
        *_ruled_by(health, row),
    )
    return [HealthEvent(state.account_id, today, "drop", f"{top_score:g}", f"{state.health:g}", because)]


def _why_band(spec: HealthSpec, state: BandState, last: BandState, health: Health, row: int) -> tuple[str, ...]:
    if state.band == INSUFFICIENT:
        return (f"only {health.coverage[row]:.0%} of the weight is known, under {spec.min_coverage:.0%}",)
    ruled = _ruled_by(health, row)
    if health.overrides[row] is not None or state.health is None:
        return ruled
    ladder = ladder_of(spec)
    if last.band == INSUFFICIENT:
        return (f"a score of {state.health:g} is known again", *ruled)
    if last.band not in ladder.names:
        return (f"the band '{last.band}' is no longer declared", *ruled)
    old, new = ladder.names.index(last.band), ladder.names.index(state.band)
    edge, side = (ladder.edges[new - 1], "over") if new > old else (ladder.edges[new], "under")
    past = f", by the margin of {ladder.margin:g} or more" if ladder.margin else ""
    return (f"a score of {state.health:g} is {side} {edge:g}{past}", *ruled)


def _ruled_by(health: Health, row: int) -> tuple[str, ...]:
    """The override and the exceptions that made the score what it is."""
    override = health.overrides[row]
    if override is not None:
        return (f"overridden by {override.author} until {override.expires_on}: {override.reason}",)
    return tuple(
        f"exception '{applied.name}' took the score from {applied.before:g} to {applied.after:g}"
        for applied in health.exceptions[row]
        if applied.before != applied.after
    )
