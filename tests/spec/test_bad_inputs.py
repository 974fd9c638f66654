"""Every bad input of the table ends as it stands there: message, exit code, what was kept."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.flows.conftest import Said, churnml
from tests.spec.bad_input_examples import BAD_INPUTS, FOLDER, THE_TABLES, TINY, BadInput, whole

ALL = [pytest.param(bad, id=f"{kind}: {bad.name}") for kind, rows in BAD_INPUTS.items() for bad in rows]


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that is right without the mistake; paths that are typed begin beside it."""
    monkeypatch.chdir(tmp_path)
    project = tmp_path / "tiny"
    for file, text in TINY.items():
        whole(file, text).into(project)
    return project


def typed(bad: BadInput, project: Path) -> Said:
    words = [word.replace(FOLDER, str(project)) for word in bad.command]
    place = [] if "--project" in words or words[0] in ("init", "chek") else ["--project", str(project)]
    # rows are counted by what a program is told
    return churnml(*words, *place, *(["--json"] if bad.code == 0 else []))


def told(text: str, message: str) -> bool:
    """Whether ``text`` stands in a message, … standing for anything."""
    return re.search(re.escape(text).replace("…", ".*"), message) is not None


def stores(project: Path) -> list[Path]:
    return [*project.glob(".churnml/warehouse/*/manifest.json")]


def test_there_are_at_least_a_hundred_of_them_each_with_a_name_of_its_own() -> None:
    assert len(ALL) >= 100
    assert len({bad.id for bad in ALL}) == len(ALL)


def test_the_project_is_right_without_a_mistake(tiny: Path) -> None:
    said = churnml("check", "--json", "--project", tiny)
    assert said.code == 0, said.err
    assert json.loads(said.out)["rows"] == {"accounts": 2, "subscriptions": 2}
    assert len(stores(tiny)) == 1


@pytest.mark.parametrize("bad", ALL)
def test_a_bad_input_is_told_as_the_table_has_it(bad: BadInput, tiny: Path) -> None:
    for written in bad.written:
        written.into(tiny)
    said = typed(bad, tiny)
    assert said.code == bad.code, said.err or said.out
    assert "Traceback" not in said.err + said.out
    assert "hunter2" not in said.err + said.out
    if bad.code == 0:
        assert kept(json.loads(said.out)) == bad.kept
        return
    message = said.message.replace(f"{tiny}/", "")
    first, *rest = message.splitlines()
    assert told(bad.message, first.removeprefix("churnml: ")), message
    assert told(bad.where, "\n".join(rest)), message
    assert told(bad.remedy, "\n".join(rest)), message
    assert len(stores(tiny)) == (bad.kept == THE_TABLES)


def kept(checked: dict[str, dict[str, dict[str, int]]]) -> str:
    """What ``check --json`` says of rows, in the words of the table."""
    lines = []
    for table, rows in checked["rows"].items():
        aside = [f", {count} set aside as {why}" for why, count in checked["quarantined"].get(table, {}).items()]
        lines.append(f"{table}: {rows} kept{''.join(aside)}")
    return "; ".join(lines)
