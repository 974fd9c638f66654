"""The keys of a label one by one, and a label for each way of doing business; part of docs/specs.md."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from churnml.labels import KINDS_OF_KEY

KEYS: Mapping[str, str] = {
    "kind": "what counts: `contract`, the last paying contract ends and none begins within `grace`; `lapse`, nothing "
    "is used in the window; `event`, a leaving is recorded in the window; `upsell`, more at the window's end than at "
    "the cutoff; `contraction`, less at the window's end than at the cutoff",
    "gap": "days between the cutoff and the window: the time there is to act",
    "horizon": "the window's length in days",
    "population": "a rule that narrows of whom it is asked, by what was known at the cutoff (below)",
    "grace": "coming back within so many days is no churn",
    "settle": "days after the window in which late rows may still come in; of a contraction, rows of usage",
    "active_within": "of whom it is asked: who was active in so many days before the cutoff",
    "due_within": "instead of that: who is due between these two days, counted from the cutoff, by its own mean gap "
    "between days of use; who was seen on one day has none, and is not asked about",
    "recurring": "an account can leave again without a new contract in between",
    "voluntary_only": "leavings marked involuntary do not count",
    "mrr_up_by": "the share by which MRR is up at the window's end",
    "seats_up_by": "the share by which seats are up at the window's end",
    "plans": "plans from small to large: a larger paid one at the window's end than at the cutoff",
    "starts_paying": "whoever pays nothing at the cutoff and pays at the window's end; alone, only who does not pay is "
    "asked about. It is set aside where the tables say later that it paid already",
    "mrr_down_by": "the share by which MRR is down at the window's end",
    "seats_down_by": "the share by which seats are down at the window's end",
    "users_down_by": "the share by which the people seen in `users_within` days are fewer at the window's end",
    "users_within": "in how many days somebody must have been seen to be an active user",
    "leaving_counts": "whoever has left altogether is down as well; `false` sets it aside, for a model beside one of "
    "churn",
    "include_notice_given": "keep accounts whose notice is known at the cutoff",
}
# title → the label as spec.yaml has it, and what to know about it
EXAMPLES: Mapping[str, tuple[str, str]] = {
    "Contracts: who ends the last one": (
        "kind: contract\ngap: 7\nhorizon: 91\ngrace: 30",
        "Every account that pays at the cutoff and has not given notice.",
    ),
    "Lapse: a product without contracts": (
        "kind: lapse\nhorizon: 28\nsettle: 3\nactive_within: 28",
        "Every account that used the product in the four weeks before.",
    ),
    "Retail: customers who order in their own rhythm": (
        "kind: lapse\ngap: 0\nhorizon: 90\ndue_within: [-45, 135]",
        "An order is a use. Whoever orders once a year is not asked about a month after the last order, and whoever "
        "should have ordered long ago is not either.",
    ),
    "Free to paid": (
        "kind: upsell\nhorizon: 60\nstarts_paying: true\npopulation: plan != 'trial'",
        "Free accounts are those without a contract, or with one of MRR 0; `plan` is missing of those without a "
        "contract, and then this rule does not hold: write `plan is missing or plan != 'trial'` to keep them.",
    ),
    "From trial": (
        "kind: upsell\ngap: 0\nhorizon: 30\nplans: [trial, basic, pro]\npopulation: plan == 'trial' and age_days <= 30",
        "The rule names a fact of who pays (`paying`, `mrr`, `plan`), so it decides that, not the kind.",
    ),
    "Contraction: fewer seats, less money, fewer people": (
        "kind: contraction\nhorizon: 91\nmrr_down_by: 0.1\nusers_down_by: 0.5\nleaving_counts: false\n"
        "population: segment in ['mid', 'large'] and age_days >= 90",
        "One of the declared ways suffices.",
    ),
}


def labels_section() -> str:
    """The section of the page about labels."""
    rows = "\n".join(f"| `{key}` | {', '.join(KINDS_OF_KEY.get(key, ('every kind',)))} | {KEYS[key]} |" for key in KEYS)
    examples = "\n\n".join(
        f"**{title}**\n\n```yaml\nlabel:\n{textwrap.indent(text, '  ')}\n```\n\n{about}"
        for title, (text, about) in EXAMPLES.items()
    )
    return f"""
## A label, key by key

A key that a kind does not read is refused. `part:`, beside `label:`, says what the model's probability is in a scored
date: `risk`, `grows`, or `none` for a model that is only trained and judged. Left out, upsell grows and every other
kind is the risk. Any kind may play any part; two models cannot play the same one, and a project may have one of
either alone.

| key | read by | means |
|---|---|---|
{rows}

A rule of `population:` is written as the rules of playbooks are (docs/playbooks.md) and may ask for `paying` (a
condition by itself: `paying`, `not paying`), `mrr`, `plan` (paid or not), `seats`, `age_days`, and attributes of the
account that are declared `static:` (`segment`, `region`, `attribute.NAME`). A fact that is not known makes nothing
hold. Churn by contract and contraction of MRR or seats are asked of whoever pays, upsell and event too, unless the
rule itself names `paying`, `mrr` or `plan`.

{examples}
"""
