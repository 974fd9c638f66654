"""DuckDB, Spark and PostgreSQL give the same population, features and labels, and the slow obvious way agrees.

One random company in two time zones, with what goes wrong between engines: late rows, days of 23 and 25 hours,
a leap day as cutoff and as day of events, microseconds, missing values, repeated rows, accounts without events,
ids in Japanese and with quotes, backslashes, tabs and line ends.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os

import numpy as np
import pandas as pd
import pytest

from churnml.adapters.warehouse import Ingested, facts_of, ingest
from churnml.features import FAMILIES, Wish, choose
from churnml.labels import Label
from churnml.snapshots import (
    attach_label,
    attach_leaving_times,
    build_snapshots,
    frequent_events,
    leaving_accounts,
    population,
    usage_begins,
)
from churnml.tables import Facts
from tests.oracle.test_features_against_pandas import (
    CALENDAR,
    CORE,
    EVENTS,
    LOOKBACKS,
    STATIC,
    obvious,
    random_company,
)
from tests.support import TODAY, everybody, make_project

# PySpark does not close the sockets it reads results from
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket.socket:ResourceWarning")

# times have lost their zone before an engine sees them, so one zone is enough for Spark, where a query takes seconds
on_every_engine = pytest.mark.parametrize(
    ("store", "opened"),
    [
        ("Europe/Berlin", "duckdb"),
        ("America/New_York", "duckdb"),
        ("Europe/Berlin", "postgres"),
        ("America/New_York", "postgres"),
        ("Europe/Berlin", "spark"),
    ],
    indirect=True,
)
in_every_zone = pytest.mark.parametrize("store", ["Europe/Berlin", "America/New_York"], indirect=True)

LEAP_DAY = dt.date(2024, 2, 29)
# a leap day; the days after the clocks went forward in Berlin and in New York; a summer's day
CUTOFFS = (LEAP_DAY, dt.date(2024, 3, 11), dt.date(2024, 4, 1), dt.date(2024, 7, 1))
JUDGED = (CUTOFFS[0], CUTOFFS[3])
ZONES = ("Europe/Berlin", "America/New_York")
ODD_IDS = {
    "a000": "株式会社 顧客",
    "a001": 'O\'Neill & "Sons"',
    "a002": "back\\slash\\",
    "a003": "back\\slash and blank",
    "a005": "\\Nord",
    "a006": "NULL",
    "a007": "Ä,ö;ü|é",
    "a008": "a001",
}
WISH = Wish(LOOKBACKS, EVENTS, STATIC, CORE, (14, 42), CALENDAR)
LABELS = {
    "contract": Label(kind="contract", gap=7, horizon=60, grace=14),
    "contract, notice included": Label(kind="contract", gap=0, horizon=30, include_notice_given=True),
    "lapse": Label(kind="lapse", gap=7, horizon=14, settle=7),
    "event": Label(kind="event", gap=7, horizon=60),
    "event, again and of its own will": Label(kind="event", horizon=91, recurring=True, voluntary_only=True),
    "upsell": Label(kind="upsell", horizon=91, mrr_up_by=0.1, seats_up_by=0.2, plans=("team", "scale")),
    "begins to pay": Label(kind="upsell", horizon=170, starts_paying=True, population="not paying and age_days >= 30"),
    "lapse by own rhythm": Label(kind="lapse", gap=7, horizon=14, due_within=(-30, 60)),
    "contraction": Label(kind="contraction", horizon=91, mrr_down_by=0.1, seats_down_by=0.2, users_down_by=0.5),
}


def company_of(zone: str) -> dict[str, pd.DataFrame]:
    """A random company in wall-clock times of ``zone``."""
    seed = 20 + ZONES.index(zone)
    company = random_company(seed)
    rng = np.random.default_rng(seed)
    usage, tickets = company["usage_events"], company["support_tickets"]
    # on the leap day, on the days the clocks change, repeated rows
    special = pd.to_datetime(
        ["2024-02-29 00:00", "2024-03-10 01:59", "2024-03-31 02:30", "2024-10-27 02:30", "2023-11-05 01:30"]
    )
    some = usage.sample(len(special) * 8, random_state=seed).reset_index(drop=True)
    some["occurred_at"] = np.tile(special, 8)
    some["known_at"] = some["occurred_at"] + pd.to_timedelta(rng.choice([0, 1, 30], len(some)), unit="D")
    some = some[some["account_id"].map(company["accounts"].set_index("account_id")["created_at"]) < some["occurred_at"]]
    company["usage_events"] = pd.concat([usage, some, usage.sample(50, random_state=seed)], ignore_index=True)
    micros = pd.to_timedelta(rng.integers(0, 1_000_000, len(tickets)), unit="us")
    tickets["opened_at"] = tickets["opened_at"] + micros
    for column in ("first_response_at", "resolved_at"):
        tickets[column] = tickets[column] + pd.Timedelta(seconds=1) + np.roll(micros, 1)
    leavings = company["subscriptions"].sample(30, random_state=seed).reset_index(drop=True)
    left = leavings["starts_at"] + pd.to_timedelta(rng.integers(0, 200, 30), unit="D")
    left = left.clip(upper=pd.Timestamp("2024-12-01"))
    company["churn_events"] = pd.DataFrame({
        "account_id": leavings["account_id"], "churned_at": left, "reason": rng.choice(["price", "", None], 30),
        "voluntary": rng.choice(["true", "false", None], 30),
        "known_at": (left + pd.Timedelta(days=20)).where(pd.Series(rng.random(30) < 0.5)),
    }).drop_duplicates(["account_id", "churned_at"], ignore_index=True)  # fmt: skip
    silent = pd.DataFrame({"account_id": ["silent"], "created_at": [pd.Timestamp("2023-03-01")], "industry": [None]})
    company["accounts"] = pd.concat([company["accounts"], silent], ignore_index=True)
    for name, frame in company.items():
        frame["account_id"] = frame["account_id"].replace(ODD_IDS)
        for column in frame.columns:
            if pd.api.types.is_datetime64_any_dtype(frame[column]):
                frame[column] = _existing(frame[column], zone).dt.as_unit("us")
        company[name] = frame
    return company


def _existing(wall: pd.Series, zone: str) -> pd.Series:
    """Wall-clock times, those that the clocks skipped moved behind the gap."""
    return _instants(wall, zone).dt.tz_convert(zone).dt.tz_localize(None)


def _instants(wall: pd.Series, zone: str) -> pd.Series:
    first = np.ones(len(wall), dtype=bool)
    return wall.dt.tz_localize(zone, nonexistent="shift_forward", ambiguous=first).dt.tz_convert("UTC")


def as_exported(company: dict[str, pd.DataFrame], zone: str) -> dict[str, pd.DataFrame]:
    """The company as another system exports it: usage as instants with an offset, the rest as the wall clock has it."""
    usage = company["usage_events"].copy()
    for column in ("occurred_at", "known_at"):
        instants = _instants(usage[column], zone)
        usage[column] = instants.dt.strftime("%Y-%m-%dT%H:%M:%SZ").where(instants.notna())
    return company | {"usage_events": usage}


@dataclasses.dataclass(frozen=True)
class Store:
    """A company in its zone, checked."""

    zone: str
    company: dict[str, pd.DataFrame]
    ingested: Ingested
    facts: Facts


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    zone = request.param
    company = company_of(zone)
    # a folder whose name an engine might read as a pattern
    root = tmp_path_factory.mktemp("agree") / "a company [1] {x}"
    project = make_project(root, as_exported(company, zone), static=list(STATIC), timezone=zone)
    ingested = ingest(project, TODAY)
    assert ingested.quarantined == {}
    return Store(zone, company, ingested, facts_of(ingested, STATIC))


@pytest.fixture(scope="session")
def elsewhere(store: Store, opened) -> Facts:
    """The same facts on another engine."""
    return facts_of(store.ingested, STATIC, opened(store.ingested.path.name))


def assert_alike(found: pd.DataFrame, expect: pd.DataFrame) -> None:
    """Numbers that are whole equal, others to a billionth, text and dates equal; missing is missing."""
    assert list(found.columns) == list(expect.columns)
    assert len(found) == len(expect)
    for name in expect.columns:
        ours, theirs = expect[name], found[name]
        if pd.api.types.is_datetime64_any_dtype(ours):
            assert list(theirs) == list(ours), name
        elif pd.api.types.is_numeric_dtype(ours) or pd.api.types.is_bool_dtype(ours):
            wanted, got = ours.astype("float64").to_numpy(), theirs.astype("float64").to_numpy()
            whole = np.all(np.isnan(wanted) | (wanted == np.floor(wanted)))
            np.testing.assert_allclose(got, wanted, rtol=0 if whole else 1e-9, atol=0 if whole else 1e-9, err_msg=name)
        else:
            assert [None if pd.isna(v) else v for v in theirs] == [None if pd.isna(v) else v for v in ours], name


@pytest.fixture(scope="session")
def everything(store: Store) -> pd.DataFrame:
    """Every feature of every account on DuckDB, as the warehouse opens it."""
    chosen = choose(tuple(FAMILIES), (), WISH, store.facts)
    return build_snapshots(store.facts, chosen, everybody(store.facts, *CUTOFFS))


@pytest.fixture(scope="session")
def there(store: Store, elsewhere: Facts) -> pd.DataFrame:
    """The same on another engine."""
    chosen = choose(tuple(FAMILIES), (), WISH, elsewhere)
    return build_snapshots(elsewhere, chosen, everybody(store.facts, *CUTOFFS))


@on_every_engine
def test_every_feature_is_the_same_on_every_engine(everything: pd.DataFrame, there: pd.DataFrame) -> None:
    assert len(everything) > 4 * 30
    assert set(ODD_IDS.values()) < set(everything["account_id"])
    assert_alike(there, everything)


@pytest.fixture(scope="session")
def slow_and_obvious(store: Store) -> dict[dt.date, pd.DataFrame]:
    """Once for all engines: it is slow."""
    tickets = store.company["support_tickets"].copy()
    for column in ("opened_at", "first_response_at", "resolved_at"):
        tickets[column] = tickets[column].dt.floor("s")  # features count whole seconds
    company = store.company | {"support_tickets": tickets}
    return {cutoff: obvious(company, cutoff, store.zone) for cutoff in JUDGED}


@on_every_engine
@pytest.mark.parametrize("cutoff", JUDGED, ids=str)
def test_every_feature_is_what_the_slow_obvious_way_gives(
    slow_and_obvious: dict[dt.date, pd.DataFrame], there: pd.DataFrame, cutoff: dt.date
) -> None:
    expect = slow_and_obvious[cutoff].set_index("account_id").sort_index()
    found = there[there["as_of"] == pd.Timestamp(cutoff)].set_index("account_id").sort_index()
    assert set(expect.columns) <= set(found.columns)
    # copies are in one piece: pandas complains of a column put before so many pieces
    assert_alike(found[expect.columns].copy().reset_index(), _typed(expect).copy().reset_index())


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers as numbers where all of them are missing, too."""
    text = {"account_industry", "subscription_plan", "subscription_billing_period"}
    return frame.astype({name: "object" if name in text else "float64" for name in frame.columns})


