"""What the API answers: lists page by page, fingerprints, changes made once, problems, how much may be asked."""

from __future__ import annotations

import datetime as dt
from typing import get_args

import pytest

from churnml.errors import UnavailableError
from churnml.ledger.cockpit import AccountFilter, SortKey
from tests.store.days import account, record, scores
from tests.web.api_client import Program, program
from tests.web.conftest import HOSTILE, TODAY, YESTERDAY, Company


def test_an_account_is_answered_with_its_score_reasons_and_the_scoring_they_are_of(company: Company) -> None:
    caller = program(company, "crm")
    shown = caller.get("/account?id=acme").json()
    assert (shown["health"], shown["churn_probability"], shown["mrr"], shown["currency"]) == (20.0, 0.62, 400.0, "EUR")
    assert shown["reasons"] == [{"code": "usage.active_days", "sentence": "Active on 2 days; usually 12."}]
    scoring = shown["scoring"]
    assert (scoring["as_of"], scoring["revision"], scoring["models"]) == (
        "2024-03-05",
        1,
        {"churn": "3", "upsell": None},
    )
    assert caller.get(f"/account?id=acme&as_of={YESTERDAY}").json()["health"] == 70.0
    assert caller.get("/account?id=acme&as_of=2024-01-01").status_code == 404
    history = caller.get("/account/history?id=acme&limit=1").json()
    assert [one["as_of"] for one in history["items"]] == ["2024-03-05"]
    rest = caller.get(f"/account/history?id=acme&cursor={history['next']}").json()
    assert ([one["health"] for one in rest["items"]], rest["next"]) == ([70.0], None)


def test_a_name_that_could_mislead_is_answered_as_it_is(company: Company) -> None:
    caller = program(company, "crm")
    answer = caller.client.get("/api/v1/account", params={"id": HOSTILE}, headers=caller.headers())
    assert answer.json()["account_id"] == HOSTILE
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_pages_of_a_list_are_the_list(company: Company) -> None:
    caller = program(company, "crm")
    for sort in get_args(SortKey):
        for order in ("up", "down"):
            the_pages_are_the_list(company, caller, sort, order)


def the_pages_are_the_list(company: Company, caller: Program, sort: SortKey, order: str) -> None:
    whole = company.store.account_list(TODAY, AccountFilter(sort=sort, descending=order == "down"))
    names, cursor = [], ""
    while cursor is not None:
        page = caller.get(
            f"/accounts?sort={sort}&order={order}&limit=2" + (f"&cursor={cursor}" if cursor else "")
        ).json()
        names += [one["account_id"] for one in page["items"]]
        assert page["accounts"] == 6
        cursor = page["next"]
    assert names == [line.account_id for line in whole.lines]


def test_a_list_goes_on_with_the_scoring_it_began_with_or_says_that_it_is_gone(company: Company) -> None:
    caller = program(company, "crm")
    cursor = caller.get("/accounts?sort=account&order=up&limit=2").json()["next"]
    later = TODAY + dt.timedelta(days=1)
    record(company.store, scores(later, account("zeta")), "third", company.clock.now)
    second = caller.get(f"/accounts?sort=account&order=up&limit=2&cursor={cursor}").json()
    assert second["scoring"]["as_of"] == str(TODAY)
    assert caller.get("/accounts").json()["scoring"]["as_of"] == str(later)
    record(company.store, scores(TODAY, account("acme", health=1.0)), "again", company.clock.now)
    gone = caller.get(f"/accounts?sort=account&order=up&limit=2&cursor={cursor}")
    assert (gone.status_code, gone.json()["type"]) == (410, "urn:churnml:problem:cursor-too-old")


def test_a_cursor_of_another_question_or_none_of_ours_is_refused(company: Company) -> None:
    caller = program(company, "crm")
    cursor = caller.get("/accounts?limit=2").json()["next"]
    for path in (
        f"/accounts?sort=mrr&cursor={cursor}",
        "/accounts?cursor=x",
        "/accounts?cursor=ImEi",
        "/work?cursor=é",
    ):
        assert caller.get(path).status_code == 422
    assert caller.get(f"/account/history?id=acme&cursor={cursor}").status_code == 422


