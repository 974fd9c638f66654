"""Writes ``models/<name>/card.md`` and the record it is made from: the demo's company, simulated and trained anew.

Run by ``make cards``; ``tests/architecture/test_cards.py`` fails when a card does not agree with its record, or the
record with the model's declaration.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import tempfile
from pathlib import Path

from churnml.jsontypes import JsonObject
from churnml.modelling.record import ModelRecord
from churnml.pages.card import card

MODELS = Path(__file__).parents[1] / "models"
NAMES = ("churn", "upsell")
# What `make demo` simulates.
ACCOUNTS, SEED = 2000, 7
# The record's longest part, which no card shows.
LEFT_OUT: JsonObject = {"gains": []}


def record_text(record: ModelRecord) -> str:
    """A record as it is committed beside its card."""
    return json.dumps(record.as_data() | LEFT_OUT, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write(name: str, record: ModelRecord) -> None:
    """Writes a model's record and its card."""
    folder = MODELS / name
    (folder / "record.json").write_text(record_text(record), "utf-8")
    # as it is read again: the order of figures in a file is not that of the run
    (folder / "card.md").write_text(card(ModelRecord.read(json.loads(record_text(record)))), "utf-8")


def main() -> None:
    """Simulates, trains, writes; ``--render`` only renders the committed records again."""
    if "--render" in sys.argv:
        for name in NAMES:
            write(name, ModelRecord.read(json.loads((MODELS / name / "record.json").read_text("utf-8"))))
        return
    os.environ["CHURNML_ENGINE"] = "plain"
    from churnml.simulate import simulate
    from pipelines.train import train

    with tempfile.TemporaryDirectory() as scratch:
        company = Path(scratch) / "demo"
        simulate(company, accounts=ACCOUNTS, seed=SEED)
        for name, record in train(str(company), list(NAMES), str(dt.date(2026, 1, 1))).items():
            write(name, record)


if __name__ == "__main__":
    main()
