"""With arrival mapped, deleting and changing later arrivals of tickets leaves every ticket feature the same to the bit.

Each example is a random help desk three times in the same data: as it was (``o…``), with everything that arrived at or
after the cutoff deleted or changed (``t…``), and with further late tickets and late versions (``x…``).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from churnml.features import FAMILIES, Wish
from tests.property.test_time_travel import ACCOUNTS, AS_OF, NOW, account, after, at, bounded, delay, moment, of, same
from tests.support import features_at, quick_facts

FACTS = ("first_response_at", "resolved_at", "reopened_at", "escalated_at")
versions = st.lists(
    st.tuples(
        st.one_of(st.sampled_from([0, 1, 24]), st.integers(0, 24 * 90)),
        delay, delay, delay, delay, st.one_of(st.none(), st.integers(1, 5)), delay, st.booleans(), account,
    ),
    min_size=1, max_size=4,
)  # fmt: skip
desks = st.lists(st.tuples(account, moment, versions), min_size=4, max_size=14)


def rows_of(desk):
    """A drawn help desk as versions of tickets, one a moment."""
    rows = {}
    for n, (whose, opened, drawn) in enumerate(desk):
        for late, answered, resolved, reopened, escalated, csat, rated, serious, moved in drawn:
            times = (after(at(opened), hours) for hours in (answered, resolved, reopened, escalated))
            rows[n, late] = {
                "account_id": f"o{moved if late > 24 * 60 else whose}", "ticket_id": f"o{n}", "opened_at": at(opened),
                "known_at": after(at(opened), late), **dict(zip(FACTS, times, strict=True)), "csat": csat,
                "csat_at": after(at(opened), rated), "priority": "high" if serious else "low",
                "subject": "Terrible, useless" if serious else "Thanks, great",
            }  # fmt: skip
    return list(rows.values())


def is_late(row):
    return row["known_at"] >= NOW


def otherwise(rows, rng):
    """The desk with later arrivals deleted or changed, and what was still to come of a known version come differently."""
    long_ago = lambda: NOW - pd.Timedelta(hours=int(rng.integers(1, 3000)))  # noqa: E731
    later = lambda: NOW + pd.Timedelta(hours=int(rng.integers(0, 2000)))  # noqa: E731
    changed = []
    for row in rows:
        new = dict(row)
        if is_late(row) and rng.random() < 0.5:
            continue
        for name in FACTS:
            if is_late(row):
                new[name] = long_ago()
            elif name == "resolved_at" and row["csat"] is not None and row["csat_at"] is None:
                continue  # the resolution is when a rating without a time of its own was given
            elif row[name] is None or row[name] >= NOW:
                new[name] = later() if rng.random() < 0.5 else None
        if is_late(row):
            new |= {"csat": 1, "csat_at": long_ago(), "priority": "urgent", "subject": "Awful"}
        changed.append(new)
    return changed


def more(rows, rng):
    """The desk with further versions of its tickets, and further tickets, that arrived at or after the cutoff."""
    added = list(rows)
    for n, row in enumerate(rows):
        version = row | dict.fromkeys(FACTS, NOW - pd.Timedelta(hours=1)) | {"csat": 1, "priority": "urgent"}
        # after all others of this desk, each at a moment of its own
        known = max(row["known_at"], NOW) + pd.Timedelta(days=200, hours=n)
        new = {"ticket_id": f"oz{n}", "known_at": NOW + pd.Timedelta(hours=int(rng.choice([0, 0, 1, 700])))}
        opened = {"opened_at": NOW - pd.Timedelta(hours=int(rng.integers(1, 2000)))}
        added += [version | {"known_at": known}, version | new | opened]
    return added


def named(rows, prefix):
    return [{k: prefix + v[1:] if k in ("account_id", "ticket_id") else v for k, v in row.items()} for row in rows]


def ticket_features(*desks):
    accounts = [
        {"account_id": f"{prefix}{n}", "created_at": pd.Timestamp("2022-01-01")}
        for prefix in "otx"
        for n in range(ACCOUNTS)
    ]
    # somebody nobody asks about, so that the table has a row and a text
    nobody = {"account_id": "zz", "ticket_id": "zz", "opened_at": NOW, "known_at": NOW, "subject": "Fine"}
    facts = quick_facts({"accounts": accounts, "support_tickets": [*(row for desk in desks for row in desk), nobody]})
    return features_at(facts, AS_OF, families=("tickets.*",))


@bounded
@given(desks, st.integers(0, 2**31))
def test_deleting_and_changing_later_arrivals_changes_no_ticket_feature(desk, seed):
    rng = np.random.default_rng(seed)
    was = rows_of(desk)
    features = ticket_features(was, named(otherwise(was, rng), "t"), named(more(was, rng), "x"))
    pd.testing.assert_frame_equal(of(features, "t"), of(features, "o"), check_exact=True)
    pd.testing.assert_frame_equal(of(features, "x"), of(features, "o"), check_exact=True)


# ---------------------------------------------------------------- positive controls

OPENED = pd.Timestamp("2024-05-20")
FIRST = {"account_id": "o0", "ticket_id": "o1", "opened_at": OPENED, "known_at": OPENED, "priority": "low"}
EARLIER = pd.Timestamp("2024-05-22")
CONTROLS = {
    "a ticket": ([], FIRST, "tickets_opened_28d"),
    "a ticket still open": ([], FIRST, "tickets_oldest_open_days"),
    "an answer": ([FIRST], {"first_response_at": EARLIER}, "tickets_first_response_hours_180d"),
    "a resolution": ([FIRST], {"resolved_at": EARLIER}, "tickets_open"),
    "how long it took": ([FIRST], {"resolved_at": EARLIER}, "tickets_resolution_hours_180d"),
    "a reopening": ([FIRST], {"reopened_at": EARLIER}, "tickets_reopened_180d"),
    "an escalation": ([FIRST], {"escalated_at": EARLIER}, "tickets_escalated_180d"),
    "a rating": ([FIRST], {"csat": 2, "csat_at": EARLIER}, "tickets_csat_180d"),
    "a rating corrected": ([FIRST | {"csat": 5, "csat_at": EARLIER}], {"csat": 2, "csat_at": EARLIER}, "tickets_csat_180d"),
    "a resolution taken back": ([FIRST | {"resolved_at": EARLIER}], {}, "tickets_open"),
    "a priority raised": ([FIRST], {"priority": "urgent"}, "tickets_serious_180d"),
    "another account": ([FIRST], {"account_id": "o1"}, "tickets_opened_28d"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "version", "feature"), CONTROLS.values(), ids=CONTROLS)
def test_a_version_that_arrived_a_day_earlier_changes_the_feature(before, version, feature):
    def desk(known):
        return [*before, FIRST | version | {"known_at": known}]

    at_cutoff, day_before = named(desk(NOW), "t"), named(desk(NOW - pd.Timedelta(days=1)), "x")
    found = ticket_features(list(before), at_cutoff, day_before).set_index("account_id")[feature]
    assert same(found["o0"], found["t0"]), "what arrived at the cutoff is not known before it"
    assert not same(found["x0"], found["t0"]), "what arrived the day before is"


WISH = Wish((7, 28, 90), (), ())


def test_every_family_of_tickets_that_looks_at_what_happens_to_one_has_a_control():
    families = {name for name, family in FAMILIES.items() if family.source == "support_tickets"}
    controlled = {
        family.name
        for family in FAMILIES.values()
        if {feature.name for feature in family.features(WISH)} & {control[2] for control in CONTROLS.values()}
    }
    # the tone is of the text it was opened with; the trend is made of how many were opened
    assert families - controlled == {"tickets.tone", "tickets.trend"}
