"""Everything a day's plan is made from and comes to: work, arms, overrides, deliveries, outcomes, the audit log.

What may only be added to is guarded by the database itself. The decisions of before were all on somebody's list.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"

APPEND_ONLY = (
    "declarations",
    "scorings",
    "scores",
    "health_events",
    "decisions",
    "work_events",
    "assignments",
    "overrides",
    "override_withdrawals",
    "delivery_attempts",
    "outcomes",
    "effects",
    "audit_log",
)
NEVER_DELETED = ("work", "deliveries", "stamps")


def upgrade() -> None:
    _declarations_and_scores()
    _decisions()
    _work()
    _outbox_and_records()
    for table in APPEND_ONLY:
        _guard(table, "UPDATE", "DELETE")
    for table in NEVER_DELETED:
        _guard(table, "DELETE")


def _declarations_and_scores() -> None:
    op.create_table(
        "stamps",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("stamp", sa.Integer, nullable=False),
    )
    op.execute(sa.text("INSERT INTO stamps (name, stamp) VALUES ('plan', 0)"))
    op.create_table(
        "declarations",
        sa.Column("fingerprint", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("first_seen_at", sa.DateTime, nullable=False),
    )
    for column in (sa.Column("data_fingerprint", sa.String(64)), sa.Column("declarations", sa.JSON)):
        op.add_column("scorings", column)
    for column in (
        sa.Column("raw_health", sa.Float),
        sa.Column("scorecard", sa.String),
        sa.Column("stage", sa.String),
        sa.Column("exceptions", sa.JSON),
        sa.Column("override_id", sa.String),
        sa.Column("band_since", sa.Date),
        sa.Column("pending", sa.String(60)),
        sa.Column("pending_since", sa.Date),
        sa.Column("health_inputs", sa.JSON),
        sa.Column("details", sa.JSON),
    ):
        op.add_column("scores", column)
    op.create_index("ix_scores_account_id", "scores", ["account_id", "scoring_id"])
    if op.get_bind().dialect.name == "postgresql":
        # SQLite never held a text to its length
        for name in ("account_id", "owner_id", "segment"):
            op.alter_column("scores", name, type_=sa.String())
    op.create_table(
        "health_events",
        sa.Column("event_id", sa.Integer, primary_key=True),
        sa.Column("scoring_id", sa.Integer, sa.ForeignKey("scorings.scoring_id"), nullable=False),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Index("ix_health_events_scoring_id", "scoring_id"),
        sa.Index("ix_health_events_account_id", "account_id"),
    )


def _decisions() -> None:
    # an account may now have several on a date, so that the key is another: made anew, and filled from before
    op.execute(sa.text("CREATE TABLE decisions_before AS SELECT * FROM decisions"))
    op.drop_table("decisions")
    op.create_table(
        "decisions",
        sa.Column("scoring_id", sa.Integer, sa.ForeignKey("scorings.scoring_id"), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("playbook", sa.String(60), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("goal", sa.String(20), nullable=False),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("due", sa.Date),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("because", sa.JSON, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("value_low", sa.Float),
        sa.Column("value_high", sa.Float),
        sa.Column("arm", sa.String(20)),
        sa.Column("propensity", sa.Float),
        sa.Column("work_id", sa.String),
        sa.Column("note", sa.Text),
        sa.Index("ix_decisions_account_id", "account_id", "scoring_id"),
        sa.Index("ix_decisions_outcome", "scoring_id", "outcome", "owner"),
    )
    op.execute(
        sa.text(
            "INSERT INTO decisions (scoring_id, place, account_id, playbook, reason, outcome, title, goal, steps, "
            "owner, due, rule, because, facts, value) SELECT scoring_id, place, account_id, playbook, '', 'opened', "
            "title, goal, steps, owner, due, '', because, '{}', value FROM decisions_before"
        )
    )
    op.drop_table("decisions_before")


def _work() -> None:
    op.create_table(
        "work",
        sa.Column("work_id", sa.String, primary_key=True),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("playbook", sa.String(60), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("opened_on", sa.Date, nullable=False),
        sa.Column("due", sa.Date, nullable=False),
        sa.Column("minutes", sa.Integer, nullable=False),
        sa.Column("cost", sa.Float, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("snoozed_until", sa.Date),
        sa.Column("escalated_on", sa.Date),
        sa.Column("ended_on", sa.Date),
        sa.Column("ended_because", sa.Text),
        sa.Column("follows", sa.String),
        sa.Column("opened_for", sa.String, nullable=False),
        sa.Column("last_on", sa.Date, nullable=False),
        sa.Index("ix_work_account_id", "account_id"),
        sa.Index("ix_work_state", "state", "ended_on"),
        sa.Index("ix_work_opened_on", "opened_on"),
        sa.Index("ix_work_last_on", "last_on"),
        sa.Index(
            "uq_work_living",
            "account_id",
            "playbook",
            "reason",
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'snoozed')"),
            postgresql_where=sa.text("state IN ('open', 'snoozed')"),
        ),
    )
    op.create_table(
        "work_events",
        sa.Column("event_id", sa.Integer, primary_key=True),
        sa.Column("work_id", sa.String, sa.ForeignKey("work.work_id"), nullable=False),
        sa.Column("on", sa.Date, nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("after", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Index("ix_work_events_work_id", "work_id", "on"),
    )
    op.create_table(
        "assignments",
        sa.Column("account_id", sa.String, primary_key=True),
        sa.Column("playbook", sa.String(60), primary_key=True),
        sa.Column("arm", sa.String(20), nullable=False),
        sa.Column("propensity", sa.Float, nullable=False),
        sa.Column("assigned_on", sa.Date, nullable=False),
        sa.Column("value", sa.Float),
        sa.Column("mrr", sa.Float),
        sa.Column("scoring_id", sa.Integer, sa.ForeignKey("scorings.scoring_id")),
        sa.Index("ix_assignments_playbook", "playbook", "assigned_on"),
    )
    op.create_table(
        "overrides",
        sa.Column("override_id", sa.String, primary_key=True),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("made_on", sa.Date, nullable=False),
        sa.Column("expires_on", sa.Date, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Index("ix_overrides_account_id", "account_id"),
        sa.Index("ix_overrides_expires_on", "expires_on"),
    )
    op.create_table(
        "override_withdrawals",
        sa.Column("override_id", sa.String, sa.ForeignKey("overrides.override_id"), primary_key=True),
        sa.Column("withdrawn_on", sa.Date, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
    )


def _outbox_and_records() -> None:
    op.create_table(
        "deliveries",
        sa.Column("delivery_id", sa.Integer, primary_key=True),
        sa.Column("receiver", sa.String, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("payload", sa.JSON, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.DateTime, nullable=False),
        sa.Column("leased_until", sa.DateTime),
        sa.Column("leased_by", sa.String),
        sa.Column("last_error", sa.Text),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.UniqueConstraint("receiver", "key", name="uq_deliveries_key"),
        sa.Index("ix_deliveries_due", "state", "next_attempt_at"),
        sa.Index("ix_deliveries_leased_by", "leased_by"),
        sa.Index("ix_deliveries_subject", "receiver", "kind", "subject", "delivery_id"),
    )
    op.create_table(
        "delivery_attempts",
        sa.Column("attempt_id", sa.Integer, primary_key=True),
        sa.Column("delivery_id", sa.Integer, sa.ForeignKey("deliveries.delivery_id"), nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("result", sa.String(20), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Index("ix_delivery_attempts_delivery_id", "delivery_id"),
    )
    op.create_table(
        "outcomes",
        sa.Column("outcome_id", sa.Integer, primary_key=True),
        sa.Column("account_id", sa.String, nullable=False),
        sa.Column("playbook", sa.String(60), nullable=False),
        sa.Column("known_through", sa.Date, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.ForeignKeyConstraint(["account_id", "playbook"], ["assignments.account_id", "assignments.playbook"]),
        sa.Index("ix_outcomes_assignment", "account_id", "playbook", "known_through"),
    )
    op.create_table(
        "effects",
        sa.Column("effect_id", sa.Integer, primary_key=True),
        sa.Column("playbook", sa.String(60), nullable=False),
        sa.Column("known_through", sa.Date, nullable=False),
        sa.Column("line", sa.JSON),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Index("ix_effects_playbook", "playbook", "known_through"),
    )
    op.create_table(
        "audit_log",
        sa.Column("audit_id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("what", sa.String(60), nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Index("ix_audit_log_subject", "subject"),
        sa.Index("ix_audit_log_at", "at"),
    )


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
