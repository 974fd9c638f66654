"""The report page: opened in a real browser without a network, fed with hostile data."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from churnml.adapters.project import Project
from churnml.checks import QuarantinedRow
from churnml.jobs import report
from churnml.jobs.report import write_report
from churnml.ledger import DayPlan, Decision, LeavingCurve, LikelyPeriod, Reason, ScoredAccount, ScoredDay, Timing
from churnml.modelling.record import ModelRecord
from churnml.pages import charts
from churnml.pages.colours import band_colours
from churnml.pages.summary import RunSummary, ScoredBy
from tests.support import make_project

AS_OF = dt.date(2025, 1, 1)
HOSTILE = "</script><script>window.hacked=1</script><img src=x onerror=window.hacked=2><!--"
FORMULA = "=cmd()|\"' & <b>"
JAPANESE = "株式会社あおぞら"
# a lone surrogate cannot be written as UTF-8; U+202E turns the reading direction
ODD = "odd \udc80 \u2028 \u202e {{ 7 * 7 }} ${1}"
FIGURES = ("roc_auc", "average_precision", "brier", "log_loss", "calibration_error")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# ---------------------------------------------------------------- inputs, by hand


def account(account_id: str, health: float | None = 50.0, **said: Any) -> ScoredAccount:
    band = "insufficient_data"
    if health is not None:
        band = "healthy" if health >= 70 else "watch" if health >= 45 else "at_risk"
    given: dict[str, Any] = {
        "account_id": account_id,
        "owner_id": None,
        "segment": None,
        "mrr": 1000.0,
        "churn_probability": None,
        "upsell_probability": None,
        "health": health,
        "band": band,
        "coverage": 1.0,
        "dimensions": {"adoption": health, "engagement": None, "risk": None},
        "reasons": (),
        "growth_reasons": (),
        "mrr_at_risk": None,
    }
    return ScoredAccount(**(given | said))


def timing(first: str, last: str, probability: float) -> Timing:
    period = LikelyPeriod(dt.date.fromisoformat(first), dt.date.fromisoformat(last), probability)
    return Timing({"30": probability}, period, LeavingCurve((30,), (probability,)))


def decision(account_id: str, **said: Any) -> Decision:
    given: dict[str, Any] = {
        "account_id": account_id,
        "playbook": "in_trouble",
        "title": "Look after an account in trouble",
        "goal": "keep",
        "steps": ("Ask how it is going.", "Write down what you learn."),
        "owner": "team:customer-success",
        "due": dt.date(2025, 1, 8),
        "because": ("band is at_risk",),
        "value": None,
        "reason": "",
        "disposition": "opened",
        "rule": "band == 'at_risk'",
        "facts": {"band": "at_risk"},
    }
    return Decision(**(given | said))


def figure(value: float | None, spread: float = 0.05) -> dict[str, float | None]:
    if value is None:
        return {"value": None, "low": None, "high": None}
    return {"value": value, "low": value - spread, "high": value + spread}


def record(name: str = "churn", *, promoted: bool = True, who: tuple[str, ...] = (), **said: Any) -> dict[str, Any]:
    everybody = who or ("model", "recency", "logistic_regression", "base_rate")
    given: dict[str, Any] = {
        "name": name,
        "means": "the last paying contract ends within 13 weeks",
        "version": "3",
        "promoted": promoted,
        "because": "it beats the base rate" if promoted else "not shown to beat the base rate on ROC AUC",
        "cutoff": "2024-09-01",
        "rows": 1234,
        "positives": 56,
        "left_in_gap": 1,
        "figures": {w: {f: figure(0.7 - 0.1 * i) for f in FIGURES} for i, w in enumerate(everybody)},
        "ahead": {w: {f: figure(0.06 * i - 0.04) for f in FIGURES} for i, w in enumerate(everybody) if w != "model"},
        "reliability": [
            {"said": 0.02, "seen": 0.01, "rows": 600, "low": 0.0, "high": 0.05},
            {"said": 0.2, "seen": 0.25, "rows": 634, "low": 0.1, "high": 0.4},
        ],
        "gains": [{"who": w, "contacted": x, "caught": x} for w in everybody for x in (0.0, 0.5, 1.0)],
        "importance": [{"family": "usage.trend", "log_odds": 0.4}, {"family": HOSTILE, "log_odds": 0.2}]
        + [{"family": f"gone.{i}", "log_odds": 0.1} for i in range(9)]
        + [{"family": "account.age", "log_odds": 0.0}],
        "training": {
            "cutoffs": ["2024-01-01", "2024-02-01", "2024-03-01"],
            "purged": ["2024-07-01", "2024-08-01"],
            "folds": [{"train": ["2024-01-01"], "validate": "2024-03-01"}],
            "fold_losses": {"2024-03-01": None},
            "rows": 3000,
            "positives": 150,
            "base_rate": 0.05,
            "trees": 40,
            "features": 12,
            "calibration": {"kind": "sigmoid", "slope": 1.1, "intercept": -0.2},
        },
        "label": {"kind": "contract", "gap": 7, "horizon": 91, "grace": 28, "settle": 0},
        "data_through": "2024-12-31",
        "data_fingerprint": "d1",
    }
    return given | said


def summed_up(scores: ScoredDay, records: Mapping[str, dict[str, Any]], **changes: Any) -> RunSummary:
    given: dict[str, Any] = {
        "project": "tiny",
        "as_of": scores.as_of,
        "data_through": dt.date(2024, 12, 31),
        "accounts_scored": len(scores.accounts),
        "scored_by": {name: ScoredBy(version, None) for name, version in scores.models.items()},
        "models": {name: ModelRecord.read(record) for name, record in records.items()},
        "mrr": 0.0,
        "leaving_accounts": 0,
        "leaving_mrr": 0.0,
        "overflow_value": None,
        "mrr_at_risk": None,
        "hierarchy_problems": (),
        **{
            name: {}
            for name in ("rows", "quarantined", "warned", "bands", "decisions", "dispositions", "health_events")
        },
    }
    return RunSummary(**(given | changes))


def full() -> tuple[RunSummary, ScoredDay, list[QuarantinedRow]]:
    """Two champions, every kind of decision, hostile strings wherever the user's data can stand."""
    reasons = (
        Reason("usage.trend", "usage_events_trend", f"Events of '{HOSTILE}': down 40 %.", 0.4),
        Reason("account.attributes", "account_segment", f"Its segment is '{ODD}'.", 0.2),
    )
    accounts = [
        account(
            HOSTILE,
            30.0,
            segment=HOSTILE,
            churn_probability=0.123,
            mrr_at_risk=123.0,
            reasons=reasons,
            timing=timing("2025-02-03", "2025-02-09", 0.04),
        ),
        account(
            FORMULA, 80.0, segment=JAPANESE, upsell_probability=0.3, growth_reasons=reasons, churn_probability=0.01
        ),
        account(JAPANESE, None, mrr=None, segment=ODD),
        account(
            ODD,
            44.6,
            segment="__proto__",
            churn_probability=0.05,
            mrr_at_risk=50.0,
            timing=timing("2025-01-29", "2025-02-04", 0.01),
        ),
        *(account(f"A-{i:04d}", float(i % 101), segment=f"s{i % 20}", mrr_at_risk=1.0) for i in range(300)),
    ]
    decisions = [
        decision(HOSTILE, owner=HOSTILE, value=123.0, because=(f"segment is {HOSTILE}", "a reason is usage.trend")),
        decision(ODD, owner=ODD, steps=(HOSTILE,), title=HOSTILE, playbook="other"),
        decision(
            FORMULA, goal="grow", playbook="ready_to_grow", title="Talk about growing", value=30.0, owner=JAPANESE
        ),
        decision(JAPANESE, goal="care", because=()),
        *(decision(f"A-{i:04d}", owner="o1", value=1.0) for i in range(60)),
    ]
    scores = ScoredDay(AS_OF, tuple(accounts), {"churn": "3", "upsell": "3"}, DayPlan(tuple(decisions)))
    rivals = ("model", "recency", "logistic_regression", "base_rate", "champion", "truth")
    records = {
        "churn": record(who=rivals, means=HOSTILE, because=HOSTILE),
        "upsell": record(
            "upsell", label={"kind": "upsell", "gap": 7, "horizon": 91, "grace": 0, "settle": 0, "mrr_up_by": 0.2}
        ),
    }
    summary = summed_up(
        scores,
        records,
        quarantined={"usage_events": {"future": 12345, "malformed_line": 1}, HOSTILE: {HOSTILE: 1}},
        warned={"support_tickets": {"csat_out_of_range": 2}},
    )
    aside = [
        QuarantinedRow(
            contract_table="usage_events",
            reason="future",
            detail=HOSTILE,
            source_row=i,
            row=json.dumps({"account_id": HOSTILE, "event": FORMULA, "long": "x" * 5000}),
        )
        for i in range(50)
    ]
    return summary, scores, aside


