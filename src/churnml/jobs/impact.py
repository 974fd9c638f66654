"""``churnml impact``: what came of everybody who was enrolled in a playbook, from the project's own tables."""

from __future__ import annotations

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
import pandas as pd

from churnml import snapshots
from churnml.impact.effects import impact
from churnml.impact.measures import About, Terms
from churnml.impact.report import ImpactReport
from churnml.jobs.opening import OpenedProject, Progress, silent
from churnml.labels import Label
from churnml.ledger import Assignment, EnrolmentOutcome, MeasuredEffect, WorkItem
from churnml.outcomes import paid_after
from churnml.stretches import KEY, cutoff_relation
from churnml.tables import Facts
from churnml.timeline import Reach

log = logging.getLogger("churnml.impact")

_COLUMNS = ("account_id", "playbook", "arm", "propensity", "assigned_on", "risk", "mrr", "worked", "elsewhere", "as_of")


def assess(
    opened: OpenedProject,
    assignments: Sequence[Assignment],
    items: Sequence[WorkItem],
    progress: Progress = silent,
    *,
    risks: Mapping[tuple[str, dt.date], float] | None = None,
    terms: Terms | None = None,
) -> ImpactReport:
    """The effect of every playbook on those who were enrolled in it.

    Args:
        opened: the project with its checked tables.
        assignments: every arm ever drawn.
        items: every work item ever opened.
        progress: told of every step.
        risks: (account, date of enrolment) → the churn probability stored that day, before anything was done. What
            could be told beforehand is taken off the outcomes, which makes intervals narrower; without it they hold
            all the same.
        terms: what is declared; None is the defaults.

    Outcomes are the project's own: its churn label with the window opening at enrolment, because an account lost in
    the days before the label's window was lost all the same; MRR at that window's end; its upsell label, if it has one.
    """
    progress(f"what came of {len(assignments):,} enrolments")
    enrolled = enrolments(opened, assignments, items, risks or {})
    return judged(opened, enrolled, progress, terms)


def judged(
    opened: OpenedProject, enrolled: pd.DataFrame, progress: Progress = silent, terms: Terms | None = None
) -> ImpactReport:
    """What :func:`assess` says, of ``enrolled`` as :func:`enrolments` gives it."""
    about = {p.name: About(p.title, p.goal, p.effect.likely) for p in opened.project.playbooks.playbooks}
    progress("the effect of every playbook")
    log.info(
        "%(enrolments)d enrolments of %(playbooks)d playbooks", {"enrolments": len(enrolled), "playbooks": len(about)}
    )
    return impact(enrolled, about, opened.facts.data_through, terms, opened.project.spec.currency)


def measured_effects(report: ImpactReport) -> list[MeasuredEffect]:
    """What each playbook was measured to do, as the store keeps it."""
    return [
        MeasuredEffect(
            one.playbook,
            report.data_through,
            one.targeting.line if one.targeting is not None and one.targeting.is_on else None,
            one.sentence,
        )
        for one in report.playbooks
    ]


def known_outcomes(opened: OpenedProject, enrolled: pd.DataFrame) -> list[EnrolmentOutcome]:
    """What is known of every enrolment whose window is over, of ``enrolled`` as :func:`enrolments` gives it."""
    over = enrolled[(enrolled["churn_state"] != "waiting") | ~enrolled["upsell_state"].isin(["waiting", "unasked"])]
    columns = [field.name for field in fields(EnrolmentOutcome) if field.name != "known_through"]
    values = over[columns].astype(object).where(over[columns].notna(), None).to_dict("records")
    through = opened.facts.data_through
    return [EnrolmentOutcome(**{str(k): v for k, v in row.items()}, known_through=through) for row in values]


def enrolments(
    opened: OpenedProject,
    assignments: Sequence[Assignment],
    items: Sequence[WorkItem],
    risks: Mapping[tuple[str, dt.date], float],
) -> pd.DataFrame:
    """Everybody enrolled with what came of them, a row each: the part that reads the project's tables."""
    churn = churn_label(opened)
    rows = _rows(assignments, items, risks, churn.reach)
    return outcomes(opened.facts, churn, upsell_label(opened), rows)


def churn_label(opened: OpenedProject) -> Label:
    """The label of the model that health takes its risk from; without one, the leaving that the tables record."""
    risk = opened.project.parts.risk
    if risk is not None:
        return opened.project.model(risk).label
    if opened.facts.subscriptions is not None:
        return Label(kind="contract")
    return Label(kind="event" if opened.facts.churn_events is not None else "lapse")


def upsell_label(opened: OpenedProject) -> Label | None:
    """The label of the project's model of growing; None without one."""
    grows = opened.project.parts.grows
    return None if grows is None else opened.project.model(grows).label


