"""The effect of one playbook on one measure, and whether its experiment is sound.

Rows are enrolments, one an account and playbook; see :func:`churnml.impact.effects.impact`.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from churnml.impact.measures import KEPT, KEPT_MONEY, LEFT, About, Measure, Terms
from churnml.impact.report import Counts, Effect
from churnml.impact.sequential import EffectScores, decided, half_width, mismatch, needed, once_half_width, scores
from churnml.impact.targeting import Enrolments, Targeting, targeting

# Alarms about the experiment itself, not about its effect: they must not go off by chance in a company's lifetime.
_ALARM = 0.001
_BINARY = ("left", "grew")


def counted(rows: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The rows whose outcome is known."""
    is_known = (rows[f"{measure.window}_state"] == "counted") & rows[measure.column].notna()
    return rows[is_known & rows["mrr"].notna()] if measure.of else rows[is_known]


def effect_of(rows: pd.DataFrame, measure: Measure, terms: Terms, alpha: float) -> Effect:
    """The effect of a playbook, of its counted rows."""
    values = rows[measure.column].to_numpy(float) * (rows["mrr"].to_numpy(float) if measure.of else 1.0)
    treated = rows["treated"].to_numpy(bool)
    why_not = _why_not(rows, measure, terms)
    return _estimated(
        measure,
        values,
        treated,
        EffectScores(np.empty(0), np.empty(0)) if why_not else _scored(rows, measure),
        terms,
        alpha,
        why_not,
    )


def pooled(rows: pd.DataFrame, measure: Measure, terms: Terms) -> Effect:
    """The mean effect of an enrolment in any playbook."""
    why_not = _why_not(rows, measure, terms)
    scored = EffectScores(np.empty(len(rows)), np.empty(len(rows)))
    if not why_not:
        # each playbook's guess rests on its own past; the scores stand in the order of all enrolments
        for places in rows.reset_index(drop=True).groupby("playbook").indices.values():
            own = _scored(rows.iloc[places], measure)
            scored.effect[places], scored.plain[places] = own.effect, own.plain
    values = rows[measure.column].to_numpy(float) * (rows["mrr"].to_numpy(float) if measure.of else 1.0)
    return _estimated(measure, values, rows["treated"].to_numpy(bool), scored, terms, terms.alpha, why_not)


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


def _estimated(
    measure: Measure,
    values: np.ndarray,
    treated: np.ndarray,
    scored: EffectScores,
    terms: Terms,
    alpha: float,
    why_not: str,
) -> Effect:
    ones, noughts = int(treated.sum()), int((~treated).sum())
    means = (
        float(values[treated].mean()) if ones else None,
        float(values[~treated].mean()) if noughts else None,
    )
    if why_not:
        return Effect(measure.name, ones, noughts, *means, why_not=why_not)
    n, value, variance = len(values), float(scored.effect.mean()), scored.variance
    wide, narrow = half_width(n, variance, alpha, terms.expected), once_half_width(n, variance, 0.05)
    return Effect(
        measure.name, ones, noughts, *means, value, value - wide, value + wide, value - narrow, value + narrow
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


def counts(rows: pd.DataFrame, window: str) -> Counts:
    """The counts of one arm."""
    states = rows[f"{window}_state"]
    seen = {state: int((states == state).sum()) for state in ("counted", "waiting", "gone", "vanished")}
    worked, elsewhere = int(rows["worked"].sum()), int(rows["elsewhere"].sum())
    return Counts(len(rows), worked=worked, elsewhere=elsewhere, **seen)


def targeting_of(rows: pd.DataFrame, about: About, terms: Terms, alpha: float) -> Targeting:
    """Whether to order a playbook's accounts by its measured effect."""
    rows = counted(rows, KEPT_MONEY)
    rows = rows[rows["risk"].notna()]
    given = Enrolments(
        _scored(rows, KEPT),
        rows["risk"].to_numpy(float),
        rows["mrr"].to_numpy(float),
        pd.factorize(rows["assigned_on"])[0],
        rows["treated"].to_numpy(bool),
    )
    return targeting(given, about.effect, alpha, terms.expected, terms.least_an_arm)


def needed_in_all(rows: pd.DataFrame, own: Measure, effect: Effect, terms: Terms, alpha: float, held_out: float) -> int:
    """How many accounts with an outcome are needed in all with that share held out, from the spread seen so far.

    Until there is an estimate the spread is that of the rate seen, mixed with the risk known at enrolment as if that
    were twenty accounts: with nothing seen yet it is the best word there is, and it keeps no accounts out of two
    dozen having left from being taken for a rate of nought.
    """
    known, smaller = counted(rows, own), min(held_out, 1 - held_out)
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


def problems(rows: pd.DataFrame, own: Measure, terms: Terms) -> tuple[str, ...]:
    """What is wrong with the experiment, in words."""
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
