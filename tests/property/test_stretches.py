"""Windows cut out of roll-ups hold what a count over the raw rows holds, whatever arrived when.

A drawn company is a few rows of usage around a few cutoffs. The brute force counts the raw rows that were
known before a cutoff and lie inside a lookback; it knows nothing of days of a block, stretches or bits.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from dataclasses import dataclass

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from churnml.rollups import BITS, PARTS, bit_of, block_of, days_from_named, first_day, popcount, roll_up
from churnml.snapshots.known import days_known
from churnml.stretches import activity, by_stretch, cut, lives, presence
from churnml.timeline import day_number_of
from tests.support import examples

# The first two have a bit of their own, the others are rare.
NAMES = ("login", "Export PDF", "invite", "帳票出力")
WITH_A_BIT = NAMES[:2]
LEAP_DAY = day_number_of(dt.date(2024, 2, 29))

bounded = settings(
    max_examples=examples(8),
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Row:
    """An event of usage; days are day numbers."""

    account: str
    user: str | None
    event: str
    day: int
    hour: int
    known_day: int
    quantity: float | None


@dataclass(frozen=True)
class Drawn:
    """Rows, cutoffs (day numbers) and lookbacks, both ascending."""

    rows: tuple[Row, ...]
    cutoffs: tuple[int, ...]
    lookbacks: tuple[int, ...]


# adjacent days around the leap day, and far from it
cutoffs_drawn = st.lists(
    st.one_of(
        st.integers(-3, 3), st.sampled_from([-400, -61, -60, -30, -7, 7, 28, 59, 60, 90, 365]), st.integers(-200, 200)
    ),
    min_size=1,
    max_size=8,
    unique=True,
).map(lambda offsets: tuple(sorted(LEAP_DAY + offset for offset in offsets)))
lookbacks_drawn = st.lists(
    st.one_of(st.sampled_from([1, 2, 7, 28, 59, 60, 61, 90, 121]), st.integers(1, 130)),
    min_size=1,
    max_size=4,
    unique=True,
).map(lambda found: tuple(sorted(found)))


@st.composite
def companies(draw):
    cutoffs, lookbacks = draw(cutoffs_drawn), draw(lookbacks_drawn)
    edges = sorted({0, 1, *lookbacks, *(n + 1 for n in lookbacks)})
    rows = []
    for _ in range(draw(st.integers(8, 30))):
        # the edges of windows, their insides, and days no window reaches
        age = draw(st.one_of(st.sampled_from(edges), st.integers(-2, lookbacks[-1] + 3)))
        day = draw(st.sampled_from(cutoffs)) - age
        # known on the day itself, soon, on the very day of a cutoff or the one before, or much later
        delays = st.one_of(st.sampled_from([0, 0, 1, 2]), st.integers(0, 200))
        to_a_cutoff = st.sampled_from(cutoffs).flatmap(lambda c, day=day: st.sampled_from([c - day, c - day - 1]))
        delay = max(draw(st.one_of(delays, to_a_cutoff)), 0)
        row = Row(
            draw(st.sampled_from("ab")), draw(st.sampled_from(["u", "v", "w", None])), draw(st.sampled_from(NAMES)),
            day, draw(st.sampled_from([0, 8, 9, 17, 18, 23])), day + delay,
            draw(st.one_of(st.none(), st.integers(-50, 50).map(lambda q: q / 10))),
        )  # fmt: skip
        rows.append(row)
        if draw(st.booleans()):  # the same day once more: in time where it was late, and late where it was in time
            again = 0 if delay else draw(st.integers(1, 200))
            rows.append(Row(row.account, row.user, row.event, day, 12, day + again, 1.0))
    return Drawn(tuple(rows), cutoffs, lookbacks)


def events_of(rows):
    """Raw rows as checked usage events."""
    moment = lambda day, hour: pd.Timestamp("1970-01-01") + pd.Timedelta(days=day, hours=hour)  # noqa: E731
    frame = pd.DataFrame({
        "account_id": pd.Series([r.account for r in rows], dtype="str"),
        "occurred_at": pd.Series([moment(r.day, r.hour) for r in rows], dtype="datetime64[us]"),
        "known_at": pd.Series([moment(r.known_day, 23) for r in rows], dtype="datetime64[us]"),
        "event": pd.Series([r.event for r in rows], dtype="str"),
        "user_id": pd.Series([r.user for r in rows], dtype="str"),
        "quantity": pd.Series([r.quantity for r in rows], dtype="float64"),
    })  # fmt: skip
    return ibis.memtable(frame, schema={
        "account_id": "string", "occurred_at": "timestamp(6)", "known_at": "timestamp(6)", "event": "string",
        "user_id": "string", "quantity": "float64",
    })  # fmt: skip


def rolled(rows, names=WITH_A_BIT, parts=PARTS):
    """Roll-ups of raw rows, computed once."""
    found = roll_up(events_of(rows), names, parts)
    return {name: ibis.memtable(relation.to_pyarrow()) for name, relation in found.items()}


# ---------------------------------------------------------------- out of the roll-ups, one dictionary a question


def keyed(relation, *more):
    frame = relation.to_pandas()
    frame["as_of"] = [day_number_of(at.date()) for at in frame["as_of"]]
    return [(tuple(row[k] for k in ("account_id", "as_of", *more)), row) for row in frame.to_dict("records")]


MERGED = {"names": "or", "quantity_min_micro": "min", "quantity_max_micro": "max", "last_age": "min"}
SUMMED = (
    "events", "active_days", "weekend_events", "office_events", "quantity_micro", "quantity_events", "aged_events",
)  # fmt: skip


def cut_out(relation, lookbacks, *more):
    """(account, cutoff, …, n) → the columns of its stretches within n days, merged."""
    rows = defaultdict(list)
    for key, row in keyed(relation, *more):
        for n in lookbacks:
            if row["age"] <= n:
                rows[*key, n].append(row)
    found = {}
    for key, inside in rows.items():
        found[key] = {column: sum(int(row[column]) for row in inside) for column in SUMMED}
        for column, how in MERGED.items():
            values = [int(row[column]) for row in inside if column in row and not pd.isna(row[column])]
            if how == "or" and values:
                values = [sum({1 << place for value in values for place in range(BITS) if value >> place & 1})]
            found[key][column] = (max if how == "max" else min)(values, default=None)
    return found


def answers(company, rollups):
    """Everything the engine says of a company: question → key → value."""
    cutoffs, back = company.cutoffs, company.lookbacks
    days, named, users, rare = (rollups[f"usage_{what}"] for what in ("days", "named", "users", "rare"))
    seen_on = {
        (*key, n): int(row[f"days_{n}"])
        for key, row in keyed(activity(users, "user_id", cutoffs, back), "user_id")
        for n in back
    }
    whole_life = defaultdict(list)
    for key, row in keyed(lives(days, cutoffs)):
        whole_life[key].append((int(row["first_age"]), int(row["last_age"])))
    return {
        "stretches": cut_out(by_stretch(days, cutoffs, back), back),
        "stretches by event": cut_out(by_stretch(named, cutoffs, back, by="event"), back, "event"),
        "users": {key: int(row["age"]) for key, row in keyed(presence(users, "user_id", cutoffs, back), "user_id")},
        "rare names": {key: int(row["age"]) for key, row in keyed(presence(rare, "event", cutoffs, back), "event")},
        "days seen": seen_on,
        "lives": {key: (max(a for a, _ in ages), min(z for _, z in ages)) for key, ages in whole_life.items()},
        "days": {key: int(row["events"]) for key, row in keyed(days_known(days, cutoffs, back[-1]), "age")},
    }


# ---------------------------------------------------------------- the brute force


def counted(rows, cutoff, with_names):
    """The sums of some raw rows, at a cutoff."""
    weekday = {row: (dt.date(1970, 1, 1) + dt.timedelta(days=row.day)).isoweekday() for row in rows}
    micro = [round(row.quantity * 1_000_000) for row in rows if row.quantity is not None]
    names = {row.event for row in rows} & set(WITH_A_BIT)
    return {
        "events": len(rows),
        "active_days": len({row.day for row in rows}),
        "weekend_events": sum(weekday[row] > 5 for row in rows),
        "office_events": sum(weekday[row] < 6 and row.hour in range(9, 18) for row in rows),
        "quantity_micro": sum(micro),
        "quantity_events": len(micro),
        "aged_events": sum(cutoff - row.day for row in rows),
        "names": sum(2 ** WITH_A_BIT.index(name) for name in names) if with_names else None,
        "quantity_min_micro": min(micro, default=None),
        "quantity_max_micro": max(micro, default=None),
        "last_age": min(cutoff - row.day for row in rows),
    }


def brute_force(company):
    found = {
        question: {}
        for question in ("stretches", "stretches by event", "users", "rare names", "days seen", "lives", "days")
    }
    for cutoff in company.cutoffs:
        for account in {row.account for row in company.rows}:
            known = [r for r in company.rows if r.account == account and r.known_day < cutoff and r.day < cutoff]
            if known:
                ages = [cutoff - row.day for row in known]
                found["lives"][account, cutoff] = (max(ages), min(ages))
            for n in reversed(company.lookbacks):
                inside = [row for row in known if row.day >= cutoff - n]
                if inside:
                    found["stretches"][account, cutoff, n] = counted(inside, cutoff, with_names=True)
                for event in {row.event for row in inside}:
                    own = [row for row in inside if row.event == event]
                    found["stretches by event"][account, cutoff, event, n] = counted(own, cutoff, with_names=False)
                    if event not in WITH_A_BIT:
                        found["rare names"][account, cutoff, event] = n
                for user in {row.user for row in inside} - {None}:
                    found["users"][account, cutoff, user] = n
                    found["days seen"][account, cutoff, user, n] = len({r.day for r in inside if r.user == user})
                if n == company.lookbacks[-1]:
                    per_day = Counter(cutoff - row.day for row in inside)
                    found["days"] |= {(account, cutoff, age): events for age, events in per_day.items()}
    # who was not seen within a shorter lookback was seen there on no day
    for account, cutoff, user in found["users"]:
        for n in company.lookbacks:
            found["days seen"].setdefault((account, cutoff, user, n), 0)
    return found


# ---------------------------------------------------------------- side by side


def what_is_put_to_the_test(company):
    """Which of the cases that windows must tell apart a company has."""
    for row in company.rows:
        looking = [c for c in company.cutoffs if c - company.lookbacks[-1] <= row.day < c]
        blind = [c for c in looking if row.known_day >= c]
        if looking and not blind and row.known_day > row.day:
            yield "late, but before any cutoff"
        if looking and len(blind) == len(looking):
            yield "known to no cutoff that looks at it"
        if blind and len(blind) < len(looking):
            yield "known to some of the cutoffs that look at it"
        if len(blind) > 1 and len(blind) < len(looking):
            yield "late across several cutoffs"
        if blind and len(blind) < len(looking):
            others = [r for r in company.rows if (r.account, r.user, r.day) == (row.account, row.user, row.day)]
            if any(r.known_day < min(looking) for r in others):
                yield "in time and late on the same day"
        if row.known_day in looking:
            yield "known on the day of a cutoff"
    if any(b - a == 1 for a, b in zip(company.cutoffs, company.cutoffs[1:], strict=False)):
        yield "adjacent cutoffs"
    if LEAP_DAY in company.cutoffs or LEAP_DAY + 1 in company.cutoffs:
        yield "a cutoff at the leap day"
    spans = cut(company.cutoffs, company.lookbacks).spans
    if len(spans) > BITS:
        yield "more stretches than bits"
    if any(end - start == BITS for start, end in spans):
        yield "a stretch as long as a block"


# a week of cutoffs, and one visit that becomes known in its midst
A_WEEK = Drawn(
    tuple(
        Row("a", "u", event, LEAP_DAY - 20, 10, LEAP_DAY - 20 + delay, 2.5)
        for event in ("login", "invite")
        for delay in (0, 22)
    ),
    tuple(range(LEAP_DAY - 2, LEAP_DAY + 5)),
    (7, 28, 90),
)
NOTHING = Drawn((), (LEAP_DAY,), (7, 28))


CASES = {
    "late, but before any cutoff", "known to no cutoff that looks at it", "known to some of the cutoffs that look at it",
    "late across several cutoffs", "in time and late on the same day", "known on the day of a cutoff", "adjacent cutoffs",
    "a cutoff at the leap day", "a stretch as long as a block",
}  # fmt: skip


def test_every_window_holds_what_a_count_over_the_raw_rows_holds():
    cases = set()

    @bounded
    @given(companies())
    @example(A_WEEK)
    @example(NOTHING)
    def check(company):
        cases.update(what_is_put_to_the_test(company))
        said, expect = answers(company, rolled(company.rows)), brute_force(company)
        for question, values in expect.items():
            assert said[question] == values, question

    check()
    assert cases >= CASES, "the examples must have every case, else they prove nothing"


def test_more_stretches_than_bits_are_cut_in_several_goes():
    cutoffs = tuple(LEAP_DAY + 11 * n for n in range(12))
    lookbacks = (3, 5, 8, 40, 70, 121)
    assert len(cut(cutoffs, lookbacks).spans) > BITS
    rows = []
    for n in range(150):
        day = LEAP_DAY - 130 + (n * 37) % 260
        delay = (0, 0, 1, 12, 60)[n % 5]
        rows.append(Row("ab"[n % 2], ["u", "v", None][n % 3], NAMES[n * 7 % 4], day, n % 24, day + delay, float(n % 4)))
    company = Drawn(tuple(rows), cutoffs, lookbacks)
    assert {"late across several cutoffs", "more stretches than bits"} <= set(what_is_put_to_the_test(company))
    said, expect = answers(company, rolled(rows)), brute_force(company)
    for question, values in expect.items():
        assert said[question] == values, question


ROW = Row("a", "u", "invite", LEAP_DAY - 10, 12, LEAP_DAY - 10, 1.0)
LATE = Row("a", "u", "invite", LEAP_DAY - 10, 13, LEAP_DAY + 5, 1.0)


@pytest.mark.parametrize(
    ("rows", "events", "days", "users"),
    [
        ((ROW,), (1, 1, 1), (1, 1, 1), (1, 1, 1)),
        ((LATE,), (0, 0, 1), (0, 0, 1), (0, 0, 1)),
        ((ROW, LATE), (1, 1, 2), (1, 1, 1), (1, 1, 1)),
    ],
    ids=["in time", "late", "both on one day"],
)
def test_a_day_known_in_time_and_late_counts_once_and_its_events_when_they_were_known(rows, events, days, users):
    cutoffs = (LEAP_DAY, LEAP_DAY + 5, LEAP_DAY + 6)  # known on the day of a cutoff is not known before it
    found = answers(Drawn(rows, cutoffs, (28,)), rolled(rows))
    at = [found["stretches"].get(("a", cutoff, 28), {"events": 0, "active_days": 0}) for cutoff in cutoffs]
    assert tuple(x["events"] for x in at) == events
    assert tuple(x["active_days"] for x in at) == days
    for question, who in (("users", "u"), ("rare names", "invite")):
        assert tuple(int(("a", cutoff, who) in found[question]) for cutoff in cutoffs) == users, question
    assert tuple(found["days seen"].get(("a", cutoff, "u", 28), 0) for cutoff in cutoffs) == days


# ---------------------------------------------------------------- invariants


@settings(bounded, max_examples=examples(4))
@given(companies(), st.integers(0, 2**30))
def test_roll_ups_of_two_batches_read_together_are_the_roll_up_of_both(company, mask):
    one = [row for place, row in enumerate(company.rows) if mask >> place & 1]
    other = [row for place, row in enumerate(company.rows) if not mask >> place & 1]
    batches = (rolled(one), rolled(other))
    read_together = {name: ibis.union(*(batch[name] for batch in batches)) for name in batches[0]}
    assert answers(company, read_together) == answers(company, rolled(company.rows))


@settings(bounded, max_examples=examples(4))
@given(companies(), st.data())
def test_further_cutoffs_and_lookbacks_change_nothing_at_the_others(company, data):
    rollups = rolled(company.rows)
    among = answers(company, rollups)
    cutoff, n = data.draw(st.sampled_from(company.cutoffs)), data.draw(st.sampled_from(company.lookbacks))
    alone = answers(Drawn(company.rows, (cutoff,), (n,)), rollups)
    for question in ("stretches", "stretches by event", "days seen"):
        mine = {key: value for key, value in among[question].items() if key[1] == cutoff and key[-1] == n}
        if question == "days seen":  # whoever came only within a longer lookback is no row of a shorter one
            mine = {key: value for key, value in mine.items() if value}
        assert mine == alone[question], question
    for question in ("users", "rare names", "days"):
        age = (lambda key, value: key[2]) if question == "days" else (lambda key, value: value)
        mine = {key: v for key, v in among[question].items() if key[1] == cutoff and age(key, v) <= n}
        assert set(mine) == set(alone[question]), question
    assert {key: value for key, value in among["lives"].items() if key[1] == cutoff} == alone["lives"]


@settings(bounded, max_examples=examples(6))
@given(companies())
def test_the_days_follow_from_the_names_by_day(company):
    rollups = rolled(company.rows)
    columns = sorted(rollups["usage_days"].columns)
    again = days_from_named(rollups["usage_named"], WITH_A_BIT, PARTS)
    rows = lambda relation: sorted(  # noqa: E731
        tuple(repr(None if value is None or value != value else value) for value in row.values())
        for row in relation.select(*columns).to_pyarrow().to_pylist()
    )
    assert rows(again) == rows(rollups["usage_days"])


@pytest.mark.parametrize("parts", [frozenset(), *({part} for part in sorted(PARTS))], ids=str)
def test_what_no_feature_asks_for_is_not_kept_and_the_rest_stays_the_same(parts):
    rows = [ROW, LATE, Row("b", None, "login", LEAP_DAY - 3, 10, LEAP_DAY - 3, None)]
    some, everything = rolled(rows, parts=frozenset(parts)), rolled(rows)
    asked_for = {"usage_users", "usage_named"} & {f"usage_{part}" for part in parts}
    assert set(some) == {"usage_days", "usage_rare"} | asked_for
    for name, relation in some.items():
        columns = relation.columns
        key = lambda row: tuple(map(str, row))  # noqa: E731
        mine, all_of_it = (r.select(*columns).to_pyarrow().to_pylist() for r in (relation, everything[name]))
        assert sorted(map(key, (r.values() for r in mine))) == sorted(map(key, (r.values() for r in all_of_it)))
    own = {
        "quantity_micro": "quantity",
        "quantity_min_micro": "spread",
        "quantity_max_micro": "spread",
        "office_events": "office",
    }
    kept_columns = set(some["usage_days"].columns)
    assert {"account_id", "day", "known_day", "events", "names"} <= kept_columns
    assert kept_columns & set(own) == {column for column, part in own.items() if part in parts}


# ---------------------------------------------------------------- whole numbers


@bounded
@given(
    st.lists(
        st.one_of(st.integers(0, 2**BITS - 1), st.sampled_from([0, 1, 2**BITS - 1, 2 ** (BITS - 1)])),
        min_size=1,
        max_size=50,
    )
)
def test_popcount_counts_bits(numbers):
    column = ibis.memtable(
        pd.DataFrame({"n": pd.Series(range(len(numbers))), "bits": pd.Series(numbers, dtype="int64")})
    )
    found = column.select("n", counted=popcount(column["bits"])).to_pandas().sort_values("n")["counted"]
    assert list(found) == [bin(number).count("1") for number in numbers]


def test_a_day_has_its_own_bit_in_its_block_before_1970_too():
    days = [-BITS - 1, -BITS, -1, 0, 1, BITS - 1, BITS, LEAP_DAY, LEAP_DAY + BITS, day_number_of(dt.date(1900, 1, 1))]
    column = ibis.memtable(pd.DataFrame({"day": pd.Series(days, dtype="int32")}))
    found = column.select("day", block=block_of(column["day"]), bit=bit_of(column["day"])).to_pandas()
    for row in found.itertuples():
        place = int(math.log2(row.bit))
        assert 0 <= place < BITS
        assert first_day(row.block) + place == row.day


@bounded
@given(cutoffs_drawn, lookbacks_drawn)
def test_stretches_tile_every_window_and_nothing_else(cutoffs, lookbacks):
    cuts = cut(cutoffs, lookbacks)
    covered = [day for start, end in cuts.spans for day in range(start, end)]
    assert len(covered) == len(set(covered)), "no day twice"
    assert set(covered) == {day for c in cutoffs for day in range(c - lookbacks[-1], c)}
    assert all(0 < end - start <= BITS for start, end in cuts.spans)
    for cutoff in cutoffs:
        for n in lookbacks:
            seen = sorted(day for place in cuts.seen_from(cutoff, n) for day in range(*cuts.spans[place]))
            assert seen == list(range(cutoff - n, cutoff))
