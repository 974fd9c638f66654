"""Scorings, scores and decisions: what a store held before it had migrations.

A store that holds them already is adopted as it is; the columns its first makers did not know are added, empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None

LATER = ("leave_within", "likely_period", "left_by")


def upgrade() -> None:
    present = sa.inspect(op.get_bind()).get_table_names()
    if "scorings" not in present:
        op.create_table(
            "scorings",
            sa.Column("scoring_id", sa.Integer, primary_key=True),
            sa.Column("as_of", sa.Date, nullable=False),
            sa.Column("revision", sa.Integer, nullable=False),
            sa.Column("fingerprint", sa.String(64), nullable=False),
            sa.Column("models", sa.JSON, nullable=False),
            sa.Column("scored_at", sa.DateTime, nullable=False),
            sa.UniqueConstraint("as_of", "revision"),
        )
    if "scores" not in present:
        op.create_table(
            "scores",
            sa.Column("scoring_id", sa.Integer, sa.ForeignKey("scorings.scoring_id"), primary_key=True),
            sa.Column("account_id", sa.String(200), primary_key=True),
            sa.Column("owner_id", sa.String(200)),
            sa.Column("segment", sa.String(200)),
            sa.Column("mrr", sa.Float),
            sa.Column("churn_probability", sa.Float),
            sa.Column("upsell_probability", sa.Float),
            sa.Column("health", sa.Float),
            sa.Column("band", sa.String(60), nullable=False),
            sa.Column("coverage", sa.Float, nullable=False),
            sa.Column("dimensions", sa.JSON, nullable=False),
            sa.Column("reasons", sa.JSON, nullable=False),
            sa.Column("growth_reasons", sa.JSON, nullable=False),
            sa.Column("mrr_at_risk", sa.Float),
            *(sa.Column(name, sa.JSON) for name in LATER),
        )
    else:
        had = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("scores")}
        for name in LATER:
            if name not in had:
                op.add_column("scores", sa.Column(name, sa.JSON))
    if "decisions" not in present:
        op.create_table(
            "decisions",
            sa.Column("scoring_id", sa.Integer, sa.ForeignKey("scorings.scoring_id"), primary_key=True),
            sa.Column("account_id", sa.String(200), primary_key=True),
            sa.Column("place", sa.Integer, nullable=False),
            sa.Column("playbook", sa.String(60), nullable=False),
            sa.Column("title", sa.Text, nullable=False),
            sa.Column("goal", sa.String(20), nullable=False),
            sa.Column("steps", sa.JSON, nullable=False),
            sa.Column("owner", sa.String(200), nullable=False),
            sa.Column("due", sa.Date, nullable=False),
            sa.Column("because", sa.JSON, nullable=False),
            sa.Column("value", sa.Float),
        )
