"""A label in words: what counts, and of whom."""

from __future__ import annotations

from churnml.labels import Label
from churnml.pages.markdown import plain


def label_in_words(label: Label) -> str:
    """What counts as a positive, in a sentence."""
    window = f"in the {label.horizon} days that begin {label.gap} days after the cutoff"
    if label.kind == "contract":
        grace = f", and it does not come back within {label.grace} days" if label.grace else ""
        return f"its last paying contract ends {window}{grace}"
    if label.kind == "lapse":
        return f"nothing is used {window}"
    if label.kind == "event":
        voluntary = ", and not marked involuntary" if label.voluntary_only else ""
        return f"its leaving is recorded {window}{voluntary}"
    ups = []
    if label.mrr_up_by:
        ups.append(f"MRR is up by {label.mrr_up_by * 100:g} % or more")
    if label.seats_up_by:
        ups.append(f"seats are up by {label.seats_up_by * 100:g} % or more")
    if label.plans:
        ups.append(f"the plan is a larger one ({', '.join(plain(name) for name in label.plans)})")
    return f"{' or '.join(ups)}, {label.gap + label.horizon} days after the cutoff"


def eligible_in_words(label: Label) -> str:
    """Whom the label speaks of, in a sentence."""
    if label.kind == "lapse":
        return f"accounts known before the cutoff and active in the {label.active_within} days before it"
    notice = (
        ", whether or not notice was given"
        if label.include_notice_given
        else ". Whoever has given notice has told us already, and is not asked about"
    )
    still_there = ", and not gone by then" if label.kind == "event" and not label.recurring else ""
    return f"accounts known before the cutoff and paying then{still_there}{notice}"
