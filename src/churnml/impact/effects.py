"""Whether a playbook helps: those it was done for beside those left alone, by the arm that was drawn.

Intention to treat: an account counts in the arm it was given, whatever happened to its work afterwards. Work that was
never done makes an effect smaller, which is what the playbook is worth as the team runs it; leaving such accounts out
would compare the willing with everybody. See ``docs/decisions/0016-impact.md``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from churnml.impact.estimation import (
    counted,
    counts,
    effect_of,
    needed_in_all,
    pooled,
    problems,
    targeting_of,
)
from churnml.impact.measures import GREW, KEPT_MONEY, LEFT, MEASURES, WON_MONEY, About, Measure, Terms
from churnml.impact.report import Counts, Effect, ImpactReport, PlaybookImpact, Together, Word


def impact(
    enrolled: pd.DataFrame,
    about: Mapping[str, About],
    data_through: dt.date,
    terms: Terms | None = None,
    currency: str = "",
) -> ImpactReport:
    """The report.

    Args:
        enrolled: one row an enrolment, in any order: ``account_id, playbook, arm, propensity, assigned_on`` (dates),
            ``risk`` (churn probability known then, may be missing), ``mrr`` (paid then, may be missing), ``worked``
            (whether a work item was opened), ``elsewhere`` (whether another playbook's was, or was open, before
            the window closed; may be left out), ``churn_state`` and ``upsell_state`` (``counted``, ``waiting``,
            ``gone``, ``vanished`` or ``unasked``), and where counted: ``left``, ``grew`` (0 or 1), ``kept`` (MRR at the
            end / at enrolment; the cap is applied here), ``won`` (what was added, / at enrolment). Of an account that
            was enrolled twice in a playbook, the first time counts.
        about: playbook → its words; one that is not there is called by its name and taken to keep.
        data_through: the last full day in the data.
        terms: what is declared; None is the defaults.
        currency: of mrr.
    """
    terms = terms or Terms()
    rows = _first(enrolled)
    rows = rows.assign(
        treated=rows["arm"] == "treated",
        elsewhere=rows.get("elsewhere", False),
        kept=rows["kept"].clip(upper=terms.cap),
        won=rows["won"].clip(lower=0.0, upper=terms.cap - 1),
    )
    names = sorted(rows["playbook"].unique())
    drawn = (rows["propensity"] > 0) & (rows["propensity"] < 1)
    randomised = [name for name in names if (drawn & (rows["playbook"] == name)).any()]
    words = {name: about.get(name, About(name, "keep")) for name in names}
    asked = sum(len(_deciding(words[name])) for name in randomised)
    alpha = terms.alpha / max(1, terms.questions or 0, asked)
    playbooks = tuple(
        _playbook(name, words[name], rows[drawn & (rows["playbook"] == name)], terms, alpha)
        if name in randomised
        else _never_held_out(name, words[name], rows[rows["playbook"] == name])
        for name in names
    )
    together = _together(rows[drawn], terms)
    stop = tuple(one.sentence for word in ("harms", "no_sign") for one in playbooks if one.verdict == word)
    return ImpactReport(
        data_through, terms, alpha, currency, playbooks, together, stop, _notes(rows[~drawn], playbooks)
    )


def _first(enrolled: pd.DataFrame) -> pd.DataFrame:
    rows = enrolled.sort_values(["assigned_on", "account_id", "playbook"], kind="stable", ignore_index=True)
    return rows.drop_duplicates(["account_id", "playbook"], keep="first", ignore_index=True)


def _deciding(about: About) -> tuple[Measure, ...]:
    """What can decide about a playbook: its own goal, and whatever its goal, that it makes accounts leave."""
    return (GREW, LEFT) if about.goal == "grow" else (LEFT,)


# ---------------------------------------------------------------- one playbook


def _playbook(name: str, about: About, rows: pd.DataFrame, terms: Terms, alpha: float) -> PlaybookImpact:
    effects = {measure.name: effect_of(counted(rows, measure), measure, terms, alpha) for measure in MEASURES}
    own = _deciding(about)[0]
    playbook = PlaybookImpact(
        name,
        about.title,
        about.goal,
        counts(rows[rows["treated"]], own.window),
        counts(rows[~rows["treated"]], own.window),
        float(1 - rows["propensity"].mean()),
        own.name,
        effects,
        "not_yet",
        "",
        problems=problems(rows, own, terms),
        targeting=None if about.goal == "grow" else targeting_of(rows, about, terms, alpha),
    )
    return _judged(playbook, rows, own, terms, alpha)


def _judged(playbook: PlaybookImpact, rows: pd.DataFrame, own: Measure, terms: Terms, alpha: float) -> PlaybookImpact:
    if playbook.problems:
        problem = "; ".join(playbook.problems)
        return _with(playbook, "unsound", f"“{playbook.title}” cannot be judged: {problem}.")
    if own is GREW and (rows["upsell_state"] == "unasked").all():
        return _with(playbook, "not_measured", f"“{playbook.title}” is not measured: the project has no upsell label.")
    effect, left = playbook.effects[own.name], playbook.effects[LEFT.name]
    if left.low is not None and left.low > 0:
        return _with(playbook, "harms", _harms(playbook, left))
    if effect.low is not None and effect.high is not None:
        worst, best = sorted((own.better * effect.low, own.better * effect.high))
        if best < 0:
            return _with(playbook, "harms", _harms(playbook, effect))
        if worst > 0:
            small = best < terms.worth
            return _with(playbook, "works", _works(playbook, effect, terms, small))
        if best < terms.worth:
            return _with(playbook, "no_sign", _no_sign(playbook, effect, worst, terms))
    total = needed_in_all(rows, own, effect, terms, alpha, playbook.held_out)
    at_half = needed_in_all(rows, own, effect, terms, alpha, 0.5)
    sentence = _not_yet(playbook, effect, max(1, total - effect.outcomes), terms)
    # worth saying only where it would spare much
    sentence += f" With half held out, {at_half:,} in all would do, not {total:,}." if at_half * 3 < total * 2 else ""
    return _with(playbook, "not_yet", sentence, total)


def _with(playbook: PlaybookImpact, verdict: Word, sentence: str, total: int | None = None) -> PlaybookImpact:
    more = None if total is None else max(1, total - playbook.effects[playbook.decides].outcomes)
    return replace(playbook, verdict=verdict, sentence=sentence, total_needed=total, more_needed=more)


def _points(share: float | None) -> str:
    return "–" if share is None else f"{round(100 * share, 1) + 0.0:+.1f}"  # no negative nought


def _between(effect: Effect) -> str:
    return f"{_points(effect.value)} points [{_points(effect.low)}, {_points(effect.high)}]"


def _what(effect: Effect) -> str:
    return {"left": "share that left", "grew": "share that grew"}[effect.measure]


def _harms(playbook: PlaybookImpact, effect: Effect) -> str:
    return f"Stop “{playbook.title}”: it harms. It moved the {_what(effect)} by {_between(effect)}."


def _works(playbook: PlaybookImpact, effect: Effect, terms: Terms, small: bool) -> str:
    less = f", though less than the {100 * terms.worth:g} points declared to be worth it" if small else ""
    return f"“{playbook.title}” works: it moved the {_what(effect)} by {_between(effect)}{less}."


def _no_sign(playbook: PlaybookImpact, effect: Effect, worst: float, terms: Terms) -> str:
    finding = "no sign of an effect" if worst > -terms.worth else "it does not help, and may harm"
    return (
        f"Stop “{playbook.title}”: {finding}. It moved the {_what(effect)} by {_between(effect)}, "
        f"which leaves no room for the {100 * terms.worth:g} points for the better that were declared to be worth it."
    )


def _not_yet(playbook: PlaybookImpact, effect: Effect, more: int, terms: Terms) -> str:
    waiting = playbook.treated.waiting + playbook.holdout.waiting
    why = effect.why_not or f"{_between(effect)} holds both no effect and one of {100 * terms.worth:g} points"
    enrolled = f", of which {waiting:,} are enrolled and waiting" if waiting else ""
    return f"“{playbook.title}” is not yet estimable: {more:,} more needed{enrolled} ({why})."


def _never_held_out(name: str, about: About, rows: pd.DataFrame) -> PlaybookImpact:
    treated = rows["treated"]
    own = _deciding(about)[0]
    return PlaybookImpact(
        name,
        about.title,
        about.goal,
        counts(rows[treated], own.window),
        counts(rows[~treated], own.window),
        0.0,
        own.name,
        {},
        "not_measured",
        f"“{about.title}” is not measured: nobody was held out. Declare a holdout share to find out whether it helps.",
    )


# ---------------------------------------------------------------- all together


def _together(rows: pd.DataFrame, terms: Terms) -> Together:
    """Every enrolment of every playbook as one sequence: arms of two playbooks are drawn independently."""
    effects: dict[str, Effect] = {}
    totals: dict[str, tuple[float, float, float] | None] = {}
    for measure in MEASURES:
        effect = pooled(counted(rows, measure), measure, terms)
        effects[measure.name] = effect
        totals[measure.name] = None
        if effect.value is not None and effect.low is not None and effect.high is not None:
            totals[measure.name] = (
                effect.value * effect.treated,
                effect.low * effect.treated,
                effect.high * effect.treated,
            )
    return Together(len(counted(rows, LEFT)), effects, totals[KEPT_MONEY.name], totals[WON_MONEY.name])


def _percent(counts: Counts) -> str:
    return f"{100 * counts.elsewhere / max(counts.enrolled, 1):.0f} %"


def _notes(never: pd.DataFrame, playbooks: Sequence[PlaybookImpact]) -> tuple[str, ...]:
    notes = []
    if len(never):
        notes.append(f"{len(never):,} enrolments were made with nobody held out; they are counted and never compared.")
    crossed = sum(one.holdout.worked for one in playbooks)
    if crossed:
        notes.append(
            f"{crossed:,} held-out accounts were worked all the same; they stay in their arm, "
            "which makes effects look smaller."
        )
    for one in playbooks:
        if one.holdout.elsewhere and one.verdict != "not_measured":
            notes.append(
                f"Other playbooks worked on {_percent(one.holdout)} of those held out of “{one.title}” and on "
                f"{_percent(one.treated)} of those treated: its effect is against what is done without it, not against "
                "nothing."
            )
    idle = sum(one.treated.enrolled - one.treated.worked for one in playbooks)
    if idle:
        notes.append(f"{idle:,} accounts were to be treated and no work was opened; they stay in their arm.")
    return tuple(notes)
