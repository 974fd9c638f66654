"""What is told of a load: every kind of break beside a control in which nothing is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from churnml.pages.feeds import break_text
from churnml.specs.watching import DEFAULT_ACTIONS, MEANS, BreakAction, BreakKind
from churnml.timeline import day_number_of, plus_days
from churnml.watch.breaks import Acceptance, DataBreak, as_recorded
from churnml.watch.judging import Watching, judge
from churnml.watch.profile import Feeds, IdSample, LoadProfile, TableProfile
from churnml.watch.quiet import quiet_days

END = dt.date(2024, 11, 27)
DAYS = 500
NAMES = {"report_viewed": 300.0, "api_called": 120.0, "export": 40.0, "login": 400.0}


def daily(seed: int = 0, volume: float = 1.0, growth: float = 0.0) -> dict[str, np.ndarray]:
    """Event → its count on each of the days before END: fewer at weekends, a little weather, perhaps growth."""
    rng = np.random.default_rng(seed)
    first = plus_days(END, -DAYS)
    weekday = np.array([plus_days(first, n).weekday() for n in range(DAYS)])
    shape = np.where(weekday < 5, 1.0, 0.15) * np.exp(rng.normal(0, 0.08, DAYS))
    shape = shape * (1 + growth) ** ((np.arange(DAYS) - DAYS) / 30.4)
    return {name: rng.poisson(mean * volume * shape).astype(float) for name, mean in NAMES.items()}


def feeds(counts: Mapping[str, np.ndarray], table: str = "usage_events", least: int = 1) -> Feeds:
    first = day_number_of(plus_days(END, -DAYS))
    named = [
        {"event": name, "day": first + n, "rows": int(rows)}
        for name, of in counts.items()
        for n, rows in enumerate(of)
        if rows
    ]
    cells = pd.DataFrame(named, columns=["event", "day", "rows"])
    whole = cells.groupby("day", as_index=False)["rows"].sum().assign(event="")
    cells = pd.concat([cells, whole]).assign(contract_table=table, delay=0, accounts=1)
    cells["users"], cells["quantities"] = cells["rows"], 0
    repeats = whole.drop(columns="event").assign(contract_table=table, least=least)
    repeats["different"] = repeats["rows"] // least
    repeats["single"] = repeats["different"] if least == 1 else 0
    return Feeds(cells, repeats)


def load(**tables: TableProfile) -> LoadProfile:
    return LoadProfile(plus_days(END, -1), END, True, tables)


def told(of: Feeds, as_of: dt.date = END, profile: LoadProfile | None = None, **by: object) -> list[DataBreak]:
    return judge(profile or load(), of, as_of, Watching(**by))  # type: ignore[arg-type]


def since(counts: dict[str, np.ndarray], days: int, change: float, *names: str) -> dict[str, np.ndarray]:
    """The counts with the last ``days`` multiplied."""
    changed = {name: of.copy() for name, of in counts.items()}
    for name in names or counts:
        changed[name][-days:] = np.floor(changed[name][-days:] * change)
    return changed


def kinds(breaks: Sequence[DataBreak]) -> list[tuple[str, str]]:
    return [(one.kind.value, one.subject) for one in breaks]


# ---------------------------------------------------------------- what comes each day


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("volume", [1.0, 0.02], ids=["many", "few"])
def test_a_feed_as_ever_is_not_told(seed: int, volume: float) -> None:
    for back in range(0, 60, 6):
        assert told(feeds(daily(seed, volume)), plus_days(END, -back)) == []


def test_a_company_that_grows_by_a_tenth_a_month_is_not_told() -> None:
    for back in range(0, 90, 9):
        assert told(feeds(daily(3, growth=0.1)), plus_days(END, -back)) == []


@pytest.mark.parametrize("days", [1, 3, 15])
def test_a_dead_feed_is_told_from_its_first_day_on(days: int) -> None:
    one = told(feeds(since(daily(), days, 0)))
    assert kinds(one) == [("dead", "")]
    assert one[0].began_on == plus_days(END, -days)
    assert one[0].action is BreakAction.HOLD
    assert break_text(one[0]).startswith(f"usage_events: nothing since {one[0].began_on.day} November 2024; ")


def test_a_dead_feed_stays_dead_however_long_it_lasts() -> None:
    one = told(feeds(since(daily(), 150, 0)))
    assert kinds(one) == [("dead", "")]
    assert one[0].began_on == plus_days(END, -150)


def test_of_a_few_events_a_day_two_days_without_any_are_no_chance() -> None:
    six = {"login": np.full(DAYS, 6.0)}
    assert told(feeds(since(six, 1, 0))) == []
    assert kinds(told(feeds(since(six, 2, 0)))) == [("dead", "")]


def test_nothing_known_on_the_date_or_later_is_seen() -> None:
    counts = since(daily(), 5, 0)
    began = plus_days(END, -5)
    assert told(feeds(counts), began) == []
    assert kinds(told(feeds(counts), plus_days(began, 2))) == [("dead", "")]
    # rows that arrived later were not there: the control moves them to the day they happened on
    of = feeds(daily())
    late = of.cells.assign(delay=np.where(of.cells["day"] >= day_number_of(began), 30, 0))
    assert kinds(told(Feeds(late, of.repeats))) == [("dead", "")]
    assert told(Feeds(late.assign(delay=0), of.repeats)) == []


def test_the_newest_days_of_a_feed_that_arrives_late_are_not_a_fall() -> None:
    of = feeds(daily())
    first, second = of.cells.copy(), of.cells.copy()
    first["rows"] //= 2
    second["rows"] -= first["rows"]
    cells = pd.concat([first, second.assign(delay=3)])
    assert told(Feeds(cells, of.repeats)) == []


def test_half_of_a_feed_lost_is_a_fall_within_two_days() -> None:
    one = told(feeds(since(daily(), 2, 0.4)))
    assert kinds(one) == [("fall", "")]
    assert one[0].action is BreakAction.WARN


@pytest.mark.parametrize("seed", range(4))
def test_what_few_rows_vary_by_chance_does_not_hide_their_fall(seed: int) -> None:
    some = feeds(since(daily(seed, 0.04), 2, 0.4))
    assert ("fall", "") in kinds(told(some))


def test_a_feed_that_triples_has_risen() -> None:
    assert kinds(told(feeds(since(daily(), 2, 3.0)))) == [("rise", "")]


def test_an_event_that_stops_as_another_begins_is_a_rename() -> None:
    counts = daily()
    opened = np.zeros(DAYS)
    opened[-12:] = counts["report_viewed"][-12:]
    one = told(feeds(since(counts, 12, 0, "report_viewed") | {"report_opened": opened}))
    assert kinds(one) == [("renamed", "report_viewed")]
    assert one[0].action is BreakAction.HOLD
    assert (
        f"`report_viewed` stopped on {one[0].began_on.day} November 2024 as `report_opened` began (renamed?)"
        in break_text(one[0])
    )


def test_a_new_name_that_a_few_rows_had_before_is_a_rename_all_the_same() -> None:
    counts = daily()
    opened = np.zeros(DAYS)
    opened[-5:] = counts["report_viewed"][-5:]
    # whoever tried it first, and a late row that came under the new name
    opened[[-40, -16]] = 1
    one = told(feeds(since(counts, 5, 0, "report_viewed") | {"report_opened": opened}))
    assert kinds(one) == [("renamed", "report_viewed")]
    assert one[0].now == pytest.approx(opened[-5:].mean())
    # the control: of as many rows before as after, nothing began on that day
    opened[-60:-5] = opened[-5:].mean()
    assert ("renamed", "report_viewed") not in kinds(
        told(feeds(since(counts, 5, 0, "report_viewed") | {"report_opened": opened}))
    )


def test_events_renamed_together_are_told_apart_by_volume_and_name() -> None:
    counts = daily()
    renamed = {f"{name}_v2": np.concatenate([np.zeros(DAYS - 5), of[-5:]]) for name, of in counts.items()}
    one = told(feeds(since(counts, 5, 0) | renamed))
    assert sorted((b.subject, b.instead) for b in one) == sorted((name, f"{name}_v2") for name in counts)


def test_an_event_that_stops_and_one_of_another_volume_that_begins_are_no_rename() -> None:
    counts = daily()
    other = np.zeros(DAYS)
    other[-12:] = 4 * counts["api_called"][-12:]
    one = told(feeds(since(counts, 12, 0, "api_called") | {"other": other}))
    assert kinds(one) == [("stopped", "api_called"), ("new_event", "other")] or kinds(one) == [
        ("new_event", "other"),
        ("stopped", "api_called"),
    ]
    assert {b.action for b in one} == {BreakAction.WARN}


def test_an_event_that_nobody_used_on_a_quiet_sunday_has_not_stopped() -> None:
    sunday = plus_days(END, -3)
    assert sunday.weekday() == 6
    counts = since(daily(), 4, 0, "export")
    assert told(feeds(counts), plus_days(sunday, 1)) == []
    # the control: on the Tuesday after, some ninety were to be expected
    assert kinds(told(feeds(counts))) == [("stopped", "export")]


def test_a_feed_that_died_a_year_ago_for_a_week_and_now_dips_like_then_is_the_season() -> None:
    """The same weeks a year ago: a shutdown that nobody declares is the season's, one that is new is a fall."""
    counts = daily()
    dip = slice(DAYS - 4, DAYS)
    for of in counts.values():
        of[dip] = np.floor(of[dip] * 0.3)
    assert kinds(told(feeds(counts))) == [("fall", "")]
    for of in counts.values():
        of[DAYS - 4 - 364 : DAYS - 364] = np.floor(of[DAYS - 4 - 364 : DAYS - 364] * 0.3)
    assert told(feeds(counts)) == []


