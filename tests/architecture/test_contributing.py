"""CONTRIBUTING says how the code is laid out; what it says is held against the code."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
STEP = re.compile(r"^\d+\. \[`(?P<file>[^`]+)`\]\((?P<link>[^)]+)\)[^`]*`(?P<name>[\w.]+)`", re.MULTILINE)


def floors_of_the_contract() -> list[set[str]]:
    """The layers of import-linter, highest first, without the package's own name."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [{room.strip().removeprefix("churnml.") for room in layer.split("|")} for layer in contract["layers"]]


def floors_of_the_page() -> list[set[str]]:
    """The rows of the table of rooms, highest first."""
    rows = re.findall(r"^\| (\d) \| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    return [set(re.findall(r"`(\w+)`", rooms)) for _, rooms in rows]


def test_the_table_of_rooms_is_the_contract_of_import_linter() -> None:
    assert floors_of_the_page() == floors_of_the_contract()


def test_every_room_stands_in_the_contract() -> None:
    rooms = {
        path.stem
        for path in (ROOT / "src/churnml").iterdir()
        if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
    }
    assert rooms == set().union(*floors_of_the_contract()) - {"pipelines"}


def walks() -> dict[str, list[re.Match[str]]]:
    """Title → steps, of the walks the page describes."""
    section = PAGE.split("## Three walks")[1].split("\n## ")[0]
    parts = section.split("\n### ")[1:]
    return {part.splitlines()[0]: list(STEP.finditer(part)) for part in parts}


def names_bound(node: ast.AnnAssign | ast.Assign) -> set[str]:
    targets = [node.target] if isinstance(node, ast.AnnAssign) else node.targets
    return {target.id for target in targets if isinstance(target, ast.Name)}


def defined(tree: ast.Module, name: str) -> bool:
    """Whether a module defines ``name``, or ``Class.name``."""
    body: list[ast.stmt] = tree.body
    for part in name.split("."):
        of_that_name = [
            node
            for node in body
            if (isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == part)
            or (isinstance(node, ast.AnnAssign | ast.Assign) and part in names_bound(node))
        ]
        if not of_that_name:
            return False
        body = getattr(of_that_name[0], "body", [])
    return True


def test_a_name_that_is_not_there_is_noticed() -> None:
    tree = ast.parse("class Roof:\n    def leak(self): ...\nLIMIT = 1\n")
    assert defined(tree, "Roof.leak")
    assert defined(tree, "LIMIT")
    assert not defined(tree, "leak")


def test_there_are_three_walks() -> None:
    assert len(walks()) == 3
    assert all(len(steps) >= 6 for steps in walks().values())


@pytest.mark.parametrize("title", walks())
def test_each_step_of_a_walk_names_a_file_and_what_stands_in_it(title: str) -> None:
    for step in walks()[title]:
        path = ROOT / step["file"]
        assert step["link"] == step["file"]
        assert path.exists(), f"{step['file']} is not there"
        if path.suffix == ".py":
            assert defined(ast.parse(path.read_text("utf-8")), step["name"]), f"{step['file']} has no {step['name']}"
        else:
            assert step["name"] in path.read_text("utf-8"), f"{step['file']} has no {step['name']}"


def test_every_decision_stands_in_the_index_once() -> None:
    index = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    pages = sorted(path.name for path in (ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert sorted(re.findall(r"\(([0-9]{4}-[\w-]+\.md)\)", index)) == pages
