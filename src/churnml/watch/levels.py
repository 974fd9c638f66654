"""Whether each day brought what is usual: every stream of counts against its own past, day after day.

What is usual of a day is the median of the same weekday over the last eight clean weeks, or the mean of the last two
of them, whichever is closer to the day: a company that grows or shrinks is judged by its recent weeks, one that comes
back from a holiday by the weeks before. Days in a break do not enter what is usual, so a break stays one.

How far a day is off is told by the square root of its count (Anscombe 1948), with an overdispersion taken from the
stream's own residuals (median absolute deviation). Effects, not tests, decide: a fall must be deep and last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Places = NDArray[np.int64]

WEEKS = 8  # clean weeks that say what is usual
FEWEST_WEEKS = 3  # of them, before anything is said
RISE_AFTER = 56  # days a stream must be old before a rise is one
ADOPTED_AFTER = 35  # days after which a level that lasts is the usual one
RESIDUALS = 84  # clean days whose residuals say how much a stream varies
LEAST_VARIATION = 0.12  # of a day's mean: the rows of one day share its weather
QUIET_SHARE = 0.10  # of what is usual, that must be expected on a quiet day
# Days looked at together → share of what is usual below which a fall is one, and above which a rise is. A single
# day off is a holiday that nobody declared, unless hardly anything came.
FALLS = {1: 0.04, 2: 0.55, 3: 0.60, 7: 0.65}
RISES = {1: 4.0, 2: 1.8, 3: 1.7, 7: 1.6}
WITHIN = (0.75, 1.35)  # shares of what is usual between which a day is not off
FAR = 3.5  # standard deviations of a square root; where weather is all there is, some five of its logarithm
ENOUGH = 20.0  # rows usual on the days together, before their sum tells anything but silence
SEASON = (0.75, 1.35)  # how much further off than on last year's same days a season's days may be
SEASON_SLACK = 4  # days by which a season moves from year to year
SURE = 1e-4  # chance of so many days with nothing, below which nothing is a break
SILENT_VARIATION = 0.2  # at least, where silence is judged


@dataclass(frozen=True)
class Levels:
    """Every stream at its last day; all arrays have the shape (streams,).

    Args:
        fallen_on, risen_on, silent_on: place of the first day of a fall, a rise, a silence that still lasts; −1 none.
        usual, now: means of what was usual and of what came, over the days since, or over the last seven where
            nothing is wrong.
        born: place of the first day on which anything came; the number of days where nothing ever did.
        missed: rows that were to be expected over a silence; 0 where there is none.
    """

    fallen_on: Places
    risen_on: Places
    silent_on: Places
    usual: Floats
    now: Floats
    born: Places
    missed: Floats


def levels(
    counts: Floats,
    weekday: Places,
    quiet: Bools,
    complete: Floats,
    anew: Bools | None = None,
    sure: Floats | float = SURE,
    whole: Places | None = None,
) -> Levels:
    """The levels of streams of daily counts.

    Args:
        counts: shape (streams, days), oldest first; the last day is the newest full one.
        weekday: shape (days,), 0 is Monday.
        quiet: days on which little is expected, shape (days,).
        complete: share of a day's rows that is known by now, shape (days,); below 1 only for the newest days.
        anew: shape (streams, days): days from which a level is meant, so that what is usual begins anew.
        sure: chance below which silence is a break, for all streams or of shape (streams,).
        whole: the stream that each is a part of, shape (streams,); −1 none. Of a part no more is expected on a day
            than its whole brought.
    """
    walk = _Walk(counts, weekday, quiet, complete, np.zeros(counts.shape, dtype=bool) if anew is None else anew)
    for day in range(counts.shape[1]):
        walk.step(day)
    return walk.result(np.broadcast_to(np.asarray(sure, dtype=np.float64), len(counts)), whole)


def _medians(rows: Floats) -> Floats:
    """The median of each row's known values; every row has one."""
    ordered, known = np.sort(rows, axis=1), np.isfinite(rows).sum(axis=1)
    places = np.arange(len(rows))
    middle: Floats = (ordered[places, (known - 1) // 2] + ordered[places, known // 2]) / 2
    return middle


class _Walk:
    """The walk over the days: what is usual at each, and which streams are off."""

    def __init__(self, counts: Floats, weekday: Places, quiet: Bools, complete: Floats, anew: Bools) -> None:
        self.counts, self.weekday, self.quiet, self.complete, self.anew = counts, weekday, quiet, complete, anew
        streams, days = counts.shape
        self.clean = np.full((streams, 7, WEEKS), np.nan)
        # of clean days: how far off in logarithms, and the variance that chance alone gives
        self.residuals = np.full((streams, RESIDUALS), np.nan)
        self.by_chance = np.full((streams, RESIDUALS), np.nan)
        self.low, self.high, self.middle = (np.full((streams, days), np.nan) for _ in range(3))
        self.variation = np.full(streams, LEAST_VARIATION)
        self.open_days: dict[int, Places] = {}
        self.last_days: dict[int, Places] = {}
        self.off_since = {True: np.full(streams, -1), False: np.full(streams, -1)}  # fallen, risen
        some = counts > 0
        self.born = np.where(some.any(axis=1), some.argmax(axis=1), days)

    def step(self, day: int) -> None:
        """Judges a day and, where it is clean, lets it enter what is usual."""
        self._forget(self.anew[:, day])
        self._expect(day)
        # a quiet day brings no more than others, so a rise is one on it too
        self.last_days = {width: np.arange(max(0, day - width + 1), day + 1) for width in RISES}
        self._judge(day, below=False)
        if not self.quiet[day]:
            self.open_days = {width: self._days(day, width) for width in FALLS}
            self._judge(day, below=True)
            self._end(day)
            self._enter(day)

    def _forget(self, streams: Bools) -> None:
        if streams.any():
            self.clean[streams] = np.nan
            for since in self.off_since.values():
                since[streams] = -1

    def _expect(self, day: int) -> None:
        past = self.clean[:, self.weekday[day], :]
        enough = np.isfinite(past).sum(axis=1) >= FEWEST_WEEKS
        if not enough.any():
            return
        middle = _medians(past[enough])
        # the newest are last, and there are three at least
        recent = past[enough][:, -2:].mean(axis=1)
        self.middle[enough, day] = middle
        self.low[enough, day] = np.minimum(middle, recent) * self.complete[day]
        self.high[enough, day] = np.maximum(middle, recent)

    def _judge(self, day: int, *, below: bool) -> None:
        """Where a break begins: enough days together are so far off, and last year's were not."""
        free = (self.off_since[True] < 0) & (self.off_since[False] < 0)
        if not below:
            free &= day - self.born >= RISE_AFTER
        for width, share in (FALLS if below else RISES).items():
            days = self.open_days[width] if below else self.last_days[width]
            seen, usual = self._sums(days, below=below)
            # what is not known compares as False
            off = (usual >= ENOUGH) & (seen < share * usual if below else seen > share * usual)
            for stream in np.flatnonzero(off & free).tolist():
                if not self._is_far(stream, seen[stream], usual[stream]):
                    continue
                if not self._as_last_year(stream, day, width, seen[stream] / usual[stream], below=below):
                    self.off_since[below][stream] = self._began(stream, day, below=below)
                    free[stream] = False

    def _days(self, day: int, width: int) -> Places:
        """The last ``width`` days up to ``day`` that are not quiet."""
        back = np.arange(max(0, day - width - 20), day + 1)
        return back[~self.quiet[back]][-width:]

    def _sums(self, days: Places, *, below: bool) -> tuple[Floats, Floats]:
        """What came and what was usual on some days together; NaN where that is not known."""
        usual = self.low if below else self.high
        return self.counts[:, days].sum(axis=1), usual[:, days].sum(axis=1)

    def _is_far(self, stream: int, seen: float, usual: float) -> bool:
        """Whether a sum lies further off than the stream varies."""
        spread = math.sqrt(1 + self.variation[stream] ** 2 * usual)
        return 2 * abs(math.sqrt(seen + 0.375) - math.sqrt(usual + 0.375)) > FAR * spread

    def _as_last_year(self, stream: int, day: int, width: int, share: float, *, below: bool) -> bool:
        """Whether days about a year before were as far off."""
        shares = []
        for last in range(day - 364 - SEASON_SLACK, day - 364 + SEASON_SLACK + 1):
            days = slice(last - width + 1, last + 1)
            usual = self.middle[stream, days].sum() if last >= width else np.nan
            if usual >= ENOUGH:
                shares.append(self.counts[stream, days].sum() / usual)
        if not shares:
            return False
        return bool(share > SEASON[0] * min(shares) if below else share < SEASON[1] * max(shares))

    def _off(self, stream: int, day: int, *, below: bool) -> bool:
        usual = self.low[stream, day] if below else self.high[stream, day]
        share = self.counts[stream, day] / usual if usual > 0 else 1.0
        return bool(share < WITHIN[0] if below else share > WITHIN[1])

    def _began(self, stream: int, day: int, *, below: bool) -> int:
        """The first of the days up to ``day`` that are all off; one of which nothing is usual says nothing."""
        began = day
        for earlier in range(day, max(-1, day - 15), -1):
            if self.quiet[earlier] or not self.middle[stream, earlier] >= 1:
                continue
            if not self._off(stream, earlier, below=below):
                break
            began = earlier
        return began

    def _end(self, day: int) -> None:
        """Where a break ends: two days are as usual again, or its level has lasted so long that it is the usual one."""
        days = self.open_days[2]
        for below, since in self.off_since.items():
            for stream in np.flatnonzero((since >= 0) & (since < days[0])).tolist():
                seen, usual = (sums[stream] for sums in self._sums(days, below=below))
                as_usual = seen >= WITHIN[0] * usual if below else seen <= WITHIN[1] * usual
                lasting = day - since[stream] >= ADOPTED_AFTER and self.counts[stream, since[stream] : day + 1].any()
                if as_usual or lasting:
                    since[stream] = -1
                if lasting and not as_usual:
                    self.clean[stream] = np.nan

    def _enter(self, day: int) -> None:
        """Clean days of streams that have begun are what is usual from now on."""
        clean = (self.off_since[True] < 0) & (self.off_since[False] < 0) & (self.born <= day)
        rows, place = np.flatnonzero(clean), self.weekday[day]
        if not len(rows):
            return
        self.clean[rows, place, :-1] = self.clean[rows, place, 1:]
        self.clean[rows, place, -1] = self.counts[rows, day] / self.complete[day]
        known = rows[self.middle[rows, day] >= 5]
        if len(known):
            # from whichever is nearer, so that growth is no variation
            seen, low, high = self.counts[known, day] + 0.5, self.low[known, day], self.high[known, day]
            off = [np.abs(np.log(seen / (usual + 0.5))) for usual in (low, high * self.complete[day])]
            self.residuals[known, day % RESIDUALS] = np.minimum(*off)
            self.by_chance[known, day % RESIDUALS] = 1 / np.maximum(low, 1.0)
            # what few rows vary by chance is reckoned where they are judged, so it is no variation of the stream's own
            whole = (1.4826 * _medians(self.residuals[known])) ** 2 - _medians(self.by_chance[known])
            self.variation[known] = np.sqrt(np.maximum(whole, LEAST_VARIATION**2))

    def result(self, sure: Floats, whole: Places | None) -> Levels:
        """The streams as they stand at the last day."""
        wholes = np.full(len(self.counts), -1) if whole is None else whole
        silences = [self._silent(*of) for of in enumerate(zip(sure, wholes, strict=True))]
        silent_on = np.array([place for place, _ in silences], dtype=np.int64)
        fallen, risen = (np.where(silent_on >= 0, -1, since) for since in self.off_since.values())
        began = np.maximum(np.maximum(fallen, risen), silent_on)
        usual, now = np.full(len(began), np.nan), np.full(len(began), np.nan)
        days = self.counts.shape[1]
        for stream, since in enumerate(began):
            here = np.arange(since if since >= 0 else max(0, days - 7), days)
            known = here[~self.quiet[here] & np.isfinite(self.middle[stream, here])]
            if not len(known):
                # only quiet days are wrong so far: what was usual before them
                known = np.flatnonzero(~self.quiet[: here[0]] & np.isfinite(self.middle[stream, : here[0]]))[-7:]
                usual[stream], now[stream] = (
                    (self.middle[stream, known].mean(), self.counts[stream, here].mean()) if len(known) else (0.0, 0.0)
                )
            else:
                usual[stream], now[stream] = self.middle[stream, known].mean(), self.counts[stream, known].mean()
        missed = np.array([rows for _, rows in silences], dtype=np.float64)
        return Levels(fallen, risen, silent_on, usual, now, self.born, missed)

    def _silent(self, stream: int, judged: tuple[float, int]) -> tuple[int, float]:
        """The first day of a silence up to the last day that is hardly chance, −1 none; and the rows it missed.

        The chance of nothing is a negative binomial's, so that a quiet company's few rows are not missed at once.
        """
        sure, whole = judged
        some = np.flatnonzero(self.counts[stream])
        days = self.counts.shape[1]
        if not len(some) or some[-1] == days - 1:
            return -1, 0.0
        run = np.arange(some[-1] + 1, days)
        expected = np.where(self.quiet[run], QUIET_SHARE, 1.0)
        if whole >= 0:
            known = self.middle[whole, run] > 0
            brought = self.counts[whole, run] / np.where(known, self.middle[whole, run], 1.0)
            expected = np.where(known, np.minimum(brought, 1.0), expected)
        usual = np.nan_to_num(self.low[stream, run]) * expected
        spread = max(self.variation[stream], SILENT_VARIATION) ** -2
        chance = (1 + usual.sum() / spread) ** -spread
        begins = run[usual > 0]
        return (int(begins[0]), float(usual.sum())) if chance < sure else (-1, 0.0)
