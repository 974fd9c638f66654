"""The company's own table of usage: no system writes it, so it is known by what its columns are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from churnml.adapters.warehouse.reading import identifier
from churnml.tables import TABLES

# A file with one of these in its name may hold usage.
SPEAKS = ("event", "usage", "track", "activit", "analytics", "behavio", "logins")
# Contract column → what companies and trackers (Segment, RudderStack, Snowplow, Amplitude, Mixpanel) call it.
CALLED: Mapping[str, tuple[str, ...]] = {
    column: tuple(names.split())
    for column, names in {
        "account_id": "account_id account_no account company_id organization_id organisation_id org_id tenant_id "
        "workspace_id team_id group_id context_group_id customer_id customer client_id stripe_customer_id",
        "occurred_at": "occurred_at event_time event_timestamp timestamp original_timestamp derived_tstamp "
        "collector_tstamp event_at happened_at sent_at created_at created time ts event_date date",
        "event": "event event_name event_type action name type activity feature verb",
        "event_id": "event_id message_id insert_id uuid id",
        "user_id": "user_id person_id person member_id distinct_id uid user anonymous_id",
        "quantity": "quantity amount units count value",
        "known_at": "known_at received_at ingested_at loaded_at arrived_at server_upload_time uploaded_at etl_tstamp",
        "properties": "properties event_properties context",
    }.items()
}


@dataclass(frozen=True)
class UsageTable:
    """The company's usage: its input, and contract column → its own."""

    input: str
    columns: Mapping[str, str]

    @property
    def account_sql(self) -> str:
        return identifier(self.columns["account_id"])


def may_be_usage(words: Sequence[str]) -> bool:
    return any(speaks in word for speaks in SPEAKS for word in words[:1])


def usage_in(name: str, columns: Sequence[str]) -> UsageTable | None:
    """The columns of an input as usage; None where it has no account, no time or no event."""
    fold = {column.casefold(): column for column in columns}
    taken: dict[str, str] = {}
    for contract, names in CALLED.items():
        mine = next((fold[one] for one in names if one in fold and fold[one] not in taken.values()), None)
        if mine is not None:
            taken[contract] = mine
    wanted = TABLES["usage_events"].required
    return UsageTable(name, taken) if all(column in taken for column in wanted) else None


def usage_sql(usage: UsageTable) -> str:
    """The SELECT over the company's own usage."""
    lines = [
        "-- One row is an event in the product: your own table, by what its columns are called. Look each over:",
        "-- account_id must be the id that sources/accounts.sql gives; occurred_at is when it happened, known_at when",
        "-- the row arrived. Without known_at, late rows count as known when they happened.",
        "SELECT",
        "    source_row",
    ]
    for column in TABLES["usage_events"].columns:
        mine = usage.columns.get(column.name)
        text = f"{identifier(mine)} AS {column.name}" if mine else column.name
        lines.append(f"    {'' if mine else '-- '}, {text}  -- {column.means}")
    return "\n".join([*lines, f"FROM {identifier(usage.input)}"]) + "\n"
