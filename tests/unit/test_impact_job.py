"""What came of who was enrolled, from the contract tables; and that nothing later than the data may know is used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from churnml.impact.measures import Terms
from churnml.jobs.impact import assess, churn_label, enrolments, known_outcomes, outcomes, upsell_label
from churnml.jobs.opening import open_data
from churnml.labels import Label
from churnml.ledger import Assignment, WorkItem
from churnml.specs.playbooks import Measured
from tests.support import TODAY, day, make_project, quick_facts, table

CHURN = Label(kind="contract", gap=7, horizon=30, grace=14)
UPSELL = Label(kind="upsell", gap=7, horizon=30, mrr_up_by=0.1)

# Enrolled on 2024-06-01; the window is [2024-06-01, 2024-07-08), settled on 2024-07-22.
SUBSCRIPTIONS = """
account_id  | subscription_id | starts_at  | ends_at    | mrr  | cancelled_at
stays       | s1              | 2024-01-01 |            | 100  |
leaves      | s2              | 2024-01-01 | 2024-06-20 | 100  |
in the gap  | s3              | 2024-01-01 | 2024-06-03 | 100  |
after it    | s4              | 2024-01-01 | 2024-07-08 | 100  |
back again  | s5              | 2024-01-01 | 2024-06-20 | 100  |
back again  | s6              | 2024-06-25 |            | 40   |
grows       | s7              | 2024-01-01 | 2024-06-15 | 100  |
grows       | s7              | 2024-06-15 |            | 125  |
shrinks     | s8              | 2024-01-01 | 2024-06-15 | 100  |
shrinks     | s8              | 2024-06-15 |            | 60   |
had left    | s9              | 2024-01-01 | 2024-05-20 | 100  | 2024-06-10
"""
# what came of them: state, left, kept, state, grew, won
EXPECT = """
account_id  | churn_state | left | kept | upsell_state | grew | won
stays       | counted     | 0    | 1    | counted      | 0    | 0
leaves      | counted     | 1    | 0    | counted      | 0    | -1
in the gap  | counted     | 1    | 0    | counted      | 0    | -1
after it    | counted     | 0    | 1    | counted      | 0    | 0
back again  | counted     | 0    | 0.4  | counted      | 0    | -0.6
grows       | counted     | 0    | 1.25 | counted      | 1    | 0.25
shrinks     | counted     | 0    | 0.6  | counted      | 0    | -0.4
had left    | gone        |      | 0    | counted      | 0    | -1
not there   | vanished    |      |      | vanished     |      |
"""
ON = dt.date(2024, 6, 1)


def facts_of(subscriptions: str = SUBSCRIPTIONS, through: str = "2024-12-31"):
    rows = table(subscriptions).replace("", None)
    accounts = pd.DataFrame({"account_id": sorted(set(rows["account_id"])), "created_at": "2023-01-01"})
    return quick_facts({"accounts": accounts, "subscriptions": rows}, day(through))


def enrolled(accounts: Sequence[str], on: dt.date = ON, mrr: float | None = 100.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "account_id": list(accounts),
            "as_of": pd.to_datetime([on] * len(accounts)).astype("datetime64[us]"),
            "assigned_on": on,
            "mrr": np.nan if mrr is None else mrr,
        }
    )


def said(found: pd.DataFrame) -> pd.DataFrame:
    columns = ["churn_state", "left", "kept", "upsell_state", "grew", "won"]
    return found.set_index("account_id")[columns].astype(object).where(lambda f: f.notna(), None)


def test_what_came_of_an_account_is_what_the_worked_example_shows() -> None:
    expected = table(EXPECT).set_index("account_id")
    found = said(outcomes(facts_of(), CHURN, UPSELL, enrolled(expected.index)))
    for account, row in expected.iterrows():
        for column, value in row.items():
            seen = found.loc[account, column]
            if column.endswith("state"):
                assert seen == value, (account, column)
            else:
                assert (seen is None) if value == "" else seen == pytest.approx(float(value)), (account, column)


def test_what_was_paid_at_enrolment_is_what_was_logged_then_or_else_what_was_known_then() -> None:
    facts = facts_of()
    logged = outcomes(facts, CHURN, UPSELL, enrolled(["grows"], mrr=50.0))
    looked_up = outcomes(facts, CHURN, UPSELL, enrolled(["grows"], mrr=None))
    assert (logged["mrr"].item(), logged["kept"].item()) == (50.0, 2.5)
    assert (looked_up["mrr"].item(), looked_up["kept"].item()) == (100.0, 1.25)
    nothing = outcomes(facts, CHURN, UPSELL, enrolled(["grows"], mrr=0.0))
    assert np.isnan(nothing["kept"].item())


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    ("through", "churn_state", "upsell_state"),
    [
        ("2024-07-20", "waiting", "counted"),
        ("2024-07-21", "counted", "counted"),
        ("2024-07-07", "waiting", "counted"),
        ("2024-07-06", "waiting", "waiting"),
    ],
)
def test_an_outcome_counts_from_the_day_its_window_has_settled_and_not_a_day_before(
    through: str, churn_state: str, upsell_state: str
) -> None:
    found = outcomes(facts_of(through=through), CHURN, UPSELL, enrolled(["stays", "leaves"]))
    assert set(found["churn_state"]) == {churn_state}
    assert set(found["upsell_state"]) == {upsell_state}
    waiting = found[found["churn_state"] == "waiting"]
    assert waiting[["left", "kept"]].isna().all(axis=None)


def test_what_happens_after_the_window_has_settled_changes_nothing_and_what_happens_in_it_does() -> None:
    accounts = ["stays", "grows"]
    before = said(outcomes(facts_of(), CHURN, UPSELL, enrolled(accounts)))
    for ends, changes in (("2024-07-08", False), ("2024-09-01", False), ("2024-07-07", True), ("2024-06-02", True)):
        changed = SUBSCRIPTIONS.replace("stays       | s1              | 2024-01-01 |            |",
                                        f"stays       | s1              | 2024-01-01 | {ends} |")  # fmt: skip
        assert changed != SUBSCRIPTIONS
        after = said(outcomes(facts_of(changed), CHURN, UPSELL, enrolled(accounts)))
        assert (not after.loc["stays"].equals(before.loc["stays"])) is changes, ends
        assert after.loc["grows"].equals(before.loc["grows"])


def test_every_enrolment_has_the_window_of_its_own_date() -> None:
    rows = pd.concat([enrolled(["leaves"]), enrolled(["leaves"], dt.date(2024, 3, 1)), enrolled(["stays"])])
    found = outcomes(facts_of(), CHURN, UPSELL, rows.assign(playbook=["a", "b", "a"]))
    assert found["left"].tolist() == [1.0, 0.0, 0.0]


def test_two_playbooks_that_enrol_an_account_on_one_date_share_its_outcome() -> None:
    rows = pd.concat([enrolled(["leaves"]), enrolled(["leaves"])]).assign(playbook=["a", "b"])
    assert outcomes(facts_of(), CHURN, UPSELL, rows)["left"].tolist() == [1.0, 1.0]


# ---------------------------------------------------------------- other kinds of leaving, and none of upsell


def test_without_an_upsell_label_growth_is_not_asked_for() -> None:
    found = outcomes(facts_of(), CHURN, None, enrolled(["stays", "grows"]))
    assert set(found["upsell_state"]) == {"unasked"}
    assert found[["grew", "won"]].isna().all(axis=None)
    assert found["kept"].tolist() == [1.0, 1.25]


def test_a_business_without_contracts_has_leavings_and_no_money() -> None:
    accounts = pd.DataFrame({"account_id": ["a", "b"], "created_at": "2023-01-01"})
    usage = table(
        "account_id | occurred_at | event\na | 2024-05-20 | login\na | 2024-06-20 | login\nb | 2024-05-20 | login"
    )
    facts = quick_facts({"accounts": accounts, "usage_events": usage}, TODAY)
    lapse = Label(kind="lapse", gap=7, horizon=30)
    found = outcomes(facts, lapse, None, enrolled(["a", "b"], mrr=None))
    assert found["left"].tolist() == [0.0, 1.0]
    assert found["kept"].isna().all()


def test_recorded_leavings_count_from_the_day_of_enrolment() -> None:
    accounts = pd.DataFrame({"account_id": ["a", "b", "c"], "created_at": "2023-01-01"})
    gone = table("account_id | churned_at\na | 2024-06-02\nb | 2024-07-07\nc | 2024-07-08")
    facts = quick_facts({"accounts": accounts, "churn_events": gone}, TODAY)
    found = outcomes(facts, Label(kind="event", gap=7, horizon=30), None, enrolled(["a", "b", "c"], mrr=None))
    assert found["left"].tolist() == [1.0, 1.0, 0.0]


# ---------------------------------------------------------------- the whole step


def item(account: str, playbook: str) -> WorkItem:
    return WorkItem(f"w-{account}", account, playbook, "", "kim", "done", ON, ON)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory):
    accounts = [f"a{n:03d}" for n in range(120)]
    subscriptions = pd.DataFrame({"account_id": accounts, "subscription_id": accounts, "mrr": 100, "plan": "team"})
    subscriptions["starts_at"] = "2023-01-01"
    # every second one of the first forty leaves in the window
    subscriptions["ends_at"] = ["2024-02-01" if n < 40 and n % 2 else "" for n in range(120)]
    project = make_project(
        tmp_path_factory.mktemp("impact"),
        {
            "accounts": pd.DataFrame({"account_id": accounts, "created_at": "2022-01-01"}),
            "subscriptions": subscriptions,
            "usage_events": pd.DataFrame({"account_id": accounts, "occurred_at": "2024-01-02", "event": "login"}),
        },
    )
    return open_data(project.root, TODAY)


def test_the_report_is_made_of_what_was_drawn_and_of_the_tables(opened) -> None:
    drawn = [
        Assignment(f"a{n:03d}", "in_trouble", "treated" if n >= 40 else "holdout", 2 / 3, dt.date(2024, 1, 8 + n % 7))
        for n in range(120)
    ]
    late = Assignment("a001", "usage_is_fading", "treated", 0.9, dt.date(2024, 12, 1))
    risks = {(a.account_id, a.assigned_on): 0.2 for a in drawn}
    steps: list[str] = []
    items = [item(a.account_id, a.playbook) for a in drawn if a.arm == "treated"]
    report = assess(opened, [*drawn, late], items, steps.append, risks=risks)
    trouble, fading = report.playbooks
    assert (trouble.title, trouble.goal) == ("Look after an account in trouble", "keep")
    assert (trouble.treated.counted, trouble.holdout.counted, trouble.treated.worked) == (80, 40, 80)
    assert (trouble.effects["left"].treated_mean, trouble.effects["left"].holdout_mean) == (0.0, 0.5)
    assert trouble.verdict == "works"
    assert trouble.effects["kept_money"].value == pytest.approx(50, abs=12)
    assert (fading.treated.waiting, fading.verdict) == (1, "not_yet")
    assert len(steps) >= 2
    turned = [Assignment(a.account_id, a.playbook, "holdout" if a.arm == "treated" else "treated", 1 / 3, a.assigned_on) for a in drawn]  # fmt: skip
    assert assess(opened, turned, items).playbooks[0].verdict == "harms"  # the control


def test_work_of_another_playbook_before_the_window_closed_is_counted_for_either_arm(opened) -> None:
    """The window of 2024-01-08 closes on 2024-04-15."""
    drawn = [
        Assignment(x, "in_trouble", arm, 0.5, day("2024-01-08"))
        for x, arm in (("a041", "holdout"), ("a042", "treated"))
    ]
    cases = {
        ("2024-01-08", None): 1,
        ("2024-04-14", None): 1,
        ("2024-04-15", None): 0,
        ("2023-12-01", "2024-01-08"): 1,
        ("2023-12-01", "2024-01-07"): 0,
    }
    for (begins, ends), counted in cases.items():
        other = replace(item("a041", "usage_is_fading"), opened_on=day(begins), ended_on=day(ends) if ends else None)
        (found,) = assess(opened, drawn, [other, item("a042", "in_trouble")]).playbooks
        assert (found.holdout.elsewhere, found.treated.elsewhere) == (counted, 0), (begins, ends)
        assert found.holdout.worked == 0
    notes = assess(opened, drawn, [item("a041", "usage_is_fading")]).notes
    assert not any("Other playbooks" in note for note in notes)  # opened in June


def test_outcomes_are_plain_rows_for_the_store_and_only_of_windows_that_are_over(opened) -> None:
    drawn = [
        Assignment("a001", "in_trouble", "treated", 0.9, dt.date(2024, 1, 8)),
        Assignment("a002", "in_trouble", "treated", 0.9, dt.date(2024, 12, 1)),
    ]
    (outcome,) = known_outcomes(opened, enrolments(opened, drawn, (), {}))
    assert (outcome.account_id, outcome.known_through) == ("a001", dt.date(2024, 12, 31))
    assert (outcome.left, outcome.kept) == (1.0, 0.0)


def test_labels_are_those_the_project_declares(opened) -> None:
    assert churn_label(opened).kind == "contract"
    assert upsell_label(opened).kind == "upsell"


def test_nobody_enrolled_gives_an_empty_report(opened) -> None:
    report = assess(opened, [], [])
    assert (report.playbooks, report.stop) == ((), ())


def test_what_a_project_declares_of_judging_is_what_the_report_judges_by():
    declared = Measured.model_validate({"worth": 0.05, "expected": 1500, "questions": 8})
    assert Terms(**declared.model_dump()) == Terms(worth=0.05, expected=1500, questions=8)
    assert Terms(**Measured().model_dump()) == Terms()
