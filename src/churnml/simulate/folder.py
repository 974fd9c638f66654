"""The project folder: its texts, its CSVs, and how it comes into being whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from churnml.errors import ProjectError
from churnml.simulate.clock import Clock
from churnml.simulate.usage import VALUE_EVENTS

OURS = ("project.yaml", "README.md", "data", "sources", "truth")
MARK = Path("truth") / "dirt.json"  # only the simulator writes it


def _select(columns: str, table: str) -> str:
    """SQL with a column a line."""
    return "SELECT\n    " + f"source_row, {columns}".replace(", ", ",\n    ") + f"\nFROM {table}\n"


SOURCES = {
    "accounts": _select(
        "account_no AS account_id, account_name AS name, created_on AS created_at, csm AS owner_id, tier AS segment, "
        "vertical AS industry, region, lead_source AS acquisition_source",
        "crm_accounts",
    ),
    "subscriptions": "-- a change of terms closes a row and opens the next one of the same contract_no\n"
    + _select(
        "account_no AS account_id, contract_no AS subscription_id, valid_from AS starts_at, monthly_amount AS mrr, "
        "valid_to AS ends_at, plan_name AS plan, seats, billing AS billing_period, renewal_date AS renews_at, "
        "notice_received AS cancelled_at, valid_from AS known_at, currency",
        "contracts",
    ),
    "usage_events": _select(
        "account_no AS account_id, event_time AS occurred_at, event_name AS event, person AS user_id, "
        "amount AS quantity, received_at AS known_at",
        "product_events",
    ),
    "support_tickets": _select(
        "account_no AS account_id, ticket_no AS ticket_id, created AS opened_at, first_reply AS first_response_at, "
        "closed AS resolved_at, reopened AS reopened_at, prio AS priority, topic AS category, satisfaction AS csat, "
        "satisfaction_at AS csat_at, escalated AS escalated_at, subject",
        "helpdesk_tickets",
    ),
}

README = """\
# A simulated company

Written by `churnml simulate`; simulating again into this folder replaces these files. The company does
not exist. What is special about it: the true probability of every account's churn and upsell is known,
in `truth/`, so that a model can be measured against the best that is possible.

| file | one row is | columns |
|---|---|---|
| `data/crm_accounts.csv` | an account | account_no, account_name, created_on, csm, tier, vertical, \
region, lead_source |
| `data/contracts.csv` | a period of a contract on fixed terms | contract_no, account_no, \
valid_from, valid_to (empty while open), plan_name, seats, discount_pct, \
monthly_amount, currency, billing, renewal_date, notice_received |
| `data/helpdesk_tickets.csv` | a ticket | ticket_no, account_no, created, first_reply, closed, reopened, \
prio, topic, satisfaction (1 to 5), satisfaction_at, escalated, subject |
| `data/product_events.parquet` | something a person did in the product | account_no, person, event_name, \
amount, event_time, received_at |

The data hold what was known by the end of {data_through}; rows that arrived later are not in them. A few
rows are wrong on purpose; `truth/dirt.json` counts them by table and kind.

| file | one row is | columns |
|---|---|---|
| `truth/probabilities.parquet` | an account on a Monday, paying and without notice given | account_id, \
as_of, churn_probability, upsell_probability |
| `truth/latent.parquet` | the same | account_id, as_of, health, pressure, \
and the hidden traits own_health, growth, single_sponsor, price_sensitivity, budget |

churn_probability: that the contract ends from {churn_gap} to {churn_end} days after as_of and the account
does not come back within {grace} days, given that it does not leave before. upsell_probability: that
{upsell_end} days after as_of it still pays, and at least a tenth more than at as_of.

Made from: {arguments}.
"""

MUCH_DIRT = """\
# the contracts that are wrong on purpose are many beside so few accounts
may_lose: 0.5
"""
PROJECT = """\
name: simulated-company
# the last full day in the data; facts after it are future rows
data_through: {data_through}
timezone: UTC
{region}inputs:
  crm_accounts: {{path: data/crm_accounts.csv}}
  contracts: {{path: data/contracts.csv}}
  helpdesk_tickets: {{path: data/helpdesk_tickets.csv}}
  product_events: {{path: data/product_events.parquet}}
static: [segment, industry, region, acquisition_source]
# what the product is bought for, as its makers know it
core_events: [{core_events}]
{dirt}models: [churn, upsell]
currency: EUR
# only a simulated company knows it: shown beside each model's figures, and read for nothing else
truth: truth/probabilities.parquet
"""


TEAM = """# What each customer success manager of the company can take: half a day a week of newly given work.
others: {minutes_a_week: 240}
"""


def refuse_foreign(out: Path) -> None:
    """Raises ProjectError unless ``out`` is new, empty, or was written by the simulator."""
    if out.exists() and not out.is_dir():
        raise ProjectError("There is a file where the project should go.", where=str(out), remedy="Name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise ProjectError(
            "The folder is not empty and was not written by the simulator.",
            where=str(out),
            remedy="Name a new folder, or empty this one; the simulator only replaces what it wrote itself.",
        )


@contextmanager
def whole_or_not_at_all(out: Path) -> Iterator[Path]:
    """A scratch folder beside ``out`` that takes its place when the block ends without an error.

    What else stands in an ``out`` of the simulator's (results, declarations of the user's own) moves along.
    """
    refuse_foreign(out)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        scratch.chmod(0o755)
        yield scratch
        if out.exists():
            _replace(out, scratch)
        else:
            scratch.rename(out)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _replace(out: Path, scratch: Path) -> None:
    others = [path.name for path in sorted(out.iterdir()) if path.name not in OURS]
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}-old-", dir=out.parent)) / out.name
    out.rename(old)
    scratch.rename(out)
    for name in others:
        if (out / name).is_dir():  # ours too: what the user declares there takes the place of what we do
            shutil.copytree(old / name, out / name, dirs_exist_ok=True)
        else:
            (old / name).rename(out / name)
    shutil.rmtree(old.parent)


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """``frame`` as UTF-8 CSV with Unix line ends, whatever the machine."""
    frame.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def write_texts(
    root: Path, clock: Clock, *, region: str | None = None, much_dirt: bool = False, **figures: object
) -> None:
    """project.yaml, README.md and the sources.

    ``region`` is where all customers are, where that is known. ``much_dirt`` says that the contracts planted to be set
    aside are a large share of all; ``figures``: what the README tells.
    """
    (root / "sources").mkdir()
    write_text(
        root / "project.yaml",
        PROJECT.format(
            data_through=clock.data_through,
            core_events=", ".join(VALUE_EVENTS),
            region=f"# whose holidays its customers keep\nregion: {region}\n" if region else "",
            dirt=MUCH_DIRT if much_dirt else "",
        ),
    )
    (root / "models").mkdir()
    write_text(root / "models" / "team.yaml", TEAM)
    write_text(root / "README.md", README.format(data_through=clock.data_through, **figures))
    for table, sql in SOURCES.items():
        write_text(root / "sources" / f"{table}.sql", sql)


def write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
