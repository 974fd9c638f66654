"""Whether a load is as loads of this project are: by what came each day, and beside the last load that was in order.

Everything is judged for a date, by what was known before it: rows that arrived later are not seen, and a load is only
compared with earlier ones.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from churnml.specs.watching import Actions, BreakKind
from churnml.timeline import day_number_of, end_of_data, plus_days
from churnml.watch.breaks import Acceptance, DataBreak
from churnml.watch.comparing import compared
from churnml.watch.levels import SURE, Bools, Floats, Levels, Places, levels
from churnml.watch.profile import Feeds, LoadProfile
from churnml.watch.quiet import quiet_days

# Days that are walked: a year for the season, and eight weeks before it that say what was usual then.
DAYS_WALKED = 366 + 70
# Events that are watched by name, most frequent first; all others only as part of their table.
EVENTS_WATCHED = 120
# Days for which a stopped event is told: the longest default lookback; then no feature reads it any more.
STOPPED_FOR = 90
# Days for which a new event is news.
NEW_FOR = 14
NEW_SHARE = 0.02  # of the table's rows
# Many events are looked at, so that one alone must be surer; less so one whose place was taken on the same day, and
# hardly one whose place was taken by a name that is nearly its own: a chance, and rows that were to be expected.
SURE_OF_EVENT, ENOUGH_TO_BE_REPLACED, ALIKE, SURE_ALONE = 0.06, 10.0, 0.6, 15.0
# Of an event's rows so far, and of a usual day's, before it is said to have begun.
FIRST_SHARE, HALF_A_DAY = 0.05, 0.5
LEAST_A_DAY = 20  # of an event, before its falls and rises are told
RENAMED_WITHIN = 2.0  # factor between the volumes of an event and what took its place
# Kinds whose rows may be among those set aside, where so large a share of a table is.
MISSES_ROWS = (BreakKind.DEAD, BreakKind.FALL, BreakKind.EMPTIED, BreakKind.SHRUNK, BreakKind.ASIDE)
ASIDE_MAY_BE_WHY = 0.05
# Rows that all stand there more than once, before that is no chance.
REPEATED_ROWS = 20
# Days whose rows say how many usually stand there once, and the share of that below which a day was loaded again.
REPEATS_USUAL_DAYS, ALONE = 56, 0.5
# Days whose rows say how late rows arrive: not the newest, which may not have arrived.
SETTLED_DAYS = (70, 14)
# Of a column's usual share of values, below which it is empty; rows with a value expected before that is said, and
# where not one of them has any.
EMPTY_SHARE, EMPTY_ROWS, WHOLLY_EMPTY_ROWS = 0.5, 30, 15
EMPTY_DAYS = (2, 58)


@dataclass(frozen=True)
class Watching:
    """What a load is judged by, beside itself.

    Args:
        reference: the last load that was in order; None where there is none.
        accepted: what somebody has called meant.
        region: whose holidays are kept.
        actions: as declared.
    """

    reference: LoadProfile | None = None
    accepted: Sequence[Acceptance] = ()
    region: str | None = None
    actions: Actions | None = None


def judge(profile: LoadProfile, feeds: Feeds, as_of: dt.date, by: Watching) -> list[DataBreak]:
    """The breaks that last on a date and that nobody has called meant, those of whole tables first.

    Args:
        profile, feeds: the load.
        as_of: the date: nothing known on it or later is seen.
        by: what it is judged by.
    """
    breaks = [*_of_days(feeds, as_of, by), *_repeats(feeds, as_of), *_empty_columns(feeds, as_of)]
    if as_of == end_of_data(profile.data_through):
        breaks += compared(profile, by.reference)
        breaks += _late(profile, feeds, as_of, by)
    emptied = {one.table for one in breaks if one.kind is BreakKind.EMPTIED}
    doubled = {one.table for one in breaks if one.kind is BreakKind.DUPLICATES}
    meant = [
        replace(one.acted_on(by.actions or {}), aside=_aside(profile, one))
        for one in breaks
        if not any(accepted.covers(one) for accepted in by.accepted)
        and not (one.table in emptied and one.kind is not BreakKind.EMPTIED)
        and not (one.table in doubled and one.kind is BreakKind.RISE)
    ]
    return sorted(meant, key=lambda one: (one.subject != "", one.table, one.kind, one.subject))


def _aside(profile: LoadProfile, one: DataBreak) -> str:
    """Why rows were set aside, where a table misses some and so many were that it may be the cause."""
    if one.table not in profile.tables or one.kind not in MISSES_ROWS:
        return ""
    aside = profile.tables[one.table].aside
    reason, _ = max(aside.items(), key=lambda pair: pair[1], default=("", 0))
    return reason if profile.tables[one.table].share_aside >= ASIDE_MAY_BE_WHY else ""


# ---------------------------------------------------------------- what came each day


@dataclass(frozen=True)
class _Streams:
    """Daily counts up to a date: ``names`` (table, event) by row, and the day number of the first column."""

    names: list[tuple[str, str]]
    counts: Floats
    first: int
    complete: Floats

    @property
    def weekday(self) -> Places:
        # 1970-01-01 was a Thursday
        return (np.arange(self.counts.shape[1], dtype=np.int64) + self.first + 3) % 7

    def date(self, place: int) -> dt.date:
        return plus_days(dt.date(1970, 1, 1), self.first + int(place))


def _known(feeds: Feeds, as_of: dt.date) -> pd.DataFrame:
    """The cells known before a date."""
    end = day_number_of(as_of)
    cells = feeds.cells
    return cells[(cells["day"] < end) & (cells["day"] + cells["delay"].clip(lower=0) < end)]


def _streams(cells: pd.DataFrame, as_of: dt.date) -> _Streams:
    end = day_number_of(as_of)
    began = int(cells["day"].min()) if len(cells) else end
    first = max(end - DAYS_WALKED, began)
    days = end - first
    cells = cells[cells["day"] >= first]
    totals = cells.groupby(["contract_table", "event"], sort=True)["rows"].sum().reset_index()
    totals = totals.sort_values("rows", ascending=False, kind="stable")
    keys = [(str(table), str(event)) for table, event in zip(totals["contract_table"], totals["event"], strict=True)]
    names = [*sorted(key for key in keys if not key[1]), *[key for key in keys if key[1]][:EVENTS_WATCHED]]
    place = {name: row for row, name in enumerate(names)}
    counts = np.zeros((len(names), days))
    given = zip(cells["contract_table"].tolist(), cells["event"].tolist(), strict=True)
    rows = np.array([place.get(key, -1) for key in given], dtype=np.int64)
    watched = rows >= 0
    into = (rows[watched], cells["day"].to_numpy(dtype=np.int64)[watched] - first)
    np.add.at(counts, into, cells["rows"].to_numpy(dtype=np.float64)[watched])
    return _Streams(names, counts, first, _completeness(cells, end, days))


def _completeness(cells: pd.DataFrame, end: int, days: int) -> Floats:
    """Share of a day's rows of usage that is known by the end, shape (days,)."""
    complete = np.ones(days)
    usage = cells[(cells["contract_table"] == "usage_events") & (cells["event"] == "")]
    settled = usage[(usage["day"] >= end - SETTLED_DAYS[0]) & (usage["day"] < end - SETTLED_DAYS[1])]
    total = float(settled["rows"].sum())
    if total > 0:
        for back in range(1, min(days, SETTLED_DAYS[1]) + 1):
            known = float(settled.loc[settled["delay"] < back, "rows"].sum())
            complete[days - back] = max(known / total, 0.05)
    return complete