def test_christmas_is_quiet_and_golden_week_is_where_it_is_declared() -> None:
    first = dt.date(2024, 1, 1)
    anywhere, japan, germany = (quiet_days(first, 366, region) for region in (None, "JP", "DE"))

    def quiet(of: np.ndarray, month: int, day: int) -> bool:
        return bool(of[(dt.date(2024, month, day) - first).days])

    for of in (anywhere, japan, germany):
        assert quiet(of, 12, 25)
        assert quiet(of, 12, 31)
        assert not quiet(of, 11, 13)
    assert all(quiet(japan, *day) for day in ((4, 29), (4, 30), (5, 2), (5, 3), (5, 6), (8, 12)))
    assert quiet(germany, 5, 9)
    assert quiet(germany, 5, 10)  # the Friday behind Ascension Day
    assert not quiet(japan, 5, 9)
    assert not quiet(germany, 4, 30)


def test_rows_that_all_stand_there_twice_were_loaded_again() -> None:
    one = told(feeds(daily(), least=10))
    assert [(b.kind, b.now) for b in one] == [(BreakKind.DUPLICATES, pytest.approx(10, rel=0.05))]
    assert one[0].action is BreakAction.HOLD
    assert told(feeds(daily(), least=1)) == []


def test_a_day_that_was_loaded_twice_stays_one_when_late_rows_of_it_arrive() -> None:
    of = feeds(daily())
    day = of.repeats["day"].max() - 3
    there = of.repeats["day"] == day
    rows = int(of.repeats.loc[there, "rows"].iloc[0])
    # every row twice, and some that arrived late once
    of.repeats.loc[there, ["rows", "different", "single"]] = [2 * rows + 5, rows + 5, 5]
    one = told(of)
    assert [(b.kind, b.began_on) for b in one] == [(BreakKind.DUPLICATES, plus_days(END, -4))]
    assert one[0].now == pytest.approx(2, rel=0.1)


