"""The book: views that people keep by name, and renewals by month with what is expected to be lost."""

from __future__ import annotations

import datetime as dt
import html
import re

import pytest

from churnml.ledger.cockpit import AccountFilter, RenewingDay
from churnml.pages.cockpit.accounts import renewing_months
from churnml.timeline import month_of
from churnml.work.settling import renewal
from tests.web.conftest import HOSTILE, TODAY, Browser, Company, Page
from tests.web.test_who_may_do_what import PEOPLE, signed_in


def keep(browser: Browser, page: Page, name: str) -> Page:
    """Presses the button that keeps a view, as it stands on a page."""
    (form,) = re.findall(r'<form class="keep".*?</form>', page.text, flags=re.S)
    fields = {key: html.unescape(value) for key, value in re.findall(r'name="(\w+)" value="([^"]*)"', form)}
    return browser.post("/views/keep", {**fields, "name": name})


def views(page: Page) -> dict[str, str]:
    """The views that a page offers: name → address."""
    (shown,) = re.findall(r'<div class="saved".*?</div>', page.text, flags=re.S)
    links = re.findall(r'<a href="([^"]*)"[^>]*><bdi>(.*?)</bdi></a>', shown)
    return {html.unescape(name): html.unescape(address) for address, name in links}


def test_a_view_is_kept_by_name_shown_again_and_removed(company: Company) -> None:
    browser = company.open()
    page = keep(browser, browser.get("/accounts", owner="piet", sort="mrr", page="2"), " Piet’s  money ")
    assert page.code == 200
    assert views(page) == {"Piet’s money": "/accounts?owner=piet&sort=mrr"}
    assert 'aria-current="true"><bdi>Piet’s money' in browser.get("/accounts?owner=piet&sort=mrr").text
    # a name that is used again means the newer view
    keep(browser, browser.get("/accounts", band="at_risk"), "Piet’s money")
    assert views(browser.get("/accounts")) == {"Piet’s money": "/accounts?band=at_risk"}
    (form,) = re.findall(r'<form action="/views/remove".*?</form>', browser.get("/accounts").text, flags=re.S)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    assert browser.post("/views/remove", fields).code == 200
    assert browser.post("/views/remove", fields).code == 404
    assert 'aria-label="Your views"' in browser.get("/accounts").text
    assert company.store.views.of("olga") == []
    log = [(one.what, one.who, one.why) for one in company.store.audit.entries(limit=3)]
    assert log == [(what, "olga", "Piet’s money") for what in ("view removed", "view kept", "view kept")]


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_keeps_views_of_their_own_and_sees_nobody_elses(company: Company, who: str) -> None:
    root = company.open("", by="root")
    keep(root, root.get("/accounts", owner="olga"), "secret of root")
    browser = signed_in(company, who)
    page = keep(browser, browser.get("/accounts", band="at_risk"), "mine")
    assert views(page) == {"mine": "/accounts?band=at_risk"}
    assert "secret" not in page.text


def test_a_view_asks_for_nothing_but_accounts_whatever_was_sent(company: Company) -> None:
    browser = company.open()
    page = browser.get("/accounts", text=HOSTILE)
    kept = keep(browser, page, HOSTILE)
    assert "<script>alert" not in kept.text
    assert list(views(kept)) == [HOSTILE]
    (form,) = re.findall(r'<form class="keep".*?</form>', page.text, flags=re.S)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    for sent in ("https://evil.example/?x=1", "band=watch&other=1&page=7"):
        after = browser.post("/views/keep", {**fields, "address": sent, "name": "sent"})
        assert views(after)["sent"] in ("/accounts", "/accounts?band=watch")
    assert browser.post("/views/keep", {**fields, "address": "sort=names", "name": "sent"}).code == 422
    assert browser.post("/views/keep", {**fields, "name": " "}).code == 422
    assert browser.post("/views/keep", {**fields, "name": "x" * 81}).code == 422


def test_renewals_are_summed_by_month_for_what_is_chosen_and_lead_to_their_accounts(company: Company) -> None:
    browser = company.open()
    page = browser.get("/accounts").text.partition("Renewals by month")[2]
    rows = re.findall(r"<tr>(.*?)</tr>", page, flags=re.S)
    cells = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in rows[1:]]
    assert cells == [
        "March 2024 2 500 EUR 273 EUR 55 %",
        "later 1 100 EUR 25 EUR 25 %",
        "not known 3 200 EUR 50 EUR 25 %",
    ]
    chosen = browser.get("/accounts", renews="2024-03", sort="renews").text
    assert "2 accounts" in chosen
    assert "renewing in March 2024" in chosen
    assert chosen.index("id=acme") < chosen.index("id=bolt")
    assert "renews=2024-03" not in browser.get("/accounts", owner="piet").text
    for wrong in ("2024-13", "March", "9999-12"):
        assert browser.get("/accounts", renews=wrong).code == 422


def test_a_renewal_that_is_over_is_told_apart_and_a_month_holds_its_last_day() -> None:
    days = [
        RenewingDay(TODAY - dt.timedelta(days=1), 1, 10.0, None),
        RenewingDay(dt.date(2024, 4, 1), 1, None, None),
        RenewingDay(dt.date(2024, 4, 30), 2, 5.0, 1.0),
        RenewingDay(None, 3, None, None),
    ]
    months = renewing_months(AccountFilter(), TODAY, days)
    assert [(one.name, one.accounts, one.mrr, one.at_risk) for one in months] == [
        ("should have renewed", 1, 10.0, None),
        ("April 2024", 3, 5.0, 1.0),
        ("not known", 3, None, None),
    ]
    assert month_of("2024-12") == (dt.date(2024, 12, 1), dt.date(2025, 1, 1))
    assert renewal(TODAY, 26.0) == dt.date(2024, 3, 31)
    assert renewal(TODAY, None) is None
