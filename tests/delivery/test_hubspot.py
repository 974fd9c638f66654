"""Write-back to HubSpot through its client, against a server that speaks as its documentation says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from churnml.ledger import DayPlan
from tests.delivery.conftest import Shop
from tests.delivery.hubspot_server import TOO_FAST, HubspotServer
from tests.delivery.servers import CUT, CUT_IN_THE_BODY, STALL, Response, Server, serving
from tests.store.days import account, day, event, item

TOKEN = "pat-canary-token-91b"  # noqa: S105


@pytest.fixture
def table() -> HubspotServer:
    return HubspotServer(TOKEN, *"abcdef")


@pytest.fixture
def server(table: HubspotServer) -> Iterator[Server]:
    with serving(table) as found:
        yield found


@pytest.fixture
def declared(shop: Shop, server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    said = {"kind": "hubspot", "url": server.url, "token": "${HUBSPOT_TOKEN}"}
    shop.declare(crm=said)
    return said


def healths(table: HubspotServer) -> dict[str, str | None]:
    return {row["churnml_account_id"]: row.get("churnml_health") for row in table.companies.values()}


@pytest.mark.usefixtures("declared")
def test_health_stands_on_the_company_and_work_is_a_task_of_it(shop: Shop, table: HubspotServer) -> None:
    shop.score("03-01", "a", account("b", health=81.5, band="healthy"), opened=["a"])
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].waiting, found.dead] == [3, 0, ()]
    first, second = table.companies["9000"], table.companies["9001"]
    assert [first["churnml_health"], first["churnml_band"], first["churnml_as_of"]] == ["40.0", "at_risk", "2024-03-01"]
    assert first["churnml_reasons"] == "Active on 2 days; usually 12."
    assert [second["churnml_health"], second["churnml_band"]] == ["81.5", "healthy"]
    ((task_id, task),) = table.tasks.items()
    assert [task["hs_task_subject"], task["hs_timestamp"], task["hs_task_status"]] == [
        "Call",
        "2024-03-08T12:00:00Z",
        "NOT_STARTED",
    ]
    assert table.pairs == {(task_id, "9000")}


@pytest.mark.usefixtures("declared")
def test_a_users_text_is_no_html_in_a_task(shop: Shop, table: HubspotServer) -> None:
    from churnml.ledger import Reason

    reasons = (Reason("usage", "x", "<img src=x onerror=alert(1)> & more", 1.0),)
    shop.score("03-01", account("a", reasons=reasons), opened=["a"])
    shop.send()
    (task,) = table.tasks.values()
    assert "<img" not in task["hs_task_body"]
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; more<br>" in task["hs_task_body"]


@pytest.mark.usefixtures("declared")
def test_an_item_that_is_dismissed_completes_its_task_and_makes_no_second(shop: Shop, table: HubspotServer) -> None:
    shop.score("03-01", "a", opened=["a"])
    shop.send()
    was = item("a", day("03-01"))
    ends = item("a", day("03-01"), state="dismissed", ended_on=day("03-02"), ended_because="wrong")
    ended = event(was.work_id, day("03-02"), "dismissed", "olga", "the score was wrong")
    told = shop.messages("03-02", ["a"], DayPlan(work=(ends,), events=(ended,)))
    shop.store.work.change(was, ends, ended, shop.clock(), [one for one in told if one.kind == "work"])
    shop.send()
    (task,) = table.tasks.values()
    assert task["hs_task_status"] == "COMPLETED"
    assert "Dismissed on 2024-03-02 by olga: the score was wrong" in task["hs_task_body"]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("trouble", "place"),
    [(STALL, 1), (STALL, 4), (CUT, 3), (CUT_IN_THE_BODY, 0), *((Response(502, b"<html>"), at) for at in range(5))],
)
def test_whatever_happens_to_whichever_answer_each_fact_stands_once(
    shop: Shop, table: HubspotServer, server: Server, trouble: Any, place: int
) -> None:
    """Looking up, writing companies, looking up, writing tasks, putting them with their companies."""
    shop.score("03-01", *"abc", opened=["a", "b"])
    if trouble == STALL:
        shop.hurry()
    server.after.extend([None] * place + [trouble])
    shop.send()
    assert shop.store.outbox.counts()["crm"].get("sent", 0) < 5
    shop.until_quiet()
    assert healths(table) == {"a": "40.0", "b": "40.0", "c": "40.0", "d": None, "e": None, "f": None}
    work = {key: row["churnml_work_id"][0] for key, row in table.tasks.items()}
    assert sorted(work.values()) == ["a", "b"]
    assert {(work[task], table.companies[company]["churnml_account_id"]) for task, company in table.pairs} == {
        ("a", "a"),
        ("b", "b"),
    }
    assert shop.store.outbox.dead() == []


@pytest.mark.usefixtures("declared")
def test_no_call_holds_more_records_than_hubspot_takes(shop: Shop, table: HubspotServer, server: Server) -> None:
    many = [f"n{number:04}" for number in range(230)]
    table.companies.update({name: {"name": name, "churnml_account_id": name} for name in many})
    shop.score("03-01", *many)
    assert shop.send().receivers[0].sent == 230
    assert [len(request.data["inputs"]) for request in server.seen] == [100, 100, 100, 100, 30, 30]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("tells_each", [True, False])
def test_a_record_that_is_refused_holds_up_no_other(shop: Shop, table: HubspotServer, tells_each: bool) -> None:
    table.tells_each = tells_each
    shop.score("03-01", "a", "b", account("c", health=140.0), "d", "unknown")
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].died] == [3, 2]
    assert healths(table) == {"a": "40.0", "b": "40.0", "c": None, "d": "40.0", "e": None, "f": None}
    reasons = {letter.subject: letter.last_error for letter in found.dead}
    assert "Property values were not valid" in reasons["c"]
    assert reasons["unknown"] == "no such company in HubSpot"
    assert len(table.companies) == 6  # none was made


def test_an_unknown_company_may_be_passed_over(shop: Shop, declared: dict[str, Any], table: HubspotServer) -> None:
    shop.declare(crm={**declared, "unknown_accounts": "skip"})
    shop.score("03-01", "unknown", opened=["unknown"])
    found = shop.send()
    assert [found.receivers[0].sent, found.dead, table.tasks] == [2, (), {}]


@pytest.mark.usefixtures("declared")
def test_at_its_limit_of_calls_hubspot_is_left_alone(shop: Shop, table: HubspotServer, server: Server) -> None:
    shop.score("03-01", "a")
    server.before.append(Response(429, TOO_FAST, {"Retry-After": "600"}))
    found = shop.send()
    assert len(server.seen) == 1
    assert "TEN_SECONDLY_ROLLING" in (found.receivers[0].trouble or "")
    assert shop.store.outbox.all()[0].next_attempt_at == shop.clock() + dt.timedelta(seconds=600)
    shop.until_quiet()
    assert healths(table)["a"] == "40.0"


@pytest.mark.usefixtures("declared")
def test_at_its_daily_limit_hubspot_is_left_alone_for_an_hour(shop: Shop, server: Server) -> None:
    shop.score("03-01", "a")
    server.before.append(Response(429, {**TOO_FAST, "policyName": "DAILY"}))
    shop.send()
    assert shop.store.outbox.all()[0].next_attempt_at >= shop.clock() + dt.timedelta(hours=1)


def test_credentials_and_properties_that_are_wrong_kill_no_message(
    shop: Shop, declared: dict[str, Any], table: HubspotServer
) -> None:
    shop.score("03-01", *"abcdef")
    table.token = "another"  # noqa: S105
    assert shop.send().receivers[0].died == 0
    table.token = TOKEN
    shop.declare(crm={**declared, "properties": {"band": "not_there"}})
    shop.clock.later(hours=1)
    found = shop.send()
    assert [found.receivers[0].died, found.receivers[0].waiting] == [0, 6]
    assert "not_there" in (found.receivers[0].trouble or "")
    shop.declare(crm=declared)
    shop.until_quiet()
    assert set(healths(table).values()) == {"40.0"}


@pytest.mark.usefixtures("declared")
def test_an_answer_that_does_not_name_its_records_is_asked_again(shop: Shop, table: HubspotServer) -> None:
    table.says_little = True
    shop.score("03-01", *"ab", opened=["a", "b"])
    shop.send()
    assert {(table.tasks[task]["churnml_work_id"][0], company) for task, company in table.pairs} == {
        ("a", "9000"),
        ("b", "9001"),
    }


@pytest.mark.usefixtures("declared")
def test_what_waited_while_hubspot_was_away_is_told_as_it_now_is(
    shop: Shop, table: HubspotServer, server: Server
) -> None:
    shop.score("03-01", account("a", health=10.0))
    server.before.append(Response(500))
    shop.send()
    shop.score("03-02", account("a", health=20.0))
    shop.clock.later(hours=1)
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].overtaken, healths(table)["a"]] == [2, 1, "20.0"]


@pytest.mark.usefixtures("declared")
def test_a_revived_change_of_work_does_not_open_what_was_closed(
    shop: Shop, table: HubspotServer, server: Server
) -> None:
    shop.score("03-01", "a", opened=["a"])
    server.after.extend([None, None, None, Response(400, {"message": "no", "category": "VALIDATION_ERROR"})])
    (dead,) = shop.send().dead
    was = item("a", day("03-01"))
    ends = item("a", day("03-01"), state="closed", ended_on=day("03-02"), ended_because="over")
    ended = event(was.work_id, day("03-02"), "closed")
    told = shop.messages("03-02", ["a"], DayPlan(work=(ends,), events=(ended,)))
    shop.store.work.change(was, ends, ended, shop.clock(), [one for one in told if one.kind == "work"])
    shop.send()
    shop.store.outbox.revive(dead.delivery_id, shop.clock(), who="rita", why="try again")
    assert shop.send().receivers[0].overtaken == 1
    (task,) = table.tasks.values()
    assert task["hs_task_status"] == "COMPLETED"


def test_account_ids_may_be_hubspots_own(shop: Shop, declared: dict[str, Any], table: HubspotServer) -> None:
    shop.declare(crm={**declared, "company_id_property": "hs_object_id", "owners": {"olga": "77"}})
    shop.score("03-01", "9000", "9999", opened=["9000"])
    found = shop.send()
    assert [found.receivers[0].sent, [one.subject for one in found.dead]] == [2, ["9999"]]
    assert table.companies["9000"]["churnml_health"] == "40.0"
    ((task_id, task),) = table.tasks.items()
    assert [task["hubspot_owner_id"], table.pairs] == ["77", {(task_id, "9000")}]


@pytest.mark.usefixtures("declared")
def test_a_client_that_is_not_installed_is_named_with_its_extra(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "hubspot", None)
    shop.score("03-01", "a")
    assert "pip install 'churnml[hubspot]'" in (shop.send().receivers[0].trouble or "")


@pytest.mark.usefixtures("declared")
def test_a_server_nobody_vouches_for_is_not_told_the_token(
    shop: Shop, declared: dict[str, Any], table: HubspotServer, certificate: Any
) -> None:
    with serving(table, certificate) as over_tls:
        shop.declare(crm={**declared, "url": over_tls.url})
        shop.score("03-01", "a")
        assert shop.send().receivers[0].failed == 1
        assert over_tls.seen == []
        shop.declare(crm={**declared, "url": over_tls.url, "ca_file": str(certificate)})
        shop.until_quiet()
        assert healths(table)["a"] == "40.0"
