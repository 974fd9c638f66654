"""Who may open the cockpit, what they see there and what they may do, also by an address typed by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnml.errors import ProjectError, SpecError
from churnml.specs.reading import read_spec
from churnml.specs.web import WebSpec
from churnml.web.serving import check_place, listening
from churnml.web.sessions import Sessions
from tests.web.conftest import NOW, Browser, Company

WEB = """
web:
  sign_in: {header: X-Forwarded-Email, proxies: [10.0.0.5], https: false}
  hosts: [churn.example.com]
  people:
    olga@example.com: {role: success_manager, as: olga}
    piet@example.com: {role: success_manager, owners: [piet]}
    vera@example.com: {role: viewer, owners: [olga]}
    sam@example.com: {role: revops}
    ada@example.com: {role: admin}
    all@example.com: {role: viewer}
"""
PEOPLE = ("olga", "piet", "vera", "sam", "ada", "all")
OLGAS, PIETS = ("olga", "vera", "sam", "ada", "all"), ("piet", "sam", "ada", "all")


def signed_in(company: Company, who: str) -> Browser:
    return company.open(WEB, {"X-Forwarded-Email": f"{who}@example.com"})


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_sees_the_accounts_of_their_owners_and_no_trace_of_others(company: Company, who: str) -> None:
    browser = signed_in(company, who)
    for account_id, seen_by in (("acme", OLGAS), ("dune", PIETS)):
        page = browser.get("/account", id=account_id)
        assert page.code == (200 if who in seen_by else 404)
        listed = browser.get("/accounts", text=account_id).text
        assert (f"id={account_id}" in listed) == (who in seen_by)
        assert ("1 account" in listed) == (who in seen_by)
        assert (account_id in browser.get("/accounts.csv").text) == (who in seen_by)
    lists = {"olga": browser.get("/day", owner="olga").code, "piet": browser.get("/day", owner="piet").code}
    assert lists == {"olga": 200 if who in OLGAS else 404, "piet": 200 if who in PIETS else 404}
    if who == "piet":
        # the sums and the choices know nothing of others either
        page = browser.get("/accounts").text
        assert "2 accounts, 100 EUR MRR" in page
        assert '<option value="olga">' not in page


def test_what_may_not_be_seen_is_answered_like_what_is_not_there(company: Company) -> None:
    browser = signed_in(company, "piet")
    hidden, nothing = browser.get("/account", id="acme"), browser.get("/account", id="acmx")
    assert hidden.code == nothing.code == 404
    assert hidden.text.replace("acme", "…") == nothing.text.replace("acmx", "…")
    # nor does it matter what is tried on work that may not be seen, or by the name of its account
    for action in ("/work/done", "/work/undo"):
        theirs, account, none = (
            browser.post(action, {"work": work, "seen": "", "token": token_of(browser)})
            for work in (company.work["acme"], "acme", "w-none")
        )
        assert theirs.code == account.code == none.code == 404
        assert theirs.text.replace(company.work["acme"], "…") == none.text.replace("w-none", "…")


@pytest.mark.parametrize("who", PEOPLE)
def test_everybody_changes_what_they_may_and_nothing_else(company: Company, who: str) -> None:
    browser = signed_in(company, who)
    own = browser.get("/account", id="acme" if who in OLGAS else "dune")
    for account_id, changed_by in (("acme", ("olga", "sam", "ada")), ("dune", ("piet", "sam", "ada"))):
        work = company.work[account_id]
        from churnml.work.life import fingerprint_of

        # the form as it would be, whatever page it was taken from
        fields = {"work": work, "seen": fingerprint_of(company.store.work.item(work)), "token": token_of(browser)}
        answer = browser.post("/work/done", fields)
        may = who in changed_by
        assert (company.store.work.item(work).state == "done") == may
        assert answer.code == (200 if may else 403 if who in ("vera", "all") else 404)
    assert ("/work/done" in own.text) == (who not in ("vera", "all"))


def token_of(browser: Browser) -> str:
    """The token that the visitor's forms carry, as the server would write it."""
    browser.get("/accounts")
    name = browser.headers["X-Forwarded-Email"]
    known_as = "olga" if name.startswith("olga") else name
    return Sessions(b"k" * 32).token(str(browser.client.cookies["churnml_session"]), known_as)


def test_handed_on_work_takes_the_account_along_and_leaves_with_it(company: Company) -> None:
    olga, piet = signed_in(company, "olga"), signed_in(company, "piet")
    assert piet.get("/account", id="acme").code == 404
    olga.press(olga.get("/day"), "hand-on", company.work["acme"], to="piet", why="knows them")
    page = piet.get("/account", id="acme")
    assert page.code == 200
    piet.press(page, "done", company.work["acme"])
    assert piet.get("/account", id="acme").code == 404


