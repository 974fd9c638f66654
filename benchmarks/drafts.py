"""What ``check_draft`` finds: ``python -m benchmarks.drafts PROJECT``, a project that was scored.

Writes 200 drafts about its accounts, in phrases and number formats that the checker does not share, each with right
figures and one planted wrong number, date or name. Counts which of the planted it names, and which of the right ones it
doubts; and how long each tool takes. Writes its block into ``docs/agents.md``.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.believe import replace_block
from churnml.adapters.project import open_project
from churnml.adapters.store import Store, open_store
from churnml.ledger.cockpit import AccountFilter
from churnml.pages.cockpit.account import AccountView
from churnml.pages.cockpit.facts import facts_of, record_of
from churnml.pages.draft import BorneOut, doubts
from churnml.web import reading
from churnml.web.agents.answers import Agent
from churnml.web.cockpit import Asked, Cockpit, WallClock
from churnml.web.people import Visitor
from churnml.web.sessions import Sessions
from pipelines.clock import moment

PAGE = Path(__file__).parents[1] / "docs" / "agents.md"
BLOCK = "python -m benchmarks.drafts"
DRAFTS, ACCOUNTS, SEED = 200, 50, 20_240_305
KINDS = ("number", "date", "name")
STRANGERS = (
    "Globex",
    "Initech",
    "Marguerite",
    "Tadeusz",
    "Umbrella",
    "Hooli",
    "acc_99999",
    "Wayne",
    "Okonkwo",
    "Zhang",
)


@dataclass(frozen=True)
class Piece:
    """A part of a sentence: its text, and what kind of figure it is; None where it is none."""

    text: str
    kind: str | None = None


@dataclass(frozen=True)
class Written:
    """A draft: its text, which figures in it are right, and which one is planted; (kind, start, end)."""

    text: str
    right: list[tuple[str, int, int]]
    planted: tuple[str, int, int]


def written_share(share: float, chance: random.Random) -> str:
    return chance.choice((f"{share:.0%}", f"{share * 100:.0f} %", f"{share * 100:.1f} percent", f"{share:.2f}"))


def written_money(amount: float, chance: random.Random) -> str:
    forms = [f"{amount:,.0f} EUR", f"€{amount:,.0f}", f"EUR {amount:.0f}"]
    return chance.choice([*forms, f"{amount / 1000:.1f}k"] if amount >= 1000 else forms)


def written_date(day: dt.date, chance: random.Random) -> str:
    forms = (f"{day.day} {day:%B %Y}", f"{day:%B} {day.day}, {day.year}", f"{day.day} {day:%b}", f"{day:%d.%m.%Y}")
    return chance.choice((*forms, day.isoformat()))


def sentences(view: AccountView, chance: random.Random) -> list[list[Piece]]:
    """What is right of an account, in a colleague's words."""
    account, said = view.account, []

    def put(*parts: str | Piece) -> None:
        said.append([Piece(part) if isinstance(part, str) else part for part in parts])

    if account.churn_probability is not None:
        put(
            "At the moment we reckon with a ",
            Piece(written_share(account.churn_probability, chance), "number"),
            " chance that they go.",
        )
    if account.health is not None:
        shown = f"{account.health:.{chance.choice((0, 1))}f}"
        put("On our scale they are at ", Piece(shown, "number"), ", which is ", account.band.replace("_", " "), ".")
    if account.mrr:
        put("They are worth ", Piece(written_money(account.mrr, chance), "number"), " to us every month.")
    if account.mrr_at_risk:
        put("Of that, ", Piece(written_money(account.mrr_at_risk, chance), "number"), " is in danger.")
    if view.renews_on:
        put("The next renewal comes up on ", Piece(written_date(view.renews_on, chance), "date"), ".")
    if account.band_since:
        put("It has looked like this since ", Piece(written_date(account.band_since, chance), "date"), ".")
    for one in view.work[:1]:
        put("Please be done by ", Piece(written_date(one.item.due, chance), "date"), " at the latest.")
    put("This is about ", Piece(account.account_id, "name"), " and their contract.")
    if account.owner_id:
        put("If in doubt, ask ", Piece(account.owner_id, "name"), " before you call.")
    chance.shuffle(said)
    return said


def wrong(piece: Piece, chance: random.Random) -> Piece:
    """The same kind of figure, but another one."""
    if piece.kind == "name":
        return Piece(chance.choice(STRANGERS), "name")
    if piece.kind == "date":
        return Piece(written_date(dt.date(2024, 1, 1) + dt.timedelta(days=chance.randrange(1000)), chance), "date")
    places = [place for place, letter in enumerate(piece.text) if letter.isdigit()]
    letters = list(piece.text)
    place = chance.choice(places)
    letters[place] = str((int(letters[place]) + chance.randrange(1, 9)) % 10)
    return Piece("".join(letters), "number")


