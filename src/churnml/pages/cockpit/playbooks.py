"""Playbooks: each rule in words, whom it takes now, and whether it helps."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnml.ledger import MeasuredEffect, Overflow
from churnml.ledger.cockpit import TakenAccount
from churnml.pages.presenter import percent, plural, words
from churnml.rules.checking import PlaybookRules, Rules
from churnml.rules.wording import rule_words
from churnml.specs.playbooks import Playbook

ACCOUNTS_SHOWN = 12


@dataclass(frozen=True)
class ShownPlaybook:
    """A playbook as people read it.

    Args:
        name, title, goal: as declared.
        enters, leaves: its rules in words; ``leaves`` is empty where work is closed by people alone.
        enter, exit: its rules as declared; ``exit`` is empty where there is none.
        about: what the work is about, where it asks for a reason; empty where it does not.
        steps: what to do.
        terms: who does it, how long it takes, until when, how soon again.
        accounts: whom it takes now and may be shown, at most so many.
        taken, new: how many those are, and how many of them came on the newest date.
        unfitting: how many did not fit on the newest date.
        belief: what it is declared to keep or win.
        holdout: how many are left alone, in words; empty where the visitor is not told.
        measured: what it was measured to do; None where that is not known or not told.
    """

    name: str
    title: str
    goal: str
    enters: str
    leaves: str
    enter: str
    exit: str
    about: str
    steps: tuple[str, ...]
    terms: tuple[str, ...]
    accounts: Sequence[TakenAccount]
    taken: int
    new: int
    unfitting: int
    belief: str
    holdout: str
    measured: MeasuredEffect | None


@dataclass(frozen=True)
class PlaybooksView:
    """The page.

    Args:
        as_of: the newest scored date.
        playbooks: in the order they are declared in: of equal worth the earlier goes first.
        trouble: which accounts are in trouble, in words: who is to grow is not among them.
        undeclared: playbook that is not declared any more → how much open work it has.
        tells_effects: whether the visitor is told what was measured.
    """

    as_of: dt.date
    playbooks: Sequence[ShownPlaybook]
    trouble: str
    undeclared: Mapping[str, int]
    tells_effects: bool


def playbooks_view(
    rules: Rules,
    as_of: dt.date,
    taken: Iterable[TakenAccount],
    overflow: Iterable[Overflow],
    measured: Iterable[MeasuredEffect] | None,
) -> PlaybooksView:
    """The page.

    Args:
        rules: the project's playbooks.
        as_of: the newest scored date.
        taken: whom they have open work for, as far as the visitor may see.
        overflow: what did not fit on that date, as far as the visitor may see.
        measured: what they were measured to do; None where the visitor is not told of effects and holdouts.
    """
    effects = {effect.playbook: effect for effect in measured or ()}
    by_playbook: dict[str, list[TakenAccount]] = defaultdict(list)
    for account in taken:
        by_playbook[account.playbook].append(account)
    unfitting: Counter[str] = Counter()
    for row in overflow:
        unfitting[row.playbook] += row.items
    shown = []
    for one in rules.playbooks:
        accounts = by_playbook.pop(one.playbook.name, [])
        shown.append(
            _shown(
                one,
                accounts,
                new=sum(account.opened_on == as_of for account in accounts),
                unfitting=unfitting[one.playbook.name],
                told=measured is not None,
                measured=effects.get(one.playbook.name),
            )
        )
    undeclared = {name: len(accounts) for name, accounts in sorted(by_playbook.items())}
    return PlaybooksView(as_of, shown, rule_words(rules.trouble), undeclared, measured is not None)


def _shown(
    rules: PlaybookRules,
    accounts: Sequence[TakenAccount],
    *,
    new: int,
    unfitting: int,
    told: bool,
    measured: MeasuredEffect | None,
) -> ShownPlaybook:
    playbook = rules.playbook
    effect = playbook.effect
    verb = "win" if playbook.goal == "grow" else "keep"
    return ShownPlaybook(
        name=playbook.name,
        title=playbook.title,
        goal=playbook.goal,
        enters=rule_words(rules.enter),
        leaves=rule_words(rules.exit) if rules.exit is not None else "",
        enter=playbook.enter,
        exit=playbook.exit or "",
        about=", ".join(reason.removesuffix(".*").replace("_", " ") for reason in playbook.reasons),
        steps=playbook.do,
        terms=tuple(_terms(playbook)),
        accounts=accounts[:ACCOUNTS_SHOWN],
        taken=len(accounts),
        new=new,
        unfitting=unfitting,
        belief=f"It is believed to {verb} {percent(effect.likely, 0)} of what is at stake "
        f"({percent(effect.low, 0)} to {percent(effect.high, 0)}).",
        holdout=_holdout(playbook) if told else "",
        measured=measured if told else None,
    )


def _terms(playbook: Playbook) -> Iterable[str]:
    kind, _, name = playbook.owner.partition(":")
    yield "done by the account’s owner" if not name else f"done by the {kind} {words(name)}"
    yield f"takes {plural(playbook.minutes, 'minute')}"
    yield f"due in {plural(playbook.due_in_days, 'working day')}"
    if playbook.cooldown_days:
        yield f"not again for {plural(playbook.cooldown_days, 'day')}"


def _holdout(playbook: Playbook) -> str:
    if not playbook.holdout:
        return "Nobody is left alone, so what it does cannot be measured."
    return f"{percent(playbook.holdout, 0)} are left alone at random, so that what it does can be measured."
