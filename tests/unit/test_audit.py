"""The audit passes an honest project, names every feature and label that looks ahead, and can tell when it cannot."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import ibis
import numpy as np
import pandas as pd
import pytest

from churnml import snapshots
from churnml.arrivals import ArrivalColumn
from churnml.audit import Audit, Severity, audit_features, audit_label, data_signs, outcome_signs, proofs
from churnml.errors import AuditError
from churnml.features import Feature, Grain, Polarity, Unit, Wish, choose
from churnml.features.declare import CalendarWish, HolidayRegions
from churnml.labels import Label
from churnml.remarks import RemarkKind, remark
from churnml.snapshots import known
from churnml.stretches import KEY
from churnml.timeline import plus_days
from tests.support import quick_facts

AS_OF = dt.date(2024, 6, 1)
NOW = pd.Timestamp(AS_OF)
CHURN = Label(kind="contract", gap=7, horizon=60, grace=14)
LABELS = {
    "churn": CHURN,
    "lapse": Label(kind="lapse", gap=7, horizon=30, settle=7),
    "left": Label(kind="event", gap=7, horizon=30),
    "upsell": Label(kind="upsell", gap=7, horizon=60, mrr_up_by=0.1, seats_up_by=0.1, plans=("team", "scale")),
    "less": Label(kind="contraction", gap=7, horizon=60, mrr_down_by=0.1, leaving_counts=False),
    "fewer": Label(kind="contraction", gap=7, horizon=30, users_down_by=0.5),
}
# the whole catalogue is audited in tests/flows
CANARIES = {
    "usage_whenever_known", "usage_after_the_cutoff", "tickets_whenever_known", "last_versions", "final_resolutions",
    "final_ends",
}  # fmt: skip
FEW = ("usage.events", "usage.active_users", "tickets.backlog", "subscriptions.mrr")


def company(accounts=24):
    """Accounts that use the product, ask for help, pay, and sometimes leave; some facts are known late."""
    rng = np.random.default_rng(3)
    days = lambda n: pd.Timedelta(days=int(n))  # noqa: E731
    tables = {name: [] for name in ("accounts", "usage_events", "support_tickets", "subscriptions", "churn_events")}
    for n in range(accounts):
        who = {"account_id": f"a{n:02}"}
        tables["accounts"].append(who | {"created_at": pd.Timestamp("2022-01-01"), "segment": "smb", "industry": "x"})
        for at in rng.integers(-150, 120, 25):
            when = NOW + days(at) + pd.Timedelta(hours=9)
            known = when + days(rng.integers(0, 30) if rng.random() < 0.2 else 0)
            tables["usage_events"].append(
                who | {"occurred_at": when, "known_at": known, "event": rng.choice(["view", "edit"]),
                       "user_id": f"u{rng.integers(3)}", "quantity": 1.5}
            )  # fmt: skip
        opened = NOW - days(rng.integers(1, 60))
        tables["support_tickets"].append(
            who | {"ticket_id": f"t{n}", "opened_at": opened, "first_response_at": opened + days(1),
                   "resolved_at": opened + days(rng.integers(2, 60)), "priority": "high", "csat": 4}
        )  # fmt: skip
        left = NOW + days(rng.integers(5, 200)) if n % 3 == 0 else None
        tables["subscriptions"].append(
            who | {"subscription_id": f"s{n}", "starts_at": NOW - days(300), "mrr": 100.0, "seats": 5, "plan": "team",
                   "billing_period": "annual", "renews_at": NOW + days(65), "ends_at": left,
                   "cancelled_at": left - days(20) if left is not None and n % 2 else None}
        )  # fmt: skip
        if left is not None:
            tables["churn_events"].append(who | {"churned_at": left, "known_at": left + days(10)})
    return tables


@pytest.fixture(scope="module")
def facts():
    return quick_facts(company(), static=("segment",))


def chosen(facts, families, events=()):
    calendar = CalendarWish((7, 98), HolidayRegions("JP"))
    return choose(tuple(families), (), Wish((7, 28), tuple(events), facts.static, calendar=calendar), facts)


def own(name, rows, **said):
    """A feature with rows of its own: the sum of their ``n``."""
    about = {"means": name, "polarity": Polarity.NEITHER, "unit": Unit.COUNT, "when_low": "", "when_high": ""}
    return Feature(name, "ours.own", grain=Grain.OWN, measure=_total, absent=0.0, rows=rows, **(about | said))


def _total(rows):
    return rows["n"].sum()


def leaks(proof):
    return {f.name: f.sentence for f in proof.findings if f.severity is Severity.LEAK}


def audited(facts, features, labels=None, cutoffs=(AS_OF,)):
    return audit_features(facts, features, labels or {"churn": CHURN}, cutoffs)


# ---------------------------------------------------------------- an honest project


def test_an_honest_project_passes_and_its_controls_and_canaries_show_that_it_could_have_failed(facts):
    proof = audited(facts, chosen(facts, (*FEW, "tickets.csat", "calendar.season", "calendar.working_days")))
    assert proof.findings == ()
    assert all(proof.canaries.values())
    assert set(proof.canaries) == CANARIES
    assert set(proof.moved) == {"usage_events", "support_tickets", "subscriptions"}
    assert {"usage_events_28d", "tickets_open", "tickets_csat_180d", "subscription_mrr"} <= {
        name for names in proof.moved.values() for name in names
    }
    assert set(proof.unmoved) <= {"tickets_tone_180d", "tickets_annoyed_180d"}
    assert {"calendar_window_month", "calendar_working_days_28d"} <= set(proof.static)
    (tried,) = proof.tried
    assert tried.rows == 24
    assert min(tried.removed["usage_events"], tried.removed["support_tickets"], tried.added["usage_events"]) > 0


def test_who_is_eligible_is_the_same_for_labels_of_every_kind(facts):
    labels = {kind: LABELS[kind] for kind in ("lapse", "left")}
    assert audited(facts, [own("by_known_day", by_known_day)], labels).findings == ()


def test_a_quantity_as_large_as_can_be_kept_does_not_stop_the_audit():
    tables = {name: rows for name, rows in company(8).items() if name in ("accounts", "usage_events")}
    tables["usage_events"][0] |= {"quantity": 8e12, "occurred_at": NOW, "known_at": NOW}
    tables["usage_events"] += [tables["usage_events"][0]] * 3
    huge = quick_facts(tables)
    assert audited(huge, chosen(huge, ("usage.quantity",)), {"lapse": LABELS["lapse"]}).findings == ()


def test_a_project_with_usage_alone_is_audited_by_what_it_has():
    tables = {name: rows for name, rows in company(8).items() if name in ("accounts", "usage_events")}
    only_usage = quick_facts(tables)
    proof = audited(only_usage, chosen(only_usage, ("usage.events",)), {"lapse": LABELS["lapse"]})
    assert proof.findings == ()
    assert set(proof.canaries) == {"usage_whenever_known", "usage_after_the_cutoff"}


# ---------------------------------------------------------------- features that look ahead


def by_day_alone(facts, cutoffs):
    days = facts.usage_days
    rows = days.join(cutoffs, [days["day"] < cutoffs["as_of_day"], days["day"] >= cutoffs["as_of_day"] - 28])
    return rows.select(*KEY, n="events")


def by_known_day(facts, cutoffs):
    days = facts.usage_days
    rows = days.join(cutoffs, [days["known_day"] < cutoffs["as_of_day"], days["day"] >= cutoffs["as_of_day"] - 28])
    return rows.select(*KEY, n="events")


def resolved_unmasked(facts, cutoffs):
    tickets = facts.support_tickets
    rows = tickets.join(cutoffs, [tickets["opened_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=rows["resolved_at"].notnull().cast("int64"))


def ends_unmasked(facts, cutoffs):
    periods = facts.subscriptions
    rows = periods.join(cutoffs, [periods["known_at"] < cutoffs["as_of"]])
    return rows.select(*KEY, n=rows["ends_at"].notnull().cast("int64"))


def todays_industry(facts, cutoffs):
    rows = facts.accounts.cross_join(cutoffs)
    return rows.select(*KEY, n=(rows["industry"] == "x").cast("int64"))


def days_to_the_end_of_the_data(facts, cutoffs):
    rows = facts.accounts.cross_join(cutoffs)
    last = (facts.data_through - dt.date(1970, 1, 1)).days
    return rows.select(*KEY, n=(ibis.literal(last) - rows["as_of_day"]).cast("int64"))


def nothing_at_all(facts, cutoffs):
    return by_known_day(facts, cutoffs).mutate(n=ibis.literal(0))


GUILTY = {
    "by_day_alone": (by_day_alone, "usage_events"),
    "resolved_unmasked": (resolved_unmasked, "support_tickets"),
    "ends_unmasked": (ends_unmasked, "subscriptions"),
    "todays_industry": (todays_industry, "accounts"),
    "days_to_the_end": (days_to_the_end_of_the_data, "the day on which the data end"),
}


@pytest.fixture(scope="module")
def guilty(facts):
    features = [own(name, rows) for name, (rows, _) in GUILTY.items()]
    return audited(facts, [*features, own("by_known_day", by_known_day)])


def test_features_of_the_projects_own_that_look_ahead_are_named_with_the_table_that_tells_them(guilty):
    found = leaks(guilty)
    assert set(found) == set(GUILTY), "and the honest one is not among them"
    for name, (_, source) in GUILTY.items():
        assert f"It is told by {source}." in found[name]
    assert "'by_day_alone' of account a" in found["by_day_alone"]
    assert " is " in found["by_day_alone"]
    assert " but would be " in found["by_day_alone"]


def test_the_message_names_what_leaks_and_the_data_say_so(guilty):
    audit = as_audit(guilty)
    with pytest.raises(AuditError) as raised:
        audit.require()
    named = ", ".join(f"'{name}'" for name in leaks(guilty))
    assert raised.value.what == f"The audit failed: {named} look past the cutoff."
    said = audit.as_data()
    assert said["passed"] is False
    assert [f["severity"] for f in said["findings"]] == ["leak"] * len(GUILTY)


def forgetting(facts):
    """The facts as an engine sees them that does not ask when they were known."""
    usage, users = facts.usage_days, facts.usage_users
    tickets, periods = facts.support_tickets, facts.subscriptions
    resolved = ibis.ifelse(tickets["resolved_at"].notnull(), tickets["opened_at"], None)
    return replace(
        facts,
        usage_days=usage.mutate(known_day=usage["day"]),
        usage_users=users.mutate(late_day=ibis.literal(0, "int32")),
        support_tickets=tickets.mutate(resolved_at=resolved),
        # whoever gave notice without an end is leaving: only an end that is there is known too early
        subscriptions=periods.mutate(
            known_at=periods["starts_at"],
            cancelled_at=ibis.ifelse(periods["ends_at"].notnull(), periods["starts_at"], None),
        ),
    )


def test_an_engine_that_forgets_when_facts_were_known_is_caught_in_every_family(facts, monkeypatch):
    for name, place in (("build_snapshots", 0), ("population", 1)):
        engine = getattr(snapshots, name)

        def careless(*given, _engine=engine, _place=place):
            return _engine(*(forgetting(one) if n == _place else one for n, one in enumerate(given)))

        monkeypatch.setattr(snapshots, name, careless)
    features = [f for f in chosen(facts, FEW) if not f.name.endswith("_7d")]
    found = leaks(audited(facts, features))
    assert {f.family for f in features if f.name in found} == set(FEW)
    assert "population" in found, "who is eligible hangs on what was known, too"


# ---------------------------------------------------------------- proofs that prove nothing


@pytest.fixture(scope="module")
def blind(facts):
    of_tickets = replace(own("tickets_blind", None), grain=Grain.TICKET, measure=lambda t: t["age"].count() * 0)
    return audited(facts, [of_tickets, own("blind", nothing_at_all)])


def test_the_proof_is_void_where_the_control_moves_nothing(blind):
    (void, unproven) = blind.findings
    assert (void.severity, void.name) == (Severity.VOID, "support_tickets")
    assert (unproven.severity, unproven.name) == (Severity.WARNING, "blind")
    with pytest.raises(AuditError, match="proves nothing"):
        as_audit(blind).require()


def test_an_audit_that_misses_its_own_leaking_features_says_that_it_cannot_be_trusted(facts, monkeypatch):
    monkeypatch.setattr(proofs, "otherwise", lambda known, _as_of: known)
    monkeypatch.setattr(proofs, "with_rows_known", lambda known, *_: proofs.PlantedFacts(known, {}))
    monkeypatch.setattr(proofs, "as_known", lambda known, _as_of: known)
    proof = audited(facts, [own("by_day_alone", by_day_alone)])
    missed = {f.name for f in proof.findings if f.kind == "canary"}
    assert missed == CANARIES
    assert not any(proof.canaries.values())


def test_a_cutoff_without_anybody_proves_nothing(facts):
    proof = audited(facts, chosen(facts, ("tickets.backlog",)), cutoffs=[dt.date(2021, 6, 1)])
    assert [f.severity for f in proof.findings] == [Severity.VOID]
    label = audit_label(facts, "churn", CHURN, [])
    assert [f.severity for f in label.findings] == [Severity.VOID]


# ---------------------------------------------------------------- labels


@pytest.mark.parametrize("kind", LABELS)
def test_a_label_that_looks_at_its_window_alone_passes(facts, kind):
    proof = audit_label(facts, kind, LABELS[kind], [AS_OF])
    assert proof.findings == ()
    assert proof.changed > 0


@pytest.mark.parametrize(
    ("kind", "engine"), [("churn", "left_label"), ("lapse", "lapse_label"), ("upsell", "upsell_label")]
)
def test_a_label_that_looks_past_the_day_it_is_settled_is_caught(facts, kind, engine, monkeypatch):
    measured = getattr(snapshots, engine)
    monkeypatch.setattr(
        snapshots, engine, lambda label, *a: measured(label.model_copy(update={"horizon": label.horizon + 60}), *a)
    )
    found = audit_label(facts, kind, LABELS[kind], [AS_OF]).findings[0]
    assert (found.severity, found.model) == (Severity.LEAK, kind)
    assert str(LABELS[kind].reach.settled_on(AS_OF)) in found.sentence


def test_a_window_that_begins_before_its_cutoff_is_caught(facts):
    early = CHURN.model_copy(update={"gap": -14})
    assert any("starts before its cutoff" in f.sentence for f in audit_label(facts, "churn", early, [AS_OF]).findings)


# ---------------------------------------------------------------- signs


def snapshots_of(outcome, **columns):
    """Two labelled snapshots an account."""
    one = pd.DataFrame({"account_id": [f"a{n:03}" for n in range(len(outcome))], "label": outcome} | columns)
    return pd.concat([one.assign(as_of=NOW), one.assign(as_of=NOW + pd.Timedelta(days=28), label=0.0)])


def test_an_attribute_that_is_todays_state_is_warned_of():
    outcome = np.array([1.0] * 40 + [0.0] * 160)
    rng = np.random.default_rng(0)
    plans = ["free"] * 40 + ["team"] * 160
    accounts = [
        {"account_id": f"a{n:03}", "created_at": pd.Timestamp("2022-01-01"), "segment": "lost" if lost else "active"}
        for n, lost in enumerate(outcome)
    ]
    periods = [
        {"account_id": f"a{n:03}", "subscription_id": f"s{n}", "starts_at": pd.Timestamp("2022-01-01"), "mrr": 1.0,
         "plan": None if lost else plan, "seats": 3}
        for n, (lost, plan) in enumerate(zip(outcome, plans, strict=True))
    ]  # fmt: skip
    facts = quick_facts({"accounts": accounts, "subscriptions": periods}, static=("segment", "region"))
    rows = snapshots_of(
        outcome,
        account_segment=[row["segment"] for row in accounts],
        account_region=rng.choice(["north", "south"], 200),
        stamp=outcome * 10 + rng.random(200),
        chance=rng.random(200),
    )
    about = {feature.name: feature for feature in chosen(facts, ("account.attributes",))}
    features = [*about.values(), own("stamp", None), own("chance", None)]
    found = {f.name: f for f in outcome_signs(facts, "churn", features, rows)}
    assert set(found) == {"account_segment", "stamp", "subscriptions.plan"}
    assert {f.severity for f in found.values()} == {Severity.WARNING}
    assert "of the 40 accounts where it is 'empty', every one" in found["subscriptions.plan"].sentence


def test_a_feature_that_changes_is_not_todays_state_but_named_as_training_would_name_it(facts):
    outcome = np.array([1.0] * 30 + [0.0] * 30)
    rows = snapshots_of(outcome, stamp=outcome)
    rows.loc[rows["as_of"] == NOW, "stamp"] += 5
    found = outcome_signs(facts, "churn", [own("stamp", None)], rows)
    assert [(finding.kind, finding.name) for finding in found] == [("gives the outcome away", "stamp")]


def versions(delays):
    """Tickets resolved on the third day, each with a row for every delay of its arrival in days."""
    opened = pd.Timestamp("2024-05-01")
    days = lambda n: pd.Timedelta(days=n)  # noqa: E731
    return [
        {"account_id": f"a{n:02}", "ticket_id": f"t{n}", "opened_at": opened, "known_at": opened + days(delay),
         "resolved_at": opened + days(3)}
        for n in range(12) for delay in delays
    ]  # fmt: skip


@pytest.mark.parametrize(("delays", "warned"), [((3,), True), ((1, 3), False), ((1,), False), ((0,), False)])
def test_a_known_at_that_is_only_ever_the_last_change_of_a_final_state_is_warned_of(delays, warned):
    tables = company(12) | {"support_tickets": versions(delays)}
    found = {f.kind: f for f in data_signs(quick_facts(tables)) if f.name == "support_tickets.known_at"}
    assert ("known at its last change" in found) is warned
    assert ("late tickets" in found) is (0 not in delays), "how late tickets arrive is noted"
    assert ("known_at equals" in found) is (delays == (0,))


def test_columns_that_look_like_arrival_and_are_not_mapped_are_named_with_table_and_column(facts):
    columns = {"support_tickets": [ArrivalColumn("desk", "_fivetran_synced"), ArrivalColumn("desk", "updated_at")]}
    (found,) = (f for f in data_signs(facts, columns) if f.kind == "arrival not mapped")
    assert (found.severity, found.name) == (Severity.WARNING, "support_tickets.known_at")
    assert "'_fivetran_synced' of desk, 'updated_at' of desk look like" in found.sentence


def test_a_known_at_that_a_load_stamped_is_warned_of(facts):
    told = remark(RemarkKind.LOAD_TIME, "usage_events", "known_at", 4200, ["2024-05-20"], "Leave it out.")
    (found,) = (f for f in data_signs(facts, remarks=[told]) if f.kind == "known by a load")
    assert (found.severity, found.name) == (Severity.WARNING, "usage_events.known_at")
    assert found.sentence.startswith("4,200 rows of usage_events became known at 2024-05-20, long after they happened.")


@pytest.mark.parametrize("engine", ["late tickets", "late versions"])
def test_an_engine_that_sees_tickets_or_versions_before_they_arrived_is_caught(facts, engine, monkeypatch):
    def careless(tickets, cutoffs):
        versions = ibis.window(group_by="ticket_id", order_by="known_at", rows=(None, None))
        first, last = tickets["known_at"].min().over(versions), tickets["known_at"].max().over(versions)
        tickets = tickets.mutate(first=first, last=last).filter(lambda t: t["known_at"] == t["last"])
        seen = tickets["opened_at"] if engine == "late tickets" else tickets["first"]
        tickets = tickets.mutate(seen=seen)
        return tickets.join(cutoffs, [tickets["seen"] < cutoffs["as_of"]])

    monkeypatch.setattr(known, "tickets_standing", careless)
    found = leaks(audited(facts, chosen(facts, ("tickets.backlog", "tickets.resolution"))))
    assert "It is told by support_tickets." in found["tickets_resolution_hours_180d"]


def test_times_that_cannot_be_are_warned_of():
    tables = company(6)
    tables["support_tickets"][0] |= {"resolved_at": pd.Timestamp("2025-03-01")}
    tables["support_tickets"][1] |= {"reopened_at": pd.Timestamp("2020-01-01")}
    for row in tables["churn_events"]:
        row["known_at"] = row["churned_at"]
    given = {name: frozenset(rows[0]) for name, rows in tables.items()}
    found = {(f.kind, f.name): f for f in data_signs(quick_facts(tables, given=given))}
    assert set(found) == {
        ("future time", "support_tickets.resolved_at"),
        ("time before opening", "support_tickets.reopened_at"),
        ("known_at equals", "churn_events.known_at"),
        ("known_at missing", "subscriptions.known_at"),
        ("known_at missing", "support_tickets.known_at"),
        ("arrival assumed", "support_tickets.csat_at"),
        ("late usage", "usage_events.known_at"),
    }
    assert found["late usage", "usage_events.known_at"].severity is Severity.OK
    without = given | {"usage_events": given["usage_events"] - {"known_at"}}
    names = {f.name for f in data_signs(quick_facts(tables, given=without)) if f.kind == "known_at missing"}
    assert names == {"subscriptions.known_at", "support_tickets.known_at", "usage_events.known_at"}


# ---------------------------------------------------------------- what it comes to


def as_audit(proof, signs=()):
    return Audit("tiny", plus_days(AS_OF, 200), proof, (), tuple(signs))


def test_warnings_fail_a_strict_audit_only(blind):
    audit = as_audit(replace(blind, findings=[f for f in blind.findings if f.severity is Severity.WARNING]))
    audit.require()
    with pytest.raises(AuditError, match=r"1 warning.*'?blind"):
        audit.require(strict=True)
