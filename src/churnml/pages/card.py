"""A model's card: what the record of its run says, as a page for people who must decide whether to believe it.

The shape follows Mitchell et al., Model Cards for Model Reporting (2019). Every figure is read from the
record and none is computed here, so that the card, the command line and MLflow agree. A record of an older
run may lack a part; its section is left out then.
"""

from __future__ import annotations

from churnml.labels import part_played
from churnml.modelling.evaluation import CALIBRATION_FIGURES
from churnml.modelling.record import (
    ModelRecord,
    RecordedCalibration,
    RecordedFigure,
    TrainingRecord,
)
from churnml.pages.calibration_words import kept_apart, made_anew
from churnml.pages.card_figures import figure_table, leads, named, pooled_section, who_is
from churnml.pages.label_words import eligible_in_words, label_in_words
from churnml.pages.markdown import plain, table
from churnml.pages.presenter import (
    MAIN_FIGURES,
    NOTHING,
    by_who,
    capacity_figures,
    capitalised,
    counts_money,
    figure_name,
    figure_rows,
    interval,
    number,
    percent,
    share_of_the_possible,
    slice_cells,
    with_interval,
    words,
)
from churnml.pages.split_lines import drawn_splits
from churnml.pages.training_rows import training_sentences
from churnml.pages.unheard import unheard_sentence, weight_left

# Fewer positives than this at the judged cutoff, and the card says how little that is.
FEW_POSITIVES = 50
FAMILIES_SHOWN = 12
NOTE = (
    "<!-- Written by churnml from the record of a registered run: change the model or the program, not this page. -->"
)
# Settings that were tried, beyond which only those taken are shown.
TRIES_SHOWN = 12
LATER_FIGURES = ("roc_auc", "log_loss", "calibration_error", "seen_over_said", "calibration_slope")


def card(record: ModelRecord) -> str:
    """The record of a run as Markdown.

    Args:
        record: what the registry keeps of a run. Names in it are the user's data: they are written so that no
            Markdown and no HTML in them takes effect.
    """
    model = (_purpose, _label, _data, _splits, _training)
    measured = (
        pooled_section, _figures, _calibration, _later, _decisions, _slices, _when, _importance, _leaks, _unheard
    )  # fmt: skip
    sections = (*model, *measured, _limits, _disagree, _origin)
    parts = [_title(record), *(section(record) for section in sections)]
    return "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"


# ---------------------------------------------------------------- what it is


def _title(record: ModelRecord) -> list[str]:
    verdict = "promoted" if record.promoted else "not promoted"
    version = "" if record.version is None else f"Version {record.version}, "
    return [
        f"# {plain(record.name)}",
        "",
        NOTE,
        "",
        *_sentence(record.means),
        f"{version}**{verdict}**: {plain(record.because)}.",
        *_rule(record),
    ]


def _rule(record: ModelRecord) -> list[str]:
    rule = record.promote_if
    if rule is None:
        return []
    return [
        "",
        f"The rule: on {' and '.join(named(rule.figures))} ahead of each of {', '.join(map(who_is, rule.beats))}, the "
        f"whole paired 95 % interval above zero, with at least {rule.min_positives} positives.",
    ]


def _sentence(text: str) -> list[str]:
    sentence = capitalised(plain(text))
    return [f"{sentence}{'' if sentence.endswith('.') else '.'}", ""] if sentence else []


_LEAVE, _GROW = "how likely they are to leave", "how likely they are to grow"
_TOWARDS = {
    "grows": _GROW,
    "upsell": _GROW,
    "contraction": "how likely they are to shrink",
    **dict.fromkeys(("contract", "lapse", "event"), _LEAVE),
}


def _grows(record: ModelRecord) -> bool:
    return part_played(record.label.kind, record.spec.get("part")) == "grows"


def _purpose(record: ModelRecord) -> list[str]:
    return [
        "## What it is for",
        "",
        "It orders accounts by "
        + _TOWARDS["grows" if _grows(record) else record.label.kind]
        + " and gives each a probability, so that people who have time for a few of them talk to the right ones first. "
        "Its reasons say what the probability rests on, not what caused it, and not what would change it.",
        "",
        "It is not for decisions that nobody looks at (prices, terms, closing an account), and not for accounts "
        "outside the ones it speaks of below.",
    ]


