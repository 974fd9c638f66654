"""Views of a reading that judged usage, taken over to one that only rolls up."""

from __future__ import annotations

import duckdb
import pytest

from churnml.adapters.warehouse.again import views_of

TYPED = "_typed_usage_events"


@pytest.fixture
def reading() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect()
    con.execute("CREATE TABLE events AS SELECT 'a' AS account_id")
    con.execute("CREATE TEMP VIEW _raw_usage_events AS SELECT * FROM events")
    con.execute("CREATE TEMP TABLE _spellings AS SELECT 'a' AS spelt, 'A' AS meant")
    return con


def test_views_over_inputs_are_taken_over_in_their_order(reading: duckdb.DuckDBPyConnection) -> None:
    reading.execute(f"CREATE TEMP VIEW {TYPED} AS SELECT account_id FROM _raw_usage_events")
    assert [view.name for view in views_of(reading, (TYPED,))] == ["_raw_usage_events", TYPED]


def test_no_view_is_taken_over_that_rests_on_what_only_its_reading_had(reading: duckdb.DuckDBPyConnection) -> None:
    spelt = "(SELECT meant FROM _spellings WHERE spelt = account_id)"
    reading.execute(f"CREATE TEMP VIEW {TYPED} AS SELECT {spelt} AS account_id FROM _raw_usage_events")
    assert views_of(reading, (TYPED,)) == ()


def test_no_view_is_taken_over_that_was_put_before_another(reading: duckdb.DuckDBPyConnection) -> None:
    reading.execute(f"CREATE TEMP VIEW {TYPED} AS SELECT account_id FROM _raw_usage_events")
    reading.execute(f"ALTER VIEW {TYPED} RENAME TO _whole_usage_events")
    reading.execute(f"CREATE TEMP VIEW {TYPED} AS SELECT *, false AS forgotten FROM _whole_usage_events")
    assert views_of(reading, (TYPED,)) == ()
