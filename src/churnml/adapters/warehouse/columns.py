"""How each column of a source is read: by its kind, after a look at all it holds; what is taken for something is told.

An optional value that cannot be read is missing; a required one sets its row aside (docs/decisions/0030).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from churnml.adapters.project import PROJECT_FILE
from churnml.adapters.warehouse import priorities, values
from churnml.adapters.warehouse.amount_signs import must_bear_one_currency
from churnml.adapters.warehouse.ids import USER, IdColumn, id_value
from churnml.adapters.warehouse.late_spellings import tell_late_spellings
from churnml.adapters.warehouse.near_names import tell_blanks, tell_near_names
from churnml.adapters.warehouse.reading import Reading, identifier, quoted
from churnml.adapters.warehouse.satisfaction import is_unanswered, on_our_scale, rated
from churnml.remarks import RemarkKind
from churnml.tables import ColumnKind

# Of usage, ids that no other table has are looked at in so many rows: what a program does to a column, it does to all.
SAMPLED_ROWS = 100_000
# Free text stays as it stands; what people call an account is read as names are: without what an export put around it.
ACCOUNT_NAME = ("accounts", "name")


@dataclass(frozen=True)
class SourceColumn:
    """A column of a source that the contract knows.

    Args:
        table, name, kind: which, and what it holds.
        sql_type: its type in the source.
        raw: the relation of the source, quoted.
        where: the source's file.
        required: whether a row without it is of no use.
        currencies: whether the source says the currency of its amounts.
        neighbours: the source's other columns of text that hold numbers: one export writes them all alike.
    """

    table: str
    name: str
    kind: ColumnKind
    sql_type: str
    raw: str
    where: str
    required: bool
    currencies: bool = False
    neighbours: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The column as SQL."""
        return identifier(self.name)

    @property
    def is_text(self) -> bool:
        return self.sql_type == "VARCHAR"

    @property
    def as_text(self) -> str:
        """SQL: its value as text."""
        return self.column if self.is_text else f"{self.column}::VARCHAR"


@dataclass(frozen=True)
class ColumnReader:
    """How a column is read.

    Args:
        value: SQL that gives the value; null where there is none, or none that can be read.
        given: SQL that says whether there is something to read.
        always: whether all that is given can be read.
    """

    value: str
    given: str
    always: bool = False

    @property
    def unread(self) -> str:
        """SQL: whether something is there that cannot be read."""
        return "false" if self.always else f"({self.value}) IS NULL AND ({self.given})"


def read_column(reading: Reading, column: SourceColumn) -> ColumnReader:
    """How a column of a source is read that holds no times; what is left out or taken for something else is told.

    Raises:
        ContractError: its values were ruined on the way, or only a declaration can tell what they are.
    """
    kind = column.kind
    if kind is ColumnKind.ID:
        sampled = SAMPLED_ROWS if column.table == "usage_events" and column.name != "account_id" else None
        id_column = IdColumn(column.table, column.name, column.raw, column.sql_type, column.where, sampled)
        value = id_value(reading, id_column)
        if sampled is not None and column.name == USER and column.is_text:
            tell_late_spellings(reading, column.table, value, sampled)
        return _read_as(value, column)
    if kind is ColumnKind.CATEGORY:
        name = _name(reading, column)
        if (column.table, column.name) == ("support_tickets", priorities.COLUMN):
            name = priorities.serious_or_not(reading, column.raw, name)
        return _read_as(name, column)
    if (column.table, column.name) == ACCOUNT_NAME:
        return _read_as(_name(reading, replace(column, kind=ColumnKind.CATEGORY)), column)
    if kind is ColumnKind.TEXT:
        return ColumnReader(column.as_text, _is_filled(column))
    value = values.flag(column.column) if kind is ColumnKind.FLAG else _number(reading, column)
    if column.name == "csat":
        value = on_our_scale(reading, column.raw, column.as_text, value)
    reader = ColumnReader(value, is_given(column))
    tell_unread(reading, column, reader)
    return reader


def _read_as(name: str, column: SourceColumn) -> ColumnReader:
    return ColumnReader(name, _is_filled(column), always=name in (_trimmed(column), column.column))


def _trimmed(column: SourceColumn) -> str:
    return f"nullif(trim({column.as_text}), '')"


