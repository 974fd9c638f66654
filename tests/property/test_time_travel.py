"""What was not known at a cutoff can change nothing that is said of it; and the tests can tell.

Each example is a random small company, three times in the same data: as it was (``o…``), as it would
look had everything that became known at or after the cutoff come out differently (``t…``), and with
further late facts besides (``x…``). Features and population of all three must be the same to the bit.
"""

from __future__ import annotations

import datetime as dt
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from churnml.adapters import warehouse
from churnml.features import FAMILIES, Grain, Wish
from churnml.labels import Label
from churnml.rollups import BITS
from churnml.snapshots import attach_label, population
from tests.support import TODAY, examples, facts_for, features_at, quick_facts, table

AS_OF = dt.date(2024, 6, 1)
NOW = pd.Timestamp(AS_OF)
ACCOUNTS = 4

LABELS = {
    "contract": Label(kind="contract", gap=7, horizon=30, grace=14),
    "lapse": Label(kind="lapse", gap=7, horizon=30, active_within=28),
    "event": Label(kind="event", gap=7, horizon=30),
    "upsell": Label(kind="upsell", gap=7, horizon=30, mrr_up_by=0.1, seats_up_by=0.1, plans=("team", "scale")),
}

# a failing company is shown as it was drawn: to shrink it would take minutes
bounded = settings(
    max_examples=examples(6),
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)

account = st.integers(0, ACCOUNTS - 1)
# hours around the cutoff, the cutoff itself and its neighbours often
moment = st.one_of(st.sampled_from([-24, -1, 0, 1]), st.integers(-24 * 120, 24 * 60))
delay = st.one_of(st.none(), st.sampled_from([0, 1, 24]), st.integers(0, 24 * 90))


def at(hours):
    return None if hours is None else NOW + pd.Timedelta(hours=hours)


def after(start, hours):
    return None if start is None or hours is None else start + pd.Timedelta(hours=hours)


usage_rows = st.lists(
    st.tuples(
        account, moment, delay, st.sampled_from("abc"), st.sampled_from(["u", "v", "w", None]), st.integers(-5, 5)
    ),
    max_size=40,
)
ticket_rows = st.lists(
    st.tuples(
        account, moment, delay, delay, delay, delay, st.one_of(st.none(), st.integers(1, 5)), delay, st.booleans()
    ),
    max_size=12,
)
period_rows = st.lists(
    st.tuples(account, moment, delay, delay, delay, st.integers(0, 3), st.integers(1, 9), st.booleans(), delay),
    max_size=10,
)
leaving_rows = st.lists(st.tuples(account, moment, delay), max_size=5)
companies = st.tuples(usage_rows, ticket_rows, period_rows, leaving_rows)


def frames(company, prefix="o"):
    """A drawn company as contract tables."""
    usage, tickets, periods, leavings = company
    name = lambda n: f"{prefix}{n}"  # noqa: E731
    return {
        "accounts": [{"account_id": name(n), "created_at": pd.Timestamp("2022-01-01")} for n in range(ACCOUNTS)],
        "usage_events": [
            {"account_id": name(a), "occurred_at": at(h), "event": e, "user_id": u, "quantity": q / 10,
             "known_at": after(at(h), late or 0)}
            for a, h, late, e, u, q in usage
        ],
        "support_tickets": [
            {"account_id": name(a), "ticket_id": f"{prefix}t{i}", "opened_at": at(h), "first_response_at": after(at(h), r),
             "resolved_at": after(at(h), s), "reopened_at": after(at(h), o), "escalated_at": after(at(h), e),
             "csat": c, "csat_at": after(at(h), ca), "priority": "high" if p else "low",
             "subject": "Terrible, useless" if p else "Thanks, great"}
            for i, (a, h, r, s, o, e, c, ca, p) in enumerate(tickets)
        ],
        "subscriptions": [
            {"account_id": name(a), "subscription_id": f"{prefix}s{i % 6}", "starts_at": at(h), "ends_at": after(at(h), length),
             "cancelled_at": after(at(h), notice), "known_at": after(at(h), late or 0), "mrr": 100.0 * m, "seats": s,
             "plan": "scale" if big else "team", "billing_period": "annual" if big else "monthly",
             "renews_at": after(at(h), renews)}
            for i, (a, h, length, notice, late, m, s, big, renews) in enumerate(periods)
        ],
        "churn_events": [
            {"account_id": name(a), "churned_at": at(h), "known_at": after(at(h), late or 0)} for a, h, late in leavings
        ],
    }  # fmt: skip


