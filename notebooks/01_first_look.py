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

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from churnml import jobs, snapshots
from churnml.adapters.charts import reliability_chart
from churnml.modelling.evaluation import reliability
from churnml.simulate import simulate

folder = Path(os.environ.get("CHURNML_NOTEBOOK_FOLDER", tempfile.mkdtemp()))
company = simulate(folder / "company", accounts=800, events=400_000, seed=3)
print(f"{company.paying} accounts pay; about {company.churn_rate:.1%} leave within a label window")

# %% [markdown]
# ## One account at one date, as it was known then
#
# A snapshot knows only what was known before its cutoff. These are the first features of five accounts.

# %%
opened = jobs.open_data(folder / "company", today=dt.date(2025, 1, 1))
features = jobs.features_at(opened, [dt.date(2024, 6, 3)], "churn")
shown = ["account_id", "mrr", "usage_active_days_28d", "usage_events_trend_28d_90d", "tickets_open"]
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
collected = jobs.collect(opened, spec)
print(f"train: {collected.plan.train[0]} to {collected.plan.train[-1]}")
print(f"purged: {', '.join(map(str, collected.plan.purged))}")
print(f"judged: {collected.plan.judged}")

# %%
challenger = jobs.fit_challenger(opened, spec, collected)
judged = jobs.judge_challenger(opened, spec, collected, challenger, champion=None)
table = pd.DataFrame(
    {who: {name: f"{f.value:.3f} [{f.low:.3f}, {f.high:.3f}]" for name, f in figures.items()}
     for who, figures in judged.evaluation.figures.items()}
)  # fmt: skip
print(table.to_string())
print(judged.verdict.because)

# %% [markdown]
# ## Do the probabilities hold?
#
# Of the accounts given 10 %, about 10 % should leave. The company knows the true probabilities, so the model can
# also be compared with them account by account, which no real company can do.

# %%
y = judged.rows["label"].to_numpy()
held = reliability(judged.said["model"], y)
print(held.round(3).to_string(index=False))
print(f"correlation with the truth: {np.corrcoef(judged.said['model'], judged.said['truth'])[0, 1]:.2f}")

# %%
reliability_chart({"reliability": held.to_dict("records")})

# %% [markdown]
# ## Who is not asked about
#
# An account that has given notice has told us; nothing is left to predict, and keeping it would flatter any model.

# %%
leaving = snapshots.leaving_accounts(opened.facts, jobs.default_as_of(opened))
print(f"{len(leaving)} accounts have given notice and are not scored")
