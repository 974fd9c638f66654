"""The simulated company: its bytes, its tables, and above all whether its truth is true."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from churnml.errors import ProjectError
from churnml.simulate import CHURN, UPSELL, Company, simulate
from churnml.simulate.clock import NEVER, WEEK_DAYS, clock_of, taken, weeks_of
from churnml.simulate.company import realised_labels
from churnml.simulate.contracts import contract_periods
from churnml.simulate.history import ContractStates, History, advance, live
from churnml.simulate.population import draw_accounts
from churnml.simulate.truth import Cases, cases_of, true_probabilities
from churnml.tables import TABLES
from churnml.timeline import Reach

START = dt.date(2023, 1, 2)
CLOCK = clock_of(START, 24)
CHURN_WEEKS, UPSELL_WEEKS = weeks_of(CHURN, "churn", 40), weeks_of(UPSELL, "upsell", 16)
CSVS = ("crm_accounts", "contracts", "helpdesk_tickets")


def past(accounts: int, seed: int) -> History:
    rng = np.random.default_rng(seed)
    return live(draw_accounts(accounts, CLOCK, rng), CLOCK, 14, rng)


@pytest.fixture(scope="module")
def history() -> History:
    return past(2000, 11)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Company:
    return simulate(tmp_path_factory.mktemp("simulated") / "company", accounts=400, months=24, seed=5)


@pytest.fixture(scope="module")
def con(company: Company) -> duckdb.DuckDBPyConnection:
    """The inputs as the pipeline registers them, and each source as a table under its contract name."""
    con = duckdb.connect()
    for name in CSVS:
        con.execute(
            f"CREATE TABLE {name} AS SELECT *, row_number() OVER () AS source_row "
            f"FROM read_csv('{company.root}/data/{name}.csv', all_varchar = true, nullstr = '')"
        )
    con.execute(
        "CREATE VIEW product_events AS SELECT * EXCLUDE (file_row_number), file_row_number + 1 AS source_row "
        f"FROM read_parquet('{company.root}/data/product_events.parquet', file_row_number = true)"
    )
    for path in sorted((company.root / "sources").glob("*.sql")):
        con.execute(f"CREATE TABLE {path.stem} AS {path.read_text(encoding='utf-8')}")
    return con


def count(con: duckdb.DuckDBPyConnection, table: str, where: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
    assert found is not None
    return int(found[0])


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# ---------------------------------------------------------------- the folder


def test_equal_arguments_give_equal_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        simulate(tmp_path / name, accounts=60, months=12, seed=seed)
    one, two, three = (digests(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert one.keys() == three.keys()
    assert one["data/product_events.parquet"] != three["data/product_events.parquet"]


def test_nothing_of_the_users_is_lost(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("years of work")
    with pytest.raises(ProjectError, match="not written by the simulator"):
        simulate(foreign, accounts=20, months=6)
    own = tmp_path / "own"
    simulate(own, accounts=20, months=6)
    (own / "models").mkdir(exist_ok=True)
    (own / "models" / "health.yaml").write_text("mine")
    simulate(own, accounts=20, months=6, seed=8)
    assert (own / "models" / "health.yaml").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign", "own"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def stop(sentence: str) -> None:
        if "true probabilities" in sentence:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path / "out", accounts=20, months=6, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"start": dt.date(2023, 1, 3)}, "Monday"),
        ({"churn": Reach(7, 90, 28)}, "whole weeks"),
        ({"churn": Reach(7, 91, 30)}, "whole weeks"),
        ({"upsell": Reach(7, 182)}, "at most 16 weeks"),
        ({"accounts": 3}, "at least 20 accounts"),
        ({"months": 2}, "at least 6 months"),
        ({"events": 5}, "at least one event"),
    ],
)
def test_arguments_that_cannot_be_are_refused(tmp_path: Path, arguments: dict[str, object], says: str) -> None:
    with pytest.raises(ProjectError, match=says):
        simulate(tmp_path / "out", **arguments)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- the tables


def test_the_sources_give_the_contract_tables(con: duckdb.DuckDBPyConnection) -> None:
    for name in ("accounts", "subscriptions", "usage_events", "support_tickets"):
        columns = {row[0] for row in con.execute(f"DESCRIBE {name}").fetchall()}
        assert "source_row" in columns
        assert set(TABLES[name].required) <= columns
        assert columns - {"source_row"} <= set(TABLES[name].column_names)


def test_what_is_planted_as_dirt_is_counted(company: Company, con: duckdb.DuckDBPyConnection) -> None:
    planted = json.loads((company.root / "truth" / "dirt.json").read_text())
    assert planted == company.dirt
    end = f"TIMESTAMP '{company.data_through}' + INTERVAL 1 DAY"
    created = "(SELECT min(TRY_CAST(created_at AS DATE)) FROM accounts a WHERE a.account_id = usage_events.account_id)"
    found = {
        "accounts": {
            "odd_name": planted["accounts"]["odd_name"],
            "unreadable_date": count(con, "accounts", "TRY_CAST(created_at AS DATE) IS NULL"),
        },
        "subscriptions": {
            "end_before_start": count(
                con, "subscriptions", "TRY_CAST(ends_at AS TIMESTAMP) < TRY_CAST(starts_at AS TIMESTAMP)"
            ),
            "unreadable_date": count(con, "subscriptions", "TRY_CAST(starts_at AS TIMESTAMP) IS NULL"),
        },
        "support_tickets": {
            "duplicate": count(con, "support_tickets", "true")
            - count(con, "(SELECT DISTINCT ticket_id FROM support_tickets)", "true"),
            "resolved_before_opened": count(
                con,
                "support_tickets",
                "TRY_CAST(resolved_at AS TIMESTAMP) < TRY_CAST(opened_at AS TIMESTAMP)",
            ),
            "unreadable_date": count(con, "support_tickets", "TRY_CAST(opened_at AS TIMESTAMP) IS NULL"),
        },
        "usage_events": {
            "unknown_account": count(con, "usage_events", "account_id NOT IN (SELECT account_id FROM accounts)"),
            "future": count(con, "usage_events", f"occurred_at >= {end}"),
            "before_account_created": count(con, "usage_events", f"occurred_at < {created}"),
        },
    }
    assert found == planted
    assert min(n for kinds in planted.values() for n in kinds.values()) >= 3
    assert count(con, "crm_accounts", "account_name LIKE '%株式会社%'") > 0
    assert count(con, "crm_accounts", "account_name LIKE '%\"%,%'") > 0


def test_events_meet_their_target_in_order_and_some_arrive_late(
    company: Company, con: duckdb.DuckDBPyConnection
) -> None:
    file = pq.ParquetFile(company.root / "data" / "product_events.parquet")
    assert file.num_row_groups >= 3
    assert abs(company.events / (1300 * 400) - 1) < 0.10
    times = pq.read_table(company.root / "data" / "product_events.parquet", columns=["event_time"])
    assert bool((np.diff(times["event_time"].to_numpy().astype(np.int64)) >= 0).all())
    late = count(con, "usage_events", "known_at - occurred_at >= INTERVAL 1 HOUR") / company.events
    assert 0.02 < late < 0.045
    assert count(con, "usage_events", f"known_at > TIMESTAMP '{company.data_through}' + INTERVAL 1 DAY") == 0


def test_changes_of_terms_close_one_period_where_the_next_begins(con: duckdb.DuckDBPyConnection) -> None:
    real = "TRY_CAST(starts_at AS TIMESTAMP) <= coalesce(TRY_CAST(ends_at AS TIMESTAMP), TIMESTAMP '9999-01-01')"
    pairs = con.execute(
        "SELECT ends_at, cancelled_at, next_start, CAST(next_mrr AS DOUBLE) / CAST(mrr AS DOUBLE) "
        "FROM (SELECT *, lead(starts_at) OVER w AS next_start, lead(mrr) OVER w AS next_mrr "
        f"FROM subscriptions WHERE {real} WINDOW w AS (PARTITION BY subscription_id ORDER BY starts_at)) "
        "WHERE next_start IS NOT NULL"
    ).fetchall()
    assert len(pairs) > 50
    assert all(end == notice == start for end, notice, start, _ in pairs)
    assert all(ratio >= 1.12 or ratio <= 0.90 for *_, ratio in pairs)


def test_the_truth_covers_exactly_who_pays_and_has_given_no_notice(
    company: Company, con: duckdb.DuckDBPyConnection
) -> None:
    truth = pq.read_table(company.root / "truth" / "probabilities.parquet").to_pandas()
    assert truth[["churn_probability", "upsell_probability"]].to_numpy().min() >= 0
    assert truth[["churn_probability", "upsell_probability"]].to_numpy().max() <= 1
    for week in (0, 30, 77, 104):
        as_of = START + dt.timedelta(weeks=week)
        at = f"TIMESTAMP '{as_of}'"
        known = con.execute(
            "SELECT DISTINCT account_id FROM (SELECT account_id, TRY_CAST(starts_at AS TIMESTAMP) AS s, "
            "TRY_CAST(ends_at AS TIMESTAMP) AS e, TRY_CAST(cancelled_at AS TIMESTAMP) AS n "
            "FROM subscriptions) "
            f"WHERE s < {at} AND (e IS NULL OR e >= s) AND (e IS NULL OR n >= {at})"
        ).fetchall()
        assert {row[0] for row in known} == set(truth.loc[truth["as_of"] == as_of, "account_id"])


# ---------------------------------------------------------------- whether the truth is true


def chosen(history: History, week: int, n: int) -> Cases:
    """Cases of one Monday that span the range of both probabilities."""
    cases = cases_of(history)
    first = len(history.states.account) // 2
    cases = taken(cases, np.flatnonzero((cases.week == week) & (cases.unit < first)))
    churn, upsell = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    spread = np.linspace(0, len(cases) - 1, n // 2).astype(int)
    return taken(cases, np.concatenate([np.argsort(churn)[spread], np.argsort(upsell)[spread]]))


def copies(history: History, cases: Cases, each: int) -> ContractStates:
    """Contracts in which every case lives ``each`` times over, with room for as many second contracts."""
    unit = np.repeat(cases.unit, each)
    at = np.concatenate([unit, unit + len(history.states.account) // 2])
    states = ContractStates(
        **{field.name: getattr(history.states, field.name)[at].copy() for field in fields(ContractStates)}
    )
    n, second = len(unit), np.arange(2 * len(unit)) >= len(unit)
    states.z[:n], states.u[:n] = np.repeat(cases.z, each), np.repeat(cases.u, each)
    states.fixed_until[:n] = np.repeat(cases.fixed_until, each)
    states.end_day[:] = NEVER
    states.start_day[n:] = NEVER
    states.renewals[n:] = -1
    states.active, states.notice = ~second, np.zeros(2 * n, dtype=bool)
    return states


def replayed(history: History, cases: Cases, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Churn and upsell frequencies of ``cases``, lived through once more by the simulation itself."""
    states, week, n = copies(history, cases, each), int(cases.week[0]), len(cases) * each
    grown, paying = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for ahead in range(CHURN_WEEKS.end + CHURN_WEEKS.grace):
        if ahead == UPSELL_WEEKS.end:
            paying = states.active[:n].copy()
        happened = advance(states, week + ahead, CLOCK, rng)
        if ahead < UPSELL_WEEKS.end:
            grown[happened.upgraded[happened.upgraded < n]] = True
            grown[happened.downgraded[happened.downgraded < n]] = False
    away = (states.start_day[n:] == NEVER) | (states.start_day[n:] - states.end_day[:n] >= CHURN.settle)
    after = np.where((states.end_day[:n] != NEVER) & away, states.end_day[:n] // WEEK_DAYS - week, 10**6)
    stays = after >= CHURN_WEEKS.gap
    left = stays & (after < CHURN_WEEKS.end)
    shape = (len(cases), each)
    return left.reshape(shape).sum(1) / stays.reshape(shape).sum(1), (grown & paying).reshape(shape).mean(1)


def test_the_computed_probabilities_are_those_of_the_simulation(history: History) -> None:
    cases = chosen(history, week=60, n=16)
    exact = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    # separate worlds, because copies in one world share its incidents
    worlds = [np.random.default_rng(seed) for seed in np.random.SeedSequence(1).spawn(150)]
    runs = [replayed(history, cases, 40, rng) for rng in worlds]
    for kind, truth in enumerate(exact):
        found = np.array([run[kind] for run in runs])
        error = found.std(axis=0, ddof=1) / np.sqrt(len(runs)) + 3e-4
        assert truth.max() > 0.3  # the cases span the range
        deviation = (found.mean(axis=0) - truth) / error
        assert np.abs(deviation).max() < 4.0
        assert float((deviation**2).mean()) < 2.2


def test_a_wrong_hazard_would_be_noticed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = chosen(history, week=60, n=16)
    right, _ = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    wrong_book = replace(history.states, price=history.states.price + 1.0)
    wrong, _ = true_probabilities(wrong_book, cases, CHURN_WEEKS, UPSELL_WEEKS)
    assert np.abs(wrong - right).max() > 0.02


@pytest.mark.parametrize("kind", [0, 1], ids=["churn", "upsell"])
def test_the_truth_is_calibrated_to_what_happened(history: History, kind: int) -> None:
    cases = cases_of(history)
    cases = taken(cases, np.flatnonzero(cases.week % 14 == 2))  # windows that hardly overlap
    truth = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)[kind]
    label = realised_labels(history, cases, CLOCK, CHURN_WEEKS, UPSELL_WEEKS)[kind]
    truth, label = truth[np.isfinite(label)], label[np.isfinite(label)]
    edges = np.quantile(truth, [0.5, 0.8, 0.95])
    bins = np.digitize(truth, edges)
    for one in range(len(edges) + 1):
        expected, seen = truth[bins == one], label[bins == one]
        error = np.sqrt((expected * (1 - expected)).sum()) / len(expected)
        assert abs(seen.mean() - expected.mean()) < 4.5 * error, one