@on_every_engine
@pytest.mark.parametrize("label", LABELS.values(), ids=list(LABELS))
def test_population_and_label_are_the_same_on_every_engine(store: Store, elsewhere: Facts, label: Label) -> None:
    expect, found = population(label, store.facts, CUTOFFS), population(label, elsewhere, CUTOFFS)
    assert len(expect) > 20
    assert_alike(found, expect)
    if label.tells_when:
        times = [attach_leaving_times(label, facts, expect, dt.date(2024, 9, 1)) for facts in (store.facts, elsewhere)]
        assert times[0]["left_after"].notna().any()
        pd.testing.assert_frame_equal(times[1], times[0], check_exact=True)
    expect, found = attach_label(label, store.facts, expect), attach_label(label, elsewhere, found)
    assert expect["label"].nunique() == 2
    assert_alike(found, expect)


@on_every_engine
def test_accounts_that_leave_are_the_same_on_every_engine(store: Store, elsewhere: Facts) -> None:
    found = [len(leaving_accounts(store.facts, cutoff)) for cutoff in CUTOFFS]
    assert sum(found) > 0
    for cutoff in CUTOFFS:
        assert_alike(leaving_accounts(elsewhere, cutoff), leaving_accounts(store.facts, cutoff))


@on_every_engine
def test_frequent_events_and_the_first_day_are_the_same_on_every_engine(store: Store, elsewhere: Facts) -> None:
    for cutoff in CUTOFFS:
        assert frequent_events(elsewhere, cutoff, 2) == frequent_events(store.facts, cutoff, 2)
    assert usage_begins(elsewhere) == usage_begins(store.facts)


@in_every_zone
def test_the_company_has_what_goes_wrong_between_engines(store: Store) -> None:
    usage = store.company["usage_events"]
    assert (usage["occurred_at"].dt.date == LEAP_DAY).any()
    assert (usage["known_at"] > usage["occurred_at"]).any()
    assert usage.duplicated().any()
    assert usage["user_id"].isna().any()
    assert usage["quantity"].isna().any()
    gone_forward = _instants(usage["occurred_at"], store.zone)
    assert gone_forward.dt.hour.ne(usage["occurred_at"].dt.hour).any()


def test_in_ci_no_engine_is_left_out() -> None:
    from tests.engines.servers import not_here

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "CI", "true")
        with pytest.raises(pytest.fail.Exception):
            not_here("no reason")
        patch.setitem(os.environ, "CI", "")
        with pytest.raises(pytest.skip.Exception):
            not_here("no reason")
