"""Whose holidays accounts keep, by the attribute that a project declares for it: what is told of its values."""

from __future__ import annotations

from collections.abc import Mapping

from churnml.adapters.warehouse.reading import Reading, identifier
from churnml.remarks import SAMPLES, Remark, RemarkKind, remark
from churnml.workdays import read_region


def tell_regions(reading: Reading) -> None:
    """Tells of the accounts that are kept without a region, or with one that is not known or is read by its code."""
    spec = reading.project.spec
    if spec.region_by is None:
        return
    column = identifier(spec.region_by)
    counted = reading.con.execute(f"SELECT {column}, count(*) FROM _kept_accounts GROUP BY 1 ORDER BY 1").fetchall()
    rows = {None if value is None else str(value): int(count) for value, count in counted}
    reading.counts.remarks.extend(regions_told(spec.region_by, rows, spec.region))


def regions_told(column: str, rows: Mapping[str | None, int], everybody: str | None) -> list[Remark]:
    """What is told of an account attribute that names regions.

    Args:
        column: the attribute.
        rows: how many accounts have each value; None is no value.
        everybody: the project's own region, which those keep that have none.
    """
    keeps = f"They keep the holidays of {everybody}" if everybody else "Of them no holidays are known: declare region:"
    kinds: dict[RemarkKind, list[str | None]] = {}
    details = {RemarkKind.NO_REGION: keeps}
    for value in rows:
        kind, detail = _looked_at(value)
        if kind is not None:
            kinds.setdefault(kind, []).append(value)
            details.setdefault(kind, f"{detail} {keeps}" if kind is RemarkKind.UNKNOWN_REGION else detail)
    return [
        remark(kind, "accounts", column, sum(rows[value] for value in values), values[:SAMPLES], details[kind])
        for kind, values in kinds.items()
    ]


def _looked_at(value: str | None) -> tuple[RemarkKind | None, str]:
    """What is to be told of a value, if anything, and what helps."""
    if value is None or not value.strip():
        return RemarkKind.NO_REGION, ""
    try:
        code = read_region(value)
    except ValueError as problem:
        told = str(problem)
        return RemarkKind.UNKNOWN_REGION, f"{told[:1].upper()}{told[1:]}"
    return (None, "") if code == value else (RemarkKind.REGION_SPELLING, f"'{value}' is {code}")
