"""Which changes were made by which call of the API."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from churnml.adapters.store.connections import utc
from churnml.adapters.store.kept_items import item_of
from churnml.adapters.store.schema import api_calls
from churnml.adapters.store.writing import insert_new
from churnml.ledger import WorkItem
from churnml.ledger.api import ApiCall, CallKey


def put_call(connection: sa.Connection, call: CallKey, after: WorkItem, now: dt.datetime) -> bool:
    """Writes that a call changed an item, in the transaction of the change; False where it did so before."""
    row = {**vars(call), "account_id": after.account_id, "after": dict(vars(after)), "at": utc(now)}
    return insert_new(connection, api_calls, [row]) > 0


def api_call(connection: sa.Connection, token_id: str, key: str) -> ApiCall | None:
    """What a call changed; None where there was no such call, or it changed nothing."""
    query = sa.select(api_calls.c.request, api_calls.c.after).where(
        api_calls.c.token_id == token_id, api_calls.c.key == key
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else ApiCall(CallKey(token_id, key, row.request), item_of(row.after))
