"""What has to hold of every list of a year, checked from the operational store alone."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from churnml.adapters.project import Project, open_project
from churnml.adapters.registry import Registry, registry_of
from churnml.adapters.store import Store, open_store
from churnml.jobs.features import features_at
from churnml.jobs.opening import open_data
from churnml.ledger import LISTED, RecordedDecision, ScoredAccount
from churnml.rules.parsing import Rule, parse_rule
from churnml.specs.team import TeamSpec

SAME = 1e-6  # a stored probability has six digits
SHOWN = 5  # problems of a kind that are told one by one


@dataclass(frozen=True)
class Checked:
    """What was looked at, and what was wrong.

    Args:
        dates, lines: lists, and lines on them.
        accounts: accounts that were ever on a list.
        fullest: how much of the tightest limit the fullest week and the fullest day used: owner → words.
        overflow: offers that had no room, over all dates.
        versions, declarations: of the models and the declarations that lines were traced to.
        replayed, same: lines of some dates whose features were built again from the tables as they are today and
            given to the version that had scored them; and how many probabilities came out the same.
        problems: in words; empty when everything held.
    """

    dates: int
    lines: int
    accounts: int
    fullest: Mapping[str, str]
    overflow: int
    versions: Sequence[str]
    declarations: int
    replayed: int
    same: int
    problems: Sequence[str]

    def lines_of_page(self) -> list[str]:
        """The list of the page."""
        limits = "; ".join(f"{owner}: {words}" for owner, words in self.fullest.items())
        return [
            f"- {self.dates} lists, {self.lines:,} lines, {self.accounts:,} accounts. No account stood on one twice.",
            f"- Nobody was given more than their limit. At the most: {limits}. {self.overflow:,} times there was no "
            "room, and the value left lying was written down.",
            "- Every line names the model version, the facts its rule read, the rule and the declarations of its "
            f"date; all of them (versions: {', '.join(self.versions)}; playbooks.yaml as it was, {self.declarations} × "
            "in the year) are "
            "still there. Each new line's rule was read again and held on the facts written down beside it, and the "
            "facts are those of the account's score.",
            f"- {self.replayed:,} lines, from every tenth date, were made again from the tables as they are at the end "
            f"of the year and the version that had scored them: {self.same:,} probabilities came out the same.",
            *(f"- **wrong**: {problem}" for problem in self.problems),
        ]


def checked(root: Path) -> Checked:
    """Checks every list of a project's store."""
    project = open_project(root)
    with open_store(project.operational_url) as store:
        dates = store.dates()
        lists = {date: store.decided(date, LISTED) for date in dates}
        lines = [line for lines in lists.values() for line in lines]
        trace = Trace(project, store, registry_of(project))
        team = project.team
        problems = [
            *some("twice on a list", twice(lists)),
            *some("more than a limit", above_the_minutes(store, team)),
            *some("more than a limit", above_the_items(store, team, dates)),
            *some("more than a budget", above_the_budgets(store, team)),
            *some("not to be traced", (gap for date in dates for gap in trace.gaps(date, lists[date]))),
        ]
        again = list(replayed(project, store, {date: lists[date] for date in dates[::10]}))
        overflow = sum(row.items for row in store.overflow(dates[0], dates[-1]))
        return Checked(
            dates=len(dates),
            lines=len(lines),
            accounts=len({line.decision.account_id for line in lines}),
            fullest=fullest(store, team, dates),
            overflow=overflow,
            versions=sorted(trace.versions),
            declarations=len(trace.declared),
            replayed=len(again),
            same=sum(again),
            problems=problems,
        )


def some(kind: str, problems: Iterator[str]) -> list[str]:
    """The first few, and how many more."""
    listed = list(problems)
    more = [f"{kind}: {len(listed) - SHOWN:,} more"] if len(listed) > SHOWN else []
    return [f"{kind}: {one}" for one in listed[:SHOWN]] + more


# ---------------------------------------------------------------- who is on the list, and how much it is


def twice(lists: Mapping[dt.date, Sequence[RecordedDecision]]) -> Iterator[str]:
    """Accounts with more than one line on a date."""
    for date, lines in lists.items():
        for account, count in Counter(line.decision.account_id for line in lines).items():
            if count > 1:
                yield f"{account} has {count} lines on {date}"


def minutes_given(store: Store) -> Counter[tuple[str, dt.date]]:
    """Effort opened for each owner in each week, by its Monday."""
    given: Counter[tuple[str, dt.date]] = Counter()
    for event in store.work.events():
        if event.what == "opened":
            monday = event.on - dt.timedelta(days=event.on.weekday())
            given[event.details["owner"], monday] += event.details["minutes"]
    return given


def items_living(store: Store, date: dt.date) -> Counter[str]:
    """Pieces each owner had on a date, snoozed ones among them."""
    return Counter(line.decision.owner for line in store.decided(date, (*LISTED, "snoozed")))


def above_the_minutes(store: Store, team: TeamSpec) -> Iterator[str]:
    for (owner, monday), minutes in sorted(minutes_given(store).items()):
        limit = team.person(owner).minutes_a_week
        if limit is not None and minutes > limit:
            yield f"{owner} was given {minutes} minutes of {limit} in the week of {monday}"


