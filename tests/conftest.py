"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from typing import Any

import pytest

# no test opens a window, asks a network or reports anything
os.environ.setdefault("TZ", "UTC")
# the workers of -n share the cores: threads of each would wait for one another, which costs a quarter of a training
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(threads, "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, a file's tests share a worker, and so what they set up; so do those of Spark and of Prefect's servers.

    xdist's own ``--dist loadgroup`` is for this, but its 3.8 has no effect under pytest 9.2.
    """
    from xdist.scheduler import LoadScopeScheduling

    # in the order of the folders: what is long comes first, and the short files of the end fill both workers
    config.option.loadscopereorder = False

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            if nodeid.startswith("tests/engines/"):
                return "spark" if "spark" in nodeid else "engines"
            if nodeid.startswith("tests/serving/"):
                return "serving"
            return nodeid.partition("::")[0]

    return Scheduling(config, log)
