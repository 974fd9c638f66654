"""The page about playbooks: their rules, every fact they may ask for, and the life of work, by the worked examples."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from churnml.features import Unit
from churnml.language import expressions
from churnml.language.facts import Fact
from churnml.rules.facts import FACTS, GROUPS, POINTS, TIMES
from tests.spec.rule_examples import EXAMPLES

INTRO = """# Playbooks

A playbook says for whom something is done, what, by whom and until when. They stand in `models/playbooks.yaml`;
[specs.md](specs.md) lists every key, and the file that ships with churnml is one to begin with.

```yaml
playbooks:
  - name: usage_is_fading
    title: Win back the users
    goal: keep                       # keep, grow or care
    enter: band in ['at_risk', 'watch'] and reasons has 'usage.*' and churn_rank <= 0.15
    exit: not reasons has 'usage.*' or churn_rank > 0.4    # closes the work by itself
    reasons: [usage.*]               # what the work is about; one open work item for each
    do:
      - Find out which people stopped and what their job is now.
    owner: account_owner             # or skill:…, pool:…, team:…
    minutes: 90                      # effort, counted against the owner's week (models/team.yaml)
    due_in_days: 7                   # working days
    cooldown_days: 60
    effect: {low: 0, likely: 0.1, high: 0.3}   # a belief, until it is measured
    holdout: 0.1                     # left alone at random, so that it can be measured
```

**What comes first.** A work item is worth probability × MRR × effect, in MRR a month: what is expected to be kept,
or won. The effect is a belief with a lower and an upper end until `churnml impact` has measured it, and the worth is
shown at all three. A day's work is chosen so that it is worth most under everybody's limits; of equal worth the
playbook that is declared first goes first.

**Who is left alone.** Playbooks whose goal is `grow` never go to an account in trouble (`trouble:`, by default an
account at risk, or among the 15 % most likely to leave), unless `grow_in_trouble: true`.

## The language of rules

A rule is a sentence over named facts. It is read, checked and then compared with the facts of all accounts at once;
there is nothing in the language that could run as a program, open a file or change anything.

```
{grammar}
```

Numbers are written like 40, -3, 0.5 or 10_000; texts stand in 'single' or "double" quotes. There is no arithmetic.
A name that holds other signs than letters, digits and `_` is quoted behind its dot: `feature.'a name'`. In YAML, a rule
that begins with a quote or holds `: ` or ` #` is put in quotes as a whole, or written under `enter: >`.

### The facts

What is not known makes no rule hold: neither the rule nor its opposite.

{facts}

"""


def playbooks_page() -> str:
    """The page, in Markdown."""
    doc = (expressions.__doc__ or "").split("\n\n")[1]
    grammar = "\n".join(line.removeprefix("    ") for line in doc.splitlines())
    lines = [INTRO.replace("{grammar}", grammar).replace("{facts}", "\n".join(_facts())).rstrip(), ""]
    for topic in dict.fromkeys(example.topic for example in EXAMPLES):
        lines += [f"### {topic}", ""]
        for example in (one for one in EXAMPLES if one.topic == topic):
            lines += [*example.as_lines(), ""]
    lines += _work()
    return "\n".join(lines).rstrip() + "\n"


def _facts() -> list[str]:
    lines = ["| fact | kind | what it is | |", "|---|---|---|---|"]
    lines += [f"| `{fact.name}` | {fact.kind} | {fact.means} | {_range(fact)} |" for fact in FACTS.values()]
    groups = {
        "dimension": ("number", "score of a dimension of `health.yaml`, or of `risk`", "0 to 100"),
        "feature": ("number or text", "a feature, as [features.md](features.md) names it", ""),
        "attribute": ("text", "an attribute of the account that `project.yaml` declares static", ""),
    }
    return [*lines, *(f"| `{group}.…` | {' | '.join(groups[group])} |" for group in GROUPS)]


def _range(fact: Fact) -> str:
    if fact.kind != "number":
        return "always known" if fact.always else ""
    unit = {Unit.SHARE.value: "", TIMES: " times", POINTS: " points", Unit.MONEY.value: "money a month"}.get(
        fact.unit, f" {fact.unit}"
    )
    if fact.low is None:
        return unit.strip()
    return f"{fact.low:g} to {fact.high:g}{unit}" if fact.high is not None else f"{fact.low:g} or more{unit}"


def _work() -> list[str]:
    """The life of work by its examples, where the tests hold them."""
    if find_spec("tests.spec.work_examples") is None:
        return []
    examples: Any = import_module("tests.spec.work_examples")
    lines = [
        "## The life of work",
        "",
        *(examples.__doc__ or "").replace("``", "`").strip().split("\n\n", 1)[1].splitlines(),
        "",
    ]
    for example in examples.EXAMPLES:
        lines += [*example.as_lines(), ""]
    return lines
