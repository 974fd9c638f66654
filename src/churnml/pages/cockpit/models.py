"""Models and data: which model is in use and why, what came true of its scores, how data and deliveries stand."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger.cockpit import LateScoring
from churnml.ledger.dead_letters import DeadReason
from churnml.ledger.monitoring import ModelWatch, WatchedFigure
from churnml.modelling.tenure import RegisteredVersion
from churnml.pages.feeds import break_text
from churnml.pages.presenter import percent, words
from churnml.specs.watching import BreakAction
from churnml.watch.breaks import RecordedBreak
from churnml.watch.leavers import NEVER_SCORED
from churnml.watch.profile import LoadProfile

MOVED_SHOWN = 6
DATES_SHOWN = 8
QUARTERS_SHOWN = 8
BREAKS_SHOWN = 12
SCORINGS_SHOWN = 14
PART_WORDS: Mapping[str, str] = {
    "all": "everybody",
    "treated": "those the team worked on",
    "untouched": "those nobody worked on",
}
ACTION_WORDS: Mapping[str | None, str] = {
    None: "Nothing is alarming.",
    "warn": "Something is worth a look.",
    "recalibrate": "Its probabilities are to be calibrated anew.",
    "train_now": "It is to be trained anew.",
    "fall_back": "The champion before it is to take over.",
}
BREAK_ACTIONS: Mapping[BreakAction, str] = {
    BreakAction.WARN: "told only",
    BreakAction.HOLD: "scores that read it are held",
    BreakAction.STOP: "nothing is scored",
}
RECEIVER_STATES: Mapping[str, str] = {"pending": "waiting", "sent": "sent", "dead": "given up"}


@dataclass(frozen=True)
class CameTrue:
    """What the scores of a part of the accounts came to, of the newest judged dates together.

    Args:
        who: the part, in words.
        rows, positives: how many were judged, and how many had the outcome.
        ranking: the ROC AUC.
        calibration: outcomes for each one that was expected; 1 is right.
    """

    who: str
    rows: int
    positives: int | None
    ranking: WatchedFigure | None
    calibration: WatchedFigure | None


@dataclass(frozen=True)
class JudgedDate:
    """A scored date whose outcomes are known: ranking as it was expected then and as it came, and calibration."""

    as_of: dt.date
    version: str
    expected: WatchedFigure | None
    ranking: WatchedFigure | None
    calibration: WatchedFigure | None


@dataclass(frozen=True)
class QuarterOfLeavers:
    """Where those who left in a quarter had stood while there was time to act.

    Args:
        quarter: as "2024 Q3".
        through: the last day of leaving that is counted.
        leavers: how many left.
        stood: band in words → how many, the worst first, then those that were never scored.
        missed: of the best band, on no list: nobody was warned.
        missed_share: the same as a share with its interval, in words.
    """

    quarter: str
    through: dt.date
    leavers: int
    stood: Mapping[str, int]
    missed: int
    missed_share: str


@dataclass(frozen=True)
class ShownModel:
    """A model of the project.

    Args:
        name: as declared.
        champion: the version that is in use; None where there is none, or the registry did not answer.
        since: when that was registered.
        why: why it is in use, in words.
        refused: the newest version that did not become champion, and why; None where there is none after the champion.
        watched_on: the date it was looked at last; None where it never was.
        state: what is to be done, in words.
        alarms: what is alarming, as sentences.
        came_true: of the newest judged dates together.
        dates: judged dates, the newest first.
        score_drift, moved_share: how far the probabilities have moved since training, and the share of the model's
            gain that moved features have; None where that is not known.
        moved: the features that moved furthest, with their index.
        left_out: what could not be looked at, in words.
    """

    name: str
    champion: str | None
    since: dt.datetime | None
    why: str
    refused: RegisteredVersion | None
    watched_on: dt.date | None
    state: str
    alarms: tuple[str, ...]
    came_true: Sequence[CameTrue]
    dates: Sequence[JudgedDate]
    score_drift: WatchedFigure | None
    moved_share: WatchedFigure | None
    moved: Sequence[WatchedFigure]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class ShownBreak:
    """A break of the data: the sentence, what is done about it, and since when it is known, or until when it lasted."""

    text: str
    action: str
    noticed_on: dt.date
    ended_on: dt.date | None
    accepted_by: str


@dataclass(frozen=True)
class AsideRows:
    """Rows of a table that the newest load set aside for a reason, beside those it kept."""

    table: str
    reason: str
    rows: int
    kept: int


@dataclass(frozen=True)
class ReceiverCounts:
    """A receiver, and how many messages are waiting, sent, given up."""

    receiver: str
    waiting: int
    sent: int
    dead: int


@dataclass(frozen=True)
class ShownDeadReason:
    """Messages that were given up for one reason; ``key`` names it to the form that revives them."""

    key: str
    receiver: str
    reason: str
    messages: int
    oldest: dt.datetime


@dataclass(frozen=True)
class ModelsView:
    """The page.

    Args:
        models: in the order they are declared in.
        registry: why nothing is said of champions; empty where it is.
        quarters: where leavers had stood, the newest first.
        bands: the headings of that table: bands in words, the worst first.
        load: what was read last; None where that is not on record.
        aside: rows that it set aside.
        lasting, ended: breaks of the data that last, and the newest that ended.
        scorings: the newest scored dates.
        receivers: deliveries by receiver.
        dead: messages that were given up, by reason.
        may_revive: whether the visitor may have them tried again.
    """

    models: Sequence[ShownModel]
    registry: str
    quarters: Sequence[QuarterOfLeavers]
    bands: Sequence[str]
    load: LoadProfile | None
    aside: Sequence[AsideRows]
    lasting: Sequence[ShownBreak]
    ended: Sequence[ShownBreak]
    scorings: Sequence[LateScoring]
    receivers: Sequence[ReceiverCounts]
    dead: Sequence[ShownDeadReason]
    may_revive: bool


# ---------------------------------------------------------------- models


def shown_model(
    name: str, versions: Sequence[RegisteredVersion], watch: ModelWatch | None, figures: Sequence[WatchedFigure]
) -> ShownModel:
    """A model as the page shows it.

    Args:
        name: of the model.
        versions: of the registry, the newest first; empty where there are none or it did not answer.
        watch: the newest look at it; None where there was none.
        figures: what was seen: drift of that look, and what came true.
    """
    champion = next((one for one in versions if one.champion), None)
    newer = versions[: versions.index(champion)] if champion else versions
    drift = [figure for figure in figures if figure.kind == "drift" and watch and figure.as_of == watch.as_of]
    moved = sorted((one for one in drift if one.figure == "moved"), key=lambda one: -(one.value or 0.0))
    return ShownModel(
        name=name,
        champion=champion.version if champion else None,
        since=champion.created if champion else None,
        why=champion.verdict if champion else "",
        refused=newer[0] if newer else None,
        watched_on=watch.as_of if watch else None,
        state=ACTION_WORDS.get(watch.action, words(watch.action)) if watch else "",
        alarms=tuple(alarm.sentence for alarm in watch.alarms) if watch else (),
        came_true=_came_true(figures),
        dates=_judged_dates(figures),
        score_drift=_only(drift, "score_drift"),
        moved_share=_only(drift, "feature_drift"),
        moved=moved[:MOVED_SHOWN],
        left_out=watch.left_out if watch else (),
    )


def _only(figures: Iterable[WatchedFigure], name: str) -> WatchedFigure | None:
    return next((figure for figure in figures if figure.figure == name), None)


def _came_true(figures: Iterable[WatchedFigure]) -> list[CameTrue]:
    """The newest judged dates together, by part."""
    rolling = [figure for figure in figures if figure.kind == "rolling"]
    last = max((figure.as_of for figure in rolling), default=None)
    rows = []
    for part, who in PART_WORDS.items():
        of_part = [figure for figure in rolling if (figure.as_of, figure.part) == (last, part)]
        if of_part:
            first = of_part[0]
            by_name = {figure.figure: figure for figure in of_part}
            rows.append(
                CameTrue(who, first.rows, first.positives, by_name.get("roc_auc"), by_name.get("seen_over_said"))
            )
    return rows


def _judged_dates(figures: Iterable[WatchedFigure]) -> list[JudgedDate]:
    of_all = [figure for figure in figures if figure.part in ("all", "")]
    seen: dict[tuple[dt.date, str], dict[str, WatchedFigure]] = {}
    for figure in of_all:
        if figure.kind == "realised":
            seen.setdefault((figure.as_of, figure.version), {})[figure.figure] = figure
    expected = {(one.as_of, one.version): one for one in of_all if (one.kind, one.figure) == ("expected", "roc_auc")}
    return [
        JudgedDate(*key, expected.get(key), by_name.get("roc_auc"), by_name.get("seen_over_said"))
        for key, by_name in sorted(seen.items(), reverse=True)[:DATES_SHOWN]
    ]


def quarters_of_leavers(figures: Iterable[WatchedFigure]) -> list[QuarterOfLeavers]:
    """Where leavers had stood, quarter by quarter of the calendar: of each, what was known of it last."""
    looks: dict[dt.date, list[WatchedFigure]] = {}
    for figure in figures:
        if figure.kind == "leavers":
            looks.setdefault(figure.as_of, []).append(figure)
    newest: dict[str, dt.date] = {}
    for day in sorted(looks):
        newest[_quarter(day)] = day
    quarters = []
    for quarter, day in sorted(newest.items(), reverse=True)[:QUARTERS_SHOWN]:
        stood = {one.part: one.positives or 0 for one in looks[day] if one.figure == "stood"}
        missed = _only(looks[day], "missed")
        quarters.append(
            QuarterOfLeavers(
                quarter=quarter,
                through=day,
                leavers=looks[day][0].rows,
                stood={words(band): many for band, many in stood.items()},
                missed=missed.positives or 0 if missed else 0,
                missed_share=_share(missed),
            )
        )
    return quarters


def bands_of_leavers(quarters: Iterable[QuarterOfLeavers], declared: Sequence[str]) -> list[str]:
    """The columns: the declared bands, the worst first, others that leavers stood in, and last those never scored."""
    stood = {band for quarter in quarters for band in quarter.stood}
    bands = [words(band) for band in reversed(declared)]
    others = sorted(stood - {*bands, NEVER_SCORED})
    return [*bands, *others, *([NEVER_SCORED] if NEVER_SCORED in stood else [])]


def _quarter(day: dt.date) -> str:
    return f"{day.year} Q{(day.month + 2) // 3}"


def _share(figure: WatchedFigure | None) -> str:
    if figure is None or figure.value is None:
        return ""
    return f"{percent(figure.value, 0)} ({percent(figure.low, 0)} to {percent(figure.high, 0)})"


# ---------------------------------------------------------------- data and deliveries


def shown_break(one: RecordedBreak) -> ShownBreak:
    """A break as the page shows it."""
    return ShownBreak(
        text=break_text(one.data_break),
        action=BREAK_ACTIONS[one.data_break.action],
        noticed_on=one.noticed_on,
        ended_on=one.ended_on,
        accepted_by=one.acceptance.who if one.acceptance else "",
    )


def aside_rows(load: LoadProfile | None) -> list[AsideRows]:
    """What the newest load set aside, most rows first."""
    tables = load.tables.items() if load else ()
    rows = [AsideRows(name, reason, many, table.rows) for name, table in tables for reason, many in table.aside.items()]
    return sorted((row for row in rows if row.rows), key=lambda row: (-row.rows, row.table, row.reason))


def receiver_counts(counts: Mapping[str, Mapping[str, int]]) -> list[ReceiverCounts]:
    """Deliveries by receiver; ``counts`` is receiver → state → how many."""
    return [
        ReceiverCounts(receiver, states.get("pending", 0), states.get("sent", 0), states.get("dead", 0))
        for receiver, states in sorted(counts.items())
    ]


def dead_key(one: DeadReason) -> str:
    """Names a reason to a form: the words themselves may be long, and are a receiver's."""
    return hashlib.sha256(f"{one.receiver}\0{one.reason}".encode()).hexdigest()[:32]


def shown_dead(reasons: Iterable[DeadReason]) -> list[ShownDeadReason]:
    """Reasons for which messages were given up, as the page shows them."""
    return [
        ShownDeadReason(
            dead_key(one),
            one.receiver,
            one.reason,
            len(one.deliveries),
            min(delivery.created_at for delivery in one.deliveries),
        )
        for one in reasons
    ]