def auc(label: np.ndarray, score: np.ndarray) -> float:
    rank = np.argsort(np.argsort(score, kind="stable")) + 1
    ones = label == 1
    return float((rank[ones].sum() - ones.sum() * (ones.sum() + 1) / 2) / (ones.sum() * (~ones).sum()))


def test_rates_and_the_best_possible_ranking_are_as_declared(history: History) -> None:
    cases = cases_of(history)
    cases = taken(cases, np.flatnonzero(cases.week % 4 == 0))
    truths = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    labels = realised_labels(history, cases, CLOCK, CHURN_WEEKS, UPSELL_WEEKS)
    for truth, label, rates, aucs in zip(
        truths, labels, [(0.04, 0.07), (0.05, 0.09)], [(0.83, 0.90), (0.79, 0.88)], strict=True
    ):
        known = np.isfinite(label)
        assert rates[0] < label[known].mean() < rates[1]
        assert aucs[0] < auc(label[known], truth[known]) < aucs[1]
    late = history.undecided[:, 78:].any(axis=1)
    assert len(np.unique(history.states.account[late])) >= 0.7 * 2000


def test_upgrades_and_downgrades_move_mrr_by_more_than_the_label_asks(history: History) -> None:
    rng = np.random.default_rng(11)
    accounts = draw_accounts(2000, CLOCK, rng)
    periods = contract_periods(accounts, history, CLOCK, np.random.default_rng(0))
    same = periods.unit[1:] == periods.unit[:-1]
    ratio = (periods.mrr[1:] / periods.mrr[:-1])[same]
    assert int(same.sum()) == len(history.change_unit)
    assert int((ratio >= 1.12).sum()) == int(history.change_up.sum())
    assert int((ratio <= 0.90).sum()) == int((~history.change_up).sum())
