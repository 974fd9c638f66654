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
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from churnml.errors import ChurnmlError
from churnml.ledger import Arm, Assignment, DayPlan, Decision, Disposition, PriorState, WorkItem
from churnml.rules.checking import read_rules
from churnml.specs.playbooks import Playbook, PlaybooksSpec
from churnml.specs.team import TeamSpec
from churnml.timeline import plus_days
from churnml.work import life as work
from churnml.work.arms import arm_of
from churnml.work.candidates import AccountFacts, Reading, read
from churnml.work.capacity import Offer, fit
from churnml.work.life import lives
from churnml.work.owners import Roster
from churnml.work.worklist import Desk, Trouble, tend

HEALTHIEST = 100.0
LEFT_ALONE = "left alone, so that the playbook can be measured"


def plan_day(
    spec: PlaybooksSpec,
    team: TeamSpec,
    as_of: dt.date,
    facts: pd.DataFrame,
    before: PriorState,
    *,
    seed: str,
    zone: str = "UTC",
) -> DayPlan:
    """What one date decides.

    Args:
        spec: the declared playbooks.
        team: who takes the work.
        as_of: the date.
        facts: a row an account that is eligible, a column a named fact (:mod:`churnml.rules.facts`), ``account_id``
            and ``owner_id`` among them; in any order.
        before: what is on record.
        seed: of the arms; another seed draws others.
        zone: the project's time zone.

    Raises:
        ChurnmlError: work on record was opened after ``as_of``.
        SpecError: a rule cannot be read.
    """
    _check(before, as_of)
    day = _Day(spec, team, as_of, AccountFacts(facts), before, seed, zone)
    tend(day.desk, day.readings, day.trouble, day.book, day.roster)
    day.hand_out()
    return DayPlan(tuple(day.decisions()), day.desk.changed(), tuple(day.desk.events), tuple(day.drawn.values()))


@dataclass(frozen=True)
class _Candidate:
    """A playbook that would take an account.

    Args:
        reading: the playbook, read.
        i: the account's place in the book.
        account_id, reason: whom, because of what.
    """

    reading: Reading
    i: int
    account_id: str
    reason: str

    @property
    def key(self) -> tuple[str, str]:
        return self.account_id, self.reading.playbook.name


