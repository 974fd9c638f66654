"""report.html: one self-contained page of a run, for whoever acts on it and whoever doubts it.

The page opens without a network: styles, charts and the one charting library stand inside it. All that
comes from the user's data is hostile until escaped: the template escapes everything, data inside a
script cannot end that script, and the page's own policy runs no script but the two it is written with.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import math
import os
import shlex
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.checks import CHECKS, STRUCTURAL
from churnml.features import words_for
from churnml.health.score import INSUFFICIENT
from churnml.ledger import Decision
from churnml.modelling.evaluation import FIGURES
from churnml.pages import charts
from churnml.scoring.predictions import ScoredAccount, ScoredDay
from churnml.scoring.reasons import LEAST_CONTRIBUTION

DECISIONS_SHOWN = 50
SEGMENTS_SHOWN = 12
FAMILIES_SHOWN = 8
EXAMPLES_SHOWN = 5
ROW_CHARACTERS = 400
DETAIL_CHARACTERS = 200
BIN_WIDTH = 5
SMALL_MRR = 100.0
LARGE_PROFIT = 10_000.0
STILL_WIDTH = 560
NOTHING = "–"

GOALS = {"keep": "keep", "grow": "grow", "care": "care for"}
FIGURE_WORDS: Mapping[str, tuple[str, str]] = {
    "roc_auc": (
        "ROC AUC",
        "How often an account that had the outcome was given a higher probability than one that had not. "
        "0.5 is guessing, 1 is perfect.",
    ),
    "average_precision": (
        "Average precision",
        "How pure the top of the list is: the share that had the outcome, averaged from the top down. "
        "Guessing gives the share of outcomes among all.",
    ),
    "brier": (
        "Brier score",
        "The mean squared distance between the probability and what happened. Lower is better.",
    ),
    "log_loss": (
        "Log loss",
        "Like the Brier score, but being sure and wrong costs far more. Lower is better.",
    ),
    "calibration_error": (
        "Calibration error",
        "How far, on average, a probability is from the share seen: 0.01 is one percentage point. Lower is better.",
    ),
}
DIGITS = {"roc_auc": 3, "average_precision": 3, "brier": 4, "log_loss": 4, "calibration_error": 4}
WHO_WORDS = {
    "recency": "how long since anybody was seen, and nothing else",
    "logistic_regression": "a plain linear model on the same features",
    "base_rate": "the usual share, said of everybody",
    "health": "the health dimensions alone, without any model",
    "champion": "the model in office before this one",
    "truth": "the simulated company's own: no model can be better, but for chance",
}
LABEL_WORDS = {
    "contract": "the last paying contract ends",
    "lapse": "no activity is seen",
    "event": "a leaving is recorded",
    "upsell": "the account has grown",
}


def write_report(
    project: Project,
    found: Mapping[str, Any],
    scores: ScoredDay,
    records: Mapping[str, Mapping[str, Any]],
    quarantine: list[dict[str, Any]],
) -> Path:
    """Writes ``report.html`` into the project's work folder, whole or not at all, and says where.

    Args:
        project: the opened project.
        found: the run summed up, as ``jobs.summary`` gives it.
        scores: the scored date.
        records: model name → record of its newest training.
        quarantine: example rows set aside: ``contract_table, reason, detail, source_row, row``.
    """
    money = money_for(project.spec.currency, _mean(account.mrr for account in scores.accounts))
    page = _render(_page(project, found, scores, records, quarantine), money)
    return _write(project.work / "report.html", page)


def _write(path: Path, page: str) -> Path:
    handle, aside = tempfile.mkstemp(prefix=".report-", suffix=".html", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            # a lone surrogate in the user's data is no reason to have no report
            file.write(page.encode("utf-8", "replace"))
        # mkstemp is stricter than the folder it stands in
        os.chmod(aside, 0o666 & ~_umask())
        os.replace(aside, path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


# ---------------------------------------------------------------- how things are written


def number(value: Any, digits: int = 0) -> str:
    """1234.5 as "1,234" (or with ``digits`` decimals); what is not known as a dash."""
    if _is_unknown(value):
        return NOTHING
    text = f"{float(value):,.{digits}f}"
    # "-0.000" says no more than "0.000"
    return text.lstrip("-") if not text.strip("-0.,") else text.replace("-", "−")


def percent(value: Any, digits: int = 1) -> str:
    """0.123 as "12.3 %"."""
    return NOTHING if _is_unknown(value) else f"{number(float(value) * 100, digits)} %"


def times(value: Any, usual: Any) -> str | None:
    """How many times the usual: "2.4 × the usual"; None where either is not known."""
    if _is_unknown(value) or _is_unknown(usual) or not usual:
        return None
    return f"{number(float(value) / float(usual), 1)} × the usual"


def day(value: Any) -> str:
    """A date as "1 January 2025"."""
    if value is None:
        return NOTHING
    date = value if isinstance(value, dt.date) else dt.date.fromisoformat(str(value)[:10])
    return f"{date.day} {date:%B %Y}"


def interval(figure: Mapping[str, Any] | None, digits: int = 3, signed: bool = False) -> str:
    """A figure with its interval: "0.812 [0.781, 0.840]"."""
    if figure is None or _is_unknown(figure.get("value")):
        return NOTHING

    def shown(value: Any) -> str:
        return ("+" if signed and not _is_unknown(value) and value > 0 else "") + number(value, digits)

    if _is_unknown(figure.get("low")) or _is_unknown(figure.get("high")):
        return shown(figure["value"])
    return f"{shown(figure['value'])} [{shown(figure['low'])}, {shown(figure['high'])}]"


def spoken(name: Any) -> str:
    """A declared name as words: ``at_risk`` as "at risk"."""
    return NOTHING if name is None else str(name).replace("_", " ")


def plural(count: int, one: str, many: str | None = None) -> str:
    """ "1 account", "2 accounts"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))


