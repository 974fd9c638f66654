"""When somebody works: their own date, the days they work on, and dates counted in those.

A date of the project begins at midnight in the project's time zone. At that instant it may be the day before
somewhere west of it: everything that is counted for a person is counted from the date on *their* calendar then.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from functools import cached_property
from zoneinfo import ZoneInfo

from churnml.specs.team import WEEK, Person, TeamSpec
from churnml.timeline import midnight, plus_days


@dataclass(frozen=True)
class Calendar:
    """One person's days.

    Args:
        zone: their time zone.
        weekdays: the weekdays they work on, Monday 0.
        holidays: days on which nobody like them works.
        away: stretches they are away, both ends included.
        left: the first day they are no longer there; None: they stay.
    """

    zone: str
    weekdays: frozenset[int]
    holidays: frozenset[dt.date]
    away: tuple[tuple[dt.date, dt.date], ...] = ()
    left: dt.date | None = None

    @cached_property
    def present(self) -> Calendar:
        """The same calendar as if they were never away."""
        return replace(self, away=())

    def today(self, as_of: dt.date, project_zone: str) -> dt.date:
        """Their date at the project's midnight of ``as_of``."""
        if self.zone == project_zone:
            return as_of
        return midnight(as_of).replace(tzinfo=ZoneInfo(project_zone)).astimezone(ZoneInfo(self.zone)).date()

    def works_on(self, day: dt.date) -> bool:
        """Whether ``day`` is a working day of theirs."""
        if day.weekday() not in self.weekdays or day in self.holidays:
            return False
        return not any(first <= day <= last for first, last in self.away)

    def has_left(self, day: dt.date) -> bool:
        """Whether they are no longer there on ``day``."""
        return self.left is not None and self.left <= day

    def plus_working_days(self, day: dt.date, n: int) -> dt.date:
        """The ``n``-th working day after ``day``; for 0 the first one on or after it."""
        reached = day if n == 0 else plus_days(day, 1)
        left = max(n, 1) - self.works_on(reached)
        while left:
            reached = plus_days(reached, 1)
            left -= self.works_on(reached)
        return reached

    def working_days_past(self, due: dt.date, today: dt.date) -> int:
        """How many working days lie after ``due``, up to and including ``today``."""
        return sum(self.works_on(plus_days(due, n)) for n in range(1, (today - due).days + 1))

    def works_between(self, first: dt.date, last: dt.date) -> bool:
        """Whether any day from ``first`` to ``last``, both included, is a working day."""
        return any(self.works_on(plus_days(first, n)) for n in range((last - first).days + 1))

    def can_take(self, today: dt.date, due_in_days: int) -> bool:
        """Whether they are there to do something due in so many working days.

        Who has left is not; neither is who is away on every working day up to when it would be due.
        """
        if self.has_left(today):
            return False
        return not self.away or self.works_between(today, self.present.plus_working_days(today, due_in_days))


def calendar_of(person: Person, team: TeamSpec, project_zone: str) -> Calendar:
    """The calendar of somebody: their own words first, then the team's, then the project's time zone."""
    return Calendar(
        zone=person.time_zone or team.time_zone or project_zone,
        weekdays=frozenset(WEEK.index(day) for day in person.working_days or team.working_days),
        holidays=frozenset(team.holidays if person.holidays is None else person.holidays),
        away=tuple((away.first, away.last) for away in person.away),
        left=person.left,
    )
