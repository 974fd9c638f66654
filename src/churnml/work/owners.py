"""Who takes a work item: who is there, who may, who comes after somebody who left, and by when it is due."""

from __future__ import annotations

import datetime as dt
import zlib
from collections.abc import Mapping

from churnml.specs.playbooks import Playbook
from churnml.specs.team import Person, TeamSpec
from churnml.work.calendars import Calendar, calendar_of
from churnml.work.capacity import Room


class Roster:
    """A team on one date.

    Args:
        team: who there is.
        as_of: the date.
        zone: the project's time zone; ``as_of`` begins at its midnight.
        fallback_owner: whose list it is where nobody else is there.
    """

    def __init__(self, team: TeamSpec, as_of: dt.date, zone: str, fallback_owner: str) -> None:
        self.team, self.as_of, self.zone, self.fallback_owner = team, as_of, zone, fallback_owner
        self._calendars: dict[str, Calendar] = {}
        self._due: dict[tuple[str, int], dt.date] = {}
        self._there: dict[tuple[str, int], bool] = {}
        self._takers: dict[tuple[str, str | None, int], tuple[str, ...]] = {}

    def person(self, who: str) -> Person:
        """What is declared of somebody."""
        return self.team.person(who)

    def calendar(self, who: str) -> Calendar:
        """Somebody's calendar."""
        if who not in self._calendars:
            self._calendars[who] = calendar_of(self.person(who), self.team, self.zone)
        return self._calendars[who]

    def today(self, who: str) -> dt.date:
        """The date on somebody's own calendar."""
        return self.calendar(who).today(self.as_of, self.zone)

    def due(self, who: str, days: int) -> dt.date:
        """The date in ``days`` working days of somebody's."""
        if (who, days) not in self._due:
            self._due[who, days] = self.calendar(who).plus_working_days(self.today(who), days)
        return self._due[who, days]

    def has_left(self, who: str) -> bool:
        """Whether somebody is no longer there."""
        return self.calendar(who).has_left(self.today(who))

    def can_take(self, who: str, days: int) -> bool:
        """Whether somebody is there to do what is due in so many working days."""
        if (who, days) not in self._there:
            self._there[who, days] = self.calendar(who).can_take(self.today(who), days)
        return self._there[who, days]

    def takers(self, playbook: Playbook, account_id: str, account_owner: str | None) -> tuple[str, ...]:
        """Who may take a work item, preferred first; the fallback owner where nobody else is there.

        Of a skill or a pool that is the account's owner, if among them, then the others, beginning with another one
        for each account, so that the work spreads where nobody has a limit.
        """
        members = self._members(playbook)
        # the account decides where the ring begins; not Python's hash, which differs from run to run
        turn = zlib.crc32(account_id.encode()) % len(members) if members else 0
        key = (playbook.name, account_owner, turn)
        if key not in self._takers:
            wanted = members[turn:] + members[:turn]
            if playbook.owner == "account_owner" and account_owner:
                wanted = tuple(who for who in (account_owner, self.person(account_owner).stand_in) if who)
            elif account_owner in wanted:
                wanted = (account_owner, *(who for who in wanted if who != account_owner))
            there = tuple(who for who in wanted if self.can_take(who, playbook.due_in_days))
            # whoever stands in does so where the owner is not there, not where the owner is busy
            self._takers[key] = (there[:1] if playbook.owner == "account_owner" else there) or (self.fallback_owner,)
        return self._takers[key]

    def successors(self, playbook: Playbook, owner: str, account_id: str, account_owner: str | None) -> tuple[str, ...]:
        """Who gets the work of somebody who left, in this order: whoever stands in, the account's owner, the pool."""
        chain = [self.person(owner).stand_in, account_owner, *self.takers(playbook, account_id, account_owner)]
        wanted = dict.fromkeys(who for who in chain if who and who != owner)
        return tuple(who for who in wanted if self.can_take(who, playbook.due_in_days))

    def rooms(self, owners: set[str], minutes: Mapping[str, int], items: Mapping[str, int]) -> dict[str, Room]:
        """What is left of the limits of those who have any.

        Args:
            owners: of whom.
            minutes: owner → effort newly given this week.
            items: owner → items that live.
        """
        rooms = {}
        for who in sorted(owners):
            minutes_left, items_left = self.person(who).minutes_a_week, self.person(who).open_at_most
            if minutes_left is not None:
                minutes_left -= minutes.get(who, 0)
            if items_left is not None:
                items_left -= items.get(who, 0)
            if minutes_left is not None or items_left is not None:
                rooms[who] = Room(who, minutes_left, items_left)
        return rooms

    def _members(self, playbook: Playbook) -> tuple[str, ...]:
        kind, _, name = playbook.owner.partition(":")
        if kind == "skill":
            return self.team.with_skill(name)
        if kind == "pool":
            return self.team.in_pool(name)
        return (playbook.owner,) if kind == "team" else ()
