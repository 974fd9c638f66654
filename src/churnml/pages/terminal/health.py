"""The health score's own look-ups, as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from churnml.health.bands import FlapRate
from churnml.health.override_judging import OverrideJudgement
from churnml.health.preview import Preview
from churnml.health.weights import WeightProposal
from churnml.jsontypes import Json, JsonObject
from churnml.ledger import Override
from churnml.pages.presenter import money, number, percent, plural, printable, score, words
from churnml.pages.terminal.layout import table

MOVERS_SHOWN = 10
SETTLING_NAMES = {"settled": "with margin and dwell", "unsettled": "without"}


def preview_data(preview: Preview) -> JsonObject:
    """What ``churnml health preview --json`` prints."""
    accounts, mrr = preview.changed
    return {
        "as_of": str(preview.as_of),
        "changed": {"accounts": accounts, "mrr": mrr},
        "now": dict(preview.now),
        "then": dict(preview.then),
        "moves": _records(preview.moves),
        "accounts": _records(preview.accounts),
        "unscaled": list(preview.unscaled),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Json]]:
    rows = frame.astype(object)
    return [
        {str(column): value for column, value in row.items()}
        for row in rows.where(rows.notna(), None).to_dict("records")
    ]


def preview_text(preview: Preview) -> str:
    """What ``churnml health preview`` prints."""
    accounts, mrr = preview.changed
    of_money = preview.knows_money
    paid = ["MRR"] if of_money else []
    lines = [
        f"{preview.as_of}: {number(accounts)} of {plural(len(preview.accounts), 'account')} would change their band"
        + (f" (MRR {money(mrr)})" if of_money else ""),
        "",
        *table(
            ["band", "now", "then"],
            [[words(band), number(preview.now[band]), number(preview.then[band])] for band in preview.now],
            right=(1, 2),
        ),
    ]
    moves = [
        [words(move["band_now"]), words(move["band_then"]), number(move["accounts"])]
        + ([money(move["mrr"])] if of_money else [])
        for move in preview.moves.to_dict("records")
        if move["band_now"] != move["band_then"]
    ]
    if moves:
        lines += ["", *table(["from", "to", "accounts", *paid], moves, right=(2, 3)[: 1 + of_money])]
    movers = [
        [
            printable(account["account_id"]),
            score(account["score_now"], 1),
            score(account["score_then"], 1),
            _bands(account["band_now"], account["band_then"]),
            *([money(account["mrr"])] if of_money else []),
        ]
        for account in preview.biggest(MOVERS_SHOWN).to_dict("records")
    ]
    if movers:
        header = ["account", "now", "then", "band", *paid]
        lines += ["", "  whose score moves most", "", *table(header, movers, right=(1, 2, 4)[: 2 + of_money])]
    if preview.unscaled:
        names = ", ".join(preview.unscaled)
        lines += ["", f"  The model holds no scale for {names}: missing here, until it is trained again."]
    return "\n".join([*lines, "", "  Nothing was changed."])


def _bands(now: str, then: str) -> str:
    return words(now) if now == then else f"{words(now)} → {words(then)}"


def weights_text(proposal: WeightProposal) -> str:
    """What ``churnml health weights`` prints."""
    rows = [
        [
            weight.dimension,
            f"{weight.declared:g}",
            number(weight.proposed, 1),
            f"{number(weight.low, 1)} to {number(weight.high, 1)}",
            "yes" if weight.agrees else "no",
        ]
        for weight in proposal.weights
    ]
    header = ["dimension", "by hand", "by the past", "95 %", "agrees"]
    return "\n".join([*table(header, rows, right=(1, 2, 3)), "", f"  {proposal.sentence}"])


def overrides_text(overrides: Sequence[Override], judgement: OverrideJudgement) -> str:
    """What ``churnml health overrides`` prints."""
    if not overrides:
        return "Nobody has overridden a score."
    rows = [
        [
            override.override_id,
            printable(override.account_id),
            f"{override.score:g}",
            printable(override.author),
            str(override.made_on),
            f"taken back {override.withdrawn_on}" if override.withdrawn_on else str(override.expires_on),
            printable(override.reason),
        ]
        for override in overrides
    ]
    header = ["override", "account", "score", "by", "made on", "until", "because"]
    lines = table(header, rows, right=(2,))
    lines += [
        "",
        f"  {len(judgement.judged)} can be judged, {judgement.not_yet} not yet, {judgement.withdrawn} were taken back"
        + (f", {judgement.unclear} are unclear" if judgement.unclear else ""),
    ]
    for record in judgement.records:
        who = "everybody" if record.author is None else printable(record.author)
        lines.append(
            f"  {who}, {record.direction}: {record.as_said} of {record.judged} went that way "
            f"({percent(record.low)} to {percent(record.high)}); person right {record.person_right}, "
            f"model right {record.model_right}. {record.verdict}"
        )
    return "\n".join(lines)


def flaps_text(rates: Mapping[str, FlapRate]) -> str:
    """What ``churnml health flaps`` prints."""
    rows = [
        [SETTLING_NAMES[name], number(rate.changes), number(rate.flaps), number(rate.per_account_year, 2)]
        for name, rate in rates.items()
    ]
    within = next(iter(rates.values())).within_days
    lines = table(["bands", "changes", "flaps", "flaps an account-year"], rows, right=(1, 2, 3))
    return "\n".join([*lines, "", f"  A flap is a change taken back within {within} days."])
