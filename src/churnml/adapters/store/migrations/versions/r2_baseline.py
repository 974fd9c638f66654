"""The baseline: every table as ``schema.py`` declares it, and the triggers that keep what is written.

Nothing earlier was released. The next step freezes these tables here, as they are by then, before
it changes ``schema.py``.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from churnml.adapters.store.schema import APPEND_ONLY, KEPT, metadata, stamps

revision = "2"
down_revision = None


def upgrade() -> None:
    metadata.create_all(op.get_bind(), checkfirst=False)
    op.execute(stamps.insert().values(name="plan", stamp=0))
    for table in APPEND_ONLY:
        _guard(table, "UPDATE", "DELETE")
    for table in KEPT:
        _guard(table, "DELETE")


def _guard(table: str, *verbs: str) -> None:
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
