"""Models and their figures, as printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from churnml.pages.calibration_words import roles_in_words
from churnml.pages.presenter import (
    MAIN_FIGURES,
    POOLED_FIGURES,
    capacity_figures,
    counts_money,
    figure_name,
    figure_rows,
    interval,
    number,
    percent,
    printable,
    share_of_the_possible,
    slice_cells,
    who_name,
)
from churnml.pages.terminal.layout import table
from churnml.pages.training_rows import training_sentences
from churnml.pages.unheard import unheard_sentence, weight_left

# none of it is needed to write, and some of it takes seconds to import
if TYPE_CHECKING:
    from churnml.modelling.comparison import Comparison
    from churnml.modelling.record import (
        ContactPlan,
        Figures,
        FiguresByWho,
        JudgedCurves,
        LaterPeriod,
        ModelRecord,
        PooledCutoffs,
        RecordedFigure,
        Slice,
    )
    from churnml.modelling.tenure import Appointed, ChampionHistory, RegisteredVersion


def model_text(record: ModelRecord) -> str:
    """A model's figures beside its rivals."""
    verdict, trained = "PROMOTED" if record.promoted else "NOT PROMOTED", record.training
    lines = [
        f"{record.name}, version {record.version}: {verdict}",
        f"  because {record.because}",
        f"  judged at {record.cutoff}: {record.positives:,} of {record.rows:,} accounts positive",
        f"  trained on {trained.rows:,} earlier snapshots, {trained.positives:,} of them positive",
        *(f"  {sentence}" for sentence in training_sentences(trained)),
        *(f"  {line}" for line in _chosen_lines(record)),
        "",
    ]
    if record.pooled:
        lines += [*_pooled_lines(record.pooled), "", f"  At the newest of them, {record.cutoff}:", ""]
    lines += _figure_table("95 % intervals", record.figures, MAIN_FIGURES)
    lines += _of_the_possible(record.figures)
    lines += _calibration_lines(record.figures["model"], record.calibration_error_by_chance)
    if record.later:
        lines += ["", *_later_lines(record.later)]
    if record.decision:
        lines += _capacity_lines(record.decision, record.figures)
    if record.judged_curves:
        lines += ["", *_when_judged(record.judged_curves)]
    return "\n".join([*lines, *_slice_lines(record.slices), *_unheard_lines(record)])


def _unheard_lines(record: ModelRecord) -> list[str]:
    """Which inputs of health have no say, and what is left of its weight."""
    if not record.unheard:
        return []
    return ["", f"  {weight_left(record)}:", *(f"    {unheard_sentence(one)}" for one in record.unheard)]


def _chosen_lines(record: ModelRecord) -> list[str]:
    """Who chose, calibrated and judged, and which of the settings that were tried won, if not the declared one."""
    taken = [trial.what for trial in record.training.search[1:] if trial.taken]
    return [roles_in_words(record), *([f"chosen on folds: {'; '.join(taken)}"] if taken else [])]


def _pooled_lines(pooled: PooledCutoffs) -> list[str]:
    """What the cutoffs that judged show together, and the model at each of them."""
    first, last = pooled.by_cutoff[0].cutoff, pooled.by_cutoff[-1].cutoff
    rows = [
        [str(one.cutoff), str(one.taught_to), f"{one.positives:,} of {one.rows:,}"]
        + [interval(one.figures["model"].get(name)) for name in POOLED_FIGURES]
        for one in pooled.by_cutoff
    ]
    title = f"{len(rows)} cutoffs, {first} to {last}"
    return [
        f"  The verdict rests on {len(rows)} cutoffs together, each judging a model fitted as it would have been then:",
        f"  {pooled.positives:,} of {pooled.rows:,} snapshots positive, of {pooled.positive_accounts:,} accounts.",
        "",
        *_figure_table(title, pooled.figures, POOLED_FIGURES),
        "",
        *table(["this model at", "taught to", "positive", *map(figure_name, POOLED_FIGURES)], rows, right=(2,)),
    ]


def _figure_table(title: str, figures: FiguresByWho, shown: Sequence[str]) -> list[str]:
    rows = [[who_name(who), *cells] for who, *cells in figure_rows(figures, shown)]
    return table([title, *map(figure_name, shown)], rows)


def _later_lines(later: LaterPeriod) -> list[str]:
    """Whether order and calibration held in the second, later period."""
    model = later.figures["model"]
    return [
        f"  In a second, later period, at {later.cutoff} ({later.positives:,} of {later.rows:,} positive): "
        f"ROC AUC {interval(model['roc_auc'])},",
        f"  log loss {interval(model['log_loss'])}, positives seen per positive said "
        f"{interval(model['seen_over_said'])}",
    ]


def _of_the_possible(figures: FiguresByWho) -> list[str]:
    """How much of what can be known above chance the model knows, where that is known."""
    share = share_of_the_possible(figures)
    if share is None:
        return []
    best, own = (number(figures[who]["roc_auc"].value, 3) for who in ("truth", "model"))
    return [
        "",
        f"  ROC AUC {own}, where the true probabilities reach {best}: {share * 100:.0f} % of what can be known "
        "above chance",
    ]


def _calibration_lines(model: Figures, by_chance: float | None) -> list[str]:
    """Whether the probabilities hold, and what the Brier score is made of."""
    if "seen_over_said" not in model:
        return []
    parts = " + ".join(f"{part} {_short(model[f'brier_{part}'])}" for part in ("reliability", "uncertainty"))
    return [
        "",
        f"  positives seen per positive said {interval(model['seen_over_said'])}, slope of the log-odds "
        f"{interval(model['calibration_slope'])}, intercept {interval(model['calibration_intercept'])} "
        "(1, 1 and 0 where the probabilities hold)",
        f"  calibration error {interval(model['calibration_error'])}"
        + (
            ""
            if by_chance is None
            else f"; probabilities that hold exactly would show {by_chance:.3f} on so many accounts"
        ),
        f"  Brier {_short(model['brier'])} = {parts} − resolution {_short(model['brier_resolution'])}",
    ]


