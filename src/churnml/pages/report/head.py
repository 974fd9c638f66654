"""The head of the report: the date at a glance, its bands, and which models speak."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import ScoredAccount, ScoredDay
from churnml.modelling.record import ModelRecord
from churnml.pages.report.parts import share, total
from churnml.specs.health import HealthSpec


@dataclass(frozen=True)
class Head:
    """The figures at the top."""

    accounts: int
    mrr: float | None
    mrr_unknown: int
    at_risk: float | None
    at_risk_share: float | None
    decisions: int


@dataclass(frozen=True)
class BandRow:
    """The accounts of one band."""

    name: str
    colour: str
    span: str
    accounts: int
    share: float | None
    mrr: float | None
    mrr_share: float | None
    at_risk: float | None


@dataclass(frozen=True)
class Standing:
    """Whether a model gives the probabilities, and why or why not."""

    name: str
    used: bool
    title: str
    text: str
    consequence: str | None


def head_of(scores: ScoredDay) -> Head:
    accounts = scores.accounts
    mrr, at_risk = total(a.mrr for a in accounts), total(a.mrr_at_risk for a in accounts)
    return Head(
        accounts=len(accounts),
        mrr=mrr,
        mrr_unknown=sum(a.mrr is None for a in accounts),
        at_risk=at_risk,
        at_risk_share=share(at_risk, mrr),
        decisions=len(scores.decisions),
    )


def band_rows(health: HealthSpec, scores: ScoredDay, bands: Sequence[str], colours: Mapping[str, str]) -> list[BandRow]:
    members: dict[str, list[ScoredAccount]] = defaultdict(list)
    for account in scores.accounts:
        members[account.band].append(account)
    whole_mrr = total(a.mrr for a in scores.accounts)
    spans = _spans(health)
    rows = []
    for band in bands:
        mrr = total(a.mrr for a in members[band])
        rows.append(
            BandRow(
                name=band,
                colour=colours[band],
                span=spans.get(band, "too little is known"),
                accounts=len(members[band]),
                share=share(len(members[band]), len(scores.accounts)),
                mrr=mrr,
                mrr_share=share(mrr, whole_mrr),
                at_risk=total(a.mrr_at_risk for a in members[band]),
            )
        )
    return rows


def _spans(health: HealthSpec) -> dict[str, str]:
    """Band → the health it stands for: "45 to under 70"."""
    ends = ["100", *(f"under {band.at_least:g}" for band in health.bands)]
    return {band.name: f"{band.at_least:g} to {end}" for band, end in zip(health.bands, ends, strict=False)}


def standing_of(name: str, version: str | None, record: ModelRecord | None, risk: str) -> Standing:
    """What the head says of a model: used, or not and why."""
    if version is not None:
        return Standing(name, True, f"The {name} model is used", _why_used(version, record), None)
    if name == risk:
        title = f"No {name} model is in use: health dimensions alone"
        consequence = (
            "So this page holds no churn probability and no MRR at risk. Bands and the queue come from the health "
            "dimensions alone."
        )
    else:
        title = f"No {name} model is in use: nothing is said of {name}"
        consequence = f"So no account has a probability of {name}, and no playbook that asks for one takes an account."
    return Standing(name, False, title, _why_not_used(record), consequence)


def _why_used(version: str, record: ModelRecord | None) -> str:
    if record is None:
        return f"Version {version} gave the probabilities on this page."
    if record.version != version:
        return (
            f"Version {version}, the champion, gave the probabilities on this page. "
            f"The newest, version {record.version}, {_verdict_on(record)}"
        )
    how = "It was promoted" if record.promoted else "It was promoted by hand; the judgement had been against it"
    return f"Version {version} gave the probabilities on this page. {how}: {record.because}."


def _why_not_used(record: ModelRecord | None) -> str:
    if record is None:
        return "None has been promoted."
    return f"Version {record.version} was trained and judged, but {_verdict_on(record)}"


def _verdict_on(record: ModelRecord) -> str:
    """Why a trained version gives no probabilities."""
    verdict = "is not the champion now; when it was judged" if record.promoted else "was not promoted"
    return f"{verdict}: {record.because}."
