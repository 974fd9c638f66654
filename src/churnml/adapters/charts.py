"""Charts of a model's record, for MLflow and the report alike (Altair; drawn without a network)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import altair as alt
import pandas as pd

NAMES = {
    "model": "model",
    "recency": "recency",
    "logistic_regression": "logistic regression",
    "base_rate": "base rate",
    "champion": "champion before",
    "truth": "true probabilities",
}
COLOURS = {
    "model": "#0b6e6e",
    "recency": "#c77700",
    "logistic regression": "#7a5ea8",
    "base rate": "#9aa5ad",
    "champion before": "#3b6fb6",
    "true probabilities": "#20262b",
}


def reliability_chart(record: Mapping[str, Any]) -> alt.LayerChart:
    """Probability said against share seen, with 95 % intervals, on the judged cutoff."""
    table = pd.DataFrame(record["reliability"])
    top = float(max(table["said"].max(), table["high"].max())) * 1.05
    percent = alt.Axis(format=".0%")
    x = alt.X("said:Q", title="probability said", axis=percent, scale=alt.Scale(domain=[0, top]))
    y_scale = alt.Scale(domain=[0, top])
    diagonal = alt.Chart(pd.DataFrame({"v": [0.0, top]})).mark_line(strokeDash=[4, 4], color="#9aa5ad")
    bars = alt.Chart(table).mark_rule(color=COLOURS["model"]).encode(
        x=x, y=alt.Y("low:Q", title="share seen", axis=percent, scale=y_scale), y2="high:Q"
    )
    points = alt.Chart(table).mark_point(filled=True, size=70, color=COLOURS["model"], opacity=1).encode(
        x=x,
        y=alt.Y("seen:Q", scale=y_scale),
        tooltip=[
            alt.Tooltip("rows:Q", title="accounts"),
            alt.Tooltip("said:Q", title="said", format=".1%"),
            alt.Tooltip("seen:Q", title="seen", format=".1%"),
        ],
    )
    line = diagonal.encode(x=alt.X("v:Q"), y=alt.Y("v:Q"))
    return (line + bars + points).properties(width=340, height=260)


def gains_chart(record: Mapping[str, Any]) -> alt.Chart:
    """Share of positives reached against share of accounts contacted, model and rivals."""
    table = pd.DataFrame(record["gains"])
    table["who"] = table["who"].map(NAMES)
    order = [name for name in NAMES.values() if name in set(table["who"])]
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
                scale=alt.Scale(domain=order, range=[COLOURS[name] for name in order]),
                legend=alt.Legend(orient="bottom-right", fillColor="#ffffffcc", padding=6),
            ),
            tooltip=["who:N", alt.Tooltip("contacted:Q", format=".0%"), alt.Tooltip("caught:Q", format=".0%")],
        )
        .properties(width=340, height=260)
    )


def png(chart: alt.Chart | alt.LayerChart) -> bytes:
    """A chart as a PNG."""
    import vl_convert

    return bytes(vl_convert.vegalite_to_png(chart.to_json(), scale=2.0))