def bare() -> tuple[RunSummary, ScoredDay, list[QuarantinedRow]]:
    """No model promoted, no segment, no MRR, no recency, no figure, nothing to do."""
    accounts = (account("one", None, mrr=None, dimensions={}), account("two", None, mrr=None))
    scores = ScoredDay(AS_OF, accounts, {"churn": None})
    empty = record(promoted=False, who=("model", "base_rate"), reliability=[], gains=[], importance=[], left_in_gap=0)
    empty["figures"] = {who: dict.fromkeys(FIGURES, figure(None)) for who in ("model", "base_rate")}
    empty["ahead"] = {"base_rate": dict.fromkeys(FIGURES, figure(None))}
    empty["training"] |= {"purged": [], "calibration": {"kind": "isotonic"}, "base_rate": None}
    return summed_up(scores, {"churn": empty}), scores, []


def tiny(root: Path, **spec: Any) -> Project:
    return make_project(root, {"accounts": "account_id | created_at\na | 2024-01-01"}, **spec)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return tiny(tmp_path / "project", currency="EUR")


@pytest.fixture(scope="module")
def full_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of ``full()``, written once."""
    return write_report(tiny(tmp_path_factory.mktemp("project"), currency="EUR"), *full())


# ---------------------------------------------------------------- the browser


def _browser_path() -> str | None:
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = _browser_path()
    if path is None:
        why = f"no browser was found; looked for {', '.join(BROWSERS)}"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


class Opened:
    """A page in a browser that has no network, and all that went wrong in it."""

    def __init__(self, browser: Any, path: Path, **context: Any) -> None:
        self.context = browser.new_context(offline=True, viewport={"width": 1280, "height": 900}, **context)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.asked_for: list[str] = []
        self.page.on("console", lambda said: self._said(said.type, said.text))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda request: self.asked_for.append(request.url))
        self.page.route("**/*", lambda route: self._let(route, path))
        self.page.goto(path.as_uri())

    def _said(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.problems.append(text)

    @staticmethod
    def _let(route: Any, path: Path) -> None:
        if route.request.url.split("#")[0] == path.as_uri():
            route.continue_()
        else:
            route.abort()

    def drawn(self) -> Any:
        self.page.wait_for_function("document.documentElement.dataset.charts === 'drawn'", timeout=30_000)
        return self.page

    def listed(self) -> list[str]:
        """Places of the decisions that can be seen."""
        rows = self.page.locator("#queue-table tbody tr:visible .place")
        return [text.strip() for text in rows.all_inner_texts()]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    opened: list[Opened] = []

    def open_(path: Path, **context: Any) -> Opened:
        opened.append(Opened(browser, path, **context))
        return opened[-1]

    yield open_
    for one in opened:
        one.context.close()


# ---------------------------------------------------------------- in the browser


def test_the_page_opens_offline_with_every_chart_drawn_and_nothing_asked_for(full_page: Path, open_page: Any) -> None:
    opened = open_page(full_page)
    page = opened.drawn()
    assert opened.problems == []
    assert [url for url in opened.asked_for if not url.startswith("data:")] == [full_page.as_uri()]
    places = page.locator(".chart")
    # two of health, four of each model
    assert places.count() == 10
    for i in range(places.count()):
        assert places.nth(i).locator("svg").count() == 1
        assert places.nth(i).locator("svg path, svg rect").count() > 0
    assert "could not be drawn" not in page.inner_text("body")


def test_hostile_data_stay_data(full_page: Path, open_page: Any) -> None:
    opened = open_page(full_page)
    page = opened.drawn()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x]").count() == 0
    # two of ours and one a chart: none of theirs
    assert page.locator("script:not([type='application/json'])").count() == 2
    text = page.inner_text("#queue")
    for said in (HOSTILE, FORMULA, JAPANESE, "{{ 7 * 7 }}"):
        assert said in text


def test_a_script_that_slips_in_would_not_run(tmp_path: Path, full_page: Path, open_page: Any) -> None:
    """The control of the test above: escaping off, and the page's own policy still holds."""
    path = tmp_path / "report.html"
    path.write_text(full_page.read_text("utf-8").replace("<main", "<script>window.hacked=3</script><main", 1), "utf-8")
    opened = open_page(path)
    assert opened.drawn().evaluate("window.hacked") is None
    assert any("Content Security Policy" in problem for problem in opened.problems)


