"""User ids that stand for nobody, or for many: visitors who are not signed in, programs, accounts that teams share.

Each counts as one user, so that an account of hundreds seems to hang on one. The first rows are looked at: what a
program writes for nobody it writes from the beginning.
"""

from __future__ import annotations

from churnml.adapters.warehouse.columns import SAMPLED_ROWS
from churnml.adapters.warehouse.near_names import alike, tell_near_names
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.remarks import SAMPLES, RemarkKind
from churnml.tables import USAGE_EVENTS, ColumnKind, Table

COLUMN = "user_id"
# What programs write for nobody and for themselves, without signs; in small letters.
NOBODY = (
    *(
        "anonymous",
        "anon",
        "anonymoususer",
        "guest",
        "guestuser",
        "visitor",
        "public",
        "nobody",
        "noone",
        "notloggedin",
    ),
    *("unauthenticated", "loggedout", "unknown", "unknownuser", "undefined", "null", "none", "nan", "na", "deleted"),
    *("deleteduser", "default", "user", "test", "dummy", "system", "systemuser", "service", "serviceaccount", "root"),
    *("daemon", "cron", "api", "apiuser", "bot", "robot", "script", "automation", "integration", "webhook", "sync"),
    *("anonym", "gast", "anonyme", "invité", "anónimo", "invitado"),
)
# 0, -1, and ids of nothing but zeros.
_ZEROS = "-1|[0-]*0[0-]*"
_SIGNS = "[^0-9A-Za-zà-ÿ]"
# Shares of all events, and of an account's, from which on one that stands for nobody matters.
MATTERS, OF_ONE = 0.05, 0.5
# One person is not at work in so many accounts, with such a share of the events.
FEWEST_ACCOUNTS, OF_ACCOUNTS, OF_EVENTS = 3, 0.5, 0.2
# Where ids are used again from account to account, one that stands out so far above the next one does.
STANDS_OUT = 3
# Nor does one of several make nearly all events of an account.
NEARLY_ALL, FEWEST_OTHERS, FEWEST_EVENTS = 0.9, 5, 200


def tell_shared_users(reading: Reading, table: Table) -> None:
    """Tells ids of users that have many events and are hardly one person; the view ``_typed_usage_events`` is there."""
    if table is not USAGE_EVENTS or COLUMN not in reading.counts.given[table.name]:
        return
    reading.con.execute(
        f"CREATE OR REPLACE TEMP TABLE _users AS SELECT account_id, {COLUMN}, count(*) AS n FROM "
        f"(SELECT account_id, {COLUMN} FROM _typed_usage_events LIMIT {SAMPLED_ROWS}) "
        "WHERE account_id IS NOT NULL GROUP BY ALL"
    )
    rows, samples, most, seen = reading.con.execute(
        f"SELECT sum(n)::BIGINT, list(shown ORDER BY n DESC, shown)[:{SAMPLES}], arg_max(id, n), any_value(every) "
        f"FROM ({hardly_one()})"
    ).fetchall()[0]
    if rows:
        of = f"Of the first {SAMPLED_ROWS:,} events. " if seen >= SAMPLED_ROWS else ""
        # nothing names somebody who was forgotten
        which = "…" if reading.project.suppression.stands_in(str(most)) else str(most)
        empty = f"nullif({COLUMN}, {quoted(which)}) AS {COLUMN}"
        detail = f"{of}Where it stands for nobody or for a program, leave it empty in the SELECT: {empty}"
        reading.tell(RemarkKind.SHARED_USER, table.name, COLUMN, int(rows), samples, detail)
    # two spellings of one person are two users of their account
    spelt = f"count(*) OVER (PARTITION BY account_id, {alike(COLUMN, ColumnKind.ID)}) AS spellings"
    twice = f"SELECT * FROM (SELECT *, {spelt} FROM _users WHERE {COLUMN} IS NOT NULL) WHERE spellings > 1"
    counted = f"(SELECT {COLUMN} AS name, sum(n)::BIGINT AS rows FROM ({twice}) GROUP BY 1)"
    tell_near_names(reading, table.name, COLUMN, ColumnKind.ID, counted)


def hardly_one() -> str:
    """SQL of the ids that are hardly one person, out of ``_users``: with their events, and as they are shown."""
    name = f"lower(regexp_replace(split_part(id, '@', 1), {quoted(_SIGNS)}, '', 'g'))"
    nobody = f"{name} IN ({', '.join(map(quoted, NOBODY))})"
    zero = f"regexp_full_match(id, {quoted(_ZEROS)})"
    one_of_them = f"(numbered AND NOT (n >= {OF_ONE} * every AND n >= {STANDS_OUT} * second))"
    return (
        "WITH of_accounts AS (SELECT *, sum(n) OVER (PARTITION BY account_id) AS total, "
        f"count({COLUMN}) OVER (PARTITION BY account_id) AS users FROM _users), "
        f"ids AS (SELECT {COLUMN} AS id, sum(n) AS n, count(*) AS accounts, max(n / total) AS of_one, "
        f"bool_or(n >= {NEARLY_ALL} * total AND users > {FEWEST_OTHERS} AND total >= {FEWEST_EVENTS}) AS nearly_all "
        f"FROM of_accounts WHERE {COLUMN} IS NOT NULL GROUP BY 1), "
        "whole AS (SELECT (SELECT sum(n) FROM _users) AS every, "
        f"(SELECT count(DISTINCT account_id) FROM _users WHERE {COLUMN} IS NOT NULL) AS all_accounts, "
        # where each account counts its users from 1, every number is in many accounts
        "count(*) FILTER (accounts > 1) AS again, again > 1 AND 2 * again >= count(*) AS numbered, "
        "coalesce(list(n ORDER BY n DESC)[2], 0) AS second, bool_or(id = '1') AS counts FROM ids) "
        "SELECT id, n, every, id || ' (' || round(100 * n / every)::INTEGER || ' % of the events, ' || "
        "CASE WHEN accounts = 1 THEN '1 account)' ELSE accounts || ' accounts)' END AS shown FROM ids, whole "
        f"WHERE (({nobody} OR ({zero} AND NOT ({one_of_them} AND counts))) "
        f"AND (n >= {MATTERS} * every OR of_one >= {OF_ONE})) "
        f"OR (accounts >= greatest({FEWEST_ACCOUNTS}, {OF_ACCOUNTS} * all_accounts) AND n >= {OF_EVENTS} * every "
        f"AND NOT {one_of_them}) OR nearly_all"
    )
