"""Accounts in what trainings logged: the list of judged accounts of a run, which names them.

Models, records, cards and examples of inputs hold figures without an account's id.
"""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

from churnml.adapters.registry.client import MlflowException, mlflow, quietly
from churnml.adapters.registry.opened import Registry
from churnml.ledger.erasure import JUDGED_FILE

ACCOUNT = "account_id"


def runs_naming(registry: Registry, project: str, account_id: str) -> int:
    """How many runs of a project name an account in their list of judged accounts."""
    if registry.artifacts is not None:
        return sum(_without(_text(path), account_id) is not None for path in _lists(registry.artifacts))
    with quietly(registry.uri):
        return sum(_without(text, account_id) is not None for _, text in _judged(registry, project))


def remove_from_runs(registry: Registry, project: str, account_id: str) -> None:
    """Takes an account out of those lists.

    Those of a local registry are files of the project, wherever its runs say that they began.
    """
    if registry.artifacts is not None:
        for path in _lists(registry.artifacts):
            if (left := _without(_text(path), account_id)) is not None:
                aside = path.with_name(f".{path.name}")
                aside.write_bytes(left.encode())
                aside.replace(path)
        return
    with quietly(registry.uri), tempfile.TemporaryDirectory() as scratch:
        for run, text in _judged(registry, project):
            if (left := _without(text, account_id)) is not None:
                path = Path(scratch, JUDGED_FILE)
                path.write_bytes(left.encode())
                registry.client.log_artifact(run, str(path))


def _lists(artifacts: Path) -> list[Path]:
    return sorted(path for path in artifacts.rglob(JUDGED_FILE) if path.is_file() and not path.is_symlink())


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def fitted_versions(registry: Registry, names: tuple[str, ...]) -> dict[str, int]:
    """Model → how many versions there are, which were fitted with its rows among others, or may have been."""
    return {name: many for name in names if (many := len(registry.listed(name)))}


def _judged(registry: Registry, project: str) -> Iterator[tuple[str, str]]:
    """Run → its list of judged accounts, of all runs of a project, unfinished ones too."""
    own = [
        experiment.experiment_id
        for experiment in registry.client.search_experiments(filter_string=f"name LIKE '{project}/%'")
    ]
    token: str | None = None
    while own:
        runs = registry.client.search_runs(own, max_results=500, page_token=token)
        for run in runs:
            with tempfile.TemporaryDirectory() as scratch:
                try:
                    path = mlflow.artifacts.download_artifacts(
                        run_id=run.info.run_id, artifact_path=JUDGED_FILE, dst_path=scratch
                    )
                except (MlflowException, OSError):
                    # a run that was killed before it logged any
                    continue
                yield run.info.run_id, _text(Path(path))
        token = runs.token
        if not token:
            return


def _without(text: str, account_id: str) -> str | None:
    """A list without an account; None where it does not name it."""
    rows = list(csv.reader(io.StringIO(text)))
    if not rows or ACCOUNT not in rows[0]:
        return None
    place = rows[0].index(ACCOUNT)
    left = [row for row in rows if len(row) <= place or row[place] != account_id]
    if len(left) == len(rows):
        return None
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(left)
    return out.getvalue()
