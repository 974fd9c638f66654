"""Whether a playbook helps: those it was done for beside those left alone, by the arm that was drawn.

Intention to treat: an account counts in the arm it was given, whatever happened to its work afterwards. Work that was
never done makes an effect smaller, which is what the playbook is worth as the team runs it; leaving such accounts out
would compare the willing with everybody. See ``docs/decisions/0016-impact.md``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from churnml.impact.measures import GREW, KEPT, KEPT_MONEY, LEFT, MEASURES, WON_MONEY, About, Measure, Terms
from churnml.impact.report import Counts, Effect, ImpactReport, PlaybookImpact, Together, Word
from churnml.impact.sequential import EffectScores, decided, half_width, mismatch, needed, once_half_width, scores
from churnml.impact.targeting import Enrolments, Targeting, targeting

# Alarms about the experiment itself, not about its effect: they must not go off by chance in a company's lifetime.
_ALARM = 0.001
_BINARY = ("left", "grew")


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
        else _unmeasured(name, words[name], rows[rows["playbook"] == name])
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
    effects = {measure.name: _effect(_counted(rows, measure), measure, terms, alpha) for measure in MEASURES}
    own = _deciding(about)[0]
    playbook = replace(
        _unmeasured(name, about, rows),
        held_out=float(1 - rows["propensity"].mean()),
        effects=effects,
        problems=_problems(rows, own, terms),
        targeting=None if about.goal == "grow" else _targeting_of(rows, about, terms, alpha),
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
    total = _needed(rows, own, effect, terms, alpha, playbook.held_out)
    at_half = _needed(rows, own, effect, terms, alpha, 0.5)
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


def _unmeasured(name: str, about: About, rows: pd.DataFrame) -> PlaybookImpact:
    treated = rows["treated"]
    own = _deciding(about)[0]
    return PlaybookImpact(
        name,
        about.title,
        about.goal,
        _counts(rows[treated], own.window),
        _counts(rows[~treated], own.window),
        0.0,
        own.name,
        {},
        "not_measured",
        f"“{about.title}” is not measured: nobody was held out. Declare a holdout share to find out whether it helps.",
    )


# ---------------------------------------------------------------- all together


def _together(rows: pd.DataFrame, terms: Terms) -> Together:
    """Every enrolment of every playbook as one sequence: arms of two playbooks are drawn independently."""
    effects = {m.name: _effect(_counted(rows, m), m, terms, terms.alpha, _scored_by_playbook) for m in MEASURES}
    money = (_over_all_treated(effects[measure.name]) for measure in (KEPT_MONEY, WON_MONEY))
    return Together(len(_counted(rows, LEFT)), effects, *money)


def _over_all_treated(effect: Effect) -> tuple[float, float, float] | None:
    if effect.value is None or effect.low is None or effect.high is None:
        return None
    return effect.value * effect.treated, effect.low * effect.treated, effect.high * effect.treated


def _percent(arm: Counts) -> str:
    return f"{100 * arm.elsewhere / max(arm.enrolled, 1):.0f} %"


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


# ---------------------------------------------------------------- one measure


def _counted(rows: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    is_known = (rows[f"{measure.window}_state"] == "counted") & rows[measure.column].notna()
    return rows[is_known & rows["mrr"].notna()] if measure.of else rows[is_known]


def _scored(rows: pd.DataFrame, measure: Measure) -> EffectScores:
    unweighted = scores(
        rows[measure.column].to_numpy(float),
        rows["treated"].to_numpy(bool),
        rows["propensity"].to_numpy(float),
        rows["risk"].to_numpy(float),
        pd.factorize(rows["assigned_on"])[0],
        measure.start,
    )
    return unweighted.weighted(rows["mrr"].to_numpy(float)) if measure.of else unweighted


def _scored_by_playbook(rows: pd.DataFrame, measure: Measure) -> EffectScores:
    """Each playbook's guess rests on its own past; the scores stand in the order of all enrolments."""
    scored = EffectScores(np.empty(len(rows)), np.empty(len(rows)))
    for places in rows.reset_index(drop=True).groupby("playbook").indices.values():
        own = _scored(rows.iloc[places], measure)
        scored.effect[places], scored.plain[places] = own.effect, own.plain
    return scored


def _effect(
    rows: pd.DataFrame,
    measure: Measure,
    terms: Terms,
    alpha: float,
    scored: Callable[[pd.DataFrame, Measure], EffectScores] = _scored,
) -> Effect:
    """The effect of a playbook, or with ``_scored_by_playbook`` the mean one of any, of counted rows."""
    values = rows[measure.column].to_numpy(float) * (rows["mrr"].to_numpy(float) if measure.of else 1.0)
    treated = rows["treated"].to_numpy(bool)
    ones, noughts = (float(values[arm].mean()) if arm.any() else None for arm in (treated, ~treated))
    plain = Effect(measure.name, int(treated.sum()), int((~treated).sum()), ones, noughts)
    why_not = _why_not(rows, measure, terms)
    if why_not:
        return replace(plain, why_not=why_not)
    each = scored(rows, measure)
    n, value = len(values), float(each.effect.mean())
    wide, narrow = half_width(n, each.variance, alpha, terms.expected), once_half_width(n, each.variance, 0.05)
    return replace(
        plain,
        value=value,
        low=value - wide,
        high=value + wide,
        once_low=value - narrow,
        once_high=value + narrow,
    )


