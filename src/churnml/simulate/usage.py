"""The product's own log: who did what when, and when the row arrived.

Use follows health with a lag of a few weeks, the number of active people follows pressure and health,
and both through noise, so that the log tells of the hidden state without giving it away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.simulate.clock import DAY_SECONDS, NEVER, WEEK_DAYS, Clock, Flags, Floats, Ints, Texts, joined, taken
from churnml.simulate.contracts import HOUR
from churnml.simulate.history import ContractStates, History
from churnml.simulate.population import Accounts
from churnml.simulate.world import U_VALUES, Z_VALUES, logistic

# Names by popularity; the value events are what the product is bought for and thin out first.
PLAIN_EVENTS = (
    "login", "page_viewed", "search_run", "record_opened", "record_edited", "comment_added", "file_uploaded",
    "filter_applied", "notification_opened", "tag_added", "profile_updated", "view_saved", "password_changed",
)  # fmt: skip
VALUE_EVENTS = (
    "report_viewed", "report_exported", "dashboard_created", "integration_synced", "workflow_run",
    "api_called", "user_invited",
)  # fmt: skip
EVENTS = PLAIN_EVENTS + VALUE_EVENTS
# typical quantity of the events that carry one: rows, megabytes, records, calls
QUANTITY = {"report_exported": 400.0, "file_uploaded": 3.0, "integration_synced": 1200.0, "api_called": 25.0}

Z_ON_USE = 0.65  # log intensity a unit of z
U_ON_USE = 0.25
Z_ON_SHARE = 0.30  # logit of the share of active seats a unit of z
U_ON_SHARE = 1.25
SHARE_BASE = -0.15
Z_ON_VALUE = 1.2  # logit of the share of value events a unit of z
VALUE_BASE = -0.9
LAG = 0.50  # weight of the past in the smoothed health that use follows: one to two weeks of delay
MOOD_KEPT, MOOD_NOISE = 0.70, 0.09  # an account's own ups and downs that mean nothing
ADOPTION_WEEKS = 5.0
BURST_SHAPE = 1.6  # gamma shape of a day's activity: smaller is burstier
USER_SKEW = 1.3  # >1: the first users of an account do most

WEEKDAY: Floats = np.array([1.05, 1.12, 1.10, 1.05, 0.88, 0.13, 0.09])
HOURS: Floats = np.array([1, 1, 1, 1, 1, 2, 6, 18, 42, 62, 66, 58, 40, 52, 62, 60, 50, 34, 18, 10, 7, 5, 3, 2], float)
REGION_HOURS = (0, 6, 17)  # where the working day lies on the UTC clock, by region; wraps within the day

LATE_ROWS = 0.019  # share of rows that come hours to weeks late by themselves
BACKFILLS = 0.012  # share of account-weeks that arrive in one batch
LATEST = 21 * DAY_SECONDS
STRAYS = 0.3  # share of ended contracts with a few events afterwards

BLOCK_EVENTS = 900_000  # events a block, and so rows a row group, about
FEWEST_BLOCKS = 6
TABLE = 1 << 14  # resolution of the look-up tables that turn a draw into a name or an hour


@dataclass(frozen=True)
class Rows:
    """Events, one element each: account, user number within the account, second, arrival, name, quantity."""

    account: Ints
    user: Ints
    occurred: Ints
    known: Ints
    event: Ints
    quantity: Floats


@dataclass(frozen=True)
class Intensity:
    """What drives the log in each week; arrays of shape (units, weeks).

    Attributes:
        events: expected number of events in a full week.
        people: number of active people.
        value: share of value events.
        first_day, last_day: days (inclusive, exclusive) between which a unit is in use, shape (units,).
    """

    events: Floats
    people: Ints
    value: Floats
    first_day: Ints
    last_day: Ints


def intensity_of(
    accounts: Accounts, history: History, seats: Ints, clock: Clock, target: int, rng: np.random.Generator
) -> Intensity:
    """Scales every unit-week so that ``target`` events are expected in all."""
    shape = len(history.states.account), clock.weeks
    noise = rng.standard_normal(shape)
    unscaled, expected = unscaled_intensity(accounts, history, seats, clock, noise, rng.random(shape))
    return replace(unscaled, events=unscaled.events * (target / expected))


def unscaled_intensity(
    accounts: Accounts, history: History, seats: Ints, clock: Clock, noise: Floats, luck: Floats
) -> tuple[Intensity, float]:
    """Use in relative units, and how much of it is expected in all.

    Args:
        accounts, history, seats, clock: the company.
        noise: standard normal draws of the accounts' ups and downs, shape (units, weeks).
        luck: uniform draws that round people up or down, shape (units, weeks).
    """
    states, weeks = history.states, clock.weeks
    account = states.account
    z, u = _lagged(Z_VALUES[history.z[:, :weeks]]), U_VALUES[history.u[:, :weeks]]
    mood = _moods(noise)
    age = np.arange(weeks)[None, :] - states.start_week()[:, None]
    adopted = 1.0 - 0.75 * np.exp(-np.maximum(age, 0) / ADOPTION_WEEKS)
    first_day = np.where(states.start_day == NEVER, clock.weeks * WEEK_DAYS, states.start_day + 1)
    last_day = np.where(states.end_day == NEVER, clock.weeks * WEEK_DAYS, states.end_day)
    monday = np.arange(weeks)[None, :] * WEEK_DAYS
    days_used = np.clip(np.minimum(last_day[:, None], monday + 7) - np.maximum(first_day[:, None], monday), 0, 7)
    level = accounts.intensity[account][:, None] * np.exp(Z_ON_USE * z + U_ON_USE * u + mood) * adopted
    expected = float((level * days_used / 7.0).sum())
    wanted = logistic(SHARE_BASE + accounts.habit[account][:, None] + Z_ON_SHARE * z + U_ON_SHARE * u + 0.5 * mood)
    intensity = Intensity(
        events=level,
        people=_people(seats, wanted * adopted, luck),
        value=logistic(VALUE_BASE + Z_ON_VALUE * z),
        first_day=first_day,
        last_day=last_day,
    )
    return intensity, expected


def _people(seats: Ints, share: Floats, luck: Floats) -> Ints:
    """Active people: the share of the seats, rounded up or down by chance; mostly the same ones each week."""
    return np.clip(np.floor(seats * share + luck), 1, None).astype(np.int64)


def _lagged(z: Floats) -> Floats:
    lagged = z.copy()
    for week in range(1, z.shape[1]):
        lagged[:, week] = LAG * lagged[:, week - 1] + (1.0 - LAG) * z[:, week]
    return lagged


def _moods(noise: Floats) -> Floats:
    moods = MOOD_NOISE * noise
    for week in range(1, noise.shape[1]):
        moods[:, week] += MOOD_KEPT * moods[:, week - 1]
    return moods


def blocks_of(weeks: int, target: int) -> list[tuple[int, int]]:
    """Spans of weeks ``[from, to)`` that hold about BLOCK_EVENTS events each."""
    count = min(weeks, max(FEWEST_BLOCKS, round(target / BLOCK_EVENTS)))
    edges = np.linspace(0, weeks, count + 1).astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


class EventMaker:
    """Draws events for a span of weeks at a time, so that memory does not grow with their number."""

    def __init__(
        self,
        accounts: Accounts,
        history: History,
        intensity: Intensity,
        rng: np.random.Generator,
        left: Floats | None = None,
    ) -> None:
        """
        Args:
            accounts, history, intensity: the company.
            rng: draws the events.
            left: the share of its use that is left to each account on each day, shape (accounts, days); None is all.
        """
        self._left = left
        self._account = history.states.account
        self._region = accounts.region
        self._intensity = intensity
        self._rng = rng
        self._plain = _lookup(1.0 / np.arange(1, len(PLAIN_EVENTS) + 1) ** 0.9)
        self._value = _lookup(1.0 / np.arange(1, len(VALUE_EVENTS) + 1) ** 0.8) + len(PLAIN_EVENTS)
        self._hour = _lookup(HOURS)
        self._typical = np.array([QUANTITY.get(name, np.nan) for name in EVENTS])

    def block(self, begin: int, end: int) -> Rows:
        """The events of weeks ``[begin, end)``, in no order."""
        return joined([self._week(week) for week in range(begin, end)])

    def _week(self, week: int) -> Rows:
        rng, it = self._rng, self._intensity
        units = np.flatnonzero((it.first_day < (week + 1) * WEEK_DAYS) & (it.last_day > week * WEEK_DAYS))
        day = week * WEEK_DAYS + np.arange(WEEK_DAYS)
        inside = (day >= it.first_day[units][:, None]) & (day < it.last_day[units][:, None])
        burst = rng.gamma(BURST_SHAPE, 1.0 / BURST_SHAPE, inside.shape)
        rate = it.events[units, week][:, None] * (WEEKDAY / WEEKDAY.sum()) * burst * inside
        if self._left is not None:
            rate *= self._left[self._account[units]][:, day]
        counts = rng.poisson(rate * _full_week(inside))
        place = np.repeat(np.arange(len(units)), counts.sum(axis=1))
        weekday = np.repeat(np.tile(np.arange(WEEK_DAYS), len(units)), counts.ravel())
        occurred = self._seconds(day[weekday], self._region[self._account[units]][place])
        event = self._events(it.value[units, week][place])
        people = it.people[units, week][place]
        user = np.minimum((people * rng.random(len(place)) ** USER_SKEW).astype(np.int64), people - 1)
        known = self._arrivals(occurred, place, len(units), week)
        return Rows(self._account[units][place], user, occurred, known, event, self._quantities(event))

    def _seconds(self, day: Ints, region: Ints) -> Ints:
        hour = self._hour[self._rng.integers(0, TABLE, len(day))]
        local = (hour + np.array(REGION_HOURS)[region]) % 24
        return np.asarray(day * DAY_SECONDS + local * HOUR + self._rng.integers(0, HOUR, len(day)))

    def _events(self, value: Floats) -> Ints:
        draw = self._rng.integers(0, TABLE, len(value))
        return np.where(self._rng.random(len(value)) < value, self._value[draw], self._plain[draw])

    def _quantities(self, event: Ints) -> Floats:
        typical = self._typical[event]
        quantities = np.full(len(event), np.nan)
        rows = np.flatnonzero(~np.isnan(typical))
        quantities[rows] = np.ceil(typical[rows] * np.exp(0.9 * self._rng.standard_normal(len(rows))))
        return quantities

    def _arrivals(self, occurred: Ints, place: Ints, units: int, week: int) -> Ints:
        """Most rows arrive within minutes; some late by themselves, some in one batch of the account."""
        rng = self._rng
        known = occurred + rng.exponential(45.0, len(occurred)).astype(np.int64) + 1
        late = np.flatnonzero(rng.random(len(occurred)) < LATE_ROWS)
        hours = np.exp(np.log(18.0) + 1.4 * rng.standard_normal(len(late)))
        known[late] = occurred[late] + np.clip(hours * HOUR, HOUR, LATEST).astype(np.int64)
        batch = np.flatnonzero(rng.random(units) < BACKFILLS)
        arrives = np.full(units, NEVER)
        after = rng.integers(DAY_SECONDS, 14 * DAY_SECONDS, len(batch))
        arrives[batch] = (week + 1) * WEEK_DAYS * DAY_SECONDS + after
        return np.maximum(known, arrives[place])


def _full_week(inside: Flags) -> Floats:
    """Keeps the expected events of a broken week at its share of days, whatever weekdays it has."""
    share = (inside * WEEKDAY).sum(axis=1) / WEEKDAY.sum()
    wanted = inside.mean(axis=1)
    # a contract that lives only on a weekend stays quiet
    factor: Floats = np.where(share > 0.1, wanted / np.maximum(share, 0.1), 1.0)
    return factor[:, None]


def _lookup(weights: npt.NDArray[np.floating]) -> Ints:
    """A table of TABLE entries in which index i stands in proportion to ``weights[i]``."""
    upto = np.cumsum(weights) / weights.sum()
    return np.searchsorted(upto, (np.arange(TABLE) + 0.5) / TABLE).astype(np.int64)


def strays(history: History, clock: Clock, rng: np.random.Generator) -> Rows:
    """A few events after the end of contracts: forgotten scripts, people who did not know."""
    states = history.states
    ended = np.flatnonzero((states.end_day != NEVER) & (states.end_day < clock.weeks * WEEK_DAYS))
    rows = strays_of(states, ended, rng)
    return taken(rows, np.flatnonzero(rows.occurred < clock.end_second - DAY_SECONDS))


def strays_of(states: ContractStates, ended: Ints, rng: np.random.Generator) -> Rows:
    """The events of some of these ended units in the ten days after."""
    unit = np.repeat(ended, (rng.random(len(ended)) < STRAYS) * rng.integers(1, 5, len(ended)))
    day = states.end_day[unit] + rng.integers(1, 11, len(unit))
    occurred = day * DAY_SECONDS + rng.integers(0, DAY_SECONDS, len(unit))
    event = rng.choice([EVENTS.index("login"), EVENTS.index("api_called")], len(unit))
    nothing = np.full(len(unit), np.nan)
    return Rows(states.account[unit], np.zeros_like(unit), occurred, occurred + 30, event, nothing)


SCHEMA = pa.schema(
    [
        ("account_no", pa.string()),
        ("person", pa.string()),
        ("event_name", pa.string()),
        ("amount", pa.float64()),
        ("event_time", pa.timestamp("us")),
        ("received_at", pa.timestamp("us")),
    ]
)


class EventWriter:
    """Writes events as Parquet, a row group a block, sorted by time across all of them."""

    def __init__(self, path: str, names: Texts, most_users: Ints, clock: Clock) -> None:
        """
        Args:
            path: the file.
            names: account numbers by code.
            most_users: users each account code may have, shape (codes,).
            clock: the simulation's.
        """
        self._clock = clock
        self._names = pa.array(names, pa.string())
        self._offset = np.concatenate([[0], np.cumsum(most_users)])
        self._events = pa.array(EVENTS, pa.string())
        # the Arrow schema is left out so that readers see plain strings, not dictionaries
        self._writer = pq.ParquetWriter(path, SCHEMA, compression="zstd", store_schema=False)
        self.count = 0

    def write(self, rows: Rows) -> None:
        """Appends ``rows``; they must not begin before what was written."""
        rows = taken(rows, np.argsort(rows.occurred, kind="stable"))
        numbers, person = np.unique(self._offset[rows.account] + rows.user, return_inverse=True)
        people = pa.array([f"u{number + 1:07d}" for number in numbers], pa.string())
        table = pa.Table.from_arrays(
            [
                self._names.take(pa.array(rows.account)),
                people.take(pa.array(person)),
                self._events.take(pa.array(rows.event)),
                pa.array(rows.quantity, pa.float64(), from_pandas=True),
                pa.array(self._clock.microseconds(rows.occurred), pa.timestamp("us")),
                pa.array(self._clock.microseconds(rows.known), pa.timestamp("us")),
            ],
            schema=SCHEMA,
        )
        self._writer.write_table(table, row_group_size=len(rows.occurred) or 1)
        self.count += len(rows.occurred)

    def close(self) -> None:
        self._writer.close()


def write_events(
    writer: EventWriter,
    maker: EventMaker,
    extra: Rows,
    clock: Clock,
    target: int,
    tell: Callable[[str], None],
) -> None:
    """All events block by block, ``extra`` rows merged in where they fall in time."""
    spans = blocks_of(clock.weeks, target)
    for number, (begin, end) in enumerate(spans, start=1):
        rows = maker.block(begin, end)
        # what arrives after the data end is not in the export
        rows = taken(rows, np.flatnonzero(rows.known < clock.end_second))
        low = -(10**12) if number == 1 else begin * WEEK_DAYS * DAY_SECONDS
        high = 10**12 if number == len(spans) else end * WEEK_DAYS * DAY_SECONDS
        mixed = taken(extra, np.flatnonzero((extra.occurred >= low) & (extra.occurred < high)))
        writer.write(joined([rows, mixed]))
        tell(f"events: {writer.count:,} written, weeks {begin} to {end} of {clock.weeks}")
