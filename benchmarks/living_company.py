"""A company that lives on week by week, while its own customer success team intervenes.

It is made of the same laws as :func:`simulate` and lives the very same weeks as long as nothing is done. What an
intervention changes is known exactly: :meth:`LivingCompany.truth` gives the probabilities with and without it.
Two companies of one seed draw the same chances in the same weeks, so they differ only by what was done in them.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.interventions import InterventionEffect, Interventions
from churnml.errors import ProjectError
from churnml.simulate.clock import DAY_SECONDS, NEVER, WEEK_DAYS, Clock, Floats, Ints, clock_of, joined, taken, weeks_of
from churnml.simulate.company import (
    CHURN,
    PURPOSES,
    UPSELL,
    account_rows,
    as_text,
    company_names,
    events_wanted,
    streams,
)
from churnml.simulate.contracts import (
    HOUR,
    OPEN_HOURS,
    ChangeDraws,
    Periods,
    contract_periods,
    contract_rows,
    seats_by_week,
)
from churnml.simulate.folder import SOURCES, write_csv, write_text
from churnml.simulate.history import NOTICE_MARGIN_WEEKS, Diary, opening_states
from churnml.simulate.population import draw_accounts
from churnml.simulate.tickets import Lives, exported, ticket_lives
from churnml.simulate.truth import Cases, true_probabilities
from churnml.simulate.usage import (
    EventMaker,
    EventWriter,
    Intensity,
    Rows,
    strays_of,
    unscaled_intensity,
)
from churnml.simulate.world import LONGEST_CHURN_WEEKS, TERMS_FIXED_WEEKS
from churnml.timeline import Reach

MOST_PEOPLE = 1 << 14  # numbers kept for the people of one account, so that a person keeps theirs


LIVING_PROJECT = """\
name: living-company
# the last full day in the data; it moves on week by week
data_through: {data_through}
timezone: UTC
inputs:
  crm_accounts: {{path: data/crm_accounts.csv}}
  contracts: {{path: data/contracts.csv}}
  helpdesk_tickets: {{path: data/helpdesk_tickets.csv}}
  # a file a week, read once; what arrives late comes with a later file
  product_events: {{path: data/events/*.parquet, grows: by_file}}
static: [segment, industry, region, acquisition_source]
models: [churn, upsell]
currency: EUR
"""


class ByUnitAndWeek(ChangeDraws):
    """Draws of a contract and week's own: what others did, and what comes later, changes none of them."""

    def __init__(self, seed: int, units: int) -> None:
        self._seed, self._units = seed, units

    def _uniform(self, unit: Ints, week: Ints) -> Floats:
        draws = np.zeros((4, len(unit)))
        for one in np.unique(week):
            rows = np.flatnonzero(week == one)
            draws[:, rows] = np.random.default_rng([self._seed, one]).random((4, self._units))[:, unit[rows]]
        return draws

    def times(self, unit: Ints, week: Ints) -> Ints:
        day, second, _, _ = self._uniform(unit, week)
        opens, closes = (hour * HOUR for hour in OPEN_HOURS)
        weekday = (week * WEEK_DAYS + np.floor(5 * day)).astype(np.int64)
        return np.asarray(weekday * DAY_SECONDS + opens + np.floor(second * (closes - opens)).astype(np.int64))

    def terms(self, unit: Ints, week: Ints) -> tuple[Floats, Floats]:
        _, _, by_plan, share = self._uniform(unit, week)
        return by_plan, share


@dataclass(frozen=True)
class Truth:
    """True probabilities of some accounts at the coming Monday, each of shape (accounts,).

    NaN where the account does not pay or has given notice: then there is nothing left to decide.
    """

    churn: Floats
    upsell: Floats


class LivingCompany:
    """A simulated company at a Monday, and what is known of it by then.

    Attributes:
        ids: all account ids there ever are.
    """

    def __init__(
        self,
        *,
        accounts: int = 2000,
        months: int = 36,
        weeks: int = 104,
        seed: int = 7,
        events: int | None = None,
        start: dt.date = dt.date(2023, 1, 2),
        churn: Reach = CHURN,
        upsell: Reach = UPSELL,
    ) -> None:
        """Lives the first ``weeks`` weeks, in which nothing is done.

        Args:
            accounts, months, seed, events, start, churn, upsell: as for :func:`simulate`; ``months`` is how long
                it may live in all, and ``events`` are those of that whole time.
            weeks: how much of it is past at first.

        Raises:
            ProjectError: an argument cannot be used.
        """
        self._clock = clock_of(start, months)
        self._reaches = weeks_of(churn, "churn", LONGEST_CHURN_WEEKS), weeks_of(upsell, "upsell", TERMS_FIXED_WEEKS)
        target = events_wanted(accounts, events, self._clock)
        if not 1 <= weeks <= self._clock.weeks:
            raise ProjectError(
                "A living company's past must lie within its life.",
                where=f"weeks: {weeks}",
                remedy=f"Use 1 to {self._clock.weeks}, or give it more months.",
            )
        self._seed = seed
        self._rngs = streams(seed)
        self._people = draw_accounts(accounts, self._clock, self._rngs["accounts"])
        self.ids = self._people.ids
        self._place = {account: place for place, account in enumerate(self.ids)}
        self._names = company_names(accounts, self._rngs["names"])
        ahead = max(reach.end for reach in self._reaches)
        self._diary = Diary(opening_states(self._people, self._clock, ahead, self._rngs["history"]), self._clock)
        units = 2 * accounts
        self._done = Interventions.none(units, self._clock.weeks + ahead + NOTICE_MARGIN_WEEKS)
        shape = (self._clock.weeks, units)
        self._noise = self._rngs["intensity"].standard_normal(shape).T
        self._luck = self._rngs["intensity"].random(shape).T
        for _ in range(weeks):
            self._diary.live_a_week(self._rngs["history"])
        self._periods = self._contracts()
        self._seats = self._paid_seats()
        _, expected = self._use()
        self._scale = target * weeks / self._clock.weeks / expected
        self._on_the_way = self._events_of(0)
        self._tickets = joined([self._tickets_of(week) for week in range(weeks)])
        self._written = 0

    @property
    def week(self) -> int:
        """How many weeks have been lived."""
        return self._diary.week

    @property
    def as_of(self) -> dt.date:
        """The coming Monday: what happened before it is known."""
        return self._now.end

    @property
    def over(self) -> bool:
        """Whether its time has come to an end."""
        return self.week == self._clock.weeks

    def step(self, treated: Mapping[str, InterventionEffect] | None = None) -> None:
        """Lives one more week, in which ``treated`` accounts (by id) are seen to at its beginning.

        Whoever does not pay any more, or has given notice, is past help.

        Raises:
            ProjectError: an account does not exist, or the company's time is over.
        """
        if self.over:
            raise ProjectError("The living company's time is over.", remedy="Make it with more months.")
        treated = treated or {}
        unit = self._units(list(treated))
        helped = np.flatnonzero(unit >= 0)
        if len(helped):
            effects = list(treated.values())
            self._done = self._done.and_also(unit[helped], self.week, [effects[int(place)] for place in helped])
        week = self.week
        care = self._done.at(slice(None), week)
        self._diary.live_a_week(self._rngs["history"], care)
        self._periods = self._contracts()
        self._seats = self._paid_seats()
        self._on_the_way = joined([self._on_the_way, self._events_of(week)])
        self._tickets = joined([self._tickets, self._tickets_of(week)])

    def truth(self, accounts: Sequence[str], effects: Sequence[InterventionEffect] | None = None) -> Truth:
        """The true probabilities at the coming Monday, everything done so far included.

        Args:
            accounts: their ids.
            effects: one an account, done on top at that Monday; None asks what happens without.
        """
        unit = self._units(accounts)
        rows = np.flatnonzero(unit >= 0)
        done = self._done
        if effects is not None:
            done = done.and_also(unit[rows], self.week, [effects[int(place)] for place in rows])
        states = self._diary.states
        at = unit[rows]
        cases = Cases(at, np.full(len(at), self.week), states.z[at], states.u[at], states.fixed_until[at])
        probabilities = np.full((2, len(unit)), np.nan)
        probabilities[:, rows] = true_probabilities(states, cases, *self._reaches, done)
        return Truth(*probabilities)

    def mrr(self) -> dict[str, float]:
        """What every paying account pays a month at the coming Monday, by id."""
        now = self._now.end_second
        pays = (self._periods.start < now) & ((self._periods.end == NEVER) | (self._periods.end >= now))
        owner = self._diary.states.account[self._periods.unit[pays]]
        sums = np.bincount(owner, weights=self._periods.mrr[pays], minlength=len(self.ids))
        return {self.ids[place]: float(round(sums[place], 2)) for place in np.flatnonzero(sums > 0)}

    def write(self, root: Path) -> None:
        """Writes what is known by the coming Monday as a project; the next call adds what is new since.

        Events come in a file a call; the other tables are exported anew, as a CRM would. What stands beside them in
        ``root`` (results, declarations, anything the user changed in ``project.yaml``) stays.

        Raises:
            ProjectError: ``root`` is not empty and not where this company was written before.
        """
        data = root / "data"
        if self._written:
            known = (data / "events" / _file_name(self._written)).is_file()
        else:
            known = not root.exists() or not any(root.iterdir())
        if not known:
            raise ProjectError(
                "The folder does not hold this living company as it was written before.",
                where=str(root),
                remedy="Name the folder it was written to last, or a copy of it; for the first time an empty one.",
            )
        (data / "events").mkdir(parents=True, exist_ok=True)
        tables = {
            "crm_accounts": self._known_accounts(),
            "contracts": contract_rows(self._periods, self._people, self._diary.history(), self._now),
            "helpdesk_tickets": exported(self._tickets, self._people, self._now),
        }
        for name, frame in tables.items():
            aside = data / f".{name}.part"
            write_csv(as_text(frame), aside)
            aside.replace(data / f"{name}.csv")
        if self._written < self.week:
            self._write_events(data / "events" / _file_name(self.week))
        self._written = self.week
        _write_texts(root, self._now)

    def _known_accounts(self) -> pd.DataFrame:
        frame = account_rows(self._people, self._names, self._now)
        return frame[self._people.created_day < self.week * WEEK_DAYS]

    def _write_events(self, path: Path) -> None:
        arrived = self._on_the_way.known < self._now.end_second
        aside = path.with_name(f".{path.name}.part")
        most = np.full(len(self.ids), MOST_PEOPLE)
        writer = EventWriter(str(aside), self.ids, most, self._clock)
        try:
            writer.write(taken(self._on_the_way, np.flatnonzero(arrived)))
        finally:
            writer.close()
        aside.replace(path)
        self._on_the_way = taken(self._on_the_way, np.flatnonzero(~arrived))

    def _units(self, accounts: Sequence[str]) -> Ints:
        """The unit with which each account can still decide, −1 where none; raises ProjectError for unknown ids."""
        unknown = [account for account in accounts if account not in self._place]
        if unknown:
            raise ProjectError(f"There is no account '{unknown[0]}' in the living company.")
        place = np.array([self._place[account] for account in accounts], dtype=np.int64)
        second = place + len(self.ids)
        decides = self._diary.states.undecided
        return np.where(decides[place], place, np.where(decides[second], second, -1))

    @property
    def _now(self) -> Clock:
        return Clock(self._clock.start, self.week)

    def _stream(self, purpose: str, week: int) -> np.random.Generator:
        """Draws of a week's own, so that what was done before it does not shift them."""
        return np.random.default_rng([self._seed, PURPOSES.index(purpose), week])

    def _contracts(self) -> Periods:
        rng = self._stream("contracts", 0)
        changes = ByUnitAndWeek(self._seed, 2 * len(self.ids))
        return contract_periods(self._people, self._diary.history(), self._now, rng, changes)

    def _paid_seats(self) -> Ints:
        return seats_by_week(self._periods, 2 * len(self.ids), self.week)

    def _tickets_of(self, week: int) -> Lives:
        after = Clock(self._clock.start, week + 1)
        return ticket_lives(self._diary.history(), self._seats, after, week, self._stream("tickets", week))

    def _use(self) -> tuple[Intensity, float]:
        noise, luck = self._noise[:, : self.week], self._luck[:, : self.week]
        return unscaled_intensity(self._people, self._diary.history(), self._seats, self._now, noise, luck)

    def _events_of(self, begin: int) -> Rows:
        """The events of the weeks from ``begin`` on, whenever they arrive."""
        unscaled, _ = self._use()
        intensity = replace(unscaled, events=unscaled.events * self._scale)
        history, states = self._diary.history(), self._diary.states
        parts = []
        for week in range(begin, self.week):
            rng = self._stream("events", week)
            parts.append(EventMaker(self._people, history, intensity, rng).block(week, week + 1))
            ended = np.flatnonzero((states.end_day != NEVER) & (states.end_day // WEEK_DAYS == week))
            parts.append(strays_of(states, ended, self._stream("strays", week)))
        return joined(parts)


def _file_name(week: int) -> str:
    return f"until-week-{week:04d}.parquet"


def _write_texts(root: Path, clock: Clock) -> None:
    """The sources and project.yaml of a company that lives on; an existing project.yaml only gets its new date.

    Whatever else a user declared in it stays.
    """
    project = root / "project.yaml"
    if project.exists():
        text = re.sub(r"(?m)^data_through:.*$", f"data_through: {clock.data_through}", project.read_text("utf-8"))
        aside = root / ".project.yaml.part"
        write_text(aside, text)
        aside.replace(project)
        return
    (root / "sources").mkdir(exist_ok=True)
    for table, sql in SOURCES.items():
        write_text(root / "sources" / f"{table}.sql", sql)
    write_text(project, LIVING_PROJECT.format(data_through=clock.data_through))
