"""The same contract, however a billing system writes it: the same features, and told what was taken for what."""

from __future__ import annotations

import pandas as pd
import pytest

from churnml.adapters.warehouse import facts_of, ingest
from churnml.labels import Label
from churnml.remarks import RemarkKind
from churnml.snapshots import attach_label, leaving_accounts, population
from churnml.terms import TERMS, term_of
from tests.support import TODAY, day, features_at, kept, make_project, set_aside

CHURN = Label(kind="contract", gap=7, horizon=60)
UPSELL = Label(kind="upsell", gap=7, horizon=60, mrr_up_by=0.1)


def a_company(root, subscriptions, accounts=None, **given):
    """What reading the rows comes to, and its facts."""
    names = dict.fromkeys(line.split("|")[0].strip() for line in subscriptions.strip().splitlines()[1:])
    accounts = accounts or "account_id | created_at\n" + "\n".join(f"{name} | 2022-01-01" for name in names)
    project = make_project(root, {"accounts": accounts, "subscriptions": subscriptions}, **given)
    ingested = ingest(project, TODAY)
    return ingested, facts_of(ingested, ())


def told(ingested):
    """The remarks as (kind, column, rows)."""
    return [(one.kind, one.column, one.rows) for one in ingested.remarks if one.table == "subscriptions"]


def of(ingested, kind):
    (one,) = [one for one in ingested.remarks if one.kind is kind]
    return one


# ---------------------------------------------------------------- one contract, in many ways

# 100 a month from the last of January 2023 on, 300 from 2024-03-05 on; notice on 2024-09-10 for the end of October
COLUMNS = (
    "account_id | subscription_id | starts_at | ends_at | mrr | plan | seats | billing_period | renews_at "
    "| cancelled_at | known_at | currency"
)
OLD = "100 | pro | 5 | monthly | 2023-02-28"
NEW = "300 | ent | 10 | monthly | 2024-03-31"
GONE = "2024-09-10"


def months_of(way, first, last, terms, inclusive):
    """The same terms as a row a month, the last of each month its first moment (or the day before its last date)."""
    starts = [at for at in pd.date_range("2023-01-31", "2024-10-31", freq="ME") if first <= str(at.date()) < last]
    starts = [pd.Timestamp(first), *starts] if str(starts[0].date()) != first else starts
    ends = [*starts[1:], pd.Timestamp(last)]
    for start, end in zip(starts, ends, strict=True):
        until = end - pd.Timedelta(days=1) if inclusive else end
        notice = GONE if str(end.date()) == "2024-10-31" else ""
        known = min(start, pd.Timestamp("2024-09-10")) if notice else start
        yield f"{way} | {way}-1 | {start.date()} | {until.date()} | {terms} | {notice} | {known.date()} | USD"


