"""The page of models and data: what is in use and why, what came true, what is broken, and what was given up."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest

from churnml.ledger.monitoring import ModelWatch, WatchAlarm, WatchedFigure
from churnml.modelling.tenure import RegisteredVersion
from churnml.pages.cockpit.models import bands_of_leavers, quarters_of_leavers
from churnml.specs.watching import BreakAction, BreakKind
from churnml.watch.breaks import DataBreak
from churnml.watch.profile import LoadProfile, TableProfile
from churnml.web.cockpit import Cockpit
from tests.store.days import message, record, scores
from tests.web.conftest import HOSTILE, NOW, TODAY, YESTERDAY, Company, Page
from tests.web.test_who_may_do_what import PEOPLE, signed_in, token_of

MADE = dt.datetime(2024, 2, 1, 12, 0, tzinfo=dt.UTC)


def figure(kind: str, name: str, value: float, part: str = "all", **given: Any) -> WatchedFigure:
    plain = {"as_of": YESTERDAY, "version": "3", "low": value - 0.1, "high": value + 0.1, "rows": 50, "positives": 7}
    return WatchedFigure(**{**plain, **given}, kind=kind, figure=name, part=part, value=value)  # type: ignore[arg-type]


def stood(quarter_ends: dt.date, **bands: int) -> list[WatchedFigure]:
    """Where leavers stood, and that one of them was missed."""
    rows = sum(bands.values())
    shares = [
        figure("leavers", "stood", many / rows, band, as_of=quarter_ends, rows=rows, positives=many)
        for band, many in bands.items()
    ]
    missed = figure("leavers", "missed", 1 / rows, "", as_of=quarter_ends, rows=rows, positives=1)
    return [*shares, missed, figure("leavers", "held_out", 1 / rows, "", as_of=quarter_ends, rows=rows, positives=1)]


@pytest.fixture
def watched(company: Company, monkeypatch: pytest.MonkeyPatch) -> Company:
    """The company with a model that was watched, a feed that is broken, and messages that were given up."""
    versions = [
        RegisteredVersion("4", False, True, "it is no better than version 3", MADE),
        RegisteredVersion("3", True, False, "it beats recency", MADE),
    ]
    monkeypatch.setattr(Cockpit, "versions", lambda _, name: versions if name == "churn" else [])
    figures = (
        figure("rolling", "roc_auc", 0.81),
        figure("rolling", "seen_over_said", 1.25),
        figure("realised", "roc_auc", 0.79),
        figure("expected", "roc_auc", 0.83, ""),
        figure("drift", "score_drift", 0.12, "", as_of=TODAY),
        figure("drift", "moved", 0.4, "active_days_28", as_of=TODAY),
        *stood(dt.date(2023, 12, 20), at_risk=3, watch=2, healthy=5),
        *stood(dt.date(2024, 2, 20), at_risk=4, watch=0, healthy=1, former=1),
    )
    alarm = WatchAlarm("score_drift", "warn", "the probabilities have moved")
    watch = ModelWatch("churn", "3", TODAY, YESTERDAY, "warn", (alarm,), figures, ())
    company.store.monitoring.add(watch, NOW)
    table = TableProfile(90, aside={"duplicate": 7, "future": 0})
    load = LoadProfile(YESTERDAY, TODAY, True, {"usage_events": table}, 3, 12.5)
    dead = DataBreak(BreakKind.DEAD, "usage_events", "", YESTERDAY, 10.0, 0.0, action=BreakAction.HOLD)
    company.store.watched.record(load, "a", "broken", TODAY, [dead], NOW)
    told = [message(f"k{number}", f"account-{number}") for number in range(3)]
    record(company.store, scores(TODAY.replace(day=6), "acme"), "third", NOW, messages=told)
    errors = {"account-0": f"404: {HOSTILE}", "account-1": f"404: {HOSTILE}", "account-2": "429: too many"}
    for delivery in company.store.outbox.claim(NOW):
        company.store.outbox.failed(delivery.delivery_id, NOW, errors[delivery.subject], None)
    return company


def test_the_page_says_what_is_in_use_why_what_came_true_and_what_is_broken(watched: Company) -> None:
    page = watched.open().get("/models")
    assert page.code == 200
    for shown in (
        "version 3, registered on 1 February 2024",
        "it beats recency",
        "4 did not take its place: <bdi>it is no better than version 3</bdi>",
        "Something is worth a look.",
        "the probabilities have moved",
        '0.81 <span class="soft">(0.71 to 0.91)</span>',
        '1.25 <span class="soft">(1.15 to 1.35)</span>',
        "<bdi>active days 28</bdi> 0.40",
        "usage_events: nothing since 4 March 2024; 10 a day are usual",
        "scores that read it are held",
        "they reach to 4 March 2024",
    ):
        assert shown in page.text
    assert page.text.count("none: no version has become champion") == 1
    assert "future" not in page.text
    assert "held out" not in page.text


def test_misses_are_told_by_quarter_by_what_was_known_of_each_last() -> None:
    earlier = stood(dt.date(2024, 1, 15), at_risk=1, healthy=1)
    figures = [*stood(dt.date(2024, 2, 20), at_risk=4, healthy=1), *earlier, *stood(dt.date(2023, 12, 31), former=2)]
    newest, before = quarters_of_leavers(figures)
    assert (newest.quarter, newest.through, newest.leavers) == ("2024 Q1", dt.date(2024, 2, 20), 5)
    assert newest.stood == {"at risk": 4, "healthy": 1}
    assert (newest.missed, newest.missed_share) == (1, "20 % (10 % to 30 %)")
    assert before.quarter == "2023 Q4"
    assert bands_of_leavers([newest, before], ["healthy", "at_risk"]) == ["at risk", "healthy", "former"]


def test_what_was_given_up_for_one_reason_is_tried_again_together_by_who_says_why(watched: Company) -> None:
    browser = watched.open()
    page = browser.get("/models")
    assert "2 messages to <bdi>crm</bdi>" in page.text
    assert "<script>alert" not in page.text
    assert browser.post("/deliveries/revive", form_of(page) | {"why": ""}).code == 422
    after = browser.post("/deliveries/revive", form_of(page) | {"why": "the field is there now"})
    assert after.code == 200
    assert "1 message to <bdi>crm</bdi>" in after.text
    assert watched.store.outbox.counts() == {"crm": {"dead": 1, "pending": 2}}
    done = [one for one in watched.store.audit.entries() if one.what == "delivery revived"]
    assert [(one.who, one.why) for one in done] == [("olga", "the field is there now")] * 2
    # a button that is pressed twice
    assert browser.post("/deliveries/revive", form_of(page) | {"why": "again"}).code == 409


@pytest.mark.parametrize("who", PEOPLE)
def test_who_sees_some_accounts_sees_no_page_about_all_and_only_who_runs_it_tries_again(
    watched: Company, who: str
) -> None:
    browser = signed_in(watched, who)
    page, sees = browser.get("/models"), who in ("sam", "ada", "all")
    assert page.code == (200 if sees else 403)
    assert ("Models and data</a>" in browser.get("/playbooks").text) == sees
    assert ("/deliveries/revive" in page.text) == (who in ("sam", "ada"))
    everything = watched.open("", by="root").get("/models")
    fields = form_of(everything) | {"why": "mended", "token": token_of(browser)}
    answer = browser.post("/deliveries/revive", fields)
    assert answer.code == (200 if who in ("sam", "ada") else 403)
    assert (watched.store.outbox.counts()["crm"]["dead"] == 1) == (who in ("sam", "ada"))


def form_of(page: Page) -> dict[str, str]:
    """The fields of the first form that has messages tried again: that of the reason most were given up for."""
    (form, *_) = re.findall(r'<form class="revive".*?</form>', page.text, flags=re.S)
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
