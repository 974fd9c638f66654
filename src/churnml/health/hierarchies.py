"""Parents and their children: one score of all of them, beside each account's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Rollup = Literal["none", "mrr", "mean", "worst"]
# Further up nobody looks; it also bounds the work on a chain that some export made a million links long.
DEEPEST = 20


@dataclass(frozen=True)
class AccountHierarchy:
    """A parent with all under it.

    Args:
        parent: its account id; it need not be scored itself.
        members: the scored accounts under it, the parent among them if it is one, by id.
        score: of all of them, 0 to 100; None where no member's is known.
        known: how many members' scores it is made of.
        mrr: of all members.
        worst: the member with the lowest score; of equals the first by id.
    """

    parent: str
    members: tuple[str, ...]
    score: float | None
    known: int
    mrr: float
    worst: str | None


@dataclass(frozen=True)
class Hierarchies:
    """Every parent with its children, by its id, and what was wrong with the links, in words."""

    hierarchies: tuple[AccountHierarchy, ...]
    problems: tuple[str, ...]


def roll_up(
    how: Rollup,
    account_ids: Sequence[str],
    scores: Sequence[float | None],
    mrr: Sequence[float | None],
    parents: Mapping[str, str | None],
    known: Collection[str],
) -> Hierarchies:
    """The score of every hierarchy; an account belongs to its parent's and to those above.

    Args:
        how: weighted by MRR (by nothing where the known members pay nothing), mean, worst; ``none``: no hierarchies.
        account_ids, scores, mrr: the scored accounts, parallel; None is not known.
        parents: account → its parent, of all accounts.
        known: every account there is. A parent that is not among them, and links that lead round in a circle or
            more than :data:`DEEPEST` up, are left out and reported.
    """
    if how == "none":
        return Hierarchies((), ())
    links, problems = _links(parents, known)
    members: dict[str, list[str]] = {}
    score = dict(zip(account_ids, scores, strict=True))
    pays = {account: value or 0.0 for account, value in zip(account_ids, mrr, strict=True)}
    deep: list[str] = []
    for account in sorted(score):
        above = _above(account, links)
        if len(above) > DEEPEST:
            deep.append(account)
        for parent in above[:DEEPEST]:
            members.setdefault(parent, []).append(account)
    if deep:
        problems.append(
            f"{_accounts(deep)} more than {DEEPEST} levels under the topmost parent: only {DEEPEST} are rolled up."
        )
    for parent, under in members.items():
        if parent in score:
            under.append(parent)
    hierarchies = (_hierarchy(how, parent, sorted(members[parent]), score, pays) for parent in sorted(members))
    return Hierarchies(tuple(hierarchies), tuple(problems))


def _links(parents: Mapping[str, str | None], known: Collection[str]) -> tuple[dict[str, str], list[str]]:
    """Account → parent as far as that can be followed, and what could not."""
    there = set(known)
    named = {account: parent for account, parent in parents.items() if parent}
    unknown = sorted(account for account, parent in named.items() if parent not in there)
    links = {account: parent for account, parent in named.items() if parent in there}
    circles = _in_circles(links)
    circular = sorted(circles)
    problems = []
    if unknown:
        problems.append(f"{_accounts(unknown)} under a parent that is no account ('{named[unknown[0]]}').")
    if circular:
        problems.append(f"{_accounts(circular)} in a circle of parents: their links are not followed.")
    return {account: parent for account, parent in links.items() if account not in circles}, problems


def _in_circles(links: Mapping[str, str]) -> set[str]:
    """Accounts that are their own ancestor."""
    circular: set[str] = set()
    done: set[str] = set()
    for account in links:
        path: dict[str, int] = {}
        step: str | None = account
        while step is not None and step not in done and step not in path:
            path[step] = len(path)
            step = links.get(step)
        if step is not None and step in path:
            circular |= {member for member, place in path.items() if place >= path[step]}
        done.update(path)
    return circular


def _above(account: str, links: Mapping[str, str]) -> list[str]:
    """Its parent, the parent's parent and so on, one more than are rolled up."""
    above: list[str] = []
    parent = links.get(account)
    while parent is not None and len(above) <= DEEPEST:
        above.append(parent)
        parent = links.get(parent)
    return above


def _hierarchy(
    how: Rollup, parent: str, members: list[str], score: Mapping[str, float | None], pays: Mapping[str, float]
) -> AccountHierarchy:
    known = [(value, member) for member in members if (value := score[member]) is not None]
    worst = min(known) if known else None
    weights = [pays[member] for _, member in known]
    if how != "mrr" or not sum(weights):
        weights = [1.0] * len(known)
    rolled: float | None = None
    if worst:
        mean = sum(w * value for w, (value, _) in zip(weights, known, strict=True)) / sum(weights)
        rolled = worst[0] if how == "worst" else round(mean, 2)
    paid = round(sum(pays[member] for member in members), 2)
    return AccountHierarchy(parent, tuple(members), rolled, len(known), paid, worst[1] if worst else None)


def _accounts(ids: Sequence[str]) -> str:
    shown = ", ".join(f"'{account}'" for account in ids[:3])
    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
    return f"{'Account' if len(ids) == 1 else 'Accounts'} {shown}{more} {'is' if len(ids) == 1 else 'are'}"
