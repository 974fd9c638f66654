"""The account's page: notes that people write down, and the timeline with what the store has."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace

import pytest

from tests.store.days import account, message, record, scores
from tests.web.conftest import HOSTILE, NOW, TODAY, Browser, Company, Page
from tests.web.test_who_may_do_what import PEOPLE, signed_in, token_of


def write(browser: Browser, page: Page, text: str) -> Page:
    (form,) = re.findall(r'<form class="note".*?</form>', page.text, flags=re.S)
    return browser.post("/notes/add", {**dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)), "text": text})


def test_a_note_has_its_author_and_date_and_stands_once_however_often_the_button_is_pressed(company: Company) -> None:
    browser = company.open()
    page = browser.get("/account", id="acme")
    assert "Nobody has written anything down." in page.text
    after = write(browser, page, "They look at others.\r\nCall Ann.")
    assert write(browser, page, "They look at others.\r\nCall Ann.").code == after.code == 200
    assert "5 March 2024, <bdi>olga</bdi>" in after.text
    assert "<bdi>They look at others.\nCall Ann.</bdi>" in after.text
    assert "Note by olga" in after.text.partition("What happened")[2]
    (note,) = company.store.notes.of("acme")
    assert (note.author, note.on) == ("olga", TODAY)
    assert [one.what for one in company.store.audit.entries("acme")][:1] == ["note written"]
    assert company.store.notes.of("bolt") == []
    for text in (" ", "x" * 2_001):
        assert write(browser, page, text).code == 422


@pytest.mark.parametrize("who", PEOPLE)
def test_who_may_see_and_act_writes_notes_also_by_an_address_typed_by_hand(company: Company, who: str) -> None:
    browser = signed_in(company, who)
    token = token_of(browser)
    for account_id, writers in (("acme", ("olga", "sam", "ada")), ("dune", ("piet", "sam", "ada"))):
        answer = browser.post("/notes/add", {"account": account_id, "text": "hello", "token": token})
        assert (len(company.store.notes.of(account_id)) == 1) == (who in writers)
        # it leads back to the list, as it says no page of its own
        assert answer.code == (200 if who in writers else 403 if who in ("vera", "all") else 404)
    seen = browser.get("/account", id="dune" if who == "piet" else "acme").text
    assert ("/notes/add" in seen) == (who not in ("vera", "all"))


def test_a_note_stays_text_whatever_it_says(company: Company) -> None:
    browser = company.open()
    text = write(browser, browser.get("/account", id="acme"), HOSTILE).text
    assert "<script>alert" not in text
    outside = re.sub(r'<bdi>.*?</bdi>|value="[^"]*"', "", text, flags=re.S)
    assert "\u202e" not in outside


def test_the_timeline_tells_of_the_contract_of_the_owner_and_of_messages_but_of_no_daily_health(
    company: Company,
) -> None:
    day = TODAY.replace(day=6)
    was = account("acme", mrr=400.0, renews_on=dt.date(2024, 3, 20))
    now = replace(was, mrr=450.5, owner_id="piet", renews_on=dt.date(2025, 3, 20), health=20.0)
    told = [message("k1", "acme"), replace(message("k2", "acme"), kind="health"), message("k3", "bolt", "slack")]
    record(company.store, scores(day, now), "third", NOW + dt.timedelta(days=1), messages=told)
    text = company.open().get("/account", id="acme").text.partition("What happened")[2]
    for shown in (
        "MRR: 400 EUR → 450 EUR",
        "The renewal moved from 20 March 2024 to 20 March 2025",
        "Owner: olga → piet",
        "crm is to be told of work",
    ):
        assert f"<bdi>{shown}</bdi>" in text
    assert text.count("to be told") == 1


def test_what_is_not_known_at_one_of_two_dates_is_no_change(company: Company) -> None:
    day = TODAY.replace(day=6)
    record(company.store, scores(day, account("acme", mrr=None, health=20.0)), "third", NOW)
    text = company.open().get("/account", id="acme").text.partition("What happened")[2]
    assert "MRR:" not in text
    assert "renewal moved" not in text
