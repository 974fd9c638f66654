"""Which playbook takes an account: declared rules over a few named facts, no code in them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from churnml.features import words_for
from churnml.specs import Playbook, PlaybooksSpec, Span, When

# A span condition reads the fact of the same name.
SPANS = (
    "churn_probability",
    "churn_lift",
    "upsell_probability",
    "upsell_lift",
    "health",
    "mrr",
    "tenure_days",
    "days_to_renewal",
)


def first_match(spec: PlaybooksSpec, facts: Mapping[str, Any]) -> tuple[Playbook, tuple[str, ...]] | None:
    """The first playbook whose rule holds for an account, and what made it hold, in words."""
    for playbook in spec.playbooks:
        because = why_matched(playbook.when, facts)
        if because is not None:
            return playbook, because
    return None


def why_matched(when: When, facts: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The conditions that held, in words; None when one did not. A fact that is missing never holds."""
    because = []
    for name in ("band", "segment"):
        wanted = getattr(when, name)
        if wanted:
            if facts.get(name) not in wanted:
                return None
            because.append(f"{name} is {str(facts[name]).replace('_', ' ')}")
    if when.reason:
        matched = [code for code in facts["reasons"] if _names(code, when.reason)]
        if not matched:
            return None
        because.append(f"a reason is {words_for(matched[0])} ({matched[0]})")
    spans = [(name, getattr(when, name), facts.get(name)) for name in SPANS]
    spans += [(f"{name} dimension", span, facts["dimensions"].get(name)) for name, span in when.dimension.items()]
    for name, span, value in spans:
        if span is None:
            continue
        if value is None or not _inside(span, value):
            return None
        because.append(_said(name, value))
    return tuple(because)


def _names(code: str, patterns: tuple[str, ...]) -> bool:
    return any(code == p or (p.endswith(".*") and code.startswith(p[:-1])) for p in patterns)


def _inside(span: Span, value: float) -> bool:
    if math.isnan(value):
        return False
    return (span.at_least is None or value >= span.at_least) and (span.at_most is None or value <= span.at_most)


def _said(name: str, value: float) -> str:
    """A number that made a rule hold, in words."""
    if name.endswith("_probability"):
        return f"{name.removesuffix('_probability')} probability is {value * 100:.0f} %"
    if name.endswith("_lift"):
        return f"{name.removesuffix('_lift')} is {value:.1f} times as likely as usual"
    if name == "days_to_renewal":
        return f"it renews in {value:,.0f} days"
    if name == "tenure_days":
        return f"it has been a customer for {value:,.0f} days"
    return f"{'MRR' if name == 'mrr' else name} is {value:,.0f}"
