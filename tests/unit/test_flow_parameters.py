"""What a flow is asked is checked before a step runs, with Prefect and without."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from churnml.errors import ProjectError
from pipelines.parameters import DATE, Day, Engine, checked


def asked(project: Path, as_of: Day | None = None, engine: Engine | None = None) -> tuple[object, ...]:
    return project, as_of, engine


def test_texts_become_what_the_flow_is_written_for() -> None:
    assert checked("a flow", asked)("folder", as_of="2024-12-09") == (Path("folder"), dt.date(2024, 12, 9), None)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"as_of": "2024-02-30"}, "'as_of' cannot be '2024-02-30'"),
        ({"engine": "abacus"}, "'engine' cannot be 'abacus'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(ProjectError, match=re.escape(told)):
        checked("a flow", asked)("folder", **wrong)


def test_the_pattern_of_dates_refuses_no_day_there_is_and_all_but_leap_days_there_is_not() -> None:
    first = dt.date(2024, 1, 1)
    assert all(re.search(DATE, str(first + dt.timedelta(days=n))) for n in range(366))
    for wrong in ("2024-13-01", "2024-00-10", "2024-02-30", "2024-04-31", "2024-12-32", "2024-1-1", "01.02.2024", ""):
        assert not re.search(DATE, wrong), wrong
