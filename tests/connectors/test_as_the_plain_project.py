"""A simulated company, once as its own tables and once as Stripe's and Zendesk's: churnml must know the same of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from churnml.adapters.project import open_project
from churnml.adapters.warehouse.looking import look_at_inputs
from churnml.jobs.init import write_connected
from churnml.simulate import simulate
from tests.connectors import written_out
from tests.flows.conftest import churnml

TIMES = {
    "accounts": ("created_at",),
    "subscriptions": ("starts_at", "ends_at", "renews_at", "known_at"),
    "support_tickets": ("opened_at", "first_response_at", "resolved_at", "reopened_at", "csat_at", "escalated_at"),
}
OTHERS = {
    "accounts": ("account_id", "owner_id", "segment", "industry", "region", "acquisition_source"),
    "subscriptions": ("account_id", "plan", "seats", "billing_period", "currency"),
    "support_tickets": ("account_id", "ticket_id", "priority", "category", "csat", "subject"),
}
SHAPES = ("fivetran", "fivetran in parquet", "airbyte")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of 40 accounts as a plain project, without what Stripe and Zendesk cannot say."""
    root = tmp_path_factory.mktemp("plain") / "company"
    simulate(root, accounts=40, months=14, seed=5, events=6000)
    written_out.plain_company(root).write(root)
    return root


def connected(plain: Path, root: Path, shape: str) -> Path:
    """The same company in a shape, begun with ``churnml init``, with what the owner of the data declares."""
    company = written_out.plain_company(plain)
    stripe, zendesk = written_out.stripe_tables(company), written_out.zendesk_tables(company)
    written_out.beside(plain, root, lambda out: written_out.write_shape(out, shape, stripe, zendesk))
    began = write_connected(root, None, ["stripe", "zendesk"], None, None)
    assert any("account_id is metadata_id" in line for line in began.told)
    own, theirs = (yaml.safe_load((one / "project.yaml").read_text("utf-8")) for one in (root, plain))
    own |= {key: theirs[key] for key in ("data_through", "static", "core_events", "currency")}
    (root / "project.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    return root


def contract_rows(root: Path, contract_table: str) -> list[tuple[str, ...]]:
    select = (root / "sources" / f"{contract_table}.sql").read_text("utf-8")
    times = [f"strftime(CAST({name} AS TIMESTAMP), '%Y-%m-%d %H:%M:%S')" for name in TIMES[contract_table]]
    columns = [*times, *OTHERS[contract_table]]
    if contract_table == "subscriptions":
        columns += ["replace(subscription_id, 'sub_', '')", "round(CAST(mrr AS DOUBLE) * 100)"]
    if contract_table == "support_tickets":  # the last version of each
        newest = "row_number() OVER (PARTITION BY ticket_id ORDER BY coalesce(reopened_at, opened_at) DESC) = 1"
        select = f"SELECT * FROM ({select}) QUALIFY {newest}"
    with look_at_inputs(open_project(root)) as seen:
        given = seen.rows(f"SELECT {', '.join(columns)} FROM ({select})")
    return sorted(tuple(value or "" for value in row) for row in given)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_rows_of_the_plain_project(plain: Path, tmp_path: Path, shape: str) -> None:
    root = connected(plain, tmp_path / "company", shape)
    for contract_table in TIMES:
        given, right = contract_rows(root, contract_table), contract_rows(plain, contract_table)
        assert len(right) > 20
        assert given == right


@pytest.mark.slow
def test_check_and_audit_pass_and_the_features_are_those_of_the_plain_project(plain: Path, tmp_path: Path) -> None:
    """Two commands over the whole company: what the issue asks for, and some ten seconds of engine."""
    root, other = connected(plain, tmp_path / "company", "fivetran"), tmp_path / "plain"
    shutil.copytree(plain, other)
    through = pd.Timestamp(yaml.safe_load((plain / "project.yaml").read_text("utf-8"))["data_through"])
    cutoffs = [f"{through - pd.Timedelta(days=days):%Y-%m-%d}" for days in (180, 91, -1)]
    frames = []
    for project in (root, other):
        out = tmp_path / f"{project.name}.parquet"
        said = churnml(
            "features", "--project", project, "--out", out, *[word for day in cutoffs for word in ("--as-of", day)]
        )
        assert said.code == 0, said.err
        frames.append(pd.read_parquet(out).sort_values(["as_of", "account_id"]).reset_index(drop=True))
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    assert len(frames[0]) > 40
    for command in ("check", "audit"):
        said = churnml(command, "--project", root)
        assert said.code == 0, said.out + said.err
