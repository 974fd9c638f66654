"""The head of the report: the bands of health, and which models speak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from churnml.ledger import ScoredAccount
from churnml.modelling.record import ModelRecord
from churnml.pages.feeds import ACTIONS, break_text
from churnml.pages.presenter import capitalised
from churnml.pages.report.parts import Group
from churnml.specs.health import HealthSpec
from churnml.watch.breaks import DataBreak


@dataclass(frozen=True)
class Standing:
    """Whether a model gives the probabilities, and why or why not."""

    name: str
    used: bool
    title: str
    text: str
    consequence: str | None


@dataclass(frozen=True)
class BrokenFeed:
    """A break as the head tells it: its sentence, what is done about it, its name for the command line."""

    title: str
    done: str
    name: str


def broken_feeds(breaks: Sequence[DataBreak]) -> list[BrokenFeed]:
    """The breaks in the data, in the order given."""
    return [BrokenFeed(f"{break_text(one)}.", f"{capitalised(ACTIONS[one.action])}.", one.break_id) for one in breaks]


def band_groups(health: HealthSpec, accounts: Sequence[ScoredAccount]) -> list[Group]:
    """Declared bands from best to worst, then whatever else accounts are in."""
    members: dict[str, list[ScoredAccount]] = {band.name: [] for band in health.bands}
    for account in sorted(accounts, key=lambda account: account.band):
        members.setdefault(account.band, []).append(account)
    return [Group(band, inside) for band, inside in members.items()]


def band_spans(health: HealthSpec) -> dict[str, str]:
    """Band → the health it stands for: "45 to under 70"."""
    ends = ["100", *(f"under {band.at_least:g}" for band in health.bands)]
    return {band.name: f"{band.at_least:g} to {end}" for band, end in zip(health.bands, ends, strict=False)}


def standing_of(
    name: str, version: str | None, record: ModelRecord | None, risk: str, *, knows_money: bool = True
) -> Standing:
    """What the head says of a model: used, or not and why; of money only where any is known."""
    if version is not None:
        return Standing(name, True, f"The {name} model is used", _why_used(version, record), None)
    if name == risk:
        title = f"No {name} model is in use: health dimensions alone"
        consequence = (
            f"So this page holds no churn probability{' and no MRR at risk' if knows_money else ''}. "
            "Bands and the queue come from the health dimensions alone."
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
