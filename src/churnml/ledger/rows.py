"""How these types look outside: as rows of the store, and as ``--json`` prints them. Names outside never change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from churnml.ledger.days import (
    AppliedException,
    HealthEvent,
    HealthTrace,
    HierarchyScore,
    LeavingCurve,
    LikelyPeriod,
    Reason,
    ScoredAccount,
    Timing,
)
from churnml.ledger.work import Decision

# Of a decision, the one name that differs.
OUTSIDE = {"disposition": "outcome"}
DECISION_FIELDS = tuple(field.name for field in fields(Decision))
# What of an account is a column of its own name; of these the first so many come before the others.
ACCOUNT_FIELDS = tuple(field.name for field in fields(ScoredAccount) if field.name not in ("timing", "trace"))
FIRST_FIELDS = ACCOUNT_FIELDS[: ACCOUNT_FIELDS.index("mrr_at_risk") + 1]


def account_row(account: ScoredAccount) -> dict[str, object]:
    """An account by the columns of the store; dates are dates."""
    timing, trace = account.timing, account.trace
    period = timing.likely_period if timing else None
    details: dict[str, object] = {
        "ruled_health": trace.ruled_health,
        "weights": dict(trace.weights),
        "base_rate": trace.base_rate,
    }
    families = [vars(hierarchy) for hierarchy in trace.hierarchies]
    since = {"stale_since": str(trace.stale_since)} if trace.stale_since else {}
    return {
        **{name: getattr(account, name) for name in FIRST_FIELDS},
        "dimensions": dict(account.dimensions),
        "reasons": [vars(reason) for reason in account.reasons],
        "growth_reasons": [vars(reason) for reason in account.growth_reasons],
        "leave_within": dict(timing.leave_within) if timing else None,
        "likely_period": period
        and {"from": str(period.first), "to": str(period.last), "probability": period.probability},
        "left_by": {"days": list(timing.left_by.days), "left": list(timing.left_by.left)} if timing else None,
        "raw_health": trace.raw_health,
        "scorecard": trace.scorecard,
        "stage": trace.stage,
        "exceptions": [vars(applied) for applied in trace.exceptions],
        "override_id": trace.override_id,
        "band_since": account.band_since,
        "pending": account.pending,
        "pending_since": account.pending_since,
        "name": account.name,
        "renews_on": account.renews_on,
        "health_inputs": None if trace.inputs is None else dict(trace.inputs),
        "details": {**details, **({"families": families} if families else {}), **since},
    }


def account_of(row: Mapping[str, Any]) -> ScoredAccount:
    """The account that :func:`account_row` made a row of."""
    details: Mapping[str, Any] = row["details"] or {}
    same = {name: row[name] for name in ACCOUNT_FIELDS}
    for name in ("reasons", "growth_reasons"):
        same[name] = tuple(Reason(**reason) for reason in row[name])
    return ScoredAccount(
        **same,
        timing=_timing(row),
        trace=HealthTrace(
            raw_health=row["raw_health"],
            ruled_health=details.get("ruled_health"),
            weights=details.get("weights", {}),
            base_rate=details.get("base_rate"),
            scorecard=row["scorecard"],
            stage=row["stage"],
            exceptions=tuple(AppliedException(**applied) for applied in row["exceptions"] or ()),
            override_id=row["override_id"],
            inputs=row["health_inputs"],
            hierarchies=tuple(HierarchyScore(**hierarchy) for hierarchy in details.get("families", ())),
            stale_since=dt.date.fromisoformat(since) if (since := details.get("stale_since")) else None,
        ),
    )


def _timing(row: Mapping[str, Any]) -> Timing | None:
    if row["leave_within"] is None:
        return None
    period, curve = row["likely_period"], row["left_by"]
    first, last = (dt.date.fromisoformat(period[end]) for end in ("from", "to"))
    return Timing(
        leave_within=row["leave_within"],
        likely_period=LikelyPeriod(first, last, period["probability"]),
        left_by=LeavingCurve(tuple(curve["days"]), tuple(curve["left"])),
    )


def decision_row(decision: Decision) -> dict[str, object]:
    """A decision by the columns of the store."""
    return {OUTSIDE.get(name, name): value for name, value in vars(decision).items()}


def decision_of(row: Mapping[str, Any]) -> Decision:
    """The decision that :func:`decision_row` made a row of."""
    given = {name: row[OUTSIDE.get(name, name)] for name in DECISION_FIELDS}
    return Decision(**given | {"steps": tuple(given["steps"]), "because": tuple(given["because"])})


def event_details(event: HealthEvent) -> dict[str, object]:
    """What happened to an account's health, beside the columns ``as_of``, ``account_id`` and ``kind``."""
    return {"to": event.to, "because": list(event.because), "from": event.from_}


def event_of(as_of: dt.date, account_id: str, kind: Any, details: Mapping[str, Any]) -> HealthEvent:
    """The event that has these :func:`event_details`."""
    return HealthEvent(account_id, as_of, kind, details["from"], details["to"], tuple(details["because"]))
