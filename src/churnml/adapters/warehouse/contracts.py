"""Contracts as billing systems write them, read as periods ``[starts_at, ends_at)`` of one spelling.

Between judging and keeping: the sound rows of subscriptions get one currency, one name a term, ends that are the first
moment the terms no longer hold, and an end that was known when its notice was. Rows that never held are set aside.
Whatever was taken for something else is told. Which version stands, and which of two overlapping periods, is decided
at each cutoff among what was known then (:mod:`churnml.periods`): here they are only counted.
"""

from __future__ import annotations

import duckdb
import ibis

from churnml.adapters.warehouse.money import SUBSCRIPTIONS, convert_money
from churnml.adapters.warehouse.reading import Reading, identifier, quoted
from churnml.adapters.warehouse.term_amounts import tell_term_amounts
from churnml.checks import CREDIT_NOTE, DUPLICATE, NO_LENGTH, REPLACED
from churnml.periods import final_periods
from churnml.remarks import RemarkKind
from churnml.tables import TABLES
from churnml.terms import term_of

# The view of the kept periods as all that is known says.
STANDING = "_standing_subscriptions"
# In a table where fewer ends than one in so many are the day before the next period, one alone is a gap of a day.
RARE = 4
# A convention holds for ends without a next period where nearly all the others keep it.
NEARLY_ALL = 9
CONTRACT = "account_id, subscription_id"
PERIOD = f"{CONTRACT}, starts_at"
SAMPLE = "concat_ws(' ', account_id, subscription_id)"


def settle_contracts(reading: Reading) -> None:
    """Makes ``_judged`` of subscriptions say what its rows mean.

    Raises:
        ContractError: amounts of several currencies without a rate.
    """
    con = reading.con
    con.execute(
        "CREATE TEMP TABLE _contracts AS "
        # an end at infinity is none
        "SELECT * REPLACE (CASE WHEN isfinite(ends_at) THEN ends_at END AS ends_at), "
        "row_number() OVER (ORDER BY source_row) AS place, false AS moved FROM _judged"
    )
    _name_credit_notes(con)
    convert_money(reading)
    _name_terms(reading)
    _open_last_seconds(reading)
    _open_last_dates(reading)
    _set_aside_what_never_held(con)
    _join_changes_of_a_day(con)
    _set_aside_repeated_versions(con)
    _date_notices(con)
    con.execute("CREATE OR REPLACE TEMP VIEW _judged AS SELECT * EXCLUDE (place, moved) FROM _contracts")


def tell_contracts(reading: Reading) -> None:
    """Makes the view :data:`STANDING` of ``_kept_subscriptions``, and tells what those rows leave open."""
    con = reading.con
    kept = reading.backend.table("_kept_" + SUBSCRIPTIONS).select(*TABLES[SUBSCRIPTIONS].column_names)
    standing = str(ibis.to_sql(final_periods(kept), dialect="duckdb"))
    con.execute(f"CREATE TEMP VIEW {STANDING} AS {standing}")
    versions = f"FROM _kept_subscriptions QUALIFY row_number() OVER (PARTITION BY {PERIOD} ORDER BY known_at DESC) > 1"
    _tell(reading, RemarkKind.VERSIONS, "", f"SELECT {SAMPLE} AS sample {versions}")
    overlap = (
        f"SELECT {SAMPLE} || ' from ' || strftime(following, '%Y-%m-%d') AS sample FROM (SELECT *, "
        f"lead(starts_at) OVER (PARTITION BY {CONTRACT} ORDER BY starts_at) AS following FROM "
        f"(SELECT * FROM _kept_subscriptions QUALIFY row_number() OVER (PARTITION BY {PERIOD} "
        "ORDER BY known_at DESC) = 1)) WHERE following < coalesce(ends_at, 'infinity')"
    )
    _tell(reading, RemarkKind.OVERLAP, "", overlap)
    open_notice = f"FROM {STANDING} WHERE cancelled_at IS NOT NULL AND ends_at IS NULL"
    sample = f"SELECT {SAMPLE} || ' on ' || strftime(cancelled_at, '%Y-%m-%d') AS sample {open_notice}"
    newest = f"(SELECT max(known_at) FROM {STANDING})"
    old = con.execute(f"SELECT count(*) {open_notice} AND cancelled_at < {newest} - INTERVAL 1 YEAR").fetchall()[0][0]
    detail = (
        f"{old:,} gave notice more than a year ago: if cancelled_at is the end, select it AS ends_at too."
        if old
        else ""
    )
    _tell(reading, RemarkKind.NOTICE_WITHOUT_END, "cancelled_at", sample, detail)
    tell_term_amounts(reading, STANDING)