def _of_days(feeds: Feeds, as_of: dt.date, by: Watching) -> list[DataBreak]:
    streams = _streams(_known(feeds, as_of), as_of)
    if not streams.names:
        return []
    days = streams.counts.shape[1]
    quiet = quiet_days(streams.date(0), days, by.region)
    meant = _meant(streams, by.accepted)
    sure = np.array([SURE_OF_EVENT if event else SURE for _, event in streams.names])
    place = {name: row for row, name in enumerate(streams.names)}
    whole = np.array([place.get((table, ""), -1) if event else -1 for table, event in streams.names], dtype=np.int64)
    judged = levels(streams.counts, streams.weekday, quiet, streams.complete, meant, sure, whole)
    breaks = [one for row in range(len(streams.names)) if (one := _of_stream(streams, judged, row)) is not None]
    broken = {one.table: one for one in breaks if not one.subject}
    stopped = [one for one in breaks if one.kind is BreakKind.STOPPED]
    told = [one for one in breaks if not one.subject]
    told += [one for one in breaks if one.subject and one not in stopped and one.table not in broken]
    dead = {table for table, one in broken.items() if one.kind is BreakKind.DEAD}
    replaced, new = _renamed(streams, judged, [one for one in stopped if one.table not in dead])
    told += replaced
    if "usage_events" not in broken:
        told += _new_events(streams, judged, new)
    return told


