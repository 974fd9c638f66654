"""The formats that may be declared are those that times are read by."""

from __future__ import annotations

import string

import duckdb
import pytest

from churnml.specs.time_formats import LETTERS, WITH_MINUS, known_formats


def is_read(letter: str) -> bool:
    try:
        duckdb.execute("SELECT try_strptime('x', [?])", [f"%Y{letter}"]).fetchall()
    except duckdb.InvalidInputException:
        return False
    return True


@pytest.mark.parametrize(("minus", "known"), [("", LETTERS), ("-", WITH_MINUS)])
def test_every_letter_is_known_that_the_engine_reads_and_no_other(minus: str, known: frozenset[str]) -> None:
    assert {letter for letter in string.ascii_letters + "%" if is_read(f"%{minus}{letter}")} == known


@pytest.mark.parametrize("declared", ["%d.%m.%Y", "%Y-%m-%d %H:%M:%S.%f %z", "100%% %y", "%c", "%-d/%-m/%y"])
def test_a_format_with_a_year_may_be_declared(declared: str) -> None:
    assert known_formats((declared,)) == (declared,)


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        ("%Q", "%Q"),
        ("%Y %", "ends in '%'"),
        ("%Y %%%", "ends in '%'"),
        ("%-Y", "%-Y"),
        ("%d.%m.", "no year"),
        ("%%Y", "no year"),
        ("", "no year"),
        ("yyyy-MM-dd", "no year"),
    ],
)
def test_a_format_that_reads_no_time_is_refused_with_what_is_wrong(declared: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        known_formats((declared,))
