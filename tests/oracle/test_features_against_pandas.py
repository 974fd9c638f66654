"""The slow obvious way in pandas beside the engine, on a random company; and the same bits every time.

The obvious way is a loop over accounts and cutoffs that throws away what was not known and what lies
outside the lookback, and then counts. It shares no line with the program but the names of the features.
"""

from __future__ import annotations

import datetime as dt
import itertools

import numpy as np
import pandas as pd
import pytest

from churnml.features import FAMILIES, Wish, choose
from churnml.features.usage import column_safe
from churnml.labels import Label
from churnml.snapshots import build_snapshots, population
from tests.support import everybody, facts_for, features_at, quick_facts

CUTOFFS = (dt.date(2024, 3, 4), dt.date(2024, 6, 1), dt.date(2024, 9, 1))
LOOKBACKS = (7, 28, 90)
EVENTS = ("login", "Export PDF", "never used")
STATIC = ("industry",)
TERM = {"monthly": 30.4375, "annual": 365.25, "quarterly": 91.3125}
SERIOUS = {"high", "urgent", "critical", "p1"}


def random_company(seed: int, accounts: int = 40) -> dict[str, pd.DataFrame]:
    """Contract tables of a company with everything that happens to real ones, late rows above all."""
    rng = np.random.default_rng(seed)
    start = pd.Timestamp("2023-07-01")
    names = [f"a{n:03d}" for n in range(accounts)]

    def moments(n, days=550):
        found = start + pd.to_timedelta(rng.integers(0, days * 24 * 60, n), unit="min")
        midnights = rng.random(n) < 0.2
        return pd.Series(found).where(~pd.Series(midnights), pd.Series(found).dt.floor("D"))

    def later(when, share, days):
        delays = pd.Series(pd.to_timedelta(rng.integers(0, days * 24 * 60, len(when)), unit="min"))
        return (when + delays).where(pd.Series(rng.random(len(when)) < share))

    created = start - pd.to_timedelta(rng.integers(1, 300, accounts), unit="D")
    created = pd.Series(created).where(pd.Series(np.arange(accounts) % 7 != 0), pd.Timestamp("2024-05-31"))
    base = pd.DataFrame(
        {"account_id": names, "created_at": created, "industry": rng.choice(["saas", "製造", ""], accounts)}
    )

    def whose(n):
        # some accounts do much, some nothing; none before it was created
        return rng.choice(names, n, p=rng.dirichlet(np.full(accounts, 0.5)))

    def sound(frame, column):
        born = frame["account_id"].map(base.set_index("account_id")["created_at"])
        return frame[frame[column] >= born].reset_index(drop=True)

    n = 4000
    usage = pd.DataFrame({
        "account_id": whose(n), "occurred_at": moments(n), "event": rng.choice(["login", "Export PDF", "invite"], n),
        "user_id": rng.choice([*"uvwxyz", None], n), "quantity": np.round(rng.normal(3, 5, n), 2),
    })  # fmt: skip
    usage["quantity"] = usage["quantity"].where(pd.Series(rng.random(n) < 0.8))
    usage["known_at"] = later(usage["occurred_at"], 0.4, 40)
    n = 400
    tickets = pd.DataFrame({"account_id": whose(n), "ticket_id": [f"t{i}" for i in range(n)], "opened_at": moments(n)})
    tickets["first_response_at"] = later(tickets["opened_at"], 0.8, 5)
    tickets["resolved_at"] = later(tickets["opened_at"], 0.8, 60)
    tickets["reopened_at"] = later(tickets["resolved_at"].fillna(tickets["opened_at"]), 0.2, 40)
    tickets["escalated_at"] = later(tickets["opened_at"], 0.2, 40)
    tickets["csat"] = pd.Series(rng.integers(1, 6, n)).where(pd.Series(rng.random(n) < 0.6))
    tickets["csat_at"] = later(tickets["resolved_at"], 0.5, 20)
    tickets["priority"] = rng.choice(["low", "normal", "HIGH", "urgent", None], n)
    n = 160
    periods = pd.DataFrame({
        "account_id": rng.choice(names[: accounts - 4], n), "starts_at": moments(n, 500).dt.floor("D"),
        "mrr": np.round(rng.choice([0, 50, 99.99, 333.33, 1000], n), 2),
        "plan": rng.choice(["team", "scale", None], n), "billing_period": rng.choice(["Monthly", "annual", "quarterly", None], n),
    })  # fmt: skip
    periods["subscription_id"] = periods["account_id"] + "-" + pd.Series(rng.integers(0, 3, n)).astype(str)
    periods = periods.drop_duplicates(["subscription_id", "starts_at"], ignore_index=True)
    n = len(periods)
    periods["ends_at"] = later(periods["starts_at"], 0.6, 300).dt.ceil("D")
    periods["cancelled_at"] = later(periods["starts_at"], 0.3, 250)
    periods["seats"] = pd.Series(rng.integers(1, 30, n), dtype="Int64").where(pd.Series(rng.random(n) < 0.8))
    periods["renews_at"] = later(periods["starts_at"], 0.8, 400).dt.floor("D")
    periods["known_at"] = later(periods["starts_at"] - pd.Timedelta(days=10), 0.3, 40)
    # what the checks would set aside is not what this is about
    known = periods["known_at"].fillna(periods["starts_at"])
    periods = periods[(periods["ends_at"].isna() | (periods["ends_at"] >= periods["starts_at"])) & known.notna()]
    return {
        "accounts": base,
        "usage_events": sound(usage, "occurred_at"),
        "support_tickets": sound(tickets, "opened_at"),
        "subscriptions": sound(periods, "starts_at"),
    }