def otherwise(tables, rng):
    """The same company had everything known at or after the cutoff come out differently."""
    late = lambda: NOW + pd.Timedelta(hours=int(rng.integers(0, 2000)))  # noqa: E731
    maybe = lambda: late() if rng.random() < 0.5 else None  # noqa: E731
    past = lambda when: when is not None and when < NOW  # noqa: E731
    changed = dict(tables)
    changed["usage_events"] = [row for row in tables["usage_events"] if past(row["known_at"])]
    changed["churn_events"] = [row for row in tables["churn_events"] if past(row["known_at"])]
    changed["support_tickets"] = []
    for row in tables["support_tickets"]:
        if not past(row["opened_at"]):
            continue
        given_at = row["csat_at"] if row["csat_at"] is not None else row["resolved_at"]
        new = dict(row)
        for column in ("first_response_at", "resolved_at", "reopened_at", "escalated_at"):
            if not past(row[column]):
                new[column] = maybe()
        if row["csat"] is None or not past(given_at):
            new |= {"csat": int(rng.integers(1, 6)), "csat_at": late()}
        else:
            new["csat_at"] = given_at
        changed["support_tickets"].append(new)
    changed["subscriptions"] = []
    for row in tables["subscriptions"]:
        if not past(row["known_at"]):
            continue
        new = dict(row)
        known = row["cancelled_at"] if row["cancelled_at"] is not None else row["ends_at"]
        if row["ends_at"] is not None and not past(known):
            ends = row["starts_at"] + pd.Timedelta(hours=int(rng.integers(0, 4000)))
            told_later = {"ends_at": ends, "cancelled_at": late()}
            new |= told_later if rng.random() < 0.7 else {"ends_at": None, "cancelled_at": None}
        changed["subscriptions"].append(new)
    return changed


def more(tables, rng):
    """Further facts that became known at or after the cutoff, whenever they happened."""
    late = lambda: NOW + pd.Timedelta(hours=int(rng.choice([0, 1, int(rng.integers(0, 2000))])))  # noqa: E731
    long_ago = lambda: NOW - pd.Timedelta(hours=int(rng.integers(1, 2000)))  # noqa: E731
    added = {name: list(rows) for name, rows in tables.items()}
    for n in range(ACCOUNTS):
        who = {"account_id": f"o{n}"}
        added["usage_events"] += [
            who | {"occurred_at": long_ago(), "known_at": late(), "event": "a", "user_id": "late", "quantity": 9.0},
            who | {"occurred_at": NOW, "known_at": NOW, "event": "late", "user_id": "late", "quantity": 9.0},
        ]
        opened = late()
        added["support_tickets"].append(
            who
            | {"ticket_id": f"oz{n}", "opened_at": opened, "priority": "high", "csat": 1, "csat_at": opened}
            | {"subject": "Awful"}
        )
        added["subscriptions"] += [
            who
            | {"subscription_id": f"os{n}", "starts_at": long_ago(), "known_at": late(), "mrr": 9999.0, "seats": 99},
            who | {"subscription_id": f"oz{n}", "starts_at": NOW, "known_at": NOW, "mrr": 9999.0, "seats": 99},
        ]
        added["churn_events"].append(who | {"churned_at": long_ago(), "known_at": late()})
    return added


def renamed(tables, prefix):
    swap = {"account_id", "ticket_id", "subscription_id"}
    return {
        name: [{k: prefix + v[1:] if k in swap else v for k, v in row.items()} for row in rows]
        for name, rows in tables.items()
    }