def _label(record: ModelRecord) -> list[str]:
    label = record.label
    lines = [
        "## What it predicts, and of whom",
        "",
        f"- **Positive** is an account of which, seen from a cutoff, this is true: {label_in_words(label)}.",
        f"- **Eligible** are {eligible_in_words(label)}.",
    ]
    if label.kind in ("contract", "event"):
        left = "" if record.left_in_gap is None else f" ({number(record.left_in_gap)} at the judged cutoff)"
        lines.append(
            "- **Neither** is an account that leaves between the cutoff and that window, or had left before the "
            f"cutoff without anybody knowing: it does not train and does not judge{left}."
        )
    return lines


def _data(record: ModelRecord) -> list[str]:
    training = record.training
    return [
        "## Data",
        "",
        f"- The data end with {record.data_through}; their fingerprint is `{record.data_fingerprint}`.",
        f"- Trained on {number(training.rows)} snapshots of {len(training.cutoffs)} cutoffs, "
        f"{number(training.positives)} of them positive ({percent(training.base_rate)}).",
        f"- Judged on {number(record.rows)} accounts at a later cutoff, {number(record.positives)} of them "
        f"positive ({percent(record.positives / max(record.rows, 1))})"
        + (
            "."
            if record.pooled is None
            else f", and at {len(record.pooled.by_cutoff) - 1} cutoffs before it, each with a model fitted as it would "
            "have been then."
        ),
        *(f"- {plain(capitalised(sentence))}." for sentence in training_sentences(training)),
        f"- {training.features} features. A feature sees only what was known before its cutoff; `churnml audit` "
        "proves it on these data.",
    ]


def _splits(record: ModelRecord) -> list[str]:
    lines, days = drawn_splits(record)
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
        + kept_apart(record)
        + ("." if record.pooled is None else ", and each judges a model fitted as it would have been then."),
    ]


# ---------------------------------------------------------------- how it was fitted


def _training(record: ModelRecord) -> list[str]:
    training = record.training
    lines = [f"- Trees: {number(training.trees)}."]
    if (training.seeds or 1) > 1:
        lines.append(f"- An average over {training.seeds} fits that differ in their seed.")
    if training.fold_losses:
        losses = ", ".join(f"{cutoff} {loss:.4f}" for cutoff, loss in training.fold_losses.items() if loss is not None)
        lines.append(f"- Log loss by fold, before calibration: {losses}.")
    if training.calibration:
        lines.append(f"- Calibration, chosen and learned out of fold: {_calibration_words(training.calibration)}.")
    if training.calibration_losses:
        compared = training.calibration_losses.items()
        losses = ", ".join(f"{plain(words(kind))} {loss:.4f}" for kind, loss in compared if loss is not None)
        lines.append(f"- Calibrations compared by log loss, each on rows it was not learned on: {losses}.")
    lines += made_anew(training.anew)
    return [
        "## How it was fitted",
        "",
        "LightGBM, gradient-boosted trees" + _beside(training),
        "",
        *lines,
        *_search(training),
    ]


def _beside(training: TrainingRecord) -> str:
    taken = any(trial.taken for trial in training.search[1:])
    return "; what was taken in place of the declared settings stands in the table below." if taken else "."


def _calibration_words(calibration: RecordedCalibration) -> str:
    numbers = [
        f"{name} {number(value, digits)}"
        for name, value, digits in (
            ("slope", calibration.slope, 3),
            ("intercept", calibration.intercept, 3),
            ("points", calibration.points, 0),
        )
        if value is not None
    ]
    return plain(words(calibration.kind)) + (f" ({', '.join(numbers)})" if numbers else "")


def _search(training: TrainingRecord) -> list[str]:
    tried = training.search
    shown = [trial for place, trial in enumerate(tried) if place < TRIES_SHOWN or trial.taken]
    if not shown:
        return []
    rows = [
        [
            plain(trial.what),
            number(trial.trees),
            number(trial.loss, 4),
            NOTHING
            if trial.ahead is None
            else f"{number(trial.ahead, 4, signed=True)} ± {number(trial.standard_error, 4)}",
            "taken" if trial.taken else "",
        ]
        for trial in shown
    ]
    return [
        "",
        f"{len(tried)} settings were tried on folds before the judged cutoff"
        + (f"; {len(shown)} of them:" if len(shown) < len(tried) else ":"),
        "",
        *table(["setting", "trees", "log loss", "ahead by, ± standard error", ""], rows),
    ]


# ---------------------------------------------------------------- figures