def money_for(currency: str, usual: float | None) -> Callable[[Any], str]:
    """How this page writes money: with cents only where the ``usual`` MRR of an account is small."""

    def money(value: Any) -> str:
        if _is_unknown(value):
            return NOTHING
        cents = usual is not None and usual < SMALL_MRR and abs(value) < 1000 and value != round(value)
        return f"{number(value, 2 if cents else 0)} {currency}".strip()

    return money


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part is not None and whole else None


def _cut(text: Any, most: int) -> str:
    said = str(text)
    return said if len(said) <= most else said[: most - 1] + "…"


# ---------------------------------------------------------------- the page


def _page(
    project: Project,
    found: Mapping[str, Any],
    scores: ScoredDay,
    records: Mapping[str, Mapping[str, Any]],
    quarantine: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    bands = _band_order(project, scores)
    colours = charts.band_colours(
        [band for band in bands if band != INSUFFICIENT], [band for band in bands if band == INSUFFICIENT]
    )
    risk = project.health.risk.model
    usual = {name: _usual(name, found, scores, records) for name in scores.models}
    return {
        "project": project.name,
        "as_of": scores.as_of,
        "data_through": found["data_through"],
        "head": _head(found, scores),
        "bands": _bands(project, scores, bands, colours),
        "standing": [_standing(name, version, records.get(name), risk) for name, version in scores.models.items()],
        "queue": _queue(found, scores, usual, risk, colours),
        "health": _health(project, scores, bands, colours),
        "models": [_model(name, record, scores.models.get(name)) for name, record in records.items()],
        "data": _data(found, quarantine),
        "check": _check(project, found),
    }


def _band_order(project: Project, scores: ScoredDay) -> list[str]:
    """Declared bands from best to worst, then whatever else accounts are in."""
    declared = [band.name for band in project.health.bands]
    seen = {account.band for account in scores.accounts}
    return declared + sorted(seen - set(declared))


def _usual(
    name: str, found: Mapping[str, Any], scores: ScoredDay, records: Mapping[str, Mapping[str, Any]]
) -> float | None:
    """The usual probability of the model in office; None when it is another version than the newest one."""
    said = found.get("scored_by", {}).get(name, {}).get("base_rate")
    if said is not None:
        return float(said)
    record = records.get(name)
    if record is None or str(record.get("version")) != str(scores.models.get(name)):
        return None
    rate = record["training"].get("base_rate")
    return None if rate is None else float(rate)


# ---------------------------------------------------------------- 1 head


def _head(found: Mapping[str, Any], scores: ScoredDay) -> dict[str, Any]:
    accounts = scores.accounts
    mrr, at_risk = _total(a.mrr for a in accounts), _total(a.mrr_at_risk for a in accounts)
    return {
        "accounts": found["accounts_scored"],
        "mrr": mrr,
        "mrr_unknown": sum(a.mrr is None for a in accounts),
        "at_risk": at_risk,
        "at_risk_share": _share(at_risk, mrr),
        "decisions": len(scores.decisions),
    }


def _bands(
    project: Project, scores: ScoredDay, bands: Sequence[str], colours: Mapping[str, str]
) -> list[dict[str, Any]]:
    members: dict[str, list[ScoredAccount]] = defaultdict(list)
    for account in scores.accounts:
        members[account.band].append(account)
    everything = _total(a.mrr for a in scores.accounts)
    ends = [100.0, *(band.at_least for band in project.health.bands)]
    spans = {
        band.name: f"{band.at_least:g} to {'100' if i == 0 else f'under {ends[i]:g}'}"
        for i, band in enumerate(project.health.bands)
    }
    found = []
    for band in bands:
        mrr = _total(a.mrr for a in members[band])
        found.append(
            {
                "name": band,
                "colour": colours[band],
                "span": spans.get(band, "too little is known"),
                "accounts": len(members[band]),
                "share": _share(len(members[band]), len(scores.accounts)),
                "mrr": mrr,
                "mrr_share": _share(mrr, everything),
                "at_risk": _total(a.mrr_at_risk for a in members[band]),
            }
        )
    return found


def _standing(name: str, version: str | None, record: Mapping[str, Any] | None, risk: str) -> dict[str, Any]:
    """What is said of a model at the head of the page: used, or not and why."""
    if version is not None:
        title, said, so = f"The {name} model is used", _why_used(version, record), None
    elif name == risk:
        title, said = f"No {name} model is in use: health dimensions alone", _why_not_used(record)
        so = (
            "So this page holds no churn probability and no MRR at risk. Bands and the queue come from the health "
            "dimensions alone."
        )
    else:
        title, said = f"No {name} model is in use: nothing is said of {name}", _why_not_used(record)
        so = f"So no account has a probability of {name}, and no playbook that asks for one takes an account."
    return {"name": name, "used": version is not None, "title": title, "text": said, "so": so}


def _why_used(version: str, record: Mapping[str, Any] | None) -> str:
    if record is None:
        return f"Version {version} gave the probabilities on this page."
    if str(record["version"]) != str(version):
        return (
            f"Version {version}, the champion, gave the probabilities on this page. "
            f"The newest, version {record['version']}, {_verdict_on(record)}"
        )
    how = "It was promoted" if record["promoted"] else "It was promoted by hand; the judgement had been against it"
    return f"Version {version} gave the probabilities on this page. {how}: {record['because']}."


def _why_not_used(record: Mapping[str, Any] | None) -> str:
    if record is None:
        return "None has been promoted."
    return f"Version {record['version']} was trained and judged, but {_verdict_on(record)}"


def _verdict_on(record: Mapping[str, Any]) -> str:
    """Why a trained version gives no probabilities."""
    done = "is not in office now; when it was judged" if record["promoted"] else "was not promoted"
    return f"{done}: {record['because']}."


# ---------------------------------------------------------------- 2 queue


def _queue(
    found: Mapping[str, Any],
    scores: ScoredDay,
    usual: Mapping[str, float | None],
    risk: str,
    colours: Mapping[str, str],
) -> dict[str, Any]:
    shown = scores.decisions[:DECISIONS_SHOWN]
    wanted = {decision.account_id for decision in shown}
    accounts = {account.account_id: account for account in scores.accounts if account.account_id in wanted}
    growth = next((rate for name, rate in usual.items() if name != risk), None)
    rows = [
        _decision(place, decision, accounts.get(decision.account_id), usual.get(risk), growth, colours)
        for place, decision in enumerate(shown, start=1)
    ]
    return {
        "rows": rows,
        "all": len(scores.decisions),
        "to_keep": _total(d.value for d in scores.decisions if d.goal != "grow"),
        "to_win": _total(d.value for d in scores.decisions if d.goal == "grow"),
        "holdout": found.get("outcomes", {}).get("holdout", 0),
        "overflow": found.get("outcomes", {}).get("overflow", 0),
        "left_lying": found.get("left_lying"),
        "unvalued": sum(d.value is None for d in scores.decisions),
        "owners": sorted(Counter(d.owner for d in shown).items(), key=lambda pair: (-pair[1], pair[0])),
        "goals": [(goal, GOALS.get(goal, goal), n) for goal, n in Counter(d.goal for d in shown).items()],
        "playbooks": _by_playbook(scores.decisions),
        "has_probability": any(row["churn"] is not None or row["upsell"] is not None for row in rows),
    }


def _decision(
    place: int,
    decision: Decision,
    account: ScoredAccount | None,
    usual_churn: float | None,
    usual_growth: float | None,
    colours: Mapping[str, str],
) -> dict[str, Any]:
    grows = decision.goal == "grow"
    reasons = () if account is None else account.growth_reasons if grows else account.reasons
    churn = account.churn_probability if account else None
    upsell = account.upsell_probability if account and grows else None
    return {
        "place": place,
        "account": decision.account_id,
        "segment": account.segment if account else None,
        "owner": decision.owner,
        "title": decision.title,
        "goal": decision.goal,
        "goal_spoken": GOALS.get(decision.goal, decision.goal),
        "due": decision.due,
        "because": decision.because,
        "steps": decision.steps,
        "band": account.band if account else None,
        "colour": colours.get(account.band, charts.UNKNOWN_COLOUR) if account else charts.UNKNOWN_COLOUR,
        "health": account.health if account else None,
        "churn": churn,
        "churn_times": times(churn, usual_churn),
        "likely": None if grows or account is None else _likely(account.likely_period),
        "upsell": upsell,
        "upsell_times": times(upsell, usual_growth),
        "mrr": account.mrr if account else None,
        "at_risk": account.mrr_at_risk if account else None,
        "to_win": decision.value if grows else None,
        "to_keep": None if grows else decision.value,
        "reasons": [reason.sentence for reason in reasons],
    }


def _likely(period: Mapping[str, Any] | None) -> str | None:
    """The dates an account most likely leaves on, if it leaves: "from 7 to 13 October 2024"."""
    if period is None:
        return None
    begins, ends = (dt.date.fromisoformat(period[key]) for key in ("from", "to"))
    if (begins.year, begins.month) == (ends.year, ends.month):
        return f"from {begins.day} to {day(ends)}"
    return f"from {day(begins)} to {day(ends)}"


def _by_playbook(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """All decisions, also those the page does not list, by playbook; most frequent first."""
    members: dict[str, list[Decision]] = defaultdict(list)
    for decision in decisions:
        members[decision.playbook].append(decision)
    found = [
        {
            "title": inside[0].title,
            "goal": GOALS.get(inside[0].goal, inside[0].goal),
            "steps": inside[0].steps,
            "decisions": len(inside),
            "value": _total(d.value for d in inside),
            "grows": inside[0].goal == "grow",
        }
        for inside in members.values()
    ]
    return sorted(found, key=lambda row: -row["decisions"])


# ---------------------------------------------------------------- 3 health


def _health(project: Project, scores: ScoredDay, bands: Sequence[str], colours: Mapping[str, str]) -> dict[str, Any]:
    seen = [band for band in bands if any(account.band == band for account in scores.accounts)]
    segments = _segments(scores, seen)
    known = [account.health for account in scores.accounts if account.health is not None]
    found: dict[str, Any] = {
        "bands": [{"name": band, "colour": colours[band]} for band in seen],
        "mean": _mean(known),
        "unknown": len(scores.accounts) - len(known),
        "segments": segments,
        "dimensions": _dimensions(project, scores, seen),
        "segments_chart": None,
        "histogram": None,
    }
    words = {spoken(band): colour for band, colour in colours.items() if band in seen}
    if segments:
        found["segments_chart"] = _figure(
            charts.segments_chart(_segment_table(segments, seen), words),
            "Bands by segment",
            "Each bar is all accounts of a segment; its number of accounts stands beside its name.",
        )
    if known:
        found["histogram"] = _figure(
            charts.health_chart(_bins(scores, seen), words),
            "How health is spread",
            "How many accounts have which health, in steps of five points.",
        )
    return found


def _segments(scores: ScoredDay, bands: Sequence[str]) -> list[dict[str, Any]]:
    """Segments, largest first; those after the first dozen together. Empty when no account has one."""
    if all(account.segment is None for account in scores.accounts):
        return []
    sizes = Counter(account.segment for account in scores.accounts)
    ordered = sorted(sizes, key=lambda name: (name is None, -sizes[name], str(name)))
    own = {name: name if name is not None else "no segment" for name in ordered[:SEGMENTS_SHOWN]}
    rest = f"{plural(len(ordered) - len(own), 'other segment')}"
    members: dict[str, list[ScoredAccount]] = defaultdict(list)
    for account in scores.accounts:
        members[own.get(account.segment, rest)].append(account)
    shown = [*dict.fromkeys(own.values()), *([rest] if rest in members else [])]
    return [
        {
            "name": name,
            "accounts": len(members[name]),
            "mrr": _total(a.mrr for a in members[name]),
            "at_risk": _total(a.mrr_at_risk for a in members[name]),
            "health": _mean(a.health for a in members[name]),
            "bands": [sum(a.band == band for a in members[name]) for band in bands],
        }
        for name in shown
    ]


def _segment_table(segments: Sequence[Mapping[str, Any]], bands: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "segment": f"{_cut(segment['name'], 40)}  ({number(segment['accounts'])})",
                "band": spoken(band),
                "accounts": count,
                "place": place,
            }
            for segment in segments
            for place, (band, count) in enumerate(zip(bands, segment["bands"], strict=True))
        ]
    )


