"""The tables of the operational store, described once: migrations/ makes them from here.

A text a user gave has no length here: PostgreSQL would refuse what SQLite took. Times are UTC without a zone.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


def columns_of(table: sa.Table, shape: type) -> list[sa.Column[Any]]:
    """The columns that the fields of a dataclass are named after, in their order."""
    return [table.c[field.name] for field in fields(shape)]


def _json(*, null: bool = False) -> sa.JSON:
    return sa.JSON(none_as_null=null)


# Whoever writes what a day's plan is made from counts this up: a plan made from an older count is stale.
stamps = sa.Table(
    "stamps",
    metadata,
    sa.Column("name", sa.String(20), primary_key=True),
    sa.Column("stamp", sa.Integer, nullable=False),
)
# A declaration as it stood, by what names it, so that every line of a list can be traced to the words that made it.
declarations = sa.Table(
    "declarations",
    metadata,
    sa.Column("fingerprint", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("first_seen_at", sa.DateTime, nullable=False),
)
scorings = sa.Table(
    "scorings",
    metadata,
    sa.Column("scoring_id", sa.Integer, primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("scored_at", sa.DateTime, nullable=False),
    sa.Column("data_fingerprint", sa.String(64)),
    # kind → fingerprint in declarations
    sa.Column("declarations", _json(null=True)),
    sa.UniqueConstraint("as_of", "revision"),
)
scores = sa.Table(
    "scores",
    metadata,
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), primary_key=True),
    sa.Column("account_id", sa.String, primary_key=True),
    sa.Column("owner_id", sa.String),
    sa.Column("segment", sa.String),
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
    sa.Column("leave_within", _json(null=True)),
    sa.Column("likely_period", _json(null=True)),
    sa.Column("left_by", _json(null=True)),
    sa.Column("raw_health", sa.Float),
    sa.Column("scorecard", sa.String),
    sa.Column("stage", sa.String),
    sa.Column("exceptions", _json(null=True)),
    sa.Column("override_id", sa.String),
    sa.Column("band_since", sa.Date),
    sa.Column("pending", sa.String(60)),
    sa.Column("pending_since", sa.Date),
    # feature → its value, as the score read it
    sa.Column("health_inputs", _json(null=True)),
    # whatever else is to be traced, by name
    sa.Column("details", _json(null=True)),
    # what people call the account
    sa.Column("name", sa.String),
    sa.Column("renews_on", sa.Date),
    sa.Index("ix_scores_account_id", "account_id", "scoring_id"),
)
health_events = sa.Table(
    "health_events",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), nullable=False),
    sa.Column("account_id", sa.String, nullable=False),
    sa.Column("kind", sa.String(60), nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Index("ix_health_events_scoring_id", "scoring_id"),
    sa.Index("ix_health_events_account_id", "account_id"),
)
decisions = sa.Table(
    "decisions",
    metadata,
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), primary_key=True),
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
# The present state of every work item; how it came to be is in work_events.
work = sa.Table(
    "work",
    metadata,
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
    # whose list it was opened on: its effort counts in that week
    sa.Column("opened_for", sa.String, nullable=False),
    # the date of the newest event: a look at an earlier date reads the events
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
work_events = sa.Table(
    "work_events",
    metadata,
    sa.Column("event_id", sa.Integer, primary_key=True),
    sa.Column("work_id", sa.ForeignKey("work.work_id"), nullable=False),
    sa.Column("on", sa.Date, nullable=False),
    sa.Column("what", sa.String(20), nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    # the item as it stood afterwards
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_work_events_work_id", "work_id", "on"),
)
assignments = sa.Table(
    "assignments",
    metadata,
    sa.Column("account_id", sa.String, primary_key=True),
    sa.Column("playbook", sa.String(60), primary_key=True),
    sa.Column("arm", sa.String(20), nullable=False),
    sa.Column("propensity", sa.Float, nullable=False),
    sa.Column("assigned_on", sa.Date, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("mrr", sa.Float),
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id")),
    sa.Index("ix_assignments_playbook", "playbook", "assigned_on"),
)
overrides = sa.Table(
    "overrides",
    metadata,
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
override_withdrawals = sa.Table(
    "override_withdrawals",
    metadata,
    sa.Column("override_id", sa.ForeignKey("overrides.override_id"), primary_key=True),
    sa.Column("withdrawn_on", sa.Date, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)
# The outbox: what is to be told, written with what it tells.
deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("delivery_id", sa.Integer, primary_key=True),
    sa.Column("receiver", sa.String, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("key", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", sa.DateTime, nullable=False),
    # nobody else takes it before; empty when nobody has it
    sa.Column("leased_until", sa.DateTime),
    sa.Column("last_error", sa.Text),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("sent_at", sa.DateTime),
    sa.UniqueConstraint("receiver", "key", name="uq_deliveries_key"),
    sa.Index("ix_deliveries_due", "state", "next_attempt_at"),
    sa.Index("ix_deliveries_subject", "receiver", "kind", "subject", "delivery_id"),
)
delivery_attempts = sa.Table(
    "delivery_attempts",
    metadata,
    sa.Column("attempt_id", sa.Integer, primary_key=True),
    sa.Column("delivery_id", sa.ForeignKey("deliveries.delivery_id"), nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Column("result", sa.String(20), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Index("ix_delivery_attempts_delivery_id", "delivery_id"),
)
outcomes = sa.Table(
    "outcomes",
    metadata,
    sa.Column("outcome_id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.String, nullable=False),
    sa.Column("playbook", sa.String(60), nullable=False),
    sa.Column("known_through", sa.Date, nullable=False),
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.ForeignKeyConstraint(["account_id", "playbook"], ["assignments.account_id", "assignments.playbook"]),
    sa.Index("ix_outcomes_assignment", "account_id", "playbook", "known_through"),
)
# What playbooks were measured to do; a list goes by a line only where that was shown to keep more.
effects = sa.Table(
    "effects",
    metadata,
    sa.Column("effect_id", sa.Integer, primary_key=True),
    sa.Column("playbook", sa.String(60), nullable=False),
    sa.Column("known_through", sa.Date, nullable=False),
    sa.Column("line", _json(null=True)),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_effects_playbook", "playbook", "known_through"),
)
audit_log = sa.Table(
    "audit_log",
    metadata,
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

# ---------------------------------------------------------------- watched data (migration 3)

# What was read: its profile, so that later loads can be compared with it.
loads = sa.Table(
    "loads",
    metadata,
    sa.Column("load_id", sa.Integer, primary_key=True),
    sa.Column("data_fingerprint", sa.String(64), nullable=False),
    sa.Column("data_through", sa.Date, nullable=False),
    # fine, warned or broken
    sa.Column("condition", sa.String(20), nullable=False),
    # empty once it is too old to be compared with
    sa.Column("profile", _json(null=True)),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("data_fingerprint", "data_through", name="uq_loads_content"),
    sa.Index("ix_loads_data_through", "data_through"),
)
data_breaks = sa.Table(
    "data_breaks",
    metadata,
    sa.Column("break_id", sa.String, primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("contract_table", sa.String(60), nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("began_on", sa.Date, nullable=False),
    sa.Column("noticed_on", sa.Date, nullable=False),
    sa.Column("last_on", sa.Date, nullable=False),
    sa.Column("ended_on", sa.Date),
    sa.Column("action", sa.String(20), nullable=False),
    # what was usual, what came, what began instead
    sa.Column("details", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_data_breaks_ended_on", "ended_on"),
)
# Somebody's word that a break is meant.
data_acceptances = sa.Table(
    "data_acceptances",
    metadata,
    sa.Column("acceptance_id", sa.Integer, primary_key=True),
    sa.Column("break_id", sa.String, nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("contract_table", sa.String(60), nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("began_on", sa.Date, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("on", sa.Date, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
)
# Scorings that repeat an earlier one, because the data of their date could not be believed.
held_days = sa.Table(
    "held_days",
    metadata,
    sa.Column("scoring_id", sa.ForeignKey("scorings.scoring_id"), primary_key=True),
    sa.Column("as_of", sa.Date, nullable=False),
    # the date whose scores stand
    sa.Column("stale_since", sa.Date, nullable=False),
    # ids in data_breaks
    sa.Column("breaks", sa.JSON, nullable=False),
    # accounts that became customers since, and so have no score
    sa.Column("unscored", sa.Integer, nullable=False),
    sa.Index("ix_held_days_as_of", "as_of"),
)


# ---------------------------------------------------------------- watched models (migration 4)

# Looks at a model; of a date the newest counts. No row here speaks of a single account.
model_watches = sa.Table(
    "model_watches",
    metadata,
    sa.Column("watch_id", sa.Integer, primary_key=True),
    sa.Column("model", sa.String(60), nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("known_through", sa.Date, nullable=False),
    sa.Column("action", sa.String(20)),
    sa.Column("alarms", sa.JSON, nullable=False),
    sa.Column("left_out", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_model_watches_model", "model", "as_of"),
)
# A figure is added where it says something new; of each the newest counts.
model_figures = sa.Table(
    "model_figures",
    metadata,
    sa.Column("figure_id", sa.Integer, primary_key=True),
    sa.Column("watch_id", sa.ForeignKey("model_watches.watch_id"), nullable=False),
    sa.Column("model", sa.String(60), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("as_of", sa.Date, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("figure", sa.String(60), nullable=False),
    # the name of a feature or of a band may be the user's own
    sa.Column("part", sa.String, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("low", sa.Float),
    sa.Column("high", sa.Float),
    sa.Column("rows", sa.Integer, nullable=False),
    sa.Column("positives", sa.Integer),
    sa.Index("ix_model_figures_model", "model", "kind", "as_of"),
    sa.Index("ix_model_figures_watch_id", "watch_id"),
)


# ---------------------------------------------------------------- the cockpit (migrations 7 and 8)

# What somebody wants to look at again, as field → value. Of a name the newest row counts; without fields it is gone.
saved_views = sa.Table(
    "saved_views",
    metadata,
    sa.Column("view_id", sa.Integer, primary_key=True),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("asked", _json(null=True)),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_saved_views_who", "who"),
)

# What people wrote down about an account; kept until the account is forgotten.
account_notes = sa.Table(
    "account_notes",
    metadata,
    sa.Column("note_id", sa.Integer, primary_key=True),
    sa.Column("account_id", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("on", sa.Date, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_account_notes_account_id", "account_id"),
)


# ---------------------------------------------------------------- the HTTP API (migration 9)

# Who may call it. Of the token only a digest is kept.
api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("token_id", sa.String(20), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
    sa.Column("name", sa.String(80), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    # empty: everybody's
    sa.Column("owners", _json(null=True)),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime),
)
api_token_revocations = sa.Table(
    "api_token_revocations",
    metadata,
    sa.Column("token_id", sa.ForeignKey("api_tokens.token_id"), primary_key=True),
    sa.Column("revoked_at", sa.DateTime, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
)
# Which change was made by which call: the same call again is answered and changes nothing.
api_calls = sa.Table(
    "api_calls",
    metadata,
    sa.Column("token_id", sa.ForeignKey("api_tokens.token_id"), primary_key=True),
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("request", sa.String(64), nullable=False),
    sa.Column("account_id", sa.String, nullable=False),
    # the item as it stood afterwards
    sa.Column("after", sa.JSON, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    sa.Index("ix_api_calls_account_id", "account_id"),
)


# What the database itself refuses to change or delete.
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
    "data_acceptances",
    "held_days",
    "model_watches",
    "model_figures",
    "saved_views",
    "account_notes",
    "api_tokens",
    "api_token_revocations",
    "api_calls",
)
# Their rows change, and none ever goes.
KEPT = ("work", "deliveries", "stamps", "loads", "data_breaks")