def together(*parts):
    """Several companies in one; empty tables keep one row nobody asks about."""
    found = {name: [row for part in parts for row in part[name]] for name in parts[0]}
    nobody = {
        "usage_events": {"account_id": "zz", "occurred_at": NOW, "event": "a", "user_id": "u", "quantity": 1.0},
        "support_tickets": {"account_id": "zz", "ticket_id": "zz", "opened_at": NOW},
        "subscriptions": {"account_id": "zz", "subscription_id": "zz", "starts_at": NOW, "mrr": 1.0},
        "churn_events": {"account_id": "zz", "churned_at": NOW},
    }
    return found | {name: [*found[name], row] for name, row in nobody.items()}


def of(frame, prefix):
    mine = frame[frame["account_id"].str.startswith(prefix)].copy()
    mine["account_id"] = mine["account_id"].str[1:]
    return mine.reset_index(drop=True)


@bounded
@given(companies, st.integers(0, 2**31), st.booleans())
def test_what_becomes_known_at_or_after_the_cutoff_changes_no_feature_and_no_population(company, seed, few_bits):
    rng = np.random.default_rng(seed)
    was = frames(company)
    everybody = together(was, renamed(otherwise(was, rng), "t"), renamed(more(was, rng), "x"))
    # sometimes as in a company with more event names than bits: all but one are rare
    frequent = (lambda _con: ["a"]) if few_bits else warehouse.frequent_names
    with mock.patch.object(warehouse, "frequent_names", frequent):
        facts = quick_facts(everybody)
    features = features_at(facts, AS_OF, event_names=("a", "late"), core_events=("b", "late"))
    pd.testing.assert_frame_equal(of(features, "t"), of(features, "o"), check_exact=True)
    pd.testing.assert_frame_equal(of(features, "x"), of(features, "o"), check_exact=True)
    for label in LABELS.values():
        eligible = population(label, facts, [AS_OF])
        pd.testing.assert_frame_equal(of(eligible, "t"), of(eligible, "o"), check_exact=True)
        pd.testing.assert_frame_equal(of(eligible, "x"), of(eligible, "o"), check_exact=True)


# ---------------------------------------------------------------- positive controls: the tests above can fail

A_DAY_EARLIER = NOW - pd.Timedelta(days=1)
LONG_AGO = pd.Timestamp("2024-05-20")
USAGE = {"account_id": "o0", "occurred_at": LONG_AGO, "event": "a", "user_id": "u", "quantity": 1.0}
TICKET = {"account_id": "o0", "ticket_id": "o", "opened_at": LONG_AGO, "priority": "high"}
PERIOD = {"account_id": "o0", "subscription_id": "s", "starts_at": LONG_AGO, "mrr": 100.0, "seats": 5, "plan": "team"}


def visit(day, user="u", event="a", **more):
    return USAGE | {"occurred_at": pd.Timestamp(day), "user_id": user, "event": event} | more


# what was known all along beside the row in question, where a single event says nothing
AROUND = [visit("2024-05-19", "v", "b"), visit("2024-05-21", "v", "b")]
OTHERS = [visit("2024-05-20", account_id="oq", event=f"function {n}") for n in range(BITS)] * 2

