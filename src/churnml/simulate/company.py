"""From arguments to a project folder: the order in which the simulated company comes into being."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.errors import ProjectError
from churnml.simulate import dirt
from churnml.simulate.clock import NEVER, WEEK_DAYS, Clock, Floats, Ints, Texts, Weeks, clock_of, joined, weeks_of
from churnml.simulate.closed_days import known_region, use_left
from churnml.simulate.contracts import contract_periods, contract_rows, seats_by_week
from churnml.simulate.folder import refuse_foreign, whole_or_not_at_all, write_csv, write_text, write_texts
from churnml.simulate.history import History, live
from churnml.simulate.population import ACQUISITION, INDUSTRIES, REGIONS, SEGMENTS, Accounts, draw_accounts
from churnml.simulate.tickets import exported, ticket_lives
from churnml.simulate.truth import Cases, cases_of, true_probabilities
from churnml.simulate.usage import EventMaker, EventWriter, intensity_of, strays, write_events
from churnml.simulate.world import (
    LONGEST_CHURN_WEEKS,
    OWN_GROWTH,
    OWN_HEALTH,
    TERMS_FIXED_WEEKS,
    U_VALUES,
    Z_VALUES,
)
from churnml.timeline import Reach

CHURN = Reach(gap=7, horizon=91, settle=28)
UPSELL = Reach(gap=7, horizon=91)
EVENTS_PER_ACCOUNT = 1_300  # in 24 months
FEWEST_ACCOUNTS = 20
# One stream of draws a purpose, so that a change in one leaves the others as they were.
# Of contracts: with a larger share of its periods planted to be set aside, a project has to allow for it.
MUCH_DIRT = 0.02
PURPOSES = (
    "accounts", "history", "contracts", "intensity", "events", "strays", "tickets", "names", "dirt", "closed_days",
)  # fmt: skip

FIRST_NAMES = (
    "Alder", "Bright", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Juniper", "Kestrel",
    "Lumen", "Maple", "North", "Onyx", "Pioneer", "Quartz", "River", "Summit", "Tidal", "Umber", "Vertex", "Willow",
    "Zephyr",
)  # fmt: skip
LAST_NAMES = (
    "Analytics", "Foods", "Freight", "Health", "Holdings", "Labs", "Learning", "Logistics", "Media", "Networks",
    "Partners", "Payments", "Robotics", "Software", "Supply", "Systems", "Trading", "Works",
)  # fmt: skip
LEGAL_FORMS = ("Inc.", "Ltd", "GmbH", "SAS", "BV", "AB", "Pty Ltd", "KK")


@dataclass(frozen=True)
class Company:
    """What was simulated.

    Attributes:
        root: the project folder.
        data_through: the last full day in the data.
        rows: table → rows written, dirt included.
        events: rows of usage_events written.
        dirt: table → kind → rows planted.
        churn_rate: share of eligible account-Mondays with a mature label that left in their window.
        upsell_rate: the same, for growth.
        paying: accounts paying at the end of the data.
    """

    root: Path
    data_through: dt.date
    rows: Mapping[str, int]
    events: int
    dirt: Mapping[str, Mapping[str, int]]
    churn_rate: float
    upsell_rate: float
    paying: int


def simulate(
    out: Path,
    *,
    accounts: int = 2000,
    months: int = 24,
    seed: int = 7,
    events: int | None = None,
    start: dt.date = dt.date(2023, 1, 2),
    region: str | None = None,
    churn: Reach = CHURN,
    upsell: Reach = UPSELL,
    progress: Callable[[str], None] | None = None,
) -> Company:
    """Writes the project folder of a simulated company, whole or not at all; equal arguments, equal bytes.

    Args:
        out: the folder; new, empty, or an earlier simulation (which is replaced).
        accounts: how many accounts there ever are, 20 or more.
        months: length of the data; they are 52 weeks to 12 months.
        seed: decides everything drawn.
        events: usage events to aim at (met within a few percent); 1,300 an account in 24 months by default.
        start: the first day, a Monday.
        region: where all customers are; their use thins out on its holidays. None knows no holidays.
        churn, upsell: windows the true probabilities look at, in whole weeks; ``settle`` is the grace period.
        progress: told a sentence now and then.

    Raises:
        ProjectError: an argument cannot be used, or ``out`` holds something else.
    """
    tell = progress or (lambda _sentence: None)
    clock = clock_of(start, months)
    reaches = weeks_of(churn, "churn", LONGEST_CHURN_WEEKS), weeks_of(upsell, "upsell", TERMS_FIXED_WEEKS)
    target = events_wanted(accounts, events, clock)
    region = known_region(region)
    refuse_foreign(out)
    rngs = streams(seed)
    left = use_left(region, accounts, clock, rngs["closed_days"])
    tell(f"living through {clock.weeks} weeks of {accounts:,} accounts")
    people = draw_accounts(accounts, clock, rngs["accounts"])
    history = live(people, clock, max(reach.end for reach in reaches), rngs["history"])
    counts, rows = dirt.Counts(), dict[str, int]()
    with whole_or_not_at_all(out) as root:
        (root / "data").mkdir()
        (root / "truth").mkdir()
        seats = _write_tables(root, people, history, clock, rngs, counts, rows)
        rows["usage_events"] = _write_usage(root, people, history, seats, clock, target, rngs, counts, tell, left)
        tell("computing the true probabilities")
        _write_truth(root, people, history, clock, *reaches)
        write_text(root / "truth" / "dirt.json", json.dumps(counts, indent=2) + "\n")
        write_texts(
            root,
            clock,
            region=region,
            much_dirt=sum(counts["subscriptions"].values()) > MUCH_DIRT * rows["subscriptions"],
            **_windows(churn, upsell),
            arguments=f"{accounts} accounts, {months} months from {start}, ~{target} events, seed {seed}",
        )
    paying = int(history.states.active.sum())
    rates = _rates(history, clock, *reaches)
    return Company(out, clock.data_through, rows, rows["usage_events"], counts, *rates, paying)


def _windows(churn: Reach, upsell: Reach) -> dict[str, int]:
    """The figures of both windows that the README tells."""
    churn_end, upsell_end = (reach.gap + reach.horizon for reach in (churn, upsell))
    return {"churn_gap": churn.gap, "churn_end": churn_end, "grace": churn.settle, "upsell_end": upsell_end}


def events_wanted(accounts: int, events: int | None, clock: Clock) -> int:
    """The number of events to aim at; raises ProjectError for sizes that cannot be."""
    if accounts < FEWEST_ACCOUNTS:
        raise ProjectError(
            f"A simulated company needs at least {FEWEST_ACCOUNTS} accounts.",
            where=f"accounts: {accounts}",
            remedy="Use more; 2000 is usual.",
        )
    if events is None:
        return round(EVENTS_PER_ACCOUNT * accounts * clock.weeks / 104)
    if events < accounts:
        raise ProjectError(
            "A simulated company needs at least one event an account.",
            where=f"events: {events}",
            remedy=f"Use {accounts} or more, or leave it out.",
        )
    return events


def streams(seed: int) -> dict[str, np.random.Generator]:
    children = np.random.SeedSequence(seed).spawn(len(PURPOSES))
    return {name: np.random.default_rng(child) for name, child in zip(PURPOSES, children, strict=True)}


def _write_tables(
    root: Path,
    people: Accounts,
    history: History,
    clock: Clock,
    rngs: Mapping[str, np.random.Generator],
    counts: dirt.Counts,
    rows: dict[str, int],
) -> Ints:
    """The three CSV files; returns the seats by unit and week."""
    names = dirt.odd_names(company_names(len(people), rngs["names"]), counts, rngs["names"])
    periods = contract_periods(people, history, clock, rngs["contracts"])
    seats = seats_by_week(periods, len(history.states.account), clock.weeks)
    tickets = exported(ticket_lives(history, seats, clock, 0, rngs["tickets"]), people, clock)
    for table, name, frame, dirty in (
        ("accounts", "crm_accounts", account_rows(people, names, clock), dirt.dirty_accounts),
        ("subscriptions", "contracts", contract_rows(periods, people, history, clock), dirt.dirty_contracts),
        ("support_tickets", "helpdesk_tickets", tickets, dirt.dirty_tickets),
    ):
        exports = dirty(as_text(frame), counts, rngs["dirt"])
        write_csv(exports, root / "data" / f"{name}.csv")
        rows[table] = len(exports)
    return seats


def account_rows(people: Accounts, names: Texts, clock: Clock) -> pd.DataFrame:
    """The accounts as the CRM exports them."""

    def words(of: tuple[str, ...], codes: Ints) -> Texts:
        return np.array(of, dtype=object)[codes]

    return pd.DataFrame(
        {
            "account_no": people.ids,
            "account_name": names,
            "created_on": clock.dates(people.created_day),
            "csm": [f"csm-{owner + 1:02d}" for owner in people.owner],
            "tier": words(SEGMENTS, people.segment),
            "vertical": words(INDUSTRIES, people.industry),
            "region": words(REGIONS, people.region),
            "lead_source": words(ACQUISITION, people.acquisition),
        }
    )


def company_names(n: int, rng: np.random.Generator) -> Texts:
    first, last, form = (rng.choice(words, n) for words in (FIRST_NAMES, LAST_NAMES, LEGAL_FORMS))
    return np.array([" ".join(parts) for parts in zip(first, last, form, strict=True)], dtype=object)


def as_text(frame: pd.DataFrame) -> pd.DataFrame:
    """Times as ISO text: the date alone in columns of dates, else to the second."""
    texts = frame.copy()
    for name in frame.columns:
        if pd.api.types.is_datetime64_any_dtype(frame[name]):
            is_date = name.endswith(("_on", "_date"))
            texts[name] = frame[name].dt.strftime("%Y-%m-%d" if is_date else "%Y-%m-%d %H:%M:%S")
    return texts


def _write_usage(
    root: Path,
    people: Accounts,
    history: History,
    seats: Ints,
    clock: Clock,
    target: int,
    rngs: Mapping[str, np.random.Generator],
    counts: dirt.Counts,
    tell: Callable[[str], None],
    left: Floats | None,
) -> int:
    intensity = intensity_of(people, history, seats, clock, target, rngs["intensity"])
    extra = joined(
        [
            strays(history, clock, rngs["strays"]),
            dirt.dirty_events(people, target, clock, counts, rngs["dirt"]),
        ]
    )
    most = np.ones(len(people) + dirt.UNKNOWN_ACCOUNTS, dtype=np.int64)
    np.maximum.at(most, history.states.account, intensity.people.max(axis=1))
    unknown = np.array([f"A7{k:05d}" for k in range(dirt.UNKNOWN_ACCOUNTS)], dtype=object)
    writer = EventWriter(
        str(root / "data" / "product_events.parquet"), np.concatenate([people.ids, unknown]), most, clock
    )
    try:
        maker = EventMaker(people, history, intensity, rngs["events"], left)
        write_events(writer, maker, extra, clock, target, tell)
    finally:
        writer.close()
    return writer.count


def _write_truth(root: Path, people: Accounts, history: History, clock: Clock, churn: Weeks, upsell: Weeks) -> None:
    cases = cases_of(history)
    churn_probability, upsell_probability = true_probabilities(history.states, cases, churn, upsell)
    account = history.states.account[cases.unit]
    key = {
        "account_id": pa.array(people.ids, pa.string()).take(pa.array(account)),
        "as_of": pa.array(clock.dates(cases.week * WEEK_DAYS), pa.date32()),
    }
    probabilities = {"churn_probability": churn_probability, "upsell_probability": upsell_probability}
    pq.write_table(pa.table(key | probabilities), root / "truth" / "probabilities.parquet", compression="zstd")
    latent = _latent(people, cases, account)
    pq.write_table(pa.table(key | latent), root / "truth" / "latent.parquet", compression="zstd")


def _latent(people: Accounts, cases: Cases, account: Ints) -> dict[str, Floats | Ints]:
    """What the data do not say, for study."""
    return {
        "health": Z_VALUES[cases.z],
        "pressure": U_VALUES[cases.u],
        "own_health": OWN_HEALTH[people.own_health[account]],
        "growth": OWN_GROWTH[people.growth[account]],
        "single_sponsor": people.sponsor[account],
        "price_sensitivity": np.round(people.price[account], 6),
        "budget": np.round(people.budget[account], 6),
    }


def realised_labels(history: History, cases: Cases, clock: Clock, churn: Weeks, upsell: Weeks) -> tuple[Floats, Floats]:
    """What became of each case: churn and upsell label, 1 or 0; NaN where immature or left in the gap.

    Read off the history alone; the pipeline reads the same off the written tables.
    """
    states = history.states
    half = len(states.account) // 2
    came_back = np.zeros(len(states.account), dtype=bool)
    back = states.start_day[half:]
    came_back[:half] = (back != NEVER) & (back - states.end_day[:half] < churn.grace * WEEK_DAYS)
    never = 10**6
    ends = np.where(states.end_day == NEVER, never, states.end_day // WEEK_DAYS)
    leaves = np.where(came_back, never, ends)[cases.unit] - cases.week
    left = ((leaves >= churn.gap) & (leaves < churn.end)).astype(np.float64)
    immature = cases.week + churn.end + churn.grace > clock.weeks
    left[immature | (leaves < churn.gap)] = np.nan
    steps = np.zeros((len(states.account), clock.weeks + 1), dtype=np.int64)
    steps[history.change_unit, history.change_week + 1] = np.where(history.change_up, 1, -1)
    net = np.cumsum(steps, axis=1)
    until = np.minimum(cases.week + upsell.end, clock.weeks)
    up = net[cases.unit, until] > net[cases.unit, cases.week]
    grown = (up & (ends[cases.unit] >= cases.week + upsell.end)).astype(np.float64)
    grown[cases.week + upsell.end > clock.weeks] = np.nan
    return left, grown


def _rates(history: History, clock: Clock, churn: Weeks, upsell: Weeks) -> tuple[float, float]:
    labels = realised_labels(history, cases_of(history), clock, churn, upsell)
    churned, grown = (float(np.nanmean(one)) if np.isfinite(one).any() else float("nan") for one in labels)
    return churned, grown