def test_the_filters_narrow_the_queue_and_say_so(full_page: Path, open_page: Any) -> None:
    opened = open_page(full_page)
    page = opened.drawn()
    assert len(opened.listed()) == 50
    assert page.inner_text("#filter-says") == "All 50 listed"
    page.select_option("#by-goal", "grow")
    assert opened.listed() == ["3"]
    page.click("#clear")
    page.select_option("#by-owner", HOSTILE)
    assert opened.listed() == ["1"]
    assert page.inner_text("#filter-says") == "1 of 50 listed"
    page.click("#clear")
    page.fill("#by-text", JAPANESE)
    assert opened.listed() == ["3", "4"]
    page.fill("#by-text", "A-0003 IN TROUBLE")
    assert opened.listed() == ["8"]
    page.fill("#by-text", "nothing like it")
    assert opened.listed() == []
    assert page.locator("#nothing-matches").is_visible()
    page.click("#clear")
    assert len(opened.listed()) == 50


def test_the_page_is_read_by_keyboard(full_page: Path, open_page: Any) -> None:
    page = open_page(full_page).drawn()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    steps = page.locator("#queue-table summary").first
    steps.focus()
    page.keyboard.press("Enter")
    assert page.locator("#queue-table details").first.get_attribute("open") is not None


def test_the_page_is_read_without_scripts(full_page: Path, open_page: Any) -> None:
    page = open_page(full_page, java_script_enabled=False).page
    assert page.locator("#queue-table tbody tr:visible").count() == 50
    assert not page.locator("#filters").is_visible()
    stills = page.locator(".chart img")
    assert stills.count() == 10
    assert all(box is not None and box["width"] > 100 for box in (stills.nth(i).bounding_box() for i in range(10)))