CONTROLS = {
    "an event known": ("usage_events", USAGE, {"known_at": NOW}, "usage_events_28d"),
    "a person's visit known": ("usage_events", USAGE, {"known_at": NOW}, "usage_active_users_28d"),
    "a function's use known": ("usage_events", USAGE, {"known_at": NOW}, "usage_event_a_28d"),
    "a core function's use known": ("usage_events", USAGE, {"known_at": NOW}, "usage_core_28d"),
    "a quantity known": ("usage_events", USAGE, {"known_at": NOW}, "usage_quantity_28d"),
    "a last visit known": ("usage_events", USAGE, {"known_at": NOW}, "usage_days_since_last"),
    "a first visit known": ("usage_events", USAGE, {"known_at": NOW}, "usage_days_since_first"),
    "a new function known": ("usage_events", USAGE, {"known_at": NOW}, "usage_distinct_events_28d"),
    "a rare function known": ("usage_events", USAGE, {"known_at": NOW}, "usage_distinct_events_28d", OTHERS),
    "a day known": ("usage_events", USAGE, {"known_at": NOW}, "usage_active_days_28d", AROUND),
    "another day on the line": ("usage_events", USAGE, {"known_at": NOW}, "usage_slope_28d", AROUND[:1]),
    "a bend known": ("usage_events", USAGE, {"known_at": NOW}, "usage_acceleration_28d", [visit("2024-04-20")]),
    "a week known": ("usage_events", USAGE, {"known_at": NOW}, "usage_own_past_11w"),
    "a week of the level known": ("usage_events", USAGE, {"known_at": NOW}, "usage_level_14d", AROUND),
    "a person of a week known": ("usage_events", USAGE, {"known_at": NOW}, "usage_users_level_14d", AROUND),
    "a core function of a week known": ("usage_events", USAGE, {"known_at": NOW}, "usage_core_level_14d", AROUND),
    "a level moved": ("usage_events", USAGE, {"known_at": NOW}, "usage_level_change_14d_42d", [visit("2024-03-20")]),
    "a streak closed": ("usage_events", USAGE, {"known_at": NOW}, "usage_longest_streak_90d", AROUND),
    "a streak up to now": (
        "usage_events", visit("2024-05-31"), {"known_at": NOW}, "usage_current_streak_90d", [visit("2024-05-30")],
    ),
    "a pause filled": ("usage_events", USAGE, {"known_at": NOW}, "usage_gap_mean_90d", AROUND),
    "a longest pause filled": ("usage_events", USAGE, {"known_at": NOW}, "usage_gap_longest_90d", AROUND),
    "a busier day": ("usage_events", USAGE, {"known_at": NOW}, "usage_daily_p50_90d", [USAGE]),
    "a busiest day": ("usage_events", USAGE, {"known_at": NOW}, "usage_daily_p90_90d", [USAGE, *AROUND]),
    "a weekend known": ("usage_events", visit("2024-05-19"), {"known_at": NOW}, "usage_weekend_share_90d", AROUND),
    "an office hour known": (
        "usage_events", visit("2024-05-20 10:00"), {"known_at": NOW}, "usage_office_share_90d", AROUND,
    ),
    "a mix known": ("usage_events", USAGE, {"known_at": NOW}, "usage_entropy_28d", AROUND),
    "a key user back": (
        "usage_events", visit("2024-05-30", "v"), {"known_at": NOW}, "usage_key_users_quiet_28d_90d",
        [visit("2024-04-01", "v"), visit("2024-04-02", "v")],
    ),
    "a key user known": (
        "usage_events", visit("2024-04-01"), {"known_at": NOW}, "usage_key_users_quiet_28d_90d",
        [visit("2024-04-01", "v"), visit("2024-05-30", "v")],
    ),
    "a ticket opened": ("support_tickets", TICKET, {"opened_at": NOW}, "tickets_opened_7d"),
    "a tone heard": ("support_tickets", TICKET | {"subject": "Great"}, {"opened_at": NOW}, "tickets_tone_180d"),
    "an annoyance heard": ("support_tickets", TICKET | {"subject": "Awful"}, {"opened_at": NOW}, "tickets_annoyed_180d"),
    "a ticket resolved": ("support_tickets", TICKET, {"resolved_at": NOW}, "tickets_open"),
    "a resolution timed": ("support_tickets", TICKET, {"resolved_at": NOW}, "tickets_resolution_hours_180d"),
    "a ticket answered": ("support_tickets", TICKET, {"first_response_at": NOW}, "tickets_first_response_hours_180d"),
    "a ticket reopened": ("support_tickets", TICKET, {"reopened_at": NOW}, "tickets_reopened_180d"),
    "a ticket escalated": ("support_tickets", TICKET, {"escalated_at": NOW}, "tickets_escalated_180d"),
    "a csat given": ("support_tickets", TICKET | {"csat": 2}, {"csat_at": NOW}, "tickets_csat_180d"),
    "a csat resolved": ("support_tickets", TICKET | {"csat": 2}, {"resolved_at": NOW}, "tickets_csat_180d"),
    "a contract known": ("subscriptions", PERIOD, {"known_at": NOW}, "subscription_mrr"),
    "an end between known": (
        "subscriptions", PERIOD | {"starts_at": pd.Timestamp("2023-05-20"), "ends_at": pd.Timestamp("2024-01-01")},
        {"cancelled_at": NOW}, "subscription_days_since_return", [PERIOD | {"subscription_id": "s2"}],
    ),
    "an end happened": ("subscriptions", PERIOD, {"ends_at": NOW}, "subscription_mrr"),
    "a version known": ("subscriptions", PERIOD | {"mrr": 250.0}, {"known_at": NOW}, "subscription_mrr", [PERIOD]),
    "terms known that end others": (
        "subscriptions", PERIOD | {"starts_at": pd.Timestamp("2024-05-20"), "mrr": 0.0},
        {"known_at": NOW}, "subscription_mrr", [PERIOD],
    ),
    "a change of terms known": (
        "subscriptions", PERIOD | {"starts_at": pd.Timestamp("2024-05-25"), "plan": "scale"},
        {"known_at": NOW}, "subscription_days_since_change", [PERIOD],
    ),
    "a notice known": (
        "subscriptions", PERIOD | {"ends_at": pd.Timestamp("2024-05-25")}, {"cancelled_at": NOW}, "subscription_mrr",
    ),
}  # fmt: skip


