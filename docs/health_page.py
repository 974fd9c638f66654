"""The page about the health score: what it is in five minutes, then every rule by its worked examples."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import dedent, fill

from tests.spec import health_examples as worked
from tests.spec.health_examples import SMALLEST, HealthExample

INTRO = """# Health

A health score says how an account does, from 0 to 100, so that a person can follow it by hand. What it is made of
stands in `models/health.yaml`; [specs.md](specs.md) lists every key.

1. **Inputs.** A feature scores by its place among the accounts seen in training: 80 is as good as or better than 80 %
   of them. That scale is stored with the model, so an account's score never depends on who else is scored today.
2. **Dimensions.** Adoption, engagement, support and so on are weighted means of their inputs. The calibrated churn
   probability is one more, `risk`, and is shown on its own beside the score as well.
3. **Scorecard.** Stage of life and segment choose the weights: a new account is not judged by its contract's history.
4. **Exceptions.** What a mean must not hide, in their order: an open escalation caps the score. Each use is kept.
5. **Override.** What a person says against it, with a reason and an end, replaces the score and shows what it would be.
6. **Band.** The score lies in a band, which changes only past a margin and after a while, so that lists do not flicker.

At training each input is held against the outcome. One that surely runs against its declared direction, is the same
for everybody or is known of less than half has no say, and its weight goes to the others; `insist: true` behind it
keeps it.
The terminal, the report and the card tell which, why, and how much of the weight is left
([how](decisions/0043-direction-of-health-inputs.md)).

What is not known is never guessed: *coverage* says how much of the weight was known, and under `min_coverage` the band
is `insufficient_data`. A score is judged as it is shown, with two digits.

The tables below are tests. Unless they say otherwise they are worked with this smallest `health.yaml`, without margin
and dwell:

```yaml
{smallest}
```

Their scales are such that a healthier feature of 80 scores 80 and a riskier one (its name ends in `_bad`) scores 20;
`risk` is what the probability scores. An empty cell is not known.
"""

SECTIONS: tuple[tuple[str, str, Sequence[HealthExample]], ...] = (
    ("The score", "", worked.MEANS),
    (
        "Inputs that point the wrong way",
        "At training of the model that health names as its risk, each input is held against the outcome of the "
        "training rows. `training` holds so many accounts of each kind. Sure is a 99 % interval.",
        worked.DIRECTIONS,
    ),
    (
        "What is missing or stale",
        "Each input says what happens where it is not known (`missing`), and how long a value holds (`age`, a feature "
        "that counts the days since it was known, `stale_after`, `half_life`). A stale value counts by its freshness "
        "as known, and for the rest as missing; without a known age it is not known.",
        worked.MISSING,
    ),
    (
        "Stages and scorecards",
        "`stages` part a customer's life by `tenure_days` (of who has no contract, the age of the account) "
        "and `days_to_renewal`. A scorecard says for whom (`segment`, "
        "`stage` or the same numbers) which weights are others.",
        worked.CARDS,
    ),
    (
        "Exceptions",
        "An exception holds by features' values, dimensions' scores, and whatever a scorecard may ask. What is not "
        "known fulfils no condition. Where nothing is known there is no score, and no exception makes one.",
        worked.EXCEPTIONS,
    ),
    (
        "Bands that do not flap",
        "`settling` declares the margin in points and the dwell in days. The band of a date depends on the scorings "
        "before it alone: scoring a date again gives the same.",
        worked.BANDS,
    ),
    (
        "Events",
        "`events` declares how many points within how many days are a drop: 15 within 30 unless it says otherwise.",
        worked.EVENTS,
    ),
    (
        "Flap rate",
        "What margin and dwell are worth is measured by playing past scores again, with and without.",
        worked.FLAPS,
    ),
    (
        "What changed since",
        "A difference between two dates is told in parts that add up to it, to the hundredth. The later date's data, "
        "then its model, then its `health.yaml` take the place of the earlier's, in that order; each is worth what the "
        "score moves by it. The override stands apart: it is worth what it adds to the score there would be without "
        "it.",
        worked.CHANGES,
    ),
    (
        "Preview",
        "A changed `health.yaml` can be tried on the whole book before it is applied. `then` is what it would say.",
        worked.PREVIEWS,
    ),
    (
        "Weights from the past",
        "From the dimensions of past dates and who left after them, weights are fitted that are never negative, with "
        "an interval by resampling accounts. They are shown beside the hand-set ones and never applied by themselves. "
        "At least ten accounts of the rarer outcome for each weight are wanted. The risk keeps its hand-set weight, "
        "unless its model had not seen those dates.",
        worked.WEIGHTS,
    ),
    (
        "Overrides",
        "An override needs an author and a reason. It ends after `override_days` unless its author says otherwise, a "
        "year at most.",
        worked.OVERRIDES,
    ),
    (
        "Was the person right, was the model right",
        "An override is judged once it has ended and the outcome is known: raised is borne out by staying, lowered by "
        "leaving. The interval (Wilson's, 95 %) is held against the share the model's probabilities expected to go "
        "that way; only where it lies wholly to one side did one know more than the other. Those that were withdrawn "
        "are not judged.",
        worked.JUDGING,
    ),
    (
        "Parents and children",
        "A family is a parent with all accounts under it, however deep; each account keeps its own health.",
        worked.FAMILIES,
    ),
)


def health_page() -> str:
    """``docs/health.md``."""
    lines = [INTRO.format(smallest=SMALLEST.strip())]
    for title, said, examples in SECTIONS:
        lines += [f"## {title}", "", *([fill(said, 118), ""] if said else [])]
        for example in examples:
            lines += [f"**{example.title[0].upper()}{example.title[1:]}.**", "", *_worked(example), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _worked(example: HealthExample) -> list[str]:
    lines = ["```yaml", *example.said.strip("\n").splitlines(), "```", ""] if example.said else []
    if example.given:
        lines += ["```"]
        for name, rows in example.given.items():
            lines += [name, *(f"  {line}" for line in dedent(rows).strip("\n").splitlines())]
        return [*lines, "gives", *(f"  {line}" for line in _rows(example)), "```"]
    return [*lines, "```", *_rows(example), "```"]


def _rows(example: HealthExample) -> list[str]:
    rows = dedent(example.expect).strip("\n").splitlines()
    return rows if len(rows) > 1 else [*rows, "(none)"]
