"""What ``churnml impact`` prints: verdicts in words, what to stop, and no user's text that could steer a terminal."""

from __future__ import annotations

import pandas as pd

from churnml.impact.effects import impact
from churnml.impact.measures import About, Terms
from churnml.pages.terminal.impact import impact_text
from tests.unit.test_impact import ABOUT, THROUGH, company


def said(rows: pd.DataFrame, **terms) -> str:
    return impact_text(impact(rows, ABOUT, THROUGH, Terms(**terms), "EUR"))


def test_the_report_names_what_works_and_what_to_stop() -> None:
    rows = pd.concat([company(4_000, effect=-0.1), company(4_000, 2, "care", effect=0.1)])
    text = said(rows)
    stop = text[text.index("What to stop doing") : text.index("All playbooks together")]
    assert "“Care”: it harms" in stop
    assert "Rescue" not in stop
    assert "“Rescue” works" in text
    assert "in EUR" in text
    assert "All playbooks together, 8,000 enrolments" in text
    assert "MRR kept by all treated, a month:" in text


def test_nothing_to_stop_is_said() -> None:
    assert "nothing is known to be useless or harmful" in said(company(4_000, effect=-0.1))


def test_what_is_not_yet_estimable_says_how_many_more_are_needed() -> None:
    text = said(company(60))
    assert "is not yet estimable:" in text
    assert "more needed" in text
    assert "MRR kept: not yet estimable (" in text


def test_the_interval_of_one_look_is_labelled_as_such() -> None:
    assert "Had this been the only look ever: rescue left [" in said(company(2_000))


def test_the_declared_effect_stands_beside_the_measured_one_and_the_order_in_force_is_said() -> None:
    line = next(row for row in said(company(4_000, effect=-0.1)).splitlines() if "declared to keep" in row)
    assert line.startswith("  rescue: declared to keep 10 % of what is at stake, measured ")
    assert "ordering by measured effect is off" in line
    assert "Whom to turn to first:\n  not measured" in said(company(300, playbook="grow"))


def test_nobody_enrolled_is_one_sentence() -> None:
    assert said(company(0)) == "Data through 2024-12-31: nobody has been enrolled in a playbook yet."


def test_a_playbook_without_a_holdout_is_told_so() -> None:
    assert "nobody was held out" in said(company(50).assign(arm="treated", propensity=1.0))


def test_a_title_cannot_steer_the_terminal() -> None:
    report = impact(company(60), {"rescue": About("\x1b[2JRescue", "keep")}, THROUGH)
    assert "\x1b" not in impact_text(report)
