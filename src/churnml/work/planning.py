"""One day: from what is known of every account and what is on record to who does what today, and why the rest waits.

The order of a day: open work is closed, woken, handed on and escalated; new work is handed out under what the team
can take; then every account a playbook speaks of gets a decision that says what became of it and why. See
docs/playbooks.md for every rule by example.

Doing a day a second time, with what the first time wrote down, changes nothing: a decision is read off the work and
the assignments as they then stand, and by then there is nothing left to hand out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.errors import ChurnmlError
from churnml.jsontypes import JsonObject
from churnml.ledger import Arm, Assignment, DayPlan, Decision, Disposition, PriorState, WorkItem
from churnml.rules.checking import Rules
from churnml.specs.playbooks import Playbook
from churnml.specs.team import TeamSpec
from churnml.timeline import plus_days
from churnml.work import life as work
from churnml.work.arms import arm_of
from churnml.work.candidates import (
    ALWAYS,
    AccountFacts,
    PlaybookMatches,
    held_back,
    knows_money,
    match_playbooks,
)
from churnml.work.capacity import Offer, fit
from churnml.work.life import lives
from churnml.work.owners import Roster
from churnml.work.worklist import Trouble, Worklist, tend

HEALTHIEST = 100.0
LEFT_ALONE = "left alone, so that the playbook can be measured"


def plan_day(
    rules: Rules,
    team: TeamSpec,
    as_of: dt.date,
    facts: pd.DataFrame,
    prior: PriorState,
    *,
    seed: str,
    zone: str = "UTC",
    unknown: Collection[str] = (),
) -> DayPlan:
    """What one date decides.

    Args:
        rules: the playbooks, read.
        team: who takes the work.
        as_of: the date.
        facts: a row an account that is eligible, a column a named fact (:mod:`churnml.rules.facts`), ``account_id``
            and ``owner_id`` among them; in any order.
        prior: what is on record.
        seed: of the arms; another seed draws others.
        zone: the project's time zone.
        unknown: facts that stand as they were on an earlier date, because the day's data broke: by them no work is
            opened, and none closed.

    Raises:
        ChurnmlError: work on record was opened after ``as_of``.
    """
    later = max((item.opened_on for item in prior.work), default=as_of)
    if later > as_of:
        raise ChurnmlError(
            f"{as_of} cannot be decided any more: work was opened on {later}, after it.",
            remedy=f"Decide {later} again, or a date after it.",
        )
    day = _Day(rules, team, as_of, AccountFacts(facts), prior, seed, zone, unknown)
    tend(day.worklist, day.by_playbook, day.trouble, day.facts, day.roster)
    day.hand_out()
    return DayPlan(
        tuple(day.decisions()), day.worklist.changed(), tuple(day.worklist.events), tuple(day.drawn.values())
    )


@dataclass(frozen=True)
class _Candidate:
    """A playbook that would take an account, or has taken it; ``i`` is the account's place in the facts."""

    matches: PlaybookMatches
    i: int
    account_id: str
    reason: str

    @property
    def key(self) -> tuple[str, str]:
        return self.account_id, self.matches.playbook.name


