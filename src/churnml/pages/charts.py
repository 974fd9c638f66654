"""Charts of a model's record and of a scored date, for MLflow and the report alike.

Drawn with Altair, without a network. Names of segments, bands and models are data: they are only ever
values of a chart, never parts of an expression or of a field's name.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import altair as alt
import pandas as pd

from churnml.jsontypes import Json, JsonObject
from churnml.modelling.record import GainsPoint, ReliabilityBin
from churnml.pages.presenter import WHO_NAMES, Interval, by_who, figure_name, who_name
from churnml.timeline import Reach, end_of_data

Chart: TypeAlias = "alt.Chart | alt.LayerChart"
# A row of a table, as a chart takes it.
Row = dict[str, str | pd.Timestamp]

# By who has the figures; see presenter.WHO_NAMES.
COLOURS = {
    "model": "#0b6e6e",
    "recency": "#c77700",
    "logistic_regression": "#7a5ea8",
    "base_rate": "#9aa5ad",
    "health": "#b0442f",
    "champion": "#3b6fb6",
    "truth": "#20262b",
}
# colour alone must not tell lines apart
DASHES = {
    "model": [1, 0],
    "recency": [6, 3],
    "logistic_regression": [2, 2],
    "base_rate": [1, 0],
    "health": [10, 3],
    "champion": [8, 2, 2, 2],
    "truth": [4, 4],
}
INK, MUTED, GRID = "#20262b", "#5b666e", "#e6e9ea"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
ROLES = {"trains": "#0b6e6e", "purged": "#c9a24b", "judged": "#20262b"}
PAGE_CONFIG: JsonObject = {
    "font": FONT,
    "background": None,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": GRID,
        "domainColor": "#b9c1c6",
        "tickColor": "#b9c1c6",
        "labelLimit": 260,
    },
    "legend": {"labelColor": INK, "labelFontSize": 12, "titleFontSize": 12, "labelLimit": 240, "symbolStrokeWidth": 2},
    "text": {"color": MUTED, "fontSize": 12},
}


# ---------------------------------------------------------------- a model's record


def reliability_chart(bins: Sequence[ReliabilityBin]) -> alt.LayerChart:
    """Probability said against share seen, with 95 % intervals, on the judged cutoff."""
    columns = ["predicted", "seen", "low", "high", "rows"]
    table = pd.DataFrame([(b.predicted, b.seen, b.low, b.high, b.rows) for b in bins], columns=columns, dtype="float64")
    top = float(max(table["predicted"].max(), table["high"].max())) * 1.05
    percent = alt.Axis(format=".0%")
    x = alt.X("predicted:Q", title="probability said", axis=percent, scale=alt.Scale(domain=[0, top]))
    y_scale = alt.Scale(domain=[0, top])
    diagonal = alt.Chart(pd.DataFrame({"v": [0.0, top]})).encode(x="v:Q", y="v:Q")
    line = diagonal.mark_line(strokeDash=[4, 4], color="#9aa5ad")
    bars = (
        alt.Chart(table)
        .mark_rule(color=COLOURS["model"])
        .encode(x=x, y=alt.Y("low:Q", title="share seen", axis=percent, scale=y_scale), y2="high:Q")
    )
    points = (
        alt.Chart(table)
        .mark_point(filled=True, size=70, color=COLOURS["model"], opacity=1)
        .encode(
            x=x,
            y=alt.Y("seen:Q", scale=y_scale),
            tooltip=[
                alt.Tooltip("rows:Q", title="accounts", format=","),
                alt.Tooltip("predicted:Q", title="said", format=".1%"),
                alt.Tooltip("seen:Q", title="seen", format=".1%"),
            ],
        )
    )
    return (line + bars + points).properties(width=340, height=260)


def gains_chart(points: Sequence[GainsPoint]) -> alt.Chart:
    """Share of positives reached against share of accounts contacted, model and rivals."""
    table = pd.DataFrame({"who": p.who, "contacted": p.contacted, "caught": p.caught} for p in points)
    everybody = by_who(table["who"].unique())
    order = [who_name(who) for who in everybody]
    table["who"] = table["who"].map(who_name)
    percent = alt.Axis(format=".0%")
    return (
        alt.Chart(table)
        .mark_line(strokeWidth=2)
        .encode(
            x=alt.X("contacted:Q", title="accounts contacted, highest probability first", axis=percent),
            y=alt.Y("caught:Q", title="share of outcomes among them", axis=percent),
            color=alt.Color(
                "who:N",
                title=None,
                scale=alt.Scale(domain=order, range=[COLOURS[who] for who in everybody]),
                legend=alt.Legend(orient="bottom-right", fillColor="#ffffffcc", padding=6),
            ),
            strokeDash=alt.StrokeDash(
                "who:N", title=None, scale=alt.Scale(domain=order, range=[DASHES[who] for who in everybody])
            ),
            tooltip=[
                alt.Tooltip("who:N", title="by"),
                alt.Tooltip("contacted:Q", format=".0%"),
                alt.Tooltip("caught:Q", format=".0%"),
            ],
        )
        .properties(width=340, height=260)
    )


def forest_chart(figures: Mapping[str, Mapping[str, Interval]], figure: str) -> alt.LayerChart:
    """A figure of the model and of each rival, with 95 % intervals."""
    title = figure_name(figure)
    table = pd.DataFrame(
        [
            {"who": who, "value": of.value, "low": of.low, "high": of.high}
            for who in WHO_NAMES
            if (of := figures.get(who, {}).get(figure))
        ]
    ).dropna(subset=["value"])
    colours = [COLOURS[who] for who in table["who"]]
    table["who"] = table["who"].map(WHO_NAMES)
    order = list(table["who"])
    y = alt.Y("who:N", title=None, sort=order, axis=alt.Axis(labelColor=INK, ticks=False, domain=False, grid=True))
    colour = alt.Color("who:N", legend=None, scale=alt.Scale(domain=order, range=colours))
    scale = alt.Scale(zero=False, nice=False, padding=14)
    tooltip = [
        alt.Tooltip("who:N", title="by"),
        alt.Tooltip("value:Q", title=title, format=".3f"),
        alt.Tooltip("low:Q", title="from", format=".3f"),
        alt.Tooltip("high:Q", title="to", format=".3f"),
    ]
    base = alt.Chart(table).encode(y=y, color=colour, tooltip=tooltip)
    intervals = base.mark_rule(strokeWidth=3, opacity=0.55).encode(
        x=alt.X("low:Q", title=title, scale=scale, axis=alt.Axis(format=".2f", tickCount=5, labelOverlap=True)),
        x2="high:Q",
    )
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x=alt.X("value:Q", scale=scale))
    return (intervals + points).properties(width=340, height=220)


def split_chart(
    reach: Reach, train: Sequence[dt.date], purged: Sequence[dt.date], judged: dt.date, data_through: dt.date
) -> alt.LayerChart:
    """Every cutoff with its label window: which trained, which were purged, which judged."""
    roles = [
        *((cutoff, "trains") for cutoff in train),
        *((cutoff, "purged") for cutoff in purged),
        (judged, "judged"),
    ]
    table = pd.DataFrame([_cutoff_row(cutoff, role, reach) for cutoff, role in sorted(roles)])
    order = [role for role in ROLES if role in set(table["role"])]
    y = alt.Y("cutoff:O", title=None, axis=None, sort="ascending")
    colour = alt.Color(
        "role:N",
        title=None,
        scale=alt.Scale(domain=order, range=[ROLES[role] for role in order]),
        legend=alt.Legend(orient="top", symbolType="square", symbolOpacity=1),
    )
    tooltip = [
        alt.Tooltip("role:N", title="this cutoff"),
        alt.Tooltip("at:T", title="cutoff", format="%-d %b %Y"),
        alt.Tooltip("start:T", title="label window from", format="%-d %b %Y"),
        alt.Tooltip("end:T", title="to before", format="%-d %b %Y"),
    ]
    base = alt.Chart(table).encode(y=y, color=colour, tooltip=tooltip)
    x = alt.X("at:T", title=None, axis=alt.Axis(format="%b %Y", tickCount="month", labelOverlap=True))
    gaps = base.mark_rule(strokeWidth=1).encode(x=x, x2="start:T")
    settling = base.mark_rule(strokeWidth=1, strokeDash=[2, 2]).encode(x="end:T", x2="settled:T")
    windows = base.mark_bar(height={"band": 0.55}, opacity=0.45).encode(x="start:T", x2="end:T")
    cutoffs = base.mark_point(filled=True, size=36, opacity=1).encode(x=x)
    lines = pd.DataFrame(
        [
            {"at": pd.Timestamp(judged), "line": "judged cutoff"},
            {"at": pd.Timestamp(end_of_data(data_through)), "line": "end of the data"},
        ]
    )
    rules = (
        alt.Chart(lines)
        .mark_rule(strokeDash=[4, 3], color=MUTED)
        .encode(x="at:T", tooltip=[alt.Tooltip("line:N", title="line"), alt.Tooltip("at:T", format="%-d %b %Y")])
    )
    return (rules + gaps + settling + windows + cutoffs).properties(width=340, height=13 * len(table))


def _cutoff_row(cutoff: dt.date, role: str, reach: Reach) -> Row:
    window = reach.window(cutoff)
    return {
        "cutoff": str(cutoff),
        "role": role,
        "at": pd.Timestamp(cutoff),
        "start": pd.Timestamp(window.start),
        "end": pd.Timestamp(window.end),
        "settled": pd.Timestamp(reach.settled_on(cutoff)),
    }


# ---------------------------------------------------------------- a scored date


def _band_colour(colours: Mapping[str, str]) -> alt.Color:
    return alt.Color(
        "band:N",
        title=None,
        sort=list(colours),
        scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(orient="top"),
    )


def segments_chart(table: pd.DataFrame, colours: Mapping[str, str]) -> alt.Chart:
    """Share of accounts in each band, by segment.

    Args:
        table: ``segment, band, accounts, place`` (the band's place from best to worst), segments in order.
        colours: band → colour, best to worst.
    """
    return (
        alt.Chart(table)
        .mark_bar(height={"band": 0.68})
        .encode(
            y=alt.Y(
                "segment:N",
                title=None,
                sort=list(dict.fromkeys(table["segment"])),
                axis=alt.Axis(labelColor=INK, ticks=False, domain=False),
            ),
            x=alt.X("accounts:Q", stack="normalize", title="share of accounts", axis=alt.Axis(format=".0%")),
            color=_band_colour(colours),
            order=alt.Order("place:Q"),
            tooltip=["segment:N", "band:N", alt.Tooltip("accounts:Q", format=",")],
        )
        .properties(width=340, height=30 * table["segment"].nunique())
    )


def health_chart(table: pd.DataFrame, colours: Mapping[str, str]) -> alt.Chart:
    """A histogram of health, coloured by band.

    Args:
        table: ``low, high, band, accounts, place``, one row a bin and band.
        colours: band → colour, best to worst.
    """
    return (
        alt.Chart(table)
        .mark_bar(binSpacing=1)
        .encode(
            x=alt.X(
                "low:Q",
                bin="binned",
                title="health, 100 is best",
                scale=alt.Scale(domain=[0, 100]),
                axis=alt.Axis(values=list(range(0, 101, 10)), grid=False),
            ),
            x2="high:Q",
            y=alt.Y("accounts:Q", stack="zero", title="accounts", axis=alt.Axis(format=",d", tickMinStep=1)),
            color=_band_colour(colours),
            order=alt.Order("place:Q"),
            tooltip=[
                alt.Tooltip("low:Q", title="health from"),
                alt.Tooltip("high:Q", title="to"),
                "band:N",
                alt.Tooltip("accounts:Q", format=","),
            ],
        )
        .properties(width=340, height=230)
    )


# ---------------------------------------------------------------- where charts go


def page_spec(chart: Chart, describes: str) -> dict[str, Json]:
    """A chart as a specification for a page: as wide as its place, in the page's type, no address in it."""
    spec: dict[str, Json] = chart.to_dict()
    # the schema's address is of no use to the library on the page, and the page names no address
    spec.pop("$schema", None)
    fit = {"type": "fit-x", "contains": "padding"}
    return spec | {"width": "container", "autosize": fit, "config": dict(PAGE_CONFIG), "description": describes}


def png(chart: Chart) -> bytes:
    """A chart as a PNG."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2.0))


def svg(spec: JsonObject, width: int) -> str:
    """A page's chart as a still picture, ``width`` pixels wide, for readers without scripts."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg({**spec, "width": width}))


def library() -> str:
    """The one script that draws every chart of a page: Vega, Vega-Lite and their embedder."""
    import vl_convert

    # the stubs call the snippet required; without one the whole library comes
    return str(vl_convert.javascript_bundle())  # type: ignore[call-arg]
