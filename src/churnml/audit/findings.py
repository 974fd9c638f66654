"""What an audit tried and what it found, as plain data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import TypeAdapter

from churnml.errors import AuditError
from churnml.jsontypes import JsonObject

NAMED_IN_THE_MESSAGE = 6


class Severity(StrEnum):
    """How bad a finding is: a leak and a void proof fail the audit, a warning only when it is strict."""

    OK = "ok"
    WARNING = "warning"
    LEAK = "leak"
    VOID = "void"


@dataclass(frozen=True)
class Finding:
    """One thing an audit found.

    Args:
        kind: which check found it.
        severity: how bad it is.
        sentence: what it is, in plain words.
        model: whose feature or label it is; empty where it is about the data.
        name: the feature, or ``table.column``.
    """

    kind: str
    severity: Severity
    sentence: str
    model: str = ""
    name: str = ""


@dataclass(frozen=True)
class CutoffProof:
    """What was tried at one cutoff: snapshots compared, and facts left out and made up, by table."""

    as_of: dt.date
    rows: int
    removed: Mapping[str, int]
    added: Mapping[str, int]


@dataclass(frozen=True)
class FeatureProof:
    """What was tried on features.

    Args:
        features: their names.
        placed: features that are the place of another one on a scale fitted in training: as good as that one.
        tried: by cutoff.
        moved: contract table → its features that moved when facts were known a day earlier.
        static: features of what an account or the date simply is, which no row can move.
        unmoved: other features that nothing could move.
        canaries: features that leak by design → whether each was caught.
        findings: what was found.
    """

    features: tuple[str, ...]
    placed: tuple[str, ...]
    tried: tuple[CutoffProof, ...]
    moved: Mapping[str, tuple[str, ...]]
    static: tuple[str, ...]
    unmoved: tuple[str, ...]
    canaries: Mapping[str, bool]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class LabelProof:
    """What was tried on one model's label: ``changed`` labels when a fact inside the window was changed."""

    model: str
    tried: tuple[CutoffProof, ...]
    changed: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Audit:
    """All that was tried and found."""

    project: str
    data_through: dt.date
    features: FeatureProof
    labels: tuple[LabelProof, ...]
    signs: tuple[Finding, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything found, the worst first."""
        unsorted = [*self.features.findings, *(f for label in self.labels for f in label.findings), *self.signs]
        order = (Severity.LEAK, Severity.VOID, Severity.WARNING, Severity.OK)
        return tuple(sorted(unsorted, key=lambda finding: order.index(finding.severity)))

    def of(self, *severities: Severity) -> tuple[Finding, ...]:
        """The findings of some severities."""
        return tuple(finding for finding in self.findings if finding.severity in severities)

    @property
    def passed(self) -> bool:
        """Whether nothing leaks and no proof is void."""
        return not self.of(Severity.LEAK, Severity.VOID)

    def as_data(self) -> JsonObject:
        """The whole audit as JSON, with ``passed``."""
        nested = {"findings"}
        data = _AUDIT.dump_python(
            self, mode="json", exclude={"signs": True, "features": nested, "labels": {"__all__": nested}}
        )
        findings = _FINDINGS.dump_python(self.findings, mode="json")
        return {**data, "passed": self.passed, "findings": findings}

    def require(self, *, strict: bool = False) -> None:
        """Raises AuditError when something leaks or a proof is void; warnings count when ``strict``."""
        if leaks := self.of(Severity.LEAK):
            raise AuditError(f"The audit failed: {_listed(leaks)} past the cutoff.", remedy=LEAK_REMEDY)
        if void := self.of(Severity.VOID):
            raise AuditError(f"The audit proves nothing: {void[0].sentence}", remedy=VOID_REMEDY)
        if strict and (warnings := self.of(Severity.WARNING)):
            named = ", ".join(f.name or f.kind for f in warnings[:NAMED_IN_THE_MESSAGE])
            raise AuditError(f"The audit found {len(warnings)} warnings, and --strict was asked for: {named}.")


_AUDIT, _FINDINGS = TypeAdapter(Audit), TypeAdapter(tuple[Finding, ...])
LEAK_REMEDY = (
    "Let each feature count only what was known before its cutoff (known_at < as_of), and read nothing of a row that "
    "was written later. Do not train until the audit passes."
)
VOID_REMEDY = "See the findings above: until the control moves something, no leak could have been seen."


def _listed(leaks: Sequence[Finding]) -> str:
    """'usage_x' and 'usage_y' look / the label of 'churn' looks."""
    names = list(dict.fromkeys(_spoken(finding) for finding in leaks))
    shown = ", ".join(names[:NAMED_IN_THE_MESSAGE])
    more = len(names) - NAMED_IN_THE_MESSAGE
    return f"{shown}{f' and {more} more' if more > 0 else ''} {'looks' if len(names) == 1 else 'look'}"


def _spoken(finding: Finding) -> str:
    by_kind = {"label": f"the label of {finding.model}", "population": f"the population of {finding.model}"}
    return by_kind.get(finding.kind, f"'{finding.name}'")
