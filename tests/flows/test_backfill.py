"""The past scored anew: killed and gone on with, in one process or several, it comes out the same."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from benchmarks.backfill import copy_of, differences, run
from churnml.errors import ChurnmlError, UnknownNameError
from churnml.jobs.backfill import SameProject, _opened
from churnml.jobs.opening import open_data
from tests.flows.conftest import churnml
from tests.support import TODAY

FIRST, LAST = "2024-10-28", "2024-11-11"
DATES = 3


@pytest.mark.slow
def test_killed_in_several_processes_and_gone_on_with_in_one_the_rows_are_those_of_one_run(
    ran: Path, tmp_path: Path
) -> None:
    whole, parts = (copy_of(ran, tmp_path / name) for name in ("whole", "parts"))
    done = churnml("backfill", FIRST, LAST, "--no-prefect", "--project", whole, "--json")
    assert done.code == 0, done.err
    assert [day["new"] for day in json.loads(done.out)] == [True] * DATES
    # the processes of a killed run end with it, else this raises
    run(parts, FIRST, LAST, workers=2, kill_after=1)
    rest = churnml("backfill", FIRST, LAST, "--no-prefect", "--project", parts)
    assert "scored from the same inputs before, left as it was: 2024-10-28" in rest.out
    assert f"{LAST}: " in rest.out, "killed before its end, else this proves nothing"
    assert differences(whole, parts) == []


def test_a_date_scored_from_other_declarations_is_scored_anew(ran: Path, tmp_path: Path) -> None:
    project = copy_of(ran, tmp_path / "company")
    assert churnml("backfill", LAST, LAST, "--no-prefect", "--project", project).code == 0
    (project / "models").mkdir(exist_ok=True)
    shutil.copy(Path(__file__).parents[2] / "models" / "health.yaml", project / "models" / "health.yaml")
    same = churnml("backfill", LAST, LAST, "--no-prefect", "--project", project, "--json")
    assert [day["new"] for day in json.loads(same.out)] == [False], "the same words in another file change nothing"
    with (project / "models" / "health.yaml").open("a", encoding="utf-8") as file:
        file.write("# a word more\n")
    other = churnml("backfill", LAST, LAST, "--no-prefect", "--project", project, "--json")
    assert [day["new"] for day in json.loads(other.out)] == [True]


def test_a_further_process_refuses_a_project_that_was_changed_meanwhile(ran: Path) -> None:
    opened = open_data(ran, TODAY)
    same = SameProject(ran, opened.ingested, None, "declared otherwise", ())
    with pytest.raises(ChurnmlError, match="was changed while its past was scored"):
        _opened(same)


def test_a_mistake_is_the_same_in_the_process_that_is_told_of_it() -> None:
    for problem in (
        UnknownNameError("event", "lgoin", ["login"], where="project.yaml"),
        ChurnmlError("what", where="where", remedy="remedy"),
    ):
        again = pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own
        assert type(again) is type(problem)
        assert str(again) == str(problem)
