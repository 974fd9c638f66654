"""Pages, declarations and the README keep what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from churnml.adapters.project import open_project
from churnml.specs.health import HealthSpec
from churnml.specs.metrics import MetricsSpec
from churnml.specs.models import ModelSpec
from churnml.specs.monitoring import MonitoringSpec
from churnml.specs.playbooks import PlaybooksSpec
from churnml.specs.project import ProjectSpec
from churnml.specs.reading import read_spec
from docs.generate import HERE, PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_up_to_date(name: str) -> None:
    assert (HERE / name).read_text("utf-8") == PAGES[name](), f"docs/{name} is out of date: run make docs"


@pytest.mark.parametrize(
    "path",
    sorted(
        p for pattern in ("models", "examples") for p in (ROOT / pattern).rglob("*.yaml") if ".churnml" not in p.parts
    ),
)
def test_every_declaration_in_the_repository_loads(path: Path) -> None:
    kinds = {
        "project.yaml": ProjectSpec,
        "spec.yaml": ModelSpec,
        "monitoring.yaml": MonitoringSpec,
        "metrics.yaml": MetricsSpec,
        "health.yaml": HealthSpec,
        "playbooks.yaml": PlaybooksSpec,
    }
    if path.name == "spec.yaml" and path.is_relative_to(ROOT / "examples"):
        # a project's model may ask for the project's own features
        open_project(path.parents[2]).model(path.parent.name)
    else:
        read_spec(kinds[path.name], path)


def test_the_examples_declarations_fit_each_other() -> None:
    for folder in sorted((ROOT / "examples").glob("*/project.yaml")):
        open_project(folder.parent).check_declarations()


def test_every_link_inside_the_pages_leads_somewhere() -> None:
    pages = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "GLOSSARY.md", "CHANGELOG.md")]
    pages += sorted((ROOT / "docs").rglob("*.md"))
    for page in pages:
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            if not target.startswith(("http:", "https:", "mailto:")):
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} links to {target}"


def test_every_command_the_readme_shows_exists() -> None:
    from typer.main import get_command

    from churnml.cli import app

    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    shown = set(re.findall(r"^\.venv/bin/churnml ([a-z]+)", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE))
    assert shown
    assert shown <= known


def test_every_make_target_the_readme_shows_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    shown = set(re.findall(r"make ([a-z]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {"demo", "test"} <= shown
    assert shown <= targets


def test_pre_commit_runs_what_make_lint_runs() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"][0]["hooks"]
    lint = (ROOT / "Makefile").read_text("utf-8").split("lint:")[1].split("docs:")[0]
    for hook in hooks:
        command = hook["entry"].removeprefix(".venv/bin/")
        assert f"$(BIN)/{command}" in lint


def test_the_lock_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in lock
    assert "--hash=sha256:" in lock
    for line in lock.splitlines():
        assert not line.startswith(("--index", "--find", "--extra"))
