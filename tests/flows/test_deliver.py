"""The delivery flow over a project's own store."""

from __future__ import annotations

from churnml.adapters.store import open_store
from pipelines.deliver import deliver
from tests.delivery.conftest import Desk, desk

__all__ = ["desk"]


def test_the_flow_shows_and_then_sends_what_the_projects_store_holds(desk: Desk) -> None:
    desk.declare(files={"kind": "drop", "path": "out"})
    with open_store(desk.project.operational_url) as store:
        Desk(desk.root, store).score("03-01", "a")
    assert deliver(str(desk.root)).receivers[0].waiting == 1
    assert not (desk.root / "out").exists()
    assert deliver(str(desk.root), send=True).receivers[0].sent == 1
    assert len(list((desk.root / "out").iterdir())) == 1
