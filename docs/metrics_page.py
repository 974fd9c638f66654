"""The page about revenue, rendered from the definitions and their worked examples."""

from __future__ import annotations

import inspect
import re

import yaml

from churnml.revenue.figures import RATES, RevenueFigures
from churnml.revenue.movements import account_movements
from tests.spec.metric_examples import EXAMPLES, MetricExample
from tests.support import table

LEAD = """# Revenue, by definition

```sh
churnml metrics --by quarter                       # MRR movements, churn, GRR, NRR, of the last quarters that are over
churnml metrics --by year --per segment            # or owner, source, industry, region, cohort, a static attribute
churnml metrics --from 2024-01-01 --to 2024-06-30 --accounts --out whose.csv
churnml metrics --as-of 2024-07-01 --json          # as it was known then
```

What the figures mean is declared once, in `models/metrics.yaml` ([specs.md](specs.md#modelsmetricsyaml)); the month a
fiscal year begins in is `fiscal_year_starts:` of `project.yaml`. Why they are defined so stands in
[decision 51](decisions/0051-revenue-by-definition.md). Every example below is a test, and so is that a slow version in
plain Python agrees to the cent on random companies.

## What moves

{movements}

All of it is reckoned in whole hundredths of the project's currency: opening and movements add up to closing to the
cent, one period's closing is the next one's opening (but at constant rates asked for on another day), and the net
movement of a quarter is that of its months. Expansion, contraction and churn of a quarter are *not* the sums of its
months: a quarter compares its own two ends.

## What is kept

| figure | what it is |
|---|---|
{figures}

With `denominator: renewals_due` the base is those who paid at the opening and have a renewal in the period:
`renews_at`, rolled on by `billing_period` once it has passed; without `renews_at`, the start rolled on by it. An
account that has one contract due is due with all it pays. Who leaves before its renewal is churn among the movements,
and in no base.

## What counts as what

| what | is |
|---|---|
| a free account, a free trial | no customer: the first payment is *new*; a trial that costs is one that pays |
| going free | *churn* |
| a pause, a gap between contracts | none if it is at most `returns_within` days; else *churn* and *reactivation* |
| a return that is not known yet | *churn*; once it is known and in time, the past is told without it |
| one contract of several that ends | *contraction* |
| a contract that ends on the 1st | paid for the day before: it leaves in that month, as labels have it |
| a change in the middle of a month | counts whole from that day on, not by days |
| several changes within a period | their sum: the two ends are compared |
| paid and gone again within a period | in no figure of that period |
| a refund, a credit note | no MRR: set aside by the checks and counted there |
| a year paid up front | its MRR every month; `mrr` is a month's amount ([contract.md](contract.md)) |
| a correction, a contract entered late | known from its `known_at` on: `--as-of` tells the figures as they were then |
| a segment, an owner | today's, in every period: accounts have no history. Nothing moves between groups |

A figure tells whose it is: `--accounts` lists every account that moved, `--out FILE` with it every account that pays at
one end of a period, with `in_base` for those that retention is a share of. What was left out or taken for something
else (gaps, free accounts, contracts without a renewal date, missing attributes) stands below the tables, and that
retention is too high where the contracts of those who had left before the data begin are missing.

## Examples
"""


def metrics_page() -> str:
    """The page's text."""
    parts = [LEAD.format(movements=_movements(), figures="\n".join(_figures()))]
    for example in EXAMPLES:
        parts += [f"### {example.title[0].upper()}{example.title[1:]}", ""]
        if declared := _declared(example):
            parts += ["```yaml", *declared, "```", ""]
        if example.rates:
            parts += [*_lines(example.rates), ""]
        parts += [*_lines(example.subscriptions), ""]
        if example.segments:
            named = ", ".join(f"{account} is {segment}" for account, segment in example.segments.items())
            parts += [f"Segments: {named}.", ""]
        known = f", as known before {example.as_of}" if example.as_of != MetricExample("", "", "").as_of else ""
        per = f", by {example.per}" if example.per else ""
        parts += [f"By {example.by}{per}{known}:", "", *_lines(example.expect), ""]
    return "\n".join(parts)


def _movements() -> str:
    """What the docstring says moves, as a page has it."""
    text = (inspect.getdoc(account_movements) or "").split("\n\n", 1)[1]
    return text.replace("*cross_sell*", "*cross-sell*")


def _figures() -> list[str]:
    names = {"gross_retention": "GRR", "net_retention": "NRR"}
    lines = []
    for name in RATES:
        called = names.get(name, name.replace("_", " "))
        means = re.sub(r"\s+", " ", inspect.getdoc(getattr(RevenueFigures, name)) or "").removeprefix(f"{called}: ")
        lines.append(f"| {called} | {means.replace('None ', '– ')} |")
    return lines


def _declared(example: MetricExample) -> list[str]:
    project = {key: value for key, value in example.project.items() if key != "currency" or example.rates}
    files = {"models/metrics.yaml": dict(example.spec), "project.yaml": project}
    lines = []
    for file, keys in files.items():
        if keys:
            lines += [f"# {file}", *yaml.safe_dump(keys, sort_keys=False).strip().splitlines()]
    return lines


def _lines(text: str) -> list[str]:
    rows = table(text)
    body = [" | ".join(row) for row in rows.itertuples(index=False)]
    names = " | ".join(name.replace("_", " ") if text.lstrip().startswith("period") else name for name in rows.columns)
    return [f"| {names} |", "|" + "---|" * len(rows.columns), *(f"| {row} |" for row in body)]