# ---------------------------------------------------------------- the slow obvious way


def obvious(company: dict[str, pd.DataFrame], cutoff: dt.date) -> pd.DataFrame:
    now = pd.Timestamp(cutoff)
    accounts = company["accounts"]
    usage, tickets, periods = (company[t].copy() for t in ("usage_events", "support_tickets", "subscriptions"))
    usage["known_at"] = usage["known_at"].fillna(usage["occurred_at"])
    periods["known_at"] = periods["known_at"].fillna(periods["starts_at"])
    usage = usage[(usage["known_at"] < now) & (usage["occurred_at"] < now)]
    tickets = tickets[tickets["opened_at"] < now]
    periods = periods[periods["known_at"] < now]
    rows = []
    for account in accounts[accounts["created_at"] < now].itertuples():
        row = {"account_id": account.account_id}
        row |= obvious_usage(usage[usage["account_id"] == account.account_id], now)
        row |= obvious_tickets(tickets[tickets["account_id"] == account.account_id], now)
        row |= obvious_periods(periods[periods["account_id"] == account.account_id], now)
        for n in LOOKBACKS:
            row[f"usage_seat_utilisation_{n}d"] = over(row[f"usage_active_users_{n}d"], row["subscription_seats"])
        row["account_age_days"] = (now - account.created_at.floor("D")).days
        row["account_industry"] = account.industry or None
        rows.append(row)
    return pd.DataFrame(rows)


def over(top, bottom, scale=1.0):
    return top * scale / bottom if bottom is not None and not pd.isna(bottom) and bottom > 0 else None


def back(now, n):
    return now - pd.Timedelta(days=n)


def obvious_usage(usage, now):
    row = {}
    for n in LOOKBACKS:
        seen = usage[usage["occurred_at"] >= back(now, n)]
        row[f"usage_events_{n}d"] = len(seen)
        row[f"usage_active_days_{n}d"] = seen["occurred_at"].dt.date.nunique()
        row[f"usage_active_users_{n}d"] = seen["user_id"].nunique()
        row[f"usage_distinct_events_{n}d"] = seen["event"].nunique()
        row[f"usage_quantity_{n}d"] = seen["quantity"].sum()
        row[f"usage_events_per_user_{n}d"] = over(len(seen), seen["user_id"].nunique())
        if n == LOOKBACKS[1]:
            for event in EVENTS:
                row[f"usage_{column_safe(event)}_{n}d"] = int((seen["event"] == event).sum())
    year = usage[usage["occurred_at"] >= back(now, 365)]
    row["usage_days_since_last"] = (now - year["occurred_at"].max().floor("D")).days if len(year) else 365
    for short, long in itertools.pairwise(LOOKBACKS):
        for what in ("events", "active_days"):
            row[f"usage_{what}_trend_{short}d_{long}d"] = over(
                row[f"usage_{what}_{short}d"], row[f"usage_{what}_{long}d"], long / short
            )
        row[f"usage_users_kept_{short}d_{long}d"] = over(
            row[f"usage_active_users_{short}d"], row[f"usage_active_users_{long}d"]
        )
    return row