def _is_filled(column: SourceColumn) -> str:
    filled = f"{column.column} IS NOT NULL"
    return f"{filled} AND trim({column.column}) <> ''" if column.is_text else filled


def is_given(column: SourceColumn) -> str:
    """SQL: whether there is something to read; in a required column a word for nothing is something unreadable."""
    return _is_filled(column) if column.required else has_value(column)


def has_value(column: SourceColumn) -> str:
    """SQL: whether the column holds something that is no word for nothing."""
    nothing = _is_nothing(column, column.as_text)
    if column.kind is ColumnKind.COUNT:
        nothing = f"{nothing} OR {values.is_unlimited(column.as_text)}"
    return f"{_is_filled(column)} AND NOT ({nothing})"


def _is_nothing(column: SourceColumn, text: str) -> str:
    """SQL: whether a text is a word for nothing in this column."""
    word = values.is_word(text, column.kind)
    return f"{word} OR {is_unanswered(text)}" if column.name == "csat" else word


def _name(reading: Reading, column: SourceColumn) -> str:
    """SQL that reads a name: compared to the letter, but what is around it is an export's, not a name's."""
    plain = _trimmed(column)
    if not column.is_text:
        return plain
    reading.con.execute(
        f"CREATE OR REPLACE TEMP TABLE _names AS SELECT {column.column} AS raw, count(*) AS n "
        f"FROM {column.raw} GROUP BY 1"
    )
    kind = (
        f"CASE WHEN {values.is_word('raw', column.kind)} THEN {quoted(RemarkKind.NO_VALUE)} "
        f"WHEN {values.is_doubtful('raw')} THEN {quoted(RemarkKind.DOUBTFUL_NAME)} "
        f"WHEN {values.cleaned('raw')} IS DISTINCT FROM nullif(trim(raw), '') THEN {quoted(RemarkKind.SPELLING)} END"
    )
    odd = reading.con.execute(
        f"SELECT {kind} AS kind, sum(n)::BIGINT, list(raw ORDER BY n DESC, raw)[:3] FROM _names "
        "GROUP BY 1 HAVING kind IS NOT NULL ORDER BY 1"
    ).fetchall()
    for told, rows, samples in odd:
        reading.tell(RemarkKind(told), column.table, column.name, rows, samples)
    kinds = {told for told, _, _ in odd}
    value = (
        values.cleaned(column.column)
        if RemarkKind.SPELLING in kinds
        else plain
        if _has_blanks(reading)
        else column.column
    )
    if RemarkKind.SPELLING not in kinds and value == plain:
        tell_blanks(reading, column.table, column.name, "_names")
    if column.table != "usage_events":  # whose names are known by what they came to
        read = f"SELECT {values.cleaned('raw')} AS name, sum(n)::BIGINT AS rows FROM _names GROUP BY 1"
        tell_near_names(reading, column.table, column.name, column.kind, f"({read})")
    if RemarkKind.NO_VALUE in kinds:
        value = f"CASE WHEN NOT {values.is_word(column.column, column.kind)} THEN {value} END"
    return value


def _has_blanks(reading: Reading) -> bool:
    """Whether any text of ``_names`` has blanks around it, or nothing else: where none has, none need be taken off."""
    blank = "raw IS NOT NULL AND raw IS DISTINCT FROM nullif(trim(raw), '')"
    return bool(reading.con.execute(f"SELECT count(*) FROM _names WHERE {blank}").fetchall()[0][0])


def _number(reading: Reading, column: SourceColumn) -> str:
    """SQL that reads a number: as programs write it, or where a column needs it, as people do."""
    plain = values.plain_number(column.column, column.kind)
    if not column.is_text:
        return plain
    declared = reading.project.spec.decimal_mark
    mark = declared.get(column.table) if isinstance(declared, dict) else declared
    different = _odd_numbers(reading, column, everything=mark == ",")
    if not different:
        return plain
    if column.kind is ColumnKind.MONEY:
        must_bear_one_currency(reading, column)
    told = mark or _mark_of(reading, column)
    value = values.written_number(column.column, column.kind, told, declared=mark is not None)
    _tell_written(reading, column, value, told)
    return value