def _why_not(rows: pd.DataFrame, measure: Measure, terms: Terms) -> str:
    """Why nothing can be estimated yet; empty when it can. Looks at how many outcomes there are, in both arms alike."""
    treated = rows["treated"].to_numpy(bool)
    fewest = int(min(treated.sum(), (~treated).sum()))
    if fewest < terms.least_an_arm:
        return f"{fewest} outcomes in the smaller arm, of {terms.least_an_arm} that are needed"
    if measure.name in _BINARY:
        rate = float(rows[measure.column].mean())
        if min(rate, 1 - rate) * fewest < terms.least_expected:
            return f"at {100 * rate:.1f} %, {fewest} accounts in the smaller arm are too few to see any difference"
    if measure.of:
        for arm in (treated, ~treated):
            paid = rows["mrr"].to_numpy(float)[arm]
            # Kish's effective number: how many accounts of equal size would be worth as much
            alike = float(paid.sum() ** 2 / max((paid**2).sum(), 1e-300))
            if alike < terms.least_an_arm:
                return f"a few large accounts pay most of the money: as good as {alike:.0f} of equal size in an arm"
    return ""


def _counts(rows: pd.DataFrame, window: str) -> Counts:
    states = rows[f"{window}_state"]
    seen = {state: int((states == state).sum()) for state in ("counted", "waiting", "gone", "vanished")}
    worked, elsewhere = int(rows["worked"].sum()), int(rows["elsewhere"].sum())
    return Counts(len(rows), worked=worked, elsewhere=elsewhere, **seen)


def _targeting_of(rows: pd.DataFrame, about: About, terms: Terms, alpha: float) -> Targeting:
    rows = _counted(rows, KEPT_MONEY)
    rows = rows[rows["risk"].notna()]
    given = Enrolments(
        _scored(rows, KEPT),
        rows["risk"].to_numpy(float),
        rows["mrr"].to_numpy(float),
        pd.factorize(rows["assigned_on"])[0],
        rows["treated"].to_numpy(bool),
    )
    return targeting(given, about.effect, alpha, terms.expected, terms.least_an_arm)


def _needed(rows: pd.DataFrame, own: Measure, effect: Effect, terms: Terms, alpha: float, held_out: float) -> int:
    """How many accounts with an outcome are needed in all with that share held out, from the spread seen so far.

    Until there is an estimate the spread is that of the rate seen, mixed with the risk known at enrolment as if that
    were twenty accounts: with nothing seen yet it is the best word there is, and it keeps no accounts out of two
    dozen having left from being taken for a rate of nought.
    """
    known, smaller = _counted(rows, own), min(held_out, 1 - held_out)
    present = float((rows["propensity"] * (1 - rows["propensity"])).mean())
    expected = rows["risk"].mean() if own is LEFT and rows["risk"].notna().any() else 0.5
    weight = 20.0 if own is LEFT and rows["risk"].notna().any() else 1.0
    rate = float((known[own.column].sum() + weight * expected) / (len(known) + weight))
    rate = min(max(rate, 1e-4), 1 - 1e-4)
    enough = max(terms.least_an_arm, math.ceil(terms.least_expected / min(rate, 1 - rate)))
    plain = rate * (1 - rate) / (smaller * (1 - smaller))
    variance = plain if effect.value is None else _scored(known, own).variance * present / (smaller * (1 - smaller))
    wanted = max(math.ceil(enough / smaller), needed(variance, alpha, terms.expected, terms.worth, terms.power))
    if effect.outcomes < wanted:
        return wanted
    return max(effect.outcomes + 1, decided(variance, alpha, terms.expected, terms.worth))


# ---------------------------------------------------------------- whether the experiment is sound


def _problems(rows: pd.DataFrame, own: Measure, terms: Terms) -> tuple[str, ...]:
    reasons: list[str] = []
    groups = rows.groupby(rows["propensity"].round(12))["treated"].agg(["sum", "count"])
    evidence = mismatch(
        groups["sum"].tolist(), (groups["count"] - groups["sum"]).tolist(), [float(p) for p in groups.index]
    )
    if evidence >= 1 / _ALARM:
        expected = float((1 - rows["propensity"]).sum())
        reasons.append(
            f"{int((~rows['treated']).sum()):,} accounts were held out where {expected:,.0f} were to be expected: "
            "the arms were not drawn as logged, or assignments are missing"
        )
    known = rows[rows["risk"].notna()]
    if _differs(known, known["risk"].to_numpy(float), terms):
        reasons.append("held-out and treated accounts differed in risk before anything was done")
    settled = rows[rows[f"{own.window}_state"].isin(["counted", "gone", "vanished"])]
    lacking = (settled[f"{own.window}_state"] == "vanished").to_numpy(float)
    if lacking.any() and _differs(settled, lacking, terms):
        reasons.append("accounts of one arm vanished from the tables oftener than those of the other")
    return tuple(reasons)


def _differs(rows: pd.DataFrame, values: np.ndarray, terms: Terms) -> bool:
    """Whether something that treating cannot have changed differs between the arms, beyond any chance."""
    treated = rows["treated"].to_numpy(bool)
    if min(treated.sum(), (~treated).sum()) < terms.least_an_arm:
        return False
    nothing = np.zeros(len(rows))
    propensity, batch = rows["propensity"].to_numpy(float), pd.factorize(rows["assigned_on"])[0]
    scored = scores(values, treated, propensity, nothing, batch)
    return abs(float(scored.effect.mean())) > half_width(len(rows), scored.variance, _ALARM, terms.expected)
