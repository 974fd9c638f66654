"""What ``churnml check`` and ``churnml audit`` print."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from textwrap import wrap

from churnml.arrivals import ArrivalColumns, Assumption, would_tell
from churnml.audit.findings import Audit, CutoffProof, FeatureProof, Finding, Severity
from churnml.jsontypes import JsonObject
from churnml.pages.feeds import BREAKS_SHOWN, break_data, breaks_lines
from churnml.pages.presenter import number, printable, words
from churnml.pages.remarks import remark_data, remark_lines
from churnml.pages.terminal.layout import table
from churnml.remarks import Remark
from churnml.rules.checking import RuleFinding
from churnml.tables import TABLES
from churnml.watch.breaks import DataBreak


@dataclass(frozen=True)
class CheckedTables:
    """What checking a project's tables and playbooks gave.

    Args:
        project: its name.
        data_through: the last date of the data.
        rows: contract table → rows kept.
        quarantined, warned: contract table → reason → rows set aside, and rows kept with a warning.
        findings: what about the playbooks is hardly meant.
        quarantine_file: where the rows set aside are, relative to the project.
        breaks: what is broken in the data.
        remarks: what is told of the tables' columns.
        assumed: the facts whose arrival is taken to be their occurrence.
        arrival_columns: columns that look as if they said when rows arrived and are not mapped.
    """

    project: str
    data_through: dt.date
    rows: Mapping[str, int]
    quarantined: Mapping[str, Mapping[str, int]]
    warned: Mapping[str, Mapping[str, int]]
    findings: Sequence[RuleFinding]
    quarantine_file: str
    breaks: Sequence[DataBreak] = ()
    remarks: Sequence[Remark] = ()
    assumed: Sequence[Assumption] = ()
    arrival_columns: ArrivalColumns = field(default_factory=dict)


def check_data(checked: CheckedTables) -> JsonObject:
    """What ``churnml check --json`` prints."""
    return {
        "project": checked.project,
        "data_through": str(checked.data_through),
        "rows": dict(checked.rows),
        "quarantined": {name: dict(reasons) for name, reasons in checked.quarantined.items()},
        "warned": {name: dict(reasons) for name, reasons in checked.warned.items()},
        "remarks": [remark_data(one) for one in checked.remarks],
        "playbooks": [asdict(finding) for finding in checked.findings],
        "quarantine_table": checked.quarantine_file,
        "breaks": [break_data(one) for one in checked.breaks],
        "arrival_assumed": [asdict(assumed) for assumed in checked.assumed],
        "arrival_columns": {name: [asdict(c) for c in columns] for name, columns in checked.arrival_columns.items()},
    }


def check_text(checked: CheckedTables) -> str:
    """What ``churnml check`` prints."""
    rows = [
        [
            name,
            number(kept),
            number(sum(checked.quarantined.get(name, {}).values())),
            number(sum(checked.warned.get(name, {}).values())),
        ]
        for name, kept in checked.rows.items()
    ]
    lines = [f"{checked.project}: data through {checked.data_through}", ""]
    lines += table(["table", "kept", "set aside", "warnings"], rows, right=(1, 2, 3))
    lines += data_lines(checked.quarantined, checked.warned)
    lines += remark_lines(checked.remarks)
    if checked.breaks:
        lines += ["", "  BROKEN FEEDS", "", *breaks_lines(checked.breaks, BREAKS_SHOWN)]
    lines += _arrival_lines(checked)
    for finding in checked.findings:
        lines += ["", f"  playbook {finding.playbook}: {finding.what}", f"    {finding.remedy}"]
    lines += ["", f"  What was set aside, with its reason and source row: {checked.quarantine_file}"]
    return "\n".join(lines)


def _arrival_lines(checked: CheckedTables) -> list[str]:
    """Which facts count as known when they happened, what that risks, and which columns would tell."""
    told = [assumed.sentence for assumed in checked.assumed]
    told += [would_tell(name, columns) for name, columns in checked.arrival_columns.items() if columns]
    if not told:
        return []
    wrapped = [line for text in told for line in wrap(printable(text), 100, subsequent_indent="  ")]
    return ["", "  TAKEN AS KNOWN WHEN IT HAPPENED", "", *(f"  {line}" for line in wrapped)]


def data_lines(quarantined: Mapping[str, Mapping[str, int]], warned: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Each reason a row was set aside or warned about, with its count."""
    rows = [[name, reason, number(n), "set aside"] for name, of in quarantined.items() for reason, n in of.items()]
    # of a file it is lines that are counted, and some of them are none of its rows
    rows += [
        [name, reason, number(n), "kept" if name in TABLES else "told"]
        for name, of in warned.items()
        for reason, n in of.items()
    ]
    return ["", *table(["table", "reason", "rows", "what was done"], rows, right=(2,))] if rows else []


