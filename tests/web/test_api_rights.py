"""Who may do what through the API: every cell of the table in docs/api.md, and no trace of what may not be seen."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from churnml.errors import ChurnmlError, UnknownNameError
from churnml.jobs.tokens import TokenError, digest_of, make_token, scopes_of, token_of
from churnml.ledger.cockpit import Owners
from churnml.rights import Role, Scope
from tests.web.api_client import ALL_SCOPES, Program, program
from tests.web.conftest import NOW, Company
from tests.web.test_who_may_do_what import WEB

# name → role, whose accounts
TOKENS: dict[str, tuple[Role, Owners]] = {
    "manager": ("success_manager", ("olga",)),
    "reader": ("viewer", ("olga",)),
    "book": ("viewer", None),
    "ops": ("revops", None),
    "root": ("admin", None),
}
SEES_PIETS = {"book", "ops", "root"}
CHANGES_OLGAS, CHANGES_PIETS = {"manager", "ops", "root"}, {"ops", "root"}
ASKED_OF_AN_ACCOUNT = ("/account?id={}", "/account/history?id={}", "/account/work?id={}")


def of(company: Company, name: str) -> Program:
    role, owners = TOKENS[name]
    scopes = [one for one in ALL_SCOPES if role != "viewer" or one != "work:write"]
    return program(company, name, role=role, owners=owners, scopes=scopes)


@pytest.mark.parametrize("name", TOKENS)
def test_a_token_is_answered_of_the_accounts_of_its_owners_and_told_nothing_of_others(
    company: Company, name: str
) -> None:
    caller = of(company, name)
    for account_id, seen in (("acme", True), ("dune", name in SEES_PIETS)):
        for path in ASKED_OF_AN_ACCOUNT:
            assert caller.get(path.format(account_id)).status_code == (200 if seen else 404)
        listed = caller.get(f"/accounts?text={account_id}").json()
        assert (listed["accounts"], len(listed["items"]), listed["mrr"] is None) == (
            (1, 1, False) if seen else (0, 0, True)
        )
        for path in (f"/work/{company.work[account_id]}", f"/work/{company.work[account_id]}/events"):
            assert caller.get(path).status_code == (200 if seen else 404)
        owner = {"acme": "olga", "dune": "piet"}[account_id]
        work = caller.get(f"/work?owner={owner}").json()["items"]
        assert bool(work) == seen
    if name not in SEES_PIETS:
        everything = " ".join(caller.get(path).text for path in ("/accounts", "/work", "/work?state=", "/token"))
        for hidden in ("dune", "eden", "piet", company.work["dune"]):
            assert hidden not in everything


@pytest.mark.parametrize("action", ["done", "snooze", "dismiss", "hand-on", "undo"])
@pytest.mark.parametrize("name", TOKENS)
def test_a_token_changes_the_work_that_its_role_may_change_and_no_other(
    company: Company, name: str, action: str
) -> None:
    caller, ops = of(company, name), program(company, "witness")
    asked = {"why": "spoke with them"}
    asked |= {"snooze": {"until": "2024-03-20"}, "hand-on": {"to": "eve"}}.get(action, {})
    for account_id, changed_by in (("acme", CHANGES_OLGAS), ("dune", CHANGES_PIETS)):
        work_id = company.work[account_id]
        if action == "undo":
            if name not in changed_by:
                continue
            caller.act(work_id, "done", {}, etag=ops.etag(work_id))
        if action == "hand-on":
            asked["to"] = "piet" if account_id == "acme" else "olga"
        answer = caller.act(work_id, action, asked, etag=ops.etag(work_id))
        may = name in changed_by
        hidden = account_id == "dune" and name == "manager"
        assert answer.status_code == (200 if may else 404 if hidden else 403), answer.text
        events = company.store.work.events(work_id)
        assert (events[-1].what != "opened") == may
        if may:
            assert events[-1].who == f"api:{name}"
            assert company.store.audit.entries(account_id)[0].who == f"api:{name}"


def test_what_may_not_be_seen_is_answered_like_what_is_not_there(company: Company) -> None:
    caller = of(company, "manager")
    for path in ASKED_OF_AN_ACCOUNT:
        hidden, nothing = caller.get(path.format("dune")), caller.get(path.format("dunx"))
        assert hidden.text.replace("dune", "…") == nothing.text.replace("dunx", "…")
    theirs, none = company.work["dune"], "w-0123456789abcdef"
    etag = program(company, "witness").etag(theirs)
    for action in ("done", "undo"):
        hidden, nothing = (caller.act(work, action, {}, etag=etag) for work in (theirs, none))
        assert hidden.status_code == nothing.status_code == 404
        assert hidden.text.replace(theirs, "…") == nothing.text.replace(none, "…")
    # nor does the id of an account, with one item or several, stand for its work
    assert caller.act("dune", "done", {}, etag='"x"').status_code == 404


NEEDED: tuple[tuple[Scope, str], ...] = (
    ("accounts:read", "/accounts"),
    ("accounts:read", "/account?id=acme"),
    ("accounts:read", "/account/history?id=acme"),
    ("work:read", "/account/work?id=acme"),
    ("work:read", "/work"),
    ("work:read", "/work/{acme}"),
    ("work:read", "/work/{acme}/events"),
    ("work:write", "/work/{acme}/done"),
)


def test_a_token_without_the_scope_of_an_address_is_refused_there(company: Company) -> None:
    etag = program(company, "witness").etag(company.work["acme"])
    with_it = {scope: program(company, scope.replace(":", "."), scopes=[scope]) for scope in ALL_SCOPES}
    without = {
        scope: program(company, scope.replace(":", "-"), scopes=[one for one in ALL_SCOPES if one != scope])
        for scope in ALL_SCOPES
    }
    for scope, path in NEEDED:
        address = path.format(acme=company.work["acme"])
        for caller, given in ((without[scope], False), (with_it[scope], True)):
            answer = caller.post(address, {}, etag=etag) if path.endswith("/done") else caller.get(address)
            assert answer.status_code == (200 if given else 403)
            if not given:
                assert scope in answer.json()["detail"]


def test_who_is_left_alone_on_purpose_looks_like_an_account_on_which_there_is_nothing_to_do(company: Company) -> None:
    caller = of(company, "root")
    told = " ".join(caller.get(path.format("eden")).text for path in ASKED_OF_AN_ACCOUNT)
    told += caller.get("/accounts").text + caller.get("/work?state=").text
    for word in ("holdout", "held out", "arm", "propensity", "on purpose", "overflow"):
        assert word not in told.replace("alarm", "")
    assert caller.get("/account/work?id=eden").json()["items"] == []


def test_without_a_token_in_force_nothing_is_answered(company: Company) -> None:
    caller = of(company, "ops")
    assert caller.get("/accounts").status_code == 200
    for shown in (
        "",
        "Bearer",
        "Bearer x",
        f"Bearer {caller.shown}x",
        f"Basic {caller.shown}",
        f"Bearer {caller.shown[:-1]}",
    ):
        answer = caller.client.get("/api/v1/accounts", headers={"Authorization": shown} if shown else {})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "acme" not in answer.text
    company.store.tokens.revoke("ops", NOW, who="olga", why="it was lost")
    assert caller.get("/accounts").status_code == 401


def test_a_token_ends_by_itself_on_its_day(company: Company) -> None:
    caller = program(company, "short", days=1)
    company.clock.later(hours=23)
    assert caller.get("/token").status_code == 200
    company.clock.later(hours=2)
    assert caller.get("/token").status_code == 401


def test_where_people_sign_in_programs_are_answered_through_the_same_proxy_alone(company: Company) -> None:
    caller = program(company, "ops", web=WEB)
    assert caller.get("/accounts").status_code == 200
    elsewhere = program(company, "other", web=WEB, peer="10.0.0.6").get("/accounts")
    assert elsewhere.status_code == 403
    assert "acme" not in elsewhere.text
    # a name in the proxy's header is no token
    assert caller.client.get("/api/v1/accounts", headers={"X-Forwarded-Email": "ada@example.com"}).status_code == 401


def test_only_a_digest_of_a_token_is_kept_and_every_token_stands_in_the_audit_log(company: Company) -> None:
    store = company.store
    token, shown = make_token(
        store, "crm", role="success_manager", owners=("team:emea",), scopes=["work:read"], who="olga", now=NOW
    )
    kept = store.tokens.with_digest(token.token_id)
    assert kept == (token, digest_of(shown))
    assert token_of(store, shown, NOW) == token
    assert shown.encode() not in (company.root / "store.db").read_bytes()
    store.tokens.revoke("crm", NOW, who="piet", why="lost")
    assert [(one.who, one.what, one.subject) for one in store.audit.entries("crm")] == [
        ("piet", "api token revoked", "crm"),
        ("olga", "api token made", "crm"),
    ]
    assert shown not in json.dumps([str(one) for one in store.audit.entries()])
    with pytest.raises(UnknownNameError):
        store.tokens.revoke("crm", NOW, who="piet", why="again")


@pytest.mark.parametrize(
    ("name", "role", "owners", "scopes", "told"),
    [
        ("two words", "revops", None, ["work:read"], "cannot be the name"),
        ("x", "revops", None, [], "good for nothing"),
        ("x", "viewer", None, ["work:write"], "changes nothing"),
        ("x", "success_manager", None, ["work:read"], "whose accounts"),
        ("x", "admin", ("olga",), ["work:read"], "sees every account"),
    ],
)
def test_a_token_that_allows_nothing_or_more_than_is_meant_is_not_made(
    company: Company, name: str, role: Role, owners: Owners, scopes: list[Scope], told: str
) -> None:
    with pytest.raises(TokenError, match=told):
        make_token(company.store, name, role=role, owners=owners, scopes=scopes, who="olga", now=NOW)
    assert company.store.tokens.all() == []


def test_two_tokens_in_force_have_two_names_and_a_scope_is_one_there_is(company: Company) -> None:
    program(company, "crm")
    with pytest.raises(ChurnmlError, match="already"):
        program(company, "crm")
    company.store.tokens.revoke("crm", NOW + dt.timedelta(hours=1), who="olga", why="")
    company.clock.later(hours=2)
    assert program(company, "crm").get("/token").json()["author"] == "api:crm"
    with pytest.raises(UnknownNameError, match="work:write"):
        scopes_of(["work:wirte"])
