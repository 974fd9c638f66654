"""A company written out in a dialect: a project folder with files, sources and the keys that the dialect needs."""

from __future__ import annotations

import bz2
import csv
import datetime as dt
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from benchmarks.dialect_choices import ZONE_WORDS, Dialect
from benchmarks.dialect_company import DATA_THROUGH, Company, Terms, TicketVersion, midnight_of
from churnml.tables import TABLES, ColumnKind

Value = str | int | Decimal | dt.datetime | None
Row = dict[str, Value]
STATIC = ("segment", "region")
DELIMITERS = {",": ",", ";": ";", "tab": "\t", "|": "|", "; declared": ";"}
PACKED: Mapping[str, Callable[[bytes], bytes]] = {
    "gz": lambda data: gzip.compress(data, mtime=0),
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda data: _zipped(data),
}
CODECS = {
    "utf-8": "utf-8",
    "utf-8 with mark": "utf-8-sig",
    "utf-16 with mark": "utf-16",
    "utf-16 without mark": "utf-16-le",
    "windows-1252": "cp1252",
    "shift-jis": "cp932",
}
FORMATS = {
    "declared US": "%m/%d/%Y %I:%M:%S %p",
    "declared German": "%d.%m.%Y %H:%M:%S",
    "declared log": "%d/%b/%Y:%H:%M:%S %z",
}
TERM_WORDS = {
    "month": {"monthly": "month", "quarterly": "quarter", "annual": "year"},
    "ISO 8601": {"monthly": "P1M", "quarterly": "P3M", "annual": "P1Y"},
    "in words": {"monthly": "1 month", "quarterly": "3 months", "annual": "12 months"},
    "capitals": {"monthly": "Monthly", "quarterly": "QUARTERLY", "annual": "Annually"},
}
# Names keep a word that may be one; these are none.
NO_NAME = frozenset({"", "\\N"})


def write_company(root: Path, company: Company, dialect: Dialect) -> None:
    """Writes the project folder ``root``."""
    write_project(root, [("", company)], dialect)


def write_project(root: Path, companies: Sequence[tuple[str, Company]], dialect: Dialect) -> None:
    """Writes companies of one zone as one project; the ids of each begin with what stands beside it."""
    (root / "data").mkdir(parents=True)
    (root / "sources").mkdir()
    zone = companies[0][1].zone
    written = _Written(dialect, ZoneInfo(zone), np.random.default_rng([16, companies[0][1].seed]))
    tables: dict[str, list[Row]] = {}
    for prefix, company in companies:
        for name, rows in _tables(company, dialect).items():
            tables.setdefault(name, []).extend(_prefixed(row, prefix) for row in rows)
    inputs: dict[str, dict[str, str]] = {}
    for name, rows in tables.items():
        inputs[f"raw_{name}"] = written.input(root, name, rows)
        (root / "sources" / f"{name}.sql").write_text(written.source(name, rows), "utf-8")
    spec = {"name": "company", "timezone": zone, "data_through": str(DATA_THROUGH), "inputs": inputs}
    spec |= {"static": [*STATIC]} | _declared(dialect)
    (root / "project.yaml").write_text(yaml.safe_dump(spec, allow_unicode=True), "utf-8")


def _declared(dialect: Dialect) -> dict[str, object]:
    """The keys of project.yaml that the dialect needs."""
    keys: dict[str, object] = {}
    if dialect.times in FORMATS:
        keys["time_formats"] = [FORMATS[dialect.times]]
    if dialect.numbers.endswith("declared"):
        keys["decimal_mark"] = ","
    if dialect.extra == "a declared column more":
        keys["extra"] = {name: ["batch"] for name in ("accounts", "subscriptions", "usage_events", "support_tickets")}
    if dialect.currency == "converted":
        keys |= {"currency": "USD", "exchange_rates": {"EUR": 2.0}}
    return keys


# ---------------------------------------------------------------- rows


