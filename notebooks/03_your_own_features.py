# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Features of your own
#
# What the catalogue does not know about a business, a project declares: in YAML, or in a file of Python for what YAML
# cannot say. This goes through one of each: declare it, look at it as of a date, let the audit try to catch it looking
# ahead, and ask whether it helps, without touching the rows that will judge.

# %%
import dataclasses
import datetime as dt
import os
import tempfile
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from churnml.jobs.audit import audit_project
from churnml.jobs.opening import open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.modelling.evaluation import evaluate
from churnml.modelling.training import at_cutoffs
from churnml.pages.terminal.data import audit_text
from churnml.simulate import simulate

folder = Path(os.environ.get("CHURNML_NOTEBOOK_FOLDER", tempfile.mkdtemp())) / "company"
company = simulate(folder, accounts=600, events=200_000, seed=5)
print(f"{company.paying} accounts pay; about {company.churn_rate:.1%} leave within a label window")

# %% [markdown]
# ## In YAML
#
# Some things people do in this product are what they pay for: reports, dashboards, workflows. One family counts them,
# with a trend; all it takes is a name, a meaning, a measure and which events count.

# %%
(folder / "models").mkdir(exist_ok=True)
_ = (folder / "models" / "features.yaml").write_text(
    """
families:
  - name: product.value
    means: reports, dashboards and workflows
    measure: count
    where: {event: [report_viewed, report_exported, dashboard_created, integration_synced, workflow_run]}
    lookbacks: [28, 90]
    trend: true
    polarity: healthier
    when_low: "Only {value} reports, dashboards and workflows in {days} days; {usual} is usual{own}."
    when_high: "{value} reports, dashboards and workflows in {days} days; {usual} is usual{own}."
""",
    "utf-8",
)

# %% [markdown]
# ## In Python
#
# Whether a week's use comes in one burst or every day alike is no measure of the catalogue. A measure is any object
# that turns the rows of its grain (here: one a day with use) into a value; the rows it gets end at the cutoff.

# %%
PYTHON = """
from dataclasses import dataclass

from churnml.features import Family, Feature, Grain, Polarity, Unit


@dataclass(frozen=True)
class BusiestDayShare:
    days: int

    def __call__(self, rows):
        recent = rows["age"] <= self.days
        total = rows["events"].sum(where=recent).cast("float64").nullif(0.0)
        return rows["events"].max(where=recent).cast("float64") / total


def busiest_day(wish):
    return (
        Feature(
            name="product_busiest_day_28d",
            family="product.busiest_day",
            means="share of the last 28 days' events on the busiest of them",
            grain=Grain.DAY,
            measure=BusiestDayShare(28),
            polarity=Polarity.NEITHER,
            unit=Unit.SHARE,
            when_low="Its busiest day makes only {value} of its use in 28 days; {usual} is usual.",
            when_high="Its busiest day makes {value} of its use in 28 days; {usual} is usual.",
            lookback=28,
        ),
    )


FAMILIES = [Family("product.busiest_day", "usage_events", "whether use comes in peaks", busiest_day)]
"""
_ = (folder / "features.py").write_text(PYTHON, "utf-8")
project = folder / "project.yaml"
_ = project.write_text(project.read_text("utf-8") + "\npython_features: features.py\n", "utf-8")

# %% [markdown]
# ## As of a date
#
# The model's `spec.yaml` names the families it takes. Here it is a small model, so that there is something to add to.

# %%
opened = open_data(folder, today=dt.date(2025, 1, 1))
declared = opened.project.model("churn")
# fewer and larger steps are good enough to compare features by
quick = declared.estimator.model_copy(update={"learning_rate": 0.1, "max_trees": 120, "seeds": 1})
declared = declared.model_copy(update={"estimator": quick})
small = ("subscriptions.*", "tickets.opened")
own = ("product.value", "product.busiest_day")


def with_families(names):
    return declared.model_copy(update={"features": declared.features.model_copy(update={"families": names})})


collected = collect(opened, with_families(small + own))
names = [feature.name for feature in collected.features if feature.family in own]
rows = collected.rows
account = rows.loc[rows["product_value_28d"].idxmax(), "account_id"]
print(rows.loc[rows["account_id"] == account, ["as_of", *names]].tail(4).to_string(index=False, float_format="%.2f"))

# %% [markdown]
# ## Does it look ahead?
#
# `churnml audit` builds every feature again without the rows nobody knew before the cutoff, and with rows made up after
# it, and compares to the bit. It must also catch leaks of its own, or its silence would prove nothing.

# %%
audit = audit_project(opened, ["churn"], [collected.split.train[-1]])
print("\n".join(audit_text(audit).splitlines()[-8:]))

# %% [markdown]
# The same with a feature that does look ahead: it counts by the day an event happened, whenever it became known. A
# feature that makes its own rows (`Grain.OWN`) is the only kind that can.

