"""The views of the operational store that others build on: every column with its meaning, under a version.

What stands here is what ``docs/outputs.md`` says and what the views hold, in this order. Adding a view or a column
counts up the minor version; taking one away, or making it mean something else, the major one. A migration makes the
views anew then, and ``tests/store/outputs`` keeps the columns of every version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# major, minor
OUTPUT_SCHEMA = (1, 1)

# as SQLite and PostgreSQL hand them out: a date is its ISO text on SQLite
OutputKind = Literal["text", "number", "count", "yes or no", "date", "moment", "JSON"]


@dataclass(frozen=True)
class OutputColumn:
    """A column of a view.

    Args:
        name: as others read it.
        kind: what it holds.
        means: what it is, in which unit, and what null says; half a sentence.
    """

    name: str
    kind: OutputKind
    means: str


@dataclass(frozen=True)
class OutputView:
    """A view of the store.

    Args:
        name: as others read it.
        grain: what a row is.
        means: what it holds, and what it leaves out.
        columns: in their order.
    """

    name: str
    grain: str
    means: str
    columns: tuple[OutputColumn, ...]


_SCORE_COLUMNS = (
    OutputColumn("as_of", "date", "the date that was scored: what was known before its midnight"),
    OutputColumn("revision", "count", "how often that date was scored by then; only the newest revision is shown"),
    OutputColumn("scored_at", "moment", "when it was scored, UTC"),
    OutputColumn("stale_since", "date", "the date these scores are of, where broken data held them; null: of as_of"),
    OutputColumn("account_id", "text", "the account"),
    OutputColumn("owner_id", "text", "who looks after it, as the accounts table said on that date; null: nobody"),
    OutputColumn("segment", "text", "its segment; null: none is known"),
    OutputColumn("mrr", "number", "its monthly recurring revenue, in the project's currency; null: not known"),
    OutputColumn("health", "number", "the health score, 0 to 100, 100 is best; null: too little is known"),
    OutputColumn("band", "text", "the settled band, as models/health.yaml names it, or `insufficient_data`"),
    OutputColumn("band_since", "date", "the first date it was in that band without a break"),
    OutputColumn("coverage", "number", "the share of the score's weight that was known, 0 to 1"),
    OutputColumn("dimensions", "JSON", "dimension of health → its score, 0 to 100 or null"),
    OutputColumn("overridden", "yes or no", "whether a person's override stands in place of the computed score"),
    OutputColumn("churn_probability", "number", "the calibrated probability of churn in its window; null: no champion"),
    OutputColumn("upsell_probability", "number", "the same of upsell; null: no champion of upsell"),
    OutputColumn("mrr_at_risk", "number", "MRR × probability of churn, a month"),
    OutputColumn("leaves_from", "date", "the first day of the period it most likely leaves in; null: no hazard"),
    OutputColumn("leaves_to", "date", "the last day of that period"),
    OutputColumn("leaves_probability", "number", "the probability that it leaves in that period"),
    OutputColumn("reason_1", "text", "the heaviest reason, a sentence with the account's own number; null: none"),
    OutputColumn("reason_2", "text", "the second"),
    OutputColumn("reason_3", "text", "the third"),
    OutputColumn("growth_reason_1", "text", "why it may grow; null: none"),
    OutputColumn("models", "JSON", "model → the registered version that was used, or null"),
    OutputColumn("name", "text", "what people call the account, as its table said when it was scored; null: nothing"),
)

OUTPUT_VIEWS = (
    OutputView(
        "output_schema",
        "the version",
        "One row. Read it first, and stop at a major version you do not know.",
        (
            OutputColumn("major", "count", "counted up when a column goes or comes to mean something else"),
            OutputColumn("minor", "count", "counted up when a view or a column is added; 0 again with a new major"),
        ),
    ),
    OutputView(
        "scores_latest",
        "an account of the newest scored date",
        "Every account that was eligible on that date, held out or not. Who is not in it any more was not eligible.",
        _SCORE_COLUMNS,
    ),
    OutputView(
        "scores_history",
        "an account on a scored date",
        "The same for every scored date, each in its newest revision.",
        _SCORE_COLUMNS,
    ),
    OutputView(
        "work_open",
        "a work item that lives",
        "Open or snoozed, as it stands now. An account that is held out so that a playbook can be measured has no work "
        "item, and no view says that it would have had one.",
        (
            OutputColumn("work_id", "text", "the work item; `churnml work done` takes it"),
            OutputColumn("account_id", "text", "the account"),
            OutputColumn("playbook", "text", "the playbook it follows"),
            OutputColumn("reason", "text", "the code of its reason; empty where the rule asks for none"),
            OutputColumn("title", "text", "what to do, in the playbook's words of the newest date that listed it"),
            OutputColumn("goal", "text", "`keep`, `grow` or `care`, as the playbook says"),
            OutputColumn("owner", "text", "who has it: a person's id, or `team:…`"),
            OutputColumn("state", "text", "`open`, or `snoozed` until a date"),
            OutputColumn("opened_on", "date", "when it was opened"),
            OutputColumn("due", "date", "the last day to do it"),
            OutputColumn("snoozed_until", "date", "off the list before this date; null unless snoozed"),
            OutputColumn("escalated_on", "date", "when it was escalated for being overdue; null: it was not"),
            OutputColumn("minutes", "count", "the declared effort"),
            OutputColumn("cost", "number", "the declared cost, in the project's currency"),
            OutputColumn("value", "number", "the expected MRR it was opened for, a month; null: not known"),
        ),
    ),
)