WAYS = {
    "half-open": [
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "last second": [
        f"2023-01-31 | 2024-03-04 23:59:59 | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | 2024-10-30 23:59:59 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "last millisecond": [
        f"2023-01-31 | 2024-03-04 23:59:59.999 | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | 2024-10-30 23:59:59.999 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "old row left open": [
        f"2023-01-31 | | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "old row to the term's end": [
        f"2023-01-31 | 2025-01-31 | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "a change that never held": [
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2023-01-31 | USD",
        "2024-03-05 | 2024-03-05 | 150 | plus | 8 | monthly | 2024-03-31 | | 2024-03-05 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
    "changes of one day": [
        f"2023-01-31 | 2024-03-05 09:15 | {OLD} | | 2023-01-31 | USD",
        "2024-03-05 09:15 | 2024-03-05 11:00 | 150 | plus | 8 | monthly | 2024-03-31 | | 2024-03-05 09:15 | USD",
        f"2024-03-05 11:00 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 11:00 | USD",
    ],
    "versions": [
        f"2023-01-31 | | {OLD} | | 2023-01-31 | USD",
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2024-03-05 | USD",
        f"2024-03-05 | | {NEW} | | 2024-03-05 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | {GONE} | USD",
    ],
    "versions that are the notice": [
        f"2023-01-31 | | {OLD} | | 2023-01-31 | USD",
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2024-03-05 | USD",
        f"2024-03-05 | | {NEW} | | 2024-03-05 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | | {GONE} | USD",
    ],
    "exported every quarter": [
        f"2023-01-31 | | {OLD} | | 2023-01-31 | USD",
        f"2023-01-31 | | {OLD} | | 2023-04-01 | USD",
        f"2023-01-31 | | {OLD} | | 2023-07-01 | USD",
        f"2024-03-05 | | {NEW} | | 2024-03-05 | USD",
        f"2024-03-05 | | {NEW} | | 2024-07-01 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | {GONE} | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-10-01 | USD",
    ],
    "notice first, the end once it is over": [
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2023-01-31 | USD",
        f"2024-03-05 | | {NEW} | | 2024-03-05 | USD",
        f"2024-03-05 | | {NEW} | {GONE} | {GONE} | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-10-30 | USD",
    ],
    "another system's words": [
        "2023-01-31 | 2024-03-05 | 100 | pro | 5 | P1M | 2023-02-28 | | 2023-01-31 | usd",
        "2024-03-05 | 2024-10-31 | 300 | ent | 10 | 1 Month | 2024-03-31 | 2024-09-10 | 2024-03-05 | US$",
    ],
    "another currency": [
        "2023-01-31 | 2024-03-05 | 50 | pro | 5 | monthly | 2023-02-28 | | 2023-01-31 | EUR",
        "2024-03-05 | 2024-10-31 | 150 | ent | 10 | monthly | 2024-03-31 | 2024-09-10 | 2024-03-05 | EUR",
    ],
    "with a credit note": [
        f"2023-01-31 | 2024-03-05 | {OLD} | | 2023-01-31 | USD",
        "2024-02-10 | 2024-02-20 | -40 | pro | 5 | monthly | 2023-02-28 | | 2024-02-10 | USD",
        f"2024-03-05 | 2024-10-31 | {NEW} | {GONE} | 2024-03-05 | USD",
    ],
}


def a_row_a_month(way, inclusive):
    terms = {"old": OLD, "new": NEW}
    return [
        *months_of(way, "2023-01-31", "2024-03-05", terms["old"], inclusive),
        *months_of(way, "2024-03-05", "2024-10-31", terms["new"], inclusive),
    ]


@pytest.fixture(scope="module")
def companies(tmp_path_factory):
    """Every way in a project of its own, and all of them together as the accounts of one."""
    rows = {way: [f"{way} | {way}-1 | {row}" for row in written] for way, written in WAYS.items()}
    rows["a row a month"] = a_row_a_month("a row a month", inclusive=False)
    rows["a row a month to its last date"] = a_row_a_month("a row a month to its last date", inclusive=True)
    together = "\n".join([COLUMNS, *(row for written in rows.values() for row in written)])
    rates = {"currency": "USD", "exchange_rates": {"EUR": 2.0}}
    return rows, a_company(tmp_path_factory.mktemp("ways"), together, **rates)


CUTOFFS = ("2024-02-01", "2024-02-29", "2024-03-05", "2024-03-06", "2024-06-01", "2024-09-10", "2024-09-11", "2024-10-31",
           "2024-11-01")  # fmt: skip


def test_the_same_contract_gives_the_same_features_in_whatever_way_it_is_written(companies):
    rows, (_, facts) = companies
    found = features_at(facts, *map(day, CUTOFFS), families=("subscriptions.*",), lookbacks=(28,))
    assert set(found["account_id"]) == set(rows)
    plain = found[found["account_id"] == "half-open"].set_index("as_of").drop(columns="account_id")
    for way in rows:
        other = found[found["account_id"] == way].set_index("as_of").drop(columns="account_id")
        pd.testing.assert_frame_equal(other, plain, check_exact=True, obj=way)
    # and they say what the contract says
    assert list(plain["subscription_mrr"]) == [100, 100, 100, 300, 300, 300, 300, 0, 0]
    assert list(plain["subscription_days_to_renewal"].fillna(-1)) == [28, 0, 26, 25, 29, 20, 19, -1, -1]
    assert list(plain["subscription_days_since_change"]) == [366, 394, 399, 1, 88, 189, 190, 240, 241]
    assert list(plain["subscription_expansions_365d"]) == [0, 0, 0, 1, 1, 1, 1, 1, 1]


def test_the_same_contract_is_in_the_same_populations_and_has_the_same_labels(companies):
    rows, (_, facts) = companies
    cutoffs = [day(cutoff) for cutoff in CUTOFFS[:-4]]
    for label in (CHURN, UPSELL):
        spine = population(label, facts, cutoffs)
        assert len(spine) == len(rows) * len(cutoffs)
        labelled = attach_label(label, facts, spine)
        values = labelled.groupby("as_of")["label"].agg(["nunique", "first"])
        assert set(values["nunique"]) == {1}
    # whoever has given notice is not asked about, and counted
    assert len(population(CHURN, facts, [day("2024-09-10")])) == len(rows)
    assert len(population(CHURN, facts, [day("2024-09-11")])) == 0
    assert set(leaving_accounts(facts, day("2024-09-11"))["account_id"]) == set(rows)


def test_an_account_alone_in_its_table_is_read_as_among_others(companies, tmp_path):
    rows, (_, facts) = companies
    plain = features_at(facts, day("2024-06-01"), families=("subscriptions.*",), lookbacks=(28,))
    plain = plain[plain["account_id"] == "half-open"].drop(columns="account_id").reset_index(drop=True)
    for way in ("last second", "a row a month to its last date", "old row left open"):
        _, alone = a_company(tmp_path / way, "\n".join([COLUMNS, *rows[way]]))
        found = features_at(alone, day("2024-06-01"), families=("subscriptions.*",), lookbacks=(28,))
        pd.testing.assert_frame_equal(found.drop(columns="account_id"), plain, check_exact=True, obj=way)


def test_whatever_was_taken_for_something_else_is_told_with_its_rows_and_samples(companies):
    _, (ingested, _) = companies
    counts = {kind: rows for kind, _, rows in told(ingested)}
    assert counts == {
        RemarkKind.CURRENCY_SPELLING: 2,
        RemarkKind.CONVERTED: 2,
        RemarkKind.TERM_SPELLING: 2,
        RemarkKind.LAST_SECOND: 4,
        RemarkKind.LAST_DAY: 22,
        RemarkKind.VERSIONS: 7,
        RemarkKind.OVERLAP: 3,
    }
    assert of(ingested, RemarkKind.CONVERTED).samples == ("EUR 50 = 100.00 USD",)
    assert of(ingested, RemarkKind.TERM_SPELLING).samples == ("1 Month as monthly", "P1M as monthly")
    assert of(ingested, RemarkKind.LAST_DAY).samples[0] == "2023-02-27 read as 2023-02-28"
    assert ingested.quarantined["subscriptions"] == {"credit_note": 1, "duplicate": 4, "no_length": 1, "replaced": 1}


# ---------------------------------------------------------------- versions and overlaps, as of any cutoff


def test_a_version_stands_from_when_it_was_known_and_not_before(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | ends_at    | mrr | known_at
        a          | s1              | 2024-01-01 |            | 100 | 2024-01-01
        a          | s1              | 2024-01-01 |            | 140 | 2024-03-10 08:00
        a          | s1              | 2024-01-01 | 2024-06-01 | 140 | 2024-05-20
    """
    _, facts = a_company(tmp_path, rows)
    dates = [day(f"2024-{date}") for date in ("03-10", "03-11", "05-20", "05-21", "06-01")]
    found = features_at(facts, *dates, families=("subscriptions.mrr",))
    assert list(found["subscription_mrr"]) == [100, 140, 140, 140, 0]
    # corrected is not grown
    grown = features_at(facts, day("2024-04-01"), families=("subscriptions.changes",))
    assert list(grown["subscription_expansions_365d"]) == [0]
    assert [len(population(CHURN, facts, [date])) for date in dates] == [1, 1, 1, 0, 0]


def test_old_terms_stand_until_those_that_follow_are_known(tmp_path):
    # the change of 03-05 arrived on 03-08: nobody stopped paying in between
    rows = """
        account_id | subscription_id | starts_at  | ends_at    | mrr | known_at
        closed     | s1              | 2024-01-01 | 2024-03-05 | 100 |
        closed     | s1              | 2024-03-05 |            | 200 | 2024-03-08
        open       | s2              | 2024-01-01 |            | 100 |
        open       | s2              | 2024-03-05 |            | 200 | 2024-03-08
        early      | s3              | 2024-01-01 |            | 100 |
        early      | s3              | 2024-03-05 |            | 200 | 2024-02-20
    """
    _, facts = a_company(tmp_path, rows)
    dates = [day(f"2024-{date}") for date in ("03-01", "03-05", "03-07", "03-08", "03-09")]
    found = features_at(facts, *dates, families=("subscriptions.mrr",)).pivot(
        index="account_id", columns="as_of", values="subscription_mrr"
    )
    assert found.to_numpy().tolist() == [
        [100, 100, 100, 100, 200],  # closed
        [100, 200, 200, 200, 200],  # early
        [100, 100, 100, 100, 200],  # open
    ]
    assert len(population(CHURN, facts, dates)) == 3 * len(dates)


def test_nothing_that_became_known_later_decides_an_earlier_cutoff(tmp_path):
    # deleting every row known from the cutoff on leaves its features the same; known a day earlier, they change
    header = "account_id | subscription_id | starts_at | ends_at | mrr | cancelled_at | known_at"
    before = ["a | s1 | 2024-01-01 | | 100 | | 2024-01-01", "b | s2 | 2024-01-01 | | 100 | | 2024-01-01",
              "c | s3 | 2024-01-01 | | 100 | | 2024-01-01"]  # fmt: skip
    news = ["a | s1 | 2024-01-01 | | 170 | | {}", "b | s2 | 2024-05-20 | | 250 | | {}",
            "c | s3 | 2024-01-01 | 2024-05-25 | 100 | | {}"]  # fmt: skip
    cutoff, found = day("2024-06-01"), {}
    for name, known in (("none", None), ("at", "2024-06-01"), ("before", "2024-05-31")):
        later = [row.format(known) for row in news] if known else []
        _, facts = a_company(tmp_path / name, "\n".join([header, *before, *later]))
        found[name] = features_at(facts, cutoff, families=("subscriptions.*",), lookbacks=(28,))
    pd.testing.assert_frame_equal(found["at"], found["none"], check_exact=True)
    assert list(found["at"]["subscription_mrr"]) == [100, 100, 100]
    assert list(found["before"]["subscription_mrr"]) == [170, 250, 0]


# ---------------------------------------------------------------- ends


def test_a_gap_of_a_day_among_ends_that_meet_stays_a_gap(tmp_path):
    rows = ["account_id | subscription_id | starts_at | ends_at | mrr"]
    for account in "abcde":
        rows += [f"{account} | {account} | 2024-0{month}-01 | 2024-0{month + 1}-01 | 100" for month in range(1, 9)]
    rows.append("a | a | 2024-09-02 | 2024-10-01 | 100")
    ingested, _ = a_company(tmp_path, "\n".join(rows))
    assert told(ingested) == []


def test_last_dates_of_contracts_that_go_on_under_another_name_are_seen_in_the_table(tmp_path):
    rows = ["account_id | subscription_id | starts_at | ends_at | mrr"]
    for account in "abc":
        rows += [f"{account} | {account}{year} | {year}-01-01 | {year}-12-31 | 100" for year in (2022, 2023)]
    rows.append("once | once1 | 2023-05-01 | 2024-04-30 | 100")
    ingested, facts = a_company(tmp_path, "\n".join(rows))
    assert told(ingested) == [(RemarkKind.LAST_DAY, "ends_at", 7)]
    found = features_at(facts, day("2024-05-01"), families=("subscriptions.mrr",)).set_index("account_id")
    assert found.loc["once", "subscription_mrr"] == 100.0  # until the day is over


def test_an_end_written_to_its_last_second_is_moved_once_among_last_dates(tmp_path):
    rows = ["account_id | subscription_id | starts_at | ends_at | mrr"]
    for account in "abc":
        rows += [f"{account} | {account}{year} | {year}-01-01 | {year}-12-31 | 100" for year in (2022, 2023)]
    rows.append("d | d1 | 2023-05-01 | 2024-04-30 23:59:59 | 100")
    ingested, _ = a_company(tmp_path, "\n".join(rows))
    ends = kept(ingested, "subscriptions").set_index("account_id").loc["d", "ends_at"]
    assert ends == pd.Timestamp("2024-05-01")
    assert told(ingested) == [(RemarkKind.LAST_SECOND, "ends_at", 1), (RemarkKind.LAST_DAY, "ends_at", 6)]


def test_an_end_is_the_last_second_before_the_hour_the_period_began_at(tmp_path):
    # midnight in New York, as a system in UTC writes it; and an end that just happens to be at 59 seconds
    rows = """
        account_id | subscription_id | starts_at        | ends_at             | mrr
        a          | s1              | 2024-01-01 05:00 | 2024-01-31 04:59:59 | 100
        a          | s1              | 2024-01-31 05:00 | 2024-03-01 04:59:59 | 100
        b          | s2              | 2024-01-01 10:20 | 2024-02-14 16:33:59 | 100
    """
    ingested, _ = a_company(tmp_path, rows)
    assert told(ingested) == [(RemarkKind.LAST_SECOND, "ends_at", 2)]


def test_notice_without_an_end_is_told_and_the_account_counted_among_the_leaving(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | ends_at | mrr | cancelled_at
        a          | s1              | 2023-02-01 |         | 100 | 2024-05-31
        b          | s2              | 2023-02-01 |         | 100 | 2024-06-01
        c          | s3              | 2023-02-01 |         | 100 |
    """
    ingested, facts = a_company(tmp_path, rows)
    cutoff = day("2024-06-01")
    assert list(population(CHURN, facts, [cutoff])["account_id"]) == ["b", "c"]
    assert list(leaving_accounts(facts, cutoff)["account_id"]) == ["a"]
    assert told(ingested) == [(RemarkKind.NOTICE_WITHOUT_END, "cancelled_at", 2)]
    # it pays until an end is written
    assert list(features_at(facts, cutoff, families=("subscriptions.mrr",))["subscription_mrr"]) == [100, 100, 100]


def test_of_rows_for_one_start_the_one_that_holds_longest_stands_then_the_last_of_the_file(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | ends_at    | mrr
        a          | s1              | 2024-03-05 |            | 300
        a          | s1              | 2024-03-05 | 2024-03-20 | 150
        b          | s2              | 2024-01-01 | 2024-03-05 | 100
        b          | s2              | 2024-03-05 |            | 150
        b          | s2              | 2024-03-05 |            | 300
    """
    _, facts = a_company(tmp_path / "down", rows)
    assert list(features_at(facts, day("2024-06-01"))["subscription_mrr"]) == [300, 300]
    header, *lines = rows.strip().splitlines()
    backwards, facts = a_company(tmp_path / "up", "\n".join([header, *reversed(lines)]))
    assert list(features_at(facts, day("2024-06-01"))["subscription_mrr"]) == [300, 300]
    assert {reason for _, reason, _ in set_aside(backwards)} == {"replaced"}


# ---------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("written", "name"),
    [
        *(
            (text, "monthly")
            for text in ("month", "Monthly", "P1M", "1 month", "every month", "per-month", "mo", "30.4")
        ),
        *(
            (text, "annual")
            for text in ("year", "yearly", "annually", "P1Y", "P12M", "12 months", "1-year", "jährlich")
        ),
        *((text, "quarterly") for text in ("quarter", "P3M", "3 months", "every 3 months", "Trimestriel")),
        *((text, "semiannual") for text in ("half-yearly", "bi-annual", "P6M", "6mo")),
        *((text, "biennial") for text in ("2 years", "P2Y", "24 months")),
        *((text, "weekly") for text in ("week", "P1W", "P7D", "7 days")),
        *((text, None) for text in ("every Tuesday", "12", "P", "0 months", "custom", "13 months")),
    ],
)
def test_a_term_is_read_however_it_is_spelled(written, name):
    name = None if written == "30.4" else name
    assert getattr(term_of(written), "name", None) == name


def test_every_term_is_read_from_its_own_name():
    assert [term_of(term.name) for term in TERMS] == list(TERMS)


def test_a_billing_period_that_is_no_term_is_told_and_stays_as_it_is(tmp_path):
    rows = """
        account_id | subscription_id | starts_at  | mrr | billing_period | renews_at
        a          | s1              | 2024-01-01 | 100 | usage-based    | 2024-02-01
        b          | s2              | 2024-01-01 | 100 | usage-based    | 2024-02-01
        c          | s3              | 2024-01-01 | 100 | annual         | 2024-01-31
    """
    ingested, facts = a_company(tmp_path, rows)
    assert told(ingested) == [(RemarkKind.UNKNOWN_TERM, "billing_period", 2)]
    assert of(ingested, RemarkKind.UNKNOWN_TERM).samples == ("usage-based",)
    found = features_at(facts, day("2024-06-01"), families=("subscriptions.plan", "subscriptions.renewal"))
    assert list(found["subscription_billing_period"]) == ["usage-based", "usage-based", "annual"]
    assert found["subscription_days_to_renewal"].fillna(-1).tolist() == [-1, -1, 244]


@pytest.mark.parametrize(
    ("began", "agreed", "term", "as_of", "renews"),
    [
        ("2023-10-31", "2023-11-30", "monthly", "2024-02-01", "2024-02-29"),
        ("2023-10-31", "2023-11-30", "monthly", "2024-03-01", "2024-03-31"),
        ("2023-10-30", "2023-11-30", "monthly", "2024-03-31", "2024-04-30"),
        ("2023-10-15", "2023-11-30", "monthly", "2024-03-01", "2024-03-30"),
        ("2022-02-28", "2023-02-28", "annual", "2024-02-29", "2025-02-28"),
        ("2020-02-29", "2021-02-28", "annual", "2023-03-01", "2024-02-29"),
        ("2023-01-31", "2023-04-30", "quarterly", "2024-04-30", "2024-04-30"),
        ("2023-01-01", "2023-01-15", "every 2 weeks", "2024-01-01", "2024-01-14"),
        ("2023-01-01", "2023-12-31", "semiannual", "2024-07-01", "2024-12-31"),
    ],
)
def test_a_renewal_rolls_on_by_calendar_months_from_the_contracts_own_day(began, agreed, term, as_of, renews, tmp_path):
    rows = "account_id | subscription_id | starts_at | mrr | billing_period | renews_at\n"
    _, facts = a_company(
        tmp_path,
        rows + f"a | s | {began} | 100 | {term} | {agreed}",
        accounts="account_id | created_at\na | 2020-01-01",
    )
    found = features_at(facts, day(as_of), families=("subscriptions.renewal",))
    assert found.loc[0, "subscription_days_to_renewal"] == (day(renews) - day(as_of)).days
