"""What the command line prints: plain text for people, from the same data that ``--json`` gives."""

from churnml.pages.terminal.accounts import account_text, queue_text
from churnml.pages.terminal.data import CheckedTables, audit_text, check_data, check_text
from churnml.pages.terminal.deliveries import deliveries_text
from churnml.pages.terminal.health import flaps_text, overrides_text, preview_data, preview_text, weights_text
from churnml.pages.terminal.impact import impact_text
from churnml.pages.terminal.models import (
    appointed_text,
    comparison_text,
    history_text,
    model_text,
    origin_text,
    versions_text,
)
from churnml.pages.terminal.run import QUEUE_SHOWN, RunPlaces, run_text
from churnml.pages.terminal.work import changed_text, item_text, log_text, overflow_text, work_list_text

__all__ = [
    "QUEUE_SHOWN",
    "CheckedTables",
    "RunPlaces",
    "account_text",
    "appointed_text",
    "audit_text",
    "changed_text",
    "check_data",
    "check_text",
    "comparison_text",
    "deliveries_text",
    "flaps_text",
    "history_text",
    "impact_text",
    "item_text",
    "log_text",
    "model_text",
    "origin_text",
    "overflow_text",
    "overrides_text",
    "preview_data",
    "preview_text",
    "queue_text",
    "run_text",
    "versions_text",
    "weights_text",
    "work_list_text",
]