def _odd_numbers(reading: Reading, column: SourceColumn, *, everything: bool) -> bool:
    """Makes the table ``_odd`` of different texts that programs do not write so; whether there is any.

    In a column of money or whole things that is all ``1.250`` and the like, it may be thousands: so these count too.
    """
    odd = f"TRY_CAST({column.column} AS DOUBLE) IS NULL"
    if column.kind is not ColumnKind.NUMBER:
        odd = f"{odd} OR {values.could_be_thousands(column.column)}"
    if everything:
        odd = "true"
    reading.con.execute(
        f"CREATE OR REPLACE TEMP TABLE _odd AS SELECT {column.column}, count(*) AS n FROM {column.raw} "
        f"WHERE {has_value(column)} AND ({odd}) GROUP BY 1"
    )
    return bool(reading.con.execute("SELECT count(*) FROM _odd").fetchall()[0][0])


def _mark_of(reading: Reading, column: SourceColumn) -> str | None:
    """The decimal mark that the column bears out, all its values looked at; else what its neighbours bear out."""

    def marks(name: str) -> values.Marks:
        different = f"(SELECT DISTINCT {identifier(name)} FROM {column.raw} WHERE {identifier(name)} IS NOT NULL)"
        return values.marks_of(reading.con, different, name)

    own = marks(column.name)
    if (mark := own.mark(column.kind)) or (own.dot and own.comma):
        return mark
    others = {mark for name in column.neighbours if (mark := marks(name).told)}
    return others.pop() if len(others) == 1 else None


def _tell_written(reading: Reading, column: SourceColumn, value: str, mark: str | None) -> None:
    rows, samples = reading.con.execute(
        f"SELECT sum(n)::BIGINT, list({column.column} ORDER BY n DESC, {column.column})[:3] FROM _odd "
        f"WHERE ({value}) IS NOT NULL AND ({value})::DOUBLE IS DISTINCT FROM TRY_CAST({column.column} AS DOUBLE)"
    ).fetchall()[0]
    if rows:
        detail = f"Decimals stand behind '{mark}'" if mark else ""
        reading.tell(RemarkKind.NUMBER_FORMAT, column.table, column.name, rows, samples, detail)
    rows, samples = reading.con.execute(
        f"SELECT sum(n)::BIGINT, list({column.column} ORDER BY n DESC, {column.column})[:3] FROM _odd "
        f"WHERE ({value}) IS NULL AND {values.is_ambiguous(column.column)}"
    ).fetchall()[0]
    if rows:
        detail = f"Declare decimal_mark: '.' or ',' in {PROJECT_FILE}: nothing else in the column tells what these are"
        reading.tell(RemarkKind.AMBIGUOUS_NUMBER, column.table, column.name, rows, samples, detail)


def tell_unread(reading: Reading, column: SourceColumn, reader: ColumnReader) -> None:
    """Tells optional values that are words for nothing, no limit, or cannot be read."""
    if column.required or not (column.is_text or column.kind in values.NUMERIC):
        return
    text = column.as_text
    word = _is_nothing(column, "raw")
    unlimited = values.is_unlimited("raw") if column.kind is ColumnKind.COUNT else "false"
    # it is told already, with what to declare
    ambiguous = values.is_ambiguous("raw") if column.is_text and column.kind in values.NUMERIC else "false"
    scaled = rated("raw", reading.project.spec) if column.name == "csat" else "false"
    told = (
        f"CASE WHEN {word} THEN {quoted(RemarkKind.NO_VALUE)} WHEN {unlimited} THEN {quoted(RemarkKind.NO_LIMIT)} "
        f"WHEN {ambiguous} OR {scaled} THEN '' ELSE {quoted(RemarkKind.UNREADABLE_VALUE)} END"
    )
    for kind, rows, samples in reading.con.execute(
        f"SELECT {told} AS kind, sum(n)::BIGINT, list(raw ORDER BY n DESC, raw)[:3] "
        f"FROM (SELECT {text} AS raw, count(*) AS n FROM {column.raw} "
        f"WHERE {_is_filled(column)} AND ({reader.value}) IS NULL GROUP BY 1) GROUP BY 1 ORDER BY 1"
    ).fetchall():
        if kind:
            reading.tell(RemarkKind(kind), column.table, column.name, rows, samples)