def same(one, other):
    return one == other or (pd.isna(one) and pd.isna(other))


@pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
def test_a_fact_known_a_day_earlier_changes_the_feature(control):
    source, row, when, feature, *beside = control
    (column,) = when
    base = {name: [] for name in frames(([], [], [], []))} | {"accounts": frames(([], [], [], []))["accounts"]}
    known = beside[0] if beside else []
    never = base | {source: [*known, row | {column: pd.Timestamp("2024-09-01")}]}
    at_cutoff = base | {source: [*known, row | when]}
    earlier = base | {source: [*known, row | {column: A_DAY_EARLIER}]}
    facts = quick_facts(together(never, renamed(at_cutoff, "t"), renamed(earlier, "x")))
    found = features_at(facts, AS_OF, families=FAMILIES_OF[feature], event_names=("a",), core_events=("a",))
    found = found.set_index("account_id")[feature]
    assert same(found["o0"], found["t0"]), "known at the cutoff is not known before it"
    assert not same(found["x0"], found["t0"]), "the day before, it is"


WISH = Wish((7, 28, 90), ("a",), ("segment",), ("a",), (14, 42))
FAMILIES_OF = {f.name: (family.name,) for family in FAMILIES.values() for f in family.features(WISH)}
# made of others, which are asked for beside it
FAMILIES_OF["usage_level_change_14d_42d"] = ("usage.level_change", "usage.level")


def test_every_family_of_usage_that_looks_at_rows_has_a_control():
    # what is made of other features, or placed by them, sees what they see
    looking = {
        f.family
        for family in FAMILIES.values()
        for f in family.features(WISH)
        if family.source == "usage_events" and f.grain not in {Grain.MADE, Grain.PLACED}
    }
    assert {FAMILIES_OF[control[3]][0] for control in CONTROLS.values()} >= looking


POPULATION_CONTROLS = {
    "a notice known": ("contract", "subscriptions", PERIOD | {"ends_at": pd.Timestamp("2024-06-20")}, "cancelled_at", False),
    "a notice without an end known": ("contract", "subscriptions", PERIOD, "cancelled_at", False),
    "a contract known": ("contract", "subscriptions", PERIOD, "known_at", True),
    "an end happened": ("contract", "subscriptions", PERIOD, "ends_at", False),
    "a visit known": ("lapse", "usage_events", USAGE, "known_at", True),
    "a leaving known": (
        "event", "churn_events", {"account_id": "o0", "churned_at": pd.Timestamp("2024-05-25")}, "known_at", False,
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "source", "row", "column", "appears"), POPULATION_CONTROLS.values(), ids=POPULATION_CONTROLS
)
def test_a_fact_known_a_day_earlier_changes_the_population(kind, source, row, column, appears):
    base = {name: [] for name in frames(([], [], [], []))} | {"accounts": frames(([], [], [], []))["accounts"]}
    if kind == "event":
        base["subscriptions"] = [PERIOD]
    at_cutoff, earlier = (base | {source: [row | {column: when}]} for when in (NOW, A_DAY_EARLIER))
    facts = quick_facts(together(at_cutoff, renamed(earlier, "x")))
    eligible = set(population(LABELS[kind], facts, [AS_OF])["account_id"])
    assert ("x0" in eligible) is appears
    assert ("o0" in eligible) is not appears


