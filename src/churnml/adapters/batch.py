"""Scoring a Parquet file of features with a registered model, a stretch of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from churnml.errors import SourceError, UnknownNameError
from churnml.ledger import Reason
from churnml.modelling.predictor import Predictor
from churnml.modelling.reference import usual_of
from churnml.scoring.people import SEATS
from churnml.scoring.predictions import ScoringModel, reasons_of
from churnml.scoring.wording import KNOWN_FOR

# Rows at once: with some hundred features, a hundred megabytes.
ROWS = 50_000
# What tells rows apart, where the input has it.
IDS = ("account_id", "as_of")
REASON = pa.struct(
    [("code", pa.string()), ("feature", pa.string()), ("sentence", pa.string()), ("weight", pa.float64())]
)
ADDED = {"probability": pa.float64(), "model": pa.string(), "version": pa.string(), "reasons": pa.list_(REASON)}


@dataclass(frozen=True)
class Job:
    """What scores a file.

    Args:
        predictor: the model.
        version: its version in the registry, written beside every probability.
        ids: columns of the input to keep, instead of ``account_id`` and ``as_of`` where they are there.
        with_reasons: whether to say why.
    """

    predictor: Predictor
    version: str
    ids: tuple[str, ...] = ()
    with_reasons: bool = False


def score_file(job: Job, source: Path, out: Path, progress: Callable[[str], None]) -> int:
    """Scores every row of ``source`` and writes ``out``, whole or not at all; returns how many rows.

    Args:
        job: the model, and what to write.
        source: a Parquet file, or a folder of them with the same columns (as Spark writes).
        out: a Parquet file: the ids, ``probability``, ``model``, ``version`` and, if asked for, ``reasons``.
        progress: told of the rows done.

    Raises:
        SourceError: the input or the output cannot be used as a Parquet file.
        RegistryError: a feature's column is missing or of another kind than the model was trained on.
    """
    files = _files_in(source)
    if out.suffix != ".parquet" or out.resolve() in [path.resolve() for path in files]:
        raise SourceError("The output must be a .parquet file of its own.", where=str(out), remedy="Name it so.")
    schemas = {path: _checked(job, path) for path in files}
    first = schemas[files[0]]
    ids = list(job.ids or [name for name in IDS if name in first.names])
    added = [name for name in ADDED if name != "reasons" or job.with_reasons]
    written = pa.schema([first.field(name) for name in ids] + [(name, ADDED[name]) for name in added])
    aside, rows = out.with_name(f".{out.name}.part"), 0
    try:
        with pq.ParquetWriter(aside, written) as writer:
            for path in files:
                for batch in _batches(job.predictor, path, schemas[path], ids):
                    kept = [batch.column(name) for name in ids]
                    table = pa.table([*kept, *_scored(job, batch, added)], schema=written)
                    writer.write_table(table)
                    rows += table.num_rows
                    progress(f"{rows:,} rows scored")
        aside.replace(out)
    except (OSError, pa.ArrowException) as problem:
        raise SourceError("The file cannot be scored.", where=str(source), remedy=str(problem)) from None
    finally:
        aside.unlink(missing_ok=True)
    return rows


def _files_in(source: Path) -> list[Path]:
    inside = sorted(path for path in source.rglob("*.parquet") if not path.name.startswith((".", "_")))
    files = [source] if source.is_file() else inside
    if not files:
        raise SourceError(
            "There is no Parquet file to score." if source.exists() else "The input is not there.",
            where=str(source),
            remedy="Give a .parquet file, or a folder of them: 'churnml features --champion' writes one.",
        )
    return files


def _checked(job: Job, path: Path) -> pa.Schema:
    """The columns of a file; raises where the model cannot read them or an id is missing."""
    try:
        schema = pq.read_schema(path)
    except (OSError, pa.ArrowException) as problem:
        raise SourceError("The input is not a Parquet file.", where=str(path), remedy=str(problem)) from None
    job.predictor.check_columns(schema.names)
    for name in job.predictor.feature_names:
        given = schema.field(name).type if name in schema.names else None
        if given is not None and not _fits(given, name in job.predictor.categories):
            raise job.predictor.wrong_kind(name, f"values of type {given}")
    for name in job.ids:
        if name not in schema.names or name in ADDED:
            raise UnknownNameError("column to keep", name, set(schema.names) - set(ADDED), where=str(path))
    if not job.ids and not set(IDS) & set(schema.names):
        raise SourceError(
            "No column of the input says whose row is whose: there is neither account_id nor as_of.",
            where=str(path),
            remedy="Name the columns to keep with --id.",
        )
    return schema


def _fits(given: pa.DataType, is_category: bool) -> bool:
    if pa.types.is_null(given):
        return True
    if is_category:
        text = given.value_type if pa.types.is_dictionary(given) else given
        return bool(pa.types.is_string(text) or pa.types.is_large_string(text) or pa.types.is_string_view(text))
    number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    return any(is_one(given) for is_one in number)


def _batches(predictor: Predictor, path: Path, schema: pa.Schema, ids: Sequence[str]) -> Iterator[pa.RecordBatch]:
    # beside the features: what places are found from, and what a sentence compares with
    beside = [name for f in predictor.features for name in (*(f.placed or ()), *(f.before or ())[:1])]
    named = dict.fromkeys([*ids, *predictor.feature_names, *beside, *KNOWN_FOR, SEATS])
    with pq.ParquetFile(path) as file:
        yield from file.iter_batches(ROWS, columns=[name for name in named if name in schema.names])


def _scored(job: Job, batch: pa.RecordBatch, added: Sequence[str]) -> list[pa.Array]:
    frame, predictor = batch.to_pandas(), job.predictor
    probability = predictor.predict(frame)
    columns: dict[str, object] = {
        "probability": probability,
        "model": [predictor.manifest.name] * len(frame),
        "version": [job.version] * len(frame),
    }
    if "reasons" in added:
        columns["reasons"] = [[vars(reason) for reason in each] for each in _reasons(job, frame, probability)]
    return [pa.array(columns[name], type=ADDED[name]) for name in added]


def _reasons(job: Job, frame: pd.DataFrame, probability: np.ndarray) -> list[tuple[Reason, ...]]:
    """Why, of whoever is more likely than usual; a file is no day's list, so what its rows share is not put behind."""
    manifest = job.predictor.manifest
    return reasons_of(
        ScoringModel(job.predictor, job.version, np.ones(len(frame), dtype=bool)),
        frame,
        probability,
        usual_of(job.predictor.reference),
        towards_risk=not manifest.predicts_growth,
        currency=manifest.currency,
        of_list=False,
    )
