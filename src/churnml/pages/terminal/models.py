"""Models and their figures, as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnml.pages.presenter import interval, money, percent, printable
from churnml.pages.terminal.layout import table

FIGURE_NAMES = {
    "roc_auc": "ROC AUC",
    "average_precision": "avg precision",
    "brier": "Brier",
    "log_loss": "log loss",
    "calibration_error": "calibration err",
}
CAPACITY_NAMES = {
    "precision_at_capacity": "precision",
    "lift_at_capacity": "lift",
    "caught_at_capacity": "caught",
    "mrr_caught_at_capacity": "MRR caught",
    "profit_at_capacity": "profit",
}
RIVAL_NAMES = {
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "base_rate": "base rate",
    "health": "health, no model",
    "champion": "champion before",
    "best_possible": "true probabilities",
}


def model_text(name: str, model: Mapping[str, Any]) -> str:
    """A model's figures beside its rivals."""
    verdict, trained = "PROMOTED" if model["promoted"] else "NOT PROMOTED", model["trained_on"]
    lines = [
        f"{name}, version {model['version']}: {verdict}",
        f"  because {model['because']}",
        f"  judged at {model['cutoff']}: {model['positives']:,} of {model['rows']:,} accounts positive",
        f"  trained on {trained['rows']:,} earlier snapshots, {trained['positives']:,} of them positive",
        "",
    ]
    who: dict[str, Any] = {"model": {key: model[key] for key in FIGURE_NAMES}}
    rivals = ("recency", "logistic_regression", "base_rate", "health")
    who |= {RIVAL_NAMES[key]: model["rivals"][key] for key in rivals if model["rivals"].get(key)}
    who |= {RIVAL_NAMES[key]: model[key] for key in ("champion", "best_possible") if key in model}
    rows = [[label, *(interval((found or {}).get(key)) for key in FIGURE_NAMES)] for label, found in who.items()]
    lines += table(["95 % intervals", *FIGURE_NAMES.values()], rows)
    if _value(model.get("roc_auc")) is not None and _value((model.get("best_possible") or {}).get("roc_auc")):
        lines += ["", f"  {_of_the_possible(model)}"]
    lines += _calibration_lines(model)
    if model.get("later"):
        lines += ["", *_later_lines(model["later"])]
    if model.get("decision"):
        lines += _capacity_lines(model["decision"], who | {"model": model["at_capacity"]})
    if model.get("when"):
        lines += ["", *_when_judged(model["when"])]
    return "\n".join([*lines, *_slice_lines(model.get("slices", []))])


def _later_lines(later: Mapping[str, Any]) -> list[str]:
    """Whether order and calibration held in the second, later period."""
    model = later["figures"]["model"]
    return [
        f"  In a second, later period, at {later['cutoff']} ({later['positives']:,} of {later['rows']:,} positive): "
        f"ROC AUC {interval(model['roc_auc'])},",
        f"  log loss {interval(model['log_loss'])}, positives seen per positive said "
        f"{interval(model['seen_over_said'])}",
    ]


def _value(found: Mapping[str, Any] | None) -> float | None:
    return None if found is None else found["value"]


def _calibration_lines(model: Mapping[str, Any]) -> list[str]:
    """Whether the probabilities hold, and what the Brier score is made of."""
    said = model.get("calibration") or {}
    if not said.get("seen_over_said"):
        return []
    chance = model.get("calibration_error_by_chance")
    parts = " + ".join(f"{part} {_short(said[f'brier_{part}'])}" for part in ("reliability", "uncertainty"))
    return [
        "",
        f"  positives seen per positive said {interval(said['seen_over_said'])}, slope of the log-odds "
        f"{interval(said['calibration_slope'])}, intercept {interval(said['calibration_intercept'])} "
        "(1, 1 and 0 where the probabilities hold)",
        f"  calibration error {interval(model['calibration_error'])}"
        + ("" if chance is None else f"; probabilities that hold exactly would show {chance:.3f} on so many accounts"),
        f"  Brier {_short(model['brier'])} = {parts} − resolution {_short(said['brier_resolution'])}",
    ]


def _short(found: Mapping[str, float | None] | None) -> str:
    value = _value(found)
    return "–" if value is None else f"{value:.4f}"


def _capacity_lines(decision: Mapping[str, Any], who: Mapping[str, Any]) -> list[str]:
    """What the first accounts of the list hold, as many as the team can contact."""
    header = f"first {decision['contacted']:,.0f} accounts ({percent(decision['share'])})"
    rows = []
    for label, found in who.items():
        known = {name: (found or {}).get(name) for name in CAPACITY_NAMES}
        rows.append([label, *(_at_capacity(name, of) for name, of in known.items())])
    return [
        "",
        *table([header, *CAPACITY_NAMES.values()], rows),
        f"  profit: {percent(decision['saved_share'])} of a true positive's MRR over {decision['months']} months, "
        f"less {decision['contact_cost']:,.0f} a contact",
    ]


def _at_capacity(name: str, found: Mapping[str, float | None] | None) -> str:
    if name != "profit_at_capacity":
        return interval(found)
    if not found or None in found.values():
        return money(_value(found))
    return f"{money(found['value'])} [{money(found['low'])}, {money(found['high'])}]"


