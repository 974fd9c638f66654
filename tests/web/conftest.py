"""A small company's cockpit: a project folder, a store with two scored dates, and a browser without a network."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from churnml.adapters.project import open_project
from churnml.adapters.store import Store, open_store
from churnml.ledger import DayPlan
from churnml.web.app import application
from churnml.web.cockpit import Cockpit, WallClock
from churnml.web.people import People
from churnml.web.sessions import Sessions
from tests.store.days import account, decision, opening, record, scores

YESTERDAY, TODAY = dt.date(2024, 3, 4), dt.date(2024, 3, 5)
NOW = dt.datetime(2024, 3, 5, 9, 0, 0)  # noqa: DTZ001 - the store keeps UTC without a zone
PROJECT = """
name: tiny
inputs: {accounts: {path: accounts.csv}}
currency: EUR
"""
# what a spreadsheet, a browser, a template and a reader's eye could each be misled by
HOSTILE = "=cmd|'<script>alert(1)</script>{{7*7}}\u202egnp.exe"


@dataclass
class Moments:
    """A clock that is moved by hand."""

    now: dt.datetime = NOW

    def later(self, **by: float) -> None:
        self.now += dt.timedelta(**by)


@dataclass
class Browser:
    """Somebody at the cockpit: their pages, and the forms on them as they stand."""

    client: TestClient
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, address: str, **given: str) -> Page:
        return Page.of(self.client.get(address, params=given or None, headers=self.headers))

    def form(self, page: Page, action: str, work_id: str, **typed: str) -> dict[str, str]:
        """What the form of ``action`` about a work item sends from ``page``."""
        return {**page.form(f"/work/{action}", work_id), **typed}

    def post(self, address: str, fields: dict[str, str | list[str]], **headers: str) -> Page:
        return Page.of(self.client.post(address, data=fields, headers=self.headers | headers, follow_redirects=True))

    def press(self, page: Page, action: str, work_id: str, **typed: str) -> Page:
        """Sends the form of ``action`` about a work item as it stands on ``page``."""
        return self.post(f"/work/{action}", self.form(page, action, work_id, **typed))


@dataclass(frozen=True)
class Page:
    """An answer."""

    code: int
    text: str
    headers: dict[str, str]
    address: str

    @classmethod
    def of(cls, response: httpx.Response) -> Page:
        return cls(response.status_code, response.text, dict(response.headers), str(response.url))

    def form(self, action: str, work_id: str) -> dict[str, str]:
        """The hidden fields of the form about a work item that is sent to ``action``."""
        from html.parser import HTMLParser

        class Forms(HTMLParser):
            def __init__(self) -> None:
                super().__init__()
                self.forms: list[tuple[str, dict[str, str]]] = []

            def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
                given = {name: value or "" for name, value in attrs}
                if tag == "form":
                    self.forms.append((given.get("action", ""), {}))
                elif tag == "input" and given.get("type") == "hidden":
                    self.forms[-1][1][given["name"]] = given.get("value", "")

        forms = Forms()
        forms.feed(self.text)
        return next(fields for sent_to, fields in forms.forms if sent_to == action and fields.get("work") == work_id)


def fill(store: Store) -> dict[str, str]:
    """Two scored dates of a company with two owners; account → its open work item."""
    people = {"olga": ["acme", "bolt", "cord", HOSTILE], "piet": ["dune"]}
    rows = [account(name, owner_id=owner) for owner, names in people.items() for name in names]
    # a name with a form, as companies have; others have none
    rows[1], rows[4] = replace(rows[1], name="Bolt & Söhne GmbH"), replace(rows[4], name="Zürcher Ärzte Dune")
    rows[0] = replace(rows[0], churn_probability=0.62, mrr=400.0, mrr_at_risk=248.0, health=20.0)
    # acme and bolt renew in March, dune in May of the next year
    renewals = {0: dt.date(2024, 3, 20), 1: dt.date(2024, 3, 31), 4: dt.date(2025, 5, 2)}
    rows = [replace(one, renews_on=renewals.get(place)) for place, one in enumerate(rows)]
    rows.append(account("eden", owner_id="piet", mrr=None, mrr_at_risk=None, churn_probability=None))
    before = [replace(one, health=70.0, band="healthy") for one in rows]
    record(store, scores(YESTERDAY, *before), "first", NOW - dt.timedelta(days=1))
    opened = [opening(TODAY, *names, owner=owner) for owner, names in people.items()]
    plan = DayPlan(
        decisions=(
            *(
                replace(one, owner=work.owner)
                for each in opened
                for one, work in zip(each.decisions, each.work, strict=True)
            ),
            # eden would have been called, and is left alone so that the playbook can be measured
            decision(None, "eden", "holdout", owner="piet", arm="holdout", note="left alone on purpose"),
            decision(None, "bolt", "overflow", playbook="grow", title="Offer seats"),
        ),
        work=tuple(work for each in opened for work in each.work),
        events=tuple(one for each in opened for one in each.events),
        assignments=tuple(one for each in opened for one in each.assignments),
    )
    record(store, scores(TODAY, *rows), "second", NOW - dt.timedelta(hours=2), plan)
    return {one.account_id: one.work_id for one in plan.work}


@dataclass
class Company:
    """The company with its cockpit."""

    root: Path
    store: Store
    work: dict[str, str]
    clock: Moments
    open: Callable[..., Browser]


@dataclass(frozen=True)
class FilledStore:
    """A store's file, and account → its open work item."""

    file: Path
    work: dict[str, str]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> FilledStore:
    """The company's store, made once."""
    file = tmp_path_factory.mktemp("cockpit") / "store.db"
    with open_store(f"sqlite:///{file}") as store:
        work = fill(store)
        store.compact()
    return FilledStore(file, work)


@pytest.fixture
def company(tmp_path: Path, filled: FilledStore) -> Iterator[Company]:
    """The company with a store of its own."""
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "accounts.sql").write_text("SELECT * FROM accounts")
    (tmp_path / "accounts.csv").write_text("account_id,created_at\n")
    url, moments, work = f"sqlite:///{tmp_path / 'store.db'}", Moments(), dict(filled.work)
    shutil.copy(filled.file, tmp_path / "store.db")
    with open_store(url, 0.2) as store:

        def browser(
            web: str = "", headers: dict[str, str] | None = None, by: str = "olga", peer: str = "10.0.0.5"
        ) -> Browser:
            (tmp_path / "project.yaml").write_text(f"{PROJECT}stores: {{operational: '{url}'}}\n{web}")
            project = open_project(tmp_path)
            clock = WallClock(lambda: TODAY, lambda: moments.now)
            app = application(Cockpit(project, store, clock, Sessions(b"k" * 32)), People(project.spec.web, by))
            client = TestClient(app, base_url="http://localhost", client=(peer, 1), raise_server_exceptions=False)
            return Browser(client, headers or {})

        yield Company(tmp_path, store, work, moments, browser)