def _figures(record: ModelRecord) -> list[str]:
    figures, ahead = record.figures, record.ahead
    shown = [name for name in MAIN_FIGURES if name in figures["model"]]
    lines = ["## Figures", ""]
    if not shown:
        return [*lines, "There are none: it could not be judged."]
    lines += [
        f"At the newest cutoff that judges, {record.cutoff}: {number(record.positives)} of {number(record.rows)} "
        "accounts positive. In brackets 95 % intervals, resampled by account: what other accounts of the same kind "
        "could have given. They do not cover a change of the times.",
        "",
        *figure_table(figures, shown),
    ]
    compared = [name for name in shown if any(name in of for of in ahead.values())]
    rows = [[who_is(who), *leads(ahead[who], compared)] for who in by_who(ahead) if who != "truth"]
    if rows:
        lines += [
            "",
            "How far ahead of each rival it is, on the same resamples (above zero is better, whatever the figure):",
            "",
            *table(["ahead of", *named(compared)], rows),
        ]
    share = share_of_the_possible(figures)
    if share is not None:
        lines += ["", f"Of what can be known above chance (ROC AUC) it has {share * 100:.0f} %."]
    return lines


def _calibration(record: ModelRecord) -> list[str]:
    reliability, model = record.reliability, record.figures["model"]
    if not reliability:
        return []
    lines = ["## Do the probabilities hold?", ""]
    if "calibration_error" in model:
        chance = record.calibration_error_by_chance
        by_chance = f"; probabilities that hold exactly would be off by {number(chance, 3)}, by chance"
        lines += [
            f"On average a tenth of the accounts is off by {interval(model['calibration_error'])}"
            f"{'' if chance is None else by_chance}.",
            "",
        ]
    lines += table(
        ["said", "seen, with Wilson's interval", "accounts"],
        [[percent(row.predicted), with_interval(row.seen, row.low, row.high), number(row.rows)] for row in reliability],
    )
    parts = [name for name in CALIBRATION_FIGURES if name in model]
    if parts:
        rows = [[name, interval(model[part], 4)] for name, part in zip(named(parts), parts, strict=True)]
        lines += ["", *table(["", "value [95 % interval]"], rows)]
    return lines


def _later(record: ModelRecord) -> list[str]:
    later = record.later
    if later is None:
        return []
    shown = [name for name in LATER_FIGURES if name in later.figures["model"]]
    return [
        "## And later?",
        "",
        f"A second period judges nothing and only checks: at {later.cutoff}, {number(later.positives)} of "
        f"{number(later.rows)} accounts positive.",
        "",
        *figure_table(later.figures, shown),
    ]


def _decisions(record: ModelRecord) -> list[str]:
    decision, figures = record.decision, record.figures
    shown = capacity_figures(figures)
    if decision is None or not shown:
        return []
    effect = "won where it would have come" if _grows(record) else "kept where it would have gone"
    return [
        "## What it is worth to a team",
        "",
        f"A team that can talk to {number(decision.contacted)} of these accounts ({percent(decision.share)}) takes the "
        "first ones of the list."
        + (
            f" Profit is reckoned with {decision.contact_cost:,.10g} for a contact and with "
            f"{percent(decision.saved_share)} of the MRR {effect}, for {decision.months} months. Those numbers are "
            "declared in its spec.yaml; nobody has measured them here."
            if counts_money(shown)
            else ""
        ),
        "",
        *figure_table(figures, shown, "the first of the list by"),
    ]


def _slices(record: ModelRecord) -> list[str]:
    if not record.slices:
        return []
    rows = [[f"{plain(words(part.by))}: {plain(part.part)}", *slice_cells(part)] for part in record.slices]
    return [
        "## Part by part",
        "",
        "The same accounts, by what is known of them: what was said of each part, what was seen, and whether the order "
        "inside it holds. Of many parts one or two are out of line by chance.",
        "",
        *table(["part", "accounts", "positive", "said", "seen", "ROC AUC"], rows),
    ]


