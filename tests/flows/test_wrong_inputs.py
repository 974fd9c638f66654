"""What a new user gets wrong: one clear message that names the place and the remedy, exit code 1, no traceback."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.flows.conftest import Spoil, churnml


def replace(file: str, old: str, new: str) -> Spoil:
    """Spoils a file by putting ``new`` for ``old``; fails when ``old`` is not there to be replaced."""

    def spoil(project: Path) -> None:
        path = project / file
        text = path.read_text("utf-8")
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new), "utf-8")

    return spoil


def write(file: str, text: str) -> Spoil:
    def spoil(project: Path) -> None:
        path = project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    return spoil


def remove(file: str) -> Spoil:
    return lambda project: (project / file).unlink()


def own_spec(model: str, old: str, new: str) -> Spoil:
    """Gives the project its own copy of a default declaration, spoiled."""

    def spoil(project: Path) -> None:
        from churnml.adapters.project import default_models

        text = (default_models() / model).read_text("utf-8")
        assert old in text, f"{old!r} is not in {model}"
        write(f"models/{model}", text.replace(old, new))(project)

    return spoil


def only_header(file: str) -> Spoil:
    def spoil(project: Path) -> None:
        path = project / file
        path.write_text(path.read_text("utf-8").splitlines()[0] + "\n", "utf-8")

    return spoil


def column(file: str, name: str, value: str | None) -> Spoil:
    """Puts the same text into a whole column of a CSV (None empties it)."""

    def spoil(project: Path) -> None:
        frame = pd.read_csv(project / file, dtype=str)
        assert name in frame.columns, list(frame.columns)
        frame[name] = value
        frame.to_csv(project / file, index=False)

    return spoil


def one_account(project: Path) -> None:
    frame = pd.read_csv(project / "data/crm_accounts.csv", dtype=str)
    frame.head(1).to_csv(project / "data/crm_accounts.csv", index=False)


def nobody_leaves(project: Path) -> None:
    path = project / "sources/subscriptions.sql"
    text = path.read_text("utf-8")
    select = text.strip().rstrip(";")
    path.write_text(f"SELECT * REPLACE (NULL AS ends_at, NULL AS cancelled_at) FROM ({select}) AS s", "utf-8")


def numbers_for_times(project: Path) -> None:
    path = project / "sources/usage_events.sql"
    select = path.read_text("utf-8").strip().rstrip(";")
    path.write_text(f"SELECT * REPLACE (epoch_ms(occurred_at) AS occurred_at) FROM ({select}) AS s", "utf-8")


def broken_parquet(project: Path) -> None:
    (project / "data/product_events.parquet").write_bytes(b"this is no parquet file")


def semicolon_read_as_comma(project: Path) -> None:
    frame = pd.read_csv(project / "data/crm_accounts.csv", dtype=str)
    frame.to_csv(project / "data/crm_accounts.csv", sep=";", index=False)
    replace(
        "project.yaml",
        "crm_accounts: {path: data/crm_accounts.csv}",
        'crm_accounts: {path: data/crm_accounts.csv, delimiter: ","}',
    )(project)


def database_with_a_secret(project: Path) -> None:
    replace(
        "project.yaml",
        "crm_accounts: {path: data/crm_accounts.csv}",
        'crm_accounts: {database: "postgresql+psycopg://me:hunter2@127.0.0.1:port/db", table: accounts}',
    )(project)


@dataclass(frozen=True)
class Wrong:
    """One wrong input: how the project is spoiled, what is typed, and what the message must say."""

    name: str
    spoil: Spoil
    says: tuple[str, ...]
    command: tuple[str, ...] = ("run", "--no-prefect")


def nothing(project: Path) -> None:
    return None


WRONG = [
    Wrong("an input file is not there", remove("data/crm_accounts.csv"), ("crm_accounts", "not there", "path")),
    Wrong("an input file has zero bytes", write("data/crm_accounts.csv", ""), ("crm_accounts", "empty")),
    Wrong("a table has a header and no rows", only_header("data/crm_accounts.csv"), ("accounts", "no rows")),
    Wrong("contracts have a header and no rows", only_header("data/contracts.csv"), ("subscriptions", "no rows")),
    Wrong("a file is no Parquet", broken_parquet, ("product_events", "Parquet")),
    Wrong("the wrong delimiter is declared", semicolon_read_as_comma, ("delimiter", "';'", "crm_accounts")),
    Wrong(
        "a source lacks a required column",
        write("sources/accounts.sql", "SELECT source_row, 'a' AS account_id FROM crm_accounts"),
        ("accounts", "created_at", "accounts.sql"),
    ),
    Wrong(
        "a source misspells a column of the file",
        write("sources/support_tickets.sql", "SELECT tickt_id AS ticket_id FROM helpdesk_tickets"),
        ("tickt_id", "support_tickets.sql", "Did you mean"),
    ),
    Wrong(
        "a source misspells an input",
        write("sources/support_tickets.sql", "SELECT * FROM helpdesk_tikets"),
        ("helpdesk_tikets", "Did you mean 'helpdesk_tickets'?"),
    ),
    Wrong("a source is not SQL", write("sources/accounts.sql", "SELEC everything"), ("SQL", "accounts.sql")),
    Wrong(
        "a source does more than select",
        write("sources/accounts.sql", "DROP TABLE crm_accounts; SELECT 1"),
        ("one SELECT", "accounts.sql"),
    ),
    Wrong(
        "a source reads a file nobody declared",
        write("sources/accounts.sql", "SELECT * FROM read_csv('/etc/passwd')"),
        ("accounts.sql",),
    ),
    Wrong("there are no accounts at all", remove("sources/accounts.sql"), ("accounts", "churnml init")),
    Wrong(
        "a source is named after no table",
        write("sources/acounts.sql", "SELECT 1"),
        ("acounts", "Did you mean 'accounts'?"),
    ),
    Wrong(
        "project.yaml has an unknown key",
        replace("project.yaml", "timezone:", "timezon:"),
        ("timezon", "Did you mean 'timezone'?", "project.yaml"),
    ),
    Wrong("project.yaml is no YAML", write("project.yaml", "name: [unclosed\n"), ("YAML", "project.yaml", "line")),
    Wrong(
        "the time zone does not exist",
        replace("project.yaml", "timezone: UTC", "timezone: Asia/Tokio"),
        ("Asia/Tokio", "Asia/Tokyo"),
    ),
    Wrong(
        "a check does not exist",
        replace("project.yaml", "timezone: UTC", "timezone: UTC\nchecks: {accounts: {futur: warn}}"),
        ("futur", "Did you mean 'future'?"),
    ),
    Wrong(
        "a static attribute does not exist",
        replace("project.yaml", "static: [segment,", "static: [segmnt,"),
        ("segmnt", "Did you mean 'segment'?"),
    ),
    Wrong(
        "a core event is misspelt",
        replace("project.yaml", "core_events: [report_viewed,", "core_events: [report_veiwed,"),
        ("report_veiwed", "usage_events", "Did you mean 'report_viewed'?", "core_events"),
    ),
    Wrong(
        "a core event is misspelt and the data are only checked",
        replace("project.yaml", "core_events: [report_viewed,", "core_events: [report_veiwed,"),
        ("report_veiwed", "Did you mean 'report_viewed'?"),
        ("check",),
    ),
    Wrong(
        "a core event stands there twice",
        replace("project.yaml", "core_events: [report_viewed,", "core_events: [report_viewed, report_viewed,"),
        ("core_events", "report_viewed", "twice"),
    ),
    Wrong(
        "a model does not exist",
        replace("project.yaml", "models: [churn, upsell]", "models: [chrun]"),
        ("chrun", "Did you mean 'churn'?"),
    ),
    Wrong(
        "a spec has an unknown key",
        own_spec("churn/spec.yaml", "horizon: 91", "horizn: 91"),
        ("horizn", "Did you mean 'horizon'?", "spec.yaml"),
    ),
    Wrong(
        "a feature family is misspelt",
        own_spec("churn/spec.yaml", "usage.*", "usage.active_dys, usage.*"),
        ("usage.active_dys", "usage.active_days"),
    ),
    Wrong(
        "a feature is misspelt in health.yaml",
        own_spec("health.yaml", "usage_active_days_28d", "usage_active_dayz_28d"),
        ("usage_active_dayz_28d", "Did you mean 'usage_active_days_28d'?", "health.yaml"),
    ),
    Wrong(
        "a band is misspelt in playbooks.yaml",
        own_spec("playbooks.yaml", "band == 'at_risk'", "band == 'at_rsk'"),
        ("at_rsk", "Did you mean 'at_risk'?", "in_trouble"),
    ),
    Wrong(
        "a rule of playbooks.yaml can never hold",
        own_spec("playbooks.yaml", "enter: band == 'at_risk'", "enter: health > 80 and health < 20"),
        ("can never hold", "health > 80 and health < 20", "in_trouble", "exclude each other"),
    ),
    Wrong(
        "no label window fits into the data",
        own_spec("churn/spec.yaml", "horizon: 91", "horizon: 3000"),
        ("no mature cutoff", "horizon"),
    ),
    Wrong(
        "the history is too short to learn and judge",
        own_spec("churn/spec.yaml", "horizon: 91", "horizon: 400"),
        ("too short", "churn", "days"),
    ),
    Wrong("nobody ever leaves", nobody_leaves, ("churn", "no positive")),
    Wrong("there is one account only", one_account, ("churn",)),
    Wrong(
        "no date can be read",
        column("data/crm_accounts.csv", "created_on", "the other day"),
        ("accounts", "unreadable", "time_formats"),
    ),
    Wrong("times are numbers", numbers_for_times, ("occurred_at", "numbers", "make_timestamp")),
    Wrong(
        "a grace period on a label of another kind",
        own_spec("churn/spec.yaml", "kind: contract", "kind: event"),
        ("grace", "contract", "spec.yaml"),
    ),
    Wrong(
        "an event label without churn events",
        write(
            "models/churn/spec.yaml",
            "name: churn\nmeans: it is gone\nlabel: {kind: event}\nfeatures: {families: [usage.*]}\n",
        ),
        ("churn_events", "sources/churn_events.sql"),
    ),
    Wrong("a password stays secret", database_with_a_secret, ("crm_accounts", "database")),
    Wrong(
        "an environment variable is not set",
        replace(
            "project.yaml",
            "crm_accounts: {path: data/crm_accounts.csv}",
            'crm_accounts: {database: "${NO_SUCH_VARIABLE}", table: accounts}',
        ),
        ("NO_SUCH_VARIABLE", "not set"),
    ),
    Wrong("a date is no date", nothing, ("31.12.2024", "YYYY-MM-DD"), ("run", "--no-prefect", "--as-of", "31.12.2024")),
    Wrong(
        "a date lies after the data",
        nothing,
        ("2031-01-01", "data end"),
        ("run", "--no-prefect", "--as-of", "2031-01-01"),
    ),
    Wrong("scoring before training", nothing, ("churnml train",), ("score", "--no-prefect")),
    Wrong("the queue before scoring", nothing, ("Nothing was scored", "churnml run"), ("queue",)),
    Wrong("an account before scoring", nothing, ("Nothing was scored",), ("explain", "A1")),
    Wrong("an option is misspelt", nothing, ("--jsn",), ("run", "--jsn")),
    Wrong("a command is misspelt", nothing, ("exlain",), ("exlain",)),
    Wrong(
        "a table of features of no known kind",
        nothing,
        (".parquet", ".csv"),
        ("features", "--as-of", "2024-06-03", "--out", "f.xls"),
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_a_mistake_gets_one_clear_message_and_exit_code_1(wrong: Wrong, company: Path) -> None:
    wrong.spoil(company)
    name, *options = wrong.command
    where = [] if name == "exlain" else ["--project", company]
    said = churnml(name, *options, *where)
    assert said.code == 1, said.err or said.out
    assert said.message.startswith("churnml: ")
    assert "Traceback" not in said.err + said.out
    assert "hunter2" not in said.err + said.out
    assert len(said.message) < 1500
    for fragment in wrong.says:
        assert fragment in said.message, f"{fragment!r} is not in:\n{said.err}"
    assert not list(company.rglob("booster.txt")), "told before minutes of training, not after them"


def test_a_folder_without_a_project_says_how_to_begin(tmp_path: Path) -> None:
    said = churnml("run", "--project", tmp_path, "--no-prefect")
    assert said.code == 1
    assert "churnml init" in said.err


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = churnml("check", "--project", tmp_path / "nowhere")
    assert said.code == 1
    assert "nowhere" in said.err


def test_simulating_over_somebody_elses_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", "utf-8")
    said = churnml("simulate", "--out", tmp_path, "--accounts", "40", "--months", "12")
    assert said.code == 1
    assert (tmp_path / "precious.txt").read_text("utf-8") == "mine"


def test_beginning_a_project_where_one_is_says_so(company: Path) -> None:
    said = churnml("init", company)
    assert said.code == 1
    assert "already" in said.err


def test_an_account_nobody_knows_gets_the_nearest_match(after_run: Path) -> None:
    from churnml.adapters.project import open_project
    from churnml.adapters.store import open_store

    with open_store(open_project(after_run).operational_url) as store:
        known = store.scored(store.dates()[-1])[0].account_id
    said = churnml("explain", known + "x", "--project", after_run)
    assert said.code == 1
    assert f"Did you mean '{known}'?" in said.err


def test_an_account_that_is_known_but_was_not_eligible_is_told_why(after_run: Path) -> None:
    from churnml.adapters.project import open_project
    from churnml.adapters.store import open_store

    with open_store(open_project(after_run).operational_url) as store:
        day = store.dates()[-1]
        scored = {row.account_id for row in store.scored(day)}
    accounts = pd.read_csv(after_run / "data/crm_accounts.csv", dtype=str)
    id_column = next(name for name in accounts if scored & set(accounts[name]))
    left_out = sorted(set(accounts[id_column].dropna()) - scored)
    said = churnml("explain", left_out[0], "--project", after_run)
    assert said.code == 1
    assert f"Account '{left_out[0]}' is known, but was not scored on {day}: " in said.err
    assert any(why in said.err for why in ("no paying subscription", "its notice was known", "it was created"))
    assert "--as-of" in said.err


HOSTILE_IDS = ('O\'Brien & "Sons"', "a,b;c", "株式会社サンプル", "'; DROP TABLE scores; --", "=1+1", "</script><b>x")


def test_an_account_id_may_hold_any_character(after_run: Path) -> None:
    from churnml.adapters.project import open_project
    from churnml.adapters.store import open_store

    with open_store(open_project(after_run).operational_url) as store:
        scored = [row.account_id for row in store.scored(store.dates()[-1])]
    renamed = dict(zip(scored, HOSTILE_IDS, strict=False))
    cases = " ".join("WHEN '{}' THEN '{}'".format(old, new.replace("'", "''")) for old, new in renamed.items())
    for path in (after_run / "sources").glob("*.sql"):
        select = path.read_text("utf-8").strip().rstrip(";")
        path.write_text(
            f"SELECT * REPLACE (CASE account_id {cases} ELSE account_id END AS account_id) FROM ({select}) AS s",
            "utf-8",
        )
    said = churnml("score", "--project", after_run, "--no-prefect")
    assert said.code == 0, said.err
    for account in HOSTILE_IDS:
        said = churnml("explain", account, "--project", after_run)
        assert said.code == 0, said.err
        assert account in said.out
        said = churnml("explain", account + "!", "--project", after_run)
        assert said.code == 1
        assert account in said.err
