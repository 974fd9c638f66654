"""A scored day survives the store field by field, and looks outside as it always did."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from churnml.adapters.store import Store, open_store
from churnml.ledger import (
    AccountStory,
    AppliedException,
    Decision,
    HealthEvent,
    HealthTrace,
    HeldDay,
    HierarchyScore,
    LeavingCurve,
    LikelyPeriod,
    Provenance,
    Reason,
    ScoredAccount,
    ScoredDay,
    Scoring,
    Timing,
)
from churnml.pages.data import account_data, queue_data
from tests.store.days import MODELS, NOW, day, opening

ON = day("03-04")
DATE_NEVER = dt.date(2023, 1, 1)
# Every field other than its default, so that one that is lost on the way shows.
TRACE = HealthTrace(
    raw_health=41.5,
    ruled_health=40.5,
    weights={"usage": 0.75, "risk": None},
    base_rate=0.05,
    scorecard="smb",
    stage="growing",
    exceptions=(AppliedException("cap", 50.0, 40.5),),
    override_id="o1",
    inputs={"active_days_28": 2.0, "account_segment": "smb", "unknown": None},
    hierarchies=(HierarchyScore("holding", 55.0, 3, "a"),),
    stale_since=day("02-29"),
)
ACCOUNT = ScoredAccount(
    account_id="a",
    owner_id="olga",
    segment="smb",
    mrr=100.0,
    churn_probability=0.25,
    upsell_probability=0.125,
    health=40.0,
    band="at_risk",
    coverage=0.875,
    dimensions={"usage": 40.0, "support": None},
    reasons=(Reason("usage.active_days", "active_days_28", "Active on 2 days; usually 12.", 0.5),),
    growth_reasons=(Reason("seats", "seats_used", "All seats are used.", 0.25),),
    mrr_at_risk=25.0,
    timing=Timing({"30": 0.1, "60": None}, LikelyPeriod(ON, day("03-10"), 0.0625), LeavingCurve((7, 14), (0.1, 0.2))),
    band_since=day("02-01"),
    pending="healthy",
    pending_since=day("03-01"),
    trace=TRACE,
)
DAY = ScoredDay(
    as_of=ON,
    accounts=(ACCOUNT,),
    models=MODELS,
    plan=opening(ON, "a"),
    events=(HealthEvent("a", ON, "band", "healthy", "at_risk", ("a score of 40 is under 45",)),),
    held=HeldDay(day("02-29"), ("usage_events.dead.2024-03-01",), 3),
)
MADE_FROM = Provenance("one", {"health": "bands: []\n"}, "the data", 0)

SCORING_KEYS = ["as_of", "revision", "fingerprint", "models", "data_fingerprint", "declarations", "scored_at"]
ACCOUNT_KEYS = [
    *("account_id", "owner_id", "segment", "mrr", "churn_probability", "upsell_probability", "health", "band"),
    *("coverage", "dimensions", "reasons", "growth_reasons", "mrr_at_risk", "leave_within", "likely_period", "left_by"),
    *("raw_health", "scorecard", "stage", "exceptions", "override_id", "band_since", "pending", "pending_since"),
    *("name", "renews_on", "health_inputs", "details"),
]
DECISION_KEYS = [
    *("place", "account_id", "playbook", "reason", "outcome", "title", "goal", "steps", "owner", "due", "rule"),
    *("because", "facts", "value", "value_low", "value_high", "arm", "propensity", "work_id", "note"),
]
WORK_KEYS = ["state", "opened_on", "minutes", "snoozed_until", "escalated_on"]
ITEM_KEYS = [
    *("work_id", "account_id", "playbook", "reason", "owner", "state", "opened_on", "due", "minutes", "value"),
    *("snoozed_until", "escalated_on", "ended_on", "ended_because", "cost", "follows"),
]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as opened:
        assert opened.record(DAY, MADE_FROM, NOW)
        yield opened


def others(value: Any) -> Iterator[Any]:
    """``value`` with one field changed at a time, those of what it holds too."""
    for field in fields(value):
        held = getattr(value, field.name)
        if is_dataclass(held):
            changed = list(others(held))
        elif isinstance(held, tuple) and held and is_dataclass(held[0]):
            changed = [(), *((one, *held[1:]) for one in others(held[0]))]
        else:
            changed = [another(held)]
        for one in changed:
            yield replace(value, **{field.name: one})


def another(held: Any) -> Any:
    if isinstance(held, str):
        return f"{held}, changed"
    if isinstance(held, dt.date):
        return DATE_NEVER
    if isinstance(held, float | int):
        return held + 1
    return type(held)()


def test_every_field_of_a_scored_account_comes_back_from_the_store_as_it_was(tmp_path: Path) -> None:
    variants = [one for one in others(ACCOUNT) if one.account_id == "a"]
    assert len(variants) > 40
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as store:
        for n, account in enumerate([ACCOUNT, *variants]):
            assert store.record(ScoredDay(ON, (account,), MODELS), Provenance(str(n)), NOW)
            assert store.scored(ON) == [account]


def test_every_field_of_a_day_comes_back_from_the_store_as_it_was(store: Store) -> None:
    (line,) = store.queue(ON)
    assert line.scoring.as_of == DAY.as_of
    assert line.scoring.models == DAY.models
    assert (line.account,) == DAY.accounts
    assert (line.decision,) == DAY.decisions == DAY.plan.decisions
    assert (line.work,) == DAY.plan.work
    assert tuple(store.work.events()) == DAY.plan.events
    assert tuple(store.outcomes.assignments()) == DAY.plan.assignments
    assert tuple(store.health_events(ON, ON)) == DAY.events
    assert store.held(ON) == DAY.held
    assert (line.scoring.fingerprint, line.scoring.data_fingerprint) == ("one", "the data")
    assert {kind: store.declaration(name).text for kind, name in (line.scoring.declarations or {}).items()} == dict(
        MADE_FROM.declarations
    )
    # problems are for the run's summary alone; a new field of a day has to be looked for here
    names = ["as_of", "accounts", "models", "plan", "events", "problems", "held"]
    assert [field.name for field in fields(ScoredDay)] == names
    assert [field.name for field in fields(Scoring)] == SCORING_KEYS


def test_every_decision_field_comes_back_from_the_store_as_it_was(tmp_path: Path) -> None:
    made = replace(DAY.plan.decisions[0], note="why")
    kept = [one for one in others(made) if one.account_id == "a" and one.disposition == "opened"]
    assert len(kept) > len(fields(Decision)) - 5
    with open_store(f"sqlite:///{tmp_path / 'other.db'}") as store:
        for n, decision in enumerate([made, *kept]):
            plan = replace(DAY.plan, decisions=(decision,), work=(), events=(), assignments=())
            assert store.record(replace(DAY, plan=plan), Provenance(str(n)), NOW)
            assert [one.decision for one in store.decided(ON)] == [decision]


def test_a_line_of_the_list_has_the_keys_it_always_had(store: Store) -> None:
    data = queue_data(ON, store.queue(ON))
    assert list(data) == ["as_of", "decisions"]
    (line,) = data["decisions"]  # type: ignore[misc, attr-defined]
    assert list(line) == [*DECISION_KEYS, *WORK_KEYS, *ACCOUNT_KEYS[1:], *SCORING_KEYS]


def test_an_account_has_the_keys_it_always_had(store: Store) -> None:
    store.record(replace(DAY, as_of=day("03-11"), plan=replace(DAY.plan, decisions=())), Provenance("two"), NOW)
    data: Any = account_data(store.account("a", ON), None)
    assert list(data) == [
        *ACCOUNT_KEYS,
        *SCORING_KEYS,
        *(
            "decision",
            "decisions",
            "history",
            "previous",
            "health_events",
            "work",
            "work_events",
            "overrides",
            "change",
        ),
    ]
    assert list(data["decision"]) == list(data["decisions"][0]) == [*DECISION_KEYS, *SCORING_KEYS]
    assert list(data["likely_period"]) == ["from", "to", "probability"]
    assert list(data["left_by"]) == ["days", "left"]
    assert list(data["reasons"][0]) == ["code", "feature", "sentence", "weight"]
    assert list(data["exceptions"][0]) == ["name", "before", "after"]
    assert list(data["details"]) == ["ruled_health", "weights", "base_rate", "families", "stale_since"]
    assert list(data["details"]["families"][0]) == ["parent", "score", "members", "worst"]
    assert set(data["health_events"][0]) == {"as_of", "account_id", "kind", "from", "to", "because"}
    assert list(data["work"][0]) == ITEM_KEYS
    assert list(data["work_events"][0]) == ["work_id", "on", "what", "who", "why", "details"]
    history = ["as_of", "health", "band", "churn_probability", "upsell_probability", "raw_health", "coverage"]
    assert list(data["history"][0]) == [*history, "override_id"]
    later: Any = account_data(store.account("a", day("03-11")), None)
    assert list(later["previous"]) == [*ACCOUNT_KEYS, *SCORING_KEYS]
    assert {field.name for field in fields(AccountStory)} - set(data) == {"scoring", "account"}