def _tables(company: Company, dialect: Dialect) -> dict[str, list[Row]]:
    periods = [row for rows in _by_contract(company.terms) for row in PERIODS[dialect.periods](rows)]
    terms = [_of_terms(row, dialect) for row in periods]
    tickets = [asdict(ticket) for ticket in TICKETS[dialect.tickets](company)]
    if all(row["known_at"] is None for row in tickets):
        tickets = [{name: value for name, value in row.items() if name != "known_at"} for row in tickets]
    return {
        "accounts": [asdict(account) for account in company.accounts],
        "subscriptions": terms,
        "usage_events": [asdict(event) for event in company.events],
        **({"support_tickets": tickets} if tickets else {}),
    }


def _prefixed(row: Row, prefix: str) -> Row:
    return {name: f"{prefix}{value}" if prefix and name.endswith("_id") else value for name, value in row.items()}


def _of_terms(terms: Terms, dialect: Dialect) -> Row:
    row: Row = asdict(terms)
    ends = terms.ends_at
    if ends is not None:
        row["ends_at"] = (
            ends
            - {
                "half-open": dt.timedelta(0),
                "last second": dt.timedelta(seconds=1),
                "last millisecond": dt.timedelta(milliseconds=1),
                "last date": dt.timedelta(days=1),
            }[dialect.ends]
        )
    row["billing_period"] = TERM_WORDS.get(dialect.terms, {}).get(terms.billing_period, terms.billing_period)
    if dialect.currency != "none":
        row["currency"] = "EUR" if dialect.currency == "converted" else "USD"
    if dialect.currency == "spelled":
        row["currency"] = ("usd", "US$", "USD ")[terms.starts_at.day % 3]
    if dialect.currency == "converted":
        row["mrr"] = terms.mrr / 2
    return row


def _by_contract(terms: Iterable[Terms]) -> list[list[Terms]]:
    contracts: dict[str, list[Terms]] = {}
    for row in terms:
        contracts.setdefault(row.subscription_id, []).append(row)
    return [*contracts.values()]


