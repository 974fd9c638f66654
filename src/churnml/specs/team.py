"""What ``models/team.yaml`` may say: who there is, when they work, and how much they can take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from churnml.errors import UnknownNameError, did_you_mean
from churnml.specs.base import Day, Money, Name, NotNegative, Spec, WrittenDay, Zone
from churnml.specs.playbooks import PlaybooksSpec

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# some CRMs name people by numbers, which YAML reads as such
PersonId = Annotated[str, Field(min_length=1, max_length=200, coerce_numbers_to_str=True)]
# longer than this nobody is away: they have left
LONGEST_AWAY_DAYS = 731
# How the name of a list that several share begins.
SHARED = "team:"


def _a_week(value: tuple[Weekday, ...]) -> tuple[Weekday, ...]:
    if not value or len(set(value)) != len(value):
        raise ValueError("give each working day once, and at least one")
    return value


Week = Annotated[tuple[Weekday, ...], AfterValidator(_a_week)]


class Away(Spec):
    """A stretch of days on which somebody does not work; both ends belong to it."""

    first: WrittenDay = Field(alias="from")
    last: WrittenDay = Field(alias="to")

    @model_validator(mode="after")
    def _a_stretch(self) -> Away:
        if self.first > self.last:
            raise ValueError("'from' is after 'to'")
        if (self.last - self.first).days > LONGEST_AWAY_DAYS:
            raise ValueError("it is longer than two years; for who does not come back give 'left'")
        return self


class Person(Spec):
    """Somebody who takes work; what is left out is the team's, and a limit that is left out is none.

    ``minutes_a_week`` is effort of work newly given in a calendar week (from Monday on), ``open_at_most`` work items at
    once, snoozed ones among them. ``left`` is the first day they are no longer there.
    """

    time_zone: Zone | None = None
    working_days: Week | None = None
    holidays: tuple[Day, ...] | None = None
    minutes_a_week: NotNegative | None = None
    open_at_most: NotNegative | None = None
    skills: tuple[Name, ...] = ()
    pools: tuple[Name, ...] = ()
    away: tuple[Away, ...] = ()
    left: Day | None = None
    stand_in: PersonId | None = None


class TeamSpec(Spec):
    """What ``models/team.yaml`` may say. Without the file everybody works Monday to Friday, and a list is as long as it
    can be read: at most 5 work items at once for a person and 50 for a list that several share.

    ``people`` are named as the accounts' owners are; a list that several share (``team:…``) may stand among them
    where it has limits. ``others`` is what holds of each person who is not named, ``shared`` of each list that is not;
    left out, they have no limits. ``time_zone`` left out is the project's. ``pools`` names the people of a pool,
    besides those who name it themselves. ``budgets`` is money a playbook may cost in a calendar month.
    """

    time_zone: Zone | None = None
    working_days: Week = WEEK[:5]
    holidays: tuple[Day, ...] = ()
    people: dict[PersonId, Person] = Field(default_factory=dict)
    others: Person = Person()
    shared: Person = Person()
    pools: dict[Name, tuple[PersonId, ...]] = Field(default_factory=dict)
    budgets: dict[Name, Money] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _people_exist(self) -> TeamSpec:
        for who, person in self.people.items():
            if person.stand_in == who:
                raise ValueError(f"'{who}' cannot stand in for themselves")
            if person.stand_in is not None and not person.stand_in.startswith(SHARED):
                self._check(person.stand_in, f"who stands in for '{who}'")
        for pool, members in self.pools.items():
            for member in members:
                self._check(member, f"a member of the pool '{pool}'")
        return self

    def _check(self, who: str, what: str) -> None:
        if who not in self.people:
            raise ValueError(f"'{who}', {what}, is not among the people. {did_you_mean(who, self.people)}")

    def person(self, who: str) -> Person:
        """What is declared of somebody; of who is not named, what holds of the others or of shared lists."""
        return self.people.get(who) or (self.shared if who.startswith(SHARED) else self.others)

    def in_pool(self, pool: str) -> tuple[str, ...]:
        """The people of a pool, by id."""
        named = self.pools.get(pool, ())
        return tuple(sorted(who for who, person in self.people.items() if pool in person.pools or who in named))

    def with_skill(self, skill: str) -> tuple[str, ...]:
        """The people who have a skill, by id."""
        return tuple(sorted(who for who, person in self.people.items() if skill in person.skills))

    def pool_names(self) -> Iterable[str]:
        """Every pool that has a name."""
        return {*self.pools, *(pool for person in self.people.values() for pool in person.pools)}

    def skill_names(self) -> Iterable[str]:
        """Every skill somebody has."""
        return {skill for person in self.people.values() for skill in person.skills}


# Without a team.yaml nobody has said what can be done; what can be read is a limit all the same.
WITHOUT_A_FILE = TeamSpec(others=Person(open_at_most=5), shared=Person(open_at_most=50))


def check_team_fits(playbooks: PlaybooksSpec, team: TeamSpec, where: str) -> None:
    """Pools and skills that playbooks hand work to, and playbooks that have a budget, must exist.

    Raises:
        UnknownNameError: at ``where``, the file of the team, with the nearest name that is declared.
    """
    declared = {"pool": team.pool_names(), "skill": team.skill_names()}
    for playbook in playbooks.playbooks:
        for group in (playbook.owner, playbook.escalate_to or ""):
            kind, _, name = group.partition(":")
            if kind in declared and name not in declared[kind]:
                raise UnknownNameError(kind, name, declared[kind], where=f"{where}, asked for by '{playbook.name}'")
    names = [playbook.name for playbook in playbooks.playbooks]
    for name in team.budgets:
        if name not in names:
            raise UnknownNameError("playbook", name, names, where=f"{where}, budgets:")