def _rows(
    assignments: Sequence[Assignment],
    items: Sequence[WorkItem],
    risks: Mapping[tuple[str, dt.date], float],
    reach: Reach,
) -> pd.DataFrame:
    of_account: defaultdict[str, list[WorkItem]] = defaultdict(list)
    for item in items:
        of_account[item.account_id].append(item)
    worked = {(item.account_id, item.playbook) for item in items}
    rows = [
        (
            a.account_id,
            a.playbook,
            a.arm,
            a.propensity,
            a.assigned_on,
            risks.get((a.account_id, a.assigned_on), np.nan),
            np.nan if a.mrr is None else a.mrr,
            (a.account_id, a.playbook) in worked,
            any(_elsewhere(item, a, reach) for item in of_account[a.account_id]),
            pd.Timestamp(a.assigned_on),
        )
        for a in assignments
    ]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    kinds = {"account_id": "object", "propensity": "float64", "risk": "float64", "mrr": "float64"}
    return frame.astype({**kinds, "worked": "bool", "elsewhere": "bool", "as_of": "datetime64[us]"})


def _elsewhere(item: WorkItem, of: Assignment, reach: Reach) -> bool:
    """Whether an item is another playbook's and was open between an enrolment and the close of its window."""
    open_then = item.opened_on < reach.window(of.assigned_on).end
    return item.playbook != of.playbook and open_then and (item.ended_on is None or item.ended_on >= of.assigned_on)


def outcomes(facts: Facts, churn: Label, upsell: Label | None, rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with what came of them, as :func:`churnml.impact.effects.impact` reads it.

    A row whose window, with all that settles after it, does not lie wholly inside the data is ``waiting`` and nothing
    is looked up for it.
    """
    keys = rows[KEY].drop_duplicates().sort_values(["as_of", "account_id"], ignore_index=True)
    spine = _as_it_stood(facts, keys)
    left = _after(facts, _from_enrolment(churn), spine).rename(columns={"label": "left", "state": "churn_state"})
    if upsell is None:
        grew = spine[KEY].assign(grew=np.nan, upsell_state="unasked", end_paid=np.nan)
    else:
        columns = {"label": "grew", "state": "upsell_state", "paid": "end_paid"}
        grew = _after(facts, upsell, spine).rename(columns=columns)
    with_outcomes = rows
    for known in (left, grew, spine[[*KEY, "mrr_then"]]):
        with_outcomes = with_outcomes.merge(known, on=KEY, how="left", validate="many_to_one")
    with_outcomes["mrr"] = with_outcomes["mrr"].fillna(with_outcomes.pop("mrr_then"))
    then = with_outcomes["mrr"].where(with_outcomes["mrr"] > 0)
    with_outcomes["kept"] = with_outcomes.pop("paid") / then
    with_outcomes["won"] = with_outcomes.pop("end_paid") / then - 1
    return with_outcomes.drop(columns="as_of")


def _from_enrolment(churn: Label) -> Label:
    """The same leaving, from the day of enrolment on; a lapse is a silence of its own length and keeps its window."""
    if churn.kind == "lapse":
        return churn
    return churn.model_copy(update={"gap": 0, "horizon": churn.gap + churn.horizon})


def _as_it_stood(facts: Facts, keys: pd.DataFrame) -> pd.DataFrame:
    """``keys`` with what the account paid at the cutoff, as known then, and whether the tables still hold it."""
    spine = keys.assign(mrr_cents=np.nan, seats=np.nan, plan=None)
    if facts.subscriptions is not None and len(keys):
        cutoffs = cutoff_relation(pd.Timestamp(day).date() for day in keys["as_of"].unique())
        status = snapshots.contract_status(facts, cutoffs).select(*KEY, "mrr_cents", "seats", "plan").to_pandas()
        status["as_of"] = status["as_of"].astype("datetime64[us]")
        spine = keys.merge(status, on=KEY, how="left", validate="one_to_one")
    spine["mrr_then"] = spine["mrr_cents"].astype("Float64").astype("float64") / 100.0
    spine["mrr_cents"] = spine["mrr_cents"].astype("Int64").fillna(0).astype("int64")
    there = snapshots.account_ids(facts) if len(keys) else frozenset()
    return spine.assign(there=spine["account_id"].isin(there))


def _after(facts: Facts, label: Label, spine: pd.DataFrame) -> pd.DataFrame:
    """``account_id, as_of, label, state, paid`` of every row of ``spine``."""
    mature = [label.reach.is_mature(day.date(), facts.data_through) for day in spine["as_of"]]
    state = np.where(mature, np.where(spine["there"], "counted", "vanished"), "waiting").astype(object)
    known = spine[KEY].assign(label=np.nan, state=state, paid=np.nan)
    counted = spine[(known["state"] == "counted").to_numpy()]
    if counted.empty:
        return known
    labelled = snapshots.attach_label(label, facts, counted)["label"].to_numpy()
    known.loc[counted.index, "label"] = labelled
    if facts.subscriptions is not None:
        paid = paid_after(facts, counted[KEY], label.gap + label.horizon)["paid"].to_numpy()
        known.loc[counted.index, "paid"] = paid
    known.loc[counted.index[np.isnan(labelled)], "state"] = "gone"
    return known