# ---------------------------------------------------------------- labels look at their window and nowhere else


def outside(kind, tables, rng):
    """The same company with everything its label may not look at changed."""
    reach = LABELS[kind].reach
    window = reach.window(AS_OF)
    start, end, settled = (pd.Timestamp(d) for d in (window.start, window.end, reach.settled_on(AS_OF)))
    beyond = settled if kind == "contract" else end
    later = lambda: beyond + pd.Timedelta(hours=int(rng.choice([0, int(rng.integers(0, 2000))])))  # noqa: E731
    before = lambda: NOW - pd.Timedelta(hours=int(rng.integers(1, 2000)))  # noqa: E731
    changed = dict(tables)
    if kind == "lapse":
        kept = [row for row in tables["usage_events"] if start <= row["occurred_at"] < end]
        added = [
            USAGE | {"account_id": f"o{n}", "occurred_at": w} for n in range(ACCOUNTS) for w in (before(), later())
        ]
        just_before = [
            USAGE | {"account_id": f"o{n}", "occurred_at": start - pd.Timedelta(hours=1)} for n in range(ACCOUNTS)
        ]
        changed["usage_events"] = kept + added + just_before
    if kind == "event":
        kept = [
            row
            for row in tables["churn_events"]
            if NOW <= row["churned_at"] < end or (row["churned_at"] < NOW <= row["known_at"])
        ]
        changed["churn_events"] = kept + [{"account_id": f"o{n}", "churned_at": later()} for n in range(ACCOUNTS)]
    if kind in ("contract", "upsell"):
        changed["subscriptions"] = []
        for row in tables["subscriptions"]:
            if row["starts_at"] >= beyond:
                continue
            new = dict(row)
            if row["ends_at"] is None or row["ends_at"] >= beyond:
                new["ends_at"] = later() if rng.random() < 0.7 else None
            if kind == "contract" and row["mrr"] > 0:
                new["mrr"] = float(rng.integers(1, 900))
            changed["subscriptions"].append(new)
        changed["subscriptions"] += [
            PERIOD
            | {"account_id": f"o{n}", "subscription_id": f"ol{n}", "starts_at": later(), "mrr": 9999.0, "seats": 999}
            for n in range(ACCOUNTS)
        ]
        if kind == "upsell":  # and what was over before the window's end
            changed["subscriptions"] += [
                PERIOD | {"account_id": f"o{n}", "subscription_id": f"oe{n}", "starts_at": before(),
                          "ends_at": end - pd.Timedelta(days=1), "mrr": 9999.0, "seats": 999, "plan": "scale"}
                for n in range(ACCOUNTS)
            ]  # fmt: skip
    return changed


@pytest.mark.parametrize("kind", LABELS)
def test_a_label_looks_neither_before_its_window_nor_past_the_day_it_is_settled(kind):
    seen = set()

    @bounded
    @given(companies, st.integers(0, 2**31))
    def check(company, seed):
        was = frames(company)
        # somebody to speak of, whatever was drawn
        was["subscriptions"] += [
            PERIOD | {"account_id": f"o{n}", "subscription_id": f"oa{n}", "ends_at": end}
            for n, end in enumerate([None, pd.Timestamp("2024-06-20"), NOW + pd.Timedelta(days=200)])
        ]
        was["usage_events"] += [USAGE | {"account_id": f"o{n}"} for n in range(ACCOUNTS)]
        was["churn_events"] += [{"account_id": "o0", "churned_at": pd.Timestamp("2024-06-20")}]
        original = quick_facts(together(was))
        changed = quick_facts(together(outside(kind, was, np.random.default_rng(seed))))
        spine = population(LABELS[kind], original, [AS_OF])
        before = attach_label(LABELS[kind], original, spine)
        seen.update(before["label"].dropna().unique())
        pd.testing.assert_frame_equal(attach_label(LABELS[kind], changed, spine), before, check_exact=True)

    check()
    assert seen == {0.0, 1.0}, "the examples must show both outcomes, else they prove nothing"


