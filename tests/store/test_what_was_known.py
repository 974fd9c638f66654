"""What a day said was on record, it says for ever, whatever is written afterwards: random weeks of a small team."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

import pytest

from churnml.adapters.store import Store
from churnml.ledger import BandState, DayPlan, Override, PriorState, WorkEvent, WorkItem
from tests.store.days import NOW, account, arm, decision, event, item, record, scores

BEGIN = dt.date(2024, 1, 29)  # a Monday in one month whose week ends in the next
ACCOUNTS = tuple("abcdef")
OWNERS = ("olga", "otto")
DAYS = 24


def known(store: Store, on: dt.date) -> PriorState:
    return replace(store.prior_state(on, 10), stamp=0)


def one_day(store: Store, on: dt.date, rng: random.Random, revision: int = 1) -> None:
    """Some are scored, some get work, some work is done, put off or given away, some are spoken for."""
    prior = store.prior_state(on, 10)
    busy = {one.account_id for one in prior.work if one.state in ("open", "snoozed")}
    had = {one.work_id for one in prior.work}
    new = [
        item(name, on, owner=rng.choice(OWNERS), minutes=rng.choice((30, 60)), cost=rng.choice((0.0, 12.5)))
        for name in rng.sample(ACCOUNTS, 2)
        if name not in busy
    ]
    new = [one for one in new if one.work_id not in had]
    closed = [
        replace(one, state="closed", ended_on=on, ended_because="the reason is gone", snoozed_until=None)
        for one in prior.work
        if one.state in ("open", "snoozed") and one.opened_on < on and rng.random() < 0.15
    ]
    events: list[WorkEvent] = [event(one.work_id, on, "opened") for one in new]
    events += [event(one.work_id, on, "closed") for one in closed]
    drawn = [arm(one.account_id, on) for one in new if (one.account_id, one.playbook) not in prior.assignments]
    scored = sorted(rng.sample(ACCOUNTS, 4))
    bands = [BandState(name, on, 40.0, rng.choice(("healthy", "at_risk")), on) for name in scored]
    rows = [account(state.account_id, band=state.band) for state in bands]
    plan = DayPlan(tuple(decision(one, one.account_id) for one in new), (*new, *closed), tuple(events), tuple(drawn))
    assert record(store, scores(on, *rows), f"{on}/{revision}", NOW, plan, bands=bands, stamp=prior.stamp)
    for was in store.work.items(living=True):
        becomes, what = _touched(was, on, rng)
        if becomes != was:
            store.work.change(was, becomes, event(was.work_id, on, what, "olga"), NOW)
    if rng.random() < 0.4:
        made = Override(f"o-{on}-{revision}", rng.choice(ACCOUNTS), 80.0, "olga", "so", on, on + dt.timedelta(days=6))
        store.overrides.add(made, NOW)
    for standing in store.overrides.all(holding_on=on):
        if rng.random() < 0.1:
            store.overrides.withdraw(standing.override_id, on, NOW, who="rita", why="no")


def _touched(was: WorkItem, on: dt.date, rng: random.Random) -> tuple[WorkItem, str]:
    luck = rng.random()
    if luck < 0.15:
        return replace(was, state="done", ended_on=on, ended_because="spoke", snoozed_until=None), "done"
    if luck < 0.3 and was.state == "open":
        return replace(was, state="snoozed", snoozed_until=on + dt.timedelta(days=3)), "snoozed"
    if luck < 0.4 and was.state == "snoozed":
        return replace(was, state="open", snoozed_until=None), "woken"
    if luck < 0.5:
        return replace(was, owner=OWNERS[was.owner == OWNERS[0]]), "reassigned"
    return was, ""


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_on_record_at_the_end_of_a_day_is_so_for_ever(store: Store, seed: int) -> None:
    rng = random.Random(seed)
    said: dict[dt.date, PriorState] = {}
    for n in range(DAYS):
        on = BEGIN + dt.timedelta(days=n)
        for revision in range(1, rng.choice((2, 2, 3))):
            one_day(store, on, rng, revision)
        said[on] = known(store, on)
    assert {on: known(store, on) for on in said} == said
    # and it is not all the same: what is known changes from day to day
    for what in ("bands", "overrides", "work", "assignments", "minutes", "spent"):
        assert len({str(getattr(prior, what)) for prior in said.values()}) > 3, what