def test_nobody_is_believed_but_the_proxy(company: Company) -> None:
    header = {"X-Forwarded-Email": "ada@example.com"}
    answer = company.open(WEB, header, peer="10.0.0.6").get("/accounts")
    assert answer.code == 403
    assert "acme" not in answer.text
    assert company.open(WEB).get("/accounts").code == 403
    stranger = company.open(WEB, {"X-Forwarded-Email": "eve@example.com"}).get("/accounts")
    assert stranger.code == 403
    assert "olga" not in stranger.text


def test_a_form_without_its_token_writes_nothing(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    page = browser.get("/day")
    for token in ("", "x", "é"):
        assert browser.press(page, "done", work, token=token).code == 403
    # another session's token is not this one's
    other = company.open()
    other.get("/day")
    fields = browser.form(page, "done", work)
    assert other.post("/work/done", fields).code == 403
    assert company.store.work.item(work).state == "open"
    assert browser.press(page, "done", work).code == 200


def test_a_form_that_another_page_sends_writes_nothing(company: Company) -> None:
    browser, work = company.open(), company.work["acme"]
    fields = browser.form(browser.get("/day"), "done", work)
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert browser.post("/work/done", fields, **headers).code == 403
    assert browser.post("/work/done", fields, Origin="http://localhost").code == 200


def test_a_session_ends(company: Company) -> None:
    browser = company.open()
    page = browser.get("/day")
    company.clock.later(hours=13)
    assert browser.press(page, "done", company.work["acme"]).code == 403
    assert browser.press(browser.get("/day"), "done", company.work["acme"]).code == 200


def test_a_session_is_ours_or_none() -> None:
    ours, others = Sessions(b"a"), Sessions(b"b")
    session = ours.begin(NOW)
    assert ours.is_live(session, NOW)
    for changed in ("", "x", f"9{session}", session[:-1], others.begin(NOW), "é.é.é"):
        assert not ours.is_live(changed, NOW)


def test_a_request_for_another_name_is_refused(company: Company) -> None:
    browser = company.open()
    assert browser.client.get("/day", headers={"Host": "evil.example"}).status_code == 421
    assert browser.client.get("/day", headers={"Host": "127.0.0.1:8420"}).status_code == 200
    assert browser.client.get("/day", headers={"Host": "[::1]:8420"}).status_code == 200


def test_a_form_leads_back_to_a_page_of_ours_alone(company: Company) -> None:
    from churnml.web.forms import local_address

    for address in ("https://evil.example/day", "//evil.example/day", "/\\evil.example", "javascript:1", "/static/x"):
        assert local_address(address) == "/day"
    assert local_address("/accounts?owner=a&page=2") == "/accounts?owner=a&page=2"


def test_a_form_that_is_too_long_is_refused(company: Company) -> None:
    browser = company.open()
    fields = browser.form(browser.get("/day"), "dismiss", company.work["acme"])
    assert browser.post("/work/dismiss", fields | {"why": "x" * 600}).code == 422
    assert browser.post("/work/dismiss", fields | {"why": "x" * 300_000}).code == 422
    assert company.store.work.item(company.work["acme"]).state == "open"


def test_without_sign_in_it_listens_on_this_machine_alone() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
        check_place(WebSpec(), host)
    for host in ("0.0.0.0", "::", "10.0.0.7", "churn.example.com"):  # noqa: S104 - refused
        with pytest.raises(ProjectError, match="nobody signs in"):
            check_place(WebSpec(), host)


def test_a_taken_port_is_told() -> None:
    from churnml.errors import UnavailableError

    with listening("127.0.0.1", 0) as taken, pytest.raises(UnavailableError, match="is taken"):
        listening("127.0.0.1", taken.getsockname()[1])


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("people: {kim: {role: viewer}}", "need sign_in"),
        ("sign_in: {header: X-User, proxies: [10.0.0.5]}", "needs people"),
        ("{sign_in: {header: X-User, proxies: [10.0.0.5]}, people: {kim: {role: viewer}}}", "needs hosts"),
        ("{sign_in: {header: Cookie, proxies: [10.0.0.5]}, hosts: [a], people: {k: {role: viewer}}}", "every browser"),
        ("{sign_in: {header: X-User, proxies: [0.0.0.0/0]}, hosts: [a], people: {k: {role: viewer}}}", "everybody"),
        ("{sign_in: {header: X-User, proxies: [proxy]}, hosts: [a], people: {k: {role: viewer}}}", "no address"),
        (
            "{sign_in: {header: X-User, proxies: [10.0.0.5]}, hosts: [a], people: {k: {role: revops, owners: [k]}}}",
            "sees every account",
        ),
    ],
)
def test_a_declaration_that_protects_nobody_is_refused(tmp_path: Path, web: str, told: str) -> None:
    file = tmp_path / "web.yaml"
    file.write_text(web)
    with pytest.raises(SpecError, match=told):
        read_spec(WebSpec, file)
