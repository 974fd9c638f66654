"""A store of its own for each test, once on SQLite and once on PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from churnml.adapters.store import Store, open_store
from tests.engines.servers import not_here, own_postgres

NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    try:
        import psycopg  # noqa: F401
    except ImportError:
        not_here("the package psycopg is not installed")
    with own_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def new_url(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Makes a place where no store is yet, as often as it is called."""

    def make() -> str:
        name = f"store_{next(NUMBERS)}"
        if engine == "sqlite":
            return f"sqlite:///{tmp_path / name}.db"
        import psycopg

        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
        # what the store finds and makes without naming a schema is there, which is much faster than a new database
        return f"{server}&options=-csearch_path%3D{name}"

    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    return new_url()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened
