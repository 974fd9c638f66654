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


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of 400 accounts over 24 months, never to be changed."""
    out = tmp_path_factory.mktemp("simulated") / "company"
    said = churnml("simulate", "--out", out, "--accounts", "400", "--events", "120000", "--seed", "11")
    assert said.code == 0, said.err
    return out


@pytest.fixture(scope="session")
def ran(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same company after ``churnml run``, never to be changed."""
    project = tmp_path_factory.mktemp("ran") / "company"
    shutil.copytree(simulated, project)
    said = churnml("run", "--project", project, "--no-prefect")
    assert said.code == 0, said.err
    return project


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
