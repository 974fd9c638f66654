"""Files in a folder: CSV, Parquet or lines of JSON, whole or not at all.

A file's name is made from the receiver, the kind, the date and the keys in it, so that writing the same messages again
replaces the file by itself. What stands in another file of the same kind and date is not written again.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_type_hints

from churnml.adapters.delivery.answers import Answer
from churnml.adapters.delivery.payload import HealthPayload, Payload, WorkPayload, payload_of
from churnml.adapters.outages import may_pass
from churnml.ledger import Delivery
from churnml.pages.cells import neutral
from churnml.specs.delivery import Drop
from churnml.work.messages import canonical

# A cell of a file.
Cell = float | str | None

KINDS = ("work", "health", "event")
REASONS = 3
NUMBERS = {
    name
    for part in (Payload, HealthPayload, WorkPayload)
    for name, kind in get_type_hints(part).items()
    if kind in (int, float, float | None)
}
ACCOUNT = (
    "key",
    "project",
    "as_of",
    "account_id",
    "account_name",
    "owner",
    "segment",
    "mrr",
    "score",
    "band",
    "coverage",
    "churn_probability",
    "upsell_probability",
    "mrr_at_risk",
    *(f"reason_{number}" for number in range(1, REASONS + 1)),
    "dimensions",
    "models",
)
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "health": ACCOUNT,
    "event": (*ACCOUNT, "event", "from", "to", "because"),
    # the account's owner has a column too
    "work": (*ACCOUNT, *("work_owner" if name == "owner" else name for name in get_type_hints(WorkPayload))),
}


def flat(payload: Payload) -> dict[str, Cell]:
    """A message as one row, by the columns of its kind; numbers stay numbers."""
    health: Mapping[str, object] = payload.get("health") or {}
    values: dict[str, object] = {
        **{name: payload.get(name) for name in ACCOUNT},
        **{name: health.get(name) for name in ("score", "band", "coverage")},
        "dimensions": canonical(health.get("dimensions") or {}).decode(),
        "models": canonical(payload.get("models") or {}).decode(),
    }
    reasons = list(payload.get("reasons") or ())
    values |= {f"reason_{n}": reasons[n - 1] if n <= len(reasons) else None for n in range(1, REASONS + 1)}
    event, work = payload.get("event"), payload.get("work")
    if event:
        values |= {"event": event.get("kind"), "from": event.get("from"), "to": event.get("to")}
        because = event.get("because")
        values["because"] = "; ".join(map(str, because)) if isinstance(because, list) else ""
    if work:
        values |= {name: work.get(name) for name in COLUMNS["work"] if name not in ACCOUNT}
        values["work_owner"] = work.get("owner")
        values["steps"] = " ".join(work.get("steps") or ())
        values["because"] = ", ".join(work.get("because") or ())
    return {name: _typed(name, values.get(name)) for name in COLUMNS[payload["kind"]]}


def _typed(name: str, value: object) -> Cell:
    if value is None:
        return None
    return float(value) if name in NUMBERS and isinstance(value, int | float) else str(value)


class DropSender:
    """Writes into a folder.

    Args:
        name: the receiver's.
        declared: the receiver.
        folder: where the files go; made when something is written.
    """

    batch = 20_000

    def __init__(self, name: str, declared: Drop, folder: Path) -> None:
        self._name = name
        self._format = declared.format
        self._folder = folder

    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> list[Answer | None]:
        groups: dict[tuple[str, str], list[Delivery]] = {}
        answers: dict[int, Answer] = {}
        for delivery in deliveries:
            # both become part of a file's name, so neither is taken on trust
            kind, as_of = str(delivery.payload["kind"]), str(delivery.payload["as_of"])
            if kind not in KINDS:
                answers[delivery.delivery_id] = Answer(False, "a message of no known kind", final=True)
                continue
            groups.setdefault((kind, dt.date.fromisoformat(as_of).isoformat()), []).append(delivery)
        for (kind, as_of), mine in sorted(groups.items()):
            answer = self._write(kind, as_of, mine)
            answers |= {delivery.delivery_id: answer for delivery in mine}
        return [answers[delivery.delivery_id] for delivery in deliveries]

    def close(self) -> None:
        return None

    def _write(self, kind: str, as_of: str, deliveries: Sequence[Delivery]) -> Answer:
        stem = f"{self._name}-{kind}-{as_of}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            present = {path.name: self._keys_in(path) for path in sorted(self._folder.glob(f"{stem}-*.{self._format}"))}
            written = set().union(*present.values())
            new = sorted((d for d in deliveries if d.key not in written), key=lambda d: (d.subject, d.key))
            if not new:
                return Answer(True, "was there already")
            digest = hashlib.sha256("\n".join(sorted(d.key for d in new)).encode()).hexdigest()[:12]
            path = self._folder / f"{stem}-{digest}.{self._format}"
            _whole(path, self._content(kind, [payload_of(delivery) for delivery in new]))
        except OSError as problem:
            passing = may_pass(problem)
            return Answer(False, f"the folder cannot be written: {problem.strerror}", pause=True, passing=passing)
        return Answer(True, path.name)

    def _content(self, kind: str, payloads: Sequence[Payload]) -> bytes:
        if self._format == "jsonl":
            return b"".join(canonical(payload) + b"\n" for payload in payloads)
        rows = [flat(payload) for payload in payloads]
        if self._format == "parquet":
            return _parquet(kind, rows)
        written = io.StringIO()
        table = csv.writer(written, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
        table.writerow(COLUMNS[kind])
        for row in rows:
            table.writerow([neutral(value) if isinstance(value, str) else value for value in row.values()])
        # with a mark, without which spreadsheets take it for another alphabet
        return written.getvalue().encode("utf-8-sig", "replace")

    def _keys_in(self, path: Path) -> set[str]:
        if self._format == "jsonl":
            return {json.loads(line)["key"] for line in path.read_bytes().splitlines() if line}
        if self._format == "parquet":
            import pyarrow.parquet as pq

            return set(pq.read_table(path, columns=["key"]).column("key").to_pylist())
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {row["key"] for row in csv.DictReader(file)}


def _parquet(kind: str, rows: Sequence[Mapping[str, Cell]]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.float64() if name in NUMBERS else pa.string()) for name in COLUMNS[kind]])
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink)
    return sink.getvalue()


def _whole(path: Path, content: bytes) -> None:
    """Writes a file that is there whole or not at all, also after the power has failed."""
    aside = path.with_name(f".{path.name}.part")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