def test_a_day_with_rows_that_stand_there_once_was_not_loaded_again() -> None:
    of = feeds(daily(), least=2)
    of.repeats.loc[:, ["least", "single"]] = 1
    assert told(of) == []


def test_users_that_are_not_named_any_more_are_told_within_two_days() -> None:
    of = feeds(daily())
    newest = of.cells["day"] >= day_number_of(END) - 2
    cells = of.cells.assign(users=np.where(newest, 0, of.cells["rows"]))
    one = told(Feeds(cells, of.repeats))
    assert kinds(one) == [("nulls", "user_id")]
    assert one[0].began_on == plus_days(END, -2)


def test_of_few_rows_users_are_missed_where_none_is_named() -> None:
    few = {"login": np.full(DAYS, 8.0)}
    quiet, empty = feeds(few), feeds(few)
    newest = empty.cells["day"] >= day_number_of(plus_days(END, -2))
    empty.cells.loc[newest, "users"] = 0
    quiet.cells.loc[newest, "users"] = 3
    assert kinds(told(empty)) == [("nulls", "user_id")]
    assert told(quiet) == []


def test_data_without_a_declared_end_that_end_long_ago_are_late() -> None:
    profile = LoadProfile(plus_days(END, -1), plus_days(END, 9), False, {})
    assert kinds(told(feeds(daily()), profile=profile)) == [("late", "")]
    assert told(feeds(daily()), profile=replace(profile, end_declared=True)) == []
    assert told(feeds(daily()), profile=replace(profile, read_on=END)) == []