def draft_of(view: AccountView, kind: str, chance: random.Random) -> Written:
    """A draft about an account in which one figure of a kind is wrong."""
    lines = sentences(view, chance)
    places = [(row, column) for row, line in enumerate(lines) for column, one in enumerate(line) if one.kind == kind]
    row, column = chance.choice(places)
    right_one = lines[row][column]
    while (changed := wrong(right_one, chance)).text == right_one.text:
        pass
    lines[row][column] = changed
    text, right, planted = "Hello there,\n\n", [], ("", 0, 0)
    for at, line in enumerate(lines):
        for where, piece in enumerate(line):
            span = (piece.kind or "", len(text), len(text) + len(piece.text))
            text += piece.text
            if (at, where) == (row, column):
                planted = span
            elif piece.kind:
                right.append(span)
        text += " "
    return Written(text + "\n\nBest regards\n", right, planted)


def measure(views: list[tuple[AccountView, BorneOut]]) -> list[str]:
    """The table of what was planted and named, right and doubted."""
    chance = random.Random(SEED)  # noqa: S311 - the same drafts each time
    planted, named, right, doubted, elsewhere = Counter(), Counter(), Counter(), Counter(), 0
    for number in range(DRAFTS):
        view, record = views[number % len(views)]
        wanted = KINDS[number % len(KINDS)]
        has_dates = view.renews_on or view.account.band_since or view.work
        draft = draft_of(view, wanted if wanted != "date" or has_dates else "number", chance)
        spans = [(one.start, one.start + len(one.text)) for one in doubts(draft.text, record)]
        kind, start, end = draft.planted
        planted[kind] += 1
        named[kind] += any(first < end and start < last for first, last in spans)
        for one, begin, stop in draft.right:
            right[one] += 1
            doubted[one] += any(first < stop and begin < last for first, last in spans)
        of_figures = [draft.planted, *draft.right]
        elsewhere += sum(not any(f < stop and begin < t for _, begin, stop in of_figures) for f, t in spans)
    lines = ["| | planted wrong | named | right | doubted |", "|---|---:|---:|---:|---:|"]
    lines += [f"| {kind}s | {planted[kind]} | {named[kind]} | {right[kind]} | {doubted[kind]} |" for kind in KINDS]
    return [*lines, "", f"Words that are no figure and were doubted: {elsewhere}."]


def timed(agent: Agent, names: list[str]) -> list[str]:
    """How long each tool takes, beside the least that any question to the store takes."""
    store: Store = agent.asked.cockpit.store
    calls: dict[str, Callable[[str], object]] = {
        "find_accounts": lambda name: agent.find_accounts(name[:3], "", "", 20),
        "explain_account": agent.explain_account,
        "todays_list": lambda _: agent.todays_list(""),
        "what_changed": lambda name: agent.what_changed(name, None),
        "brief": agent.brief,
        "check_draft": lambda name: agent.check_draft(name, f"Health of {name} is 41, due on 2024-03-05."),
    }
    store_alone = statistics.median(_seconds(lambda _: store.dates(), names))
    lines = ["| tool | median ms | slowest ms | median ÷ the least question to the store |", "|---|---:|---:|---:|"]
    for tool, call in calls.items():
        call(names[0])  # what is read once: scales of the models
        took = _seconds(call, names)
        middle = statistics.median(took)
        lines.append(f"| `{tool}` | {middle * 1000:.0f} | {max(took) * 1000:.0f} | {middle / store_alone:.0f} |")
    return lines


def _seconds(call: Callable[[str], object], names: list[str]) -> list[float]:
    took = []
    for name in names:
        began = time.perf_counter()
        call(name)
        took.append(time.perf_counter() - began)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    root = parser.parse_args().project
    project = open_project(root)
    with open_store(project.operational_url) as store:
        as_of = store.dates()[-1]
        cockpit = Cockpit(project, store, WallClock(lambda: as_of, moment), Sessions())
        asked = Asked(cockpit, Visitor("benchmark", "viewer", None), "", "/day")
        listed = store.account_list(as_of, AccountFilter(), limit=ACCOUNTS).lines
        names = [line.account_id for line in listed]
        views = []
        for name in names:
            view = reading.account_page(asked, name, None, None)
            facts = facts_of(view, project.spec.currency, cents=cockpit.newest().cents)
            views.append((view, record_of(view, facts)))
        lines = [
            f"{DRAFTS} drafts about {len(names)} accounts of a simulated company, one figure in each wrong:",
            "",
            *measure(views),
            "",
            f"Each tool asked of the same {len(names)} accounts, on two cores that were busy with other work:",
            "",
            *timed(Agent(asked), names),
        ]
    replace_block(BLOCK, lines, PAGE)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
