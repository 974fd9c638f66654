"""Which accounts were being worked, and which training rows that touches: so that retraining knows.

A model learns from what became of accounts, and the team changes what becomes of them. An account that was in danger,
was called and stayed is a negative like any other: the next model learns that accounts like it are safe, and whoever
would need the call is no longer on the list. A rescue that works looks like a false alarm. So every row whose outcome
may have been changed after its features were read is marked.

Marked is not dropped. The rows that were worked are those the model thought in danger; without them it would be trained
on accounts like none it will have to judge, which is worse than the loop unless a large part was held out. By default
they are kept and counted, and the counts stand in the record of the training.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from churnml.ledger import Assignment, WorkItem
from churnml.modelling.record import TreatedRows
from churnml.timeline import DAY, Reach

COLUMNS = ("account_id", "playbook", "starts", "ends")


def treatment_marks(assignments: Sequence[Assignment], items: Sequence[WorkItem]) -> pd.DataFrame:
    """When accounts were being worked.

    Args:
        assignments: arms; a treated one without any work item marks its day of enrolment, since somebody may have
            acted on the list.
        items: every work item marks the days it was open, whatever arm the account was in and however it ended: a
            dismissed one may have been acted on before.

    Returns:
        ``account_id, playbook, starts, ends``, sorted: from the first date up to but not including the second, which
        is missing while the work is open. Dates as ``datetime64[us]``.
    """
    spans = [(p.account_id, p.playbook, p.opened_on, None if p.ended_on is None else p.ended_on + DAY) for p in items]
    worked = {(p.account_id, p.playbook) for p in items}
    spans += [
        (a.account_id, a.playbook, a.assigned_on, a.assigned_on + DAY)
        for a in assignments
        if a.arm == "treated" and (a.account_id, a.playbook) not in worked
    ]
    marks = pd.DataFrame(spans, columns=list(COLUMNS)).astype({"account_id": "object", "playbook": "object"})
    for column in ("starts", "ends"):
        marks[column] = pd.to_datetime(marks[column]).astype("datetime64[us]")
    return marks.sort_values(["account_id", "starts", "playbook"], kind="stable", ignore_index=True)


def treated_in_window(rows: pd.DataFrame, marks: pd.DataFrame, reach: Reach) -> np.ndarray:
    """Which rows' outcomes may have been changed after their features were read.

    Args:
        rows: training rows with ``account_id, as_of``.
        marks: see :func:`treatment_marks`.
        reach: of the label.

    Returns:
        One flag a row: whether its account was being worked at any time from the cutoff until the label window closed.
        The gap counts too: it is when the team acts. Work that had ended before the cutoff does not: what it did to
        the account the features have seen.
    """
    numbered = pd.DataFrame({"account_id": rows["account_id"].to_numpy(), "row": np.arange(len(rows))})
    numbered["opens"] = pd.to_datetime(rows["as_of"].to_numpy()).astype("datetime64[us]")
    numbered["closes"] = numbered["opens"] + pd.Timedelta(days=reach.gap + reach.horizon)
    pairs = numbered.merge(marks, on="account_id")
    overlap = (pairs["starts"] < pairs["closes"]) & (pairs["ends"].isna() | (pairs["ends"] > pairs["opens"]))
    flags = np.zeros(len(rows), dtype=bool)
    flags[pairs.loc[overlap, "row"].to_numpy()] = True
    return flags


def touched(rows: pd.DataFrame, marks: pd.DataFrame, reach: Reach, dropped: bool = False) -> TreatedRows:
    """Counts what :func:`treated_in_window` flags among rows with ``label`` (rows without one are not counted)."""
    rows = rows[rows["label"].notna()]
    flags, labels = treated_in_window(rows, marks, reach), rows["label"].to_numpy(float)
    by_playbook = {
        str(playbook): int(treated_in_window(rows, part, reach).sum()) for playbook, part in marks.groupby("playbook")
    }
    treated, positives, both = int(flags.sum()), int(labels.sum()), int(labels[flags].sum())
    return TreatedRows(
        rows=len(rows),
        treated=treated,
        positives=positives,
        treated_positives=both,
        playbooks={playbook: count for playbook, count in by_playbook.items() if count},
        dropped=dropped,
    )