class _Day:
    """What the parts of one day's planning share."""

    def __init__(
        self,
        spec: PlaybooksSpec,
        team: TeamSpec,
        as_of: dt.date,
        book: AccountFacts,
        before: PriorState,
        seed: str,
        zone: str,
    ) -> None:
        self.as_of, self.book, self.before, self.seed = as_of, book, before, seed
        rules = read_rules(spec, "playbooks.yaml")
        self.readings = {reading.playbook.name: reading for reading in read(rules, book, before.lines)}
        self.trouble = Trouble(rules.trouble, book, allowed=spec.grow_in_trouble)
        self.roster = Roster(team, as_of, zone, spec.fallback_owner)
        self.desk = Desk(before.work, as_of)
        self.drawn: dict[tuple[str, str], Assignment] = {}
        # owner → effort newly given this week; playbook → money spent this month
        self.minutes, self.spent = dict(before.minutes), dict(before.spent)
        # playbook → those whose ends it cools down after: its own, and of what takes its place
        self._cooled_by = {
            name: [p for p in spec.playbooks if p.name == name or name in p.supersedes] for name in self.readings
        }

    # ------------------------------------------------------------ who is a candidate, and what becomes of it

    def candidates(self) -> Iterator[_Candidate]:
        """Every playbook that would take an account without living work of the same playbook."""
        for reading in self.readings.values():
            name = reading.playbook.name
            for i in np.flatnonzero(reading.takes).tolist():
                account = self.book.accounts[i]
                if not any(p.playbook == name and lives(p) for p in self.desk.of(account)):
                    yield _Candidate(reading, i, account, reading.reasons[i])

    def judge(self, candidate: _Candidate) -> tuple[Disposition, WorkItem | None]:
        """What becomes of a candidate as things stand, and the piece of work that is why.

        ``overflow`` is what nothing speaks against: it is offered while there is room.
        """
        playbook = candidate.reading.playbook
        others = [p for p in self.desk.of(candidate.account_id) if p.playbook != playbook.name]
        for piece in others:
            if self.desk.stood_before(piece) and piece.playbook not in playbook.supersedes:
                return "elsewhere", piece
        if self.trouble.forbids(playbook.goal, candidate.i):
            return "trouble", None
        if (ended := self._cooling(candidate)) is not None:
            return "cooling", ended
        # before today's new work: to the account it is as if this playbook did not exist, so it may have got another
        if self.arm(candidate.key)[0] == "holdout":
            return "holdout", None
        for piece in others:
            if piece.opened_on == self.as_of and lives(piece):
                return "elsewhere", piece
        return "overflow", None

    def _cooling(self, candidate: _Candidate) -> WorkItem | None:
        """The piece whose end is too recent to begin again; of several the one that waits longest."""
        resting = [
            (until, piece.work_id, piece)
            for playbook in self._cooled_by[candidate.reading.playbook.name]
            for piece in self.desk.of(candidate.account_id)
            if piece.playbook == playbook.name and (until := _cool_on(piece, playbook)) > self.as_of
        ]
        return max(resting)[-1] if resting else None

    def arm(self, key: tuple[str, str]) -> tuple[Arm | None, float | None]:
        """The arm an account has for a playbook, and its propensity; None before it is asked."""
        assigned = self.before.assignments.get(key) or self.drawn.get(key)
        if assigned is not None:
            return assigned.arm, assigned.propensity
        return ("treated", 1.0) if self.readings[key[1]].playbook.holdout == 0 else (None, None)

    # ------------------------------------------------------------ handing out

    def hand_out(self) -> None:
        """Opens what fits, in rounds.

        Who is enrolled must not depend on the arm, or the arms could not be compared: so what fits is found for both
        arms together. Who turns out to be held out takes no room, and the next round hands that out, again to both.
        """
        offered = [self._offer(c) for c in self.candidates() if self.judge(c)[0] == "overflow"]
        offered.sort(key=lambda pair: _wanted(pair[1], self.book.value("health", pair[0].i)))
        by_key = {candidate.key: candidate for candidate, _ in offered}
        offers = [offer for _, offer in offered]
        while offers:
            owners = {who for offer in offers for who in offer.owners}
            rooms = self.roster.rooms(owners, self.minutes, self.desk.load)
            taken = fit(offers, rooms, self._budgets()).taken
            if not taken:
                return
            gone, busy = set(), set()
            for one in taken:
                key = (one.offer.account_id, one.offer.playbook)
                gone.add(key)
                if self._enrol(by_key[key], one.offer.value) == "treated":
                    self._open(by_key[key], one.owner, one.offer.value)
                    busy.add(one.offer.account_id)
                    self.minutes[one.owner] = self.minutes.get(one.owner, 0) + one.offer.minutes
                    self.spent[one.offer.playbook] = self.spent.get(one.offer.playbook, 0.0) + one.offer.cost
            offers = [o for o in offers if o.account_id not in busy and (o.account_id, o.playbook) not in gone]

    def _budgets(self) -> dict[str, float]:
        """What is left this month for each playbook that has a budget; rounded, so that adding up leaves no dust."""
        declared = self.roster.team.budgets
        return {name: max(0.0, round(money - self.spent.get(name, 0.0), 6)) for name, money in declared.items()}

    def _offer(self, candidate: _Candidate) -> tuple[_Candidate, Offer]:
        reading = candidate.reading
        playbook = reading.playbook
        offer = Offer(
            account_id=candidate.account_id,
            playbook=playbook.name,
            reason=candidate.reason,
            value=_known(reading.worth.likely[candidate.i]),
            minutes=playbook.minutes,
            cost=playbook.cost,
            owners=self._takers(candidate),
            precedence=reading.precedence,
        )
        return candidate, offer

    def _takers(self, candidate: _Candidate) -> tuple[str, ...]:
        owner = self.book.value("owner_id", candidate.i)
        return self.roster.takers(candidate.reading.playbook, candidate.account_id, owner)

    def _enrol(self, candidate: _Candidate, value: float | None) -> Arm:
        """The arm of a candidate that fits, drawn where it has none."""
        arm, _ = self.arm(candidate.key)
        if arm is not None:
            return arm
        account, name = candidate.key
        drawn, propensity = arm_of(self.seed, account, name, candidate.reading.playbook.holdout)
        mrr = self.book.value("mrr", candidate.i)
        self.drawn[candidate.key] = Assignment(account, name, drawn, propensity, self.as_of, value, mrr)
        return drawn

    def _open(self, candidate: _Candidate, owner: str, value: float | None) -> None:
        playbook = candidate.reading.playbook
        account_owner = self.book.value("owner_id", candidate.i)
        piece = WorkItem(
            work_id=work.work_id_of(candidate.account_id, playbook.name, candidate.reason, self.as_of),
            account_id=candidate.account_id,
            playbook=playbook.name,
            reason=candidate.reason,
            owner=owner,
            state="open",
            opened_on=self.as_of,
            due=self.roster.due(owner, playbook.due_in_days),
            minutes=playbook.minutes,
            cost=playbook.cost,
            value=value,
            follows=(account_owner or "") if playbook.owner == "account_owner" else None,
        )
        for other in self.desk.of(candidate.account_id):
            if other.playbook in playbook.supersedes and lives(other):
                self.desk.change(work.closed(other, f"{work.SUPERSEDED}'{playbook.title}'", self.as_of))
        details = {
            "owner": owner,
            "due": piece.due.isoformat(),
            "minutes": piece.minutes,
            "cost": piece.cost,
            "value": value,
            "propensity": self.arm(candidate.key)[1],
        }
        self.desk.change(work.opened(piece, "; ".join(self._because(candidate.reading, candidate.i)), details))

    # ------------------------------------------------------------ what is written down

    def decisions(self) -> list[Decision]:
        """What became of everything, the list of the day first."""
        found = [self._of_work(piece) for piece in self.desk.living()]
        for candidate in self.candidates():
            outcome, piece = self.judge(candidate)
            note = self._note(outcome, piece, candidate)
            decision = self._decision(
                candidate.reading, candidate.i, candidate.reason, outcome, self._takers(candidate)[0], note
            )
            found.append(decision)
        return sorted(found, key=self._order)

    def _of_work(self, piece: WorkItem) -> Decision:
        reading, i = self.readings[piece.playbook], self.book.place[piece.account_id]
        outcome: Disposition = "opened" if piece.opened_on == self.as_of else "kept"
        if piece.state == "snoozed":
            outcome = "snoozed"
        return self._decision(reading, i, piece.reason, outcome, piece.owner, self._told(piece), piece)

    def _told(self, piece: WorkItem) -> str | None:
        """What there is to say of open work."""
        if piece.state == "snoozed":
            return f"snoozed until {piece.snoozed_until}"
        if piece.escalated_on is not None:
            to = self.readings[piece.playbook].playbook.escalate_to
            return f"overdue, escalated{f' to {to}' if to else ''} on {piece.escalated_on}"
        if piece.due < self.roster.today(piece.owner):
            return f"overdue since {piece.due}"
        return None

    def _note(self, outcome: Disposition, piece: WorkItem | None, candidate: _Candidate) -> str:
        """Why a candidate was not offered."""
        said: dict[Disposition, Callable[[], str]] = {
            "holdout": lambda: LEFT_ALONE,
            "overflow": lambda: self._no_room(candidate),
            "trouble": lambda: self.trouble.said(candidate.i),
        }
        if piece is None:
            return said[outcome]()
        title = self.readings[piece.playbook].playbook.title
        if outcome == "cooling":
            until = _cool_on(piece, self.readings[piece.playbook].playbook)
            return f"{piece.state} on {piece.ended_on} ({piece.ended_because}); not again before {until}"
        return f"the account has other open work: '{title}', due on {piece.due}, {piece.owner}"

    def _no_room(self, candidate: _Candidate) -> str:
        playbook = candidate.reading.playbook
        if candidate.reading.worth.likely[candidate.i] < 0:
            return "by what was measured, acting would do more harm than good here"
        if playbook.cost > self._budgets().get(playbook.name, math.inf):
            return "what the playbook may cost this month is spent"
        owners = self._takers(candidate)
        return f"no room today: {owners[0]}" + (f" and {len(owners) - 1} more" if len(owners) > 1 else "")

    def _decision(
        self,
        reading: Reading,
        i: int,
        reason: str,
        outcome: Disposition,
        owner: str,
        note: str | None,
        piece: WorkItem | None = None,
    ) -> Decision:
        playbook, account = reading.playbook, self.book.accounts[i]
        arm, propensity = self.arm((account, playbook.name))
        return Decision(
            account_id=account,
            playbook=playbook.name,
            reason=reason,
            outcome=outcome,
            title=playbook.title,
            goal=playbook.goal,
            steps=playbook.do,
            owner=owner,
            due=None if piece is None else piece.due,
            rule=playbook.enter,
            because=self._because(reading, i),
            facts=self.book.said(reading.names(), i),
            value=_known(reading.worth.likely[i]),
            value_low=_known(reading.worth.low[i]),
            value_high=_known(reading.worth.high[i]),
            arm=arm,
            propensity=propensity,
            work_id=None if piece is None else piece.work_id,
            note=note,
        )

    def _because(self, reading: Reading, i: int) -> tuple[str, ...]:
        return reading.rule.because(self.book.said(reading.rule.names, i))

    def _order(self, decision: Decision) -> tuple[bool, bool, float, float, str, str, str]:
        """The list first, most valuable first; where nobody knows what is at stake the unhealthiest first."""
        health = decision.facts.get("health")
        return (
            decision.outcome not in ("opened", "kept"),
            decision.value is None,
            -(decision.value or 0.0),
            HEALTHIEST if health is None else health,
            decision.account_id,
            decision.playbook,
            decision.reason,
        )


def _check(before: PriorState, as_of: dt.date) -> None:
    later = max((piece.opened_on for piece in before.work), default=as_of)
    if later > as_of:
        raise ChurnmlError(
            f"{as_of} cannot be decided any more: work was opened on {later}, after it.",
            remedy=f"Decide {later} again, or a date after it.",
        )


def _cool_on(piece: WorkItem, playbook: Playbook) -> dt.date:
    """The first date the playbook may take the account again; the earliest there is where the piece has not ended."""
    if piece.ended_on is None:
        return dt.date.min
    # never on the same date: that piece has the name the new one would get
    rest = playbook.cooldown_days if piece.state in playbook.cooldown_after else 0
    return plus_days(piece.ended_on, max(1, rest))


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _wanted(offer: Offer, health: float | None) -> tuple[bool, float, float, str, int]:
    return (
        offer.value is None,
        -(offer.value or 0.0),
        HEALTHIEST if health is None else health,
        offer.account_id,
        offer.precedence,
    )
