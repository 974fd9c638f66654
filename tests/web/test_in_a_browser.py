"""Every page and every action in a real browser, with its scripts and without: what is pressed is what is written."""

from __future__ import annotations

import itertools
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn

from churnml.web.serving import listening
from tests.store.days import message, record, scores
from tests.web.conftest import HOSTILE, NOW, TODAY, Company

# what the browsers are called that there may be, and how they are started
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
ADDRESSES = ("/day", "/accounts", "/account?id=acme", "/playbooks", "/models")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = next((place for name in BROWSERS if (place := shutil.which(name))), None)
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no browser is here")
        pytest.skip("no browser is here (tests/browser.sh installs one)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield opened
        opened.close()


@pytest.fixture
def served(company: Company) -> Iterator[str]:
    """The company's cockpit at an address of this machine."""
    listener = listening("127.0.0.1", 0)
    app: Any = company.open().client.app
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    listener.close()


@contextmanager
def opened(chromium: Any, base: str, **context: Any) -> Iterator[Any]:
    """A page of a browser; that a policy was broken, or a script failed, fails the test."""
    made = chromium.new_context(base_url=base, **context)
    page, problems = made.new_page(), []
    page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.set_default_timeout(15_000)
    yield page
    made.close()
    assert problems == []


def item(page: Any, company: Company, account_id: str) -> Any:
    return page.locator(f'[data-work="{company.work[account_id]}"]')


def states(company: Company) -> dict[str, str]:
    return {name: company.store.work.item(work).state for name, work in company.work.items()}


def last_was(company: Company, account_id: str, what: str) -> bool:
    return company.store.last_change(company.work[account_id]).event.what == what


def until(holds: Callable[[], bool]) -> None:
    """Waits for what the server writes after a button was pressed."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    assert holds()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_work_is_done_put_off_handed_on_dismissed_and_taken_back(
    company: Company, served: str, chromium: Any, scripts: bool
) -> None:
    with opened(chromium, served, java_script_enabled=scripts) as page:
        page.goto("/day?owner=")
        item(page, company, "acme").get_by_role("button", name="Done").click()
        page.get_by_text("Just done").wait_for()
        assert states(company)["acme"] == "done"
        page.get_by_role("button", name="Undo").click()
        until(lambda: states(company)["acme"] == "open")
        for account_id, button, what, fields in (
            ("bolt", "Put off", "snoozed", {"why": "away", "until": "2024-03-20"}),
            ("cord", "Dismiss", "dismissed", {"why": "no need"}),
            ("acme", "Hand on", "reassigned", {"why": "knows them", "to": "piet"}),
        ):
            page.goto("/day?owner=")
            here = item(page, company, account_id)
            here.locator("summary", has_text=button).first.click()
            form = here.locator("details[open] form")
            for name, value in fields.items():
                form.locator(f"[name={name}]").fill(value)
            form.get_by_role("button", name=button).click()
            until(partial(last_was, company, account_id, what))
        assert {"bolt": "snoozed", "cord": "dismissed", "acme": "open"}.items() <= states(company).items()
        assert company.store.work.item(company.work["acme"]).owner == "piet"
        page.goto("/day?owner=")
        for account_id in ("acme", "dune"):
            item(page, company, account_id).get_by_role("checkbox").check()
        page.locator("form.many").get_by_role("button", name="Done").click()
        until(lambda: states(company)["dune"] == states(company)["acme"] == "done")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_an_account_is_found_by_name_noted_on_and_its_view_is_kept(
    company: Company, served: str, chromium: Any, scripts: bool
) -> None:
    with opened(chromium, served, java_script_enabled=scripts) as page:
        page.goto("/day")
        page.get_by_label("Find an account").fill("söhne")
        page.get_by_role("button", name="Find").click()
        page.get_by_label("Keep this view as").fill("our sons")
        page.get_by_role("button", name="Keep").click()
        page.get_by_role("link", name="our sons").wait_for()
        assert [one.name for one in company.store.views.of("olga")] == ["our sons"]
        page.get_by_role("link", name="Bolt & Söhne GmbH").click()
        page.get_by_label("A note").fill("Call Ann\nin June")
        page.get_by_role("button", name="Write it down").click()
        page.get_by_text("5 March 2024, olga").wait_for()
        assert [one.text for one in company.store.notes.of("bolt")] == ["Call Ann\nin June"]
        page.get_by_role("link", name="Book", exact=True).click()
        page.get_by_role("button", name="Remove the view our sons").click()
        until(lambda: company.store.views.of("olga") == [])


def test_messages_that_were_given_up_are_tried_again(company: Company, served: str, chromium: Any) -> None:
    record(company.store, scores(TODAY.replace(day=6), "acme"), "third", NOW, messages=[message("k1", "acme")])
    (claimed,) = company.store.outbox.claim(NOW)
    company.store.outbox.failed(claimed.delivery_id, NOW, f"404: {HOSTILE}", None)
    with opened(chromium, served) as page:
        page.goto("/models")
        page.get_by_label("What was mended").fill("the field is there")
        page.get_by_role("button", name="Try it again").click()
        until(lambda: company.store.outbox.counts() == {"crm": {"pending": 1}})


def test_the_keys_work_the_list(company: Company, served: str, chromium: Any) -> None:
    with opened(chromium, served) as page:
        page.goto("/day")
        page.locator(".item").first.focus()
        first, second = (page.locator(".item").nth(place).get_attribute("data-work") for place in (0, 1))
        page.keyboard.press("j")
        assert page.evaluate("document.activeElement.dataset.work") == second
        page.keyboard.press("k")
        page.keyboard.press("d")
        until(lambda: company.store.work.item(str(first)).state == "done")
        until(lambda: page.evaluate("document.activeElement.dataset.work") == second)
        page.keyboard.press("u")
        until(lambda: company.store.work.item(str(first)).state == "open")


def test_no_page_is_wider_than_a_telephone_or_has_a_heading_left_out(
    company: Company, served: str, chromium: Any
) -> None:
    with opened(chromium, served, viewport={"width": 375, "height": 800}) as page:
        for address in ADDRESSES:
            page.goto(address)
            assert page.evaluate("document.documentElement.scrollWidth") <= 375, address
            levels = page.eval_on_selector_all("h1, h2, h3", "all => all.map(one => Number(one.tagName[1]))")
            assert levels[0] == 1
            assert levels.count(1) == 1
            assert all(after - before <= 1 for before, after in itertools.pairwise(levels)), address
            ids = page.eval_on_selector_all("[id]", "all => all.map(one => one.id)")
            assert len(ids) == len(set(ids)), address