def above_the_items(store: Store, team: TeamSpec, dates: Sequence[dt.date]) -> Iterator[str]:
    for date in dates:
        for owner, items in sorted(items_living(store, date).items()):
            limit = team.person(owner).open_at_most
            if limit is not None and items > limit:
                yield f"{owner} had {items} pieces of {limit} on {date}"


def above_the_budgets(store: Store, team: TeamSpec) -> Iterator[str]:
    spent: Counter[tuple[str, str]] = Counter()
    for item in store.work.items():
        spent[item.playbook, f"{item.opened_on:%Y-%m}"] += item.cost
    for (playbook, month), money in sorted(spent.items()):
        if money > team.budgets.get(playbook, money) + 1e-6:
            yield f"{playbook} cost {money:g} of {team.budgets[playbook]:g} in {month}"


def fullest(store: Store, team: TeamSpec, dates: Sequence[dt.date]) -> dict[str, str]:
    """Each limited owner's fullest week and fullest list, beside the limits."""
    most_minutes: Counter[str] = Counter()
    for (owner, _), minutes in minutes_given(store).items():
        most_minutes[owner] = max(most_minutes[owner], minutes)
    most_items: Counter[str] = Counter()
    for date in dates:
        most_items |= items_living(store, date)
    shown = {}
    for owner, person in team.people.items():
        words = []
        if person.minutes_a_week is not None:
            words.append(f"{most_minutes[owner]} of {person.minutes_a_week} minutes a week")
        if person.open_at_most is not None:
            words.append(f"{most_items[owner]} of {person.open_at_most} pieces")
        shown[owner] = ", ".join(words)
    return shown


# ---------------------------------------------------------------- where a line comes from


class Trace:
    """Follows lines to the model, the facts, the declarations and the rule that made them.

    Attributes:
        versions: versions of models that lines were made with, as far as they still load.
        declared: declarations that lines were made by: fingerprint → playbook → entry rule.
    """

    def __init__(self, project: Project, store: Store, registry: Registry) -> None:
        self._known, self._store, self._registry = project.named_facts, store, registry
        self.versions: set[str] = set()
        self.declared: dict[str, dict[str, str]] = {}
        self._rules: dict[str, Rule] = {}

    def gaps(self, date: dt.date, lines: Sequence[RecordedDecision]) -> Iterator[str]:
        """What cannot be traced of a date's lines, in words."""
        scores = {account.account_id: account for account in self._store.scored(date)} if lines else {}
        for line in lines:
            for gap in self._gaps(line, scores.get(line.decision.account_id)):
                yield f"{line.decision.account_id}, {line.decision.playbook}, {date}: {gap}"

    def _gaps(self, line: RecordedDecision, account: ScoredAccount | None) -> Iterator[str]:
        scoring, decision = line.scoring, line.decision
        version = scoring.models.get("churn")
        if version is None or not self._loads(version):
            yield f"version {version} of the model does not load"
        if not scoring.data_fingerprint:
            yield "the data have no fingerprint"
        declared = (scoring.declarations or {}).get("playbooks")
        if declared is None or self._entry(declared, decision.playbook) != decision.rule:
            yield "the declaration on record has another rule"
        if account is None:
            yield "the account has no score on that date"
        elif account.churn_probability != decision.facts.get("churn_probability"):
            yield "the facts are not those of the score"
        rule = self._rule(decision.rule)
        missing = rule.names - set(decision.facts)
        if missing:
            yield f"the facts lack {', '.join(sorted(missing))}"
        elif decision.disposition == "opened" and not rule.holds(pd.DataFrame([decision.facts]))[0]:
            yield "the rule does not hold on the facts beside it"

    def _loads(self, version: str) -> bool:
        if version not in self.versions:
            self._registry.version("churn", version)
            self.versions.add(version)
        return True

    def _entry(self, fingerprint: str, playbook: str) -> str | None:
        if fingerprint not in self.declared:
            declared = yaml.safe_load(self._store.declaration(fingerprint).text)
            self.declared[fingerprint] = {one["name"]: str(one["enter"]).strip() for one in declared["playbooks"]}
        return self.declared[fingerprint].get(playbook)

    def _rule(self, text: str) -> Rule:
        if text not in self._rules:
            self._rules[text] = parse_rule(text, "a line's rule", self._known)
        return self._rules[text]


def replayed(project: Project, store: Store, lists: Mapping[dt.date, Sequence[RecordedDecision]]) -> Iterator[bool]:
    """Of every line, whether its features and its model's version give its probability again."""
    opened = open_data(project.root, project.today(dt.date.max))
    registry = registry_of(project)
    for date, lines in lists.items():
        if not lines:
            continue
        predictor = registry.version("churn", lines[0].scoring.models["churn"]).predictor
        rows = features_at(opened, [date], "churn", of=predictor)
        predicted = dict(zip(rows["account_id"], predictor.predict(rows), strict=True))
        for decision in [line.decision for line in lines]:
            yield bool(abs(predicted.get(decision.account_id, -1.0) - decision.facts["churn_probability"]) < SAME)