def _bins(scores: ScoredDay, bands: Sequence[str]) -> pd.DataFrame:
    last = 100 // BIN_WIDTH - 1
    counts = Counter(
        (min(int(account.health // BIN_WIDTH), last), account.band)
        for account in scores.accounts
        if account.health is not None
    )
    return pd.DataFrame(
        [
            {
                "low": place * BIN_WIDTH,
                "high": (place + 1) * BIN_WIDTH,
                "band": spoken(band),
                "accounts": n,
                "place": bands.index(band),
            }
            for (place, band), n in sorted(counts.items())
        ]
    )


def _dimensions(project: Project, scores: ScoredDay, bands: Sequence[str]) -> list[dict[str, Any]]:
    """Each dimension's mean, over all accounts and by band."""
    declared = {name: (d.means, d.weight) for name, d in project.health.dimensions.items()}
    declared["risk"] = (project.health.risk.means, project.health.risk.weight)
    whole = sum(weight for _, weight in declared.values())
    found = []
    for name, (means, weight) in declared.items():
        values: dict[str, list[float]] = defaultdict(list)
        for account in scores.accounts:
            value = account.dimensions.get(name)
            if value is not None:
                values[account.band].append(value)
        found.append(
            {
                "name": name,
                "means": means,
                "weight": weight / whole,
                "mean": _mean(value for inside in values.values() for value in inside),
                "bands": [_mean(values[band]) for band in bands],
            }
        )
    return found


# ---------------------------------------------------------------- 4 models


def _model(name: str, record: Mapping[str, Any], version_used: str | None) -> dict[str, Any]:
    label, training = record["label"], record["training"]
    reach = charts.reach_of(label)
    window = reach.window(dt.date.fromisoformat(record["cutoff"]))
    return {
        "name": name,
        "means": record["means"],
        "version": record["version"],
        "promoted": record["promoted"],
        "because": record["because"],
        "in_use": version_used is not None and str(record["version"]) == str(version_used),
        "cutoff": record["cutoff"],
        "window": window,
        "gap": reach.gap,
        "horizon": reach.horizon,
        "settle": reach.settle,
        "outcome": LABEL_WORDS.get(label["kind"], "the outcome is seen"),
        "rows": record["rows"],
        "positives": record["positives"],
        "share": _share(record["positives"], record["rows"]),
        "left_in_gap": record.get("left_in_gap") or 0,
        "figures": _figures(record),
        "rivals": [(charts.NAMES[who], words) for who, words in WHO_WORDS.items() if who in record["figures"]],
        "training": training,
        "calibration": _calibration(training.get("calibration")),
        "drivers": _drivers(record),
        "capacity": _capacity(record),
        "holds": _holds(record),
        "slices": _slices(record),
        "forest": _forest(record),
        "reliability": _reliability(record),
        "gains": _gains(record),
        "split": _figure(
            charts.split_chart(record),
            "How the cutoffs were split",
            "Each line is one cutoff (the dot) with its label window (the bar) and, dotted, the days until the outcome "
            "is final. A cutoff may train only if that was over when the judged cutoff came; the others are purged. "
            "The dashed lines are the judged cutoff and the end of the data.",
        ),
    }


def _figures(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Figure by figure, everybody's value and how far the model is ahead, paired."""
    found = []
    for figure in FIGURES:
        title, means = FIGURE_WORDS[figure]
        rows = []
        for who, who_spoken in charts.NAMES.items():
            value = record["figures"].get(who, {}).get(figure)
            if who not in record["figures"]:
                continue
            ahead = record["ahead"].get(who, {}).get(figure) if who != "model" else None
            rows.append(
                {
                    "who": who_spoken,
                    "is_model": who == "model",
                    "value": interval(value, DIGITS[figure]),
                    "ahead": interval(ahead, DIGITS[figure], signed=True),
                    "verdict": _shown_by(ahead),
                }
            )
        found.append({"title": title, "means": means, "rows": rows})
    return found


CAPACITY_WORDS = {
    "precision_at_capacity": "Had the outcome",
    "lift_at_capacity": "Times the usual",
    "caught_at_capacity": "Outcomes caught",
    "mrr_caught_at_capacity": "MRR caught",
    "profit_at_capacity": "Profit",
}


def _capacity(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who catches what among the first accounts of the list, as many as the team can contact."""
    decision, figures = record.get("decision"), record["figures"]
    if not decision or not figures.get("model", {}).get("precision_at_capacity"):
        return None
    rows = []
    for who, spoken_who in charts.NAMES.items():
        if who in figures:
            cells = [_at_capacity(name, figures[who].get(name)) for name in CAPACITY_WORDS]
            ahead = record["ahead"].get(who, {}).get("caught_at_capacity")
            rows.append({"who": spoken_who, "is_model": who == "model", "cells": cells, "verdict": _shown_by(ahead)})
    return {**decision, "names": list(CAPACITY_WORDS.values()), "rows": rows}


def _at_capacity(name: str, figure: Mapping[str, Any] | None) -> str:
    if figure is None or _is_unknown(figure.get("value")):
        return NOTHING
    if name == "lift_at_capacity":
        return interval(figure, 1)
    if name == "profit_at_capacity":
        return _thousands(figure)
    ends = [percent(figure[key], 0).removesuffix(" %") for key in ("low", "high")]
    return f"{percent(figure['value'], 0)} [{ends[0]}, {ends[1]}]"


def _thousands(figure: Mapping[str, Any]) -> str:
    """Money with its interval, in thousands where it is large."""
    if abs(figure["value"]) < LARGE_PROFIT:
        return interval(figure, 0)
    return interval({end: None if value is None else value / 1000 for end, value in figure.items()}, 0) + " k"


def _holds(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Whether the probabilities hold: seen per said, slope, and what chance alone would show."""
    figures = record["figures"].get("model", {})
    if not figures.get("seen_over_said"):
        return None
    return {
        "seen_over_said": interval(figures["seen_over_said"], 2),
        "slope": interval(figures.get("calibration_slope"), 2),
        "intercept": interval(figures.get("calibration_intercept"), 2),
        "error": interval(figures["calibration_error"], 3),
        "by_chance": number(record.get("calibration_error_by_chance"), 3),
        **{part: interval(figures.get(f"brier_{part}"), 4) for part in ("reliability", "resolution", "uncertainty")},
    }


def _slices(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The model part by part: by what, and its parts."""
    found: dict[str, list[dict[str, Any]]] = {}
    for part in record.get("slices", []):
        found.setdefault(part["by"], []).append(
            {
                **part,
                "seen_text": f"{percent(part['seen'])} [{percent(part['low'])}, {percent(part['high'])}]",
                "roc_auc": interval(part["roc_auc"], 2),
            }
        )
    return [{"by": by, "parts": parts} for by, parts in found.items()]


def _shown_by(ahead: Mapping[str, Any] | None) -> str | None:
    """What a paired interval shows of the model: ahead, behind, or neither."""
    if ahead is None or _is_unknown(ahead.get("low")) or _is_unknown(ahead.get("high")):
        return None
    if ahead["low"] > 0:
        return "ahead"
    return "behind" if ahead["high"] < 0 else "not shown"


def _calibration(said: Any) -> str | None:
    if not isinstance(said, Mapping):
        return None
    if said.get("kind") == "sigmoid":
        return f"a sigmoid (slope {number(said.get('slope'), 2)}, intercept {number(said.get('intercept'), 2)})"
    return {"isotonic": "an isotonic curve", "venn_abers": "Venn–Abers prediction"}.get(str(said.get("kind")))


def _drivers(record: Mapping[str, Any]) -> dict[str, Any]:
    """Feature families by how much they move the log-odds; those that move nothing are only counted."""
    given = [row for row in record.get("importance", []) if not _is_unknown(row.get("log_odds"))]
    moving = [row for row in given if row["log_odds"] >= 0.0005]
    # a model that has learned next to nothing must not look as if it had
    largest = max([LEAST_CONTRIBUTION, *(row["log_odds"] for row in moving)])
    rows = [
        {
            "family": row["family"],
            "means": words_for(row["family"]),
            "log_odds": row["log_odds"],
            "odds": math.exp(row["log_odds"]),
            "width": 100 * row["log_odds"] / largest,
        }
        for row in moving
    ]
    return {"first": rows[:FAMILIES_SHOWN], "rest": rows[FAMILIES_SHOWN:], "still": len(given) - len(moving)}


def _forest(record: Mapping[str, Any]) -> dict[str, Any] | None:
    known = [who for who in record["figures"].values() if not _is_unknown((who.get("roc_auc") or {}).get("value"))]
    if not known:
        return None
    return _figure(
        charts.forest_chart(record, "roc_auc", "ROC AUC"),
        "ROC AUC beside the rivals",
        "Dots are what was measured, lines the 95 % interval. Overlapping lines decide nothing: "
        "the paired column of the table does.",
    )


def _reliability(record: Mapping[str, Any]) -> dict[str, Any] | None:
    if not record.get("reliability"):
        return None
    return _figure(
        charts.reliability_chart(record),
        "Do the probabilities hold?",
        "Accounts in groups of like probability: what was said of them against the share seen. "
        "On the dashed line both agree; lines are 95 % intervals.",
    )


def _gains(record: Mapping[str, Any]) -> dict[str, Any] | None:
    if not record.get("gains"):
        return None
    return _figure(
        charts.gains_chart(record),
        "What the top of the list catches",
        "If the accounts with the highest probability are contacted first: how many of all outcomes are among them.",
    )


def _figure(chart: Any, title: str, caption: str) -> dict[str, Any]:
    """A chart with its words: a live specification, and a still picture for readers without scripts."""
    spec = charts.page_spec(chart, f"{title}. {caption}")
    still = base64.b64encode(charts.svg(spec, STILL_WIDTH).encode()).decode()
    return {"title": title, "caption": caption, "spec": spec, "still": f"data:image/svg+xml;base64,{still}"}


# ---------------------------------------------------------------- 5 data


def _data(found: Mapping[str, Any], quarantine: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    examples: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in quarantine:
        kept = examples[str(row["contract_table"]), str(row["reason"])]
        if len(kept) < EXAMPLES_SHOWN:
            kept.append(
                {
                    "source_row": row.get("source_row"),
                    "detail": _cut(row["detail"], DETAIL_CHARACTERS) if row.get("detail") is not None else None,
                    "row": _cut(row["row"], ROW_CHARACTERS) if row.get("row") is not None else None,
                }
            )
    rows = [
        {
            "table": table,
            "reason": reason,
            "means": _meaning(table, reason),
            "rows": count,
            "aside": aside,
            "examples": examples.get((table, reason), []) if aside else [],
        }
        for aside, books in ((True, found["quarantined"]), (False, found["warned"]))
        for table, reasons in sorted(books.items())
        for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    ]
    return {
        "rows": rows,
        "aside": sum(row["rows"] for row in rows if row["aside"]),
        "warned": sum(row["rows"] for row in rows if not row["aside"]),
    }


def _meaning(table: str, reason: str) -> str:
    """What a reason means, for this table where it differs by table."""
    own = [check.means for check in CHECKS if check.name == reason and table in check.tables]
    any_table = [check.means for check in CHECKS if check.name == reason]
    return next(iter([*own, *([STRUCTURAL[reason]] if reason in STRUCTURAL else []), *any_table]), NOTHING)


# ---------------------------------------------------------------- 6 how to check


def _check(project: Project, found: Mapping[str, Any]) -> dict[str, Any]:
    """Where everything lies, relative to the project; addresses that may hold a secret are never told."""
    work = Path(project.spec.stores.work)
    inside = not work.is_absolute() and ".." not in work.parts
    shown = work.as_posix() if inside else None
    return {
        "work": shown,
        "project_file": PROJECT_FILE,
        "mlflow": f"mlflow ui --backend-store-uri {shlex.quote(f'sqlite:///{shown}/mlflow.db')}"
        if project.registry_is_local and inside
        else None,
        "registry_is_local": project.registry_is_local,
        "quarantine": _quarantine_file(project, shown),
        "has_aside": bool(found["quarantined"]),
    }


def _quarantine_file(project: Project, shown: str | None) -> str | None:
    """The newest quarantine.parquet, relative to the project."""
    stores = [path for path in (project.work / "warehouse").glob("*/quarantine.parquet") if path.is_file()]
    if not stores or shown is None:
        return None
    newest = max(stores, key=lambda path: (path.stat().st_mtime_ns, path.parent.name))
    return f"{shown}/{newest.relative_to(project.work).as_posix()}"


# ---------------------------------------------------------------- rendering


def _json_for_script(value: Any) -> Markup:
    """JSON that cannot end the script it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    # U+2028 and U+2029 end a line in a script
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that HTML reads is escaped above


@cache
def _library() -> str:
    """The charting library, as it can stand in a page."""
    # inside its strings and patterns "<\/script" means the same
    return charts.library().replace("</script", "<\\/script").replace("\r\n", "\n")


def _script_hash(script: str) -> str:
    """What the page's policy knows a script by."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(str(script).encode("utf-8")).digest()).decode() + "'"


def _render(page: Mapping[str, Any], money: Callable[[Any], str]) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "money": money,
        "day": day,
        "spoken": spoken,
        "script_json": _json_for_script,
        "script_hash": _script_hash,
    }
    environment.globals["plural"] = plural
    source = resources.files("churnml.pages").joinpath("report.html.j2").read_text("utf-8")
    # the library is ours, not the user's
    return environment.from_string(source).render(page, library=Markup(_library()))  # noqa: S704
