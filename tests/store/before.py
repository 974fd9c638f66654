"""Stores as they were made before the store had migrations: their tables, word for word."""

from __future__ import annotations

import sqlalchemy as sa

TABLES = ("scorings", "scores", "decisions")
WHEN = ("leave_within", "likely_period", "left_by")

SCORINGS = """
CREATE TABLE scorings (
    scoring_id {serial} NOT NULL,
    as_of DATE NOT NULL,
    revision INTEGER NOT NULL,
    fingerprint VARCHAR(64) NOT NULL,
    models JSON NOT NULL,
    scored_at {moment} NOT NULL,
    PRIMARY KEY (scoring_id),
    UNIQUE (as_of, revision)
)
"""
SCORES = """
CREATE TABLE scores (
    scoring_id INTEGER NOT NULL,
    account_id VARCHAR(200) NOT NULL,
    owner_id VARCHAR(200),
    segment VARCHAR(200),
    mrr FLOAT,
    churn_probability FLOAT,
    upsell_probability FLOAT,
    health FLOAT,
    band VARCHAR(60) NOT NULL,
    coverage FLOAT NOT NULL,
    dimensions JSON NOT NULL,
    reasons JSON NOT NULL,
    growth_reasons JSON NOT NULL,
    mrr_at_risk FLOAT,
    {when}
    PRIMARY KEY (scoring_id, account_id),
    FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
)
"""
DECISIONS = """
CREATE TABLE decisions (
    scoring_id INTEGER NOT NULL,
    account_id VARCHAR(200) NOT NULL,
    place INTEGER NOT NULL,
    playbook VARCHAR(60) NOT NULL,
    title TEXT NOT NULL,
    goal VARCHAR(20) NOT NULL,
    steps JSON NOT NULL,
    owner VARCHAR(200) NOT NULL,
    due DATE NOT NULL,
    because JSON NOT NULL,
    value FLOAT,
    PRIMARY KEY (scoring_id, account_id),
    FOREIGN KEY(scoring_id) REFERENCES scorings (scoring_id)
)
"""
SCORE_COLUMNS = (
    "account_id",
    "owner_id",
    "segment",
    "mrr",
    "churn_probability",
    "upsell_probability",
    "health",
    "band",
    "coverage",
    "dimensions",
    "reasons",
    "growth_reasons",
    "mrr_at_risk",
)


def make(url: str, *, knew_when: bool = True, upto: int = 3) -> None:
    """A store of before, empty.

    Args:
        url: where.
        knew_when: whether it already knew when an account leaves.
        upto: how many of its tables there are: its making may have been cut short.
    """
    engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    on_sqlite = engine.dialect.name == "sqlite"
    with engine.begin() as connection:
        for table in (SCORINGS, SCORES, DECISIONS)[:upto]:
            connection.exec_driver_sql(
                table.format(
                    serial="INTEGER" if on_sqlite else "SERIAL",
                    moment="DATETIME" if on_sqlite else "TIMESTAMP WITHOUT TIME ZONE",
                    when="".join(f"{name} JSON," for name in WHEN) if knew_when else "",
                )
            )
    engine.dispose()
