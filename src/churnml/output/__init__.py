"""What the command line prints: plain text for people, from the same data that ``--json`` gives."""

from churnml.output.accounts import account_text, queue_text
from churnml.output.data import audit_text, check_data, check_text
from churnml.output.models import appointed_text, comparison_text, history_text, model_text, origin_text, versions_text
from churnml.output.run import QUEUE_SHOWN, run_text

__all__ = [
    "QUEUE_SHOWN",
    "account_text",
    "appointed_text",
    "audit_text",
    "check_data",
    "check_text",
    "comparison_text",
    "history_text",
    "model_text",
    "origin_text",
    "queue_text",
    "run_text",
    "versions_text",
]