def _split(rows: list[Terms]) -> list[Terms]:
    """Each period of more than ten days as two that meet in its middle."""
    halves = []
    for row in rows:
        until = row.ends_at or midnight_of(2024, 12, 1)
        middle = row.starts_at + dt.timedelta(days=(until - row.starts_at).days // 2)
        if (until - row.starts_at).days < 11:
            halves.append(row)
            continue
        known = max(middle, row.known_at)
        if row.cancelled_at is not None and row.cancelled_at <= known:  # the later half was written with its notice
            known = row.cancelled_at
        halves.append(replace(row, ends_at=middle, cancelled_at=None))
        halves.append(replace(row, starts_at=middle, known_at=max(known, row.known_at)))
    return halves


def _left_open(rows: list[Terms]) -> list[Terms]:
    """Each period but the last without its end: the next one's beginning says it."""
    return [replace(row, ends_at=None) if after is not None else row for row, after in _with_next(rows)]


def _versions(rows: list[Terms], again: bool = False) -> list[Terms]:
    """Each period as it was first known, open, and as it was known once its end was."""
    written = []
    for row, after in _with_next(rows):
        known = after.known_at if after is not None else row.cancelled_at
        if row.ends_at is None or known is None or known <= row.known_at:
            written.append(row)
            continue
        written.append(replace(row, ends_at=None, cancelled_at=None))
        if again and known - row.known_at > dt.timedelta(days=2):
            written.append(replace(written[-1], known_at=row.known_at + dt.timedelta(days=1)))
        written.append(replace(row, known_at=known))
    return written


def _with_next(rows: list[Terms]) -> list[tuple[Terms, Terms | None]]:
    return [*zip(rows, [*rows[1:], None], strict=True)]


def _ticket_versions(company: Company) -> list[TicketVersion]:
    return [*company.tickets]


def _exported_again(company: Company) -> list[TicketVersion]:
    """Every other version a second time, half an hour later, as exports write what has not changed."""
    rows = []
    for number, ticket in enumerate(company.tickets):
        rows.append(ticket)
        if number % 2 and ticket.known_at is not None:
            rows.append(replace(ticket, known_at=ticket.known_at + dt.timedelta(minutes=30)))
    return rows


PERIODS: Mapping[str, Callable[[list[Terms]], list[Terms]]] = {
    "as they are": lambda rows: rows,
    "split": _split,
    "left open": _left_open,
    "versions": _versions,
    "versions again": lambda rows: _versions(rows, again=True),
}
TICKETS: Mapping[str, Callable[[Company], list[TicketVersion]]] = {
    "versions": _ticket_versions,
    "versions again": _exported_again,
    "final": lambda company: [*company.without_ticket_history().tickets],
    "appended": lambda company: [replace(ticket, known_at=None) for ticket in company.tickets],
}


# ---------------------------------------------------------------- values


def spelled_time(at: dt.datetime, zone: ZoneInfo, spelling: str) -> str:
    """A wall-clock time of the zone as text."""
    local = at.replace(tzinfo=zone)
    utc = local.astimezone(dt.UTC)
    plain, there = f"{at:%Y-%m-%d %H:%M:%S}", f"{utc:%Y-%m-%d %H:%M:%S}"
    offset = f"{local:%z}"
    spelled: Mapping[str, Callable[[], str]] = {
        "iso": lambda: plain + (f".{at.microsecond // 1000:03d}" if at.microsecond else ""),
        "T": lambda: at.isoformat(),
        "short": lambda: f"{at.year}/{at.month}/{at.day} {at.hour}:{at:%M:%S}",
        "fraction": lambda: f"{plain}.{at.microsecond:06d}",
        "offset": lambda: local.isoformat(),
        "Z": lambda: f"{utc.replace(tzinfo=None).isoformat()}Z",
        "UTC": lambda: f"{there} UTC",
        "GMT": lambda: f"{there} GMT",
        "compact offset": lambda: plain + offset,
        "another offset": lambda: local.astimezone(dt.timezone(dt.timedelta(hours=-3, minutes=-30))).isoformat(),
        "zone name": lambda: f"{plain} {zone.key}",
        "offset and zone": lambda: f"{local.isoformat()}[{zone.key}]",
        "zone word": lambda: f"{plain} {ZONE_WORDS[zone.key][bool(local.dst())]}",
        "AM/PM": lambda: f"{at:%Y-%m-%d %I:%M:%S %p}",
        "undeclared US": lambda: f"{at:%m/%d/%Y %H:%M:%S}",
        "epoch seconds": lambda: str(int(utc.timestamp())),
        "epoch seconds read by SQL": lambda: str(int(utc.timestamp())),
        "epoch milliseconds read by SQL": lambda: str(round(utc.timestamp() * 1000)),
    }
    if spelling in FORMATS:
        return local.strftime(FORMATS[spelling])
    return spelled[spelling]()


def spelled_number(value: Decimal | int, kind: ColumnKind, spelling: str) -> str:
    """A number as text; signs of a currency stand beside money only."""
    if kind is ColumnKind.COUNT:
        grouped = f"{value:,}"
        return {"1,250.00": grouped, "$1,250.00": grouped, "1,250": grouped, "1.250,00": grouped.replace(",", "."),
                "1 250,00 €": grouped.replace(",", " ")}.get(spelling, str(value))  # fmt: skip
    plain, grouped = f"{value:.2f}", f"{value:,.2f}"
    sign, unit = ("$", " €") if kind is ColumnKind.MONEY else ("", "")
    whole = value == int(value)
    return {
        "plain": plain,
        "short": f"{int(value)}" if whole else plain,
        "four decimals": f"{value:.4f}",
        "scientific": f"{value:.6E}",
        "1,250.00": grouped,
        "1,250": f"{int(value):,}" if whole else grouped,
        "1.250,00": grouped.replace(",", "\0").replace(".", ",").replace("\0", "."),
        "$1,250.00": sign + grouped,
        "1 250,00 €": grouped.replace(",", " ").replace(".", ",") + unit,
        "1250,00 declared": plain.replace(".", ","),
    }[spelling]


def spelled_id(value: str, spelling: str) -> str:
    """An id with what a program on the way put on it, or took off."""
    return {
        "plain": value,
        ".0": f"{value}.0",
        '="…"': f'="{value}"',
        "blanks": f" {value}  ",
        "tab": f"\t{value}",
        "no-break space": f"{value}\xa0",
        "zero width": f"{value[:2]}\u200b{value[2:]}",
        "apostrophe": f"'{value}",
        "15 letters": value[:15],
        "other case": value.upper(),
        "without zeros": value.lstrip("0"),
    }[spelling]


@dataclass(frozen=True)
class _Written:
    """Writes tables in one dialect."""

    dialect: Dialect
    zone: ZoneInfo
    rng: np.random.Generator

    def input(self, root: Path, name: str, rows: list[Row]) -> dict[str, str]:
        """Writes a table, and says how project.yaml declares it."""
        ordered = self._ordered(name, rows)
        columns = self._columns(ordered)
        kind, _, packed = self.dialect.kind.partition(".")
        if kind == "parquet":
            pq.write_table(self._typed(name, ordered, columns), root / f"data/{name}.parquet")
            return {"path": f"data/{name}.parquet"}
        parts = np.array_split(np.arange(len(ordered)), 3) if kind == "folder" else [np.arange(len(ordered))]
        folder = f"data/{name}/" if kind == "folder" else "data/"
        (root / folder).mkdir(exist_ok=True)
        for number, places in enumerate(part for part in parts if len(part)):
            data = self._file(name, [ordered[place] for place in places], columns, kind)
            file = f"{folder}part-{number}.csv" if kind == "folder" else f"{folder}{name}.{self.dialect.kind}"
            (root / file).write_bytes(PACKED[packed](data) if packed else data)
        declared = {"path": folder if kind == "folder" else f"{folder}{name}.{self.dialect.kind}"}
        if self.dialect.encoding.endswith("declared"):
            declared["encoding"] = CODECS[self.dialect.encoding.removesuffix(" declared")]
        if self.dialect.delimiter.endswith("declared"):
            declared["delimiter"] = ";"
        return declared

    def source(self, name: str, rows: Sequence[Row]) -> str:
        """The SELECT over the table; numbers since 1970 are read in it."""
        if not self.dialect.times.endswith("read by SQL"):
            return f"SELECT * FROM raw_{name}\n"
        # as the stop says it of numbers that are not converted
        seconds = self.dialect.times == "epoch seconds read by SQL"
        read = (
            "to_timestamp(TRY_CAST({0} AS DOUBLE))"
            if seconds
            else "timezone('UTC', make_timestamp_ms(TRY_CAST({0} AS BIGINT)))"
        )
        times = [column for column in rows[0] if _kind(name, column) is ColumnKind.TIME]
        read_times = ", ".join(f"{read.format(column)} AS {column}" for column in times)
        return f"SELECT * REPLACE ({read_times}) FROM raw_{name}\n"

    def _ordered(self, name: str, rows: list[Row]) -> list[Row]:
        if self.dialect.rows == "shuffled":
            return [rows[place] for place in self.rng.permutation(len(rows))]
        if self.dialect.rows == "some twice":
            return [again for row in rows for again in [row] * (1 + int(self.rng.random() < 0.2))]
        return rows

    def _columns(self, rows: Sequence[Row]) -> list[str]:
        columns = [*rows[0], *(["batch"] if self.dialect.extra != "none" else [])]
        if self.dialect.columns == "shuffled":
            return [columns[place] for place in self.rng.permutation(len(columns))]
        return columns

    def _header(self, columns: Sequence[str]) -> list[str]:
        return [column.upper() if self.dialect.columns == "in capitals" else column for column in columns]

    def _text(self, table: str, column: str, value: Value) -> str | None:
        kind = _kind(table, column)
        if value is None:
            nothing = "" if self.dialect.nothing == "empty" else self.dialect.nothing
            is_name = kind in (ColumnKind.ID, ColumnKind.CATEGORY, ColumnKind.TEXT)
            return (nothing if not is_name or nothing in NO_NAME else "") or None
        if isinstance(value, dt.datetime):
            return spelled_time(value, self.zone, self.dialect.times)
        if kind is ColumnKind.ID:
            return self._id(table, column, str(value))
        if isinstance(value, int | Decimal):
            return spelled_number(value, kind, self.dialect.numbers)
        return value

    def _id(self, table: str, column: str, value: str) -> str:
        of = self.dialect.ids_of
        concerned = of == "all tables" or (table == "usage_events" if of == "usage" else table != "accounts")
        return spelled_id(value, self.dialect.ids) if concerned and column == "account_id" else value

    def _file(self, table: str, rows: Sequence[Row], columns: Sequence[str], kind: str) -> bytes:
        texts = [[self._text(table, column, row.get(column, "b7")) for column in columns] for row in rows]
        header = self._header(columns)
        if kind in ("json", "jsonl"):
            objects = [json.dumps(dict(zip(header, text, strict=True)), ensure_ascii=False) for text in texts]
            return (("[" + ",\n".join(objects) + "]") if kind == "json" else "\n".join(objects) + "\n").encode()
        return self._csv(header, texts).encode(CODECS[self.dialect.encoding.removesuffix(" declared")])

    def _csv(self, header: Sequence[str], texts: Sequence[Sequence[str | None]]) -> str:
        delimiter = DELIMITERS[self.dialect.delimiter]
        end = "\r\n" if self.dialect.line_ends == "windows" else "\n"
        more = [""] if self.dialect.edges != "none" else []
        quoting = csv.QUOTE_ALL if self.dialect.quotes == "everywhere" else csv.QUOTE_MINIMAL
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
        above = {
            "sep=": f"sep={delimiter}",
            "a title": "Export of 31 December 2024",
            "nothing": None,
            "a blank line": "",
        }
        if (line := above[self.dialect.above]) is not None:
            out.write(line + end)
        writer.writerow([*header, *more])
        writer.writerows([[*("" if cell is None else cell for cell in text), *more] for text in texts])
        return out.getvalue()

    def _typed(self, table: str, rows: Sequence[Row], columns: Sequence[str]) -> pa.Table:
        arrays = [self._array(table, column, [row.get(column, "b7") for row in rows]) for column in columns]
        return pa.table(arrays, names=self._header(columns))

    def _array(self, table: str, column: str, values: Sequence[Value]) -> pa.Array:
        kind, types = _kind(table, column), self.dialect.types
        texts = [self._text(table, column, value) for value in values]
        if kind is ColumnKind.TIME and "epoch" in self.dialect.times:
            filled = zip(values, texts, strict=True)
            return pa.array([None if value is None else int(text or 0) for value, text in filled], pa.int64())
        if kind is ColumnKind.TIME and types == "instants":
            local = [value.replace(tzinfo=self.zone) if isinstance(value, dt.datetime) else None for value in values]
            return pa.array(local, pa.timestamp("us", tz="UTC"))
        if kind is ColumnKind.TIME and types != "text":
            return pa.array(values, pa.timestamp("ns" if types == "nanoseconds" else "us"))
        if kind is ColumnKind.ID and self.dialect.ids == ".0" and all(text and text.endswith(".0") for text in texts):
            return pa.array([float(text or 0) for text in texts], pa.float64())
        if types != "text" and kind in (ColumnKind.MONEY, ColumnKind.NUMBER):
            return pa.array([None if value is None else float(str(value)) for value in values], pa.float64())
        if types != "text" and kind is ColumnKind.COUNT:
            return pa.array(values, pa.int64())
        return pa.array(texts, pa.string())


def _kind(table: str, column: str) -> ColumnKind:
    known = {one.name: one.kind for one in TABLES[table].columns}
    return known.get(column, ColumnKind.CATEGORY)


def _zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("export.csv", data)
    return out.getvalue()
