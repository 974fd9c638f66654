"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from typing import Any

import pytest

# no test opens a window, asks a network or reports anything
os.environ.setdefault("TZ", "UTC")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, one worker starts Spark, one PostgreSQL and one Prefect's servers; other tests go where there is room.

    xdist's own ``--dist loadgroup`` is for this, but its 3.8 has no effect under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/engines/"):
                return "spark" if "spark" in nodeid else "engines"
            if nodeid.startswith("tests/serving/"):
                return "serving"
            return nodeid

    return Scheduling(config, log)
