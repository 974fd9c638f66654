"""What people do to work: it is written once, as they saw it, with its reason; and can be taken back."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from churnml.errors import UnavailableError
from churnml.ledger import DayPlan
from churnml.work.life import reassign
from tests.store.days import event, kept_open, opening, record, scores
from tests.web.conftest import NOW, TODAY, Company


def test_done_is_written_with_who_did_it_and_the_next_item_has_the_focus(company: Company) -> None:
    browser = company.open()
    page = browser.press(browser.get("/day"), "done", company.work["acme"])
    assert page.code == 200
    item = company.store.work.item(company.work["acme"])
    assert (item.state, item.ended_on) == ("done", TODAY)
    assert company.store.work.events(item.work_id)[-1].who == "olga"
    assert company.store.audit.entries(subject="acme")[0].what == "work done"
    focused = page.text.index(" autofocus>")
    assert page.text.rindex("data-work=", 0, focused) == page.text.index(f'data-work="{company.work["bolt"]}"')


@pytest.mark.parametrize(
    ("action", "typed", "state"),
    [
        ("snooze", {"why": "on leave", "until": "2024-03-12"}, "snoozed"),
        ("dismiss", {"why": "sold"}, "dismissed"),
        ("hand-on", {"why": "knows them", "to": "piet"}, "open"),
    ],
)
def test_what_asks_for_a_reason_is_refused_without_one(
    company: Company, action: str, typed: dict[str, str], state: str
) -> None:
    browser, work = company.open(), company.work["acme"]
    refused = browser.press(browser.get("/day"), action, work, **{**typed, "why": " "})
    assert refused.code == 409
    assert "No reason is given" in refused.text
    assert company.store.work.item(work).state == "open"
    assert browser.press(browser.get("/day"), action, work, **typed).code == 200
    item = company.store.work.item(work)
    assert item.state == state
    assert company.store.work.events(work)[-1].why == typed["why"]
    assert item.owner == typed.get("to", "olga")


def test_work_is_handed_to_nobody_who_is_not_there(company: Company) -> None:
    browser = company.open()
    page = browser.press(browser.get("/day"), "hand-on", company.work["acme"], to="pite", why="knows them")
    assert page.code == 422
    assert company.store.work.item(company.work["acme"]).owner == "olga"


def test_of_two_people_on_the_same_item_the_second_is_told(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    page = browser.get("/day")
    item = company.store.work.item(work)
    after, event = reassign(item, to="piet", who="piet", why="mine", on=TODAY)
    company.store.work.change(item, after, event, NOW)
    refused = browser.press(page, "done", work)
    assert refused.code == 409
    assert "with piet" in refused.text
    assert company.store.work.item(work).state == "open"


def test_a_button_pressed_twice_counts_once(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    page = browser.get("/day")
    assert browser.press(page, "done", work).code == 200
    again = browser.press(page, "done", work)
    assert again.code == 409
    assert "it was done on 2024-03-05" in again.text
    assert [one.what for one in company.store.work.events(work)] == ["opened", "done"]


@pytest.mark.parametrize(
    ("action", "typed"),
    [
        ("done", {}),
        ("snooze", {"why": "on leave", "until": "2024-03-12"}),
        ("dismiss", {"why": "sold"}),
        ("hand-on", {"why": "knows them", "to": "piet"}),
    ],
)
def test_what_was_just_done_can_be_taken_back_as_it_was(company: Company, action: str, typed: dict[str, str]) -> None:
    browser, work = company.open(), company.work["acme"]
    before = company.store.work.item(work)
    page = browser.press(browser.get("/day"), action, work, **typed)
    back = browser.press(page, "undo", work)
    assert back.code == 200
    assert company.store.work.item(work) == before
    assert [one.what for one in company.store.work.events(work)][-1] == "undone"
    assert "Just done" not in back.text
    assert f'data-work="{work}"' in back.text


def test_after_two_minutes_or_by_somebody_else_nothing_is_taken_back(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    page = browser.press(browser.get("/day"), "done", work)
    piet = company.open(by="piet")
    theirs = piet.press(piet.get("/day", owner="olga"), "done", company.work["bolt"])
    assert "/work/undo" in theirs.text
    fields = piet.form(theirs, "undo", company.work["bolt"]) | {"work": work}
    assert piet.post("/work/undo", fields).code == 409
    company.clock.later(minutes=3)
    assert browser.press(page, "undo", work).code == 409
    assert "Just done" not in browser.get("/day").text
    assert company.store.work.item(work).state == "done"


def test_nothing_is_taken_back_where_new_work_for_the_same_was_opened(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    page = browser.press(browser.get("/day"), "done", work)
    later = TODAY + dt.timedelta(days=1)
    record(company.store, scores(later, "acme"), "third", NOW, opening(later, "acme"))
    assert "New work for the same was opened" in browser.press(page, "undo", work).text
    assert company.store.work.item(work).state == "done"


def test_a_run_that_finishes_while_a_page_is_open_loses_nothing(company: Company) -> None:
    browser, work = company.open(), company.work
    page = browser.get("/day")
    acme, bolt = (company.store.work.item(work[name]) for name in ("acme", "bolt"))
    closed = replace(bolt, state="closed", ended_on=TODAY, ended_because="it is well again")
    plan = kept_open(TODAY, acme)
    plan = DayPlan(
        decisions=plan.decisions, work=(acme, closed), events=(event(bolt.work_id, TODAY, "closed", why="well again"),)
    )
    record(company.store, scores(TODAY, "acme", "bolt"), "third", NOW, plan)
    assert browser.press(page, "done", work["acme"]).code == 200
    refused = browser.press(page, "done", work["bolt"])
    assert refused.code == 409
    assert "it is well again" in refused.text


def test_many_are_done_at_once_and_what_is_refused_is_told(company: Company) -> None:
    browser, work = company.open(), company.work
    page = browser.get("/day")
    chosen = dict(value.split(" ") for value in re.findall(r'name="item" value="([^"]+)"', page.text))
    browser.press(page, "done", work["acme"])
    fields = browser.form(page, "done", work["bolt"]) | {"do": "dismiss", "why": "sold"}
    picked = [f"{work[name]} {chosen[work[name]]}" for name in ("acme", "bolt", "cord")]
    answer = browser.post("/work/many", {**fields, "item": picked})
    assert answer.code == 409
    assert "2 changes written, 1 refused" in answer.text
    states = {name: company.store.work.item(work[name]).state for name in ("acme", "bolt", "cord")}
    assert states == {"acme": "done", "bolt": "dismissed", "cord": "dismissed"}
    assert "Nothing was chosen" in browser.post("/work/many", fields).text


def test_a_store_that_does_not_answer_is_told_in_words(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = company.open()
    page = browser.get("/day")

    def away(*_: object) -> None:
        raise UnavailableError("The operational store is locked.", remedy="Try again.")

    with monkeypatch.context() as patched:
        patched.setattr(company.store.work, "change", away)
        refused = browser.press(page, "done", company.work["acme"])
    assert refused.code == 503
    assert "The operational store is locked" in refused.text
    assert browser.press(page, "done", company.work["acme"]).code == 200


def test_a_store_that_is_gone_is_told_in_words(company: Company) -> None:
    browser = company.open()
    browser.get("/day")
    (company.root / "store.db").unlink()
    page = browser.get("/day")
    assert page.code == 503
    assert "The operational store is not there" in page.text


def test_receivers_are_told_what_was_taken_back_and_what_was_done_again(company: Company) -> None:
    (company.root / "models").mkdir()
    (company.root / "models" / "delivery.yaml").write_text(
        "receivers: {file: {kind: drop, path: out, sends: [work]}}\n"
    )
    browser, work = company.open(), company.work["acme"]
    page = browser.press(browser.get("/day"), "done", work)
    for _ in range(2):
        page = browser.press(page, "undo", work)
        page = browser.press(page, "done", work)
    told = [message.payload["work"]["what"] for message in company.store.outbox.all()]
    assert sorted(told) == ["done", "done", "done", "undone", "undone"]
