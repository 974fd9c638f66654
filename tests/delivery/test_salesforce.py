"""Write-back to Salesforce through its client, against a server that speaks as its documentation says, over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from churnml.adapters.delivery import salesforce
from churnml.ledger import DayPlan
from tests.delivery.conftest import Shop
from tests.delivery.salesforce_server import SalesforceServer
from tests.delivery.servers import CUT, CUT_IN_THE_BODY, STALL, Response, Server, serving
from tests.store.days import account, day, decision, event, item, record, scores

TOKEN = "00D-canary-token-5c1"  # noqa: S105
LIMIT = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]


@pytest.fixture
def table() -> SalesforceServer:
    return SalesforceServer(TOKEN, *"abcdef")


@pytest.fixture
def server(table: SalesforceServer, certificate: Path) -> Iterator[Server]:
    with serving(table, certificate) as found:
        yield found


@pytest.fixture
def declared(shop: Shop, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("SF_TOKEN", TOKEN)
    said = {"kind": "salesforce", "instance_url": server.url, "token": "${SF_TOKEN}", "ca_file": str(certificate)}
    shop.declare(crm=said)
    return said


def healths(table: SalesforceServer) -> dict[str, Any]:
    return {row["Churnml_Account_Id__c"]: row.get("Churnml_Health__c") for row in table.accounts.values()}


@pytest.mark.usefixtures("declared")
def test_health_stands_on_the_account_and_work_is_a_task_of_it(shop: Shop, table: SalesforceServer) -> None:
    shop.score("03-01", "a", account("b", health=81.5, band="healthy"), opened=["a"])
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].waiting, found.dead] == [3, 0, ()]
    first, second = list(table.accounts.values())[:2]
    assert [first["Churnml_Health__c"], first["Churnml_Band__c"]] == [40.0, "at_risk"]
    assert first["Churnml_Reasons__c"] == "Active on 2 days; usually 12."
    assert first["Churnml_As_Of__c"] == "2024-03-01"
    assert [second["Churnml_Health__c"], second["Churnml_Band__c"]] == [81.5, "healthy"]
    (task,) = table.tasks.values()
    assert task["WhatId"] == next(key for key, row in table.accounts.items() if row["Churnml_Account_Id__c"] == "a")
    assert [task["Subject"], task["ActivityDate"], task["Status"]] == ["Call", "2024-03-08", "Not Started"]
    assert "1. Call them" in task["Description"]


@pytest.mark.usefixtures("declared")
def test_an_item_that_is_done_completes_its_task_and_makes_no_second(shop: Shop, table: SalesforceServer) -> None:
    shop.score("03-01", "a", opened=["a"])
    shop.send()
    was = item("a", day("03-01"))
    done = item("a", day("03-01"), state="done", ended_on=day("03-02"), ended_because="they stay")
    ended = event(was.work_id, day("03-02"), "done", "olga", "they stay")
    told = shop.messages("03-02", ["a"], DayPlan(work=(done,), events=(ended,)))
    shop.store.work.change(was, done, ended, shop.clock(), [one for one in told if one.kind == "work"])
    shop.send()
    (task,) = table.tasks.values()
    assert task["Status"] == "Completed"
    assert "they stay" in task["Description"]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    "trouble", [STALL, CUT, CUT_IN_THE_BODY, Response(500, b"<html>"), Response(503, None, {"Retry-After": "60"})]
)
def test_whatever_happens_to_an_answer_each_fact_stands_once(
    shop: Shop, table: SalesforceServer, server: Server, trouble: Any
) -> None:
    shop.score("03-01", *"abc", opened=["a", "b"])
    if trouble == STALL:
        shop.hurry()
    server.after.extend([trouble, None, trouble])
    shop.send()
    assert shop.store.outbox.counts()["crm"].get("sent", 0) < 5
    shop.until_quiet()
    assert healths(table) == {"a": 40.0, "b": 40.0, "c": 40.0, "d": None, "e": None, "f": None}
    assert sorted(row["Churnml_Work_Id__c"][0] for row in table.tasks.values()) == ["a", "b"]
    assert shop.store.outbox.dead() == []


@pytest.mark.usefixtures("declared")
def test_no_call_holds_more_records_than_salesforce_takes(shop: Shop, server: Server, certificate: Path) -> None:
    many = [f"n{number:04}" for number in range(450)]
    server._handle.accounts.update(  # type: ignore[attr-defined]
        {f"00A{name}": {"Name": name, "Churnml_Account_Id__c": name} for name in many}
    )
    shop.score("03-01", *many)
    assert shop.send().receivers[0].sent == 450
    assert [len(request.data["records"]) for request in server.seen] == [200, 200, 50]


@pytest.mark.usefixtures("declared")
def test_a_record_that_is_refused_holds_up_no_other(shop: Shop, table: SalesforceServer) -> None:
    shop.score("03-01", "a", account("b", health=140.0), "c", "unknown")
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].died] == [2, 2]
    assert healths(table)["a"] == healths(table)["c"] == 40.0
    reasons = {letter.subject: letter.last_error for letter in found.dead}
    assert "NUMBER_OUTSIDE_VALID_RANGE" in reasons["b"]
    assert "no such account in Salesforce" in reasons["unknown"]
    assert len(table.accounts) == 6  # none was made


def test_an_unknown_account_may_be_passed_over(shop: Shop, declared: dict[str, Any], table: SalesforceServer) -> None:
    shop.declare(crm={**declared, "unknown_accounts": "skip"})
    shop.score("03-01", "unknown", opened=["unknown"])
    found = shop.send()
    assert [found.receivers[0].sent, found.dead] == [2, ()]
    assert table.tasks == {}
    assert "no such account" in shop.store.outbox.attempts(1)[0].note


def test_an_owner_who_is_not_there_is_not_passed_over(
    shop: Shop, declared: dict[str, Any], table: SalesforceServer
) -> None:
    shop.declare(crm={**declared, "unknown_accounts": "skip", "owners": {"olga": "nobody"}})
    shop.score("03-01", "a", opened=["a"])
    (dead,) = shop.send().dead
    assert "Owner ID" in dead.last_error
    assert table.tasks == {}


@pytest.mark.usefixtures("declared")
def test_a_locked_row_is_written_later(shop: Shop, table: SalesforceServer) -> None:
    table.locked.add("a")
    shop.score("03-01", "a", "b")
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].failed] == [1, 1]
    shop.until_quiet()
    assert healths(table)["a"] == 40.0


@pytest.mark.usefixtures("declared")
def test_at_its_limit_of_calls_salesforce_is_left_alone(shop: Shop, table: SalesforceServer, server: Server) -> None:
    shop.score("03-01", "a", opened=["a"])
    server.before.append(Response(403, LIMIT))
    found = shop.send()
    assert len(server.seen) == 1
    assert "REQUEST_LIMIT_EXCEEDED" in (found.receivers[0].trouble or "")
    shop.until_quiet()
    assert healths(table)["a"] == 40.0
    assert len(table.tasks) == 1


def test_a_session_that_ended_and_a_field_that_is_not_there_kill_no_message(
    shop: Shop, declared: dict[str, Any], table: SalesforceServer
) -> None:
    shop.score("03-01", *"abcdef")
    table.token = "another"  # noqa: S105
    assert shop.send().receivers[0].died == 0
    table.token = TOKEN
    shop.declare(crm={**declared, "fields": {"band": "Not_There__c"}})
    shop.clock.later(hours=1)
    found = shop.send()
    assert [found.receivers[0].died, found.receivers[0].waiting] == [0, 6]
    assert "Not_There__c" in (found.receivers[0].trouble or "")
    shop.declare(crm=declared)
    shop.until_quiet()
    assert set(healths(table).values()) == {40.0}


@pytest.mark.usefixtures("declared")
def test_what_waited_while_salesforce_was_away_is_told_as_it_now_is(
    shop: Shop, table: SalesforceServer, server: Server
) -> None:
    shop.score("03-01", account("a", health=10.0))
    server.before.append(Response(503))
    shop.send()
    shop.score("03-02", account("a", health=20.0))
    shop.score("03-03", account("a", health=30.0))
    shop.clock.later(hours=1)
    calls = len(server.seen)
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].overtaken] == [3, 2]
    assert len(server.seen) == calls + 1
    assert [healths(table)["a"], table.accounts[min(table.accounts)]["Churnml_As_Of__c"]] == [30.0, "2024-03-03"]


@pytest.mark.usefixtures("declared")
def test_a_revived_message_does_not_turn_back_the_clock(shop: Shop, table: SalesforceServer, server: Server) -> None:
    shop.score("03-01", account("a", health=140.0))
    (dead,) = shop.send().dead
    shop.score("03-02", account("a", health=50.0))
    shop.send()
    shop.store.outbox.revive(dead.delivery_id, shop.clock(), who="rita", why="try again")
    assert shop.send().receivers[0].overtaken == 1
    assert healths(table)["a"] == 50.0


def test_account_ids_may_be_salesforces_own(shop: Shop, declared: dict[str, Any], table: SalesforceServer) -> None:
    shop.declare(crm={**declared, "account_id_field": "Id", "owners": {"olga": "005000000000001"}})
    own = min(table.accounts)
    shop.score("03-01", own, "001000000000099", opened=[own])
    found = shop.send()
    assert [found.receivers[0].sent, [one.subject for one in found.dead]] == [2, ["001000000000099"]]
    assert table.accounts[own]["Churnml_Health__c"] == 40.0
    (task,) = table.tasks.values()
    assert [task["WhatId"], task["OwnerId"]] == [own, "005000000000001"]


@pytest.mark.usefixtures("declared")
def test_two_items_of_one_account_are_two_tasks(shop: Shop, table: SalesforceServer) -> None:
    one, two = item("a", day("03-01")), item("a", day("03-01"), playbook="train")
    plan = DayPlan(
        decisions=(decision(one, "a"), decision(two, "a", playbook="train", title="Teach")),
        work=(one, two),
        events=(event(one.work_id, day("03-01"), "opened"), event(two.work_id, day("03-01"), "opened")),
    )
    told = shop.messages("03-01", ["a"], plan)
    record(shop.store, scores(day("03-01"), "a"), "f", shop.clock(), plan, messages=told)
    shop.send()
    assert sorted(task["Subject"] for task in table.tasks.values()) == ["Call", "Teach"]


def test_a_connected_app_signs_in_by_its_key_and_secret(
    shop: Shop, table: SalesforceServer, server: Server, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from requests.adapters import HTTPAdapter

    class Here(HTTPAdapter):
        """The sign-in's address is made by the client; here its host is this machine."""

        def send(self, request: Any, *args: Any, **more: Any) -> Any:
            request.url = request.url.replace("https://acme.my.salesforce.com", server.url)
            return super().send(request, *args, **more)

    real = salesforce._session

    def session(ca_file: str | None, timeout: float) -> Any:
        made = real(ca_file, timeout)
        made.mount("https://acme.my.salesforce.com", Here())
        return made

    monkeypatch.setattr(salesforce, "_session", session)
    monkeypatch.setenv("SF_KEY", "consumer-key")
    monkeypatch.setenv("SF_SECRET", "canary-consumer-secret")
    table.key_and_secret = ("consumer-key", "canary-consumer-secret")
    said = {
        "kind": "salesforce",
        "domain": "acme.my",
        "consumer_key": "${SF_KEY}",
        "consumer_secret": "${SF_SECRET}",
        "ca_file": str(certificate),
    }
    shop.declare(crm=said)
    shop.score("03-01", "a")
    assert shop.send().receivers[0].sent == 1
    assert healths(table)["a"] == 40.0
    table.key_and_secret = ("consumer-key", "another")
    shop.score("03-02", "a")
    found = shop.send()
    assert "lets nobody in" in (found.receivers[0].trouble or "")
    assert "canary" not in str(found.as_data())
    assert found.receivers[0].waiting == 1
    server.after.append(STALL)
    shop.hurry()
    assert "Salesforce does not answer" in (shop.send().receivers[0].trouble or "")
    server.before.append(Response(307, None, {"Location": f"{server.url}/elsewhere"}))
    shop.send()
    assert {request.path for request in server.seen if request.method == "POST"} == {"/services/oauth2/token"}


def test_a_client_that_is_not_installed_is_named_with_its_extra(
    shop: Shop, declared: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "simple_salesforce", None)
    shop.score("03-01", "a")
    found = shop.send()
    assert "pip install 'churnml[salesforce]'" in (found.receivers[0].trouble or "")
    assert found.receivers[0].waiting == 1