@pytest.mark.parametrize("width", [1280, 800, 400])
def test_nothing_is_wider_than_the_window(full_page: Path, open_page: Any, width: int) -> None:
    page = open_page(full_page).page
    page.set_viewport_size({"width": width, "height": 900})
    page.wait_for_function("document.documentElement.dataset.charts === 'drawn'")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_that_no_model_was_promoted_cannot_be_overlooked(project: Project, open_page: Any) -> None:
    opened = open_page(write_report(project, *bare()))
    page = opened.drawn()
    banner = page.locator(".standing .unused")
    assert banner.is_visible()
    assert banner.bounding_box()["y"] < 300
    said = banner.inner_text()
    assert "No churn model is in use: health dimensions alone" in said
    assert "not shown to beat the base rate on ROC AUC" in said
    assert opened.problems == []


def test_every_figure_may_be_missing(project: Project, open_page: Any) -> None:
    opened = open_page(write_report(project, *bare()))
    page = opened.drawn()
    text = page.inner_text("main")
    assert "None" not in text.replace("None has been", "")
    assert "nan" not in text.lower().split()
    assert "No playbook takes any account" in text
    assert "Every row of every table was kept" in text
    assert page.locator(".chart svg").count() == 1  # the split needs no figure
    assert opened.problems == []


# ---------------------------------------------------------------- what it says


def _text(project: Project, given: tuple[Any, ...]) -> str:
    return write_report(project, *given).read_text("utf-8")