# ---------------------------------------------------------------- beside the load before


def ids(numbers: range, *, factor: float = 1.0) -> IdSample:
    return IdSample(tuple(numbers), True, tuple(factor * (100.0 + n) for n in numbers), (None,) * len(numbers))


def contracts(**changes: object) -> LoadProfile:
    plain = TableProfile(1000, ("mrr", "plan"), {"unreadable": 3}, 100, {"plan": 0.0}, {"plan": 0.0}, ids(range(1000)))
    return replace(load(subscriptions=replace(plain, **changes)), open_subscriptions=600)  # type: ignore[arg-type]


BEFORE = replace(contracts(), data_through=plus_days(END, -8))
NOTHING = feeds({})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"rows": 0, "ids": IdSample()}, [("emptied", "")]),
        ({"rows": 500, "ids": ids(range(0, 1000, 2))}, [("shrunk", "")]),
        ({"rows": 960, "ids": ids(range(40, 1000))}, []),
        ({"ids": ids(range(5000, 6000))}, [("ids", "")]),
        ({"ids": ids(range(1000), factor=100)}, [("values", "mrr")]),
        ({"ids": ids(range(1000), factor=1.1)}, []),
        ({"nulls": {"plan": 0.9}, "recent_nulls": {"plan": 0.9}}, [("nulls", "plan")]),
        ({"nulls": {"plan": 0.1}, "recent_nulls": {"plan": 0.2}}, []),
        ({"given": ("mrr",)}, [("columns", "plan")]),
        ({"given": ("mrr", "plan", "seats")}, [("columns", "seats")]),
        ({"rows": 800, "aside": {"unreadable": 200}}, [("aside", "")]),
        ({"aside": {"unreadable": 30}}, []),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_load_is_compared_with_the_one_before(change: dict[str, object], expected: list[tuple[str, str]]) -> None:
    assert kinds(told(NOTHING, profile=contracts(**change), reference=BEFORE)) == expected


def test_the_first_load_is_compared_with_nothing() -> None:
    assert told(NOTHING, profile=contracts(ids=ids(range(5000, 6000)))) == []
    assert kinds(told(NOTHING, profile=contracts(rows=0))) == [("emptied", "")]
    assert kinds(told(NOTHING, profile=contracts(aside={"unreadable": 900}))) == [("aside", "")]


