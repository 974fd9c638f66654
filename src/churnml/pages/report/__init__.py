"""report.html: one self-contained page of a run, for whoever acts on it and whoever doubts it."""

from churnml.pages.report.data import Places
from churnml.pages.report.page import ReportedProject, report_html

__all__ = ["Places", "ReportedProject", "report_html"]
