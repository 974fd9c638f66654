"""The charts of a model in the report, with their words."""

from __future__ import annotations

from churnml.modelling.record import ModelRecord
from churnml.pages import charts
from churnml.pages.report.parts import ReportChart, report_chart


def forest_of(record: ModelRecord) -> ReportChart | None:
    measured = [figures["roc_auc"].value for figures in record.figures.values() if "roc_auc" in figures]
    if all(value is None for value in measured):
        return None
    return report_chart(
        charts.forest_chart(record.figures, "roc_auc"),
        "ROC AUC beside the rivals",
        "Dots are what was measured, lines the 95 % interval. Overlapping lines decide nothing: "
        "the paired column of the table does.",
    )


def reliability_of(record: ModelRecord) -> ReportChart | None:
    if not record.reliability:
        return None
    return report_chart(
        charts.reliability_chart(record.reliability),
        "Do the probabilities hold?",
        "Accounts in groups of like probability: what was said of them against the share seen. "
        "On the dashed line both agree; lines are 95 % intervals.",
    )


def gains_of(record: ModelRecord) -> ReportChart | None:
    if not record.gains:
        return None
    return report_chart(
        charts.gains_chart(record.gains),
        "What the top of the list catches",
        "If the accounts with the highest probability are contacted first: how many of all outcomes are among them.",
    )


def split_of(record: ModelRecord) -> ReportChart:
    return report_chart(
        charts.split_chart(
            record.label.reach, record.training.cutoffs, record.training.purged, record.cutoff, record.data_through
        ),
        "How the cutoffs were split",
        "Each line is one cutoff (the dot) with its label window (the bar) and, dotted, the days until the outcome "
        "is final. A cutoff may train only if that was over when the judged cutoff came; the others are purged. "
        "The dashed lines are the judged cutoff and the end of the data.",
    )
