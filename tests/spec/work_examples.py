"""Worked examples of the life of work: when it is opened, closed, moved, held back, and in what order it is listed.

Each example declares its playbooks (what is left out is the default; nobody is held out unless it is said) and its
team, then gives the facts of each day. What a person did with an account's open work stands under ``by hand``; it is
done after that day's list was made. ``gives`` shows the list of each day in its order, then what was not offered,
then work that left the list. 2024-06-03 is a Monday. In ``gives``, ``…`` at the end of a cell stands for more words.
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class WorkExample:
    """One worked example.

    Args:
        title: the rule it shows, as a sentence.
        playbooks: YAML, name → what it declares.
        days: an ASCII table: day, account, facts, and what was done by hand.
        gives: an ASCII table of decisions and of what happened to work, by day; a column that is left out is not
            looked at.
        team: YAML of models/team.yaml.
        spec: YAML of what stands beside the playbooks.
        rules: what else is to be known, in a sentence or two.
        begins: the heading that begins with it.
    """

    title: str
    playbooks: str
    days: str
    gives: str
    team: str = ""
    spec: str = ""
    rules: str = ""
    begins: str = ""

    def as_lines(self) -> list[str]:
        """The example as lines of a page."""
        lines = [f"### {self.begins}", ""] if self.begins else []
        lines.append(f"*{self.title[:1].upper()}{self.title[1:]}.*")
        if self.rules:
            lines += ["", *_text(self.rules)]
        lines += ["", "```", "playbooks", *_indented(self.playbooks)]
        for name, text in (("beside them", self.spec), ("team", self.team), ("days", self.days)):
            if text:
                lines += [name, *_indented(text)]
        return [*lines, "gives", *_indented(self.gives), "```"]


def _text(words: str) -> list[str]:
    return [line.strip() for line in words.strip().splitlines()]


def _indented(block: str) -> list[str]:
    return [f"  {line}".rstrip() for line in dedent(block).strip("\n").splitlines()]


EXAMPLES: tuple[WorkExample, ...] = (
    # ------------------------------------------------------------ opening and closing
    WorkExample(
        "work is opened where the entry rule holds, and stays until somebody ends it",
        """
        call: {enter: health < 40}
        """,
        """
        day        | account | health | by hand
        2024-06-03 | acme    | 30     |
        2024-06-03 | bolt    | 50     |
        2024-06-03 | core    |        |
        2024-06-04 | acme    | 60     |
        2024-06-04 | bolt    | 50     |
        2024-06-05 | acme    | 60     | done: they renew
        2024-06-05 | bolt    | 50     |
        2024-06-06 | acme    | 60     |
        2024-06-06 | bolt    | 50     |
        """,
        """
        day        | account | decision | what happened
        2024-06-03 | acme    | opened   | opened
        2024-06-04 | acme    | kept     |
        2024-06-05 | acme    | kept     |
        """,
        rules="A fact that is missing makes no rule hold. Without an exit rule work does not go away by itself.",
        begins="Opening and closing",
    ),
    WorkExample(
        "work is closed by itself when its exit rule holds, and opened anew when the entry rule holds again",
        """
        call: {enter: health < 40, exit: health >= 60}
        """,
        """
        day        | account | health
        2024-06-03 | acme    | 30
        2024-06-04 | acme    | 55
        2024-06-05 | acme    | 60
        2024-06-06 | acme    | 55
        2024-06-07 | acme    | 35
        """,
        """
        day        | account | decision | due        | what happened
        2024-06-03 | acme    | opened   | 2024-06-10 | opened
        2024-06-04 | acme    | kept     | 2024-06-10 |
        2024-06-05 | acme    |          |            | closed: the reason is gone: …
        2024-06-07 | acme    | opened   | 2024-06-14 | opened
        """,
        rules="""
        An exit rule some way above the entry rule keeps work from coming and going. What nobody has worked on needs no
        rest: closing by itself begins no cooldown, unless `cooldown_after` names `closed`.
        """,
    ),
    WorkExample(
        "where entry and exit rule both hold, nothing is opened",
        """
        call: {enter: health < 40, exit: mrr < 100}
        """,
        """
        day        | account | health | mrr
        2024-06-03 | acme    | 30     | 50
        2024-06-03 | bolt    | 30     | 500
        """,
        """
        day        | account | decision
        2024-06-03 | bolt    | opened
        """,
    ),
    WorkExample(
        "an account that is no longer a customer has nothing left to be done",
        """
        call: {enter: health < 40}
        """,
        """
        day        | account | health
        2024-06-03 | acme    | 30
        2024-06-03 | bolt    | 30
        2024-06-04 | bolt    | 30
        """,
        """
        day        | account | decision | what happened
        2024-06-03 | acme    | opened   | opened
        2024-06-03 | bolt    | opened   | opened
        2024-06-04 | bolt    | kept     |
        2024-06-04 | acme    |          | closed: the account is no longer a paying customer
        """,
    ),
    WorkExample(
        "work is about the account's first reason that the playbook asks for, and without one there is none",
        """
        tickets: {enter: health < 40, reasons: [tickets.*]}
        """,
        """
        day        | account | health | reasons
        2024-06-03 | acme    | 30     | usage.trend, tickets.backlog, tickets.csat
        2024-06-03 | bolt    | 30     | usage.trend
        2024-06-03 | core    | 30     |
        2024-06-04 | acme    | 30     | tickets.csat, tickets.backlog
        """,
        """
        day        | account | reason          | decision | what happened
        2024-06-03 | acme    | tickets.backlog | opened   | opened
        2024-06-04 | acme    | tickets.backlog | kept     |
        """,
        rules="Open work keeps the reason it was opened for.",
    ),
    # ------------------------------------------------------------ one at a time
    WorkExample(
        "an account is on the list once: with the most valuable playbook, of equal ones with the first declared",
        """
        mail:  {enter: health < 40, effect: {low: 0, likely: 0.1, high: 0.2}}
        call:  {enter: health < 40, effect: {low: 0, likely: 0.1, high: 0.2}}
        visit: {enter: mrr > 1000, effect: {low: 0, likely: 0.3, high: 0.5}}
        """,
        """
        day        | account | health | mrr  | churn_probability
        2024-06-03 | acme    | 30     | 2000 | 0.1
        2024-06-03 | bolt    | 30     | 500  | 0.1
        2024-06-04 | acme    | 30     | 2000 | 0.1
        2024-06-04 | bolt    | 30     | 500  | 0.1
        """,
        """
        day        | account | playbook | decision  | value | why not
        2024-06-03 | acme    | visit    | opened    | 60    |
        2024-06-03 | bolt    | mail     | opened    | 5     |
        2024-06-03 | acme    | call     | elsewhere | 20    | the account has other open work: 'Visit', due on 2024-06-10, …
        2024-06-03 | acme    | mail     | elsewhere | 20    | the account has other open work: 'Visit', due on 2024-06-10, …
        2024-06-03 | bolt    | call     | elsewhere | 5     | the account has other open work: 'Mail', due on 2024-06-10, …
        2024-06-04 | acme    | visit    | kept      | 60    |
        2024-06-04 | bolt    | mail     | kept      | 5     |
        2024-06-04 | acme    | call     | elsewhere | 20    | the account has other open work: 'Visit', due on 2024-06-10, …
        2024-06-04 | acme    | mail     | elsewhere | 20    | the account has other open work: 'Visit', due on 2024-06-10, …
        2024-06-04 | bolt    | call     | elsewhere | 5     | the account has other open work: 'Mail', due on 2024-06-10, …
        """,
        begins="One at a time",
    ),
    WorkExample(
        "a playbook takes the place of open work that it supersedes, and of no other",
        """
        look_after: {enter: health < 40}
        onboard:    {enter: tenure_days < 90}
        rescue:     {enter: days_to_renewal < 60, supersedes: [look_after]}
        """,
        """
        day        | account | health | tenure_days | days_to_renewal | by hand
        2024-06-03 | acme    | 30     | 400         | 61              |
        2024-06-03 | bolt    | 80     | 40          | 61              |
        2024-06-04 | acme    | 30     | 400         | 59              |
        2024-06-04 | bolt    | 80     | 41          | 59              |
        2024-06-05 | acme    | 30     | 400         | 59              | done: renewed
        2024-06-05 | bolt    | 80     | 41          | 59              |
        2024-06-06 | acme    | 30     | 400         | 400             |
        2024-06-06 | bolt    | 80     | 41          | 59              |
        """,
        """
        day        | account | playbook   | decision  | what happened                  | why not
        2024-06-03 | acme    | look_after | opened    | opened                         |
        2024-06-03 | bolt    | onboard    | opened    | opened                         |
        2024-06-04 | acme    | rescue     | opened    | opened                         |
        2024-06-04 | bolt    | onboard    | kept      |                                |
        2024-06-04 | acme    | look_after | cooling   | closed: superseded by 'Rescue' | closed on 2024-06-04 (superseded by 'Rescue'); not again before 2024-06-05
        2024-06-04 | bolt    | rescue     | elsewhere |                                | the account has other open work: 'Onboard', …
        2024-06-05 | acme    | rescue     | kept      |                                |
        2024-06-05 | bolt    | onboard    | kept      |                                |
        2024-06-05 | acme    | look_after | elsewhere |                                | the account has other open work: 'Rescue', …
        2024-06-05 | bolt    | rescue     | elsewhere |                                | the account has other open work: 'Onboard', …
        2024-06-06 | bolt    | onboard    | kept      |                                |
        2024-06-06 | acme    | look_after | cooling   |                                | done on 2024-06-05 (renewed); not again before 2024-09-03
        2024-06-06 | bolt    | rescue     | elsewhere |                                | the account has other open work: 'Onboard', …
        """,
        rules="A superseded playbook rests after whatever took its place, too: the account has just been spoken to.",
    ),
    # ------------------------------------------------------------ rest
    WorkExample(
        "after work was done or dismissed the playbook leaves the account alone for its cooldown",
        """
        call: {enter: health < 40, cooldown_days: 10}
        """,
        """
        day        | account | health | by hand
        2024-06-03 | acme    | 30     | done: they promised to train the new people
        2024-06-03 | bolt    | 30     | dismiss: the owner has just been there
        2024-06-04 | acme    | 30     |
        2024-06-04 | bolt    | 30     |
        2024-06-12 | acme    | 30     |
        2024-06-12 | bolt    | 30     |
        2024-06-13 | acme    | 30     |
        2024-06-13 | bolt    | 35     |
        """,
        """
        day        | account | decision | why not
        2024-06-03 | acme    | opened   |
        2024-06-03 | bolt    | opened   |
        2024-06-04 | acme    | cooling  | done on 2024-06-03 (they promised to train the new people); not again before 2024-06-13
        2024-06-04 | bolt    | cooling  | dismissed on 2024-06-03 (the owner has just been there); not again before 2024-06-13
        2024-06-12 | acme    | cooling  | done on 2024-06-03 (they promised to train the new people); not again before 2024-06-13
        2024-06-12 | bolt    | cooling  | dismissed on 2024-06-03 (the owner has just been there); not again before 2024-06-13
        2024-06-13 | acme    | opened   |
        2024-06-13 | bolt    | opened   |
        """,
        begins="Rest",
    ),
    WorkExample(
        "a playbook that names `closed` rests after closing by itself, too",
        """
        call: {enter: health < 40, exit: health >= 60, cooldown_days: 3, cooldown_after: [done, dismissed, closed]}
        """,
        """
        day        | account | health
        2024-06-03 | acme    | 30
        2024-06-04 | acme    | 60
        2024-06-05 | acme    | 30
        2024-06-06 | acme    | 30
        2024-06-07 | acme    | 30
        """,
        """
        day        | account | decision | what happened
        2024-06-03 | acme    | opened   | opened
        2024-06-04 | acme    |          | closed: the reason is gone: …
        2024-06-05 | acme    | cooling  |
        2024-06-06 | acme    | cooling  |
        2024-06-07 | acme    | opened   | opened
        """,
    ),
    WorkExample(
        "snoozed work is off the list until its date, then on it again; past its due date it gets its full time anew",
        """
        call: {enter: health < 40, due_in_days: 2}
        """,
        """
        day        | account | health | by hand
        2024-06-03 | acme    | 30     | snooze until 2024-06-10: their champion is on holiday
        2024-06-03 | bolt    | 30     | snooze until 2024-06-05: they asked for Wednesday
        2024-06-04 | acme    | 30     |
        2024-06-04 | bolt    | 30     |
        2024-06-05 | acme    | 30     |
        2024-06-05 | bolt    | 30     |
        2024-06-10 | acme    | 30     |
        2024-06-10 | bolt    | 30     |
        """,
        """
        day        | account | decision | due        | why not                  | what happened
        2024-06-03 | acme    | opened   | 2024-06-05 |                          | opened
        2024-06-03 | bolt    | opened   | 2024-06-05 |                          | opened
        2024-06-04 | acme    | snoozed  | 2024-06-05 | snoozed until 2024-06-10 |
        2024-06-04 | bolt    | snoozed  | 2024-06-05 | snoozed until 2024-06-05 |
        2024-06-05 | bolt    | kept     | 2024-06-05 |                          | woken: it was snoozed until 2024-06-05
        2024-06-05 | acme    | snoozed  | 2024-06-05 | snoozed until 2024-06-10 |
        2024-06-10 | acme    | kept     | 2024-06-12 |                          | woken: it was snoozed until 2024-06-10; due_moved to 2024-06-12: it was snoozed past its due date
        2024-06-10 | bolt    | kept     | 2024-06-05 | overdue since 2024-06-05 |
        """,
    ),
    WorkExample(
        "snoozed work is closed by its exit rule, too, and holds the account's place until then",
        """
        call:  {enter: health < 40, exit: health >= 60}
        visit: {enter: mrr > 1000}
        """,
        """
        day        | account | health | mrr  | by hand
        2024-06-03 | acme    | 30     | 500  | snooze until 2024-07-01: they are moving house
        2024-06-04 | acme    | 30     | 2000 |
        2024-06-05 | acme    | 70     | 2000 |
        """,
        """
        day        | account | playbook | decision  | what happened
        2024-06-03 | acme    | call     | opened    | opened
        2024-06-04 | acme    | call     | snoozed   |
        2024-06-04 | acme    | visit    | elsewhere |
        2024-06-05 | acme    | visit    | opened    | opened
        2024-06-05 | acme    | call     |           | closed: the reason is gone: …
        """,
    ),
    # ------------------------------------------------------------ due dates
    WorkExample(
        "the due date is counted in the owner's own working days: no week-ends, holidays or days away",
        """
        call:  {enter: health < 40, due_in_days: 3}
        today: {enter: health > 90, due_in_days: 0}
        """,
        """
        day        | account | owner | health
        2024-06-06 | acme    | ana   | 30
        2024-06-06 | bolt    | ben   | 30
        2024-06-06 | core    | cleo  | 30
        2024-06-06 | dune    | dora  | 30
        2024-06-06 | east    | ana   | 95
        """,
        """
        day        | account | owner | due        | decision
        2024-06-06 | acme    | ana   | 2024-06-12 | opened
        2024-06-06 | bolt    | ben   | 2024-06-18 | opened
        2024-06-06 | core    | cleo  | 2024-06-13 | opened
        2024-06-06 | dune    | dora  | 2024-06-11 | opened
        2024-06-06 | east    | ana   | 2024-06-06 | opened
        """,
        team="""
        holidays: [2024-06-10]                       # a Monday
        people:
          ana: {}
          ben: {working_days: [mon, tue]}
          cleo: {away: [{from: 2024-06-11, to: 2024-06-11}]}
          dora: {holidays: []}                       # where she lives the 10th is none
        """,
        rules="The 6th is a Thursday.",
        begins="Due dates",
    ),
    WorkExample(
        "on a day off, due in no days and due in one day are both the next working day",
        """
        now:      {enter: health < 40, due_in_days: 0}
        tomorrow: {enter: health > 90, due_in_days: 1}
        """,
        """
        day        | account | owner | health
        2024-06-08 | acme    | ana   | 30
        2024-06-08 | bolt    | ana   | 95
        """,
        """
        day        | account | due        | decision
        2024-06-08 | acme    | 2024-06-10 | opened
        2024-06-08 | bolt    | 2024-06-10 | opened
        """,
        rules="The 8th is a Saturday.",
    ),
    WorkExample(
        "a day begins at the project's midnight, and the owner's days are counted from the date it then is where they are",
        """
        call: {enter: health < 40, due_in_days: 1}
        """,
        """
        day        | account | owner | health
        2024-06-03 | acme    | ana   | 30
        2024-06-03 | bolt    | ben   | 30
        2024-06-03 | core    | chie  | 30
        """,
        """
        day        | account | owner | due        | decision
        2024-06-03 | acme    | ana   | 2024-06-04 | opened
        2024-06-03 | bolt    | ben   | 2024-06-03 | opened
        2024-06-03 | core    | chie  | 2024-06-04 | opened
        """,
        team="""
        people:
          ana: {time_zone: UTC}
          ben: {time_zone: America/New_York}         # Sunday evening, when the Monday of the project begins
          chie: {time_zone: Asia/Tokyo}
        """,
        rules="The project's time zone is UTC here. What is due on a date is due by its end, on the owner's own clock.",
    ),
    # ------------------------------------------------------------ owners
    WorkExample(
        "work goes to the account's owner; where there is none, or nobody is there, to the fallback owner",
        """
        call: {enter: health < 40}
        """,
        """
        day        | account | owner | health
        2024-06-03 | acme    | ana   | 30
        2024-06-03 | bolt    |       | 30
        2024-06-03 | core    | cleo  | 30
        2024-06-03 | dune    | dora  | 30
        2024-06-03 | east    | emil  | 30
        2024-06-03 | fizz    | finn  | 30
        """,
        """
        day        | account | owner                 | decision
        2024-06-03 | acme    | ana                   | opened
        2024-06-03 | bolt    | team:customer-success | opened
        2024-06-03 | core    | ana                   | opened
        2024-06-03 | dune    | team:customer-success | opened
        2024-06-03 | east    | emil                  | opened
        2024-06-03 | fizz    | finn                  | opened
        """,
        team="""
        people:
          ana: {}
          cleo: {away: [{from: 2024-06-01, to: 2024-06-30}], stand_in: ana}
          dora: {left: 2024-06-03}                   # gone from that day on
          emil: {away: [{from: 2024-06-01, to: 2024-06-07}]}   # back before it is due, on the 10th
        """,
        rules="Who is away on every working day up to the due date is not given new work. Who is not declared is there.",
        begins="Owners",
    ),
    WorkExample(
        "a skill or a pool: the account's owner if among them, else whoever has room, another first for each account",
        """
        french: {enter: health < 40, owner: 'skill:french'}
        """,
        """
        day        | account | owner | health
        2024-06-03 | acme    | ben   | 10
        2024-06-03 | bolt    | zoe   | 20
        2024-06-03 | core    | zoe   | 30
        2024-06-03 | dune    | zoe   | 35
        """,
        """
        day        | account | owner                 | decision | why not
        2024-06-03 | acme    | ben                   | opened   |
        2024-06-03 | bolt    | ana                   | opened   |
        2024-06-03 | core    | ana                   | opened   |
        2024-06-03 | dune    | ana                   | overflow | no room today: ana and 1 more
        """,
        team="""
        people:
          ana: {skills: [french], open_at_most: 2}
          ben: {skills: [french], open_at_most: 1}
          cleo: {skills: [french], left: 2024-01-01}
          zoe: {}
        """,
    ),
    WorkExample(
        "when an owner leaves, work goes to whoever stands in, else to the account's new owner, else to the fallback owner",
        """
        call: {enter: health < 40}
        """,
        """
        day        | account | owner | health
        2024-06-03 | acme    | ana   | 30
        2024-06-03 | bolt    | ben   | 30
        2024-06-03 | core    | cleo  | 30
        2024-06-04 | acme    | ana   | 30
        2024-06-04 | bolt    | dora  | 30
        2024-06-04 | core    | cleo  | 30
        2024-06-05 | acme    | dora  | 30
        2024-06-05 | bolt    | dora  | 30
        2024-06-05 | core    | cleo  | 30
        """,
        """
        day        | account | decision | owner                 | what happened
        2024-06-03 | acme    | opened   | ana                   | opened
        2024-06-03 | bolt    | opened   | ben                   | opened
        2024-06-03 | core    | opened   | cleo                  | opened
        2024-06-04 | acme    | kept     | dora                  | reassigned to dora: ana has left
        2024-06-04 | bolt    | kept     | dora                  | reassigned to dora: ben has left
        2024-06-04 | core    | kept     | team:customer-success | reassigned to team:customer-success: cleo has left
        2024-06-05 | acme    | kept     | dora                  |
        2024-06-05 | bolt    | kept     | dora                  |
        2024-06-05 | core    | kept     | team:customer-success |
        """,
        team="""
        people:
          ana: {left: 2024-06-04, stand_in: dora}
          ben: {left: 2024-06-04}
          cleo: {left: 2024-06-04}
          dora: {}
        """,
    ),
    WorkExample(
        "work follows the account's owner when the CRM names another, unless a person gave it to whoever has it",
        """
        call: {enter: health < 40}
        """,
        """
        day        | account | owner | health | by hand
        2024-06-03 | acme    | ana   | 30     |
        2024-06-03 | bolt    | ana   | 30     | give to cleo: she knows them
        2024-06-03 | core    |       | 30     |
        2024-06-04 | acme    | ben   | 30     |
        2024-06-04 | bolt    | ben   | 30     |
        2024-06-04 | core    | ben   | 30     |
        2024-06-05 | acme    |       | 30     |
        2024-06-05 | bolt    | ben   | 30     |
        2024-06-05 | core    | ben   | 30     |
        """,
        """
        day        | account | decision | owner                 | what happened
        2024-06-03 | acme    | opened   | ana                   | opened
        2024-06-03 | bolt    | opened   | ana                   | opened
        2024-06-03 | core    | opened   | team:customer-success | opened
        2024-06-04 | acme    | kept     | ben                   | reassigned to ben: the account's owner is now ben
        2024-06-04 | bolt    | kept     | cleo                  |
        2024-06-04 | core    | kept     | ben                   | reassigned to ben: the account's owner is now ben
        2024-06-05 | acme    | kept     | ben                   |
        2024-06-05 | bolt    | kept     | cleo                  |
        2024-06-05 | core    | kept     | ben                   |
        """,
    ),
    WorkExample(
        "work that changes hands keeps its due date if the new owner works before it, else gets its full time anew",
        """
        call: {enter: health < 40, due_in_days: 2}
        """,
        """
        day        | account | owner | health
        2024-06-03 | acme    | ana   | 30
        2024-06-03 | bolt    | ana   | 30
        2024-06-05 | acme    | ben   | 30
        2024-06-05 | bolt    | cleo  | 30
        """,
        """
        day        | account | decision | owner | due        | what happened
        2024-06-03 | acme    | opened   | ana   | 2024-06-05 | opened
        2024-06-03 | bolt    | opened   | ana   | 2024-06-05 | opened
        2024-06-05 | acme    | kept     | ben   | 2024-06-05 | reassigned to ben: …
        2024-06-05 | bolt    | kept     | cleo  | 2024-06-10 | reassigned to cleo: …
        """,
        team="""
        people:
          ben: {}
          cleo: {working_days: [thu, mon]}
        """,
    ),
    WorkExample(
        "work that is overdue by the declared working days is escalated, once; its owner keeps it",
        """
        call: {enter: health < 40, due_in_days: 1, escalate_after_days: 2, escalate_to: lead}
        """,
        """
        day        | account | owner | health | by hand
        2024-06-06 | acme    | ana   | 30     |
        2024-06-06 | bolt    | ben   | 30     |
        2024-06-07 | acme    | ana   | 30     |
        2024-06-07 | bolt    | ben   | 30     |
        2024-06-10 | acme    | ana   | 30     |
        2024-06-10 | bolt    | ben   | 30     |
        2024-06-11 | acme    | ana   | 30     |
        2024-06-11 | bolt    | ben   | 30     | snooze until 2024-06-20: they are away
        2024-06-12 | acme    | ana   | 30     |
        2024-06-12 | bolt    | ben   | 30     |
        """,
        """
        day        | account | decision | owner | due        | why not                                  | what happened
        2024-06-06 | acme    | opened   | ana   | 2024-06-07 |                                          | opened
        2024-06-06 | bolt    | opened   | ben   | 2024-06-07 |                                          | opened
        2024-06-07 | acme    | kept     | ana   | 2024-06-07 |                                          |
        2024-06-07 | bolt    | kept     | ben   | 2024-06-07 |                                          |
        2024-06-10 | acme    | kept     | ana   | 2024-06-07 | overdue since 2024-06-07                 |
        2024-06-10 | bolt    | kept     | ben   | 2024-06-07 | overdue since 2024-06-07                 |
        2024-06-11 | acme    | kept     | ana   | 2024-06-07 | overdue, escalated to lead on 2024-06-11 | escalated to lead: it was due on 2024-06-07 and is overdue by 2 working days
        2024-06-11 | bolt    | kept     | ben   | 2024-06-07 | overdue since 2024-06-07                 |
        2024-06-12 | acme    | kept     | ana   | 2024-06-07 | overdue, escalated to lead on 2024-06-11 |
        2024-06-12 | bolt    | snoozed  | ben   | 2024-06-07 | snoozed until 2024-06-20                 |
        """,
        team="""
        people:
          ben: {away: [{from: 2024-06-11, to: 2024-06-11}]}   # a day that does not count against him
        """,
        rules="The 7th is a Friday. Days are the owner's working days after the due date, today among them.",
    ),
    # ------------------------------------------------------------ value and order
    WorkExample(
        "the list goes by what acting is worth a month: probability × MRR × effect; unknown last, unhealthiest first",
        """
        keep_them: {enter: health < 50, effect: {low: 0.05, likely: 0.1, high: 0.3}}
        grow_them: {goal: grow, enter: upsell_probability > 0.2, effect: {low: 0, likely: 0.2, high: 0.4}}
        """,
        """
        day        | account | health | mrr  | churn_probability | upsell_probability | upsell_share
        2024-06-03 | acme    | 40     | 1000 | 0.2               |                    |
        2024-06-03 | bolt    | 30     | 5000 | 0.1               |                    |
        2024-06-03 | core    | 80     | 5000 | 0.01              | 0.5                | 0.1
        2024-06-03 | dune    | 20     | 900  |                   |                    |
        2024-06-03 | east    | 10     |      | 0.9               |                    |
        """,
        """
        day        | account | playbook  | decision | low | value | high
        2024-06-03 | bolt    | keep_them | opened   | 25  | 50    | 150
        2024-06-03 | core    | grow_them | opened   | 0   | 50    | 100
        2024-06-03 | acme    | keep_them | opened   | 10  | 20    | 60
        2024-06-03 | east    | keep_them | opened   |     |       |
        2024-06-03 | dune    | keep_them | opened   |     |       |
        """,
        rules="""
        Of an upsell only the declared share of growth is to be won. The effect is a declared belief until
        `churnml impact` has measured it; the value is shown at its low and high end, too. Playbooks work without models.
        """,
        begins="Value and order",
    ),
    WorkExample(
        "a rank is the share of the day's known probabilities that are at least as high: it asks for a part of the book",
        """
        call: {enter: churn_rank <= 0.5, exit: churn_rank > 0.75}
        """,
        """
        day        | account | churn_probability
        2024-06-03 | acme    | 0.9
        2024-06-03 | bolt    | 0.3
        2024-06-03 | core    | 0.3
        2024-06-03 | dune    |
        2024-06-03 | echo    | 0.1
        2024-06-04 | acme    | 0.02
        2024-06-04 | bolt    | 0.04
        2024-06-04 | core    | 0.03
        2024-06-04 | echo    | 0.01
        2024-06-05 | acme    | 0.2
        2024-06-05 | bolt    | 0.4
        2024-06-05 | core    | 0.3
        2024-06-05 | echo    | 0.3
        """,
        """
        day        | account | decision | what happened
        2024-06-03 | acme    | opened   | opened
        2024-06-04 | bolt    | opened   | opened
        2024-06-04 | core    | opened   | opened
        2024-06-04 | acme    | kept     |
        2024-06-05 | bolt    | kept     |
        2024-06-05 | core    | kept     |
        2024-06-05 | acme    |          | closed: the reason is gone: …
        """,
        rules="""
        Ranks need no usual probability, so the same rule takes its share where a tenth leave and where most do. Who is
        as likely as another has the same rank; of whom no probability is known no rank is.
        """,
    ),
    WorkExample(
        "ranks of growth are taken among the probabilities of growth",
        """
        grow: {goal: grow, enter: upsell_rank <= 0.5}
        """,
        """
        day        | account | band    | churn_probability | upsell_probability
        2024-06-03 | acme    | healthy | 0.5               | 0.02
        2024-06-03 | bolt    | healthy | 0.1               | 0.03
        2024-06-03 | core    | healthy | 0.1               | 0.01
        2024-06-03 | dune    | healthy | 0.1               |
        """,
        """
        day        | account | decision
        2024-06-03 | bolt    | opened
        """,
    ),
    WorkExample(
        "plays for growth leave an account in trouble alone, and let go of one that gets into trouble",
        """
        grow: {goal: grow, enter: upsell_probability > 0.5}
        """,
        """
        day        | account | band    | churn_rank | upsell_probability
        2024-06-03 | acme    | healthy | 0.5        | 0.6
        2024-06-03 | bolt    | at_risk | 0.5        | 0.6
        2024-06-03 | core    | healthy | 0.15       | 0.6
        2024-06-04 | acme    | at_risk | 0.5        | 0.6
        2024-06-04 | bolt    | healthy | 0.5        | 0.6
        2024-06-04 | core    | healthy | 0.15       | 0.6
        """,
        """
        day        | account | decision | what happened                        | why not
        2024-06-03 | acme    | opened   | opened                               |
        2024-06-03 | bolt    | trouble  |                                      | the account is in trouble: …
        2024-06-03 | core    | trouble  |                                      | the account is in trouble: …
        2024-06-04 | bolt    | opened   | opened                               |
        2024-06-04 | acme    | trouble  | closed: the account is in trouble: … | the account is in trouble: …
        2024-06-04 | core    | trouble  |                                      | the account is in trouble: …
        """,
        rules="Trouble is declared as `trouble`; unless said otherwise: band == 'at_risk' or churn_rank <= 0.15.",
    ),
    WorkExample(
        "a company may declare that growth is for those in trouble, too",
        """
        grow: {goal: grow, enter: upsell_probability > 0.5}
        """,
        """
        day        | account | band    | churn_lift | upsell_probability
        2024-06-03 | bolt    | at_risk | 1          | 0.6
        """,
        """
        day        | account | decision
        2024-06-03 | bolt    | opened
        """,
        spec="grow_in_trouble: true",
    ),
    # ------------------------------------------------------------ capacity
    WorkExample(
        "nobody gets more than their limit of open work; what does not fit is written down with its value",
        """
        call: {enter: health < 40, exit: health > 60, effect: {low: 0, likely: 0.1, high: 0.2}}
        """,
        """
        day        | account | owner | health | mrr  | churn_probability | by hand
        2024-06-03 | acme    | ana   | 30     | 1000 | 0.1               |
        2024-06-03 | bolt    | ana   | 30     | 3000 | 0.1               | snooze until 2024-06-20: they asked for it
        2024-06-03 | core    | ana   | 30     | 2000 | 0.1               |
        2024-06-04 | acme    | ana   | 30     | 1000 | 0.1               |
        2024-06-04 | bolt    | ana   | 30     | 3000 | 0.1               |
        2024-06-04 | core    | ana   | 30     | 2000 | 0.1               |
        2024-06-05 | acme    | ana   | 30     | 1000 | 0.1               |
        2024-06-05 | bolt    | ana   | 30     | 3000 | 0.1               |
        2024-06-05 | core    | ana   | 70     | 2000 | 0.1               |
        """,
        """
        day        | account | decision | owner | value | why not                  | what happened
        2024-06-03 | bolt    | opened   | ana   | 30    |                          | opened
        2024-06-03 | core    | opened   | ana   | 20    |                          | opened
        2024-06-03 | acme    | overflow | ana   | 10    | no room today: ana       |
        2024-06-04 | core    | kept     | ana   | 20    |                          |
        2024-06-04 | bolt    | snoozed  | ana   | 30    | snoozed until 2024-06-20 |
        2024-06-04 | acme    | overflow | ana   | 10    | no room today: ana       |
        2024-06-05 | acme    | opened   | ana   | 10    |                          | opened
        2024-06-05 | bolt    | snoozed  | ana   | 30    | snoozed until 2024-06-20 |
        2024-06-05 | core    |          |       |       |                          | closed: the reason is gone: …
        """,
        team="""
        people:
          ana: {open_at_most: 2}
        """,
        rules="Snoozed work counts, or its waking would take somebody over the limit.",
        begins="Capacity",
    ),
    WorkExample(
        "effort is counted by the week: what was given since Monday is used up, whether it is done or not",
        """
        call: {enter: health < 40, minutes: 60}
        """,
        """
        day        | account | owner | health | by hand
        2024-06-03 | acme    | ana   | 10     | done: spoke to them
        2024-06-03 | bolt    | ana   | 20     |
        2024-06-04 | bolt    | ana   | 20     |
        2024-06-09 | bolt    | ana   | 20     |
        2024-06-10 | bolt    | ana   | 20     |
        """,
        """
        day        | account | decision | why not
        2024-06-03 | acme    | opened   |
        2024-06-03 | bolt    | overflow | no room today: ana
        2024-06-04 | bolt    | overflow | no room today: ana
        2024-06-09 | bolt    | overflow | no room today: ana
        2024-06-10 | bolt    | opened   |
        """,
        team="""
        people:
          ana: {minutes_a_week: 100}
        """,
    ),
    WorkExample(
        "money is counted by the month and by playbook",
        """
        gift: {enter: health < 40, cost: 40}
        """,
        """
        day        | account | health
        2024-06-27 | acme    | 10
        2024-06-27 | bolt    | 20
        2024-06-27 | core    | 30
        2024-06-30 | acme    | 10
        2024-06-30 | bolt    | 20
        2024-06-30 | core    | 30
        2024-07-01 | acme    | 10
        2024-07-01 | bolt    | 20
        2024-07-01 | core    | 30
        """,
        """
        day        | account | decision | why not
        2024-06-27 | acme    | opened   |
        2024-06-27 | bolt    | opened   |
        2024-06-27 | core    | overflow | what the playbook may cost this month is spent
        2024-06-30 | acme    | kept     |
        2024-06-30 | bolt    | kept     |
        2024-06-30 | core    | overflow | what the playbook may cost this month is spent
        2024-07-01 | acme    | kept     |
        2024-07-01 | bolt    | kept     |
        2024-07-01 | core    | opened   |
        """,
        team="""
        budgets: {gift: 100}
        """,
    ),
    # ------------------------------------------------------------ proof
    WorkExample(
        "some of those a playbook would take are left alone by it, so that it can be measured; they take no room",
        """
        call: {enter: health < 40, holdout: 0.5, effect: {low: 0, likely: 0.1, high: 0.2}}
        mail: {enter: mrr > 3500, effect: {low: 0, likely: 0.01, high: 0.2}}
        """,
        """
        day        | account | owner | health | mrr  | churn_probability | by hand
        2024-06-03 | acme    | ana   | 30     | 3000 | 0.1               | done: spoke to them
        2024-06-03 | core    | ana   | 30     | 4000 | 0.1               |
        2024-06-03 | east    | ana   | 30     | 1000 | 0.1               |
        2024-06-04 | acme    | ana   | 60     | 3000 | 0.1               |
        2024-06-04 | core    | ana   | 30     | 4000 | 0.1               |
        2024-06-04 | east    | ana   | 30     | 1000 | 0.1               | done: spoke to them
        2024-06-05 | acme    | ana   | 60     | 3000 | 0.1               |
        2024-06-05 | core    | ana   | 30     | 4000 | 0.1               |
        2024-06-05 | east    | ana   | 60     | 1000 | 0.1               |
        2024-06-06 | core    | ana   | 30     | 4000 | 0.1               |
        """,
        """
        day        | account | playbook | decision  | value | arm     | propensity | why not
        2024-06-03 | acme    | call     | opened    | 30    | treated | 0.5        |
        2024-06-03 | core    | call     | holdout   | 40    | holdout | 0.5        | left alone, so that the playbook can be measured
        2024-06-03 | east    | call     | overflow  | 10    |         |            | no room today: ana
        2024-06-03 | core    | mail     | overflow  | 4     | treated | 1          | no room today: ana
        2024-06-04 | east    | call     | opened    | 10    | treated | 0.5        |
        2024-06-04 | core    | call     | holdout   | 40    | holdout | 0.5        | left alone, so that the playbook can be measured
        2024-06-04 | core    | mail     | overflow  | 4     | treated | 1          | no room today: ana
        2024-06-05 | core    | mail     | opened    | 4     | treated | 1          |
        2024-06-05 | core    | call     | holdout   | 40    | holdout | 0.5        | left alone, so that the playbook can be measured
        2024-06-06 | core    | mail     | kept      | 4     | treated | 1          |
        2024-06-06 | core    | call     | elsewhere | 40    | holdout | 0.5        | the account has other open work: 'Mail', due on 2024-06-12, ana
        """,
        team="""
        people:
          ana: {open_at_most: 1}
        """,
        rules="""
        Who would be taken is found for both arms together, then the arms are drawn, and what those left alone would
        have needed is handed out to the next, again to both arms. To an account that is left alone by one playbook it is as if
        that playbook did not exist: another may take it.
        """,
        begins="Left alone, to be measured",
    ),
)
