"""Spark and PostgreSQL, each started once for all tests of this folder."""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Iterator

import pytest

from churnml.adapters.warehouse.engines import ENGINES, Engine, open_engine
from tests.engines.servers import java_home, not_here, own_postgres


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        not_here("the package psycopg is not installed")
    with own_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Spark, started; ended with the tests, so that it leaves nothing open."""
    try:
        from pyspark import SparkContext
    except ImportError:
        not_here("the package pyspark is not installed")
    home = java_home(tmp_path_factory.mktemp("java"))
    with pytest.MonkeyPatch.context() as patch:
        if home is not None:
            patch.setenv("JAVA_HOME", home)
        # its workers run what these tests run, whatever python3 is on the path
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        patch.setenv("SPARK_LOCAL_DIRS", str(tmp_path_factory.mktemp("spark")))
        # for queries of a second, Java's second compiler takes longer than it saves
        patch.setenv("SPARK_SUBMIT_OPTS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how it starts Java is its own affair
            open_engine("spark", None, project="start", store="start").close()
        yield
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nor does it close all it opened
            if SparkContext._active_spark_context is not None:
                SparkContext._active_spark_context.stop()
            gc.collect()


@pytest.fixture(scope="session", params=ENGINES)
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Engine]]:
    """Opens one of the engines for a store, by the store's name."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    if request.param == "spark":
        request.getfixturevalue("spark")
    engines: list[Engine] = []

    def opening(store: str) -> Engine:
        engines.append(open_engine(request.param, url, project="tiny", store=store))
        return engines[-1]

    yield opening
    for engine in engines:
        engine.close()
