# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A first look
#
# What churnml sees, says and gets right, on a company whose truth is known. Open this file as a notebook
# (Jupyter with jupytext, or any editor that knows `# %%` cells), or run it: `python notebooks/01_first_look.py`.
# Whether to believe it is the question of `02_can_we_believe_it.py`.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.jobs.features import features_at
from churnml.jobs.judging import judge_challenger
from churnml.jobs.opening import default_as_of, open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.modelling.ranking import gains
from churnml.modelling.record import GainsPoint
from churnml.modelling.reference import usual_of
from churnml.pages.charts import forest_chart, gains_chart
from churnml.scoring.reasons import model_reasons
from churnml.simulate import simulate

folder = Path(os.environ.get("CHURNML_NOTEBOOK_FOLDER", tempfile.mkdtemp()))
company = simulate(folder / "company", accounts=700, events=250_000, seed=3)
print(f"{company.paying} accounts pay; about {company.churn_rate:.1%} leave within a label window")

# %% [markdown]
# ## One account at one date, as it was known then
#
# A snapshot knows only what was known before its cutoff. These are a few features of five accounts.

# %%
opened = open_data(folder / "company", today=dt.date(2025, 1, 1))
features = features_at(opened, [dt.date(2024, 6, 3)], "churn")
shown = ["account_id", "usage_active_days_28d", "usage_events_trend_28d_90d", "tickets_open"]
print(features[shown].head().to_string(index=False))

# %% [markdown]
# ## Late rows
#
# Some events arrive days after they happened. Whoever counts by the time of the event sees more than could be known.

# %%
events = pd.read_parquet(folder / "company" / "data" / "product_events.parquet")
late = (events["received_at"] - events["event_time"]) > pd.Timedelta(days=1)
print(f"{late.mean():.1%} of the events arrived more than a day late")

# %% [markdown]
# ## Train on the past, judge on a later period
#
# The splitter leaves out every cutoff whose outcome was not yet final at the judged one.

# %%
spec = opened.project.model("churn")
collected = collect(opened, spec)
print(f"train: {collected.split.train[0]} to {collected.split.train[-1]}")
print(f"purged: {', '.join(map(str, collected.split.purged))}")
print(f"judged: {collected.split.judged}")

# %%
challenger = fit_challenger(opened, spec, collected)
judged = judge_challenger(opened, spec, collected, challenger, champion=None)
print(judged.verdict.because)

# %% [markdown]
# ## What it says
#
# Its ROC AUC beside the simple rivals' and beside that of the true probabilities, which no real company knows. The bars
# are 95 % intervals, resampled by account: with so few accounts they are wide, and that is the honest picture.

# %%
forest_chart(judged.evaluation.figures, "roc_auc")

# %% [markdown]
# If a team has time for the first tenth of the list, how many of those who will leave does it reach?

# %%
label = judged.rows["label"].to_numpy(dtype="float64")
gains_chart(GainsPoint.rows_of(gains(judged.predictions, label)))

# %% [markdown]
# ## What it gets right
#
# Each point is an account: what the model says against what is true. It cannot see everything (who the champion is, who
# else is being talked to), so it cannot lie on the line; it should lie around it.

# %%
truth = pd.DataFrame({"said": judged.predictions["model"], "true": judged.predictions["truth"], "left": label == 1})
truth["what happened"] = np.where(truth["left"], "left", "stayed")
axis = alt.Axis(format=".0%")
scale = alt.Scale(type="sqrt", domain=[0, float(truth[["said", "true"]].to_numpy().max())])
line = pd.DataFrame({"p": np.linspace(0, scale.domain[1], 50)})
points = (
    alt.Chart(truth)
    .mark_point(filled=True, opacity=0.55)
    .encode(
        x=alt.X("true:Q", title="true probability", scale=scale, axis=axis),
        y=alt.Y("said:Q", title="probability said", scale=scale, axis=axis),
        color=alt.Color("what happened:N", scale=alt.Scale(domain=["stayed", "left"], range=["#9aa5ad", "#b0442f"])),
        size=alt.Size("what happened:N", scale=alt.Scale(domain=["stayed", "left"], range=[22, 60]), legend=None),
        order="left:Q",
    )
)
diagonal = alt.Chart(line).mark_line(strokeDash=[4, 4], color="#20262b").encode(x="p:Q", y="p:Q")
print(f"correlation with the truth: {truth['said'].corr(truth['true']):.2f}")
(points + diagonal).properties(width=380, height=320)

# %% [markdown]
# ## Why
#
# A reason holds the account's own number, what is usual, and, where its past is known, what was usual for itself.
# Where nothing stands out, none is given. `docs/reasons.md` says how they are chosen.

# %%
model = challenger.predictor
riskiest = judged.rows.iloc[np.argsort(-judged.predictions["model"], kind="stable")[:5]].reset_index(drop=True)
reasons = model_reasons(
    riskiest, model.features, model.contributions(riskiest), usual_of(model.reference), towards_risk=True
)
for account, told, probability in zip(riskiest["account_id"], reasons, model.predict(riskiest), strict=True):
    print(f"{account}, {probability:.0%}")
    for reason in told:
        print(f"   {reason.sentence}")

# %% [markdown]
# ## Who is not asked about
#
# An account that has given notice has told us; nothing is left to predict, and keeping it would flatter any model.

# %%
leaving = snapshots.leaving_accounts(opened.facts, default_as_of(opened))
print(f"{len(leaving)} accounts have given notice and are not scored")
