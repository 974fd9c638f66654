# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Can we believe it?
#
# The usual churn model reports 0.9 in the notebook and fails in the field. This one goes through the ways in which a
# figure flatters, on a company whose true probabilities are known: a split by chance, a field filled in afterwards,
# probabilities that do not hold, a rival nobody asked, and an interval nobody understood.

# %%
import datetime as dt
import os
import tempfile
from pathlib import Path

import altair as alt
import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from churnml.jobs.judging import judge_challenger
from churnml.jobs.opening import open_data
from churnml.jobs.training import collect, fit_challenger
from churnml.modelling.leaks import giveaways
from churnml.modelling.record import ReliabilityBin
from churnml.modelling.reliability import error_by_chance, reliability
from churnml.modelling.training import at_cutoffs
from churnml.pages.charts import forest_chart, reliability_chart, split_chart
from churnml.simulate import simulate

folder = Path(os.environ.get("CHURNML_NOTEBOOK_FOLDER", tempfile.mkdtemp())) / "company"
company = simulate(folder, accounts=800, events=250_000, seed=11)
print(f"{company.paying} accounts pay; about {company.churn_rate:.1%} leave within a label window")

# %% [markdown]
# ## Who trains and who judges
#
# Every cutoff looks ahead over a label window. A cutoff trains only if its outcomes were final on the day of the judged
# one; those in between do not train it. Up to three cutoffs before the judged one judge too, each a model fitted as it
# would have been then, and the verdict rests on all of them.

# %%
opened = open_data(folder, today=dt.date(2025, 1, 1))
spec = opened.project.model("churn")
collected = collect(opened, spec)
split = collected.split
print(f"train: {split.train[0]} to {split.train[-1]}; left out: {len(split.purged)} cutoffs; judged: {split.judged}")
split_chart(spec.label.reach, split.train, split.purged, split.judged, opened.facts.data_through)

# %% [markdown]
# ## A split by chance flatters
#
# An account stands in many cutoffs, and neighbouring windows overlap: with rows split by chance the answer to a test
# row lies among the training rows. The same trees, once tested on rows drawn by chance and once on the last training
# cutoff after what was history by then, beside what the true probabilities reach on the same rows. Nobody can do
# better than the truth but by chance or by having been told.

# %%
known = pd.read_parquet(folder / "truth" / "probabilities.parquet")
known["as_of"] = pd.to_datetime(known["as_of"]).astype("datetime64[us]")
rows = at_cutoffs(collected.rows, split.train).dropna(subset=["label"]).reset_index(drop=True)
true = rows[["account_id", "as_of"]].merge(known, on=["account_id", "as_of"], how="left")["churn_probability"]
numbers = rows[[f.name for f in collected.features if not f.is_category]].to_numpy(dtype="float64")
last = rows["as_of"] == rows["as_of"].max()
history = rows["as_of"].map(lambda at: spec.label.reach.is_purged_for(at.date(), split.train[-1])).to_numpy(dtype=bool)
drawn = np.random.default_rng(0).random(len(rows)) < 0.25


def tested(train, test):
    trees = lgb.LGBMClassifier(n_estimators=150, num_leaves=63, min_child_samples=5, n_jobs=1, verbosity=-1, seed=1)
    trees.fit(numbers[train], rows["label"][train])
    scores = trees.booster_.predict(numbers[test])
    scorable = true[test].notna().to_numpy()
    label = rows["label"][test].to_numpy()[scorable]
    return roc_auc_score(label, scores[scorable]), roc_auc_score(label, true[test][scorable])


ways = pd.DataFrame(
    [
        ("rows drawn by chance", *tested(~drawn, drawn)),
        ("a later cutoff, the rest history", *tested(history, last.to_numpy())),
    ],
    columns=["tested on", "these trees", "the truth"],
)
print(ways.to_string(index=False, float_format="%.3f"))
shown = ways.melt("tested on", var_name="by", value_name="ROC AUC")
y = alt.Y("tested on:N", title=None, axis=alt.Axis(labelLimit=240, ticks=False, domain=False))
alt.Chart(shown).mark_point(filled=True, size=110, opacity=1).encode(
    x=alt.X("ROC AUC:Q", scale=alt.Scale(domain=[0.5, 1])),
    y=y,
    color=alt.Color("by:N", title=None, scale=alt.Scale(range=["#b0442f", "#20262b"])),
    shape=alt.Shape("by:N", title=None),
).properties(width=380, height=80)

# %% [markdown]
# ## A field filled in afterwards
#
# Somebody adds `lifecycle` to the CRM and calls it static. It is not: whoever leaves gets "former" in it. Built as of
# any date it says what became of the account. churnml looks at every feature for that before it promotes anything.

# %%
leavers = set(collected.rows.loc[collected.rows["label"] == 1, "account_id"])
crm = pd.read_csv(folder / "data" / "crm_accounts.csv", dtype=str)
crm["lifecycle"] = np.where(crm["account_no"].isin(leavers), "former", "customer")
crm.to_csv(folder / "data" / "crm_accounts.csv", index=False)
accounts = folder / "sources" / "accounts.sql"
_ = accounts.write_text(accounts.read_text("utf-8").replace("lead_source AS", "lifecycle, lead_source AS"), "utf-8")
project = folder / "project.yaml"
_ = project.write_text(project.read_text("utf-8").replace("static: [", "static: [lifecycle, "), "utf-8")

leaking = collect(open_data(folder, today=dt.date(2025, 1, 1)), spec)
mature = leaking.rows.dropna(subset=["label"])
for leak in giveaways(leaking.features, at_cutoffs(mature, split.train), mature):
    print(leak.sentence)

