"""A little dirt, as every export has it: rows added to the true ones, never true ones damaged.

Each function returns the rows (or names) to add and counts them under the kind's name. Nothing here
touches a real contract or a real account's dates, so the true probabilities stay true.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from churnml.simulate.clock import DAY_SECONDS, Clock, Floats, Ints, Texts, joined
from churnml.simulate.population import Accounts
from churnml.simulate.usage import EVENTS, Rows

Counts = dict[str, dict[str, int]]

NO_DATES = ("2024-13-45", "n/a", "0000-00-00")
ODD_NAMES = (
    'The "Quoted" Company, Inc.',
    "株式会社テスト商事",
    "O'Brien, Müller & Søn",
    'Say ""when"" Ltd; or, later',
)
UNKNOWN_ACCOUNTS = 3


def how_many(n: int, share: float) -> int:
    """``share`` of ``n``, but at least three."""
    return max(3, round(n * share))


def odd_names(names: Texts, counts: Counts, rng: np.random.Generator) -> Texts:
    """Account names with quotes, commas and other scripts in place of a few plain ones."""
    rows = rng.choice(len(names), min(len(names), len(ODD_NAMES) * max(1, len(names) // 1000)), replace=False)
    odd = names.copy()
    odd[rows] = [ODD_NAMES[k % len(ODD_NAMES)] for k in range(len(rows))]
    counts["accounts"] = {"odd_name": len(rows)}
    return odd


def dirty_accounts(frame: pd.DataFrame, counts: Counts, rng: np.random.Generator) -> pd.DataFrame:
    """Accounts whose date of creation cannot be read; nothing else refers to them."""
    n = how_many(len(frame), 0.002)
    extra = frame.iloc[rng.choice(len(frame), n)].copy()
    extra["account_no"] = [f"A9{k:05d}" for k in range(n)]
    extra["created_on"] = [NO_DATES[k % len(NO_DATES)] for k in range(n)]
    counts["accounts"]["unreadable_date"] = n
    return _scattered(frame, extra, rng)


def dirty_contracts(frame: pd.DataFrame, counts: Counts, rng: np.random.Generator) -> pd.DataFrame:
    """Contracts that end before they start and ones that start on no date, all under numbers of their own."""
    n = how_many(len(frame), 0.002)
    backwards = frame.iloc[rng.choice(len(frame), n)].copy()
    backwards["contract_no"] = [f"C9{k:05d}-1" for k in range(n)]
    start = pd.to_datetime(backwards["valid_from"])
    backwards["valid_to"] = _text(start - pd.to_timedelta(rng.integers(2, 40, n), unit="D"))
    backwards["notice_received"] = backwards["valid_to"]
    undated = frame.iloc[rng.choice(len(frame), n)].copy()
    undated["contract_no"] = [f"C8{k:05d}-1" for k in range(n)]
    undated["valid_from"] = [NO_DATES[k % len(NO_DATES)] for k in range(n)]
    counts["subscriptions"] = {"end_before_start": n, "unreadable_date": n}
    return _scattered(frame, pd.concat([backwards, undated]), rng)


def dirty_tickets(frame: pd.DataFrame, counts: Counts, rng: np.random.Generator) -> pd.DataFrame:
    """Tickets exported twice, resolved before they were opened, or opened on no date."""
    n = how_many(len(frame), 0.002)
    twice = frame.iloc[rng.choice(len(frame), min(n, len(frame)), replace=False)].copy()
    backwards = frame.iloc[rng.choice(len(frame), n)].copy()
    backwards["ticket_no"] = [f"T-9{k:06d}" for k in range(n)]
    opened = pd.to_datetime(backwards["created"])
    backwards["closed"] = _text(opened - pd.to_timedelta(rng.integers(3, 200, n), unit="h"))
    undated = frame.iloc[rng.choice(len(frame), n)].copy()
    undated["ticket_no"] = [f"T-8{k:06d}" for k in range(n)]
    undated["created"] = [NO_DATES[k % len(NO_DATES)] for k in range(n)]
    counts["support_tickets"] = {"duplicate": len(twice), "resolved_before_opened": n, "unreadable_date": n}
    return _scattered(frame, pd.concat([twice, backwards, undated]), rng)


def dirty_events(accounts: Accounts, events: int, clock: Clock, counts: Counts, rng: np.random.Generator) -> Rows:
    """Events of unknown accounts, from the future, and from before their account was created."""
    n = how_many(events, 0.00004)
    unknown = len(accounts) + rng.integers(0, UNKNOWN_ACCOUNTS, n)
    any_second = rng.integers(0, clock.end_second - DAY_SECONDS, n)
    future = clock.end_second + rng.integers(DAY_SECONDS, 400 * DAY_SECONDS, n)
    late_joiners = np.flatnonzero(accounts.created_day > 14)
    early = rng.choice(late_joiners, n if len(late_joiners) else 0)
    before = (accounts.created_day[early] - rng.integers(3, 12, len(early))) * DAY_SECONDS + 41_000
    counts["usage_events"] = {
        "unknown_account": n,
        "future": n,
        "before_account_created": len(early),
    }
    return joined(
        [
            _events(unknown, any_second, any_second + 20, rng),
            # a clock runs ahead: the row arrived in time, its own time has not come
            _events(rng.integers(0, len(accounts), n), future, np.full(n, clock.end_second - 3_600), rng),
            _events(early, before, before + 20, rng),
        ]
    )


def _events(account: Ints, occurred: Ints, known: Ints, rng: np.random.Generator) -> Rows:
    nothing: Floats = np.full(len(account), np.nan)
    event = rng.integers(0, len(EVENTS), len(account))
    return Rows(account, np.zeros(len(account), dtype=np.int64), occurred, known, event, nothing)


def _text(times: pd.Series) -> pd.Series:
    texts: pd.Series = times.dt.strftime("%Y-%m-%d %H:%M:%S")
    return texts


def _scattered(frame: pd.DataFrame, extra: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """``extra`` rows strewn among those of ``frame``, whose own order stays."""
    place = np.concatenate([np.arange(len(frame)), rng.integers(1, len(frame) + 1, len(extra)) - 0.5])
    mixed = pd.concat([frame, extra], ignore_index=True)
    return mixed.iloc[np.argsort(place, kind="stable")].reset_index(drop=True)