def obvious_tickets(tickets, now):
    row = {f"tickets_opened_{n}d": int((tickets["opened_at"] >= back(now, n)).sum()) for n in LOOKBACKS}
    row["tickets_trend_28d_90d"] = over(row["tickets_opened_28d"], row["tickets_opened_90d"], 90 / 28)
    ages, response, resolution, csat = [], [], [], []
    row |= {"tickets_serious_180d": 0, "tickets_reopened_180d": 0, "tickets_escalated_180d": 0}
    half_year = 0
    for t in tickets.itertuples():
        recent = t.opened_at >= back(now, 180)
        half_year += recent
        resolved = t.resolved_at if not pd.isna(t.resolved_at) and t.resolved_at < now else None
        reopened = t.reopened_at if not pd.isna(t.reopened_at) and t.reopened_at < now else None
        if resolved is None or (reopened is not None and reopened >= resolved):
            ages.append((now - t.opened_at.floor("D")).days)
        if recent and not pd.isna(t.first_response_at) and t.first_response_at < now:
            response.append((t.first_response_at - t.opened_at).total_seconds() / 3600)
        if recent and resolved is not None:
            resolution.append((resolved - t.opened_at).total_seconds() / 3600)
        if recent and isinstance(t.priority, str) and t.priority.lower() in SERIOUS:
            row["tickets_serious_180d"] += 1
        if reopened is not None and reopened >= back(now, 180):
            row["tickets_reopened_180d"] += 1
        if not pd.isna(t.escalated_at) and back(now, 180) <= t.escalated_at < now:
            row["tickets_escalated_180d"] += 1
        given = t.csat_at if not pd.isna(t.csat_at) else t.resolved_at
        if not pd.isna(t.csat) and not pd.isna(given) and back(now, 180) <= given < now:
            csat.append(t.csat)
    mean = lambda values: sum(values) / len(values) if values else None  # noqa: E731
    return row | {
        "tickets_open": len(ages),
        "tickets_oldest_open_days": max(ages, default=0),
        "tickets_first_response_hours_180d": mean(response),
        "tickets_resolution_hours_180d": mean(resolution),
        "tickets_csat_180d": mean(csat),
        "tickets_serious_share_180d": over(row["tickets_serious_180d"], half_year),
    }


def obvious_periods(periods, now):
    open_now, began = [], []
    for p in periods.sort_values(["starts_at", "subscription_id"]).itertuples():
        if p.starts_at > now:
            continue
        began.append(p)
        told = p.cancelled_at if not pd.isna(p.cancelled_at) else p.ends_at
        ended = not pd.isna(p.ends_at) and told < now and p.ends_at <= now
        if not ended:
            open_now.append(p)
    paying = [p for p in open_now if p.mrr > 0]
    largest = max(paying, key=lambda p: (p.mrr, p.starts_at, p.subscription_id), default=None)
    text = lambda value: value if isinstance(value, str) else None  # noqa: E731
    seats = [p.seats for p in open_now if not pd.isna(p.seats)]
    days = lambda when: (now - when.floor("D")).days  # noqa: E731
    to_renewal = []
    for p in paying:
        if pd.isna(p.renews_at):
            continue
        ahead = -days(p.renews_at)
        term = TERM.get((text(p.billing_period) or "").lower())
        while ahead < 0 and term:
            ahead += term
        if ahead >= 0:
            to_renewal.append(int(ahead + 0.5))
    up = down = 0
    for p in began:
        earlier = [
            q for q in periods.itertuples() if q.subscription_id == p.subscription_id and q.starts_at < p.starts_at
        ]
        if earlier and days(p.starts_at) <= 365:
            before = max(earlier, key=lambda q: q.starts_at).mrr
            up, down = up + (p.mrr > before), down + (p.mrr < before)
    return {
        "subscription_tenure_days": max((days(p.starts_at) for p in began if p.mrr > 0), default=None),
        "subscription_mrr": sum(p.mrr for p in open_now),
        "subscription_contracts": len(paying),
        "subscription_plan": text(largest.plan) if largest else None,
        "subscription_billing_period": text(largest.billing_period) if largest else None,
        "subscription_seats": sum(seats) if seats else None,
        "subscription_days_to_renewal": min(to_renewal, default=None),
        "subscription_expansions_365d": up,
        "subscription_contractions_365d": down,
        "subscription_days_since_change": min((days(p.starts_at) for p in began), default=None),
    }


# ---------------------------------------------------------------- side by side


@pytest.fixture(scope="module")
def company():
    return random_company(11)


@pytest.fixture(scope="module")
def facts(company, tmp_path_factory):
    return facts_for(tmp_path_factory.mktemp("oracle"), company, static=list(STATIC))


@pytest.fixture(scope="module")
def measured(facts):
    return features_at(facts, *CUTOFFS, event_names=EVENTS)