ENDS = pd.Timestamp("2024-06-20")
LABEL_CONTROLS = {
    "contract": ("subscriptions", [PERIOD], [PERIOD | {"ends_at": ENDS}]),
    "lapse": ("usage_events", [USAGE], [USAGE, USAGE | {"occurred_at": ENDS}]),
    "event": ("churn_events", [], [{"account_id": "o0", "churned_at": ENDS}]),
    "upsell": ("subscriptions", [PERIOD], [PERIOD, PERIOD | {"subscription_id": "more", "starts_at": ENDS}]),
}


@pytest.mark.parametrize("kind", LABEL_CONTROLS)
def test_a_fact_inside_the_window_changes_the_label(kind):
    source, without, with_it = LABEL_CONTROLS[kind]
    base = frames(([], [], [], [])) | {"subscriptions": [PERIOD], "usage_events": [USAGE]}
    labels = []
    for rows in (without, with_it):
        facts = quick_facts(together(base | {source: rows}))
        labels.append(
            attach_label(LABELS[kind], facts, population(LABELS[kind], facts, [AS_OF])).set_index("account_id")["label"]
        )
    assert {labels[0]["o0"], labels[1]["o0"]} == {0.0, 1.0}


def test_the_grace_period_is_seen_to_its_last_hour_and_no_further():
    for hours, churned in ((-1, 0.0), (0, 1.0)):
        back = ENDS + pd.Timedelta(days=14) + pd.Timedelta(hours=hours)
        rows = [PERIOD | {"ends_at": ENDS}, PERIOD | {"subscription_id": "back", "starts_at": back}]
        facts = quick_facts(together(frames(([], [], [], [])) | {"subscriptions": rows}))
        label = attach_label(LABELS["contract"], facts, population(LABELS["contract"], facts, [AS_OF]))
        assert label.set_index("account_id").loc["o0", "label"] == churned


# ---------------------------------------------------------------- the quick door is the product's door


def test_the_quick_door_of_the_tests_gives_what_the_products_own_door_gives(tmp_path):
    tables = {
        "accounts": "account_id | created_at\na | 2022-01-01\nb | 2022-03-01",
        "usage_events": """
            account_id | occurred_at      | event | user_id | quantity | known_at
            a          | 2024-05-30 10:00 | x     | u       | 0.1      |
            a          | 2024-05-30 11:00 | x     |         |          | 2024-06-03
            b          | 2024-05-10 11:00 | y     | v       | 2.25     | 2024-05-20
        """,
        "support_tickets": """
            account_id | ticket_id | opened_at        | first_response_at | resolved_at | reopened_at | csat | csat_at | priority | escalated_at | subject | body
            a          | t1        | 2024-05-01 09:00 | 2024-05-02 10:30  | 2024-05-03 08:00 |             | 4    |         | high     |              | Export  | It is awful
            a          | t2        | 2024-05-01 11:00 | 2024-06-02 12:00  | 2024-06-03 07:00 | 2024-06-04 | 4    |         | low      | 2024-05-05   | Thanks  |
        """,
        "subscriptions": """
            account_id | subscription_id | starts_at  | ends_at    | mrr   | plan | seats | billing_period | renews_at  | cancelled_at | known_at
            a          | s1              | 2023-01-01 | 2024-01-01 | 10.10 | team | 3     | annual         | 2024-01-01 |              |
            a          | s1              | 2024-01-01 |            | 20    | team | 4     | annual         | 2025-01-01 |              |
            b          | s2              | 2024-01-01 | 2024-08-01 | 20    |      |       |                |            | 2024-05-01   | 2024-01-05
        """,
        "churn_events": "account_id | churned_at | known_at\nb | 2024-08-01 | 2024-05-01",
    }  # fmt: skip
    slow = facts_for(tmp_path, tables)
    quick = quick_facts({name: table(text).replace("", None) for name, text in tables.items()}, TODAY)
    pd.testing.assert_frame_equal(
        features_at(slow, AS_OF, event_names=("x",)), features_at(quick, AS_OF, event_names=("x",)), check_exact=True
    )
    for label in LABELS.values():
        pd.testing.assert_frame_equal(
            population(label, slow, [AS_OF]), population(label, quick, [AS_OF]), check_exact=True
        )
