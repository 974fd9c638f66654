"""Proof on the user's own data that no feature and no label looks past its cutoff.

Every proof has the same shape: build what is said of a cutoff twice, once from the facts and once from facts
that differ only in what nobody could know then, and compare to the bit. A proof that could not have failed
proves nothing, so each has its control: the same facts, known a day earlier, must change something, and
features that leak by design must be caught.
"""

from __future__ import annotations

from churnml.audit.findings import Audit, CutoffProof, FeatureProof, Finding, LabelProof, Severity
from churnml.audit.proofs import audit_features, audit_label
from churnml.audit.signs import data_signs, outcome_signs

__all__ = [
    "Audit",
    "CutoffProof",
    "FeatureProof",
    "Finding",
    "LabelProof",
    "Severity",
    "audit_features",
    "audit_label",
    "data_signs",
    "outcome_signs",
]