# How rows of a contract table are called.
ROWS_OF = {"usage_events": "events", "support_tickets": "tickets", "churn_events": "leavings"}
SEVERITY_MARKS = {
    Severity.LEAK: "LEAK",
    Severity.VOID: "VOID",
    Severity.WARNING: "warning",
    Severity.OK: "note",
}
FEATURES_NAMED = 8


def audit_text(audit: Audit) -> str:
    """What ``churnml audit`` prints."""
    proof = audit.features
    lines = [
        f"{printable(audit.project)}: audit of data through {audit.data_through}",
        "",
        f"  {len(proof.features)} features and {_populations(len(audit.labels))}, built from the facts as they are,",
        "  without what nobody knew before the cutoff, and with that come out otherwise and rows made up besides:",
        "",
        *_tried_lines(proof.tried, "not known then"),
        "",
        *_control_lines(proof),
        "",
    ]
    for label in audit.labels:
        lines += [
            f"  label of {printable(label.model)}, from the facts as they are, and as they were or could have been "
            "once it was settled:",
            "",
            *_tried_lines(label.tried, "later than settled"),
            "",
            f"  Control: facts changed inside its window changed {number(label.changed)} labels.",
            "",
        ]
    marks = [f"  {SEVERITY_MARKS[f.severity]}: {_of_model(f)}{printable(f.sentence)}" for f in audit.findings]
    worst = "Nothing looks past its cutoff." if audit.passed else "The audit failed."
    return "\n".join([*lines, *marks, *([""] if marks else []), f"  {worst}"])


def _populations(models: int) -> str:
    return "the population of one model" if models == 1 else f"the populations of {models} models"


def _of_model(finding: Finding) -> str:
    return f"[{printable(finding.model)}] " if finding.model else ""


def _tried_lines(tried: Sequence[CutoffProof], removed: str) -> list[str]:
    rows = [[str(cutoff.as_of), number(cutoff.rows), _rows(cutoff.removed), _rows(cutoff.added)] for cutoff in tried]
    return table(["cutoff", "snapshots", removed, "made up"], rows, right=(1,)) if rows else ["  no cutoff"]


def _rows(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number(n)} {ROWS_OF.get(name, name)}" for name, n in counts.items() if n) or "nothing"


def _control_lines(proof: FeatureProof) -> list[str]:
    of = len(proof.features) - len(proof.static)
    by_source = ", ".join(f"{len(names)} that read {source}" for source, names in proof.moved.items())
    moved = of - len(proof.unmoved)
    lines = [
        f"  Control: the made-up rows, known one day before the cutoff, moved {moved} of {of} features:",
        f"  {by_source or 'none of them from a table'}, and those made of them.",
    ]
    if proof.unmoved:
        lines.append(f"  Not moved, so nothing is proved of: {_some(proof.unmoved)}.")
    if proof.static:
        lines.append(f"  What an account or the date simply is, no row moves: {_some(proof.static)}.")
    if proof.placed:
        lines.append(f"  As good as what they place: {_some(proof.placed)}.")
    caught = [words(name) for name, was in proof.canaries.items() if was]
    missed = [words(name) for name, was in proof.canaries.items() if not was]
    lines.append(f"  Canaries: {len(caught)} of {len(caught) + len(missed)} planted features that leak were caught:")
    lines.append(f"  {', '.join(caught) or 'none'}.")
    return [*lines, *([f"  Missed: {', '.join(missed)}."] if missed else [])]


def _some(names: Sequence[str]) -> str:
    more = len(names) - FEATURES_NAMED
    return ", ".join(printable(name) for name in names[:FEATURES_NAMED]) + (f" and {more} more" if more > 0 else "")