# %%
LEAKING = """

def by_day_alone(facts, cutoffs):
    days = facts.usage_days
    rows = days.join(cutoffs, [days["day"] < cutoffs["as_of_day"], days["day"] >= cutoffs["as_of_day"] - 28])
    return rows.select("account_id", "as_of", n="events")


def hindsight(wish):
    return (
        Feature(
            name="product_hindsight_28d", family="product.hindsight", means="events of four weeks", grain=Grain.OWN,
            measure=lambda rows: rows["n"].sum(), polarity=Polarity.NEITHER, unit=Unit.COUNT,
            when_low="{value}", when_high="{value}", absent=0.0, rows=by_day_alone,
        ),
    )


FAMILIES.append(Family("product.hindsight", "usage_events", "what nobody knew then", hindsight))
"""
_ = (folder / "features.py").write_text(PYTHON + LEAKING, "utf-8")
(folder / "models" / "churn").mkdir()
_ = (folder / "models" / "churn" / "spec.yaml").write_text(
    "name: churn\nmeans: as ever\nlabel: {kind: contract, gap: 7, horizon: 91, grace: 28}\n"
    "features: {families: [usage.active_days, product.hindsight], lookbacks: [7, 28, 90], event_names: 0}\n",
    "utf-8",
)
leaking = audit_project(open_data(folder, today=dt.date(2025, 1, 1)), ["churn"], [collected.split.train[-1]])
print(f"passed: {leaking.passed}")
print("\n".join(finding.sentence for finding in leaking.findings if finding.severity == "leak"))

# %% [markdown]
# ## Does it tell anything apart?
#
# Training rows only, cut into fifths by the feature: how many left in each? Bars are Wilson's 95 % intervals.

# %%
train = at_cutoffs(rows, collected.split.train).dropna(subset=["label"])
parts = []
for name in names:
    known = train.loc[train[name].notna(), [name, "label"]]
    fifth = pd.qcut(known[name].rank(method="first"), 5, labels=False) + 1
    per = known.groupby(fifth)["label"].agg(share="mean", rows="size").reset_index(names="fifth")
    parts.append(per.assign(feature=name))
fifths = pd.concat(parts)
z, n, share = 1.96, fifths["rows"], fifths["share"]
centre = (share + z * z / (2 * n)) / (1 + z * z / n)
half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
fifths = fifths.assign(low=centre - half, high=centre + half)
x = alt.X("fifth:O", title="fifth, least to most", axis=alt.Axis(labelAngle=0))
bars = (
    alt.Chart()
    .mark_rule(strokeWidth=3, opacity=0.55, color="#0b6e6e")
    .encode(x=x, y=alt.Y("low:Q", title="share that left", axis=alt.Axis(format=".0%")), y2="high:Q")
)
dots = alt.Chart().mark_point(filled=True, size=70, opacity=1, color="#0b6e6e").encode(x=x, y="share:Q")
alt.layer(bars, dots, data=fifths).properties(width=150, height=160).facet(
    column=alt.Column("feature:N", title=None, sort=names)
)

# %% [markdown]
# ## Does it help?
#
# A feature that tells leavers apart may still add nothing to what the model knows already. The folds answer that: each
# predicts a later cutoff from earlier ones, all of them before the judged one, whose rows are not looked at here. Who
# tries ten features on the judged rows and keeps the best has judged nothing.


# %%
def out_of_fold(families):
    spec = with_families(families)
    kept = [feature for feature in collected.features if feature.family not in own or feature.family in families]
    fitted = fit_challenger(opened, spec, dataclasses.replace(collected, features=tuple(kept)))
    return fitted.out_of_fold.rename(columns={"probability": "+".join(["small", *families[len(small) :]])})


predictions = out_of_fold(small)
for added in ((own[0],), (own[1],)):
    predictions = predictions.merge(
        out_of_fold(small + added), on=["account_id", "as_of", "label"], validate="one_to_one"
    )
who = {name: predictions[name].to_numpy() for name in predictions.columns[3:]}
measured = evaluate(
    predictions["account_id"].to_numpy(), predictions["label"].to_numpy(), {"model": who["small"], **who}, seed=7
)
SPOKEN = {"roc_auc": "ROC AUC", "log_loss": "log loss"}
helps = pd.DataFrame(
    [
        {"with": name, "figure": SPOKEN[figure], "value": -lead.value, "low": -lead.high, "high": -lead.low}
        for name, of in measured.ahead.items()
        if name != "small"
        for figure, lead in of.items()
        if figure in SPOKEN
    ]
)
print(f"{len(predictions)} out-of-fold rows, none of them of {collected.split.judged}, which will judge")
print(helps.to_string(index=False, float_format="%.4f"))

# %% [markdown]
# How far each is ahead of the small model, on the same resampled accounts; right of the line is better.

# %%
y = alt.Y("with:N", title=None, axis=alt.Axis(labelLimit=260, ticks=False, domain=False))
bars = (
    alt.Chart()
    .mark_rule(strokeWidth=3, opacity=0.55, color="#0b6e6e")
    .encode(y=y, x=alt.X("low:Q", title="ahead of the small model by"), x2="high:Q")
)
dots = alt.Chart().mark_point(filled=True, size=80, opacity=1, color="#0b6e6e").encode(y=y, x="value:Q")
zero = alt.Chart().mark_rule(strokeDash=[4, 4], color="#5b666e").encode(x=alt.datum(0))
alt.layer(zero, bars, dots, data=helps).properties(width=230, height=90).facet(
    column=alt.Column("figure:N", title=None)
).resolve_scale(x="independent")

# %% [markdown]
# An interval across the line says: not shown to help on these data. Then leave it out; every feature more is one more
# that can break. What does help goes into `models/churn/spec.yaml`, and the next `churnml train` judges the model that
# has it, on the newest mature cutoffs together.
