"""A small simulated company, made once, and the command line as a person meets it."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests.support import be_brisk

os.environ["CHURNML_ENGINE"] = "plain"  # the Prefect engine has its own test, in a process of its own


@dataclass(frozen=True)
class Said:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """Standard error without the progress that is logged where no terminal looks on."""
        return "".join(line for line in self.err.splitlines(keepends=True) if " INFO    churnml.progress: " not in line)


def churnml(*words: str | Path) -> Said:
    """Runs the command line in this process, as ``churnml WORDS``."""
    from churnml import cli

    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["churnml", *(str(word) for word in words)]
    try:
        with redirect_stdout(out), redirect_stderr(err):
            try:
                cli.main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
    finally:
        sys.argv = before
    return Said(code, out.getvalue(), err.getvalue())


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that all workers share: the first one makes it, the others wait."""
    base = factory.getbasetemp()
    place = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, ready = place / name / "company", place / f"{name}.ready"
    with FileLock(place / f"{name}.lock"):
        if not ready.exists():
            # of a worker that failed half-way
            shutil.rmtree(folder, ignore_errors=True)
            folder.parent.mkdir(exist_ok=True)
            make(folder)
            ready.touch()
    return folder


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of 400 accounts over 24 months with brisk models, never to be changed."""

    def make(out: Path) -> None:
        said = churnml("simulate", "--out", out, "--accounts", "400", "--events", "120000", "--seed", "11")
        assert said.code == 0, said.err
        be_brisk(out)

    return made_once(tmp_path_factory, "simulated", make)


@pytest.fixture(scope="session")
def ran(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company after ``churnml run``, never to be changed."""

    def make(project: Path) -> None:
        shutil.copytree(simulated, project)
        said = churnml("run", "--project", project, "--no-prefect")
        assert said.code == 0, said.err

    return made_once(tmp_path_factory, "ran", make)


@pytest.fixture
def company(simulated: Path, tmp_path: Path) -> Path:
    """A copy of the company to do wrong to."""
    project = tmp_path / "company"
    shutil.copytree(simulated, project)
    return project


@pytest.fixture
def after_run(ran: Path, tmp_path: Path) -> Path:
    """A copy of the company as ``churnml run`` left it."""
    project = tmp_path / "company"
    shutil.copytree(ran, project)
    return project


Spoil = Callable[[Path], None]