def test_the_head_says_who_gave_the_probabilities(project: Project) -> None:
    summary, scores, aside = full()
    page = _text(project, (summary, scores, aside))
    assert "Version 3 gave the probabilities" in page
    assert "2.5 × the usual" in page
    newer = ModelRecord.read(record(version="4", promoted=False))
    page = _text(project, (replace(summary, models={**summary.models, "churn": newer}), scores, aside))
    assert "Version 3, the champion, gave the probabilities" in page
    assert "The newest, version 4, was not promoted: not shown to beat the base rate" in page
    # how often the usual is only known of the version that was judged
    assert "2.5 × the usual" not in page


def test_the_queue_says_when_an_account_most_likely_leaves_where_a_curve_says_so(project: Project) -> None:
    page = _text(project, full())
    assert "if so, most likely from 3 to 9 February 2025" in page
    assert "if so, most likely from 29 January 2025 to 4 February 2025" in page
    assert page.count("if so, most likely") == 2


def test_the_queue_counts_what_it_does_not_list(project: Project) -> None:
    page = _text(project, full())
    assert "64 decisions in all, expected to keep about 183 EUR of MRR a month and to win 30 EUR" in page
    assert "The first 50 are listed here" in page
    assert "A-0059" not in page


def test_the_page_stays_small_however_many_accounts_there_are(project: Project) -> None:
    summary, _, aside = full()
    many = tuple(account(f"B-{i:06d}", i % 100 + 0.5, segment=f"segment {i % 5000}") for i in range(20_000))
    scores = ScoredDay(AS_OF, many, {"churn": "3"}, DayPlan(tuple(decision(a.account_id) for a in many)))
    path = write_report(project, summary, scores, aside * 100)
    assert path.stat().st_size < 2_500_000
    assert "4,988 other segments" in path.read_text("utf-8")


def test_the_same_inputs_give_the_same_page(project: Project) -> None:
    assert _text(project, full()) == _text(project, full())


def test_no_address_that_may_hold_a_secret_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "hunter2")
    stores = {
        "registry": "postgresql://mlflow:${REGISTRY_PASSWORD}@db.example/mlflow",
        "operational": "postgresql://me:s3cret@db.example/churn",
    }
    project = tiny(tmp_path, stores=stores)
    page = _text(project, full())
    for secret in ("hunter2", "s3cret", "REGISTRY_PASSWORD", "db.example", str(tmp_path)):
        assert secret not in page
    assert "mlflow ui" not in page


def test_where_things_lie_is_told_relative_to_the_project(project: Project) -> None:
    store = project.work / "warehouse" / "abc"
    store.mkdir(parents=True)
    (store / "quarantine.parquet").write_bytes(b"")
    page = _text(project, full())
    assert "mlflow ui --backend-store-uri sqlite:///.churnml/mlflow.db" in page
    assert ".churnml/warehouse/abc/quarantine.parquet" in page
    assert str(project.root) not in page


# ---------------------------------------------------------------- how it is written


def test_a_page_that_cannot_be_made_leaves_the_old_one(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_report(project, *full())
    before = path.read_bytes()
    summary, scores, aside = full()
    unfinished = ModelRecord.model_construct(version="3", promoted=True, because="x")
    with pytest.raises(AttributeError):
        write_report(project, replace(summary, models={"churn": unfinished}), scores, aside)

    def no_space(*_: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(report.os, "replace", no_space)
    with pytest.raises(OSError, match="no space"):
        write_report(project, summary, scores, aside)
    assert path.read_bytes() == before
    assert [p.name for p in project.work.iterdir() if "report" in p.name] == ["report.html"]


def test_charts_are_still_drawn_as_pictures_for_the_registry() -> None:
    drawn = ModelRecord.read(record())
    for chart in (charts.reliability_chart(drawn.reliability), charts.gains_chart(drawn.gains)):
        assert charts.png(chart).startswith(b"\x89PNG")


def test_bands_have_colours_that_differ_however_many_there_are() -> None:
    names = [f"band {i}" for i in range(7)]
    colours: Mapping[str, str] = band_colours(names, ["insufficient_data"])
    assert len(set(colours.values())) == 8