def _tell(reading: Reading, kind: RemarkKind, column: str, query: str, detail: str = "") -> int:
    """Adds a remark on the rows of a query with a column ``sample``; how many there are."""
    rows = int(reading.con.execute(f"SELECT count(*) FROM ({query})").fetchall()[0][0])
    if rows:
        samples = reading.con.execute(f"SELECT sample FROM ({query}) ORDER BY 1 LIMIT 3").fetchall()
        reading.tell(kind, SUBSCRIPTIONS, column, rows, [row[0] for row in samples], detail)
    return rows


def _name_credit_notes(con: duckdb.DuckDBPyConnection) -> None:
    """A negative amount of a contract that has others is a credit note: it was set aside, and nobody is lost by it."""
    con.execute(
        f"UPDATE _contracts SET problem = {quoted(CREDIT_NOTE)} WHERE problem = 'negative_mrr' "
        f"AND ({CONTRACT}) IN (SELECT ({CONTRACT}) FROM _contracts WHERE problem IS NULL)"
    )


def _name_terms(reading: Reading) -> None:
    """Calls billing periods by their one name; those that are none stay as they are."""
    if "billing_period" not in reading.counts.given[SUBSCRIPTIONS]:
        return
    con = reading.con
    written = con.execute(
        "SELECT billing_period, count(*) FROM _contracts WHERE problem IS NULL AND billing_period IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    terms = {text: term_of(text) for text, _ in written}
    other = {text: term.name for text, term in terms.items() if term is not None and term.name != text}
    for texts, kind in (
        ([f"{text} as {name}" for text, name in other.items()], RemarkKind.TERM_SPELLING),
        ([text for text, term in terms.items() if term is None], RemarkKind.UNKNOWN_TERM),
    ):
        wanted = other if kind is RemarkKind.TERM_SPELLING else {text for text in terms if terms[text] is None}
        rows = sum(count for text, count in written if text in wanted)
        if rows:
            reading.tell(kind, SUBSCRIPTIONS, "billing_period", rows, texts)
    if other:
        cases = " ".join(f"WHEN {quoted(text)} THEN {quoted(name)}" for text, name in other.items())
        con.execute(
            f"UPDATE _contracts SET billing_period = CASE billing_period {cases} ELSE billing_period END "
            "WHERE problem IS NULL"
        )


def _open_last_seconds(reading: Reading) -> None:
    """An end at 23:59:59, or a second before the hour a period began at, is the first moment after it."""
    after = "date_trunc('minute', ends_at + INTERVAL 1 MINUTE)"
    begins_even = f"starts_at = date_trunc('minute', starts_at) AND minute({after}) = minute(starts_at)"
    written = (
        f"(second(ends_at) = 59 AND (strftime(ends_at, '%H:%M') = '23:59' OR ({begins_even}))) "
        "OR (ends_at::TIME = TIME '23:59:00' AND starts_at = date_trunc('day', starts_at))"
    )
    follows = "coalesce(following - ends_at <= INTERVAL 1 SECOND, false)"
    _move_ends(
        reading,
        RemarkKind.LAST_SECOND,
        f"SELECT place, ends_at AS was, CASE WHEN {follows} THEN following ELSE {after} END AS ends_at "
        f"FROM ({_with_next()}) WHERE NOT begins_then AND ({follows} OR {written})",
    )


def _with_next() -> str:
    """SQL: sound rows with an end, the start ``following`` it, and whether a period ``begins_then`` exactly."""
    starts = "SELECT DISTINCT account_id, subscription_id, starts_at FROM _contracts WHERE problem IS NULL"
    return (
        "SELECT c.*, n.starts_at AS following, e.starts_at IS NOT NULL AS begins_then FROM _contracts AS c "
        f"ASOF LEFT JOIN ({starts}) AS n ON c.account_id = n.account_id AND c.subscription_id = n.subscription_id "
        f"AND c.ends_at < n.starts_at LEFT JOIN ({starts}) AS e ON c.account_id = e.account_id "
        "AND c.subscription_id = e.subscription_id AND c.ends_at = e.starts_at "
        "WHERE c.problem IS NULL AND c.ends_at IS NOT NULL"
    )


def _open_last_dates(reading: Reading) -> None:
    """An end that is a date, where periods begin the day after the one before them ended, is that day after.

    How ends are written is a habit of the system the rows come from, so it is looked for in all rows of an account,
    and where those do not show it, in all of the table: whether this or that contract went on decides nothing.
    """
    con = reading.con
    con.execute(f"CREATE TEMP TABLE _habits AS {_habits()}")
    last, meets, other = con.execute(
        "SELECT coalesce(sum(last), 0), coalesce(sum(meets), 0), coalesce(sum(other), 0) FROM _habits"
    ).fetchall()[0]
    of_table = last > 0 and last >= NEARLY_ALL * meets and last >= other
    of_account = f"last > 0 AND meets = 0 AND last >= other AND (last > 1 OR {last * RARE >= meets + other})"
    _move_ends(
        reading,
        RemarkKind.LAST_DAY,
        "SELECT place, ends_at AS was, ends_at + INTERVAL 1 DAY AS ends_at FROM _contracts "
        f"LEFT JOIN _habits USING (account_id) WHERE problem IS NULL AND NOT moved "
        f"AND {_dated('starts_at')} AND {_dated('ends_at')} "
        f"AND CASE WHEN last + meets > 0 THEN {of_account} ELSE {of_table} END",
    )


def _dated(column: str) -> str:
    return f"{column} = date_trunc('day', {column})"


def _habits() -> str:
    """SQL: of each account's ends, how many meet the next period, are the day before it, or neither.

    The next period is that of the contract; a contract without one may go on under another name.
    """
    starts = "SELECT DISTINCT {} FROM _contracts WHERE problem IS NULL"
    return (
        "WITH ends AS (SELECT c.account_id, c.ends_at, n.starts_at AS own, o.starts_at AS others FROM _contracts AS c "
        f"ASOF LEFT JOIN ({starts.format('account_id, subscription_id, starts_at')}) AS n "
        "ON c.account_id = n.account_id AND c.subscription_id = n.subscription_id AND c.starts_at < n.starts_at "
        f"ASOF LEFT JOIN ({starts.format('account_id, starts_at')}) AS o "
        "ON c.account_id = o.account_id AND c.ends_at <= o.starts_at "
        f"WHERE c.problem IS NULL AND NOT c.moved AND c.ends_at > c.starts_at "
        f"AND {_dated('c.ends_at')} AND {_dated('c.starts_at')}), "
        "nexts AS (SELECT account_id, coalesce(own, others) - ends_at AS step FROM ends) "
        "SELECT account_id, count(*) FILTER (step = INTERVAL 0 DAY) AS meets, "
        "count(*) FILTER (step = INTERVAL 1 DAY) AS last, "
        "count(*) FILTER (step NOT IN (INTERVAL 0 DAY, INTERVAL 1 DAY)) AS other "
        "FROM nexts GROUP BY account_id"
    )


def _move_ends(reading: Reading, kind: RemarkKind, moved: str) -> None:
    """Gives rows the ends of a query (place, was, ends_at), and tells of them."""
    con = reading.con
    con.execute(f"CREATE OR REPLACE TEMP TABLE _moved AS {moved}")
    samples = f"SELECT {_in_words('was')} || ' read as ' || {_in_words('ends_at')} AS sample FROM _moved"
    _tell(reading, kind, "ends_at", samples)
    con.execute(
        "UPDATE _contracts SET ends_at = m.ends_at, moved = true FROM _moved AS m WHERE m.place = _contracts.place"
    )


def _in_words(column: str) -> str:
    """SQL: a time as it is written, a midnight as its date."""
    written = f"rtrim(rtrim(strftime({column}, '%Y-%m-%d %H:%M:%S.%f'), '0'), '.')"
    return f"CASE WHEN {column}::TIME = TIME '00:00:00' THEN {column}::DATE::VARCHAR ELSE {written} END"


def _set_aside_what_never_held(con: duckdb.DuckDBPyConnection) -> None:
    """Of rows that say they hold from the same moment and became known together, one stands.

    The one that holds longest, then the last of the file; a file that runs backwards is read backwards. Whatever has
    no length and no other version never held.
    """
    steps = f"starts_at - lag(starts_at) OVER (PARTITION BY {CONTRACT} ORDER BY source_row, place)"
    backwards = con.execute(
        f"SELECT coalesce(sum(sign(epoch(step))), 0) < 0 FROM (SELECT {steps} AS step FROM _contracts "
        "WHERE problem IS NULL)"
    ).fetchall()[0][0]
    last = "source_row, place" if backwards else "source_row DESC, place DESC"
    con.execute(
        f"UPDATE _contracts SET problem = CASE WHEN r.ends_at = r.starts_at THEN {quoted(NO_LENGTH)} "
        f"ELSE {quoted(REPLACED)} END FROM (SELECT place, starts_at, ends_at, "
        f"row_number() OVER (PARTITION BY {PERIOD}, known_at ORDER BY coalesce(ends_at, 'infinity') DESC, {last}) AS n "
        "FROM _contracts WHERE problem IS NULL) AS r WHERE r.place = _contracts.place AND r.n > 1"
    )
    con.execute(
        f"UPDATE _contracts SET problem = {quoted(NO_LENGTH)} FROM (SELECT place, ends_at = starts_at AS nothing, "
        f"count(*) OVER (PARTITION BY {PERIOD}) AS versions FROM _contracts WHERE problem IS NULL) AS r "
        "WHERE r.place = _contracts.place AND r.nothing AND r.versions = 1"
    )


def _join_changes_of_a_day(con: duckdb.DuckDBPyConnection) -> None:
    """Terms that changed again on the day they came are set aside: the day's last change stands, from its first on.

    Only where no midnight lies between what was known of them, so that at every cutoff the same is known as before.
    """
    day = f"PARTITION BY {CONTRACT}, starts_at::DATE, known_at::DATE"
    con.execute(
        "CREATE TEMP TABLE _days AS SELECT place, starts_at, "
        f"row_number() OVER ({day} ORDER BY starts_at DESC, place DESC) AS n, "
        f"min(starts_at) OVER ({day}) AS first, count(*) OVER ({day}) AS changes FROM _contracts "
        "WHERE problem IS NULL AND known_at::DATE >= starts_at::DATE"
    )
    con.execute(
        f"UPDATE _contracts SET problem = {quoted(REPLACED)} FROM _days AS d "
        "WHERE d.place = _contracts.place AND d.changes > 1 AND d.n > 1"
    )
    con.execute(
        "UPDATE _contracts SET starts_at = d.first FROM _days AS d "
        "WHERE d.place = _contracts.place AND d.changes > 1 AND d.n = 1"
    )


def _set_aside_repeated_versions(con: duckdb.DuckDBPyConnection) -> None:
    """A version that says what the one before it said is no news."""
    columns = [c for c in TABLES[SUBSCRIPTIONS].column_names if c != "known_at"]
    content = f"row({', '.join(identifier(c) for c in columns)})"
    con.execute(
        f"UPDATE _contracts SET problem = {quoted(DUPLICATE)} FROM (SELECT place, {content} = lag({content}) "
        f"OVER (PARTITION BY {PERIOD} ORDER BY known_at) AS same FROM _contracts WHERE problem IS NULL) AS r "
        "WHERE r.place = _contracts.place AND r.same"
    )


def _date_notices(con: duckdb.DuckDBPyConnection) -> None:
    """When an end without a notice became known, where the rows themselves show it.

    A later version that ends what an earlier one left open is itself the notice. And where the contract goes on from
    an end, that end came with the terms that follow: until those are known, the old ones stand.
    """
    before = f"PARTITION BY {PERIOD} ORDER BY known_at"
    con.execute(
        "CREATE TEMP TABLE _versions AS SELECT place, account_id, subscription_id, starts_at, ends_at, known_at, "
        f"max(known_at) FILTER (ends_at IS NULL) OVER ({before}) AS open_until FROM _contracts WHERE problem IS NULL"
    )
    same = "w.account_id = v.account_id AND w.subscription_id = v.subscription_id"
    con.execute(
        "UPDATE _contracts SET cancelled_at = n.at FROM (SELECT v.place, min(w.known_at) AS at FROM _versions AS v "
        f"JOIN _versions AS w ON {same} AND w.starts_at = v.starts_at AND w.ends_at IS NOT NULL "
        "AND w.known_at > v.open_until WHERE v.ends_at IS NOT NULL GROUP BY v.place) AS n "
        "WHERE n.place = _contracts.place AND cancelled_at IS NULL AND n.at < ends_at"
    )
    con.execute(
        "UPDATE _contracts SET cancelled_at = n.at FROM (SELECT v.place, min(w.known_at) AS at FROM _versions AS v "
        f"JOIN _versions AS w ON {same} AND w.starts_at = v.ends_at GROUP BY v.place) AS n "
        "WHERE n.place = _contracts.place AND cancelled_at IS NULL AND n.at > ends_at"
    )
