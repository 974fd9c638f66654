"""Amounts of several currencies as amounts of one: whose code is whose, and which rate stands for a contract.

A contract keeps the rate of its beginning for as long as it lives, so that its MRR changes when its terms do and never
with a rate alone (docs/decisions/0031). Without a rate the run stops: yen are no dollars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from churnml.adapters.project import PROJECT_FILE, Project
from churnml.adapters.warehouse.currencies import SPELLINGS, code_of
from churnml.adapters.warehouse.input_tables import InputTable
from churnml.adapters.warehouse.reading import Reading, write_parquet
from churnml.adapters.warehouse.typed import make_typed_view
from churnml.errors import ContractError, did_you_mean
from churnml.remarks import RemarkKind
from churnml.tables import AMOUNT_AS_WRITTEN, CURRENCY_AS_WRITTEN, EXCHANGE_RATES

SUBSCRIPTIONS = "subscriptions"


@dataclass(frozen=True)
class CurrencyCount:
    """A currency as the rows write it.

    Args:
        written: as it stands there, or None where nothing does.
        code: the code it is read as.
        rows: how many rows write it so.
    """

    written: str | None
    code: str
    rows: int


def make_rates(reading: Reading, registered: Mapping[str, InputTable]) -> None:
    """Makes the table ``_rates`` (currency, rate, starts_at, known_at) of what is declared and of exchange_rates.

    Raises:
        ContractError: a rate cannot be used: whatever hung on it would be wrong.
    """
    con, project = reading.con, reading.project
    con.execute("CREATE TEMP TABLE _rates (currency VARCHAR, rate DOUBLE, starts_at TIMESTAMP, known_at TIMESTAMP)")
    for code, rates in project.spec.exchange_rates.items():
        dated = rates if isinstance(rates, Mapping) else {None: rates}
        con.executemany("INSERT INTO _rates VALUES (?, ?, ?, ?)", [[code, rate, at, at] for at, rate in dated.items()])
    source = project.source(EXCHANGE_RATES.name)
    if source is None:
        return
    make_typed_view(reading, EXCHANGE_RATES, source, registered)
    # it is no table of facts: nothing but money hangs on it
    reading.counts.given.pop(EXCHANGE_RATES.name)
    view = f"_typed_{EXCHANGE_RATES.name}"
    _must_be_rates(con, view, source, project)
    con.execute(f"INSERT INTO _rates SELECT upper(currency), rate, starts_at, known_at FROM {view}")


def write_rates(reading: Reading, folder: Path) -> None:
    """Writes ``exchange_rates.parquet``, where amounts were converted."""
    if reading.con.execute("SELECT count(*) FROM _rates").fetchall()[0][0]:
        write_parquet(reading.con, "SELECT * FROM _rates ORDER BY ALL", folder / f"{EXCHANGE_RATES.name}.parquet")


def _must_be_rates(con: duckdb.DuckDBPyConnection, view: str, source: Path, project: Project) -> None:
    wrong = con.execute(
        f"SELECT source_row, coalesce(unreadable, CASE WHEN currency IS NULL THEN 'currency' "
        f"WHEN starts_at IS NULL THEN 'starts_at' WHEN rate IS NULL OR rate <= 0 THEN 'rate' END) AS wrong "
        f"FROM {view} WHERE wrong IS NOT NULL ORDER BY 1 LIMIT 1"
    ).fetchall()
    if wrong:
        raise ContractError(
            f"Row {wrong[0][0]} of table {EXCHANGE_RATES.name} is no rate: its {wrong[0][1]} cannot be used.",
            where=str(source),
            remedy="A rate has a currency, a date it holds from, and a number above 0. Mend the row, or leave it out "
            "in the SELECT.",
        )
    twice = con.execute(
        f"SELECT upper(currency), starts_at, any_value(source_row) FROM {view} GROUP BY ALL "
        "HAVING count(DISTINCT (rate, known_at)) > count(DISTINCT known_at) ORDER BY ALL LIMIT 1"
    ).fetchall()
    if twice:
        raise ContractError(
            f"Table {EXCHANGE_RATES.name} has two rates of {twice[0][0]} from {twice[0][1]:%Y-%m-%d} on.",
            where=f"{source}, row {twice[0][2]}",
            remedy="Keep one of them, or give both a known_at.",
        )
    for (code,) in con.execute(f"SELECT DISTINCT upper(currency) FROM {view} ORDER BY 1").fetchall():
        if code in project.spec.exchange_rates:
            raise ContractError(
                f"The rate of {code} is declared twice.",
                where=f"{project.root / PROJECT_FILE}, exchange_rates, and {source}",
                remedy="Keep one of the two.",
            )


def convert_money(reading: Reading) -> None:
    """Makes ``mrr`` of the sound rows of ``_contracts`` amounts of the project's currency.

    Raises:
        ContractError: there are several currencies, or another than the project's, and no rate for one of them.
    """
    if "currency" not in reading.counts.given[SUBSCRIPTIONS]:
        return
    con, project = reading.con, reading.project
    written = con.execute(
        "SELECT currency, count(*) FROM _contracts WHERE problem IS NULL GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    rated = [row[0] for row in con.execute("SELECT DISTINCT currency FROM _rates ORDER BY 1").fetchall()]
    own = code_of(project.spec.currency, set()) if project.spec.currency else None
    counts = _codes_of(written, own, rated)
    codes = list(dict.fromkeys(one.code for one in counts if one.written is not None))
    target = own or (codes[0] if len(codes) == 1 else None)
    _must_have_rates(project, counts, target, rated)
    if target is None or not counts:  # nothing is written anywhere, or no row is left
        return
    _tell_spellings(reading, counts, target)
    con.execute("CREATE TEMP TABLE _codes (written VARCHAR, code VARCHAR)")
    con.executemany("INSERT INTO _codes VALUES (?, ?)", [[one.written, one.code or target] for one in counts])
    con.execute(
        "UPDATE _contracts SET currency = c.code FROM _codes AS c "
        "WHERE problem IS NULL AND c.written IS NOT DISTINCT FROM _contracts.currency"
    )
    _convert(reading, target)


def _codes_of(written: Sequence[tuple[str | None, int]], own: str | None, rated: Sequence[str]) -> list[CurrencyCount]:
    """The code of each spelling; a sign that several currencies share is one where only one of them is about."""
    plain = {text.strip().upper() for text, _ in written if text and text.strip().upper() not in SPELLINGS}
    about = plain | set(rated) | ({own} if own else set())
    return [CurrencyCount(text, code_of(text, about) if text else "", rows) for text, rows in written]


def _must_have_rates(
    project: Project, counts: Sequence[CurrencyCount], target: str | None, rated: Sequence[str]
) -> None:
    rows: dict[str, int] = {}
    for one in counts:
        rows[one.code] = rows.get(one.code, 0) + one.rows
    codes = [code for code in rows if code]
    without = [code for code in codes if code != target and code not in rated]
    blank = "" in rows and len(codes) > 1
    if not without and not blank:
        return
    listed = ", ".join(f"{count:,} × {code or '(empty)'}" for code, count in rows.items())
    where = f"{project.source(SUBSCRIPTIONS)}, column currency"
    if not without:
        raise ContractError(
            f"Table subscriptions has amounts in several currencies, and some name none ({listed}).",
            where=where,
            remedy=f"Say in the SELECT what they are, for instance coalesce(currency, '{target}') AS currency.",
        )
    own = f" and the project's is {target}" if target else ""
    what = f"Table subscriptions has amounts in {'several currencies' if len(codes) > 1 else codes[0]} ({listed}){own}"
    shared = [code for code in without if code in SPELLINGS]
    if shared:
        raise ContractError(
            f"{what}: '{shared[0]}' may be {' or '.join(SPELLINGS[shared[0]][:3])}.",
            where=where,
            remedy="Give its code in the SELECT, for instance replace(currency, '" + shared[0] + "', "
            f"'{SPELLINGS[shared[0]][0]}') AS currency.",
        )
    if target is None:
        remedy = f"Set currency: in {PROJECT_FILE} to the one amounts are shown in, and declare rates of the others"
        without = codes
    else:
        near = [hint for code in without if "'" in (hint := did_you_mean(code, [target, *rated])) and "Did" in hint]
        remedy = (near[0] + " " if near else "") + f"Declare what one unit is worth in {target} in {PROJECT_FILE}"
    wanted = ", ".join(f"{code}: …" for code in without)
    raise ContractError(
        f"{what}: no rate is known for {', '.join(without)}.",
        where=where,
        remedy=f"{remedy} (exchange_rates: {{{wanted}}}), or write sources/{EXCHANGE_RATES.name}.sql: by date.",
    )


def _tell_spellings(reading: Reading, counts: Sequence[CurrencyCount], target: str) -> None:
    other = [one for one in counts if one.written is not None and one.written != one.code]
    if other:
        rows = sum(one.rows for one in other)
        samples = [f"{one.written} as {one.code}" for one in other]
        reading.tell(RemarkKind.CURRENCY_SPELLING, SUBSCRIPTIONS, "currency", rows, samples)
    blank = sum(one.rows for one in counts if one.written is None)
    if blank:
        detail = f"Those amounts are taken for {target}."
        reading.tell(RemarkKind.NO_CURRENCY, SUBSCRIPTIONS, "currency", blank, detail=detail)


def _convert(reading: Reading, target: str) -> None:
    """Converts by the rate that stood when a contract began, or became known if that was before."""
    con = reading.con
    rates = (
        "SELECT currency, rate, coalesce(greatest(starts_at, known_at), TIMESTAMP '1900-01-01') AS effective_at "
        "FROM _rates QUALIFY row_number() OVER (PARTITION BY currency, effective_at ORDER BY starts_at DESC) = 1"
    )
    # what was known of a row's contract with that row: an earlier beginning that came to light later changes nothing
    known = "OVER (PARTITION BY account_id, subscription_id ORDER BY known_at RANGE UNBOUNDED PRECEDING)"
    con.execute(
        "CREATE TEMP TABLE _converted AS WITH rates AS (" + rates + "), "
        "first AS (SELECT currency, arg_min(rate, effective_at) AS rate FROM rates GROUP BY currency), "
        f"began AS (SELECT place, currency, mrr, least(min(starts_at) {known}, min(known_at) {known}) AS at "
        "FROM _contracts WHERE problem IS NULL) "
        "SELECT b.place, b.currency, b.mrr AS amount, b.mrr * coalesce(r.rate, f.rate) AS mrr, r.rate IS NULL AS early "
        "FROM began AS b ASOF LEFT JOIN rates AS r ON b.currency = r.currency AND b.at >= r.effective_at "
        f"JOIN first AS f ON b.currency = f.currency WHERE b.currency <> ?",
        [target],
    )
    rows, early = con.execute("SELECT count(*), count(*) FILTER (early) FROM _converted").fetchall()[0]
    if not rows:
        return
    samples = con.execute(
        "SELECT printf('%s %g = %.2f', currency, amount, mrr) FROM _converted "
        "QUALIFY row_number() OVER (PARTITION BY currency ORDER BY place) = 1 ORDER BY currency LIMIT 3"
    ).fetchall()
    shown = [f"{row[0]} {target}" for row in samples]
    detail = "Some contracts are older than the first rate: that one stands for them." if early else ""
    reading.tell(RemarkKind.CONVERTED, SUBSCRIPTIONS, "mrr", rows, shown, detail)
    con.execute(f"ALTER TABLE _contracts ADD COLUMN {AMOUNT_AS_WRITTEN} DOUBLE")
    con.execute(f"ALTER TABLE _contracts ADD COLUMN {CURRENCY_AS_WRITTEN} VARCHAR")
    con.execute(f"UPDATE _contracts SET {AMOUNT_AS_WRITTEN} = mrr, {CURRENCY_AS_WRITTEN} = currency")
    con.execute(
        "UPDATE _contracts SET mrr = c.mrr, currency = ? FROM _converted AS c WHERE c.place = _contracts.place",
        [target],
    )
