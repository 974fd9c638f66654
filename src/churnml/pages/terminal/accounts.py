"""The list and the account, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from churnml.ledger import WorkItem
from churnml.pages.presenter import band_name, money, number, percent, plural, printable, score, words
from churnml.pages.terminal.layout import table
from churnml.pages.terminal.work import work_list_text


def queue_text(day: dt.date, queue: Sequence[Mapping[str, Any]]) -> str:
    """What ``churnml queue`` prints."""
    if not queue:
        return f"{day}: no account is in the queue."
    return "\n".join([f"{day}: {plural(len(queue), 'decision')}", "", *queue_lines(queue)])


def queue_lines(queue: Sequence[Mapping[str, Any]]) -> list[str]:
    """A few lines a decision: who, what, by when, worth how much, why."""
    lines: list[str] = []
    for decision in queue:
        chance = _chance(decision)
        lines.append(
            f"  {decision['place']:>3}. {printable(decision['account_id'])}  {decision['title']}  "
            f"→ {printable(decision['owner'])} by {decision['due']}{_work(decision)}"
        )
        lines.append(
            f"       health {score(decision['health'])} ({band_name(decision['band'])}){chance}, "
            f"MRR {money(decision['mrr'])}"
            + ("" if decision["value"] is None else f", worth {money(decision['value'])} a month")
        )
        reasons = decision["growth_reasons"] if decision["goal"] == "grow" else decision["reasons"]
        lines += [f"       · {printable(reason['sentence'])}" for reason in reasons] or [
            "       · no single reason stands out"
        ]
    return lines or ["  nobody needs attention today"]


def _work(decision: Mapping[str, Any]) -> str:
    return f"  [{decision['work_id']}]" if decision.get("work_id") else ""


def _chance(decision: Mapping[str, Any]) -> str:
    grow = decision["goal"] == "grow"
    value = decision["upsell_probability"] if grow else decision["churn_probability"]
    return "" if value is None else f", {'upsell' if grow else 'churn'} {percent(value)}"


def account_text(account: Mapping[str, Any]) -> str:
    """What ``churnml explain`` prints."""
    lines = [
        f"{printable(account['account_id'])} as of {account['as_of']}",
        f"  health {score(account['health'])} ({_band(account)}), {percent(account['coverage'])} of the weight known",
        *_made_lines(account),
        f"  churn {percent(account['churn_probability'])}, upsell {percent(account['upsell_probability'])}",
        f"  MRR {money(account['mrr'])}, at risk {money(account['mrr_at_risk'])}",
        f"  owner {printable(account['owner_id'] or '–')}",
        *_when_lines(account),
        "",
        *table(
            ["dimension", "0–100"],
            [[name, score(value)] for name, value in account["dimensions"].items()],
            right=(1,),
        ),
        "",
        "  why",
        *([f"  · {printable(r['sentence'])}" for r in account["reasons"]] or ["  · no single reason stands out"]),
    ]
    if account["growth_reasons"]:
        lines += [
            "",
            "  what speaks for growth",
            *(f"  · {printable(r['sentence'])}" for r in account["growth_reasons"]),
        ]
    lines += _change_lines(account)
    decision = account["decision"]
    if decision:
        lines += [
            "",
            f"  {decision['title']} → {printable(decision['owner'])} by {decision['due']} "
            f"(playbook {decision['playbook']}: {printable('; '.join(decision['because']))})",
            *(f"    {i}. {step}" for i, step in enumerate(decision["steps"], start=1)),
        ]
    lines += _not_offered_lines(account)
    if account["work"]:
        lines += ["", "  work", "", work_list_text([WorkItem(**item) for item in account["work"]])]
    if len(account["history"]) > 1:
        rows = [
            [str(h["as_of"]), score(h["health"]), band_name(h["band"]), percent(h["churn_probability"])]
            for h in account["history"]
        ]
        lines += ["", *table(["as of", "health", "band", "churn"], rows, right=(1, 3))]
    return "\n".join(lines)


def _band(account: Mapping[str, Any]) -> str:
    since = f" since {account['band_since']}" if account.get("band_since") else ""
    pending = (
        f", {band_name(account['pending'])} since {account['pending_since']} if it lasts"
        if account.get("pending")
        else ""
    )
    return f"{band_name(account['band'])}{since}{pending}"


def _made_lines(account: Mapping[str, Any]) -> list[str]:
    """What the score is made of beyond its dimensions: scorecard, exceptions, a person's word."""
    lines = []
    if account.get("scorecard"):
        stage = f", stage {account['stage']}" if account.get("stage") else ""
        lines.append(f"  judged by scorecard {account['scorecard']}{stage}")
    for applied in account.get("exceptions") or ():
        lines.append(f"  exception {applied['name']}: {score(applied['before'])} → {score(applied['after'])}")
    for family in (account.get("details") or {}).get("families", ()):
        lines.append(
            f"  parent {printable(family['parent'])}: {score(family['score'])} over {family['members']} accounts"
            + (f", worst {printable(family['worst'])}" if family["worst"] else "")
        )
    override = next((o for o in account.get("overrides", ()) if o["override_id"] == account.get("override_id")), None)
    if override:
        ruled = (account.get("details") or {}).get("ruled_health")
        lines.append(
            f"  overridden by {printable(override['author'])} until {override['expires_on']} "
            f"(it would be {score(ruled)}): {printable(override['reason'])}"
        )
    return lines


