"""The page itself: its sections put together, and the template filled in.

The page opens without a network: styles, charts and the one charting library stand inside it. All that
comes from the user's data is hostile until escaped: the template escapes everything, data inside a
script cannot end that script, and the page's own policy runs no script but the two it is written with.
"""

from __future__ import annotations

import base64
import datetime as dt
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
from churnml.pages.presenter import band_name, date, has_cents, money, number, percent, plural, words
from churnml.pages.report.data import DataSection, Places, data_section
from churnml.pages.report.head import BandRow, Head, Standing, band_rows, head_of, standing_of
from churnml.pages.report.health import HealthSection, health_section
from churnml.pages.report.models import ModelSection, model_section
from churnml.pages.report.parts import mean
from churnml.pages.report.queue import Queue, queue_of
from churnml.pages.summary import RunSummary
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


@dataclass(frozen=True)
class ReportPage:
    """All that the template reads."""

    project: str
    as_of: dt.date
    data_through: dt.date
    head: Head
    bands: Sequence[BandRow]
    standing: Sequence[Standing]
    queue: Queue
    health: HealthSection
    models: Sequence[ModelSection]
    data: DataSection
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
    cents = has_cents(mean(account.mrr for account in scores.accounts))
    page = report_page(project, summary, scores, quarantine)
    return _rendered(page, project.currency, cents=cents)


def report_page(
    project: ReportedProject,
    summary: RunSummary,
    scores: ScoredDay,
    quarantine: Sequence[QuarantinedRow],
) -> ReportPage:
    """The report of a run, section by section; see :func:`report_html`."""
    bands = _band_order(project.health, scores)
    colours = charts.band_colours(
        [band for band in bands if band != INSUFFICIENT], [band for band in bands if band == INSUFFICIENT]
    )
    risk, records = project.health.risk.model, summary.models
    usual = {name: _usual(name, summary, scores) for name in scores.models}
    return ReportPage(
        project=project.name,
        as_of=scores.as_of,
        data_through=summary.data_through,
        head=head_of(scores),
        bands=band_rows(project.health, scores, bands, colours),
        standing=[standing_of(name, version, records.get(name), risk) for name, version in scores.models.items()],
        queue=queue_of(summary, scores, usual, risk, colours),
        health=health_section(project.health, scores, bands, colours),
        models=[model_section(name, record, scores.models.get(name)) for name, record in records.items()],
        data=data_section(summary.quarantined, summary.warned, quarantine),
        places=project.places,
    )


def _band_order(health: HealthSpec, scores: ScoredDay) -> list[str]:
    """Declared bands from best to worst, then whatever else accounts are in."""
    declared = [band.name for band in health.bands]
    return declared + sorted({account.band for account in scores.accounts} - set(declared))


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


def _rendered(page: ReportPage, currency: str, *, cents: bool) -> str:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "number": number,
        "percent": percent,
        "money": partial(money, currency=currency, cents=cents),
        "date": date,
        "words": words,
        "band": band_name,
        "script_json": _json_for_script,
        "script_hash": _script_hash,
    }
    environment.globals["plural"] = plural
    source = resources.files("churnml.pages.report").joinpath("report.html.j2").read_text("utf-8")
    # the library is ours, not the user's
    return environment.from_string(source).render(vars(page), library=Markup(_library()))  # noqa: S704
