"""Write-back to HubSpot through its client, against a server that speaks as its documentation says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from churnml.ledger import DayPlan
from tests.delivery.conftest import Desk
from tests.delivery.hubspot_server import TOO_FAST, HubspotServer
from tests.delivery.servers import CUT, CUT_IN_THE_BODY, STALL, Response, Server, serving
from tests.store.days import account, day, event, piece

TOKEN = "pat-canary-token-91b"  # noqa: S105


@pytest.fixture
def table() -> HubspotServer:
    return HubspotServer(TOKEN, *"abcdef")


@pytest.fixture
def server(table: HubspotServer) -> Iterator[Server]:
    with serving(table) as found:
        yield found


@pytest.fixture
def declared(desk: Desk, server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    said = {"kind": "hubspot", "url": server.url, "token": "${HUBSPOT_TOKEN}"}
    desk.declare(crm=said)
    return said


def healths(table: HubspotServer) -> dict[str, str | None]:
    return {row["churnml_account_id"]: row.get("churnml_health") for row in table.companies.values()}


@pytest.mark.usefixtures("declared")
def test_health_stands_on_the_company_and_work_is_a_task_of_it(desk: Desk, table: HubspotServer) -> None:
    desk.score("03-01", "a", account("b", health=81.5, band="healthy"), opened=["a"])
    found = desk.send()
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
def test_a_users_text_is_no_html_in_a_task(desk: Desk, table: HubspotServer) -> None:
    from churnml.scoring.reasons import Reason

    reasons = (Reason("usage", "x", "<img src=x onerror=alert(1)> & more", 1.0),)
    desk.score("03-01", account("a", reasons=reasons), opened=["a"])
    desk.send()
    (task,) = table.tasks.values()
    assert "<img" not in task["hs_task_body"]
    assert "&lt;img src=x onerror=alert(1)&gt; &amp; more<br>" in task["hs_task_body"]


@pytest.mark.usefixtures("declared")
def test_a_piece_that_is_dismissed_completes_its_task_and_makes_no_second(desk: Desk, table: HubspotServer) -> None:
    desk.score("03-01", "a", opened=["a"])
    desk.send()
    was = piece("a", day("03-01"))
    ends = piece("a", day("03-01"), state="dismissed", ended_on=day("03-02"), ended_because="wrong")
    ended = event(was.work_id, day("03-02"), "dismissed", "olga", "the score was wrong")
    told = desk.messages("03-02", ["a"], DayPlan(work=(ends,), events=(ended,)))
    desk.store.work.change(was, ends, ended, desk.clock(), [one for one in told if one.kind == "work"])
    desk.send()
    (task,) = table.tasks.values()
    assert task["hs_task_status"] == "COMPLETED"
    assert "Dismissed on 2024-03-02 by olga: the score was wrong" in task["hs_task_body"]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("trouble", "place"),
    [(STALL, 1), (STALL, 4), (CUT, 3), (CUT_IN_THE_BODY, 0), *((Response(502, b"<html>"), at) for at in range(5))],
)
def test_whatever_happens_to_whichever_answer_each_fact_stands_once(
    desk: Desk, table: HubspotServer, server: Server, trouble: Any, place: int
) -> None:
    """Looking up, writing companies, looking up, writing tasks, putting them with their companies."""
    desk.score("03-01", *"abc", opened=["a", "b"])
    if trouble == STALL:
        desk.hurry()
    server.after.extend([None] * place + [trouble])
    desk.send()
    assert desk.store.outbox.counts()["crm"].get("sent", 0) < 5
    desk.until_quiet()
    assert healths(table) == {"a": "40.0", "b": "40.0", "c": "40.0", "d": None, "e": None, "f": None}
    work = {key: row["churnml_work_id"][0] for key, row in table.tasks.items()}
    assert sorted(work.values()) == ["a", "b"]
    assert {(work[task], table.companies[company]["churnml_account_id"]) for task, company in table.pairs} == {
        ("a", "a"),
        ("b", "b"),
    }
    assert desk.store.outbox.dead() == []


@pytest.mark.usefixtures("declared")
def test_no_call_holds_more_records_than_hubspot_takes(desk: Desk, table: HubspotServer, server: Server) -> None:
    many = [f"n{number:04}" for number in range(230)]
    table.companies.update({name: {"name": name, "churnml_account_id": name} for name in many})
    desk.score("03-01", *many)
    assert desk.send().receivers[0].sent == 230
    assert [len(request.data["inputs"]) for request in server.seen] == [100, 100, 100, 100, 30, 30]


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize("tells_each", [True, False])
def test_a_record_that_is_refused_holds_up_no_other(desk: Desk, table: HubspotServer, tells_each: bool) -> None:
    table.tells_each = tells_each
    desk.score("03-01", "a", "b", account("c", health=140.0), "d", "unknown")
    found = desk.send()
    assert [found.receivers[0].sent, found.receivers[0].died] == [3, 2]
    assert healths(table) == {"a": "40.0", "b": "40.0", "c": None, "d": "40.0", "e": None, "f": None}
    reasons = {letter.subject: letter.reason for letter in found.dead}
    assert "Property values were not valid" in reasons["c"]
    assert reasons["unknown"] == "no such company in HubSpot"
    assert len(table.companies) == 6  # none was made


def test_an_unknown_company_may_be_passed_over(desk: Desk, declared: dict[str, Any], table: HubspotServer) -> None:
    desk.declare(crm={**declared, "unknown_accounts": "skip"})
    desk.score("03-01", "unknown", opened=["unknown"])
    found = desk.send()
    assert [found.receivers[0].sent, found.dead, table.tasks] == [2, (), {}]


@pytest.mark.usefixtures("declared")
def test_at_its_limit_of_calls_hubspot_is_left_alone(desk: Desk, table: HubspotServer, server: Server) -> None:
    desk.score("03-01", "a")
    server.before.append(Response(429, TOO_FAST, {"Retry-After": "600"}))
    found = desk.send()
    assert len(server.seen) == 1
    assert "TEN_SECONDLY_ROLLING" in (found.receivers[0].trouble or "")
    assert desk.store.outbox.all()[0].next_attempt_at == desk.clock() + dt.timedelta(seconds=600)
    desk.until_quiet()
    assert healths(table)["a"] == "40.0"


@pytest.mark.usefixtures("declared")
def test_at_its_daily_limit_hubspot_is_left_alone_for_an_hour(desk: Desk, server: Server) -> None:
    desk.score("03-01", "a")
    server.before.append(Response(429, {**TOO_FAST, "policyName": "DAILY"}))
    desk.send()
    assert desk.store.outbox.all()[0].next_attempt_at >= desk.clock() + dt.timedelta(hours=1)


def test_credentials_and_properties_that_are_wrong_kill_no_message(
    desk: Desk, declared: dict[str, Any], table: HubspotServer
) -> None:
    desk.score("03-01", *"abcdef")
    table.token = "another"  # noqa: S105
    assert desk.send().receivers[0].died == 0
    table.token = TOKEN
    desk.declare(crm={**declared, "properties": {"band": "not_there"}})
    desk.clock.later(hours=1)
    found = desk.send()
    assert [found.receivers[0].died, found.receivers[0].waiting] == [0, 6]
    assert "not_there" in (found.receivers[0].trouble or "")
    desk.declare(crm=declared)
    desk.until_quiet()
    assert set(healths(table).values()) == {"40.0"}


@pytest.mark.usefixtures("declared")
def test_an_answer_that_does_not_name_its_records_is_asked_again(desk: Desk, table: HubspotServer) -> None:
    table.says_little = True
    desk.score("03-01", *"ab", opened=["a", "b"])
    desk.send()
    assert {(table.tasks[task]["churnml_work_id"][0], company) for task, company in table.pairs} == {
        ("a", "9000"),
        ("b", "9001"),
    }


@pytest.mark.usefixtures("declared")
def test_what_waited_while_hubspot_was_away_is_told_as_it_now_is(
    desk: Desk, table: HubspotServer, server: Server
) -> None:
    desk.score("03-01", account("a", health=10.0))
    server.before.append(Response(500))
    desk.send()
    desk.score("03-02", account("a", health=20.0))
    desk.clock.later(hours=1)
    found = desk.send()
    assert [found.receivers[0].sent, found.receivers[0].overtaken, healths(table)["a"]] == [2, 1, "20.0"]


@pytest.mark.usefixtures("declared")
def test_a_revived_change_of_work_does_not_open_what_was_closed(
    desk: Desk, table: HubspotServer, server: Server
) -> None:
    desk.score("03-01", "a", opened=["a"])
    server.after.extend([None, None, None, Response(400, {"message": "no", "category": "VALIDATION_ERROR"})])
    (dead,) = desk.send().dead
    was = piece("a", day("03-01"))
    ends = piece("a", day("03-01"), state="closed", ended_on=day("03-02"), ended_because="over")
    ended = event(was.work_id, day("03-02"), "closed")
    told = desk.messages("03-02", ["a"], DayPlan(work=(ends,), events=(ended,)))
    desk.store.work.change(was, ends, ended, desk.clock(), [one for one in told if one.kind == "work"])
    desk.send()
    desk.store.outbox.revive(dead.delivery_id, desk.clock(), who="rita", why="try again")
    assert desk.send().receivers[0].overtaken == 1
    (task,) = table.tasks.values()
    assert task["hs_task_status"] == "COMPLETED"


def test_account_ids_may_be_hubspots_own(desk: Desk, declared: dict[str, Any], table: HubspotServer) -> None:
    desk.declare(crm={**declared, "company_id_property": "hs_object_id", "owners": {"olga": "77"}})
    desk.score("03-01", "9000", "9999", opened=["9000"])
    found = desk.send()
    assert [found.receivers[0].sent, [one.subject for one in found.dead]] == [2, ["9999"]]
    assert table.companies["9000"]["churnml_health"] == "40.0"
    ((task_id, task),) = table.tasks.items()
    assert [task["hubspot_owner_id"], table.pairs] == ["77", {(task_id, "9000")}]


@pytest.mark.usefixtures("declared")
def test_a_client_that_is_not_installed_is_named_with_its_extra(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "hubspot", None)
    desk.score("03-01", "a")
    assert "pip install 'churnml[hubspot]'" in (desk.send().receivers[0].trouble or "")


@pytest.mark.usefixtures("declared")
def test_a_server_nobody_vouches_for_is_not_told_the_token(
    desk: Desk, declared: dict[str, Any], table: HubspotServer, certificate: Any
) -> None:
    with serving(table, certificate) as over_tls:
        desk.declare(crm={**declared, "url": over_tls.url})
        desk.score("03-01", "a")
        assert desk.send().receivers[0].failed == 1
        assert over_tls.seen == []
        desk.declare(crm={**declared, "url": over_tls.url, "ca_file": str(certificate)})
        desk.until_quiet()
        assert healths(table)["a"] == "40.0"
