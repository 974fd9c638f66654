"""Tables of figures in a model's card, and what several cutoffs that judge show together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from churnml.modelling.record import Figures, FiguresByWho, ModelRecord
from churnml.pages.markdown import plain, table
from churnml.pages.presenter import POOLED_FIGURES, by_who, figure_name, figure_rows, interval, number, who_name

# Whose card it is stands out among its rivals.
OWN_NAMES = {"model": "**this model**", "curve": "**its curves**"}
LEADS_SHOWN = ("roc_auc", "average_precision", "brier", "log_loss")


def who_is(key: str) -> str:
    """Who has figures, as the card calls them."""
    return OWN_NAMES.get(key) or plain(who_name(key))


def named(figures: Iterable[str]) -> list[str]:
    """The names of figures."""
    return [plain(figure_name(name)) for name in figures]


def figure_table(figures: FiguresByWho, shown: Sequence[str], title: str = "") -> list[str]:
    """A row for everybody who has figures."""
    rows = [[who_is(who), *cells] for who, *cells in figure_rows(figures, shown)]
    return table([title, *named(shown)], rows)


def leads(ahead: Figures, shown: Sequence[str]) -> list[str]:
    """How far ahead of somebody, one cell a figure."""
    return [interval(ahead.get(name), 4, signed=True) for name in shown]


def pooled_section(record: ModelRecord) -> list[str]:
    """What all cutoffs that judged show together, and the model at each of them; nothing where but one did."""
    pooled = record.pooled
    if pooled is None:
        return []
    shown = [name for name in POOLED_FIGURES if name in pooled.figures["model"]]
    rows = [
        [str(one.cutoff), str(one.taught_to), f"{number(one.positives)} of {number(one.rows)}"]
        + [interval(one.figures["model"].get(name)) for name in shown]
        for one in pooled.by_cutoff
    ]
    ahead = [[who_is(who), *leads(pooled.ahead[who], LEADS_SHOWN)] for who in by_who(pooled.ahead)]
    return [
        "## Judged on more than one day",
        "",
        f"The verdict rests on {len(rows)} cutoffs together: {number(pooled.positives)} of {number(pooled.rows)} "
        f"snapshots positive, of {number(pooled.positive_accounts)} accounts. At each of them a model judges that was "
        "fitted as it would have been then. In brackets 95 % intervals, resampled by account.",
        "",
        *figure_table(pooled.figures, shown),
        "",
        *table(["this model at", "taught to", "positive", *named(shown)], rows),
        "",
        "How far ahead of each rival it is over all of them, on the same resamples:",
        "",
        *table(["ahead of", *named(LEADS_SHOWN)], ahead),
    ]
