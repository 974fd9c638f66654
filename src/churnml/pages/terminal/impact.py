"""What each playbook changed, as printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from churnml.impact.measures import Terms
from churnml.impact.report import Counts, Effect, ImpactReport, PlaybookImpact
from churnml.pages.presenter import NOTHING, interval_of, number, percent, points, printable, with_interval
from churnml.pages.terminal.layout import table

_HEADER = ("playbook", "verdict", "treated", "held out", "left, points", "MRR kept", "grew, points", "MRR won")
_VERDICTS = {
    "works": "works",
    "harms": "HARMS",
    "no_sign": "no sign of an effect",
    "not_yet": "not yet estimable",
    "unsound": "UNSOUND",
    "not_measured": "not measured",
}


def impact_text(report: ImpactReport) -> str:
    """What ``churnml impact`` prints."""
    if not report.playbooks:
        return f"Data through {report.data_through}: nobody has been enrolled in a playbook yet."
    columns = [i for i, name in enumerate(_HEADER) if report.knows_money or "MRR" not in name]
    rows = [[row[i] for i in columns] for row in map(_row, report.playbooks)]
    unit = f", in {printable(report.currency)}" if report.currency else ""
    lines = [
        f"What playbooks changed, by outcomes through {report.data_through}",
        "  treated − held out, by the arm that was drawn"
        + (f"; MRR an account and month{unit}" if report.knows_money else ""),
        "",
        *table([_HEADER[i] for i in columns], rows, right=(2, 3)),
        "",
        *(f"  {printable(one.sentence)}" for one in report.playbooks),
        "",
        "Whom to turn to first:",
        *(_first_to(report.playbooks) or ["  not measured"]),
        "",
        "What to stop doing:",
        *([f"  {printable(line)}" for line in report.stop] or ["  nothing is known to be useless or harmful"]),
        "",
        *_together(report),
        "",
        *_small_print(report),
    ]
    return "\n".join(lines)


def _row(one: PlaybookImpact) -> tuple[str, ...]:
    return (
        printable(one.playbook),
        _VERDICTS[one.verdict],
        _arm(one.treated),
        _arm(one.holdout),
        _interval(one.effects.get("left"), points),
        _interval(one.effects.get("kept_money"), _money),
        _interval(one.effects.get("grew"), points),
        _interval(one.effects.get("won_money"), _money),
    )


def _arm(counts: Counts) -> str:
    """Outcomes of those enrolled."""
    return f"{number(counts.counted)} of {number(counts.enrolled)}"


def _money(amount: float | None) -> str:
    return number(amount, signed=True)


def _interval(effect: Effect | None, written: Callable[[float | None], str]) -> str:
    if effect is None or effect.low is None or effect.high is None:
        return NOTHING
    return interval_of(effect, written)


def _first_to(playbooks: Sequence[PlaybookImpact]) -> list[str]:
    """What acting keeps of what is at stake, as declared and as measured, and which order of accounts is in force."""
    lines = []
    for one in playbooks:
        if one.targeting is not None:
            kept = f"declared to keep {percent(one.targeting.declared, 0)} of what is at stake"
            if one.targeting.measured is not None:
                kept += f", measured {with_interval(*one.targeting.measured, partial(percent, digits=0))}"
            lines.append(f"  {printable(one.playbook)}: {kept}; {one.targeting.sentence}")
    return lines


def _together(report: ImpactReport) -> list[str]:
    together = report.together
    lines = [f"All playbooks together, {together.enrolments:,} enrolments with an outcome:"]
    lines.append(f"  left: {_interval(together.effects['left'], points)} points an enrolment")
    for what, amount in (("kept", together.kept), ("won", together.won)) if report.knows_money else ():
        if amount is None:
            why = together.effects[f"{what}_money"].why_not
            lines.append(f"  MRR {what}: not yet estimable ({why})")
        else:
            lines.append(f"  MRR {what} by all treated, a month: {with_interval(*amount, _money)}")
    return lines


def _small_print(report: ImpactReport) -> list[str]:
    terms = report.terms
    return [
        *(f"  {printable(note)}" for note in report.notes),
        f"  Intervals may be looked at as often as you like: with probability {100 * (1 - terms.alpha):g} % all of "
        "those that decide hold at every look.",
        *_once(report.playbooks, terms),
    ]


def _once(playbooks: Sequence[PlaybookImpact], terms: Terms) -> list[str]:
    """The interval for one look, for whoever has planned one and keeps to it."""
    lines = []
    for one in playbooks:
        effect = one.effects.get(one.decides)
        if effect is not None and effect.once_low is not None and effect.once_high is not None:
            lines.append(
                f"  Had this been the only look ever: {printable(one.playbook)} {effect.measure} "
                f"[{points(effect.once_low)}, {points(effect.once_high)}] (95 %; not for deciding week by week)"
            )
    return lines
