"""Inputs of health that have no say, in words: on the terminal, the card and the report."""

from __future__ import annotations

from churnml.modelling.record import ModelRecord, UnheardInput
from churnml.pages.presenter import percent, plural


def weight_left(record: ModelRecord) -> str:
    """How many inputs have no say, and what share of the weight of the dimensions is left to the others."""
    silent = [one for one in record.unheard if not one.insisted]
    left = 1.0 - sum(one.weight for one in silent)
    has = plural(len(silent), "input has", "inputs have")
    return f"In health {has} no say, {percent(left, 0)} of the weight of its dimensions is left"


def unheard_sentence(one: UnheardInput) -> str:
    """Which input, and why it has no say."""
    insisted = "; it is heard all the same, since health.yaml insists" if one.insisted else ""
    return f"{one.feature} {one.why}{insisted}"
