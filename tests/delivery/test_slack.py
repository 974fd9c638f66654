"""A Slack-compatible webhook: what is posted, and that nobody's data rings a bell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from churnml.adapters.delivery.slack import ITEMS_A_POST, post_of
from churnml.ledger import HealthEvent
from tests.delivery.conftest import Shop
from tests.delivery.servers import STALL, Request, Response, Server, serving
from tests.store.days import account, day


class Channel:
    def __init__(self) -> None:
        self.posts: list[Any] = []

    def __call__(self, request: Request) -> Response:
        if len(request.data["blocks"]) > 50 or len(request.body) > 13_000:
            return Response(400, b"invalid_blocks")
        if any(len(block["text"]["text"]) > 3_000 for block in request.data["blocks"]):
            return Response(400, b"invalid_blocks")
        self.posts.append(request.data)
        return Response(200, b"ok")

    def text(self) -> str:
        return json.dumps(self.posts, ensure_ascii=False)


@pytest.fixture
def channel() -> Channel:
    return Channel()


@pytest.fixture
def server(channel: Channel, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(channel) as found:
        monkeypatch.setenv("SLACK_URL", f"{found.url}/services/T0/B0/canary-path-2af9")
        shop.declare(chat={"kind": "slack", "url": "${SLACK_URL}"})
        yield found


@pytest.mark.usefixtures("server")
def test_a_digest_is_one_post_an_owner(shop: Shop, channel: Channel) -> None:
    shop.score("03-01", *"abc", opened=["a", "b", "c"])
    assert shop.send().receivers[0].sent == 3
    (post,) = channel.posts
    assert post["text"] == "olga: 3 changes"
    assert post["blocks"][1]["text"]["text"].splitlines() == [
        "New on the list: *a* – Call, due 2024-03-08, worth 5 a month (health 40, at risk)",
        "• Active on 2 days; usually 12.",
        "1. Call them",
        "2. Write it down",
    ]


@pytest.mark.usefixtures("server")
def test_a_digest_that_is_long_is_several_posts(shop: Shop, channel: Channel) -> None:
    many = [f"a{number:02}" for number in range(30)]
    shop.score("03-01", *many, opened=many)
    assert shop.send().receivers[0].sent == 30
    assert sum(len(post["blocks"]) - 1 for post in channel.posts) == 30
    assert all(len(post["blocks"]) <= 9 for post in channel.posts)


def test_item_by_item_is_one_post_each(shop: Shop, channel: Channel, server: Server) -> None:
    shop.declare(chat={"kind": "slack", "url": "${SLACK_URL}", "style": "piece"})
    drop = HealthEvent("b", day("03-01"), "drop", "70", "40", ("fell",))
    shop.score("03-01", "a", "b", opened=["a"], events=[drop])
    shop.send()
    assert len(channel.posts) == 2
    assert "*b* dropped from 70 to 40 (health 40, at risk)" in channel.text()
    assert [request.headers["Idempotency-Key"].split("-")[0] for request in server.seen] == ["event", "work"]


@pytest.mark.usefixtures("server")
def test_a_users_text_rings_nobody_and_makes_no_link(shop: Shop, channel: Channel) -> None:
    name = "<!channel> & <https://evil.example|click>\n*bold*"
    shop.score("03-01", name, opened=[name])
    shop.send()
    assert "&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt; *bold*" in channel.text()
    assert "<!" not in channel.text()
    assert all(block["text"].get("verbatim", True) for block in channel.posts[0]["blocks"])


def test_a_post_stays_within_what_slack_takes_whatever_the_data_say() -> None:
    long = "&" * 100_000
    payload = {
        "account_id": long,
        "account_name": long,
        "owner": long,
        "health": {"score": 40.0, "band": "at_risk"},
        "reasons": [long] * 9,
        "work": {
            "what": "opened",
            "owner": long,
            "title": long,
            "playbook": "x",
            "due": "2024-03-01",
            "steps": [long] * 9,
        },
    }
    post = post_of([payload] * ITEMS_A_POST)
    assert all(len(block["text"]["text"]) <= 3_000 for block in post["blocks"])
    assert len(json.dumps(post)) <= 13_000
    assert not any(
        line.endswith(("&am", "&a", "&amp")) for block in post["blocks"] for line in block["text"]["text"].splitlines()
    )
    assert len(post_of([payload])["blocks"][0]["text"]["text"]) <= 150


def test_a_channel_that_asks_for_time_gets_it(shop: Shop, channel: Channel, server: Server) -> None:
    shop.score("03-01", "a", opened=["a"])
    server.before.append(Response(429, b"rate_limited", {"Retry-After": "30"}))
    assert shop.send().receivers[0].failed == 1
    shop.until_quiet()
    assert len(channel.posts) == 1


def test_a_post_whose_answer_was_lost_is_posted_again_rather_than_lost(
    shop: Shop, channel: Channel, server: Server
) -> None:
    shop.score("03-01", "a", opened=["a"])
    server.after.append(STALL)
    shop.hurry()
    shop.send()
    shop.until_quiet()
    assert len(channel.posts) == 2
    assert len({request.headers["Idempotency-Key"] for request in server.seen}) == 1


def test_what_refuses_a_digest_refuses_only_the_message_it_is_about(
    shop: Shop, channel: Channel, server: Server
) -> None:
    shop.score("03-01", *"abc", opened=["a", "b", "c"])
    server.before.extend([Response(400, b"invalid_blocks"), None, Response(400, b"invalid_blocks"), None])
    found = shop.send()
    assert [found.receivers[0].sent, found.receivers[0].died] == [2, 1]
    assert [letter.subject for letter in found.dead] == ["b"]


@pytest.mark.usefixtures("server")
def test_health_that_did_not_move_is_nothing_to_post(shop: Shop, channel: Channel) -> None:
    shop.score("03-01", account("a"))
    assert shop.send().receivers[0].sent == 0
    assert channel.posts == []