class _Day:
    """What the parts of one day's planning share."""

    def __init__(
        self,
        rules: Rules,
        team: TeamSpec,
        as_of: dt.date,
        facts: AccountFacts,
        prior: PriorState,
        seed: str,
        zone: str,
        unknown: Collection[str] = (),
    ) -> None:
        self.as_of, self.facts, self.prior, self.seed = as_of, facts, prior, seed
        spec = rules.spec
        matched = [held_back(matches, unknown) for matches in match_playbooks(rules, facts, prior.lines)]
        self.by_playbook = {matches.playbook.name: matches for matches in matched}
        self.trouble = Trouble(rules.trouble, facts, allowed=spec.grow_in_trouble)
        self.roster = Roster(team, as_of, zone, spec.fallback_owner)
        self.worklist = Worklist(prior.work, as_of)
        self.money = knows_money(facts.frame)
        self.drawn: dict[tuple[str, str], Assignment] = {}
        # owner → effort newly given this week; playbook → money spent this month
        self.minutes, self.spent = dict(prior.minutes), dict(prior.spent)
        # playbook → those whose ends it cools down after: its own, and of what takes its place
        self._cooled_by = {
            name: [p for p in spec.playbooks if p.name == name or name in p.supersedes] for name in self.by_playbook
        }

    # ------------------------------------------------------------ who is a candidate, and what becomes of it

    def candidates(self) -> Iterator[_Candidate]:
        """Every playbook that would take an account without living work of the same playbook."""
        for matches in self.by_playbook.values():
            name = matches.playbook.name
            for i in np.flatnonzero(matches.takes).tolist():
                account = self.facts.accounts[i]
                if not any(p.playbook == name and lives(p) for p in self.worklist.of(account)):
                    yield _Candidate(matches, i, account, matches.reasons[i])

    def judge(self, candidate: _Candidate) -> tuple[Disposition, WorkItem | None]:
        """What becomes of a candidate as things stand, and the work item that is why.

        ``overflow`` is what nothing speaks against: it is offered while there is room.
        """
        playbook = candidate.matches.playbook
        others = [p for p in self.worklist.of(candidate.account_id) if p.playbook != playbook.name]
        for item in others:
            if self.worklist.stood_before(item) and item.playbook not in playbook.supersedes:
                return "elsewhere", item
        if self.trouble.forbids(playbook.goal, candidate.i):
            return "trouble", None
        if (ended := self._cooling(candidate)) is not None:
            return "cooling", ended
        # before today's new work: to the account it is as if this playbook did not exist, so it may have got another
        if self.arm(candidate.key)[0] == "holdout":
            return "holdout", None
        for item in others:
            if item.opened_on == self.as_of and lives(item):
                return "elsewhere", item
        return "overflow", None

    def _cooling(self, candidate: _Candidate) -> WorkItem | None:
        """The item whose end is too recent to begin again; of several the one that waits longest."""
        resting = [
            (until, item.work_id, item)
            for playbook in self._cooled_by[candidate.matches.playbook.name]
            for item in self.worklist.of(candidate.account_id)
            if item.playbook == playbook.name and (until := _cool_on(item, playbook)) > self.as_of
        ]
        return max(resting)[-1] if resting else None

    def arm(self, key: tuple[str, str]) -> tuple[Arm | None, float | None]:
        """The arm an account has for a playbook, and its propensity; None before it is asked."""
        assigned = self.prior.assignments.get(key) or self.drawn.get(key)
        if assigned is not None:
            return assigned.arm, assigned.propensity
        return ("treated", 1.0) if self.by_playbook[key[1]].playbook.holdout == 0 else (None, None)

    # ------------------------------------------------------------ handing out

    def hand_out(self) -> None:
        """Opens what fits, in rounds.

        Who is enrolled must not depend on the arm, or the arms could not be compared: so what fits is found for both
        arms together. Who turns out to be held out takes no room, and the next round hands that out, again to both.
        """
        offered = [(c, self._offer(c)) for c in self.candidates() if self.judge(c)[0] == "overflow"]
        offered.sort(key=lambda pair: self._wanted(*pair))
        by_key = {candidate.key: candidate for candidate, _ in offered}
        offers = [offer for _, offer in offered]
        while offers:
            owners = {who for offer in offers for who in offer.owners}
            rooms = self.roster.rooms(owners, self.minutes, self.worklist.load)
            taken = fit(offers, rooms, self._budgets()).taken
            if not taken:
                return
            enrolled, busy = set(), set()
            for one in taken:
                key = (one.offer.account_id, one.offer.playbook)
                enrolled.add(key)
                value = by_key[key].matches.worth.to_order_by(by_key[key].i, money=True)
                if self._enrol(by_key[key], value) == "treated":
                    self._open(by_key[key], one.owner, value)
                    busy.add(one.offer.account_id)
                    self.minutes[one.owner] = self.minutes.get(one.owner, 0) + one.offer.minutes
                    self.spent[one.offer.playbook] = self.spent.get(one.offer.playbook, 0.0) + one.offer.cost
            offers = [o for o in offers if o.account_id not in busy and (o.account_id, o.playbook) not in enrolled]

    def _budgets(self) -> dict[str, float]:
        """What is left this month for each playbook that has a budget; rounded, so that adding up leaves no dust."""
        declared = self.roster.team.budgets
        return {name: max(0.0, round(money - self.spent.get(name, 0.0), 6)) for name, money in declared.items()}

    def _wanted(self, candidate: _Candidate, offer: Offer) -> tuple[bool, float, float, float, str, int]:
        accounts = candidate.matches.worth.to_order_by(candidate.i, money=False)
        rank = _rank(offer.value, accounts, self.facts.number("health", candidate.i))
        return (*rank, offer.account_id, offer.precedence)

    def _offer(self, candidate: _Candidate) -> Offer:
        matches = candidate.matches
        playbook = matches.playbook
        return Offer(
            account_id=candidate.account_id,
            playbook=playbook.name,
            reason=candidate.reason,
            value=matches.worth.to_order_by(candidate.i, money=self.money),
            minutes=playbook.minutes,
            cost=playbook.cost,
            owners=self._takers(candidate),
            precedence=matches.precedence,
        )

    def _takers(self, candidate: _Candidate) -> tuple[str, ...]:
        owner = self.facts.text("owner_id", candidate.i)
        return self.roster.takers(candidate.matches.playbook, candidate.account_id, owner)

    def _enrol(self, candidate: _Candidate, value: float | None) -> Arm:
        """The arm of a candidate that fits, drawn where it has none."""
        arm, _ = self.arm(candidate.key)
        if arm is not None:
            return arm
        drawn, propensity = arm_of(self.seed, *candidate.key, candidate.matches.playbook.holdout)
        mrr = self.facts.number("mrr", candidate.i)
        self.drawn[candidate.key] = Assignment(*candidate.key, drawn, propensity, self.as_of, value, mrr)
        return drawn

    def _open(self, candidate: _Candidate, owner: str, value: float | None) -> None:
        playbook = candidate.matches.playbook
        account_owner = self.facts.text("owner_id", candidate.i)
        item = WorkItem(
            work_id=work.work_id_of(candidate.account_id, playbook.name, candidate.reason, self.as_of),
            account_id=candidate.account_id,
            playbook=playbook.name,
            reason=candidate.reason,
            owner=owner,
            state="open",
            opened_on=self.as_of,
            due=self._due(candidate, owner),
            minutes=playbook.minutes,
            cost=playbook.cost,
            value=value,
            follows=(account_owner or "") if playbook.owner == "account_owner" else None,
        )
        for other in self.worklist.of(candidate.account_id):
            if other.playbook in playbook.supersedes and lives(other):
                self.worklist.change(work.closed(other, f"{work.SUPERSEDED}'{playbook.title}'", self.as_of))
        details: JsonObject = {
            "owner": owner,
            "due": item.due.isoformat(),
            "minutes": item.minutes,
            "cost": item.cost,
            "value": value,
            "propensity": self.arm(candidate.key)[1],
        }
        self.worklist.change(work.opened(item, "; ".join(self._because(candidate.matches, candidate.i)), details))

    def _due(self, candidate: _Candidate, owner: str) -> dt.date:
        """By when it is to be done: as declared, and to keep an account on the day it renews at the latest."""
        playbook = candidate.matches.playbook
        due, today = self.roster.due(owner, playbook.due_in_days), self.roster.today(owner)
        days = self.facts.number("days_to_renewal", candidate.i)
        if playbook.goal != "keep" or days is None or days < 0 or plus_days(self.as_of, int(days)) >= due:
            return due
        on_the_way = (self.roster.due(owner, ahead) for ahead in range(playbook.due_in_days, -1, -1))
        renews = plus_days(self.as_of, int(days))
        return next((day for day in on_the_way if today <= day <= renews), due)

    # ------------------------------------------------------------ what is written down

    def decisions(self) -> list[Decision]:
        """What became of everything, the list of the day first."""
        decided = [self._of_work(item) for item in self.worklist.living()]
        for candidate in self.candidates():
            disposition, item = self.judge(candidate)
            owner, note = self._takers(candidate)[0], self._note(disposition, item, candidate)
            decided.append(self._decision(candidate, disposition, owner, note))
        return sorted(decided, key=self._order)

    def _of_work(self, item: WorkItem) -> Decision:
        matches, i = self.by_playbook[item.playbook], self.facts.place[item.account_id]
        taken = _Candidate(matches, i, item.account_id, item.reason)
        disposition: Disposition = "opened" if item.opened_on == self.as_of else "kept"
        if item.state == "snoozed":
            disposition = "snoozed"
        return self._decision(taken, disposition, item.owner, self._state_of(item), item)

    def _state_of(self, item: WorkItem) -> str | None:
        """What is special about open work, in words."""
        if item.state == "snoozed":
            return f"snoozed until {item.snoozed_until}"
        if item.escalated_on is not None:
            to = self.by_playbook[item.playbook].playbook.escalate_to
            return f"overdue, escalated{f' to {to}' if to else ''} on {item.escalated_on}"
        if item.due < self.roster.today(item.owner):
            return f"overdue since {item.due}"
        return None

    def _note(self, disposition: Disposition, item: WorkItem | None, candidate: _Candidate) -> str:
        """Why a candidate was not offered."""
        notes: dict[Disposition, Callable[[], str]] = {
            "holdout": lambda: LEFT_ALONE,
            "overflow": lambda: self._no_room(candidate),
            "trouble": lambda: self.trouble.because(candidate.i),
        }
        if item is None:
            return notes[disposition]()
        title = self.by_playbook[item.playbook].playbook.title
        if disposition == "cooling":
            until = _cool_on(item, self.by_playbook[item.playbook].playbook)
            return f"{item.state} on {item.ended_on} ({item.ended_because}); not again before {until}"
        return f"the account has other open work: '{title}', due on {item.due}, {item.owner}"

    def _no_room(self, candidate: _Candidate) -> str:
        playbook = candidate.matches.playbook
        if candidate.matches.worth.likely[candidate.i] < 0:
            return "by what was measured, acting would do more harm than good here"
        if playbook.cost > self._budgets().get(playbook.name, math.inf):
            return "what the playbook may cost this month is spent"
        owners = self._takers(candidate)
        return f"no room today: {owners[0]}" + (f" and {len(owners) - 1} more" if len(owners) > 1 else "")

    def _decision(
        self,
        candidate: _Candidate,
        disposition: Disposition,
        owner: str,
        note: str | None,
        item: WorkItem | None = None,
    ) -> Decision:
        matches, i, playbook = candidate.matches, candidate.i, candidate.matches.playbook
        arm, propensity = self.arm(candidate.key)
        return Decision(
            account_id=candidate.account_id,
            playbook=playbook.name,
            reason=candidate.reason,
            disposition=disposition,
            title=playbook.title,
            goal=playbook.goal,
            steps=playbook.do,
            owner=owner,
            due=None if item is None else item.due,
            rule=playbook.enter,
            because=self._because(matches, i),
            facts=self.facts.values(sorted({*matches.rules.enter.names, *ALWAYS}), i),
            value=_known(matches.worth.likely[i]),
            value_low=_known(matches.worth.low[i]),
            value_high=_known(matches.worth.high[i]),
            arm=arm,
            propensity=propensity,
            work_id=None if item is None else item.work_id,
            note=note,
        )

    def _because(self, matches: PlaybookMatches, i: int) -> tuple[str, ...]:
        return matches.rules.enter.because(self.facts.values(matches.rules.enter.names, i))

    def _order(self, decision: Decision) -> tuple[bool, bool, float, float, float, str, str, str]:
        """The list first."""
        i = self.facts.place[decision.account_id]
        accounts = self.by_playbook[decision.playbook].worth.to_order_by(i, money=False)
        rank = _rank(decision.value, accounts, self.facts.number("health", i))
        waits = decision.disposition not in ("opened", "kept")
        return (waits, *rank, decision.account_id, decision.playbook, decision.reason)


def _cool_on(item: WorkItem, playbook: Playbook) -> dt.date:
    """The first date the playbook may take the account again; the earliest there is where the item has not ended."""
    if item.ended_on is None:
        return dt.date.min
    # never on the same date: that item has the name the new one would get
    rest = playbook.cooldown_days if item.state in playbook.cooldown_after else 0
    return plus_days(item.ended_on, max(1, rest))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _rank(value: float | None, accounts: float | None, health: float | None) -> tuple[bool, float, float, float]:
    """Most valuable first; where no money is known by probability × effect, without a model the unhealthiest first."""
    expected = 0.0 if value is not None else -(accounts or 0.0)
    return value is None, -(value or 0.0), expected, HEALTHIEST if health is None else health
