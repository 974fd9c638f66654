"""The baseline: every table as ``schema.py`` declares it, and the triggers that keep what is written.

Nothing earlier was released. Its tables are listed, so that later ones are made by their own steps; a step that
changes one of these freezes it here first; one that adds a column adds it where it is not there yet (r6).
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from churnml.adapters.store.schema import APPEND_ONLY, KEPT, metadata, stamps

revision = "2"
down_revision = None

TABLES = (
    "stamps",
    "declarations",
    "scorings",
    "scores",
    "health_events",
    "decisions",
    "work",
    "work_events",
    "assignments",
    "overrides",
    "override_withdrawals",
    "deliveries",
    "delivery_attempts",
    "outcomes",
    "effects",
    "audit_log",
)


def upgrade() -> None:
    metadata.create_all(op.get_bind(), tables=[metadata.tables[name] for name in TABLES], checkfirst=False)
    op.execute(stamps.insert().values(name="plan", stamp=0))
    for table in TABLES:
        if table in APPEND_ONLY:
            guard(table, "UPDATE", "DELETE")
        elif table in KEPT:
            guard(table, "DELETE")


def guard(table: str, *verbs: str) -> None:
    """Makes the database refuse these verbs on a table."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            sa.text(
                "CREATE OR REPLACE FUNCTION churnml_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                "RAISE EXCEPTION '% on %: what is written there stays', TG_OP, TG_TABLE_NAME "
                "USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
        )
        op.execute(
            sa.text(
                f"CREATE TRIGGER {table}_stays BEFORE {' OR '.join((*verbs, 'TRUNCATE'))} ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION churnml_refuse()"
            )
        )
        return
    for verb in verbs:
        op.execute(
            sa.text(
                f"CREATE TRIGGER {table}_stays_{verb.lower()} BEFORE {verb} ON {table} BEGIN "
                f"SELECT RAISE(ABORT, '{verb} on {table}: what is written there stays'); END"
            )
        )
