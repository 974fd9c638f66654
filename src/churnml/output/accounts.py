"""The list and the account, as printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from churnml.output.words import money, percent, printable, table


def queue_text(day: dt.date, queue: Sequence[Mapping[str, Any]]) -> str:
    """What ``churnml queue`` prints."""
    if not queue:
        return f"{day}: no account is in the queue."
    return "\n".join([f"{day}: {len(queue):,} decisions", "", *queue_lines(queue)])


def queue_lines(queue: Sequence[Mapping[str, Any]]) -> list[str]:
    """A few lines a decision: who, what, by when, worth how much, why."""
    lines: list[str] = []
    for decision in queue:
        chance = _chance(decision)
        lines.append(
            f"  {decision['place']:>3}. {printable(decision['account_id'])}  {decision['title']}  "
            f"→ {printable(decision['owner'])} by {decision['due']}"
        )
        lines.append(
            f"       health {_number(decision['health'])} ({decision['band']}){chance}, MRR {money(decision['mrr'])}"
            + ("" if decision["value"] is None else f", worth {money(decision['value'])} a month")
        )
        reasons = decision["growth_reasons"] if decision["goal"] == "grow" else decision["reasons"]
        lines += [f"       · {printable(reason['sentence'])}" for reason in reasons] or [
            "       · no single reason stands out"
        ]
    return lines or ["  nobody needs attention today"]


def _chance(decision: Mapping[str, Any]) -> str:
    grow = decision["goal"] == "grow"
    value = decision["upsell_probability"] if grow else decision["churn_probability"]
    return "" if value is None else f", {'upsell' if grow else 'churn'} {percent(value)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0f}"


def account_text(found: Mapping[str, Any]) -> str:
    """What ``churnml explain`` prints."""
    lines = [
        f"{printable(found['account_id'])} as of {found['as_of']}",
        f"  health {_number(found['health'])} ({found['band']}), {percent(found['coverage'])} of the weight known",
        f"  churn {percent(found['churn_probability'])}, upsell {percent(found['upsell_probability'])}",
        f"  MRR {money(found['mrr'])}, at risk {money(found['mrr_at_risk'])}",
        f"  owner {printable(found['owner_id'] or '–')}",
        *_when_lines(found),
        "",
        *table(
            ["dimension", "0–100"],
            [[name, _number(value)] for name, value in found["dimensions"].items()],
            right=(1,),
        ),
        "",
        "  why",
        *([f"  · {printable(r['sentence'])}" for r in found["reasons"]] or ["  · no single reason stands out"]),
    ]
    if found["growth_reasons"]:
        lines += [
            "",
            "  what speaks for growth",
            *(f"  · {printable(r['sentence'])}" for r in found["growth_reasons"]),
        ]
    decision = found["decision"]
    if decision:
        lines += [
            "",
            f"  {decision['title']} → {printable(decision['owner'])} by {decision['due']} "
            f"(playbook {decision['playbook']}: {'; '.join(decision['because'])})",
            *(f"    {i}. {step}" for i, step in enumerate(decision["steps"], start=1)),
        ]
    if len(found["history"]) > 1:
        rows = [
            [str(h["as_of"]), _number(h["health"]), h["band"], percent(h["churn_probability"])]
            for h in found["history"]
        ]
        lines += ["", *table(["as of", "health", "band", "churn"], rows, right=(1, 3))]
    return "\n".join(lines)


BARS = "▁▂▃▄▅▆▇█"


def _when_lines(found: Mapping[str, Any]) -> list[str]:
    """When an account may leave: in words, and a bar a period as high as its chance of leaving in it."""
    within, likely, left_by = (found.get(key) for key in ("leave_within", "likely_period", "left_by"))
    if not within or not likely or not left_by:
        return []
    said = ", ".join(f"{days} days {percent(p)}" for days, p in within.items() if p is not None)
    left = [0.0, *left_by["left"]]
    days = [0, *left_by["days"]]
    daily = [(b - a) / (d - c) for a, b, c, d in zip(left, left[1:], days, days[1:], strict=False)]
    most = max(daily) or 1.0
    bar = "".join(BARS[round(each / most * (len(BARS) - 1))] for each in daily)
    return [
        f"  leaves within {said}",
        f"  if it leaves, most likely from {likely['from']} to {likely['to']} ({percent(likely['probability'])})",
        f"  {bar}  {days[-1]} days from {found['as_of']}",
    ]