def _slice_lines(slices: Sequence[Mapping[str, Any]]) -> list[str]:
    """The model part by part."""
    if not slices:
        return []
    rows = [
        [
            part["by"],
            printable(part["part"]),
            f"{part['rows']:,}",
            f"{part['positives']:,}",
            percent(part["said"]),
            f"{percent(part['seen'])} [{percent(part['low'])}, {percent(part['high'])}]",
            "too small to say" if part["too_small"] else interval(part["roc_auc"]),
        ]
        for part in slices
    ]
    return ["", *table(["by", "part", "accounts", "positive", "said", "seen", "ROC AUC"], rows, right=(2, 3, 4))]


def origin_text(model: Mapping[str, Any]) -> str:
    """Whether a version is in office, and what it was made with and from."""
    made = ", ".join(f"{name} {version}" for name, version in model["made_with"].items())
    office = "champion now" if model["in_office"] else "not in office"
    return f"  {office}; made with {made}, from data {model['data_fingerprint']}"


def _when_judged(when: Mapping[str, Any]) -> list[str]:
    """How well the curves tell who leaves when, beside the same probabilities spread evenly over time."""
    here, ahead = (when[key][who]["concordance"] for key, who in (("figures", "curve"), ("ahead", "classifier")))
    return [
        f"  When they leave: of two accounts the curves name the one that leaves first in {interval(here)},",
        f"  ahead of the same probabilities spread evenly by {interval(ahead)}; {when['leavings']:,} leavings in "
        f"{when['last']} days",
    ]


def _of_the_possible(model: Mapping[str, Any]) -> str:
    best, here = model["best_possible"]["roc_auc"]["value"], model["roc_auc"]["value"]
    share = (here - 0.5) / (best - 0.5)
    return (
        f"ROC AUC {here:.3f}, where the true probabilities reach {best:.3f}: "
        f"{share * 100:.0f} % of what can be known above chance"
    )


def versions_text(found: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """What ``churnml models list`` prints."""
    rows = [
        [
            name,
            v["version"],
            " ".join(alias for alias in ("champion", "challenger") if v[alias]),
            v["created"],
            printable(v["verdict"]),
        ]
        for name, versions in found.items()
        for v in versions
    ]
    if not rows:
        return "No model was trained yet; run 'churnml train'."
    return "\n".join(table(["model", "version", "alias", "registered", "verdict"], rows))


def history_text(found: Mapping[str, Any]) -> str:
    """What ``churnml models history`` prints."""
    rows = [
        [
            t["version"],
            _moment(t["since"]),
            "in office" if t["in_office"] else _moment(t["until"]),
            t["how"] + (f", {printable(t['by'])}" if t["by"] else ""),
            printable(t["why"]),
        ]
        for t in found["champions"]
    ]
    lines = [f"{found['model']}: who was champion (UTC)", ""]
    lines += table(["version", "from", "to", "how", "why"], rows) if rows else ["  nobody yet"]
    refused = [[e["version"], _moment(e["at"]), printable(e["why"])] for e in found["refused"]]
    if refused:
        lines += ["", "challengers that did not become champion", ""]
        lines += table(["version", "when", "why not"], refused)
    return "\n".join(lines)


def _moment(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "not recorded"


def appointed_text(name: str, found: Mapping[str, Any]) -> str:
    """What ``churnml models promote`` and ``rollback`` print."""
    if found["before"] == found["version"]:
        return f"Version {found['version']} of '{name}' is champion already; nothing was changed."
    before = f" It takes the place of version {found['before']}." if found["before"] else ""
    lines = [
        f"Version {found['version']} of '{name}' is champion now, by hand.{before}",
        f"  Its verdict was: {printable(found['verdict'])}",
    ]
    return "\n".join([*lines, *([f"  Mind: {printable(found['unchecked'])}"] if found["unchecked"] else [])])


def comparison_text(found: Mapping[str, Any]) -> str:
    """What ``churnml models compare`` prints."""
    first, second = found["versions"]
    header = ["95 % intervals", *FIGURE_NAMES.values()]
    rows = [
        [f"version {v}", *(interval(found["figures"][v].get(key)) for key in FIGURE_NAMES)] for v in (first, second)
    ]
    if found["measured"]:
        lines = [
            f"{found['model']}, versions {first} and {second}, measured on the same rows of {found['cutoff']}: "
            f"{found['positives']:,} of {found['rows']:,} accounts positive"
        ]
        rows.append([f"{second} ahead by", *(_signed(found["ahead"].get(key)) for key in FIGURE_NAMES)])
    else:
        lines = [
            f"{found['model']}, versions {first} and {second}, as recorded when each was judged "
            f"(at {found['cutoff'][first]} and at {found['cutoff'][second]})",
            f"  not measured again: {printable(found['why_not'])}",
        ]
    lines += ["", *table(header, rows)]
    if found["measured"]:
        lines += [
            "",
            "  Ahead is paired, and better is positive; an interval across zero says neither is shown better.",
        ]
    return "\n".join([*lines, *(f"  MIND: {printable(warning)}" for warning in found["warnings"])])


def _signed(found: Mapping[str, float | None] | None) -> str:
    if not found or found["value"] is None:
        return "–"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:+.3f}"
    return f"{found['value']:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]"
