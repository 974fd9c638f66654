"""The life of work by its worked examples."""

from __future__ import annotations

import datetime as dt
import math
import re
from typing import Any

import pandas as pd
import pytest
import yaml

from churnml.ledger import DayPlan, Decision, WorkEvent
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.team import TeamSpec
from churnml.work import life as work
from churnml.work.planning import plan_day
from churnml.work.settling import ranks
from tests.diary import Diary, playbook
from tests.spec.work_examples import EXAMPLES, WorkExample
from tests.support import rules_of, table

NUMBERS = (
    "health",
    "mrr",
    "churn_probability",
    "churn_lift",
    "churn_rank",
    "upsell_probability",
    "upsell_lift",
    "upsell_rank",
    "upsell_share",
    "tenure_days",
    "days_to_renewal",
)
TEXTS = ("owner_id", "band", "segment")
HAND = re.compile(r"^(done|dismiss|snooze until (?P<until>\S+)|give to (?P<to>\S+)): (?P<why>.+)$")


def facts_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The facts of a day, every named one there, in the order the example gives."""
    rows = rows.rename(columns={"account": "account_id", "owner": "owner_id"})
    told: dict[str, Any] = {"account_id": rows["account_id"].tolist()}
    for name in NUMBERS:
        told[name] = pd.to_numeric(rows[name], errors="raise") if name in rows else float("nan")
    for part in ("churn", "upsell"):
        if f"{part}_rank" not in rows:  # ranked as a scored day is
            known = [None if pd.isna(p) else float(p) for p in told[f"{part}_probability"] * pd.Series(1.0, rows.index)]
            told[f"{part}_rank"] = [math.nan if rank is None else rank for rank in ranks(known)]
    for name in TEXTS:
        told[name] = [said or None for said in rows[name]] if name in rows else None
    told["reasons"] = [
        tuple(code.strip() for code in said.split(",") if code) for said in rows.get("reasons", [""] * len(rows))
    ]
    return pd.DataFrame(told, index=rows.index)


def by_hand(diary: Diary, account: str, said: str, on: dt.date) -> None:
    """What a person does with the account's open work."""
    found = HAND.match(said)
    assert found, said
    (item,) = diary.living(account)
    told = {"who": item.owner, "why": found["why"], "on": on}
    if found["until"]:
        diary.change(work.snooze(item, until=dt.date.fromisoformat(found["until"]), **told))
    elif found["to"]:
        diary.change(work.reassign(item, to=found["to"], **told))
    else:
        diary.change({"done": work.done, "dismiss": work.dismiss}[said.split(":")[0]](item, **told))


def declared(example: WorkExample) -> tuple[PlaybooksSpec, TeamSpec]:
    plays = yaml.safe_load(example.playbooks)
    said = {"playbooks": [playbook(name, **declares) for name, declares in plays.items()]}
    spec = PlaybooksSpec.model_validate(said | (yaml.safe_load(example.spec or "{}")))
    return spec, TeamSpec.model_validate(yaml.safe_load(example.team or "{}"))


def lived(example: WorkExample, diary: Diary) -> list[dict[str, str]]:
    """Every line the example's days give, by the columns an example may show."""
    spec, team = declared(example)
    rules = rules_of(spec)
    lines = []
    rows = table(example.days)
    for day, of_day in rows.groupby("day", sort=False):
        as_of, facts = dt.date.fromisoformat(str(day)), facts_of(of_day)
        plan = plan_day(rules, team, as_of, facts, diary.before(as_of), seed="examples")
        diary.record(plan)
        again = plan_day(rules, team, as_of, facts.iloc[::-1], diary.before(as_of), seed="examples")
        assert again == DayPlan(decisions=plan.decisions), "a day done twice comes to the same"
        lines += lines_of(str(day), plan, diary)
        for row in of_day.to_dict("records"):
            if row.get("by hand"):
                by_hand(diary, row["account"], row["by hand"], as_of)
    return lines


def lines_of(day: str, plan: DayPlan, diary: Diary) -> list[dict[str, str]]:
    happened: dict[tuple[str, str], list[str]] = {}
    for event in plan.events:
        item = diary.items[event.work_id]
        happened.setdefault((item.account_id, item.playbook), []).append(told(event))
    lines = []
    for decision in plan.decisions:
        what = "; ".join(happened.pop((decision.account_id, decision.playbook), []))
        lines.append(line(day, decision, what))
    ended = [line(day, None, "; ".join(what)) | {"account": a, "playbook": p} for (a, p), what in happened.items()]
    return lines + sorted(ended, key=lambda one: one["account"])


def told(event: WorkEvent) -> str:
    if event.what == "opened":
        return "opened"
    to = f" to {event.details['to']}" if event.what in ("reassigned", "escalated", "due_moved") else ""
    return f"{event.what}{to}: {event.why}"


def line(day: str, decision: Decision | None, what: str) -> dict[str, str]:
    def cell(name: str) -> str:
        value = None if decision is None else getattr(decision, name)
        return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

    names = {
        "account": "account_id",
        "decision": "disposition",
        "why not": "note",
        "low": "value_low",
        "high": "value_high",
    }
    same = ("playbook", "reason", "owner", "due", "value", "arm", "propensity")
    columns = {**names, **{name: name for name in same}}
    return {"day": day, "what happened": what} | {column: cell(name) for column, name in columns.items()}


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.title for e in EXAMPLES])
def test_the_life_of_work_is_what_its_worked_example_shows(example: WorkExample):
    agrees(example, Diary())


def agrees(example: WorkExample, diary: Diary) -> None:
    """Asserts that an example gives what it says."""
    expect = table(example.gives)
    columns = list(expect.columns)
    found = [[one[column] for column in columns] for one in lived(example, diary)]
    wanted = expect.to_numpy().tolist()
    for i, row in enumerate(wanted[: len(found)]):
        for j, cell in enumerate(row):  # "…" stands for more words
            if cell.endswith("…") and found[i][j].startswith(cell[:-1]):
                found[i][j] = cell
    assert found == wanted


def test_every_outcome_and_every_event_has_an_example():
    outcomes = {cell for e in EXAMPLES for cell in table(e.gives).get("decision", []) if cell}
    assert outcomes == {"opened", "kept", "holdout", "overflow", "cooling", "snoozed", "elsewhere", "trouble"}
    shown = " ".join(e.gives for e in EXAMPLES)
    for what in ("opened", "woken", "closed", "escalated", "reassigned", "due_moved"):
        assert f"{what}" in shown, what


def test_an_example_can_be_read_as_a_page():
    lines = EXAMPLES[0].as_lines()
    assert lines[0] == "### Opening and closing"
    assert lines[2].startswith("*Work is opened")
    assert "playbooks" in lines
    assert not any(len(text) and text != text.rstrip() for text in lines)


def test_the_example_runner_can_tell_a_wrong_table():
    wrong = WorkExample(**{**vars(EXAMPLES[0]), "gives": EXAMPLES[0].gives.replace("kept", "opened", 1)})
    with pytest.raises(AssertionError):
        agrees(wrong, Diary())
