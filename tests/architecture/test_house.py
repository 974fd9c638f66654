"""The house: names, sizes and types of the rooms, and that each rule would see it broken."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture import house
from tests.architecture.house import ROOT, Source


def source(text: str) -> Source:
    return Source(ROOT / "src" / "churnml" / "made_up.py", text, ast.parse(text))


def test_the_house_is_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    assert house.main([]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    ["found = 1", "def said(): ...", "def f(found): ...", "x.said = 1", "import a as found", "_said = 1",
     "try: ...\nexcept OSError as found: ..."],
)  # fmt: skip
def test_a_name_that_says_nothing_is_refused(text: str) -> None:
    assert house.refused_names(source(text))


def test_a_name_that_says_what_it_is_is_not_refused() -> None:
    assert not house.refused_names(source("predictions = 1"))


def test_two_classes_of_one_name_are_refused() -> None:
    assert house.classes_with_one_name([source("class Plan: ..."), source("class Plan: ...")])
    assert not house.classes_with_one_name([source("class Plan: ..."), source("class Split: ...")])


def test_a_signature_with_any_is_counted() -> None:
    assert house.signatures_with_any(source("def f(a: dict[str, Any]) -> int: ..."))
    assert house.signatures_with_any(source("def f(a: int) -> Any: ..."))
    assert not house.signatures_with_any(source("def f(a: int) -> int: ..."))


def test_a_file_or_a_function_that_is_too_long_is_refused() -> None:
    assert house.too_long(source("x = 1\n" * (house.LINES_A_FILE + 1)))
    assert house.too_long(source("def f():\n" + "    x = 1\n" * house.LINES_A_FUNCTION))
    assert not house.too_long(source("def f():\n    x = 1\n"))


def test_the_lint_looks_at_every_file_of_the_rooms() -> None:
    names = {given.name for given in house.sources()}
    assert {"src/churnml/errors.py", "pipelines/engine.py"} <= names
    assert all(Path(ROOT / name).is_file() for name in names)
