"""Which messages a day gives each receiver, and what names them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from churnml.ledger import DayPlan, HealthEvent, Message, Reason, RecordedAccount, ScoredDay, Scoring
from churnml.specs.delivery import DeliverySpec
from churnml.work.messages import canonical, messages_for, work_messages
from tests.store.days import MODELS, NOW, account, day, decision, event, item

DROP = HealthEvent("a", day("03-01"), "drop", "70", "40", ("fell 30 points",))
BAND = HealthEvent("a", day("03-01"), "band", "watch", "at_risk")


def spec(**when: Any) -> DeliverySpec:
    return DeliverySpec.model_validate({"receivers": {"files": {"kind": "drop", "path": "out", "when": when}}})


def told(
    declared: DeliverySpec,
    as_of: str = "03-01",
    plan: DayPlan | None = None,
    *accounts: Any,
    events: Sequence[HealthEvent] = (),
    models: Mapping[str, str | None] = MODELS,
    project: str = "shop",
) -> tuple[Message, ...]:
    rows = accounts or (account("a"),)
    scored = ScoredDay(day(as_of), tuple(rows), models, plan or DayPlan(), tuple(events))
    return messages_for(declared, scored, project=project)


def opened(as_of: str, *accounts: str, **given: Any) -> DayPlan:
    items = tuple(item(one, day(as_of), **given) for one in accounts)
    decisions = tuple(decision(one, one.account_id) for one in items)
    return DayPlan(decisions, items, tuple(event(one.work_id, day(as_of), "opened") for one in items))


def test_without_receivers_nothing_is_written() -> None:
    assert told(DeliverySpec(), plan=opened("03-01", "a"), events=[DROP]) == ()


def test_a_message_says_why_how_likely_how_much_by_when_and_what_made_it() -> None:
    (health, work) = told(spec(), "03-01", opened("03-01", "a"))
    assert health.payload["health"] == {
        "score": 40.0,
        "band": "at_risk",
        "coverage": 1.0,
        "dimensions": {"usage": 40.0, "support": None},
    }
    assert health.payload["reasons"] == ["Active on 2 days; usually 12."]
    assert [health.payload[name] for name in ("churn_probability", "mrr", "as_of", "owner")] == [
        0.25,
        100.0,
        "2024-03-01",
        "olga",
    ]
    assert work.payload["models"] == {"churn": "3", "upsell": None}
    said = work.payload["work"]
    assert [said[name] for name in ("work_id", "what", "owner", "due", "value", "title")] == [
        "a/rescue/usage.active_days/2024-03-01",
        "opened",
        "olga",
        "2024-03-08",
        5.0,
        "Call",
    ]
    assert said["because"] == ["band is at_risk"]
    assert said["steps"] == ["Call them", "Write it down"]


def test_a_message_has_the_accounts_name_where_it_has_one_and_is_else_as_before_there_were_names() -> None:
    (named,), (unnamed,) = told(spec(), "03-01", None, account("a", name="Acme & Co")), told(spec(), "03-01")
    assert named.payload["account_name"] == "Acme & Co"
    assert "account_name" not in unnamed.payload
    assert {**named.payload, "key": ""} == {**unnamed.payload, "account_name": "Acme & Co", "key": ""}


def test_the_same_day_done_again_gives_the_same_messages() -> None:
    first = told(spec(), "03-01", opened("03-01", "a"), events=[DROP, BAND])
    again = told(spec(), "03-01", opened("03-01", "a"), events=[BAND, DROP])
    assert first == again
    assert len({message.key for message in first}) == 4


@pytest.mark.parametrize(
    "changed",
    [
        {"as_of": "03-02"},
        {"project": "another"},
        {"models": {"churn": "4"}},
        {"accounts": (account("a", health=41.0),)},
        {"accounts": (account("b"),)},
    ],
)
def test_health_of_another_date_project_model_or_account_is_another_fact(changed: Mapping[str, Any]) -> None:
    more = dict(changed)
    accounts, as_of = more.pop("accounts", ()), more.pop("as_of", "03-01")
    (first,), (other,) = told(spec()), told(spec(), as_of, None, *accounts, **more)
    assert first.key != other.key


def test_two_receivers_have_keys_of_their_own() -> None:
    two = {name: {"kind": "drop", "path": name} for name in ("one", "two")}
    first, second = told(DeliverySpec.model_validate({"receivers": two}))
    assert [first.receiver, second.receiver] == ["one", "two"]
    assert first.key != second.key


def test_a_key_fits_into_a_header_and_a_files_name_whatever_the_account_is_called() -> None:
    (message,) = told(spec(), "03-01", None, account("../ü\r\nX: y"))
    assert message.key.replace("-", "").isalnum()
    assert message.key.isascii()


def test_two_changes_of_one_kind_on_a_day_are_two_facts() -> None:
    was = item("a", day("03-01"))
    moves = tuple(
        dataclasses.replace(event(was.work_id, day("03-01"), "reassigned"), details={"from": "olga", "to": to})
        for to in ("paul", "rita")
    )
    keys = [one.key for one in told(spec(), "03-01", DayPlan(work=(was,), events=moves)) if one.kind == "work"]
    assert len(set(keys)) == 2


def test_who_is_held_out_is_on_nobodys_list() -> None:
    held = DayPlan(decisions=(decision(None, "a", "holdout", arm="holdout"),))
    assert [message.kind for message in told(spec(), "03-01", held)] == ["health"]


def test_what_is_not_known_is_null_and_never_nan() -> None:
    (message,) = told(
        spec(), "03-01", None, account("a", mrr=float("nan"), health=None, dimensions={"usage": float("nan")})
    )
    assert message.payload["mrr"] is None
    assert message.payload["health"]["score"] is None
    assert b"NaN" not in canonical(message.payload)


def test_an_item_of_an_account_that_is_scored_no_more_is_told_to_end() -> None:
    was = item("gone", day("02-01"), state="closed", ended_on=day("03-01"), ended_because="left")
    plan = DayPlan(work=(was,), events=(event(was.work_id, day("03-01"), "closed"),))
    work = [one for one in told(spec(segments=("smb",)), "03-01", plan) if one.kind == "work"]
    assert [one.payload["work"]["state"] for one in work] == ["closed"]


def test_what_a_person_does_between_two_scorings_is_told_with_the_newest_row() -> None:
    done = item("a", day("03-01"), state="done")
    said = event(done.work_id, day("03-02"), "done", "olga", "they stay")
    scoring = Scoring(day("03-01"), 1, "one", MODELS, None, None, NOW)
    (message,) = work_messages(spec(), done, said, RecordedAccount(scoring, account("a")), project="shop")
    assert [message.payload["work"]["what"], message.payload["work"]["why"]] == ["done", "they stay"]
    assert message.payload["health"]["score"] == 40.0
    (bare,) = work_messages(spec(), done, said, project="shop")
    assert bare.key == message.key


def kinds(when: Mapping[str, Any], plan: DayPlan | None = None, *accounts: Any) -> list[str]:
    found = told(spec(**when), "03-01", plan or opened("03-01", "a"), *accounts, events=[BAND, DROP])
    return [one.payload["event"]["kind"] if one.kind == "event" else one.kind for one in found]


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({}, ["health", "band", "drop", "work"]),
        ({"min_drop": 30}, ["health", "band", "drop", "work"]),
        ({"min_drop": 31}, ["health", "band", "work"]),
        ({"bands": ["healthy"]}, ["work"]),
        ({"bands": ["at_risk"]}, ["health", "band", "drop", "work"]),
        ({"owners": ["paul"]}, []),
        ({"owners": ["olga"]}, ["health", "band", "drop", "work"]),
        ({"segments": ["enterprise"]}, []),
        ({"playbooks": ["another"]}, ["health", "band", "drop"]),
        ({"min_value": 5}, ["health", "band", "drop", "work"]),
        ({"min_value": 5.01}, ["health", "band", "drop"]),
        ({"changes": ["closed"]}, ["health", "band", "drop"]),
    ],
)
def test_a_receiver_is_told_what_it_asked_for(when: Mapping[str, Any], expected: list[str]) -> None:
    assert kinds(when) == expected


def test_who_loses_an_item_is_told_too() -> None:
    was = item("a", day("03-01"), owner="paul")
    moved = dataclasses.replace(event(was.work_id, day("03-01"), "reassigned"), details={"from": "olga", "to": "paul"})
    assert "work" in kinds({"owners": ["olga"]}, DayPlan(work=(was,), events=(moved,)))
    assert "work" in kinds({"owners": ["paul"]}, DayPlan(work=(was,), events=(moved,)), account("a", owner_id="rita"))
    assert "work" not in kinds({"owners": ["rita"]}, DayPlan(work=(was,), events=(moved,)))


def test_a_later_date_changes_nothing_of_an_earlier_ones_messages() -> None:
    """With its control: the same change of the row, known a day earlier, does."""
    rows = {"03-01": account("a"), "03-02": account("a", health=10.0, reasons=(Reason("x", "x", "Gone quiet.", 1.0),))}
    first = told(spec(), "03-01", None, rows["03-01"])
    told(spec(), "03-02", None, rows["03-02"])
    assert told(spec(), "03-01", None, rows["03-01"]) == first
    assert told(spec(), "03-01", None, rows["03-02"]) != first
