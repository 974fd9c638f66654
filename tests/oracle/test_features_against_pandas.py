"""The slow obvious way in pandas beside the engine, on a random company; and the same bits every time.

The obvious way is a loop over accounts and cutoffs that throws away what was not known and what lies
outside the lookback, and then counts. It shares no line with the program but the names of the features.
"""

from __future__ import annotations

import collections
import datetime as dt
import itertools
import math
import re
import statistics

import holidays
import numpy as np
import pandas as pd
import pytest

from churnml.features import FAMILIES, Grain, Wish, choose
from churnml.features.declare import CalendarWish, HolidayRegions
from churnml.features.measured import column_safe
from churnml.labels import Label
from churnml.rollups import BITS
from churnml.snapshots import build_snapshots, population
from tests.support import ALL_FAMILIES, everybody, facts_for, features_at, quick_facts

CUTOFFS = (dt.date(2024, 3, 4), dt.date(2024, 6, 1), dt.date(2024, 9, 1))
LOOKBACKS = (7, 28, 90)
EVENTS = ("login", "Export PDF", "never used")
CORE = ("Export PDF", "login")
HALF_LIVES = (14, 42)
STATIC = ("industry",)
EVERYTHING = (*ALL_FAMILIES, "calendar.*")
CALENDAR = CalendarWish((7, 98), HolidayRegions("DE-BY"), fiscal_year_starts=4)
TERM = {"monthly": 1, "annual": 12, "quarterly": 3}
SERIOUS = {"high", "urgent", "critical", "p1"}
# What is written in tickets, and its tone in thousandths: what VADER's authors say of these texts.
WRITTEN = {
    ("Terrible, awful, useless", None): -836,
    ("Export fails", "Still broken, very annoying"): -836,
    ("useless", None): -422,
    (None, "It is not good"): -341,
    ("Bug report", "It is slow"): None,
    ("請求書について", None): None,
    (None, None): None,
    ("Login", "Works, thank you"): 361,
    ("Question", "Thanks, this is a great product!"): 807,
}


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
    usage = pd.concat([usage, office_work(np.random.default_rng(seed + 1000), names[::4])], ignore_index=True)
    n = 400
    tickets = pd.DataFrame({"account_id": whose(n), "ticket_id": [f"t{i}" for i in range(n)], "opened_at": moments(n)})
    tickets["first_response_at"] = later(tickets["opened_at"], 0.8, 5)
    tickets["resolved_at"] = later(tickets["opened_at"], 0.8, 60)
    tickets["reopened_at"] = later(tickets["resolved_at"].fillna(tickets["opened_at"]), 0.2, 40)
    tickets["escalated_at"] = later(tickets["opened_at"], 0.2, 40)
    tickets["csat"] = pd.Series(rng.integers(1, 6, n)).where(pd.Series(rng.random(n) < 0.6))
    tickets["csat_at"] = later(tickets["resolved_at"], 0.5, 20)
    tickets["priority"] = rng.choice(["low", "normal", "HIGH", "urgent", None], n)
    written = np.random.default_rng(seed + 2000).integers(0, len(WRITTEN), n)
    tickets["subject"], tickets["body"] = zip(*(list(WRITTEN)[k] for k in written), strict=True)
    tickets = with_versions(tickets, np.random.default_rng(seed + 3000))
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
    # some rows are written again later, with other terms
    again = periods.sample(30, random_state=seed).reset_index(drop=True)
    again["known_at"] = again["known_at"].fillna(again["starts_at"]) + pd.Timedelta(days=45)
    again = again.assign(mrr=again["mrr"] + 7, plan="scale", renews_at=again["renews_at"] + pd.Timedelta(days=20))
    periods = pd.concat([periods, again], ignore_index=True)
    # what the checks would set aside is not what this is about
    known = periods["known_at"].fillna(periods["starts_at"])
    periods = periods[(periods["ends_at"].isna() | (periods["ends_at"] >= periods["starts_at"])) & known.notna()]
    return {
        "accounts": base,
        "usage_events": sound(usage, "occurred_at"),
        "support_tickets": sound(tickets, "opened_at"),
        "subscriptions": sound(periods, "starts_at"),
    }