# %% [markdown]
# A model with such a feature is registered with the reason and not promoted. The model without it:

# %%
challenger = fit_challenger(opened, spec, collected)
judged = judge_challenger(opened, spec, collected, challenger, champion=None)
print(judged.verdict.because)

# %% [markdown]
# ## Rivals
#
# A model that nobody compared has beaten nobody. How far it is ahead, on the same resampled accounts, of saying the
# same of everybody, of the time since the last visit, of a logistic regression over all features, and of the health
# score without any model. The whole interval right of the line is proof; across it is not.

# %%
evaluation = judged.evaluation
ahead = pd.DataFrame(
    [
        {"rival": rival.replace("_", " "), **vars(of["roc_auc"])}
        for rival, of in evaluation.ahead.items()
        if rival != "truth"
    ]
)
y = alt.Y("rival:N", title=None, sort=list(ahead["rival"]), axis=alt.Axis(ticks=False, domain=False))
bars = (
    alt.Chart(ahead)
    .mark_rule(strokeWidth=3, opacity=0.55, color="#0b6e6e")
    .encode(x=alt.X("low:Q", title="ahead on ROC AUC by"), x2="high:Q", y=y)
)
dots = alt.Chart(ahead).mark_point(filled=True, size=80, opacity=1, color="#0b6e6e").encode(x="value:Q", y=y)
zero = alt.Chart(pd.DataFrame({"x": [0.0]})).mark_rule(strokeDash=[4, 4], color="#5b666e").encode(x="x:Q")
(zero + bars + dots).properties(width=380, height=130)

# %%
forest_chart(evaluation.figures, "roc_auc")

# %% [markdown]
# ## Do the probabilities hold later?
#
# They were calibrated out of fold, before the judged cutoff. Left, as in life: what was said against what was seen,
# with the luck of one draw in it. Right, as only a simulator can: what was said against the mean true probability.

# %%
p, label = judged.predictions["model"], judged.rows["label"].to_numpy(dtype="float64")
held = reliability(p, label)
truth = judged.predictions["truth"]
by_bin = pd.DataFrame({"bin": pd.qcut(p, 10, labels=False, duplicates="drop"), "said": p, "true": truth})
means = by_bin.groupby("bin").mean()
top = float(max(means.to_numpy().max(), held["high"].max())) * 1.05
axis, scale = alt.Axis(format=".0%"), alt.Scale(domain=[0, top])
exact = (
    alt.Chart(means)
    .mark_point(filled=True, size=70, color="#20262b", opacity=1)
    .encode(
        x=alt.X("said:Q", title="probability said", axis=axis, scale=scale),
        y=alt.Y("true:Q", title="mean true probability", axis=axis, scale=scale),
    )
)
line = pd.DataFrame({"p": [0.0, top]})
diagonal = alt.Chart(line).mark_line(strokeDash=[4, 4], color="#9aa5ad").encode(x="p:Q", y="p:Q")
print(f"calibration error {evaluation.figures['model']['calibration_error'].value:.3f}; ", end="")
print(f"probabilities that hold exactly would show {error_by_chance(p):.3f} by chance")
reliability_chart(ReliabilityBin.rows_of(held)) | (diagonal + exact).properties(width=340, height=260)

# %% [markdown]
# ## Against the truth
#
# The true probabilities do not order accounts perfectly either: who leaves is a draw. What counts is the share of what
# can be known.

# %%
here, best = (evaluation.figures[who]["roc_auc"].value for who in ("model", "truth"))
print(f"ROC AUC {here:.3f} of {best:.3f}: {(here - 0.5) / (best - 0.5):.0%} of what can be known above chance")

# %% [markdown]
# ## What an interval means
#
# A real company lives once. This one can live again: other accounts of the same kind are drawn, and whether each
# leaves is drawn anew from its true probability, a thousand times. The bars are the ROC AUC of the same model in those
# lives; the band is the interval it was given from the one life we saw.

# %%
rng = np.random.default_rng(0)
lives = []
for _ in range(1000):
    again = rng.integers(0, len(p), len(p))
    leaves = rng.random(len(p)) < truth[again]
    lives.append(roc_auc_score(leaves, p[again]))
auc = evaluation.figures["model"]["roc_auc"]
inside = np.mean([(auc.low <= life <= auc.high) for life in lives])
print(f"interval [{auc.low:.3f}, {auc.high:.3f}]; the mean of the other lives is {np.mean(lives):.3f}, ", end="")
print(f"and {inside:.0%} of them lie in it")
band = alt.Chart(pd.DataFrame([vars(auc)])).mark_rect(opacity=0.2, color="#0b6e6e").encode(x="low:Q", x2="high:Q")
point = alt.Chart(pd.DataFrame([vars(auc)])).mark_rule(strokeWidth=2, color="#0b6e6e").encode(x="value:Q")
bars = (
    alt.Chart(pd.DataFrame({"auc": lives}))
    .mark_bar(color="#9aa5ad")
    .encode(
        x=alt.X("auc:Q", bin=alt.Bin(maxbins=40), title="ROC AUC in another life"), y=alt.Y("count()", title="lives")
    )
)
(bars + band + point).properties(width=400, height=200)

# %% [markdown]
# An interval is made to hold the *mean* of the other lives in 19 of 20 companies, not 19 of 20 lives of this one; how
# often it does is measured in `docs/believe.md`. What no interval covers is that the times change: a model judged on
# one quarter has shown nothing about a quarter unlike it.
