"""A time is read whole or not at all, whatever an export puts behind it, and what is odd about a column is told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest

from churnml.adapters.warehouse.reading import Reading, ReadingCounts, identifier
from churnml.adapters.warehouse.time_columns import TimeColumn, time_columns
from churnml.adapters.warehouse.times import layered, time_of
from churnml.adapters.warehouse.zones import MeantZones, Offset, clock_changes
from churnml.errors import ContractError, ProjectError
from churnml.remarks import Remark, RemarkKind
from churnml.tables import TABLES
from tests.support import TODAY, make_project

at = dt.datetime.fromisoformat
NEW_YORK, UTC = "America/New_York", "UTC"


@dataclass(frozen=True)
class Connected:
    con: duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Read:
    """What a column of ``occurred_at`` came to."""

    times: list[str | None]
    column: TimeColumn
    remarks: list[Remark]

    def told(self, kind: RemarkKind) -> Remark:
        (one,) = [remark for remark in self.remarks if remark.kind is kind]
        return one

    @property
    def kinds(self) -> set[RemarkKind]:
        return {remark.kind for remark in self.remarks}


def read(tmp_path: Path, values: Sequence[object], sql_type: str = "VARCHAR", **spec: Any) -> Read:
    """The values as ``occurred_at`` of usage, in order."""
    project = make_project(tmp_path, {"accounts": "account_id | created_at\na | 2023-01-01"}, **spec)
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"CREATE TABLE _raw_usage_events (occurred_at {sql_type}, place INTEGER)")
        con.executemany("INSERT INTO _raw_usage_events VALUES (?, ?)", [(v, n) for n, v in enumerate(values)])
        reading = Reading(cast(Any, Connected(con)), project, TODAY, tmp_path, frozenset(), ReadingCounts())
        types = {"occurred_at": str(con.execute("DESCRIBE _raw_usage_events").fetchall()[0][1])}
        column = time_columns(reading, TABLES["usage_events"], types, Path("usage_events.sql"))["occurred_at"]
        select = layered("_raw_usage_events", column.reading.steps)
        time = identifier(time_of("occurred_at"))
        rows = con.execute(f"SELECT {time}::VARCHAR FROM ({select}) ORDER BY place").fetchall()
        return Read([row[0] for row in rows], column, reading.counts.remarks)


def one(tmp_path: Path, value: str, zone: str = NEW_YORK, **spec: Any) -> str | None:
    """The value among others that are plain, so that the column is one of times."""
    return read(tmp_path, ["2024-03-04 05:06:07", value], timezone=zone, **spec).times[1]


# ---------------------------------------------------------------- what stands behind a time


BEHIND = [
    ("2024-07-09 03:15:00 UTC", "2024-07-08 23:15:00"),
    ("2024-07-09 03:15:00 GMT", "2024-07-08 23:15:00"),
    ("2024-07-09T03:15:00Z", "2024-07-08 23:15:00"),
    ("2024-07-09t03:15:00z", "2024-07-08 23:15:00"),
    ("2024-07-09 03:15:00 PDT", "2024-07-09 06:15:00"),
    ("2024-07-09 03:15 PST", "2024-07-09 07:15:00"),
    ("2024-01-09 03:15:00 MST", "2024-01-09 05:15:00"),
    ("2024-07-09 03:15:00 JST", "2024-07-08 14:15:00"),
    ("2024-07-09 03:15:00CEST", "2024-07-08 21:15:00"),
    ("2024-07-09 03:15:00 (UTC)", "2024-07-08 23:15:00"),
    ("2024-07-09 03:15 Zulu", "2024-07-08 23:15:00"),
    ("2024-07-09 03:15:00 PT", "2024-07-09 06:15:00"),
    ("2024-01-09 03:15:00 et", "2024-01-09 03:15:00"),
    ("2024-07-09 03:15:00 GMT+0200 (Central European Summer Time)", "2024-07-08 21:15:00"),
    ("2024-07-09 03:15:00 Europe/Berlin", "2024-07-08 21:15:00"),
    ("2024-01-09 03:15:00 [Europe/Berlin]", "2024-01-08 21:15:00"),
    ("2024-07-09T03:15:00+02:00[Europe/Berlin]", "2024-07-08 21:15:00"),
    ("2024-07-09 03:15:00 +0530", "2024-07-08 17:45:00"),
    ("2024-07-09 03:15:00-03", "2024-07-09 02:15:00"),
    ("2024-07-09 03:15:00 GMT+2", "2024-07-08 21:15:00"),
    ("2024-07-09 03:15:00 PM", "2024-07-09 15:15:00"),
    ("2024-07-09 12:05 am", "2024-07-09 00:05:00"),
    ("2024-07-09 3:15 p.m. UTC", "2024-07-09 11:15:00"),
    ("2024/7/9 03:15", "2024-07-09 03:15:00"),
    ("2024-07-09 03:15:00,25", "2024-07-09 03:15:00.25"),
    ("2024-07-09 03:15:00.123456789", "2024-07-09 03:15:00.123456"),
    ("2024-07-09 24:00:00", "2024-07-10 00:00:00"),
    ("\u00a02024-07-09\t", "2024-07-09 00:00:00"),
]
LEFT_OVER = [
    "2024-07-09 03:15:00 about",
    "2024-07-09 03:15:00 +2:00:15",
    "2024-07-09 03:15:00 Europe/Nowhere",
    "2024-07-09 03:15:00 (estimated)",
    "2024-07-09 03:15:00 UTC (PST)",
    "2024-07-09 13:15 PM",
    "2024-07-09 03:15:00 XYZ",
    "2024-02-30",
    "2024-07-09 25:00",
    "24-07-09",
    "07/09/2024",
    "1969-12-31 19:00:00",
    "2101-01-01",
    "epoch",
]


def test_nothing_behind_a_time_is_ignored(tmp_path: Path) -> None:
    found = read(tmp_path, ["2024-03-04 05:06:07", *(text for text, _ in BEHIND)], timezone=NEW_YORK)
    assert dict(zip([text for text, _ in BEHIND], found.times[1:], strict=True)) == dict(BEHIND)


def test_a_text_of_which_something_is_left_over_is_no_time(tmp_path: Path) -> None:
    found = read(tmp_path, ["2024-03-04 05:06:07", *LEFT_OVER], timezone=NEW_YORK)
    assert found.times == ["2024-03-04 05:06:07", *(None for _ in LEFT_OVER)]
    told = found.told(RemarkKind.UNREADABLE_TIME)
    assert told.rows == len(LEFT_OVER)
    assert set(told.samples) <= set(LEFT_OVER)


def test_the_usual_spellings_of_a_column_do_not_matter(tmp_path: Path) -> None:
    values = ["2024-07-09T03:15:00Z"] * 40 + ["2024-07-09 03:15:00 EST", "2024-07-09 03:15", "2024-07-09 03:15 PM"]
    found = read(tmp_path, values, timezone=NEW_YORK)
    assert found.times[39:] == [
        "2024-07-08 23:15:00",
        "2024-07-09 04:15:00",
        "2024-07-09 03:15:00",
        "2024-07-09 15:15:00",
    ]


# ---------------------------------------------------------------- zone words


def test_a_zone_word_that_several_countries_use_is_not_guessed(tmp_path: Path) -> None:
    found = read(tmp_path, ["2024-03-04 05:06:07", "2024-07-09 03:15:00 IST"], timezone=NEW_YORK)
    assert found.times[1] is None
    assert "Kolkata, Dublin or Jerusalem" in found.told(RemarkKind.UNREADABLE_TIME).detail
    assert "zone_words: {IST: …}" in found.told(RemarkKind.UNREADABLE_TIME).detail


def test_it_is_read_where_the_project_says_what_it_means(tmp_path: Path) -> None:
    words = {"IST": "Asia/Kolkata"}
    assert one(tmp_path, "2024-07-09 03:15:00 IST", UTC, zone_words=words) == "2024-07-08 21:45:00"


def test_it_is_read_as_the_projects_own_and_that_is_told(tmp_path: Path) -> None:
    values = ["2024-07-09 03:15:00 IST", "2024-07-10 03:15:00 IST"]
    found = read(tmp_path, values, timezone="Asia/Kolkata")
    assert found.times == ["2024-07-09 03:15:00", "2024-07-10 03:15:00"]
    told = found.told(RemarkKind.ZONE_WORD)
    assert told.rows == 2
    assert "UTC+05:30" in told.detail


def test_words_mean_one_offset_and_zones_follow_their_clocks() -> None:
    meant = MeantZones(UTC, {})
    assert meant.offset("PST") == Offset(-480)
    assert meant.offset("America/Los_Angeles") == Offset(zone="America/Los_Angeles")
    assert meant.offset("BST") is None
    assert MeantZones("Europe/London", {}).offset("BST") == Offset(60)
    assert meant.offset("+19:00") is None


# ---------------------------------------------------------------- declared formats


def test_declared_formats_may_have_offsets_and_zone_words(tmp_path: Path) -> None:
    formats = ["%d.%m.%Y %H:%M %z", "%d.%m.%Y %H:%M %Z", "%d.%m.%Y %H:%M"]
    values = [
        "09.07.2024 03:15 +02:00",
        "09.07.2024 03:15 PDT",
        "09.07.2024 03:15 Europe/Berlin",
        "09.07.2024 03:15",
        "09.07.2024 03:15 IST",
    ]
    found = read(tmp_path, values, timezone=NEW_YORK, time_formats=formats)
    assert found.times == [
        "2024-07-08 21:15:00",
        "2024-07-09 06:15:00",
        "2024-07-08 21:15:00",
        "2024-07-09 03:15:00",
        None,
    ]


def test_a_format_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"time_formats.*'%Q %' holds '%Q'"):
        read(tmp_path, ["2024-07-09"], time_formats=["%Y-%m-%d", "%Q %"])


# ---------------------------------------------------------------- what would read a column


def test_a_column_of_another_format_stops_with_the_format_that_fits_every_row(tmp_path: Path) -> None:
    values = ["01/02/2024", "03/04/2024", "05/28/2024"]
    with pytest.raises(ContractError, match="'occurred_at' of table usage_events") as refused:
        read(tmp_path, values)
    assert "time_formats: ['%m/%d/%Y']" in refused.value.remedy
    assert read(tmp_path, values, time_formats=["%m/%d/%Y"]).times[2] == "2024-05-28 00:00:00"


def test_days_and_months_that_could_be_either_are_not_guessed(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        read(tmp_path, ["01/02/2024 4:05 PM", "03/04/2024 11:00 AM"])
    assert "['%d/%m/%Y %I:%M %p']" in refused.value.remedy
    assert "['%m/%d/%Y %I:%M %p']" in refused.value.remedy


def test_some_rows_of_another_format_are_told_with_it(tmp_path: Path) -> None:
    told = read(tmp_path, ["2024-07-09", "28.05.24", "29.05.24"]).told(RemarkKind.UNREADABLE_TIME)
    assert (told.rows, told.samples) == (2, ("28.05.24", "29.05.24"))
    assert "%d.%m.%y" in told.detail


@pytest.mark.parametrize(
    ("unit", "sql_type", "function"),
    [
        (1, "VARCHAR", "to_timestamp("),
        (1, "DOUBLE", "to_timestamp("),
        (1_000, "BIGINT", "make_timestamp_ms("),
        (1_000_000, "VARCHAR", "make_timestamp("),
        (1_000_000_000, "BIGINT", "make_timestamp_ns("),
    ],
)
def test_numbers_stop_with_the_function_for_their_size(unit: int, function: str, sql_type: str, tmp_path: Path) -> None:
    numbers = [1_717_171_717 * unit, 1_720_000_000 * unit]
    with pytest.raises(ContractError) as refused:
        read(tmp_path, [str(n) for n in numbers] if sql_type == "VARCHAR" else numbers, sql_type)
    assert function in refused.value.remedy
    with duckdb.connect() as con:
        expression = refused.value.remedy.split("write ")[1].split(" AS occurred_at")[0]
        con.execute(f"SET TimeZone = 'UTC'; CREATE TABLE t AS SELECT {numbers[0]}::{sql_type} AS occurred_at")
        read_so = con.execute(f"SELECT ({expression})::VARCHAR FROM t").fetchall()[0][0]
    assert read_so.startswith("2024-05-31 16:08:37")


def test_numbers_that_are_dates_stop_with_their_format(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        read(tmp_path, [20240709, 20240710], "INTEGER")
    assert "'%Y%m%d'" in refused.value.remedy


def test_a_column_of_numbers_without_any_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, [None, None], "INTEGER").times == [None, None]


# ---------------------------------------------------------------- far and missing times


def test_years_that_stand_for_none_are_no_value_and_counted(tmp_path: Path) -> None:
    values = ["2024-07-09", "9999-12-31", "0000-00-00 00:00:00", "9999-12-31T23:59:59Z", "infinity", "0001-01-01"]
    found = read(tmp_path, values)
    assert found.times == ["2024-07-09 00:00:00", None, None, None, None, None]
    assert found.told(RemarkKind.NO_VALUE).rows == 5
    assert RemarkKind.UNREADABLE_TIME not in found.kinds


def test_so_are_those_of_a_parquet_file(tmp_path: Path) -> None:
    values = [at("2024-07-09 01:00"), at("9999-12-31"), at("1900-01-01")]
    found = read(tmp_path, values, "TIMESTAMP")
    assert found.times == ["2024-07-09 01:00:00", None, None]
    assert found.told(RemarkKind.NO_VALUE).rows == 1
    assert found.told(RemarkKind.UNREADABLE_TIME).rows == 1


# ---------------------------------------------------------------- offsets, hours, clocks


def test_offsets_that_the_projects_zone_never_has_are_told_with_the_zones_that_do(tmp_path: Path) -> None:
    values = ["2024-01-09T03:15:00+01:00", "2024-07-09T03:15:00+02:00", "2024-07-10T03:15:00+02:00"]
    told = read(tmp_path, values, timezone=NEW_YORK).told(RemarkKind.OTHER_OFFSET)
    assert told.rows == 3
    assert "UTC+01:00 and UTC+02:00" in told.detail
    assert "timezone: Europe/Berlin" in told.detail


@pytest.mark.parametrize(
    "values",
    [
        ["2024-01-09T03:15:00-05:00", "2024-07-09T03:15:00+02:00"],  # some are the project's
        ["2024-01-09T03:15:00Z", "2024-07-09T03:15:00Z"],  # how programs write instants
        ["2024-01-09T03:15:00+02:00", "2024-07-09 03:15"],  # some are its wall clock
    ],
)
def test_other_columns_with_offsets_are_as_they_should_be(values: list[str], tmp_path: Path) -> None:
    assert RemarkKind.OTHER_OFFSET not in read(tmp_path, values, timezone=NEW_YORK).kinds


@pytest.mark.parametrize(
    ("values", "sql_type", "has_hours"),
    [
        (["2024-07-09", "2024-07-10"], "VARCHAR", False),
        (["2024-07-09", "2024-07-10 00:00"], "VARCHAR", True),
        (["2024-07-09 00:00:00"] * 25, "VARCHAR", False),
        (["2024-07-09"] * 25 + ["2024-07-09 14:00"], "VARCHAR", True),
        ([dt.date(2024, 7, 9)], "DATE", False),
        ([at("2024-07-09")] * 25, "TIMESTAMP", False),
        ([at("2024-07-09")] * 25 + [at("2024-07-09 14:00")], "TIMESTAMP", True),
    ],
)
def test_a_column_of_dates_has_no_hours_and_that_is_told(
    values: list[object], sql_type: str, has_hours: bool, tmp_path: Path
) -> None:
    found = read(tmp_path, values, sql_type)
    assert found.column.has_hours == has_hours
    assert (RemarkKind.NO_HOURS in found.kinds) == (not has_hours)


def test_a_wall_clock_time_that_there_was_not_is_told(tmp_path: Path) -> None:
    values = ["2024-03-10 01:59", "2024-03-10 02:30", "2024-03-10 03:00", "2024-03-11 02:30"]
    found = read(tmp_path, values, timezone=NEW_YORK)
    assert found.told(RemarkKind.SKIPPED_HOUR).rows == 1
    assert RemarkKind.SKIPPED_HOUR not in read(tmp_path, values, timezone=UTC).kinds


def test_clock_changes_are_found_to_the_minute() -> None:
    spring, autumn = clock_changes("Europe/Berlin", 2024, 2024)
    assert spring.at == at("2024-03-31 01:00")
    assert spring.skipped == (at("2024-03-31 02:00"), at("2024-03-31 03:00"))
    assert (autumn.at, autumn.before, autumn.after) == (at("2024-10-27 01:00"), 120, 60)


# ---------------------------------------------------------------- dates of another clock


DATES = ["2024-03-01T00:00:00Z", "2024-03-09T00:00:00+00:00", "2024-07-20 00:00:00 (UTC)"]


def test_midnights_of_utc_are_told_west_of_it_with_what_to_select(tmp_path: Path) -> None:
    found = read(tmp_path, DATES, timezone=NEW_YORK)
    told = found.told(RemarkKind.DAY_BEFORE)
    assert (told.rows, told.samples[0]) == (3, "2024-03-01 is read as 2024-02-29 19:00")
    assert "select substr(occurred_at, 1, 10) AS occurred_at" in told.detail
    # so written, they are the dates they were
    days_ = read(tmp_path, [text[:10] for text in DATES], timezone=NEW_YORK)
    assert days_.times[0] == "2024-03-01 00:00:00"
    assert RemarkKind.DAY_BEFORE not in days_.kinds


def test_so_are_those_of_any_zone_east_of_the_projects(tmp_path: Path) -> None:
    assert read(tmp_path, ["2024-03-01T00:00:00+09:00"] * 5).told(RemarkKind.DAY_BEFORE).rows == 5


def test_typed_instants_at_midnight_are_told_too(tmp_path: Path) -> None:
    found = read(tmp_path, DATES[:2], "TIMESTAMP WITH TIME ZONE", timezone="America/Sao_Paulo")
    assert "timezone('UTC', occurred_at)::DATE" in found.told(RemarkKind.DAY_BEFORE).detail


@pytest.mark.parametrize(
    ("values", "zone"),
    [
        (DATES, "Europe/Berlin"),  # the same day
        (["2024-03-01T05:00:00Z"] * 5, NEW_YORK),  # its own midnights
        (["2024-03-01T00:00:00Z", *[f"2024-03-01T{hour:02}:10:00Z" for hour in range(12)]], NEW_YORK),  # once by chance
        (["2024-03-01 00:00:00"] * 5, NEW_YORK),
    ],
)
def test_others_are_not(values: list[str], zone: str, tmp_path: Path) -> None:
    assert RemarkKind.DAY_BEFORE not in read(tmp_path, values, timezone=zone).kinds


def midnights(tmp_path: Path, hours: Sequence[int], zone: str = UTC) -> list[Remark]:
    """What is told of 24 tickets, two a month, opened at these hours of UTC in winter and in summer."""
    project = make_project(tmp_path, {"accounts": "account_id | created_at\na | 2023-01-01"}, timezone=zone)
    opened = [dt.datetime(2024, month, 4 + 9 * n, hours[3 < month < 11]) for month in range(1, 13) for n in (0, 1)]  # noqa: DTZ001
    with duckdb.connect() as con:
        con.execute("CREATE TABLE _raw_support_tickets (opened_at VARCHAR)")
        con.executemany("INSERT INTO _raw_support_tickets VALUES (?)", [(f"{when.isoformat()}Z",) for when in opened])
        reading = Reading(cast(Any, Connected(con)), project, TODAY, tmp_path, frozenset(), ReadingCounts())
        time_columns(reading, TABLES["support_tickets"], {"opened_at": "VARCHAR"}, Path("support_tickets.sql"))
    return [one for one in reading.counts.remarks if one.kind is RemarkKind.DAY_BEFORE]


@pytest.mark.parametrize(("hours", "meant"), [((15, 15), "Asia/Tokyo"), ((23, 22), "Europe/Berlin")])
def test_midnights_of_a_zone_that_is_not_declared_are_told_with_that_zone(
    hours: tuple[int, int], meant: str, tmp_path: Path
) -> None:
    (told,) = midnights(tmp_path, hours)
    assert (told.rows, told.column) == (24, "opened_at")
    assert f"is timezone: {meant} meant?" in told.detail
    assert midnights(tmp_path, hours, meant) == []


def test_any_other_hour_of_the_day_is_one(tmp_path: Path) -> None:
    assert midnights(tmp_path, (5, 4)) == []  # New York's midnights, the same day
    assert midnights(tmp_path, (12, 12)) == []


# ---------------------------------------------------------------- what keeps a column from being read


def test_dates_that_prove_the_day_first_and_the_month_first_are_told_with_both(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as refused:
        read(tmp_path, ["03/04/2024", "25/04/2024", "05/28/2024 10:00", "05/29/2024"])
    assert "1 of them can only have the day first ('25/04/2024')" in refused.value.remedy
    assert "2 only the month ('05/28/2024 10:00')" in refused.value.remedy
    # nor is a format proposed beside a declared one that contradicts it
    told = read(tmp_path, ["03/04/2024", "25/04/2024", "05/28/2024"], time_formats=["%d/%m/%Y"])
    assert "can only have the month first ('05/28/2024')" in told.told(RemarkKind.UNREADABLE_TIME).detail


@pytest.mark.parametrize(
    ("written", "remedy"),
    [
        ("2024-07-09 03:15 XYZ", "zone_words: {XYZ: Europe/Berlin}"),
        ("2024-07-09 03:15:00 CT", "CT may be that of Chicago or Shanghai"),
        ("2024-07-09 03:15:00 (IST)", "zone_words: {IST: …}"),
        ("2024-07-09 03:15 at noon", "What 'AT NOON' means behind a time is not known"),
        ("\uff12\uff10\uff12\uff14-07-09", "translate(occurred_at, '"),
    ],
)
def test_a_column_that_cannot_be_read_stops_with_what_stands_behind_its_times(
    written: str, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as refused:
        read(tmp_path, [written, written])
    assert remedy in refused.value.remedy