def with_versions(tickets: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Half of the tickets as an export appends them: rows that arrived late, say more each time, or correct themselves.

    Of the others, some say when they arrived and some do not.
    """
    rows = []
    for ticket in tickets.to_dict("records"):
        arrived = ticket["opened_at"] + pd.Timedelta(hours=int(rng.choice([0, 0, 5, 24 * 9])))
        if rng.random() < 0.5:
            rows.append(ticket | {"known_at": arrived if rng.random() < 0.5 else pd.NaT})
            continue
        for _ in range(int(rng.integers(1, 5))):
            seen = dict(ticket)
            for name in ("first_response_at", "resolved_at", "reopened_at", "escalated_at", "csat", "csat_at"):
                # not filled in yet, or wrong at first
                if rng.random() < 0.4:
                    seen[name] = None if name == "csat" else pd.NaT
                elif name == "resolved_at" and rng.random() < 0.3:
                    seen[name] = ticket["opened_at"] + pd.Timedelta(hours=int(rng.integers(1, 900)))
            seen["priority"] = rng.choice(["low", "urgent"]) if rng.random() < 0.3 else ticket["priority"]
            rows.append(seen | {"known_at": arrived})
            arrived += pd.Timedelta(hours=int(rng.choice([1, 3, 24 * 4, 24 * 30])))
    return pd.DataFrame(rows).sample(frac=1, random_state=seed_of(rng), ignore_index=True)


def seed_of(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def office_work(rng: np.random.Generator, names: list[str]) -> pd.DataFrame:
    """Usage of accounts with habits: workdays, holidays, busy days, few people who do most, one of whom may leave."""
    people = ["ann", "bob", "cid", "dee", "eva", "fay"]
    rows = []
    for account in names:
        keen = rng.permutation(people)
        comes = dict(zip(keen, [0.8, 0.8, 0.5, 0.5, 0.2, 0.05], strict=True))
        leaves = {who: pd.Timestamp("2023-09-01") + pd.Timedelta(days=int(rng.integers(0, 600))) for who in keen[:3]}
        works_weekends, holiday = (
            rng.random() < 0.3,
            pd.Timestamp("2023-11-01") + pd.Timedelta(days=int(rng.integers(0, 300))),
        )
        for day in pd.date_range("2023-11-01", "2024-10-31"):
            off = (day.day_of_week >= 5 and not works_weekends) or holiday <= day < holiday + pd.Timedelta(days=20)
            if off and rng.random() < 0.95:
                continue
            for who in people:
                if rng.random() > comes[who] * 0.6 or day >= leaves.get(who, day + pd.Timedelta(days=1)):
                    continue
                for _ in range(1 + rng.poisson(0.5)):
                    at = day + pd.Timedelta(
                        minutes=int(rng.choice([8 * 60 + 59, 9 * 60, 17 * 60 + 59, 18 * 60, rng.integers(540, 1200)]))
                    )
                    late = (
                        pd.Timedelta(hours=int(rng.choice([30, 24 * 8, 24 * 45])))
                        if rng.random() < 0.1
                        else pd.Timedelta(0)
                    )
                    event = rng.choice(["login", "Export PDF", "invite", "report"], p=[0.6, 0.2, 0.15, 0.05])
                    rows.append((account, at, event, who, float(rng.integers(0, 9)), at + late))
    return pd.DataFrame(rows, columns=["account_id", "occurred_at", "event", "user_id", "quantity", "known_at"])


# ---------------------------------------------------------------- the slow obvious way


def obvious(company: dict[str, pd.DataFrame], cutoff: dt.date, zone: str = "UTC") -> pd.DataFrame:
    """Features of a company whose times are the wall clock of ``zone``."""
    now = pd.Timestamp(cutoff)
    accounts = company["accounts"]
    usage, tickets, periods = (company[t].copy() for t in ("usage_events", "support_tickets", "subscriptions"))
    usage["known_at"] = usage["known_at"].fillna(usage["occurred_at"])
    periods = as_read(periods)
    usage = usage[(usage["known_at"] < now) & (usage["occurred_at"] < now)]
    tickets = as_they_stood(tickets, now)
    periods = periods[periods["known_at"] < now]
    rows = []
    for account in accounts[accounts["created_at"] < now].itertuples():
        row = {"account_id": account.account_id}
        used = usage[usage["account_id"] == account.account_id]
        row |= obvious_usage(used, now)
        row |= obvious_levels(used, now, (now - account.created_at.floor("D")).days)
        row |= obvious_tickets(tickets[tickets["account_id"] == account.account_id], now, zone)
        row |= obvious_periods(periods[periods["account_id"] == account.account_id], now)
        for n in LOOKBACKS:
            row[f"usage_seat_utilisation_{n}d"] = over(row[f"usage_active_users_{n}d"], row["subscription_seats"])
        for what, half in itertools.product(("", "_users", "_core"), HALF_LIVES):
            level = row[f"usage{what}_level_{half}d"]
            row[f"usage{what}_level_{half}d_per_seat"] = over(level, row["subscription_seats"])
        row["account_age_days"] = (now - account.created_at.floor("D")).days
        row["account_industry"] = account.industry or None
        row |= obvious_calendar(cutoff)
        for n in LOOKBACKS:
            row[f"usage_per_working_day_{n}d"] = over(row[f"usage_events_{n}d"], row[f"calendar_working_days_{n}d"])
        rows.append(without_what_was_not_lived(row))
    return pd.DataFrame(rows)


def obvious_calendar(cutoff):
    """What the date says by itself, in Bavaria, where a fiscal year begins in April and 7 to 98 days ahead count."""
    closed = holidays.country_holidays("DE", subdiv="BY")
    works = lambda day: day.strftime("%a") not in ("Sat", "Sun") and day not in closed  # noqa: E731
    day = lambda n: cutoff + dt.timedelta(days=n)  # noqa: E731
    middle = day((7 + 98) // 2)
    row = {f"calendar_working_days_{n}d": sum(works(day(-age)) for age in range(1, n + 1)) for n in LOOKBACKS}
    return row | {
        "calendar_window_month": middle.month,
        "calendar_window_quarter": pd.Timestamp(middle).quarter,
        "calendar_fiscal_month": middle.month - 3 if middle.month >= 4 else middle.month + 9,
        "calendar_working_days_window": sum(works(day(n)) for n in range(7, 98)),
    }


# What looks at several periods without naming the longest last: the days it takes to live them.
PERIODS = {"usage_acceleration_7d": 21, "usage_acceleration_28d": 84, "usage_own_past_11w": 84} | {
    f"usage_{what}_{n}d": n for what in ("slope", "longest_streak", "current_streak") for n in LOOKBACKS
}
PERIODS |= {f"usage{what}_level_change_{HALF_LIVES[0]}d_{HALF_LIVES[1]}d": 84 for what in ("", "_users", "_core")}


def without_what_was_not_lived(row):
    """One period against another says nothing of an account that has not lived both."""
    kept = dict(row)
    for name in row:
        against = re.fullmatch(r".*_\d+d_(\d+)d", name)
        needs = PERIODS.get(name, int(against[1]) if against else 7 if "_level_" in name else 0)
        if row["account_age_days"] < needs:
            kept[name] = None
    return kept


def as_they_stood(tickets: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Of each ticket the row that was known last before ``now``; of several known at one moment, the last of the file."""
    standing = {}
    for place, row in enumerate(tickets.to_dict("records")):
        known = row["opened_at"] if pd.isna(row["known_at"]) else max(row["known_at"], row["opened_at"])
        before = standing.get(row["ticket_id"])
        if known < now and (before is None or known >= before[0]):
            standing[row["ticket_id"]] = (known, place)
    stood = tickets.iloc[sorted(place for _, place in standing.values())].copy()
    # a rating without any time of its own was given when a row that says when it arrived first carried it
    arrived = tickets[tickets["csat"].notna()].groupby(["ticket_id", "csat"])["known_at"].min()
    timeless = stood["csat"].notna() & stood["csat_at"].isna() & stood["resolved_at"].isna() & stood["known_at"].notna()
    for place, row in stood[timeless].iterrows():
        stood.loc[place, "csat_at"] = max(arrived[row["ticket_id"], row["csat"]], row["opened_at"])
    return stood


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
        core = int(seen["event"].isin(CORE).sum())
        row[f"usage_core_{n}d"] = core
        row[f"usage_core_share_{n}d"] = over(core, len(seen))
        if n == LOOKBACKS[1]:
            for event in EVENTS:
                row[f"usage_{column_safe(event)}_{n}d"] = int((seen["event"] == event).sum())
                row[f"usage_{column_safe(event)}_share_{n}d"] = over((seen["event"] == event).sum(), len(seen))
    year = usage[usage["occurred_at"] >= back(now, 365)]
    row["usage_days_since_last"] = (now - year["occurred_at"].max().floor("D")).days if len(year) else 365
    for short, long in itertools.pairwise(LOOKBACKS):
        for what in ("events", "active_days", "core"):
            row[f"usage_{what}_trend_{short}d_{long}d"] = over(
                row[f"usage_{what}_{short}d"], row[f"usage_{what}_{long}d"], long / short
            )
        row[f"usage_users_kept_{short}d_{long}d"] = over(
            row[f"usage_active_users_{short}d"], row[f"usage_active_users_{long}d"]
        )
    row["usage_days_since_first"] = (now - usage["occurred_at"].min().floor("D")).days if len(usage) else None
    return row | obvious_course(usage, now) | obvious_habits(usage, now) | obvious_mix(usage, now)


def events_on(usage, day):
    """How many events a day had."""
    return sum(1 for at in usage["occurred_at"] if day <= at < day + pd.Timedelta(days=1))


def obvious_course(usage, now):
    """Where use is going: the line through its days, its bends, the last week beside its own past."""
    row = {}
    longest = LOOKBACKS[-1]
    # day by day, yesterday last, days without any use as zero
    daily = [events_on(usage, back(now, age)) for age in range(longest, 0, -1)]
    for n in LOOKBACKS[1:]:
        level = sum(daily[-n:]) / n
        if level > 0:
            rise, start = np.linalg.lstsq(
                np.column_stack([np.arange(n), np.ones(n)]), np.array(daily[-n:]), rcond=None
            )[0]
            row[f"usage_slope_{n}d"] = ((start + rise * (n - 1)) - start) / level
        else:
            row[f"usage_slope_{n}d"] = None
    for n in LOOKBACKS:
        if 3 * n <= longest:
            oldest, middle, newest = (sum(daily[longest - k * n : longest - (k - 1) * n]) for k in (3, 2, 1))
            level = statistics.mean([oldest, middle, newest])
            # the change of the change
            row[f"usage_acceleration_{n}d"] = ((newest - middle) - (middle - oldest)) / level if level > 0 else None
    weeks = longest // 7 - 1
    by_week = [sum(daily[longest - 7 * (w + 1) : longest - 7 * w]) for w in range(weeks + 1)]
    past = by_week[1:]
    row[f"usage_own_past_{weeks}w"] = (by_week[0] - statistics.mean(past)) / math.sqrt(statistics.pvariance(past) + 1)
    return row


def obvious_habits(usage, now):
    """What a day, a week and a pause of this account look like, in the longest lookback."""
    n = LOOKBACKS[-1]
    moments = [at.to_pydatetime() for at in usage["occurred_at"] if at >= back(now, n)]
    used = sorted({at.date() for at in moments})
    best = run = 0
    for age in range(n, 0, -1):
        run = run + 1 if back(now, age).date() in used else 0
        best = max(best, run)
    pauses = [(later - earlier).days for earlier, later in itertools.pairwise(used)]
    busy = sorted(collections.Counter(at.date() for at in moments).values())
    # the smallest number of events such that at least this many in a hundred days have no more
    reached = lambda percent: next(  # noqa: E731
        (size for size in busy if 100 * sum(other <= size for other in busy) >= percent * len(busy)), 0
    )
    weekend = [at for at in moments if at.strftime("%a") in ("Sat", "Sun")]
    office = [at for at in moments if at.strftime("%a") not in ("Sat", "Sun") and dt.time(9) <= at.time() < dt.time(18)]
    return {
        f"usage_longest_streak_{n}d": best,
        f"usage_current_streak_{n}d": run,  # the loop has ended with yesterday
        f"usage_gap_mean_{n}d": statistics.mean(pauses) if pauses else None,
        f"usage_gap_longest_{n}d": max(pauses, default=None),
        f"usage_daily_p50_{n}d": reached(50),
        f"usage_daily_p90_{n}d": reached(90),
        f"usage_weekend_share_{n}d": over(len(weekend), len(moments)),
        f"usage_office_share_{n}d": over(len(office), len(moments)),
    }


def obvious_levels(usage, now, lived):
    """What an account does in a week, the newer weeks counting more, over those it has lived."""
    row = {}
    weeks = [
        usage[(usage["occurred_at"] >= back(now, 7 * n + 7)) & (usage["occurred_at"] < back(now, 7 * n))]
        for n in range(min(LOOKBACKS[-1], lived) // 7)
    ]
    counts = {
        "": [len(week) for week in weeks],
        "_users": [week["user_id"].nunique() for week in weeks],
        "_core": [int(week["event"].isin(CORE).sum()) for week in weeks],
    }
    for what, by_week in counts.items():
        for half in HALF_LIVES:
            weight = [0.5 ** (7 * n / half) for n in range(len(by_week))]
            mean = sum(w * math.sqrt(x) for w, x in zip(weight, by_week, strict=True)) / sum(weight) if weeks else 0
            row[f"usage{what}_level_{half}d"] = mean**2
        short, long = (row[f"usage{what}_level_{half}d"] for half in HALF_LIVES)
        row[f"usage{what}_level_change_{HALF_LIVES[0]}d_{HALF_LIVES[1]}d"] = over(short, long)
    for half in HALF_LIVES:
        row[f"usage_core_level_share_{half}d"] = over(row[f"usage_core_level_{half}d"], row[f"usage_level_{half}d"])
    return row


def obvious_mix(usage, now):
    """What is used, and who does most of it."""
    row = {}
    for n in LOOKBACKS[-2:]:
        names = collections.Counter(usage.loc[usage["occurred_at"] >= back(now, n), "event"])
        shares = [times / sum(names.values()) for times in names.values()]
        row[f"usage_entropy_{n}d"] = -sum(share * math.log(share) for share in shares) if shares else None
    short, long = LOOKBACKS[-2:]
    before, lately = collections.defaultdict(set), set()
    for at, who in zip(usage["occurred_at"], usage["user_id"], strict=True):
        if isinstance(who, str) and at >= back(now, short):
            lately.add(who)
        elif isinstance(who, str) and at >= back(now, long):
            before[who].add(at.date())
    # a key user is one whom fewer than three beat
    key = [who for who in before if sum(len(other) > len(before[who]) for other in before.values()) < 3]
    row[f"usage_key_users_quiet_{short}d_{long}d"] = over(len(set(key) - lately), len(key)) if key else None
    return row


def hours_of(first, then, zone):
    """What a stopwatch shows between two wall-clock times; of an hour that comes twice, the first is meant."""
    first, then = (at.tz_localize(zone, nonexistent="shift_forward", ambiguous=True) for at in (first, then))
    return (then - first).total_seconds() / 3600


def obvious_tickets(tickets, now, zone):
    row = {f"tickets_opened_{n}d": int((tickets["opened_at"] >= back(now, n)).sum()) for n in LOOKBACKS}
    row["tickets_trend_28d_90d"] = over(row["tickets_opened_28d"], row["tickets_opened_90d"], 90 / 28)
    ages, response, resolution, csat, tones = [], [], [], [], []
    row |= {"tickets_serious_180d": 0, "tickets_reopened_180d": 0, "tickets_escalated_180d": 0}
    half_year = 0
    for t in tickets.itertuples():
        recent = t.opened_at >= back(now, 180)
        half_year += recent
        said = WRITTEN[tuple(text if isinstance(text, str) else None for text in (t.subject, t.body))]
        if recent and said is not None:
            tones.append(said / 1000)
        resolved = t.resolved_at if not pd.isna(t.resolved_at) and t.resolved_at < now else None
        reopened = t.reopened_at if not pd.isna(t.reopened_at) and t.reopened_at < now else None
        if resolved is None or (reopened is not None and reopened >= resolved):
            ages.append((now - t.opened_at.floor("D")).days)
        if recent and not pd.isna(t.first_response_at) and t.first_response_at < now:
            response.append(hours_of(t.opened_at, t.first_response_at, zone))
        if recent and resolved is not None:
            resolution.append(hours_of(t.opened_at, resolved, zone))
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
        "tickets_tone_180d": mean(tones),
        "tickets_annoyed_180d": sum(tone <= -0.3 for tone in tones),
        "tickets_serious_share_180d": over(row["tickets_serious_180d"], half_year),
    }


def as_read(periods):
    """The periods with when they and their ends were known, without those that never held."""
    periods = periods.assign(known_at=periods["known_at"].fillna(periods["starts_at"]))
    periods = periods[periods["ends_at"] != periods["starts_at"]]
    cancelled = periods["cancelled_at"].copy()
    for place, p in periods.iterrows():
        # an end from which the contract goes on is known with what follows
        follows = periods[(periods["subscription_id"] == p.subscription_id) & (periods["starts_at"] == p.ends_at)]
        if pd.isna(p.cancelled_at) and len(follows) and follows["known_at"].min() > p.ends_at:
            cancelled[place] = follows["known_at"].min()
    return periods.assign(cancelled_at=cancelled)


def standing(periods, now):
    """The periods as they stood: of versions the last, each up to the next one's start; ends not known yet are open."""
    periods = periods.sort_values(["starts_at", "known_at"]).drop_duplicates(
        ["subscription_id", "starts_at"], keep="last"
    )
    told = periods["cancelled_at"].fillna(periods["ends_at"])
    noticed = periods["ends_at"].isna() & (periods["cancelled_at"] < now)
    periods = periods.assign(noticed=noticed, ends_at=periods["ends_at"].where(told < now))
    for place, p in periods.iterrows():
        later = periods[(periods["subscription_id"] == p.subscription_id) & (periods["starts_at"] > p.starts_at)]
        ends = [at for at in (p.ends_at, later["starts_at"].min()) if not pd.isna(at)]
        periods.loc[place, "ends_at"] = min(ends, default=pd.NaT)
    return periods


def renewal(p, now, term):
    """The first renewal not before ``now``: calendar months from the agreed one, on the contract's own day."""
    agreed = p.renews_at.floor("D")
    own = max(agreed.day, p.first_start.day) if agreed.is_month_end else agreed.day
    turn = 0
    while (at := agreed + pd.DateOffset(months=turn)) < now or turn:
        at = at.replace(day=min(own, at.days_in_month))
        if at >= now:
            break
        turn += term
    return at


def obvious_periods(periods, now):
    periods = standing(periods, now)
    periods["first_start"] = periods.groupby("subscription_id")["starts_at"].transform("min")
    open_now, began = [], []
    for p in periods.sort_values(["starts_at", "subscription_id"]).itertuples():
        if p.starts_at > now:
            continue
        began.append(p)
        if pd.isna(p.ends_at) or p.ends_at > now:
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
        if ahead < 0 and term:
            ahead = -days(renewal(p, now, term))
        if ahead >= 0:
            to_renewal.append(ahead)
    up = down = 0
    changes = []
    for p in began:
        before = [
            q for q in periods.itertuples() if q.subscription_id == p.subscription_id and q.starts_at < p.starts_at
        ]
        last = max(before, key=lambda q: q.starts_at, default=None)
        terms = [
            (q.mrr, text(q.plan), None if pd.isna(q.seats) else q.seats, text(q.billing_period))
            for q in (p, last)
            if q is not None
        ]
        if last is None or last.ends_at != p.starts_at or terms[0] != terms[1]:
            changes.append(days(p.starts_at))
        earlier = [
            q for q in periods.itertuples() if q.subscription_id == p.subscription_id and q.starts_at < p.starts_at
        ]
        if earlier and days(p.starts_at) <= 365:
            before = max(earlier, key=lambda q: q.starts_at).mrr
            up, down = up + (p.mrr > before), down + (p.mrr < before)
    came_back = []
    for p in began:
        ends = []
        for q in periods.itertuples():
            earlier = (q.starts_at, q.known_at, q.subscription_id) < (p.starts_at, p.known_at, p.subscription_id)
            if earlier and q.mrr > 0:
                ends.append(q.ends_at)
        away = bool(ends) and not any(pd.isna(end) for end in ends)
        if p.mrr > 0 and away and (p.starts_at.floor("D") - max(ends).floor("D")).days >= 7:
            came_back.append(days(p.starts_at))
    return {
        "subscription_days_since_return": min(came_back, default=None),
        "subscription_tenure_days": max((days(p.starts_at) for p in began if p.mrr > 0), default=None),
        "subscription_mrr": sum(p.mrr for p in open_now),
        "subscription_contracts": len(paying),
        "subscription_plan": text(largest.plan) if largest else None,
        "subscription_billing_period": (text(largest.billing_period) or "").lower() or None if largest else None,
        "subscription_seats": sum(seats) if seats else None,
        "subscription_days_to_renewal": min(to_renewal, default=None),
        "subscription_expansions_365d": up,
        "subscription_contractions_365d": down,
        "subscription_days_since_change": min(changes, default=None),
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
    return everything_at(facts, *CUTOFFS)


def everything_at(facts, *cutoffs):
    return features_at(facts, *cutoffs, families=EVERYTHING, event_names=EVENTS, core_events=CORE, calendar=CALENDAR)


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
    wish = Wish(LOOKBACKS, EVENTS, STATIC, CORE, HALF_LIVES, CALENDAR)
    chosen = choose(tuple(FAMILIES), (), wish, facts)
    # what is placed on a scale from training is not made from the tables alone
    elsewhere = Wish(LOOKBACKS, EVENTS, ("segment",), CORE, HALF_LIVES, CALENDAR)
    placed = {f.family for x in FAMILIES.values() for f in x.features(elsewhere) if f.grain is Grain.PLACED}
    assert {f.family for f in chosen} == set(FAMILIES) - placed
    assert placed == {"usage.against_segment"}


# ---------------------------------------------------------------- the same bits every time


def test_two_builds_are_the_same_to_the_bit(facts, measured):
    again = everything_at(facts, *CUTOFFS)
    pd.testing.assert_frame_equal(again, measured, check_exact=True)


def test_the_order_of_the_input_rows_does_not_change_a_bit(company, measured, tmp_path):
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in company.items()}
    facts = facts_for(tmp_path, shuffled, static=list(STATIC))
    pd.testing.assert_frame_equal(everything_at(facts, *CUTOFFS), measured, check_exact=True)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_does_not_change_a_bit(facts, measured, threads):
    con = facts.accounts.get_backend().con
    con.execute(f"SET threads = {threads}")
    pd.testing.assert_frame_equal(everything_at(facts, *CUTOFFS), measured, check_exact=True)


def test_a_cutoff_alone_gives_what_it_gives_among_others(facts, measured):
    alone = everything_at(facts, CUTOFFS[1])
    among = measured[measured["as_of"] == pd.Timestamp(CUTOFFS[1])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, among, check_exact=True)


def test_a_feature_alone_gives_what_it_gives_among_others(facts, measured):
    wish = Wish(LOOKBACKS, EVENTS, STATIC, CORE, HALF_LIVES, CALENDAR)
    spine = everybody(facts, *CUTOFFS)
    for feature in choose(tuple(FAMILIES), (), wish, facts):
        # the grains that are cut at the ages all their features ask for together
        if feature.grain not in {Grain.TICKET, Grain.PERIOD, Grain.ACCOUNT, Grain.OWN, Grain.MADE, Grain.PLACED}:
            alone = build_snapshots(facts, [feature], spine)
            pd.testing.assert_series_equal(alone[feature.name], measured[feature.name], check_exact=True)


def test_the_population_is_what_the_slow_obvious_way_gives(company, facts):
    label = Label(kind="contract")
    found = population(label, facts, CUTOFFS)
    for cutoff in CUTOFFS:
        now = pd.Timestamp(cutoff)
        accounts = company["accounts"].query("created_at < @now")
        periods = as_read(company["subscriptions"])
        known = periods[periods["known_at"] < now]
        eligible = set()
        for account in accounts["account_id"]:
            pays = stays = 0.0
            for p in standing(known[known["account_id"] == account], now).itertuples():
                if p.starts_at <= now and (pd.isna(p.ends_at) or p.ends_at > now):
                    pays += p.mrr
                if p.starts_at > now or pd.isna(p.ends_at) or p.ends_at > now:
                    stays += p.mrr * (pd.isna(p.ends_at) and not p.noticed)
            if pays > 0 and stays > 0:
                eligible.add(account)
        assert eligible == set(found.loc[found["as_of"] == now, "account_id"])
        assert 0 < len(eligible) < len(accounts)


def test_the_roll_ups_hold_whole_numbers_and_no_fractions(facts):
    for rollup in (facts.usage_days, facts.usage_named, facts.usage_users):
        numbers = {name: kind for name, kind in rollup.schema().items() if not kind.is_string()}
        assert [name for name, kind in numbers.items() if not kind.is_integer()] == []


# ---------------------------------------------------------------- more event names than there are bits

NAME_CUTOFFS = (
    dt.date(2024, 2, 28), dt.date(2024, 2, 29), dt.date(2024, 3, 1), dt.date(2024, 3, 8), dt.date(2024, 4, 5),
    dt.date(2024, 9, 1),
)  # fmt: skip


@pytest.fixture(scope="module")
def talkative():
    """A company that logs 90 event names, most of them seldom, a third of its rows late."""
    rng = np.random.default_rng(5)
    names = ["login", "Export PDF", *(f"function {n}" for n in range(88))]
    weights = 1.0 / np.arange(1, len(names) + 1)
    n, accounts = 3000, [f"a{k}" for k in range(8)]
    usage = pd.DataFrame({
        "account_id": rng.choice(accounts, n),
        "occurred_at": pd.Timestamp("2023-11-01") + pd.to_timedelta(rng.integers(0, 320 * 24, n), unit="h"),
        "event": rng.choice(names, n, p=weights / weights.sum()), "user_id": rng.choice([*"uvw", None], n), "quantity": 1.0,
    })  # fmt: skip
    late = pd.to_timedelta(rng.choice([6, 24, 24 * 9, 24 * 40], n), unit="h")
    usage["known_at"] = usage["occurred_at"] + late * (rng.random(n) < 0.35).astype(int)
    base = pd.DataFrame({"account_id": accounts, "created_at": pd.Timestamp("2023-01-01")})
    return {"accounts": base, "usage_events": usage}


@pytest.fixture(scope="module")
def talkative_facts(talkative, tmp_path_factory):
    return facts_for(tmp_path_factory.mktemp("talkative"), talkative)


def test_event_names_without_a_bit_of_their_own_are_counted_exactly_like_the_others(talkative, talkative_facts):
    found = features_at(talkative_facts, *NAME_CUTOFFS, families=("usage.*",), event_names=EVENTS, core_events=CORE)
    found = found.set_index(["as_of", "account_id"])
    for cutoff, account in itertools.product(NAME_CUTOFFS, talkative["accounts"]["account_id"]):
        usage, now = talkative["usage_events"], pd.Timestamp(cutoff)
        known = usage[(usage["account_id"] == account) & (usage["known_at"] < now) & (usage["occurred_at"] < now)]
        values = obvious_usage(known, now) | obvious_levels(known, now, 365)
        expect = {name: np.nan if value is None else value for name, value in values.items()}
        assert set(found.columns) == set(expect)
        for name, value in found.loc[(now, account)].items():
            assert value == pytest.approx(expect[name], rel=1e-9, abs=1e-9, nan_ok=True), (cutoff, account, name)


def test_the_talkative_company_puts_rare_names_to_the_test(talkative, talkative_facts):
    rare = set(talkative_facts.usage_rare.select("event").distinct().to_pandas()["event"])
    usage = talkative["usage_events"]
    assert usage["event"].nunique() > BITS
    assert len(rare) == usage["event"].nunique() - BITS
    counted = lambda rows, name: features_at(  # noqa: E731
        quick_facts(talkative | {"usage_events": rows}), *NAME_CUTOFFS, families=("usage.breadth",)
    )[name].sum()
    in_time = usage["known_at"].dt.floor("D") == usage["occurred_at"].dt.floor("D")
    for name in ("usage_distinct_events_7d", "usage_distinct_events_90d"):
        as_it_was = counted(usage, name)
        assert counted(usage[~usage["event"].isin(rare)], name) < as_it_was, "rare names count"
        at_once = usage["known_at"].where(~usage["event"].isin(rare), usage["occurred_at"])
        assert counted(usage.assign(known_at=at_once), name) > as_it_was, "some came too late"
        assert counted(usage[~usage["event"].isin(rare) | in_time], name) < as_it_was, (
            "others came late, but early enough"
        )


def test_the_quick_door_of_the_tests_gives_the_same_bits_on_the_random_company(company, facts, measured):
    quick = quick_facts(
        {name: frame.replace({"": None, "Monthly": "monthly"}) for name, frame in company.items()},
        static=STATIC,
        given=facts.given,
    )
    found = everything_at(quick, *CUTOFFS)
    pd.testing.assert_frame_equal(found, measured, check_exact=True)
