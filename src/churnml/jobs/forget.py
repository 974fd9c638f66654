"""Forgetting an account or a user: what is churnml's own is removed, what is not is told."""

from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.registry import registry_of
from churnml.adapters.registry.forgetting import fitted_versions, remove_from_runs, runs_naming
from churnml.adapters.store import Store
from churnml.adapters.suppression import Forgettable, write_suppression
from churnml.adapters.traces import files_naming, is_telling
from churnml.adapters.warehouse.forgotten import checked_rows, remove_checked_tables, sampled_ids
from churnml.errors import ProjectError, UnknownNameError
from churnml.ledger.erasure import MADE_AGAIN, AgedRows, ForgetReport, Traces
from churnml.specs.project import Retention

log = logging.getLogger("churnml.jobs")

A_YEAR = 365


def forget(
    project: Project, store: Store, kind: Forgettable, name: str, now: dt.datetime, *, who: str, why: str, do: bool
) -> ForgetReport:
    """Removes an account or a user from everything churnml keeps, and sets its rows aside from then on.

    In this order, so that whatever stops it, running it again ends it: its rows are suppressed, the store forgets
    in one transaction, the registry's lists, the checked tables and the report go, the store's files are written
    anew. At the end every file is looked into again.

    Args:
        project: the project.
        store: its store.
        kind: an account, or a user of an account.
        name: its id, as the contract tables have it.
        now: the moment.
        who, why: for the audit log; neither may name it.
        do: without, it is only told what would be done.

    Raises:
        UnknownNameError: nothing names it and it was not forgotten before.
        ProjectError: who or why holds the id; or the store's user may not remove rows.
    """
    _must_not_name(name, who, why)
    suppression = project.suppression
    before = _traces(project, store, kind, name)
    if not before.any and not before.suppressed:
        where = "store, checked tables, registry and files of the project"
        raise UnknownNameError(kind, name, _known_accounts(store) if kind == "account" else (), where=where)
    digest = (suppression if suppression.key else suppression.with_one_more(kind, name)).digest(kind, name)
    after, compacted = None, True
    if do:
        digest, compacted = _forget(project, store, kind, name, now, who=who, why=why)
        after = _traces(project, store, kind, name)
        log.info("%(kind)s %(digest)s forgotten", {"kind": kind, "digest": digest[:16]})
    return ForgetReport(
        kind=kind,
        digest=digest,
        before=before,
        after=after,
        inputs=_inputs(project),
        fitted=fitted_versions(registry_of(project), project.model_names),
        compacted=compacted,
        telling=is_telling(name),
        engine="" if project.spec.engine == "duckdb" else project.spec.engine,
        on_server=not project.operational_url.startswith("sqlite"),
    )


def forget_old(project: Project, store: Store, today: dt.date, now: dt.datetime, *, do: bool) -> AgedRows:
    """What is older than ``retention:`` keeps: shown, or removed and then shown.

    Raises:
        ProjectError: nothing is declared, or so little that models could not be judged by their past scores.
    """
    declared, where = project.spec.retention, f"{project.root / PROJECT_FILE}, retention:"
    if declared == Retention():
        raise ProjectError(
            "The project does not say how long it keeps what.",
            where=where,
            remedy="Declare it, for instance retention: {scores_days: 1095, messages_days: 365}.",
        )
    least = project.monitoring.rolling + A_YEAR
    if declared.scores_days is not None and declared.scores_days < least:
        raise ProjectError(
            f"Scores would be removed after {declared.scores_days} days, before what came of them is known and judged.",
            where=f"{where} scores_days",
            remedy=f"Keep them for {least} days or more: a year for outcomes, and monitoring's rolling days.",
        )
    if not do:
        return store.aged(declared, today)
    gone = store.let_go(declared, today, now)
    if gone.rows:
        store.compact()
    return gone


def _known_accounts(store: Store) -> list[str]:
    dates = store.dates()
    return [account.account_id for account in store.scored(dates[-1])] if dates else []


def _must_not_name(name: str, who: str, why: str) -> None:
    for text, option in ((who, "--by"), (why, "--because")):
        if name in text:
            raise ProjectError(
                "What is kept of the erasure must not name who is forgotten.",
                where=option,
                remedy="Give the number of the request, or its date.",
            )


def _traces(project: Project, store: Store, kind: Forgettable, name: str) -> Traces:
    by_account = kind == "account"
    return Traces(
        store=store.traces_of_account(name) if by_account else store.traces_of_user(name),
        checked=checked_rows(project, kind, name),
        runs=runs_naming(registry_of(project), project.name, name) if by_account else 0,
        files=tuple(_shown(project, path) for path in _other_files(project, name)),
        suppressed=project.suppression.holds(kind, name),
    )


def _other_files(project: Project, name: str) -> list[Path]:
    """Files that name somebody, without those that are counted as checked tables."""
    if not is_telling(name):
        return []
    warehouse = project.work / "warehouse"
    return [path for path in files_naming(project, name) if warehouse not in path.parents]


def _forget(
    project: Project, store: Store, kind: Forgettable, name: str, now: dt.datetime, *, who: str, why: str
) -> tuple[str, bool]:
    suppression = project.suppression.with_one_more(kind, name)
    digest = suppression.digest(kind, name)
    write_suppression(project.root, suppression)
    if kind == "account":
        store.forget_account(name, digest, now, who=who, why=why, sampled=sampled_ids(project, name))
        remove_from_runs(registry_of(project), project.name, name)
    else:
        store.note_forgotten_user(digest, now, who=who, why=why)
    remove_checked_tables(project)
    for file in MADE_AGAIN:
        (project.work / file).unlink(missing_ok=True)
    return digest, store.compact()


def _inputs(project: Project) -> dict[str, str]:
    """Input → where it lies, as it may be shown."""
    return {
        name: declared.path or f"table {declared.table} of a database" for name, declared in project.spec.inputs.items()
    }


def _shown(project: Project, path: Path) -> str:
    root = project.root.resolve()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)
