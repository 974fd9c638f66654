"""What the pages show: the list, an account, every account; and that a user's text stays text."""

from __future__ import annotations

import csv
import html
import io
import re

import pytest

from tests.store.days import account, opening, record, scores
from tests.web.conftest import HOSTILE, NOW, TODAY, Company


def test_my_day_shows_who_why_until_when_and_worth_what(company: Company) -> None:
    page = company.open().get("/day")
    assert page.code == 200
    for shown in ("acme", "Active on 2 days; usually 12.", "due in 7 days", "worth 5 EUR a month (0 EUR to 9 EUR)"):
        assert shown in page.text
    assert "62 % churn" in page.text
    assert "What did not fit into the day" in page.text


def test_a_list_holds_only_its_owners_work(company: Company) -> None:
    page = company.open().get("/day", owner="piet")
    assert "id=dune" in page.text
    assert "id=acme" not in page.text


def test_an_account_shows_where_it_stands_how_it_came_there_and_why(company: Company) -> None:
    page = company.open().get("/account", id="acme")
    for shown in ("62.0 %", "400 EUR", "olga", "Health from 70 on 4 March 2024 to 20 on 5 March 2024", "Call them"):
        assert shown in page.text
    assert "Rescue came onto the list" in page.text


@pytest.mark.parametrize("path", ["/account", "/accounts", "/day"])
def test_a_nul_in_an_address_names_no_page(company: Company, path: str) -> None:
    assert company.open().get(path, id="a\0b").code == 404


def test_an_account_can_be_seen_as_of_an_earlier_date(company: Company) -> None:
    page = company.open().get("/account", id="acme", as_of="2024-03-04")
    assert "As of 4 March 2024" in page.text
    assert "Health was 70 on 4 March 2024, the only date that was scored." in page.text
    assert company.open().get("/account", id="acme", as_of="2024-02-01").code == 404


def test_the_book_is_chosen_ordered_and_summed_by_its_address(company: Company) -> None:
    browser = company.open()
    assert "6 accounts, 800 EUR MRR" in browser.get("/accounts").text
    few = browser.get("/accounts", owner="piet", sort="account")
    assert "2 accounts" in few.text
    assert few.text.index("id=eden") < few.text.index("id=dune")
    turned = browser.get("/accounts", owner="piet", sort="account", order="down")
    assert turned.text.index("id=dune") < turned.text.index("id=eden")
    assert "1 account" in browser.get("/accounts", text="ACM").text
    assert "No account is like that" in browser.get("/accounts", text="%").text


def test_people_see_names_with_the_id_beside_them_and_find_accounts_by_either(company: Company) -> None:
    browser = company.open()
    named, beside = "<bdi>Bolt &amp; Söhne GmbH</bdi></a>", '<span class="id"><bdi>bolt</bdi></span>'
    for address in ("/day", "/accounts"):
        assert f"{named} {beside}" in browser.get(address).text
    assert f"<h1><bdi>Bolt &amp; Söhne GmbH</bdi> {beside}</h1>" in browser.get("/account", id="bolt").text
    assert "<h1><bdi>acme</bdi></h1>" in browser.get("/account", id="acme").text
    for text in ("söhne GMBH", "BOLT", "ärzte"):
        assert "1 account," in browser.get("/accounts", text=text).text
    by_name = browser.get("/accounts", sort="account", owner="piet").text
    assert by_name.index("id=eden") < by_name.index("id=dune")
    rows = list(csv.DictReader(io.StringIO(browser.get("/accounts.csv").text)))
    assert {row["account_id"]: row["name"] for row in rows}["bolt"] == "Bolt & Söhne GmbH"


def test_what_was_put_off_ended_or_just_done_has_its_accounts_name(company: Company) -> None:
    browser = company.open()
    page = browser.press(browser.get("/day"), "snooze", company.work["bolt"], why="away", until="2024-03-20")
    assert "rescue for Bolt &amp; Söhne GmbH (bolt): put off" in page.text
    assert "<bdi>Bolt &amp; Söhne GmbH</bdi></a>" in page.text.partition("Put off</h2>")[2]
    stale = browser.get("/account", id="bolt")
    browser.press(stale, "done", company.work["bolt"])
    assert (
        "Rescue for Bolt &amp; Söhne GmbH (bolt) has changed" in browser.press(stale, "done", company.work["bolt"]).text
    )
    assert "<bdi>Bolt &amp; Söhne GmbH</bdi></a>" in browser.get("/day").text.partition("Finished")[2]


def test_what_an_account_does_not_have_comes_last_in_either_direction(company: Company) -> None:
    for order in ("up", "down"):
        page = company.open().get("/accounts", sort="mrr", order=order)
        assert page.text.rindex("?id=") == page.text.index("?id=eden")


def test_leafing_shows_every_account_once(company: Company) -> None:
    day = TODAY.replace(day=6)
    record(company.store, scores(day, *(f"c{i:03}" for i in range(120))), "third", NOW)
    browser, seen = company.open(), []
    for page in ("1", "2", "3"):
        text = browser.get("/accounts", sort="account", page=page).text
        seen += [part[:4] for part in text.split("/account?id=")[1:]]
    assert seen == [f"c{i:03}" for i in range(120)]


