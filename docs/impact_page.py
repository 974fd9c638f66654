"""The page about the measurement of playbooks: its worked examples as the tests run them."""

from __future__ import annotations

from textwrap import dedent

from tests.spec.impact_examples import COUNTS, EFFECTS, VERDICTS


def impact_page() -> str:
    """The worked examples, in Markdown, to stand on ``docs/impact.md``."""
    lines = ["## Effects, by hand", ""]
    for example in EFFECTS:
        lines += [f"**{_sentence(example.title)}** {example.why}", ""]
        lines += [*_block(example.enrolled), "", *_block(example.expect), ""]
    lines += ["## Who is counted", ""]
    for count in COUNTS:
        lines += [f"**{_sentence(count.title)}**", "", *_block(count.enrolled), "", *_block(count.expect), ""]
    lines += ["## Verdicts", ""]
    lines += [
        "Accounts treated and held out, and how many of each left (of a playbook to grow: grew). `worth` is the "
        "smallest effect worth finding.",
        "",
        *_block(VERDICTS),
    ]
    return "\n".join(lines) + "\n"


def _sentence(title: str) -> str:
    return title[0].upper() + title[1:] + "."


def _block(text: str) -> list[str]:
    return ["```", *dedent(text).strip("\n").splitlines(), "```"]
