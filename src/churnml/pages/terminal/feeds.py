"""What ``churnml data`` prints."""

from __future__ import annotations

from collections.abc import Sequence

from churnml.pages.feeds import DataStatus, break_text, breaks_lines, held_text
from churnml.pages.presenter import number, percent, printable
from churnml.pages.terminal.layout import table
from churnml.watch.breaks import AcceptedBreak

HISTORY_SHOWN = 10


def status_text(status: DataStatus) -> str:
    """What ``churnml data status`` prints."""
    rows = [[feed.table, number(feed.rows), str(feed.newest or ""), percent(feed.share_aside)] for feed in status.feeds]
    lines = [f"{status.project}: data before {status.as_of}", ""]
    lines += table(["table", "rows", "newest day", "set aside"], rows, right=(1, 3))
    if status.breaks:
        lines += ["", "BROKEN", "", *breaks_lines(status.breaks), "", *_how_to_go_on(status)]
    else:
        lines += ["", "  Nothing is broken: what comes is what usually comes."]
    if status.held is not None and status.scored is not None:
        lines += ["", f"  {status.scored} is {held_text(status.scored, status.held)}"]
    if status.history:
        lines += ["", "BEFORE", "", *_history(status)]
    return "\n".join(lines)


def _how_to_go_on(status: DataStatus) -> list[str]:
    lines = ["  Mend the feed, and the next run goes on by itself. What is meant, is said once:"]
    lines.append("    churnml data accept BREAK --by NAME --why REASON")
    if any(one.instead and one.kind.value == "renamed" for one in status.breaks):
        lines.append("    churnml data accept BREAK --as-rename …  (the new name is read as the old one from then on)")
    return lines


def _history(status: DataStatus) -> list[str]:
    lines = []
    for one in status.history[:HISTORY_SHOWN]:
        how = f"ended on {one.ended_on}" if one.acceptance is None else f"meant, says {one.acceptance.who}"
        lines.append(f"  {printable(break_text(one.data_break))}")
        lines.append(f"    noticed on {one.noticed_on}, {printable(how)}")
    left_out = len(status.history) - HISTORY_SHOWN
    return [*lines, *([f"  and {left_out} more (--json)"] if left_out > 0 else [])]


def accepted_text(done: Sequence[AcceptedBreak]) -> str:
    """What ``churnml data accept`` prints."""
    lines = []
    for one in done:
        told, again = one.data_break, "" if one.new else " (that was said before)"
        if one.renamed:
            lines.append(
                f"project.yaml says that '{printable(told.instead)}' is '{printable(told.subject)}' from now on: its "
                f"events are read under the old name, and every feature of it goes on{again}"
            )
        else:
            lines.append(f"{printable(told.break_id)} is meant: it holds nothing from the next run on{again}")
    return "\n".join(lines)