def _when(record: ModelRecord) -> list[str]:
    curves = record.judged_curves
    if curves is None:
        return []
    figures = curves.figures
    shown = [name for name in figures["curve"] if not name.startswith("brier_")]
    rows = [[who_is(who), *cells] for who, *cells in figure_rows(figures, shown)]
    rows += [[f"ahead of {who_is(who)}", *leads(ahead, shown)] for who, ahead in curves.ahead.items()]
    marks = [[f"{mark.day} days", percent(mark.seen), percent(mark.predicted.get("curve"))] for mark in curves.marks]
    return [
        "## When, not only whether",
        "",
        "The chance of having left rises week by week along a curve, which says of the label's window what the "
        f"probability says. On the judged cutoff, {number(curves.leavings)} of {number(curves.rows)} accounts "
        f"left within {curves.last} days:",
        "",
        *table(["had left within", "seen", "said"], marks),
        "",
        *table(["", *named(shown)], rows),
    ]


def _importance(record: ModelRecord) -> list[str]:
    shown = [row for row in record.importance if row.log_odds][:FAMILIES_SHOWN]
    if not shown:
        return []
    rows = [[plain(row.family), number(row.log_odds, 3)] for row in shown]
    return [
        "## What moves it",
        "",
        "Mean absolute contribution to the log-odds on the judged accounts (exact TreeSHAP), by feature family; "
        "0.1 turns 10 % into 10.9 %.",
        "",
        *table(["family", "log-odds"], rows),
    ]


def _unheard(record: ModelRecord) -> list[str]:
    if not record.unheard:
        return []
    return [
        "## Do the inputs of health point the right way?",
        "",
        "Each was held against the outcome on the training rows. What surely runs against its declared direction, is "
        "the same for all or is not known of most has no say, unless `health.yaml` insists.",
        "",
        f"{weight_left(record)}:",
        "",
        *(f"- {plain(unheard_sentence(one))}." for one in record.unheard),
    ]


def _leaks(record: ModelRecord) -> list[str]:
    if record.leaks is None:
        return []
    lines = [f"- {plain(leak.sentence)}." for leak in record.leaks]
    return [
        "## Does a feature give the outcome away?",
        "",
        "A field that is filled in, or dated back, once an account has left orders accounts almost perfectly, or has "
        "values with which nearly every account turns out positive. Each feature was looked at for that.",
        "",
        *(lines or ["None does."]),
    ]


# ---------------------------------------------------------------- limits, and what to do about it


def _limits(record: ModelRecord) -> list[str]:
    lines = [
        "- It was judged at one cutoff. What changes between then and now (prices, product, market) it does not know; "
        "an interval speaks of other accounts, not of other times."
    ]
    lines += _shift(record.shift.get("seen_over_said"))
    if record.positives < FEW_POSITIVES:
        lines.append(f"- Only {number(record.positives)} positives judged it: read the intervals, not the figures.")
    unproven = [
        f"{who_is(who)} on {figure_name(name)}"
        for who, named in record.ahead.items()
        if who not in ("truth", "model")
        for name in ("roc_auc", "log_loss")
        if name in named and ((low := named[name].low) is None or low <= 0)
    ]
    if unproven:
        lines.append(f"- Not shown to be ahead of {'; '.join(unproven)}.")
    if "truth" in record.figures:
        lines.append(
            "- The company is simulated. Its figures show that the method works where there is something to find, not "
            "what your data hold."
        )
    lines += [
        "- A contribution is not a cause. Raising a number that stands in a reason need not change what the customer "
        "does.",
        "- Accounts unlike those it trained on (a new market, a new plan, a category never seen) get what the nearest "
        "ones got.",
    ]
    return ["## Limits", "", *lines]


def _shift(seen_over_said: RecordedFigure | None) -> list[str]:
    """That more or fewer turned out positive than was said, where that is sure."""
    if seen_over_said is None:
        return []
    value, low, high = seen_over_said.value, seen_over_said.low, seen_over_said.high
    if value is None or low is None or high is None or low <= 1 <= high:
        return []
    return [
        f"- At the judged cutoff {'more' if value > 1 else 'fewer'} turned out positive than it said: "
        f"{value:.2f} for each one said, 99 % interval {low:.2f} to {high:.2f}."
    ]


def _disagree(record: ModelRecord) -> list[str]:
    name = plain(record.name)
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
        "--to N` makes one champion again.",
    ]


def _origin(record: ModelRecord) -> list[str]:
    made_from = {"made from": f"`{record.fingerprint}`"} if record.fingerprint else {}
    origin = made_from | {"data": f"`{record.data_fingerprint}`"}
    origin |= {name: plain(version) for name, version in record.made_with.items()}
    return ["## Versions and fingerprints", "", *(f"- {name}: {value}" for name, value in origin.items() if value)]
