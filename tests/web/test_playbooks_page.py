"""The page of playbooks: rules in words, whom they take, whether they help; and to whom that is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from churnml.ledger import MeasuredEffect
from tests.web.conftest import NOW, TODAY, Company
from tests.web.test_who_may_do_what import PEOPLE, signed_in

PLAYBOOKS = """
playbooks:
  - name: rescue
    title: Call <b>them</b>
    goal: keep
    enter: band == 'at_risk' and churn_rank <= 0.15
    exit: band == 'healthy'
    do: [Find out what changed]
    minutes: 30
    holdout: 0.2
"""
EFFECT = MeasuredEffect("rescue", TODAY, None, "“Call them” works: it moved the share that leaves by −3.0 points.")


@pytest.fixture
def declared(company: Company) -> Company:
    (company.root / "models").mkdir()
    Path(company.root / "models" / "playbooks.yaml").write_text(PLAYBOOKS)
    company.store.effects.add([EFFECT], NOW)
    return company


def test_a_playbook_is_told_in_words_with_whom_it_takes_and_whether_it_helps(declared: Company) -> None:
    page = declared.open().get("/playbooks")
    assert page.code == 200
    for shown in (
        "Call &lt;b&gt;them&lt;/b&gt;",
        "its band is at risk, and it is among the 15 % of accounts likeliest to leave",
        "its band is healthy",
        "done by the account’s owner, takes 30 minutes, due in 5 working days",
        "5 accounts now, 5 of them new on 5 March 2024",
        "Bolt &amp; Söhne GmbH",
        "20 % are left alone at random",
        "works: it moved the share that leaves by −3.0 points",
        "By outcomes known through 5 March 2024.",
        "enter: <code><bdi>band == &#39;at_risk&#39;",
    ):
        assert shown in page.text
    assert 'href="/playbooks" aria-current="page"' in page.text


def test_what_did_not_fit_and_what_is_declared_no_more_is_told(declared: Company) -> None:
    (declared.root / "models" / "playbooks.yaml").write_text(PLAYBOOKS.replace("rescue", "grow"))
    page = declared.open().get("/playbooks")
    assert "No account now; 1 more did not fit into the day." in page.text
    assert "<bdi>rescue</bdi>: 5 open items" in page.text


@pytest.mark.parametrize("who", PEOPLE)
def test_of_other_peoples_accounts_and_of_what_would_show_who_is_held_out_nothing_is_told(
    declared: Company, who: str
) -> None:
    page = signed_in(declared, who).get("/playbooks")
    assert page.code == 200
    everything = who in ("sam", "ada", "all")
    assert ("id=acme" in page.text) == (who != "piet")
    assert ("id=dune" in page.text) == (everything or who == "piet")
    assert ("left alone" in page.text) == ("works:" in page.text) == everything
    # of the held-out account there is no trace for anybody
    assert "id=eden" not in page.text
    assert f"{5 if everything else 1 if who == 'piet' else 4} account" in page.text


def test_a_users_text_stays_text_on_the_page(declared: Company) -> None:
    text = declared.open().get("/playbooks").text
    assert "<script>alert" not in text
    # an account that is called like that is among those it takes
    assert "&lt;script&gt;alert(1)" in text
