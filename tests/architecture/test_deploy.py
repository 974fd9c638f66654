"""The files to deploy by call commands that exist, with options that exist, and agree with each other."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from churnml.cli import app

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
FILES = sorted(path for path in DEPLOY.iterdir() if path.is_file())


def commands(text: str) -> list[list[str]]:
    """Every call of churnml in a file, word by word, up to the end of its line or to what comes after it."""
    joined = text.replace("\\\n", " ")
    calls = re.findall(
        r"(?:^|[\s/])churnml ((?:serve|deploy|score|train|impact|deliver|forget|run|backfill)\b[^\n&|;#`]*)", joined
    )
    return [shlex.split(call, posix=True) for call in calls]


def refused(words: list[str]) -> list[str]:
    """The options of a call that its command does not have."""
    command: Any = get_command(app)
    command = command.commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    return [word for word in words[1:] if word.startswith("--") and word not in known]


def test_the_check_sees_a_wrong_option() -> None:
    """The positive control of the next one."""
    assert refused(["score", "--no-prefect", "--nonsense"]) == ["--nonsense"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_call_is_one_the_command_line_takes(path: Path) -> None:
    for words in commands(path.read_text("utf-8")):
        assert not refused(words), f"{path.name}: churnml {' '.join(words)}"


def test_calls_are_found_where_they_must_be() -> None:
    calling = {path.name for path in FILES if commands(path.read_text("utf-8"))}
    assert calling >= {"churnml-serve@.service", "churnml-retention@.service", "crontab", "compose.yaml"}


@pytest.mark.parametrize(
    ("codes", "ended", "calls"),
    [((0,), 0, 1), ((75, 75, 0), 0, 3), ((1,), 1, 1), ((2,), 2, 1), ((75, 1), 1, 2), ((75, 75, 75, 75), 75, 3)],
)
def test_only_what_did_not_answer_is_tried_again(
    codes: tuple[int, ...], ended: int, calls: int, tmp_path: Path
) -> None:
    (tmp_path / "codes").write_text("".join(f"{code}\n" for code in codes))
    command = tmp_path / "command"
    command.write_text(
        "#!/bin/sh\ncode=$(head -n 1 codes)\nsed -i.old 1d codes\necho call >> calls\nexit $code\n", encoding="utf-8"
    )
    command.chmod(0o755)
    done = subprocess.run(
        ["sh", DEPLOY / "again.sh", "3", "0", "./command"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == ended
    assert len((tmp_path / "calls").read_text().splitlines()) == calls


def airflow() -> dict[str, types.ModuleType]:
    """A stand-in for Airflow, which does not fit beside our libraries: decorators that change nothing, two errors."""

    def plain(*given: Any, **_: Any) -> Any:
        return given[0] if given and callable(given[0]) else lambda function: function

    decorators, exceptions = types.ModuleType("airflow.decorators"), types.ModuleType("airflow.exceptions")
    decorators.dag = lambda **_: lambda function: lambda: None  # type: ignore[attr-defined]
    decorators.task = plain  # type: ignore[attr-defined]
    exceptions.AirflowException = type("AirflowException", (Exception,), {})  # type: ignore[attr-defined]
    exceptions.AirflowFailException = type("AirflowFailException", (Exception,), {})  # type: ignore[attr-defined]
    return {"airflow": types.ModuleType("airflow"), "airflow.decorators": decorators, "airflow.exceptions": exceptions}


@pytest.mark.parametrize(
    ("code", "raised"), [(0, None), (75, "AirflowException"), (1, "AirflowFailException"), (2, "AirflowFailException")]
)
def test_under_airflow_only_what_did_not_answer_is_tried_again(
    code: int, raised: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, module in airflow().items():
        monkeypatch.setitem(sys.modules, name, module)
    told: dict[str, Any] = {"__name__": "airflow_dag"}
    exec(compile((DEPLOY / "airflow_dag.py").read_text("utf-8"), "airflow_dag.py", "exec"), told)  # noqa: S102 - our own
    command = tmp_path / "churnml"
    command.write_text(f"#!/bin/sh\nexit {code}\n", encoding="utf-8")
    command.chmod(0o755)
    told["CHURNML"] = str(command)
    if raised is None:
        told["churnml"]("score")
        return
    with pytest.raises(Exception, match="churnml score") as error:
        told["churnml"]("score")
    assert type(error.value).__name__ == raised


def test_the_compose_file_agrees_with_itself_and_with_the_image() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        waits = {other: how["condition"] for other, how in service.get("depends_on", {}).items()}
        assert all("healthcheck" in services[other] for other, how in waits.items() if how == "service_healthy"), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or source.startswith("${") or (DEPLOY / source).is_file(), volume
    made = set(re.findall(r"CREATE DATABASE (\w+)", (DEPLOY / "databases.sql").read_text("utf-8")))
    named = set(re.findall(r"@postgres/(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8")))
    assert named == made | {services["postgres"]["environment"]["POSTGRES_DB"]}
    pools = set(
        re.findall(r"(?:--pool\W+|work-pool (?:inspect|create) )(\w+)", (DEPLOY / "compose.yaml").read_text("utf-8"))
    )
    assert pools == {"churnml"}


def test_the_image_copies_what_is_there() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    root = DEPLOY.parents[1]
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE):
        for source in line.split():
            assert (root / source).exists(), source


@pytest.mark.parametrize(
    "unit", [path for path in FILES if path.suffix in (".service", ".timer")], ids=lambda path: path.name
)
def test_systemd_takes_the_units(unit: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("this machine has no systemd-analyze")
    for path in FILES:
        if path.suffix in (".service", ".timer"):
            # the program is not installed where the unit says
            text = path.read_text("utf-8").replace("/opt/churnml/bin/churnml", "/bin/true")
            (tmp_path / path.name.replace("@", "@acme")).write_text(text, "utf-8")
    named = tmp_path / unit.name.replace("@", "@acme")
    done = subprocess.run(["systemd-analyze", "verify", named], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert named.name not in done.stderr