@pytest.mark.parametrize(
    "asked", [{"sort": "names"}, {"page": "0"}, {"page": "x"}, {"mrr_from": "much"}, {"work": "1"}]
)
def test_what_cannot_be_read_in_an_address_is_told(company: Company, asked: dict[str, str]) -> None:
    page = company.open().get("/accounts", **asked)
    assert page.code == 422
    assert "Not understood" in page.text


def test_the_file_holds_all_that_is_chosen_and_no_formula(company: Company) -> None:
    page = company.open().get("/accounts.csv", owner="olga")
    assert page.headers["content-disposition"] == 'attachment; filename="accounts-2024-03-05.csv"'
    rows = list(csv.DictReader(io.StringIO(page.text)))
    assert {row["account_id"] for row in rows} == {"acme", "bolt", "cord", f"'{HOSTILE}"}
    assert {row["owner_id"] for row in rows} == {"olga"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@sum", "\t=1", " =1", "＝1", "|x"])
def test_no_text_in_a_file_begins_a_formula(text: str) -> None:
    from churnml.ledger.cockpit import AccountLine
    from churnml.pages.cockpit.accounts import accounts_csv

    line = AccountLine(text, text, text, None, -1.0, None, "at_risk", None, None, None, None, None, 0)
    row = next(csv.DictReader(io.StringIO("".join(accounts_csv([line])))))
    assert row["account_id"] == row["name"] == row["owner_id"] == f"'{text}"
    assert row["mrr"] == "-1.0"


def test_a_users_text_stays_text_on_every_page(company: Company) -> None:
    day = TODAY.replace(day=6)
    nasty = account(HOSTILE, name=HOSTILE, owner_id=HOSTILE, segment=HOSTILE, band=HOSTILE)
    record(company.store, scores(day, nasty), "third", NOW, opening(day, HOSTILE, owner=HOSTILE, playbook="grow"))
    browser = company.open()
    for page in (browser.get("/day", owner=""), browser.get("/accounts"), browser.get("/account", id=HOSTILE)):
        assert page.code == 200
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "{{7*7}}" in page.text
        # what turns the direction of reading stands inside an element that ends it, or where nobody reads
        outside = re.sub(r'<bdi>.*?</bdi>|(?:value|data-work)="[^"]*"', "", page.text, flags=re.S)
        assert "\u202e" not in outside


def test_who_is_held_out_is_told_to_nobody(company: Company) -> None:
    browser = company.open()
    pages = [browser.get("/account", id="eden"), browser.get("/day", owner=""), browser.get("/day", owner="piet")]
    for page in pages:
        for word in ("holdout", "held out", "on purpose", "measured"):
            assert word not in page.text
    # with work its page would name the playbook: it is the arm that keeps it away
    assert "Rescue" in browser.get("/account", id="dune").text
    assert "Call" not in pages[0].text


def test_no_page_has_a_script_or_a_style_in_it(company: Company) -> None:
    browser = company.open()
    for address in ("/day", "/accounts", "/account?id=acme", "/account?id=nobody"):
        page = browser.get(address)
        assert "style=" not in page.text
        assert all(part.startswith(" src=") for part in page.text.split("<script")[1:])
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"


def test_the_assets_come_from_the_package(company: Company) -> None:
    browser = company.open()
    page = browser.get("/day")
    sources = [part.split('"')[0] for part in page.text.split('src="')[1:]]
    assert all(source.startswith("/static/") for source in sources)
    for source in sources:
        asset = browser.get(source)
        assert asset.code == 200
        assert "immutable" in asset.headers["cache-control"]
    assert browser.get("/static/../app.py").code == 404


def test_every_field_has_a_label(company: Company) -> None:
    browser = company.open()
    for address in ("/day", "/accounts", "/account?id=acme"):
        text = browser.get(address).text
        unlabelled = re.sub(r"<label.*?</label>", "", text, flags=re.S)
        fields = re.findall(r"<(?:input|select)\b[^>]*>", unlabelled)
        assert [one for one in fields if 'type="hidden"' not in one and "aria-label" not in one] == (
            ['<input id="find" name="text" type="search" maxlength="200" autocomplete="off">']
            + (['<select id="owner" name="owner">'] if address == "/day" else [])
        )


def test_before_anything_is_scored_the_page_says_what_to_do(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(company.store, "dates", list)
    page = company.open().get("/day")
    assert page.code == 404
    assert "churnml score" in html.unescape(page.text)


def test_a_bug_is_told_without_a_word_of_what_it_met(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = company.open()

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret of acme")

    monkeypatch.setattr(company.store, "account_list", fails)
    page = browser.get("/accounts")
    assert page.code == 500
    assert "secret" not in page.text
    assert "bug of churnml" in page.text
    assert "script-src" in page.headers["content-security-policy"]
