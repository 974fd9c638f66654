"""The part of docs/contract.md on times, from what the code declares."""

from __future__ import annotations

from churnml.adapters.warehouse.extent import EMPTY_DAYS, FEW_OF_ALL, FRESH_DAYS
from churnml.adapters.warehouse.time_columns import MIDNIGHTS
from churnml.adapters.warehouse.time_remedies import UNITS
from churnml.adapters.warehouse.times import EARLIEST, LATEST
from churnml.adapters.warehouse.zones import AMBIGUOUS, WORDS, ZONES_OF_WORDS

TIMES = """
## Times as exports write them

Times are wall-clock times of the project's `timezone`. Text is read whole or not at all: a time that cannot be read
sets its row aside where its column is required, and is missing where it is not; both are told, with samples and, where
one fits every row, the format to declare.

| written | read |
|---|---|
| `2024-07-09 03:15`, `2024-07-09T03:15:00.5`, `2024/7/9`, `2024-07-09 03:15 PM` | the project's wall clock |
| with `Z`, `+02:00`, `-0330`, `GMT+2`, `+02:00[Europe/Berlin]`, `+0200 (CEST)`, `(UTC)` | an instant, converted |
| with one of {words} | an instant, at the word's one offset |
| with {zoned}, `Europe/Berlin` or another zone's name | an instant, by that zone's clocks |
| with one of {ambiguous} | what `zone_words: {{CST: America/Chicago}}` says; else the project's own, told; else not |
| other formats | by `time_formats:`, `%z` and `%Z` among them; undeclared, `03/04/2024` is never guessed |
| numbers: {units} | a stop that names the function for their size |
| years 0000, 0001 and 9999, `infinity` | no value, told |
| before {earliest} or from {latest} on | not |

- Where every time of a column has an offset that the project's zone never has, a zone that has them is proposed.
- Hours between two times are those that passed, though clocks were moved in between. Of an hour that there is twice, a
  time without an offset is the first, or the second where only that keeps what came first before what came after. One
  in an hour that was skipped is read as the hour after, and told.
- Another word behind a time is named, with what to declare, and so are dates of which some can only have the day first
  and others only the month.
- Where half of a column's times and more are midnights of an offset at which the project's zone has the day before
  (`2024-03-01T00:00:00Z` in New York), they are dates: told, with what to select. Where nearly all are midnights of a
  zone that the project does not declare (`2024-02-29T15:00:00Z` for 1 March in Tokyo), that zone is proposed.
- A column of dates has no hours: the features of hours are missing, and it is told. Dates are text without a clock, the
  type DATE, or {midnights} and more times that all stand at midnight.
- `data_through`, undeclared, is the last day before today with usage (without usage, with tickets; without those, with
  contracts): today is not over. Few rows (at most {few} of all) more than {empty} days after all others are those of a
  wrong clock and set no date, unless another table has rows of that time or they are of the last {fresh} days; they
  are told.
"""


def times_section() -> list[str]:
    """What is read as a time, and what is told of times."""
    return TIMES.format(
        words=", ".join(f"`{word}`" for word in WORDS if word != "Z"),
        zoned=", ".join(f"`{word}` ({zone})" for word, zone in ZONES_OF_WORDS.items()),
        ambiguous=", ".join(f"`{word}` ({means})" for word, means in AMBIGUOUS.items()),
        units=", ".join(unit.name for unit in UNITS),
        earliest=f"{EARLIEST:%Y-%m-%d}",
        latest=f"{LATEST:%Y-%m-%d}",
        midnights=MIDNIGHTS,
        few=f"{FEW_OF_ALL:.0%}",
        empty=EMPTY_DAYS,
        fresh=FRESH_DAYS,
    ).splitlines()