def test_work_is_answered_page_by_page_in_the_order_it_was_opened(company: Company) -> None:
    caller = program(company, "crm")
    names, cursor = [], ""
    while cursor is not None:
        page = caller.get("/work?limit=2" + (f"&cursor={cursor}" if cursor else "")).json()
        names += [one["work_id"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(names) == sorted(company.work.values())
    assert len(names) == len(set(names)) == 5


def test_an_answer_that_the_caller_has_is_not_sent_again(company: Company) -> None:
    caller = program(company, "crm")
    for path in ("/account?id=acme", "/accounts", f"/work/{company.work['acme']}"):
        first = caller.get(path)
        again = caller.get(path, **{"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert caller.get(path, **{"If-None-Match": '"other"'}).status_code == 200
    seen = caller.etag(company.work["acme"])
    caller.act(company.work["acme"], "snooze", {"why": "away", "until": "2024-03-20"})
    changed = caller.get(f"/work/{company.work['acme']}", **{"If-None-Match": seen})
    assert (changed.status_code, changed.json()["snoozed_until"]) == (200, "2024-03-20")


def test_the_same_call_twice_changes_something_once(company: Company) -> None:
    caller, work_id = program(company, "crm"), company.work["acme"]
    etag = caller.etag(work_id)
    for action, asked in (("snooze", {"why": "away", "until": "2024-03-20"}),):
        first = caller.act(work_id, action, asked, etag=etag, key="k")
        again = caller.act(work_id, action, asked, etag=etag, key="k")
        assert (first.status_code, again.status_code) == (200, 200)
        assert first.json() == again.json()
        assert [one.headers.get("idempotency-replayed") for one in (first, again)] == [None, "true"]
    assert [one.what for one in company.store.work.events(work_id)] == ["opened", "snoozed"]
    # a key means one thing, and another caller's key another
    other = caller.act(work_id, "done", {}, key="k")
    assert (other.status_code, other.json()["type"]) == (422, "urn:churnml:problem:not-understood")
    assert program(company, "bi").act(work_id, "done", {}, key="k").status_code == 200


def test_a_call_that_somebody_else_was_faster_than_is_made_once(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same call arrives twice at once: the second finds nothing when it looks, and the first is written then."""
    caller, work_id = program(company, "crm"), company.work["acme"]
    etag, change = caller.etag(work_id), company.store.work.change
    twin = []

    def after_its_twin(*given: object) -> None:
        monkeypatch.setattr(company.store.work, "change", change)
        twin.append(caller.act(work_id, "snooze", {"why": "away", "until": "2024-03-20"}, etag=etag, key="k"))
        change(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(company.store.work, "change", after_its_twin)
    answer = caller.act(work_id, "snooze", {"why": "away", "until": "2024-03-20"}, etag=etag, key="k")
    assert (answer.status_code, answer.headers["idempotency-replayed"]) == (200, "true")
    assert answer.json() == twin[0].json()
    assert [one.what for one in company.store.work.events(work_id)] == ["opened", "snoozed"]


def test_nobody_changes_what_they_have_not_seen(company: Company) -> None:
    caller, work_id = program(company, "crm"), company.work["acme"]
    etag = caller.etag(work_id)
    assert caller.act(work_id, "done", {}, etag="").status_code == 428
    assert caller.post(f"/work/{work_id}/done", {}, etag=etag, key="").status_code == 400
    browser = company.open()
    browser.press(browser.get("/day"), "hand-on", work_id, to="piet", why="knows them")
    stale = caller.act(work_id, "done", {}, etag=etag)
    assert (stale.status_code, stale.json()["type"]) == (412, "urn:churnml:problem:has-changed")
    assert "with piet" in stale.json()["detail"]
    assert stale.headers["etag"] == caller.etag(work_id)
    assert company.store.work.item(work_id).state == "open"
    assert caller.act(work_id, "done", {}, etag=f'"x", {caller.etag(work_id)}').status_code == 200


def test_what_was_done_is_taken_back_by_the_same_token_within_two_minutes(company: Company) -> None:
    caller, other, work_id = program(company, "crm"), program(company, "bi"), company.work["acme"]
    done = caller.act(work_id, "done", {"why": "renewed"})
    assert other.act(work_id, "undo", {}).status_code == 409
    assert caller.act(work_id, "undo", {}, etag=done.headers["etag"]).json()["state"] == "open"
    done = caller.act(work_id, "done", {"why": "renewed"})
    company.clock.later(minutes=3)
    assert caller.act(work_id, "undo", {}).status_code == 409


def test_work_that_was_handed_on_out_of_sight_can_be_taken_back(company: Company) -> None:
    caller = program(company, "kim", role="success_manager", owners=("piet",))
    work_id = company.work["dune"]
    given = caller.act(work_id, "hand-on", {"why": "knows them", "to": "olga"})
    assert caller.act(work_id, "undo", {}, etag=given.headers["etag"]).json()["owner"] == "piet"


REFUSED = (
    ("GET", "/nowhere", 404),
    ("GET", "/account", 422),
    ("GET", "/account?id=acme&as_of=yesterday", 422),
    ("GET", "/account?id=acme&as_of=0001-01-01", 422),
    ("GET", "/account?id=a%00b", 422),
    ("GET", "/accounts?colour=red", 422),
    ("GET", "/accounts?limit=0", 422),
    ("GET", "/accounts?limit=" + "9" * 400, 422),
    ("GET", "/accounts?mrr_from=nan", 422),
    ("GET", "/accounts?sort=colour", 422),
    ("GET", "/work/none", 404),
    ("GET", "/work/a%00b", 422),
    ("POST", "/accounts", 405),
    ("DELETE", "/accounts", 405),
    ("OPTIONS", "/accounts", 405),
)


def test_every_error_is_a_problem_with_its_name(company: Company) -> None:
    caller = program(company, "crm")
    for method, path, status in REFUSED:
        answer = caller.client.request(method, f"/api/v1{path}", headers=caller.headers())
        assert answer.status_code == status, path
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == status
        assert problem["type"].startswith("urn:churnml:problem:")
        assert problem["detail"]


UNREADABLE = (
    (b"", 422),
    (b"{", 422),
    (b'{"why": "x", "colour": "red"}', 422),
    (b'{"why": 3}', 422),
    (b'{"why": "\\ud800"}', 422),
    (b'{"why": "a\\u0000b"}', 422),
    (b'{"why": "' + b"x" * 600 + b'"}', 422),
    (b'{"why": "' + b"x" * 70_000 + b'"}', 413),
    (b"[" * 50_000, 400),
)


def test_what_cannot_be_read_is_a_problem_and_changes_nothing(company: Company) -> None:
    caller, work_id = program(company, "crm"), company.work["acme"]
    headers = caller.headers(**{"Idempotency-Key": "k", "If-Match": "*", "Content-Type": "application/json"})
    for body, status in UNREADABLE:
        answer = caller.client.post(f"/api/v1/work/{work_id}/dismiss", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert company.store.work.item(work_id).state == "open"


def test_what_cannot_be_done_says_why(company: Company) -> None:
    caller, work_id = program(company, "crm"), company.work["acme"]
    for action, asked, told in (
        ("dismiss", {}, "No reason"),
        ("snooze", {"why": "x", "until": "2024-03-01"}, "never be off"),
        ("hand-on", {"why": "x", "to": "nobody"}, "Nobody here"),
        ("hand-on", {"why": "x", "to": "olga"}, "has it already"),
    ):
        answer = caller.act(work_id, action, asked)
        assert answer.status_code in (409, 422)
        assert told in answer.json()["detail"]
        assert str(company.root) not in answer.text


def test_a_store_that_is_gone_and_a_bug_are_told_without_what_is_behind_them(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = program(company, "crm")

    def gone(*_: object, **__: object) -> None:
        raise UnavailableError("The operational store did not answer.", where="postgresql://secret")

    monkeypatch.setattr(company.store, "account_list", gone)
    answer = caller.get("/accounts")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret" not in answer.text
    monkeypatch.setattr(company.store, "account_list", lambda *_, **__: 1 / 0)
    answer = caller.get("/accounts")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "ZeroDivision" not in answer.text


def test_more_than_is_allowed_within_a_minute_is_refused_with_how_long_to_wait(company: Company) -> None:
    limit = "web: {api_requests_per_minute: 3}"
    caller = program(company, "crm", web=limit)
    left = [caller.get("/token").headers["ratelimit-remaining"] for _ in range(3)]
    assert left == ["2", "1", "0"]
    refused = caller.get("/token")
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:churnml:problem:too-many")
    assert 1 <= int(refused.headers["retry-after"]) <= 21
    company.clock.later(seconds=int(refused.headers["retry-after"]))
    assert caller.get("/token").status_code == 200


def test_the_description_of_the_api_is_open_and_its_page_names_every_address(company: Company) -> None:
    client = company.open().client
    described = client.get("/api/v1/openapi.json").json()
    page = client.get("/api/v1/").text
    assert len(described["paths"]) == 13
    for path in described["paths"]:
        assert path in page
    assert "Authorization" in page
    assert "<script" not in page
