"""The delivery flow over a project's own store."""

from __future__ import annotations

from churnml.adapters.store import open_store
from pipelines.deliver import deliver
from tests.delivery.conftest import Shop, shop

__all__ = ["shop"]


def test_the_flow_shows_and_then_sends_what_the_projects_store_holds(shop: Shop) -> None:
    shop.declare(files={"kind": "drop", "path": "out"})
    with open_store(shop.project.operational_url) as store:
        Shop(shop.root, store).score("03-01", "a")
    assert deliver(str(shop.root)).receivers[0].waiting == 1
    assert not (shop.root / "out").exists()
    assert deliver(str(shop.root), send=True).receivers[0].sent == 1
    assert len(list((shop.root / "out").iterdir())) == 1
