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
    end = f"{label.gap + label.horizon} days after the cutoff"
    if label.kind == "contraction":
        return f"{' or '.join(_downs(label))}, {end}{_leavers(label)}"
    ups = []
    if label.starts_paying:
        ups.append("an account that paid nothing pays")
    if label.mrr_up_by:
        ups.append(f"MRR is up by {label.mrr_up_by * 100:g} % or more")
    if label.seats_up_by:
        ups.append(f"seats are up by {label.seats_up_by * 100:g} % or more")
    if label.plans:
        ups.append(f"the plan is a larger one ({', '.join(plain(name) for name in label.plans)})")
    return f"{' or '.join(ups)}, {end}"


def _downs(label: Label) -> list[str]:
    users = f"active users (of {label.users_within} days)"
    shares = {"MRR is": label.mrr_down_by, "seats are": label.seats_down_by, f"{users} are": label.users_down_by}
    return [f"{what} down by {share * 100:g} % or more" for what, share in shares.items() if share]


def _leavers(label: Label) -> str:
    if not label.of_money:
        return ""
    return "; leaving counts as that" if label.leaving_counts else "; whoever left counts neither way"


def eligible_in_words(label: Label) -> str:
    """Whom the label speaks of, in a sentence."""
    rule = f", of whom this holds: `{plain(label.population)}`" if label.population else ""
    return f"{_eligible(label)}{rule}"


def _eligible(label: Label) -> str:
    if label.kind == "lapse" and label.due_within:
        first, last = label.due_within
        return (
            f"accounts known before the cutoff that are due between {first} and {last} days from it, by their own mean "
            "gap between days of use"
        )
    if label.kind == "contraction" and not label.of_money:
        return f"accounts that somebody used in the {label.users_within} days before the cutoff"
    if label.kind == "lapse":
        return f"accounts known before the cutoff and active in the {label.active_within} days before it"
    notice = (
        ", whether or not notice was given"
        if label.include_notice_given
        else ". Whoever has given notice has told us already, and is not asked about"
    )
    still_there = ", and not gone by then" if label.kind == "event" and not label.recurring else ""
    paying = " and paying then"
    if label.starts_paying:
        others = label.mrr_up_by or label.seats_up_by or label.plans
        paying = "" if others else " and not paying then"
    return f"accounts known before the cutoff{paying}{still_there}{notice}"