@pytest.mark.parametrize("cutoff", CUTOFFS, ids=str)
def test_every_feature_is_what_the_slow_obvious_way_gives(company, measured, cutoff):
    expect = obvious(company, cutoff).set_index("account_id").sort_index()
    found = (
        measured[measured["as_of"] == pd.Timestamp(cutoff)].set_index("account_id").drop(columns="as_of").sort_index()
    )
    assert set(found.columns) == set(expect.columns)
    assert list(found.index) == list(expect.index)
    for name in found.columns:
        if not pd.api.types.is_numeric_dtype(found[name]):
            assert [v if isinstance(v, str) else None for v in found[name]] == [
                v if isinstance(v, str) else None for v in expect[name]
            ], name
            continue
        wanted = expect[name].astype("float64").to_numpy()
        whole = np.all(np.isnan(wanted) | (wanted == np.floor(wanted)))
        np.testing.assert_allclose(
            found[name].to_numpy(), wanted, rtol=0 if whole else 1e-9, atol=0 if whole else 1e-9, err_msg=name
        )


def test_the_random_company_puts_every_feature_to_the_test(measured):
    features = [c for c in measured.columns if c not in ("account_id", "as_of", "usage_event_never_used_28d")]
    dull = [name for name in features if measured[name].nunique() < 2 and "never" not in name]
    assert dull == []


def test_the_oracle_speaks_of_every_family(facts):
    chosen = choose(tuple(FAMILIES), (), Wish(LOOKBACKS, EVENTS, STATIC), facts)
    assert {f.family for f in chosen} == set(FAMILIES)


# ---------------------------------------------------------------- the same bits every time


def test_two_builds_are_the_same_to_the_bit(facts, measured):
    again = features_at(facts, *CUTOFFS, event_names=EVENTS)
    pd.testing.assert_frame_equal(again, measured, check_exact=True)


def test_the_order_of_the_input_rows_does_not_change_a_bit(company, measured, tmp_path):
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in company.items()}
    facts = facts_for(tmp_path, shuffled, static=list(STATIC))
    pd.testing.assert_frame_equal(features_at(facts, *CUTOFFS, event_names=EVENTS), measured, check_exact=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_bit(facts, measured, threads):
    con = facts.accounts.get_backend().con
    con.execute(f"SET threads = {threads}")
    pd.testing.assert_frame_equal(features_at(facts, *CUTOFFS, event_names=EVENTS), measured, check_exact=True)


def test_a_cutoff_alone_gives_what_it_gives_among_others(facts, measured):
    alone = features_at(facts, CUTOFFS[1], event_names=EVENTS)
    among = measured[measured["as_of"] == pd.Timestamp(CUTOFFS[1])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among, check_exact=True)


def test_a_feature_alone_gives_what_it_gives_among_others(facts, measured):
    wish = Wish(LOOKBACKS, EVENTS, STATIC)
    spine = everybody(facts, *CUTOFFS)
    for feature in choose(tuple(FAMILIES), (), wish, facts):
        if feature.grain == "day":  # the grain whose lookback is the largest any of its features asks for
            alone = build_snapshots(facts, [feature], spine)
            pd.testing.assert_series_equal(alone[feature.name], measured[feature.name], check_exact=True)


def test_the_population_is_what_the_slow_obvious_way_gives(company, facts):
    label = Label(kind="contract")
    found = population(label, facts, CUTOFFS)
    for cutoff in CUTOFFS:
        now = pd.Timestamp(cutoff)
        accounts = company["accounts"].query("created_at < @now")
        periods = company["subscriptions"]
        known = periods[periods["known_at"].fillna(periods["starts_at"]) < now]
        eligible = set()
        for account in accounts["account_id"]:
            pays = stays = 0.0
            for p in known[known["account_id"] == account].itertuples():
                told = p.cancelled_at if not pd.isna(p.cancelled_at) else p.ends_at
                end = p.ends_at if not pd.isna(p.ends_at) and told < now else None
                if p.starts_at <= now and (end is None or end > now):
                    pays += p.mrr
                    stays += p.mrr * (end is None)
                elif p.starts_at > now:
                    stays += p.mrr
            if pays > 0 and stays > 0:
                eligible.add(account)
        assert eligible == set(found.loc[found["as_of"] == now, "account_id"])
        assert 0 < len(eligible) < len(accounts)


def test_the_quick_door_of_the_tests_gives_the_same_bits_on_the_random_company(company, facts, measured):
    quick = quick_facts(
        {name: frame.replace({"": None}) for name, frame in company.items()}, static=STATIC, given=facts.given
    )
    found = features_at(quick, *CUTOFFS, event_names=EVENTS)
    pd.testing.assert_frame_equal(found, measured, check_exact=True)