def test_a_tenth_of_the_amounts_multiplied_is_told_with_their_factor() -> None:
    amounts = tuple((100.0 + n) * (100 if n % 8 == 0 else 1) for n in range(1000))
    one = told(NOTHING, profile=contracts(ids=replace(ids(range(1000)), amounts=amounts)), reference=BEFORE)
    assert [(b.kind, b.now) for b in one] == [(BreakKind.VALUES, 100.0)]
    assert "12 % of the same rows is × 100" in break_text(one[0])
    assert "cents for whole units?" in break_text(one[0])


def test_samples_of_large_tables_are_compared_as_far_as_both_reach() -> None:
    before = IdSample(tuple(range(0, 2048, 2)), whole=False)
    half = IdSample(tuple(range(0, 4096, 4)), whole=False)
    assert before.still_in(half) == (512, 1024)
    assert before.still_in(before) == (1024, 1024)
    more = IdSample(tuple(range(1024)), whole=False)
    assert before.still_in(more) == (512, 512)


def test_contracts_that_are_all_closed_at_once_have_shrunk() -> None:
    closed = replace(contracts(), open_subscriptions=300)
    assert kinds(told(NOTHING, profile=closed, reference=BEFORE)) == [("shrunk", "open")]
    long_ago = replace(BEFORE, data_through=plus_days(END, -200))
    assert told(NOTHING, profile=closed, reference=long_ago) == []


# ---------------------------------------------------------------- what is meant, and what is done


def accepted(one: DataBreak) -> Acceptance:
    return Acceptance(one.kind.value, one.table, one.subject, one.began_on, one.break_id, "ana", "sold", END)


def test_what_is_meant_is_told_no_more_and_is_what_is_usual_from_then_on() -> None:
    of = feeds(since(daily(), 30, 0.4))
    one = told(of)[0]
    assert told(of, accepted=[accepted(one)]) == []
    # from the new level a feed can die again
    again = since(daily(), 30, 0.4)
    for counts in again.values():
        counts[-2:] = 0
    assert kinds(told(feeds(again), accepted=[accepted(one)])) == [("dead", "")]


def test_another_break_of_the_same_kind_is_not_the_one_that_was_meant() -> None:
    one = told(feeds(since(daily(), 3, 0)))[0]
    assert told(feeds(since(daily(), 40, 0)), accepted=[accepted(one)]) != []


def test_actions_are_declared_for_a_table_before_all_tables() -> None:
    of = feeds(since(daily(), 3, 0))
    declared = {"all": {BreakKind.DEAD: BreakAction.STOP}, "usage_events": {BreakKind.DEAD: BreakAction.WARN}}
    assert told(of, actions=declared)[0].action is BreakAction.WARN
    del declared["usage_events"]
    assert told(of, actions=declared)[0].action is BreakAction.STOP


def test_a_break_that_lasts_keeps_the_name_it_was_noticed_by() -> None:
    from churnml.watch.breaks import RecordedBreak

    first = DataBreak(BreakKind.VALUES, "subscriptions", "mrr", plus_days(END, -5), 1.0, 100.0)
    later = replace(first, began_on=END)
    assert as_recorded([later], [RecordedBreak(first, END, END)])[0].break_id == first.break_id
    assert as_recorded([later], [RecordedBreak(first, END, END, ended_on=END)])[0] == later


# ---------------------------------------------------------------- what stands on the page


def test_the_page_lists_every_kind_with_what_is_done_by_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "watching.md").read_text("utf-8")
    between = page.split("<!-- kinds -->\n")[1].split("<!-- /kinds -->")[0].splitlines()
    assert between[2:] == [f"| `{kind.value}` | {DEFAULT_ACTIONS[kind].value} | {MEANS[kind]} |" for kind in BreakKind]
