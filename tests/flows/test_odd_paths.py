"""A project folder may be called what it likes: nothing in its path is a pattern, an option or an escape."""

from __future__ import annotations

import os
from pathlib import Path

import mlflow
import pytest

from churnml.adapters.project import database_of, open_project, sqlite_url
from churnml.adapters.registry.client import quietly
from churnml.adapters.registry.opened import registry_of
from churnml.adapters.store import open_store
from churnml.adapters.warehouse import facts_of, ingest
from churnml.errors import ProjectError
from tests.support import TODAY, make_project
from tests.unit.test_registry import FRAME, recorded

ODD = ("what?", "100%", "%41b", "a b", "ha#sh", "ö 日本", "it's", "b[1]", "all*", "semi;colon", "a&b=c?d", "file:x?y",
       "new\nline", 'dou"ble', "back\\slash", "-p", "${HOME}", " lead", "x" * 200)  # fmt: skip


def company(root: Path, *names: str):
    rows = "\n".join(f"| {name} | 2023-01-01 |" for name in names)
    return make_project(root, {"accounts": f"| account_id | created_at |\n{rows}"})


@pytest.mark.parametrize("name", ODD)
def test_tables_and_store_lie_in_the_project_whatever_its_folder_is_called(name: str, tmp_path: Path) -> None:
    project = company(tmp_path / name, "ada", "bo")
    assert len(facts_of(ingest(project, TODAY), ()).accounts.to_pandas()) == 2
    with open_store(project.operational_url) as store:
        assert store.dates() == []
    assert (tmp_path / name / ".churnml" / "churnml.db").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["what? 100% b[1]#", '"new\nline\\'])
def test_the_registry_lies_in_the_project_too_and_its_models_are_read_back(name: str, tmp_path: Path) -> None:
    project = company(tmp_path / name, "ada")
    registry = registry_of(project)
    recorded(registry, 1)
    champion = registry.champion("churn")
    assert champion is not None
    assert champion.record.because == "reason 1"
    with quietly(project.registry_url):
        plain = mlflow.pyfunc.load_model("models:/churn@champion")
        scores = plain.predict(FRAME)
    assert scores["probability"].tolist() == champion.predictor.predict(FRAME).tolist()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(("name", "sibling"), [("p[b]", "pb"), ("q?", "qx"), ("r*", "rzz")])
def test_a_name_that_is_a_pattern_reads_no_other_project(name: str, sibling: str, tmp_path: Path) -> None:
    company(tmp_path / sibling, "theirs")
    facts = facts_of(ingest(company(tmp_path / name, "ours"), TODAY), ())
    assert list(facts.accounts.to_pandas()["account_id"]) == ["ours"]


@pytest.mark.parametrize("name", ODD)
def test_the_file_of_a_url_is_found_again(name: str) -> None:
    path = Path("/somewhere") / name / "x.db"
    assert database_of(sqlite_url(path)) == path
    assert database_of("postgresql://u@h/d") is None
    assert database_of("sqlite:////x.db?mode=ro") is None


def test_a_path_that_is_not_utf_8_is_told(tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"caf\xe9")
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system keeps names in UTF-8 only")
    with pytest.raises(ProjectError, match="not UTF-8") as refused:
        open_project(Path(os.fsdecode(folder)))
    assert "caf\\xe9" in str(refused.value)
    str(refused.value).encode("utf-8")