def _meant(streams: _Streams, accepted: Sequence[Acceptance]) -> Bools:
    """The days on which a stream begins anew, because somebody said that its level is meant."""
    anew = np.zeros(streams.counts.shape, dtype=bool)
    for one in accepted:
        place = day_number_of(one.began_on) - streams.first
        if 0 <= place < len(streams.weekday) and one.kind in ("dead", "fall", "rise", "stopped", "renamed"):
            rows = [row for row, (table, event) in enumerate(streams.names) if table == one.table]
            named = [row for row in rows if one.subject in ("", streams.names[row][1])]
            anew[named, place] = True
    return anew


def _of_stream(streams: _Streams, judged: Levels, row: int) -> DataBreak | None:
    """The break of one table or event, if there is one."""
    table, event = streams.names[row]
    usual, now = float(judged.usual[row]), float(judged.now[row])
    if (place := judged.silent_on[row]) >= 0:
        kind = BreakKind.STOPPED if event else BreakKind.DEAD
        if event and streams.counts.shape[1] - place > STOPPED_FOR:
            return None
        return DataBreak(kind, table, event, streams.date(place), usual, now)
    for kind, began in ((BreakKind.FALL, judged.fallen_on[row]), (BreakKind.RISE, judged.risen_on[row])):
        if began >= 0 and (not event or usual >= LEAST_A_DAY):
            return DataBreak(kind, table, event, streams.date(began), usual, now)
    return None


def _missed(one: DataBreak, streams: _Streams, judged: Levels) -> float:
    """The rows that were to be expected while an event was silent."""
    return float(judged.missed[streams.names.index((one.table, one.subject))])


def _renamed(
    streams: _Streams, judged: Levels, stopped: Sequence[DataBreak]
) -> tuple[list[DataBreak], list[tuple[str, str]]]:
    """Stopped events with what took their place; and the events that are new and did not take anything's place.

    Of several that began, the one goes with an event that is nearest by its volume and its name.
    """
    days = int(streams.counts.shape[1])
    began = {name: _began(streams, judged, row) for row, name in enumerate(streams.names) if name[1]}
    new = {name: place for name, place in began.items() if place > 0 and days - place <= STOPPED_FOR}
    pairs = []
    for one in stopped:
        place = day_number_of(one.began_on) - streams.first
        for name, born in new.items():
            volume = float(streams.counts[streams.names.index(name), born:].mean())
            factor = volume / one.usual if one.usual else 0.0
            if name[0] == one.table and abs(born - place) <= 1 and 1 / RENAMED_WITHIN < factor < RENAMED_WITHIN:
                likeness = SequenceMatcher(None, one.subject, name[1]).ratio()
                if likeness < ALIKE and _missed(one, streams, judged) < ENOUGH_TO_BE_REPLACED:
                    continue
                pairs.append((abs(float(np.log(factor))) + 2 * (1 - likeness), one.subject, name))
    instead: dict[str, tuple[str, str]] = {}
    for _, subject, name in sorted(pairs):
        if subject not in instead and name in new:
            instead[subject] = name
            del new[name]
    alone = [one for one in stopped if one.subject not in instead and _missed(one, streams, judged) > SURE_ALONE]
    renamed = [
        replace(one, kind=BreakKind.RENAMED, instead=to[1], now=_newest(streams, to, began[to]))
        for one in stopped
        if (to := instead.get(one.subject))
    ]
    return [*renamed, *alone], list(new)


def _began(streams: _Streams, judged: Levels, row: int) -> int:
    """The place of the day on which an event began to come in numbers; the number of days where it never did.

    A few rows before that make no beginning: whoever tried it first, and late rows that came under the new name.
    """
    born = int(judged.born[row])
    rows = streams.counts[row, born:]
    if not len(rows):
        return born
    few = min(FIRST_SHARE * rows.sum(), HALF_A_DAY * rows[-7:].mean())
    return born + int(np.argmax(rows.cumsum() >= few))


def _newest(streams: _Streams, name: tuple[str, str], began: int) -> float:
    """Rows a day of an event over the last week, or since it began."""
    return float(streams.counts[streams.names.index(name), began:][-7:].mean())


def _new_events(streams: _Streams, judged: Levels, new: Sequence[tuple[str, str]]) -> Iterator[DataBreak]:
    days = streams.counts.shape[1]
    for name in new:
        row = streams.names.index(name)
        born = _began(streams, judged, row)
        whole = streams.counts[streams.names.index((name[0], "")), born:].mean()
        volume = streams.counts[row, born:].mean()
        if 1 < days - born <= NEW_FOR and born > STOPPED_FOR and volume >= max(LEAST_A_DAY, NEW_SHARE * whole):
            yield DataBreak(BreakKind.NEW_EVENT, name[0], name[1], streams.date(born), 0.0, float(volume))


