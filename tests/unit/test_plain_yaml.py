"""YAML is read as it stands there: no key is passed over, no word becomes something else, no file swells."""

from __future__ import annotations

import time

import pytest

from churnml.specs.plain_yaml import DEEPEST, MOST_REPEATED, YamlTextError, read_yaml


def mistake(text: str) -> YamlTextError:
    with pytest.raises(YamlTextError) as refused:
        read_yaml(text)
    return refused.value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("NO", "NO"),
        ("off", "off"),
        ("yes", "yes"),
        ("00123", "00123"),
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2024-02-30", "2024-02-30"),
        ("2024-01-01", "2024-01-01"),
        ("1234567890123456789012", "1234567890123456789012"),
        ("=", "="),
        ("true", True),
        ("False", False),
        ("-7", -7),
        ("0", 0),
        ("1.50", 1.5),
        ("~", None),
        ("", None),
        ("null", None),
    ],
)
def test_a_word_is_what_stands_there(written: str, meant: object) -> None:
    assert read_yaml(f"key: {written}\n").value == {"key": meant}


def test_a_key_that_stands_twice_is_told_with_both_lines_wherever_it_is() -> None:
    told = mistake("a:\n  - b: 1\n    c: 2\n    b: 3\n")
    assert told.what == "'a.0.b' stands there twice, in line 2 and in line 4."
    assert told.line == 4


@pytest.mark.parametrize(("one", "other"), [("7", "'7'"), ("ada", '"ada"'), ("ada", "' ada '")])
def test_one_name_written_in_two_ways_is_one_key(one: str, other: str) -> None:
    assert "twice" in mistake(f"{one}: 1\n{other}: 2\n").what


def test_the_same_key_under_two_others_is_fine() -> None:
    assert read_yaml("a: {x: 1}\nb: {x: 2}\n").value == {"a": {"x": 1}, "b": {"x": 2}}


def test_what_is_merged_may_be_said_otherwise_and_comes_once() -> None:
    said = "base: &b {x: 1, y: 2}\nuse: {<<: *b, x: 3}\n"
    assert read_yaml(said).value == {"base": {"x": 1, "y": 2}, "use": {"x": 3, "y": 2}}


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_it_may_be_nested_some_levels_deep_but_not_thousands(opening: str) -> None:
    closing = {"[": "]", "{a: ": "}"}[opening]
    deep = DEEPEST - 2
    assert read_yaml(f"key: {opening * deep}1{closing * deep}\n").value is not None
    assert "levels deep" in mistake(f"key: {opening * 2000}1{closing * 2000}\n").what


@pytest.mark.parametrize("line", ["n{0}: &n{0} [{1}]", "n{0}: &n{0} {{<<: [{1}]}}"], ids=["lists", "merges"])
def test_aliases_that_stand_for_billions_of_values_are_refused_at_once(line: str) -> None:
    first = "n0: &n0 {k: 1}\n"
    lines = [line.format(n, ", ".join([f"*n{n - 1}"] * 9)) for n in range(1, 20)]
    began = time.perf_counter()
    assert f"{MOST_REPEATED:,}" in mistake(first + "\n".join(lines)).what
    assert time.perf_counter() - began < 5


def test_an_alias_within_itself_is_refused() -> None:
    assert "what it stands in" in mistake("a: &a [*a]\n").what


@pytest.mark.parametrize("value", ["!!int x", "!!timestamp x", "!!bool maybe", "!!python/object/apply:os.getcwd []"])
def test_a_tag_makes_nothing(value: str) -> None:
    assert "tags" in mistake(f"key: {value}\n").what


def test_a_place_in_what_was_read_has_its_line() -> None:
    read = read_yaml("a:\n  b:\n    - {c: 1}\n    - {c: 2}\n")
    assert read.line_of(("a", "b", 1, "c")) == 4
    # a step that was a choice among kinds stands in no file
    assert read.line_of(("a", "webhook", "b", 0)) == 3
    assert read.line_of(("z",)) is None
    assert read.line_of(()) is None


@pytest.mark.parametrize("text", ["", "# nothing\n", "\n\n"])
def test_an_empty_text_says_nothing(text: str) -> None:
    assert read_yaml(text).value is None
