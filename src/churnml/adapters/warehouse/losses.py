"""How much of a table may be set aside: who loses more is told before anybody believes what is left."""

from __future__ import annotations

import json

from churnml import checks
from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse.reading import Reading, quoted
from churnml.errors import ContractError
from churnml.remarks import RemarkKind, column_of, short, visible
from churnml.tables import ColumnKind, Table

# Rows set aside for these are there once already, or are not meant to be there (yet).
NOT_LOST = (checks.DUPLICATE, checks.REPEATED, checks.FORGOTTEN, checks.FUTURE, *checks.OF_CONTRACTS)
# Nothing can be said of a company without these.
NEEDED = ("accounts", "subscriptions")
REASONS_SHOWN = 5
# Remarks on columns that say why rows were set aside.
EXPLAINING = (RemarkKind.NEAR_ID, RemarkKind.AMBIGUOUS_NUMBER, RemarkKind.LOAD_TIME, RemarkKind.UNREADABLE_TIME)


def must_not_lose(reading: Reading, table: Table) -> None:
    """Raises ContractError where nothing of a table is kept, or less of the contracts than the project declares.

    Duplicates, what lies after the data's end and who was forgotten are not lost. ``may_lose: 1`` lets all go but the
    accounts and the contracts.
    """
    counts, share = reading.counts, reading.project.spec.may_lose
    aside = counts.quarantined.get(table.name, {})
    lost = {reason: rows for reason, rows in aside.items() if reason not in NOT_LOST}
    kept = counts.rows[table.name]
    if not kept and aside and (table.name in NEEDED or (lost and share < 1)):
        raise _stop(reading, table, f"Every row of table {table.name} was set aside", aside)
    if table.name == "subscriptions" and lost and share < 1:
        _must_keep_contracts(reading, table, lost, share)


def _must_keep_contracts(reading: Reading, table: Table, lost: dict[str, int], share: float) -> None:
    reasons = ", ".join(quoted(reason) for reason in NOT_LOST)
    contracts, gone, mrr, gone_mrr = reading.con.execute(
        "SELECT count(DISTINCT contract), count(DISTINCT contract) FILTER (WHERE lost), "
        "coalesce(sum(mrr), 0), coalesce(sum(mrr) FILTER (WHERE lost), 0) FROM ("
        "SELECT coalesce(subscription_id, 'row ' || source_row) AS contract, greatest(mrr, 0) AS mrr, "
        f"problem IS NOT NULL AND problem NOT IN ({reasons}) AS lost FROM _judged)"
    ).fetchall()[0]
    # a line that is no row was a contract too
    contracts, gone = contracts + lost.get(checks.MALFORMED, 0), gone + lost.get(checks.MALFORMED, 0)
    of_contracts, of_mrr = gone / contracts, gone_mrr / mrr if mrr else 0.0
    if of_contracts > share:
        what = f"{gone:,} of {contracts:,} contracts lose rows ({of_contracts:.1%}; {share:.1%} may)"
        raise _stop(reading, table, what, lost)
    if of_mrr > share:
        what = f"{of_mrr:.1%} of the MRR of table {table.name} was set aside ({share:.1%} may be)"
        raise _stop(reading, table, what, lost)


def _stop(reading: Reading, table: Table, what: str, aside: dict[str, int]) -> ContractError:
    ordered = sorted(aside.items(), key=lambda pair: (-pair[1], pair[0]))[:REASONS_SHOWN]
    counted = ", ".join(f"{rows:,} × {reason}{_examples(reading, table, reason)}" for reason, rows in ordered)
    hints = [
        f"{column_of(one)}: {'; '.join(map(visible, one.samples))}. {one.detail.removesuffix('.')}."
        for one in reading.remarks()
        if one.table == table.name and one.kind in EXPLAINING and one.detail
    ]
    if not reading.counts.rows[table.name] and set(aside) == {"unknown_account"}:
        what = f"No account_id of {table.name} is among the accounts"
    times = {column.name for column in table.columns if column.kind is ColumnKind.TIME}
    formats = "declare time_formats: if dates cannot be read, " if times & _unread(reading, table) else ""
    mend = f"Mend the rows, {formats}let a check warn under checks:, or declare how much may_lose: in {PROJECT_FILE}."
    return ContractError(
        f"{what}: {counted}.", where=str(reading.project.source(table.name)), remedy=" ".join([*hints, mend])
    )


def _unread(reading: Reading, table: Table) -> set[str]:
    """The columns of a table that had something in them that could not be read."""
    details = reading.con.execute(
        "SELECT DISTINCT detail FROM _quarantine WHERE contract_table = ? AND reason = ?",
        [table.name, checks.UNREADABLE],
    ).fetchall()
    return {column for (detail,) in details for column in (detail or "").split(", ")}


def _examples(reading: Reading, table: Table, reason: str) -> str:
    """Where the first rows of a reason stand, and what could not be read in them."""
    rows = reading.con.execute(
        'SELECT source_row, detail, "row" FROM _quarantine WHERE contract_table = ? AND reason = ? '
        "ORDER BY ALL LIMIT 3",
        [table.name, reason],
    ).fetchall()
    if not rows:
        return ""
    numbers = f"row {', '.join(str(row) for row, _, _ in rows)}"
    if reason != checks.UNREADABLE:
        return f" ({numbers})"
    # column → what stands there, each once
    unread: dict[str, dict[str, None]] = {}
    for _, detail, row in rows:
        for name in (detail or "").split(", "):
            unread.setdefault(name, {}).update(dict.fromkeys(_values(reading, table, name, row)))
    columns = [f"{name} {', '.join(samples)}".strip() for name, samples in unread.items()]
    return f" ({', '.join(columns)}, {numbers})"


def _values(reading: Reading, table: Table, name: str, row: str | None) -> list[str]:
    """What a source row has in a column, quoted and shortened; nothing of ids, nor of who was forgotten."""
    if name not in table.column_names or table.column(name).kind is ColumnKind.ID or row is None:
        return []
    fields = json.loads(row)
    written = (
        [str(value) for column, value in fields.items() if column.casefold() == name and value is not None]
        if isinstance(fields, dict)
        else []
    )
    suppressed = reading.project.suppression.stands_in
    return [f"'{visible(short(text))}'" for text in written if not suppressed(text)]
