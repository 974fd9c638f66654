"""The page about capacity, rendered from its worked examples."""

from __future__ import annotations

from tests.spec.capacity_examples import EXAMPLES
from tests.support import table

NOTE = """# Capacity

Generated from `tests/spec/capacity_examples.py`, whose examples are tests. Decision 15 says how it is solved.

What there is to do on a day is fitted into what every owner can still take: minutes, work items, and money by playbook.
The offers that are worth the most together are taken, at most one an account; the rest is the overflow, with the value
left lying. An owner without a limit takes everything. Effort is 60 minutes and cost nothing where a column does not say
otherwise; an empty value is unknown, an empty limit is none, and an empty "taken by" is left lying.
"""


def capacity_page() -> str:
    """The page's text."""
    parts = [NOTE]
    for example in EXAMPLES:
        parts += [f"## {example.title[0].upper()}{example.title[1:]}", ""]
        for heading, text in (("left", example.rooms), ("budgets", example.budgets)):
            rows = table(text)
            if len(rows):
                parts += [f"What is {heading}:" if heading == "left" else "Budgets:", "", *_lines(text), ""]
        parts += ["Offers, and who takes them:", "", *_joined(example.offers, example.expect), ""]
    return "\n".join(parts)


def _lines(text: str) -> list[str]:
    rows = table(text)
    body = [" | ".join(row) for row in rows.itertuples(index=False)]
    return [f"| {' | '.join(rows.columns)} |", "|" + "---|" * len(rows.columns), *(f"| {row} |" for row in body)]


def _joined(offers: str, expect: str) -> list[str]:
    """The offers with one more column."""
    rows = table(offers)
    rows["taken by"] = table(expect)["taken by"]
    body = [" | ".join(row) for row in rows.itertuples(index=False)]
    return [f"| {' | '.join(rows.columns)} |", "|" + "---|" * len(rows.columns), *(f"| {row} |" for row in body)]
