"""A model's card: what the record of its run says, as a page for people who must decide whether to believe it.

The shape follows Mitchell et al., Model Cards for Model Reporting (2019). Every figure is read from the
record and none is computed here, so that the card, the command line and MLflow agree. A record of an older
run may lack a part; its section is left out then.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from churnml.modelling.evaluation import CALIBRATION_FIGURES, DECISION_FIGURES
from churnml.modelling.evaluation import FIGURES as MAIN_FIGURES
from churnml.modelling.promotion import FIGURE_SPOKEN, SPOKEN
from churnml.timeline import Reach, end_of_data

Record = Mapping[str, Any]
WHO = {"model": "**this model**", **{key: words.removeprefix("the ") for key, words in SPOKEN.items()}}
WHO |= {"health": "health dimensions, no model", "truth": "true probabilities (simulated company)"}
WHO |= {"curve": "**its curves**", "classifier": "the probability, spread evenly over the window"}
SAID = {key: words.removeprefix("the ") for key, words in FIGURE_SPOKEN.items()}
SAID |= {
    "calibration_error": "calibration error",
    "brier_reliability": "Brier: reliability (less is better)",
    "brier_resolution": "Brier: resolution (more is better)",
    "brier_uncertainty": "Brier: uncertainty (of the outcome itself)",
    "calibration_in_the_large": "share seen less mean said",
    "seen_over_said": "positives seen for each one said",
    "calibration_intercept": "calibration intercept (0 holds)",
    "calibration_slope": "calibration slope (1 holds)",
    "precision_at_capacity": "of them positive",
    "lift_at_capacity": "times the base rate",
    "caught_at_capacity": "of all positives",
    "mrr_caught_at_capacity": "of their MRR",
    "profit_at_capacity": "profit",
    "concordance": "concordance",
    "integrated_brier": "integrated Brier",
}
# Widest row of the chart of cutoffs, in characters.
CHART_WIDTH = 66
# Fewer positives than this at the judged cutoff, and the card says how little that is.
FEW_POSITIVES = 50
FAMILIES_SHOWN = 12
NOTE = (
    "<!-- Written by churnml from the record of a registered run: change the model or the program, not this page. -->"
)


def card(record: Record) -> str:
    """The record of a run as Markdown.

    Args:
        record: what the registry keeps of a run (``churnml.jobs``). Names in it are the user's data: they are
            written so that no Markdown and no HTML in them takes effect.
    """
    sections = (
        _purpose,
        _label,
        _data,
        _splits,
        _training,
        _figures,
        _calibration,
        _later,
        _decisions,
        _slices,
        _when,
        _importance,
        _leaks,
        _limits,
        _disagree,
        _origin,
    )
    parts = [_title(record), *(section(record) for section in sections)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


# ---------------------------------------------------------------- writing


def plain(text: Any) -> str:
    """A text of the user's as Markdown that reads as itself: no markup, no HTML, no link, one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = re.sub(r"([\\`*\[\]|~$])", r"\\\1", line)
    # an underscore inside a word marks nothing, and a heading, a list or a rule begins a line
    line = re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", line)
    line = re.sub(r"^([#+=\-])", r"\\\1", re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", line))
    # what looks like an address, a mail or a mention would become a link by itself
    line = line.replace("://", "&#58;//").replace("@", "&#64;")
    return re.sub(r"\bwww\.", "www&#46;", line, flags=re.IGNORECASE)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table; cells are written already, the first column is words and the others are figures."""
    rule = "|---|" + "---:|" * (len(header) - 1)
    return [f"| {' | '.join(header)} |", rule, *(f"| {' | '.join(row)} |" for row in rows)]


def interval(figure: Mapping[str, Any] | None, digits: int = 3, *, signed: bool = False) -> str:
    """0.812 [0.780, 0.842]; a dash where there is none."""
    if not figure or figure.get("value") is None:
        return "–"
    sign = "+," if signed else ","
    said = [f"{figure[key]:{sign}.{digits}f}" for key in ("value", "low", "high") if figure.get(key) is not None]
    return f"{said[0]} [{said[1]}, {said[2]}]" if len(said) == 3 else said[0]


def _percent(value: Any) -> str:
    return "–" if value is None else f"{float(value) * 100:.1f} %"


def _count(value: Any) -> str:
    return "–" if value is None else f"{value:,.0f}"


def _words(key: str) -> str:
    return plain(str(key).replace("_", " "))


def _number(value: Any) -> str:
    return "–" if value is None else f"{value:,.2f}".rstrip("0").rstrip(".")


def _cell(value: Any) -> str:
    """Whatever a record may hold in a table."""
    if isinstance(value, Mapping):
        return interval(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.3f}" if math.isfinite(value) else "–"
    return "–" if value is None else plain(value)


# ---------------------------------------------------------------- what it is


def _title(record: Record) -> list[str]:
    verdict = "promoted" if record.get("promoted") else "not promoted"
    version = f"Version {record['version']}, " if "version" in record else ""
    return [
        f"# {plain(record['name'])}",
        "",
        NOTE,
        "",
        *_sentence(record.get("means", "")),
        f"{version}**{verdict}**: {plain(record['because'])}.",
        *_rule(record),
    ]


def _rule(record: Record) -> list[str]:
    rule = (record.get("spec") or {}).get("promote_if")
    if not rule:
        return []
    rivals = ", ".join(WHO.get(who, _words(who)) for who in rule["beats"])
    figures = " and ".join(SAID.get(name, _words(name)) for name in rule["figures"])
    return [
        "",
        f"The rule: on {figures} ahead of each of {rivals}, the whole paired 95 % interval above zero, with at least "
        f"{rule['min_positives']} positives.",
    ]


def _sentence(text: str) -> list[str]:
    said = plain(text)
    return [f"{said[:1].upper()}{said[1:]}{'' if said.endswith('.') else '.'}", ""] if said else []


def _purpose(record: Record) -> list[str]:
    grows = record["label"]["kind"] == "upsell"
    return [
        "## What it is for",
        "",
        "It orders accounts by "
        + ("how likely they are to grow" if grows else "how likely they are to leave")
        + " and gives each a probability, so that people who have time for a few of them talk to the right ones first. "
        "Its reasons say what the probability rests on, not what caused it, and not what would change it.",
        "",
        "It is not for decisions that nobody looks at (prices, terms, closing an account), and not for accounts "
        "outside the ones it speaks of below.",
    ]


def label_in_words(label: Mapping[str, Any]) -> str:
    """What counts as a positive, in a sentence."""
    window = f"in the {label['horizon']} days that begin {label['gap']} days after the cutoff"
    if label["kind"] == "contract":
        grace = f", and it does not come back within {label['grace']} days" if label.get("grace") else ""
        return f"its last paying contract ends {window}{grace}"
    if label["kind"] == "lapse":
        return f"nothing is used {window}"
    if label["kind"] == "event":
        voluntary = ", and not marked involuntary" if label.get("voluntary_only") else ""
        return f"its leaving is recorded {window}{voluntary}"
    ups = []
    if label.get("mrr_up_by"):
        ups.append(f"MRR is up by {label['mrr_up_by'] * 100:g} % or more")
    if label.get("seats_up_by"):
        ups.append(f"seats are up by {label['seats_up_by'] * 100:g} % or more")
    if label.get("plans"):
        ups.append(f"the plan is a larger one ({', '.join(plain(name) for name in label['plans'])})")
    return f"{' or '.join(ups)}, {label['gap'] + label['horizon']} days after the cutoff"


def eligible_in_words(label: Mapping[str, Any]) -> str:
    """Whom the label speaks of, in a sentence."""
    if label["kind"] == "lapse":
        return f"accounts known before the cutoff and active in the {label['active_within']} days before it"
    notice = (
        ", whether or not notice was given"
        if label.get("include_notice_given")
        else ". Whoever has given notice has told us already, and is not asked about"
    )
    gone = ", and not gone by then" if label["kind"] == "event" and not label.get("recurring") else ""
    return f"accounts known before the cutoff and paying then{gone}{notice}"


def _label(record: Record) -> list[str]:
    label = record["label"]
    lines = [
        "## What it predicts, and of whom",
        "",
        f"- **Positive** is an account of which, seen from a cutoff, this is true: {label_in_words(label)}.",
        f"- **Eligible** are {eligible_in_words(label)}.",
    ]
    if label["kind"] in ("contract", "event"):
        lines.append(
            "- **Neither** is an account that leaves between the cutoff and that window, or had left before the "
            "cutoff without anybody knowing: it does not train and does not judge"
            + (f" ({_count(record['left_in_gap'])} at the judged cutoff)." if "left_in_gap" in record else ".")
        )
    return lines


def _data(record: Record) -> list[str]:
    training = record["training"]
    return [
        "## Data",
        "",
        f"- The data end with {record['data_through']}; their fingerprint is `{record['data_fingerprint']}`.",
        f"- Trained on {_count(training['rows'])} snapshots of {len(training['cutoffs'])} cutoffs, "
        f"{_count(training['positives'])} of them positive ({_percent(training['base_rate'])}).",
        f"- Judged on {_count(record['rows'])} accounts at one later cutoff, {_count(record['positives'])} of them "
        f"positive ({_percent(record['positives'] / max(record['rows'], 1))}).",
        f"- {training['features']} features. A feature sees only what was known before its cutoff; `churnml audit` "
        "proves it on these data.",
    ]


# ---------------------------------------------------------------- splits, drawn


def _reach(label: Mapping[str, Any]) -> Reach:
    settle = label.get("grace") if label["kind"] == "contract" else label.get("settle")
    return Reach(int(label["gap"]), int(label["horizon"]), int(settle or 0))


def roles_of(record: Record) -> list[tuple[str, str]]:
    """Every cutoff with what it did, oldest first."""
    training = record["training"]
    roles = dict.fromkeys(training["cutoffs"], "trains")
    searched, calibrated = training.get("searched_at", ()), training.get("calibrated_at", ())
    for fold in training.get("folds", ()):
        also = [word for word, at in (("search", searched), ("calibration", calibrated)) if fold["validate"] in at]
        roles[fold["validate"]] = f"trains; a fold for {' and '.join(also) or 'validation'}"
    roles |= dict.fromkeys(training.get("purged", ()), "left out")
    roles |= {record["cutoff"]: "judges"}
    if training.get("later"):
        roles[training["later"]] = "checks, later"
    return sorted(roles.items())


def _splits(record: Record) -> list[str]:
    reach, end = _reach(record["label"]), end_of_data(dt.date.fromisoformat(record["data_through"]))
    roles = roles_of(record)
    first = dt.date.fromisoformat(roles[0][0])
    days = max(math.ceil((end - first).days / CHART_WIDTH), 1)

    def at(day: dt.date) -> int:
        return (min(day, end) - first).days // days

    lines = []
    for text, role in roles:
        cutoff = dt.date.fromisoformat(text)
        window = reach.window(cutoff)
        row = [" "] * (at(end) + 1)
        for start, stop, mark in (
            (cutoff, window.start, "·"),
            (window.start, window.end, "#"),
            (window.end, reach.settled_on(cutoff), "-"),
        ):
            row[at(start) : at(stop)] = mark * (at(stop) - at(start))
        row[at(cutoff)] = "o"
        row[at(end)] = "|"
        lines.append(f"{text}  {''.join(row)}  {role}")
    return [
        "## Who trained and who judged",
        "",
        "```",
        *lines,
        "```",
        "",
        f"`o` cutoff, `#` label window, `-` days until the label is final, `|` end of the data; a character is {days} "
        f"day{'s' if days > 1 else ''}. "
        "Left out are cutoffs whose labels were not final at the judged cutoff: what trained was history by then. "
        "The judged cutoff took part in nothing but the figures below, and was looked at once.",
    ]


KNOWN_OF_TRAINING = {
    "cutoffs", "purged", "folds", "fold_losses", "rows", "positives", "base_rate", "features", "calibration",
    "searched_at", "calibrated_at", "later", "search", "calibration_losses", "seeds",
}  # fmt: skip
# Settings that were tried, beyond which only those taken are told.
TRIES_SHOWN = 12


def _training(record: Record) -> list[str]:
    training = record["training"]
    said: list[str] = []
    for key, value in training.items():
        if key not in KNOWN_OF_TRAINING and isinstance(value, int | float | str):
            said.append(f"- {_words(key).capitalize()}: {_cell(value)}.")
    if (training.get("seeds") or 1) > 1:
        said.append(f"- An average over {training['seeds']} fits that differ in their seed.")
    losses = training.get("fold_losses") or {}
    if losses:
        told = ", ".join(f"{cutoff} {loss:.4f}" for cutoff, loss in losses.items() if loss is not None)
        said.append(f"- Log loss by fold, before calibration: {told}.")
    calibration = training.get("calibration")
    if calibration:
        said.append(f"- Calibration, chosen and learned out of fold: {_calibration_told(calibration)}.")
    compared = training.get("calibration_losses") or {}
    if compared:
        told = ", ".join(f"{_words(kind)} {loss:.4f}" for kind, loss in compared.items() if loss is not None)
        said.append(f"- Calibrations compared by log loss, each on rows it was not learned on: {told}.")
    if not said:
        return []
    return ["## How it was fitted", "", "LightGBM, gradient-boosted trees.", "", *said, *_search(training)]


def _calibration_told(calibration: Any) -> str:
    if not isinstance(calibration, Mapping):
        return _words(calibration)
    numbers = [f"{_words(key)} {_cell(value)}" for key, value in calibration.items() if isinstance(value, int | float)]
    return _words(calibration.get("kind", "")) + (f" ({', '.join(numbers)})" if numbers else "")


def _search(training: Mapping[str, Any]) -> list[str]:
    tried = training.get("search") or []
    shown = [one for place, one in enumerate(tried) if place < TRIES_SHOWN or one.get("taken")]
    if not shown:
        return []
    rows = [
        [
            plain(one["what"]),
            _count(one.get("trees")),
            "–" if one.get("loss") is None else f"{one['loss']:.4f}",
            "–" if one.get("ahead") is None else f"{one['ahead']:+.4f} ± {one['standard_error']:.4f}",
            "taken" if one.get("taken") else "",
        ]
        for one in shown
    ]
    return [
        "",
        f"{len(tried)} settings were tried on folds before the judged cutoff"
        + (f"; {len(shown)} of them:" if len(shown) < len(tried) else ":"),
        "",
        *table(["setting", "trees", "log loss", "ahead by, ± standard error", ""], rows),
    ]


# ---------------------------------------------------------------- figures


def _by_who(named: Mapping[str, Any]) -> list[str]:
    """Whoever has figures, in the order they are always told in; others after them."""
    return [*(who for who in WHO if who in named), *(who for who in named if who not in WHO)]


def _who(key: str) -> str:
    return WHO.get(key, _words(key))


def _said(key: str) -> str:
    return SAID.get(key, _words(key))


def _figures(record: Record) -> list[str]:
    figures = record["figures"]
    shown = [name for name in MAIN_FIGURES if name in figures["model"]]
    lines = ["## Figures", ""]
    if not shown:
        return [*lines, "There are none: it could not be judged."]
    lines += [
        f"On the judged cutoff, {record['cutoff']}: {_count(record['positives'])} of {_count(record['rows'])} "
        "accounts positive. In brackets 95 % intervals, resampled by account: what other accounts of the same kind "
        "could have given. They do not cover a change of the times.",
        "",
        *table(
            ["", *map(_said, shown)],
            [[_who(who), *(interval(figures[who].get(name)) for name in shown)] for who in _by_who(figures)],
        ),
    ]
    ahead = record.get("ahead") or {}
    compared = [name for name in shown if any(name in of for of in ahead.values())]
    rows = [
        [_who(who), *(interval(ahead[who].get(name), 4, signed=True) for name in compared)]
        for who in _by_who(ahead)
        if who != "truth"
    ]
    if rows:
        lines += [
            "",
            "How far ahead of each rival it is, on the same resamples (above zero is better, whatever the figure):",
            "",
            *table(["ahead of", *map(_said, compared)], rows),
        ]
    best, here = figures.get("truth", {}).get("roc_auc"), figures["model"].get("roc_auc")
    if best and here and best.get("value") and here.get("value") is not None and best["value"] > 0.5:
        share = (here["value"] - 0.5) / (best["value"] - 0.5)
        lines += ["", f"Of what can be known above chance (ROC AUC) it has {share * 100:.0f} %."]
    return lines


def _calibration(record: Record) -> list[str]:
    reliability, model = record.get("reliability") or [], record["figures"]["model"]
    if not reliability:
        return []
    lines = ["## Do the probabilities hold?", ""]
    if "calibration_error" in model:
        chance = record.get("calibration_error_by_chance")
        lines += [
            f"On average a tenth of the accounts is off by {interval(model['calibration_error'])}"
            + (
                "." if chance is None else f"; probabilities that hold exactly would be off by {chance:.3f}, by chance."
            ),
            "",
        ]
    seen = [
        f"{_percent(row['seen'])} [{_percent(row['low'])}, {_percent(row['high'])}]"
        for row in reliability
    ]  # fmt: skip
    lines += table(
        ["said", "seen, with Wilson's interval", "accounts"],
        [[_percent(row["said"]), told, _count(row["rows"])] for row, told in zip(reliability, seen, strict=True)],
    )
    parts = [name for name in CALIBRATION_FIGURES if name in model]
    if parts:
        lines += ["", *table(["", "value [95 % interval]"], [[_said(n), interval(model[n], 4)] for n in parts])]
    return lines


LATER_FIGURES = ("roc_auc", "log_loss", "calibration_error", "seen_over_said", "calibration_slope")


def _later(record: Record) -> list[str]:
    later = record.get("later")
    if not later:
        return []
    figures = later["figures"]
    shown = [name for name in LATER_FIGURES if name in figures["model"]]
    return [
        "## And later?",
        "",
        f"A second period judges nothing and only checks: at {later['cutoff']}, {_count(later['positives'])} of "
        f"{_count(later['rows'])} accounts positive.",
        "",
        *table(
            ["", *map(_said, shown)],
            [[_who(who), *(interval(figures[who].get(name)) for name in shown)] for who in _by_who(figures)],
        ),
    ]


def _decisions(record: Record) -> list[str]:
    said, figures = record.get("decision"), record["figures"]
    shown = [name for name in DECISION_FIGURES if name in figures["model"]]
    if not said or not shown:
        return []
    grows = record["label"]["kind"] == "upsell"
    effect = "won where it would have come" if grows else "kept where it would have gone"
    rows = [
        [_who(who), *(interval(figures[who].get(n), 0 if n == "profit_at_capacity" else 3) for n in shown)]
        for who in _by_who(figures)
    ]
    return [
        "## What it is worth to a team",
        "",
        f"A team that can talk to {_count(said['contacted'])} of these accounts ({_percent(said['share'])}) takes the "
        f"first ones of the list. Profit is reckoned with {_number(said['contact_cost'])} for a contact and with "
        f"{_percent(said['saved_share'])} of the MRR {effect}, for {_number(said['months'])} months. Those numbers are "
        "declared in its spec.yaml; nobody has measured them here.",
        "",
        *table(["the first of the list by", *map(_said, shown)], rows),
    ]


def _slices(record: Record) -> list[str]:
    found = record.get("slices") or []
    if not found:
        return []
    rows = [
        [
            f"{_words(row['by'])}: {plain(row['part'])}",
            _count(row["rows"]),
            _count(row["positives"]),
            _percent(row["said"]),
            f"{_percent(row['seen'])} [{_percent(row['low'])}, {_percent(row['high'])}]",
            "too small to say" if row["too_small"] else interval(row["roc_auc"]),
        ]
        for row in found
    ]
    return [
        "## Part by part",
        "",
        "The same accounts, by what is known of them: what was said of each part, what was seen, and whether the order "
        "inside it holds. Of many parts one or two are out of line by chance.",
        "",
        *table(["part", "accounts", "positive", "said", "seen", "ROC AUC"], rows),
    ]


def _when(record: Record) -> list[str]:
    hazard = record.get("hazard") or {}
    judged = hazard.get("judged")
    if not judged:
        return []
    figures = judged["figures"]
    shown = [name for name in figures["curve"] if not name.startswith("brier_")]
    rows = [[_who(who), *(interval(figures[who].get(name)) for name in shown)] for who in _by_who(figures)]
    rows += [
        [f"ahead of {_who(who)}", *(interval(of.get(name), 4, signed=True) for name in shown)]
        for who, of in judged["ahead"].items()
    ]
    marks = [
        [f"{mark['day']} days", _percent(mark["seen"]), _percent(mark["said"].get("curve"))] for mark in judged["marks"]
    ]
    return [
        "## When, not only whether",
        "",
        "The chance of having left rises week by week along a curve, which says of the label's window what the "
        f"probability says. On the judged cutoff, {_count(judged['leavings'])} of {_count(judged['rows'])} accounts "
        f"left within {judged['last']} days:",
        "",
        *table(["had left within", "seen", "said"], marks),
        "",
        *table(["", *(_of_days(name) for name in shown)], rows),
    ]


def _of_days(name: str) -> str:
    """``roc_auc_30`` as "ROC AUC, 30 days"."""
    stem, _, days = name.rpartition("_")
    return f"{_said(stem)}, {days} days" if days.isdigit() else _said(name)


def _importance(record: Record) -> list[str]:
    shown = [row for row in record.get("importance") or [] if row.get("log_odds")][:FAMILIES_SHOWN]
    if not shown:
        return []
    rows = [[plain(row["family"]), f"{row['log_odds']:.3f}"] for row in shown]
    return [
        "## What moves it",
        "",
        "Mean absolute contribution to the log-odds on the judged accounts (exact TreeSHAP), by feature family; "
        "0.1 turns 10 % into 10.9 %.",
        "",
        *table(["family", "log-odds"], rows),
    ]


def _leaks(record: Record) -> list[str]:
    if "leaks" not in record:
        return []
    found = [f"- {plain(leak['sentence'])}." for leak in record["leaks"]]
    return [
        "## Does a feature give the outcome away?",
        "",
        "A field that is filled in, or dated back, once an account has left orders accounts almost perfectly, or has "
        "values with which nearly every account turns out positive. Each feature was looked at for that.",
        "",
        *(found or ["None does."]),
    ]


# ---------------------------------------------------------------- limits, and what to do about it


def _limits(record: Record) -> list[str]:
    positives = record["positives"]
    said = [
        "- It was judged at one cutoff. What changes between then and now (prices, product, market) it does not know; "
        "an interval speaks of other accounts, not of other times."
    ]
    seen = (record.get("shift") or {}).get("seen_over_said") or {}
    if seen.get("low") is not None and seen.get("high") is not None and not seen["low"] <= 1 <= seen["high"]:
        said.append(
            f"- At the judged cutoff {'more' if seen['value'] > 1 else 'fewer'} turned out positive than it said: "
            f"{seen['value']:.2f} for each one said, 99 % interval {seen['low']:.2f} to {seen['high']:.2f}."
        )
    if positives < FEW_POSITIVES:
        said.append(f"- Only {_count(positives)} positives judged it: read the intervals, not the figures.")
    unproven = [
        f"{_who(who)} on {_said(name)}"
        for who, named in (record.get("ahead") or {}).items()
        if who not in ("truth", "model")
        for name in ("roc_auc", "log_loss")
        if name in named and (named[name].get("low") is None or named[name]["low"] <= 0)
    ]
    if unproven:
        said.append(f"- Not shown to be ahead of {'; '.join(unproven)}.")
    if "truth" in record["figures"]:
        said.append(
            "- The company is simulated. Its figures show that the method works where there is something to find, not "
            "what your data hold."
        )
    said += [
        "- A contribution is not a cause. Raising a number that stands in a reason need not change what the customer "
        "does.",
        "- Accounts unlike those it trained on (a new market, a new plan, a category never seen) get what the nearest "
        "ones got.",
    ]
    return ["## Limits", "", *said]


def _disagree(record: Record) -> list[str]:
    name = plain(record["name"])
    return [
        "## How to disagree with it",
        "",
        "- **A fact in a reason is wrong.** Then the data are: `churnml check` says what was set aside and why, and "
        "the sentence names the number to look up.",
        "- **The definition is wrong.** What counts as positive and who is eligible stand in "
        f"`models/{name}/spec.yaml`; change them, train, and compare.",
        "- **The model is wrong about an account you know.** Act on what you know. One account proves nothing against "
        "a probability; twenty of one kind do: look for them among the slices.",
        "- **The figures are not to be believed.** `notebooks/02_can_we_believe_it.py` goes through them step by step; "
        "the run's `judged.csv` holds every judged account with its outcome and what each rival said.",
        f"- **Another version served you better.** `churnml models list` names them, `churnml models rollback {name} "
        "--to N` puts one back in office.",
    ]


def _origin(record: Record) -> list[str]:
    said = {
        "made from": f"`{record['fingerprint']}`" if "fingerprint" in record else None,
        "data": f"`{record['data_fingerprint']}`",
        **{key: plain(value) for key, value in (record.get("made_with") or {}).items()},
    }
    return ["## Versions and fingerprints", "", *(f"- {key}: {value}" for key, value in said.items() if value)]
