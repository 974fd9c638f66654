"""Who was champion when: read out of events, whatever became of the alias meanwhile."""

from __future__ import annotations

from churnml.modelling.tenure import BY_HAND, BY_VERDICT, FOUND, Event, ever_champion, previous, tenures


def event(at: int, what: str, version: str, before: str | None, why: str = "because") -> Event:
    how = BY_HAND if what == "rolled back" else BY_VERDICT
    return Event(f"2026-01-0{at}", what, version, why, how, None, before)  # type: ignore[arg-type]


FIRST = event(1, "promoted", "1", None)
REFUSED = event(2, "refused", "2", "1")
THIRD = event(3, "promoted", "3", "1")


def lines(events: list[Event], champion: str | None) -> list[tuple[object, ...]]:
    return [
        (t.version, t.since and t.since[-1], t.until and t.until[-1], t.is_champion) for t in tenures(events, champion)
    ]


def test_a_champion_stays_one_until_the_next_one_and_a_refusal_changes_nothing() -> None:
    assert lines([FIRST, REFUSED, THIRD], "3") == [("1", "1", "3", False), ("3", "3", None, True)]
    assert ever_champion([FIRST, REFUSED, THIRD], "3") == {"1", "3"}


def test_nobody_was_champion_of_a_model_whose_versions_were_all_refused() -> None:
    assert lines([event(1, "refused", "1", None)], None) == []
    assert previous([event(1, "refused", "1", None)], None) is None


def test_an_alias_moved_by_something_else_is_shown_with_what_nobody_wrote_down_left_open() -> None:
    assert lines([FIRST], "7") == [("1", "1", None, False), ("7", None, None, True)]
    assert tenures([FIRST], "7")[-1].how == FOUND
    assert lines([FIRST, event(4, "promoted", "8", "7")], "8") == [
        ("1", "1", None, False),
        ("7", None, "4", False),
        ("8", "4", None, True),
    ]


def test_an_alias_taken_away_ends_the_tenure() -> None:
    assert lines([FIRST], None) == [("1", "1", None, False)]
    assert lines([FIRST, event(3, "promoted", "3", None)], "3") == [("1", "1", None, False), ("3", "3", None, True)]


def test_the_champion_to_go_back_to_is_the_one_before() -> None:
    assert previous([FIRST], "1") is None
    assert previous([FIRST, REFUSED, THIRD], "3") == "1"


def test_going_back_twice_goes_back_two_champions() -> None:
    fourth = event(4, "promoted", "4", "3")
    back = event(5, "rolled back", "3", "4")
    assert previous([FIRST, THIRD, fourth, back], "3") == "1"
    assert previous([FIRST, THIRD, fourth, back, event(6, "rolled back", "1", "3")], "1") is None


def test_after_going_back_a_new_champion_has_the_one_gone_back_to_before_it() -> None:
    back = event(5, "rolled back", "1", "3")
    assert previous([FIRST, THIRD, back, event(6, "promoted", "6", "1")], "6") == "1"
    assert lines([FIRST, THIRD, back], "1")[-1] == ("1", "5", None, True)


def test_one_can_go_back_from_an_alias_that_something_else_moved() -> None:
    assert previous([FIRST, THIRD], "9") == "3"