def _change_lines(account: Mapping[str, Any]) -> list[str]:
    """What changed since the scoring before, in parts that add up."""
    change = account.get("change")
    if not change or change["total"] is None:
        return []
    parts = [
        f"{words(name)} {number(change[name], 2, signed=True)}"
        for name in ("data", "model", "configuration", "override")
        if change[name]
    ]
    lines = [
        "",
        f"  since {account['previous']['as_of']}: {number(change['total'], 2, signed=True)} points" + _joined(parts),
    ]
    moved = [f"{name} {number(value, 2, signed=True)}" for name, value in change["by_data"].items() if value]
    if moved:
        lines.append(f"    of the data: {', '.join(moved)}")
    return [*lines, *([f"    {change['note']}"] if change["note"] else [])]


def _joined(parts: Sequence[str]) -> str:
    return f" ({', '.join(parts)})" if parts else ""


DISPOSITIONS = {
    "holdout": "left alone on purpose, so that the playbook can be measured",
    "overflow": "did not fit into anybody's day",
    "cooling": "was done lately",
    "snoozed": "is snoozed",
    "elsewhere": "has other open work",
    "trouble": "is in trouble, so nothing is sold to it",
}


def _not_offered_lines(account: Mapping[str, Any]) -> list[str]:
    """Playbooks whose rule holds and that are on nobody's list, with why."""
    others = [decision for decision in account.get("decisions", ()) if decision["outcome"] in DISPOSITIONS]
    if not others:
        return []
    lines = ["", "  not on a list"]
    for decision in others:
        lines.append(f"    {decision['title']}: {printable(decision['note'] or DISPOSITIONS[decision['outcome']])}")
    return lines


BARS = "▁▂▃▄▅▆▇█"


def _when_lines(account: Mapping[str, Any]) -> list[str]:
    """When an account may leave: in words, and a bar a period as high as its chance of leaving in it."""
    within, likely, left_by = (account.get(key) for key in ("leave_within", "likely_period", "left_by"))
    if not within or not likely or not left_by:
        return []
    chances = ", ".join(f"{days} days {percent(p)}" for days, p in within.items() if p is not None)
    left = [0.0, *left_by["left"]]
    days = [0, *left_by["days"]]
    daily = [(b - a) / (d - c) for a, b, c, d in zip(left, left[1:], days, days[1:], strict=False)]
    most = max(daily) or 1.0
    bar = "".join(BARS[round(each / most * (len(BARS) - 1))] for each in daily)
    return [
        f"  leaves within {chances}",
        f"  if it leaves, most likely from {likely['from']} to {likely['to']} ({percent(likely['probability'])})",
        f"  {bar}  {days[-1]} days from {account['as_of']}",
    ]