def _short(figure: RecordedFigure) -> str:
    return number(figure.value, 4)


def _capacity_lines(decision: ContactPlan, figures: FiguresByWho) -> list[str]:
    """What the first accounts of the list hold, as many as the team can contact."""
    header = f"first {decision.contacted:,.0f} accounts ({percent(decision.share)})"
    shown = capacity_figures(figures)
    if not shown:
        return []
    lines = ["", *_figure_table(header, figures, shown)]
    if counts_money(shown):
        lines.append(
            f"  profit: {percent(decision.saved_share)} of a true positive's MRR over {decision.months} months, "
            f"less {decision.contact_cost:,.0f} a contact"
        )
    return lines


def _main(figures: Figures) -> list[str]:
    return [interval(figures.get(name)) for name in MAIN_FIGURES]


def _slice_lines(slices: Sequence[Slice]) -> list[str]:
    """The model part by part."""
    if not slices:
        return []
    rows = [[part.by, printable(part.part), *slice_cells(part)] for part in slices]
    return ["", *table(["by", "part", "accounts", "positive", "said", "seen", "ROC AUC"], rows, right=(2, 3, 4))]


def origin_text(record: ModelRecord, *, is_champion: bool) -> str:
    """Whether a version is the champion, and what it was made with and from."""
    made = ", ".join(f"{name} {version}" for name, version in record.made_with.items())
    standing = "champion now" if is_champion else "not the champion"
    return f"  {standing}; made with {made}, from data {record.data_fingerprint}"


def _when_judged(curves: JudgedCurves) -> list[str]:
    """How well the curves tell who leaves when, beside the same probabilities spread evenly over time."""
    here, ahead = curves.figures["curve"]["concordance"], curves.ahead["classifier"]["concordance"]
    return [
        f"  When they leave: of two accounts the curves name the one that leaves first in {interval(here)},",
        f"  ahead of the same probabilities spread evenly by {interval(ahead)}; {curves.leavings:,} leavings in "
        f"{curves.last} days",
    ]


def versions_text(versions: Mapping[str, Sequence[RegisteredVersion]]) -> str:
    """What ``churnml models list`` prints, by model."""
    rows = [
        [
            name,
            v.version,
            " ".join(alias for alias, named in (("champion", v.champion), ("challenger", v.challenger)) if named),
            v.created.isoformat(timespec="seconds"),
            printable(v.verdict),
        ]
        for name, of_model in versions.items()
        for v in of_model
    ]
    if not rows:
        return "No model was trained yet; run 'churnml train'."
    return "\n".join(table(["model", "version", "alias", "registered", "verdict"], rows))


def history_text(history: ChampionHistory) -> str:
    """What ``churnml models history`` prints."""
    rows = [
        [
            tenure.version,
            _moment(tenure.since),
            "champion now" if tenure.is_champion else _moment(tenure.until),
            tenure.how + (f", {printable(tenure.by)}" if tenure.by else ""),
            printable(tenure.why),
        ]
        for tenure in history.champions
    ]
    lines = [f"{history.model}: who was champion (UTC)", ""]
    lines += table(["version", "from", "to", "how", "why"], rows) if rows else ["  nobody yet"]
    refused = [[event.version, _moment(event.at), printable(event.why)] for event in history.refused]
    if refused:
        lines += ["", "challengers that did not become champion", ""]
        lines += table(["version", "when", "why not"], refused)
    return "\n".join(lines)


def _moment(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else "not recorded"


def appointed_text(appointed: Appointed) -> str:
    """What ``churnml models promote`` and ``rollback`` print."""
    name, version = appointed.model, appointed.version
    if appointed.before == version:
        return f"Version {version} of '{name}' is champion already; nothing was changed."
    before = f" It takes the place of version {appointed.before}." if appointed.before else ""
    lines = [
        f"Version {version} of '{name}' is champion now, by hand.{before}",
        f"  Its verdict was: {printable(appointed.verdict)}",
    ]
    return "\n".join([*lines, *([f"  Mind: {printable(appointed.unchecked)}"] if appointed.unchecked else [])])


def comparison_text(comparison: Comparison) -> str:
    """What ``churnml models compare`` prints."""
    first, second, ahead = comparison.first, comparison.second, comparison.ahead
    versions = f"{comparison.model}, versions {first.version} and {second.version}"
    rows = [[f"version {side.version}", *_main(side.figures)] for side in (first, second)]
    if ahead is None:
        lines = [
            f"{versions}, as recorded when each was judged (at {first.cutoff} and at {second.cutoff})",
            f"  not measured again: {printable(comparison.why_not)}",
        ]
    else:
        lines = [
            f"{versions}, measured on the same rows of {first.cutoff}: "
            f"{first.positives:,} of {first.rows:,} accounts positive"
        ]
        leads = (interval(ahead.get(key), signed=True) for key in MAIN_FIGURES)
        rows.append([f"{second.version} ahead by", *leads])
    lines += ["", *table(["95 % intervals", *map(figure_name, MAIN_FIGURES)], rows)]
    if ahead is not None:
        lines += [
            "",
            "  Ahead is paired, and better is positive; an interval across zero says neither is shown better.",
        ]
    return "\n".join([*lines, *(f"  MIND: {printable(warning)}" for warning in comparison.warnings)])
