"""The part of docs/contract.md about contracts as billing systems write them."""

from __future__ import annotations

from churnml.tables import EXCHANGE_RATES
from churnml.terms import TERMS

INTRODUCTION = """
## Contracts as billing systems write them

A contract gives the same features in whatever of these ways its rows are written. What was taken for something else
is told by `churnml check` with table, column, rows and samples; which of several rows stands is decided at each
cutoff, among the rows that were known then ([decision 31](decisions/0031-contracts.md)).
"""

WAYS: tuple[tuple[str, str], ...] = (
    (
        "versions of a period: the same `subscription_id` and `starts_at`, another `known_at`",
        "the last one known stands, as of any cutoff; one that says nothing new is a `duplicate`",
    ),
    (
        "rows for one start that became known together",
        "the one that holds longest stands, then the last of the file (in a file that runs backwards, the "
        "first); the others are set aside: `replaced`",
    ),
    (
        "several changes in one day",
        "the day's last change stands from the first one's moment on; the others are set aside: `replaced`",
    ),
    (
        "a period of no length",
        "it never held: set aside as `no_length`, unless it corrects an earlier version",
    ),
    (
        "periods of one contract that overlap, an old row left open",
        "a period ends when the next one of its contract begins; told",
    ),
    (
        "`ends_at` at 23:59:59 (or 23:59:59.999, or 23:59), or a second before the clock time of `starts_at`",
        "the end is the next moment; told",
    ),
    (
        "`ends_at` is the last date: periods begin the day after the one before them ended",
        "the end is the day after; looked for in all ends of the account, and where those do not show it, of "
        "the table; told",
    ),
    (
        "the same terms in several periods that meet (a row a month)",
        "one going on: no change, no new contract",
    ),
    (
        "an end and further terms that begin there, known later",
        "the old terms stand until the new ones are known",
    ),
    (
        "`cancelled_at` without `ends_at`",
        "notice was given: the account is counted among the leaving and not scored; the contract runs, and "
        "counts as MRR, until an end is written; told, with how many gave notice more than a year ago",
    ),
    (
        "a later version writes an end, without `cancelled_at`",
        "that version is the notice",
    ),
    (
        "`mrr` of 0: a trial, a pause",
        "known, not paying. A pause longer than a label's `grace` is churn",
    ),
    (
        "`mrr` below 0",
        "no terms: set aside, as a `credit_note` where its contract has other rows, else as `negative_mrr`",
    ),
    (
        "proration",
        "not seen: `mrr` is what a month of the terms costs. Leave out rows that only settle a part of a month",
    ),
    (
        "an amount for a year or a quarter",
        "told where contracts of that term cost as many times a monthly one as they have months, in every plan that "
        "has three and more of both: by the seat, or, of a year and more, by the contract of a named plan; not seen "
        "elsewhere. Divide in the SELECT",
    ),
    (
        "a `billing_period` that is no term",
        "told; it stays as it is, and past `renews_at` of it are not rolled on",
    ),
)

RENEWALS = """
Past renewals are rolled on by calendar months on the contract's own day: the day of `renews_at` or, where that is the
last of a shorter month, the day the contract began on. A contract of 31 January renews on 29 February and 31 March.
"""

MONEY = """
## Money in several currencies

Amounts are shown in `currency:` of `project.yaml`. Where a row names another one, its worth is declared there, or
given by date in `sources/exchange_rates.sql`; without a rate the run stops and names the currencies with their rows.

```yaml
currency: USD
exchange_rates:
  EUR: 1.08                                 # one euro is 1.08 dollars
  JPY: {2023-01-01: 0.0076, 2024-01-01: 0.0071}
```

A contract keeps the rate of its beginning (the newest that held and was known then), so that its MRR changes with its
terms and never with a rate alone. One older than the first rate takes that one; told. Codes are read without regard to
case; a sign (`$`, `¥`, `kr`) is a currency only where one of those it may mean is the project's, has a rate, or is
written in another row (`$` alone is the American dollar). Amounts without a currency are the project's where no other
is about, told; among several they stop the run. Pence (`GBp`, `GBX`) are no pounds: they need a rate of their own.
Amounts are whole units: yen have no hundredths to divide by.

The sign beside an amount (`£70`, `70 CHF`) may not contradict the currency of its row, or where no column names one,
the project's: that stops the run. So does a column that names other currencies under another name (`currency_code`,
`ccy`), unless it is declared under `extra:`; one of an input that the SELECT does not name is told.
"""


def contracts_part() -> list[str]:
    """What is said of contracts, terms and money, as lines of Markdown."""
    lines = [*INTRODUCTION.strip().splitlines(), "", "| as it is written | what happens |", "|---|---|"]
    lines += [f"| {written} | {read} |" for written, read in WAYS]
    lines += ["", *RENEWALS.strip().splitlines(), "", "## Terms", ""]
    lines += [
        "A `billing_period` is called by its name from reading on, however it is spelled: with a capital, a hyphen, in",
        "ISO 8601 (`P1M`, `P1Y`), as a number with a unit (`12 months`, `every 2 weeks`), or in one of these words",
        "(blanks and hyphens in them aside).",
        "",
        "| name | length | also |",
        "|---|---|---|",
    ]
    for term in TERMS:
        length = (
            f"{term.months} month{'s' * (term.months > 1)}"
            if term.months
            else f"{term.days} day{'s' * (term.days > 1)}"
        )
        lines.append(f"| `{term.name}` | {length} | {', '.join(term.spellings)} |")
    lines += ["", *MONEY.strip().splitlines(), ""]
    lines += [f"`{EXCHANGE_RATES.name}`: one row is {EXCHANGE_RATES.grain}.", ""]
    lines += ["| column | kind | what it is |", "|---|---|---|"]
    for column in EXCHANGE_RATES.columns:
        name = f"**`{column.name}`**" if column.required else f"`{column.name}`"
        lines.append(f"| {name} | {column.kind} | {column.means} |")
    return lines
