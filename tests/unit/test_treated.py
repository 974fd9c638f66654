"""Training rows that the team's work may have changed are marked, so that a rescue is not learned as a false alarm."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.impact.treated import touched, treated_in_window, treatment_marks
from churnml.ledger import Assignment, WorkItem
from churnml.pages.training_rows import treated_sentence
from churnml.timeline import Reach
from tests.support import day, table

# The cutoff is 2024-06-01, the label window [2024-06-08, 2024-07-08).
REACH = Reach(7, 30)
EXAMPLES = """
case                                       | opened     | ended      | marked
ended the day before the cutoff            | 2024-05-01 | 2024-05-31 | no
still open on the day of the cutoff        | 2024-05-01 | 2024-06-01 | yes
open since before and not ended            | 2024-05-01 |            | yes
opened on the day of the cutoff            | 2024-06-01 | 2024-06-01 | yes
opened and ended in the gap                | 2024-06-03 | 2024-06-05 | yes
opened on the last day of the window       | 2024-07-07 |            | yes
opened when the window had closed          | 2024-07-08 |            | no
"""
CASES = table(EXAMPLES).to_dict("records")


def item(account: str, opened: str, ended: str = "", playbook: str = "rescue", state: str = "done") -> WorkItem:
    ended_on = day(ended) if ended else None
    return WorkItem(
        f"w-{account}-{opened}", account, playbook, "", "kim", state, day(opened), day(opened), ended_on=ended_on
    )  # type: ignore[arg-type]


def rows(*accounts: str, as_of: str = "2024-06-01") -> pd.DataFrame:
    return pd.DataFrame({"account_id": accounts, "as_of": pd.Timestamp(as_of), "label": [0.0] * len(accounts)})


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_a_row_is_marked_when_its_account_was_worked_between_cutoff_and_the_windows_close(case: dict[str, str]) -> None:
    marks = treatment_marks([], [item("a", case["opened"], case["ended"])])
    flags = treated_in_window(rows("a", "b"), marks, REACH)
    assert flags.tolist() == [case["marked"] == "yes", False]


def test_a_held_out_account_marks_nothing_unless_it_was_worked_all_the_same() -> None:
    drawn = [
        Assignment("treated", "rescue", "treated", 0.9, day("2024-06-02")),
        Assignment("held", "rescue", "holdout", 0.9, day("2024-06-02")),
        Assignment("crossed", "rescue", "holdout", 0.9, day("2024-06-02")),
    ]
    marks = treatment_marks(drawn, [item("crossed", "2024-06-10")])
    assert marks["account_id"].tolist() == ["crossed", "treated"]
    assert treated_in_window(rows("treated", "held", "crossed"), marks, REACH).tolist() == [True, False, True]


def test_a_treated_account_with_work_is_marked_by_its_work_alone() -> None:
    drawn = [Assignment("a", "rescue", "treated", 0.9, day("2024-06-02"))]
    marks = treatment_marks(drawn, [item("a", "2024-06-02", "2024-06-20")])
    assert marks[["starts", "ends"]].astype(str).to_numpy().tolist() == [["2024-06-02", "2024-06-21"]]


def test_flags_stand_in_the_order_of_the_rows_and_a_row_is_marked_once() -> None:
    work = [item("a", "2024-06-02"), item("a", "2024-06-09", playbook="care"), item("c", "2023-01-01", "2023-02-01")]
    asked = pd.concat([rows("c", "a"), rows("a", as_of="2024-01-01"), rows("b")]).set_index(pd.Index([9, 9, 3, 1]))
    assert treated_in_window(asked, treatment_marks([], work), REACH).tolist() == [False, True, False, False]


def test_no_work_marks_nothing() -> None:
    marks = treatment_marks([], [])
    assert treated_in_window(rows("a"), marks, REACH).tolist() == [False]
    assert treated_sentence(touched(rows("a"), marks, REACH)).startswith("no training row")


def test_the_record_of_a_training_says_how_many_rows_were_touched_and_how_they_differ() -> None:
    asked = rows("a", "b", "c", "d", "e").assign(label=[0.0, 1.0, 1.0, 1.0, None])
    marks = treatment_marks(
        [], [item(x, "2024-06-10") for x in ("a", "b", "e")] + [item("a", "2024-06-11", playbook="care")]
    )
    found = touched(asked, marks, REACH)
    assert (found.rows, found.treated, found.positives, found.treated_positives) == (4, 2, 3, 1)
    assert found.playbooks == {"care": 1, "rescue": 2}
    assert treated_sentence(found) == (
        "2 of 4 training rows were worked by the team before their outcome was known and were kept: "
        "50.0 % of them were positive, of the others 100.0 %"
    )
    assert found.model_dump(mode="json")["treated"] == 2
    assert "left out" in treated_sentence(touched(asked, marks, REACH, dropped=True))