# ---------------------------------------------------------------- how the rows of a day are


def _repeats(feeds: Feeds, as_of: dt.date) -> Iterator[DataBreak]:
    """The newest run of days on which every row stands there more than once, or most do where hardly any does."""
    end = day_number_of(as_of)
    for table, days in feeds.repeats.groupby("contract_table"):
        past = days[days["day"] < end].sort_values("day")
        doubled = _loaded_again(past)
        run = np.cumsum(~doubled)
        for _, rows in reversed(list(past[doubled].groupby(run[doubled]))):
            if int(rows["day"].iloc[-1]) < end - STOPPED_FOR:
                break
            if rows["different"].sum() >= REPEATED_ROWS:
                times = float(rows["rows"].sum() / rows["different"].sum())
                began = plus_days(dt.date(1970, 1, 1), int(rows["day"].iloc[0]))
                yield DataBreak(BreakKind.DUPLICATES, str(table), "", began, 1.0, times)
                break


def _loaded_again(days: pd.DataFrame) -> Bools:
    """Which days were loaded more than once; ``days`` in order.

    Rows that arrive late stand there once on a day that was loaded twice: what shows it then is that far fewer rows
    than usual do.
    """
    alone = days["single"].fillna(0) / days["different"]
    usual = alone.rolling(REPEATS_USUAL_DAYS, min_periods=REPEATS_USUAL_DAYS // 4).median().shift(1)
    most = (usual >= ALONE) & (alone <= ALONE * usual) & (days["different"] >= REPEATED_ROWS)
    return ((days["least"] >= 2) | most).to_numpy()


def _empty_columns(feeds: Feeds, as_of: dt.date) -> Iterator[DataBreak]:
    """Columns of usage that have far fewer values on the newest days than before."""
    end = day_number_of(as_of)
    cells = _known(feeds, as_of)
    usage = cells[(cells["contract_table"] == "usage_events") & (cells["event"] == "")]
    by_day = usage.groupby("day")[["rows", "users", "quantities"]].sum()
    newest = by_day[by_day.index >= end - EMPTY_DAYS[0]].sum()
    before = by_day[(by_day.index < end - EMPTY_DAYS[0]) & (by_day.index >= end - EMPTY_DAYS[1])]
    for column, counted in (("user_id", "users"), ("quantity", "quantities")):
        if not before["rows"].sum() or not newest["rows"]:
            continue
        usual = float(before[counted].sum() / before["rows"].sum())
        now = float(newest[counted] / newest["rows"])
        # what is empty for weeks becomes the usual slowly, so the days before count by their own shares
        shares = (before[counted] / before["rows"]).to_numpy()
        usual = max(usual, float(np.median(shares)) if len(shares) else usual)
        enough = EMPTY_ROWS if now > 0 else WHOLLY_EMPTY_ROWS
        if now < EMPTY_SHARE * usual and usual * newest["rows"] >= enough:
            off = (by_day[counted] / by_day["rows"] < EMPTY_SHARE * usual)[::-1]
            days = int(off.cummin().sum())
            began = plus_days(as_of, -max(days, 1))
            yield DataBreak(BreakKind.NULLS, "usage_events", column, began, 1 - usual, 1 - now)


def _late(profile: LoadProfile, feeds: Feeds, as_of: dt.date, by: Watching) -> Iterator[DataBreak]:
    """Data whose end nobody declares end with their newest usage: whether that is long ago."""
    if profile.end_declared or profile.read_on <= as_of:
        return
    cells = _known(feeds, as_of)
    whole = _streams(cells[(cells["contract_table"] == "usage_events") & (cells["event"] == "")], as_of)
    if not whole.names:
        return
    missing = min((profile.read_on - as_of).days, 60)
    counts = np.hstack([whole.counts, np.zeros((1, missing))])
    longer = replace(whole, counts=counts, complete=np.ones(counts.shape[1]))
    quiet = quiet_days(longer.date(0), counts.shape[1], by.region)
    judged = levels(counts, longer.weekday, quiet, longer.complete)
    if judged.silent_on[0] >= 0:
        yield DataBreak(BreakKind.LATE, "usage_events", "", as_of, float(judged.usual[0]), 0.0)
