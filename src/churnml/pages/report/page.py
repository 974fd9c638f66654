"""The page itself: its sections put together, and the template filled in.

The page opens without a network: styles, charts and the one charting library stand inside it. All that
comes from the user's data is hostile until escaped: the template escapes everything, data inside a
script cannot end that script, and the page's own policy runs no script but the two it is written with.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources

import jinja2
from markupsafe import Markup

from churnml.checks import QuarantinedRow
from churnml.health.score import INSUFFICIENT
from churnml.jsontypes import Json
from churnml.ledger import ScoredDay
from churnml.pages import charts
from churnml.pages.colours import band_colours
from churnml.pages.feeds import held_text
from churnml.pages.presenter import (
    FIGURE_MEANINGS,
    RIVAL_MEANINGS,
    capitalised,
    counts_money,
    cut,
    date,
    date_range,
    figure_name,
    goal_name,
    has_cents,
    interval,
    money,
    number,
    outcome_name,
    percent,
    plural,
    times,
    who_name,
    with_interval,
    words,
)
from churnml.pages.remarks import remark_counts
from churnml.pages.report.data import Places, reason_rows
from churnml.pages.report.head import band_groups, band_spans, broken_feeds, standing_of
from churnml.pages.report.health import health_section
from churnml.pages.report.models import model_section
from churnml.pages.report.parts import Group, mean, share, total
from churnml.pages.report.queue import queue_of
from churnml.pages.summary import RunSummary
from churnml.pages.training_rows import young_sentence
from churnml.pages.unheard import unheard_sentence, weight_left
from churnml.specs.health import HealthSpec


@dataclass(frozen=True)
class ReportedProject:
    """What the page tells of the project.

    Args:
        name, currency: as declared.
        health: its definition of health.
        places: where it keeps things.
    """

    name: str
    currency: str
    health: HealthSpec
    places: Places


def report_html(
    project: ReportedProject,
    summary: RunSummary,
    scores: ScoredDay,
    quarantine: Sequence[QuarantinedRow],
) -> str:
    """The report of a run as HTML.

    Args:
        project: whose run it is.
        summary: the run summed up, with the records of its models.
        scores: the scored date.
        quarantine: example rows set aside.
    """
    everybody, risk, records = Group("everybody", scores.accounts), project.health.risk.model, summary.models
    bands = band_groups(project.health, scores.accounts)
    names = [band.name for band in bands]
    colours = band_colours(
        [band for band in names if band != INSUFFICIENT], [band for band in names if band == INSUFFICIENT]
    )
    usual = {name: _usual(name, summary, scores) for name in scores.models}
    cents = has_cents(mean(account.mrr for account in scores.accounts))
    source = resources.files("churnml.pages.report").joinpath("report.html.j2").read_text("utf-8")
    template = _environment(project.currency, cents=cents).from_string(source)
    return template.render(
        project=project.name,
        summary=summary,
        everybody=everybody,
        bands=bands,
        spans=band_spans(project.health),
        colours=colours,
        standing=[
            standing_of(name, version, records.get(name), risk, knows_money=summary.knows_money)
            for name, version in scores.models.items()
        ],
        broken=broken_feeds(summary.breaks),
        held=summary.held and held_text(summary.as_of, summary.held),
        queue=queue_of(scores, usual, risk),
        health=health_section(project.health, everybody, bands, colours),
        models=[model_section(record, scores.models.get(name)) for name, record in records.items()],
        reasons=reason_rows(summary.quarantined, summary.warned, quarantine),
        remarks=remark_counts(summary.remarks),
        places=project.places,
        # the library is ours, not the user's
        library=Markup(_library()),  # noqa: S704
    )


def _usual(name: str, summary: RunSummary, scores: ScoredDay) -> float | None:
    """The champion's usual probability; None when it is another version than the newest one."""
    scored_by, record = summary.scored_by.get(name), summary.models.get(name)
    if scored_by and scored_by.base_rate is not None:
        return scored_by.base_rate
    return record.training.base_rate if record and record.version == scores.models.get(name) else None


# ---------------------------------------------------------------- rendering


def _json_for_script(value: Json) -> Markup:
    """JSON that cannot end the script it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=str)
    # U+2028 and U+2029 end a line in a script
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - every character that HTML reads is escaped above


@cache
def _library() -> str:
    """The charting library, as it can stand in a page."""
    # inside its strings and patterns "<\/script" means the same
    return charts.library().replace("</script", "<\\/script").replace("\r\n", "\n")


def _script_hash(script: str) -> str:
    """What the page's policy knows a script by."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(str(script).encode("utf-8")).digest()).decode() + "'"


def _environment(currency: str, *, cents: bool) -> jinja2.Environment:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "interval": interval,
        "money": partial(money, currency=currency, cents=cents),
        "times": times,
        "date": date,
        "cut": cut,
        "words": words,
        "goal": goal_name,
        "outcome": outcome_name,
        "who": who_name,
        "capitalised": capitalised,
        "figure_title": lambda figure: capitalised(figure_name(figure)),
        "script_json": _json_for_script,
        "script_hash": _script_hash,
    }
    environment.globals |= {
        "plural": plural,
        "young_sentence": young_sentence,
        "weight_left": weight_left,
        "unheard_sentence": unheard_sentence,
        "share": share,
        "total": total,
        "date_range": date_range,
        "with_interval": with_interval,
        "counts_money": counts_money,
        "figure_meanings": FIGURE_MEANINGS,
        "rival_meanings": RIVAL_MEANINGS,
    }
    return environment
