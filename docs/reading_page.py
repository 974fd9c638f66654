"""The parts of docs/contract.md on values, ids and losses, from what the code declares."""

from __future__ import annotations

from collections.abc import Iterable

from churnml.adapters.warehouse.columns import SAMPLED_ROWS
from churnml.adapters.warehouse.losses import NOT_LOST
from churnml.adapters.warehouse.satisfaction import FACES, UNANSWERED
from churnml.adapters.warehouse.values import DOUBTFUL_WORDS, HUMAN_WORDS, MACHINE_WORDS, UNLIMITED
from churnml.features.tickets import SERIOUS
from churnml.remarks import MEANINGS, visible
from churnml.specs.project import ProjectSpec
from tests.spec.value_examples import VALUE_EXAMPLES, ValueExample

VALUES = """
## Values as exports write them

CSV columns arrive as text: a SELECT that computes with one says `CAST(seats AS DOUBLE)`. Parquet keeps its types. All
values of a column are looked at before one is read. An **optional** value that cannot be read is missing, and told; a
**required** one, a word for nothing among them, sets its row aside as `unreadable`.

- No number, time or flag, in any case: {human}.
- No name and no id: {machine}. Names all the same, and told: {doubtful}; only of a `parent_account_id` that no
  account has is such a word none.
- No limit, so no number of seats: {unlimited}.
- The decimal mark is what a column bears out: `1,250` alone could be 1250 or 1.25, and is not read. It is 1250 where
  another value tells (`99.50`), in a count, and in money beside a second one like it or a sign such as `$`, `£` or `¥`.
  `decimal_mark: ','` declares it, for one table `decimal_mark: {{subscriptions: ','}}`.
- A `csat` is 1 to 5. `csat_scale: 1-10` (or any two ends) brings another scale to it, `csat_scale: good/bad` reads
  {faces}, and a mapping (`{{happy: 5, meh: 3}}`) other words. {unanswered} are no answer. Undeclared, those of another
  scale are missing.
- A priority is serious where it is {serious}. Whether 1 is the most or the least urgent, or what a word of another
  language means, is not guessed: `priorities: {{hoch: high, 1: urgent}}` says so, else it is told.
- A name is compared to the letter, without blanks around it; a tab or a break of a line within it is a blank, and
  control signs go. Names that differ only in capitals, blanks, hyphens or underscores stay apart, and are told.
- A user id that stands for nobody (`anonymous`, `guest`, `system`, `0`, …), that most accounts share, or that has
  nearly all events of an account of many counts as one user: told, with its share of the first {sampled:,} events.
- An id is compared as text. What a program put on it comes off: a double's `.0` where all of a column have it, blanks,
  tabs, signs nobody sees, `="…"`; full-width digits where the accounts have ordinary ones. Salesforce's 15 and 18
  letters are one id, by the checksum. Leading zeros and case are never taken off: such near misses are named.
  `1.23E+11` is Excel's work and stops the run.

| example | column | written | read | told |
|---|---|---|---|---|
{examples}

What is told of columns, by `check`, `run` and in the report, with table, column, rows and up to three samples:

| kind | what it says |
|---|---|
{kinds}

A column that is meant to be there although the contract does not know it is declared, and then not told:

```yaml
extra: {{support_tickets: [synced_batch]}}
```

An optional column that is not mapped is unknown: features that need it are not built.
"""


def values_section() -> list[str]:
    """What is read of values and ids, by example, and what is told."""
    return VALUES.format(
        serious=_words(SERIOUS, "or"),
        sampled=SAMPLED_ROWS,
        human=_words(HUMAN_WORDS),
        machine=_words(MACHINE_WORDS),
        doubtful=_words(DOUBTFUL_WORDS),
        unlimited=_words(UNLIMITED),
        faces=_words(FACES),
        unanswered=_words(UNANSWERED, "and"),
        examples="\n".join(_row(example) for examples in VALUE_EXAMPLES.values() for example in examples),
        kinds="\n".join(f"| `{kind}` | {meaning} |" for kind, meaning in MEANINGS.items()),
    ).splitlines()


def losses_section() -> list[str]:
    """When too much is set aside."""
    share = ProjectSpec.model_fields["may_lose"].default
    return [
        "",
        "## How much may be lost",
        "",
        "A run stops where a table has rows and keeps none of them, or where contracts that lose a row are more than",
        f"`may_lose:` of all, by number or by MRR ({share:.0%} unless declared). The message counts the reasons.",
        f"{_words(NOT_LOST, 'and')} are no loss. `may_lose: 1` lets everything go but the accounts and the contracts.",
    ]


def _row(example: ValueExample) -> str:
    read = ", ".join(_value(value) for value in example.read)
    written = ", ".join(_cell(visible(text)) if text else "(empty)" for text in example.written)
    declared = "".join(f"; `{key}: {value}`" for key, value in example.declared.items())
    told = ", ".join(f"`{kind}`" for kind in example.told) or "–"
    return f"| {example.title}{declared} | `{example.column}` | {written} | {read} | {told} |"


def _value(value: object) -> str:
    if value is None:
        return "–"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return _cell(f"{value:.10g}" if is_number else str(value))


def _cell(text: str) -> str:
    return f"`{text.replace('|', chr(92) + '|')}`"


def _words(words: Iterable[str], joined: str = "") -> str:
    shown = [_cell(word) for word in words]
    if joined and len(shown) > 1:
        return f"{', '.join(shown[:-1])} {joined} {shown[-1]}"
    return ", ".join(shown)
