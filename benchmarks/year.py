"""A year of a simulated company, week by week through the real flows: is what is reported true?

``python -m benchmarks.year`` trains on two years of a company, lives a third one under three playbooks whose true
effects only the simulator knows, and holds the impact report against them; then lives half a year under three orders
of one list at the same capacity, and compares what each keeps. Writes its tables into ``docs/impact.md``.
"""

from __future__ import annotations

import os

os.environ["CHURNML_ENGINE"] = "plain"  # before the flows are imported: they are run as the functions they are

import argparse
import copy
import datetime as dt
import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.believe import replace_block
from benchmarks.interventions import InterventionEffect
from benchmarks.living_company import LivingCompany
from benchmarks.year_checks import Checked, checked
from churnml.adapters.project import Project, open_project
from churnml.adapters.store import Store, open_store
from churnml.health.bands import flap_rates
from churnml.impact.measures import Terms
from churnml.jobs import impact as impact_job
from churnml.jobs.opening import open_data
from churnml.jobs.work import change_item
from churnml.specs.health import INSUFFICIENT
from churnml.timeline import Reach, plus_days
from churnml.work import life as work
from churnml.work import settling
from pipelines.score import score
from pipelines.train import train

PAGE = Path(__file__).parents[1] / "docs" / "impact.md"
DECLARED = Path(__file__).parent / "year_company"
PAST = 104  # weeks before the year, to learn from
# What only the simulator knows, on the logit of giving notice, for a quarter from the Monday of the work on.
EFFECTS = {
    "sponsor_review": InterventionEffect(leave=-2.0),
    "monthly_letter": InterventionEffect(),
    "early_renewal_call": InterventionEffect(leave=1.3),
}
TRUTH = {"sponsor_review": "works", "monthly_letter": "does nothing", "early_renewal_call": "harms"}
# Declared before the year: less than five points of leaving is not worth a playbook.
TERMS = Terms(worth=0.05, expected=1500)
# The report counts whoever leaves from the enrolment on, so the truth does too.
WINDOW = Reach(gap=0, horizon=98, settle=28)
TODAY = "2030-01-01"  # no date of the year is in the future
LATE = 6  # one piece of work in so many is done a week late


@dataclass(frozen=True)
class Size:
    """How large the company is, and how long it is watched."""

    accounts: int
    events_a_year: int = 120
    weeks: int = 52
    seed: int = 7

    def company(self) -> LivingCompany:
        """The company on the Monday before its year."""
        return LivingCompany(
            accounts=self.accounts,
            months=36,
            weeks=PAST,
            seed=self.seed,
            events=self.accounts * 3 * self.events_a_year,
            churn=WINDOW,
        )


@dataclass(frozen=True)
class Enrolled:
    """An account on the Monday it was about to be treated, and what only the simulator knows of it.

    Args:
        account_id, playbook, on: whom, for what, when.
        treated: whether it was.
        without, with_it: true churn probability if left alone and if treated; of what happened before both know.
        mrr: what it paid then.
    """

    account_id: str
    playbook: str
    on: dt.date
    treated: bool
    without: float
    with_it: float
    mrr: float

    @property
    def effect(self) -> float:
        return self.with_it - self.without

    @property
    def kept(self) -> float:
        """Expected MRR a month that treating keeps."""
        return -self.effect * self.mrr


def tell(sentence: str) -> None:
    """One line of progress."""
    sys.stderr.write(f"year {time.strftime('%H:%M:%S')}: {sentence}\n")
    sys.stderr.flush()


# ---------------------------------------------------------------- the company's own year


def settle_in(root: Path, company: LivingCompany, declared: Path) -> None:
    """Writes the company's project with its declarations, and trains."""
    company.write(root)
    project = root / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("models: [churn, upsell]", "models: [churn]"), "utf-8")
    shutil.copytree(declared, root / "models")
    shutil.copytree(DECLARED / "churn", root / "models" / "churn")
    record = train(str(root), today=TODAY)["churn"]
    if not record.promoted:
        raise ValueError(f"the churn model was not promoted: {record.because}")


def score_week(root: Path) -> dt.date:
    """Scores, routes and writes down the newest date of a project, by the scoring flow."""
    return score(str(root), today=TODAY).as_of


def live(
    company: LivingCompany,
    root: Path,
    weeks: int,
    effects: Mapping[str, InterventionEffect],
    report: Callable[[str], None] = tell,
) -> list[Enrolled]:
    """Lives some weeks: each Monday the data arrive and are scored, then the team works its list."""
    enrolled: list[Enrolled] = []
    for week in range(weeks):
        company.write(root)
        as_of = score_week(root)
        project = open_project(root)
        with open_store(project.operational_url) as store:
            new = enrolled_on(store, as_of, company, effects)
            work_the_list(project, store, as_of)
        enrolled += new
        company.step({one.account_id: effects[one.playbook] for one in new if one.treated})
        if week % 4 == 3 or week == weeks - 1:
            report(f"{root.name}: week {week + 1} of {weeks}, {len(enrolled):,} accounts enrolled")
    return enrolled


def enrolled_on(
    store: Store, as_of: dt.date, company: LivingCompany, effects: Mapping[str, InterventionEffect]
) -> list[Enrolled]:
    """Whom the day took in: those with work opened, and those held out on the day it would have been."""
    opened = {(item.account_id, item.playbook) for item in store.work.items() if item.opened_on == as_of}
    held = {
        (one.account_id, one.playbook)
        for one in store.outcomes.assignments()
        if one.assigned_on == as_of and one.arm == "holdout"
    }
    taken = sorted(opened | held)
    accounts = [account for account, _ in taken]
    without = company.truth(accounts).churn
    with_it = company.truth(accounts, [effects[playbook] for _, playbook in taken]).churn
    mrr = company.mrr()
    return [
        # nobody can be kept who has given notice, whatever is done
        Enrolled(account, playbook, as_of, (account, playbook) in opened, *known(before, after), mrr.get(account, 0.0))
        for (account, playbook), before, after in zip(taken, without, with_it, strict=True)
    ]


def known(without: float, with_it: float) -> tuple[float, float]:
    return (float(without), float(with_it)) if np.isfinite(without) else (1.0, 1.0)


def work_the_list(project: Project, store: Store, as_of: dt.date) -> None:
    """Everybody does this week's work by Friday, now and then a week late."""
    friday = plus_days(as_of, 4)
    now = dt.datetime.combine(friday, dt.time(16))
    for item in store.work.items(living=True):
        late = int(hashlib.sha256(item.work_id.encode()).hexdigest(), 16) % LATE == 0
        if late and item.opened_on == as_of:
            continue
        change_item(project, store, item.work_id, lambda it: work.done(it, who=it.owner, on=friday), now)


# ---------------------------------------------------------------- does the report find the truth?


@dataclass(frozen=True)
class MeasuredPlaybook:
    """One playbook: what is true of those who are counted, and what is reported."""

    playbook: str
    truth: float
    treated: int
    holdout: int
    value: float | None
    low: float | None
    high: float | None
    verdict: str
    sentence: str

    @property
    def holds(self) -> bool:
        return self.low is not None and self.high is not None and self.low <= self.truth <= self.high


def experiment(size: Size, scratch: Path) -> dict[str, Any]:
    """The year under three playbooks."""
    started = time.perf_counter()
    company, root = size.company(), scratch / "experiment"
    tell(f"training on {PAST} weeks of {size.accounts:,} accounts")
    settle_in(root, company, DECLARED / "experiment")
    enrolled = live(company, root, size.weeks, EFFECTS)
    company.write(root)
    tell("reading the impact report")
    measured = found_of(root, enrolled)
    tell("checking the year's list")
    lines = checked(root)
    rates = flaps(root)
    return {
        "found": [asdict(one) for one in measured],
        "checked": asdict(lines),
        "flaps": rates,
        "enrolled": len(enrolled),
        "accounts": size.accounts,
        "weeks": size.weeks,
        "seconds": time.perf_counter() - started,
    }


def found_of(root: Path, enrolled: Sequence[Enrolled]) -> list[MeasuredPlaybook]:
    """What the impact report says of each playbook, beside the mean true effect on the accounts it counts."""
    opened = open_data(root, dt.date.fromisoformat(TODAY))
    with open_store(opened.project.operational_url) as store:
        assignments, items, risks = store.outcomes.assignments(), store.work.items(), store.outcomes.risks()
    report = impact_job.assess(opened, assignments, items, risks=risks, terms=TERMS)
    known = impact_job.known_outcomes(opened, impact_job.enrolments(opened, assignments, (), {}))
    counted = {(outcome.account_id, outcome.playbook) for outcome in known if outcome.churn_state == "counted"}
    truths: dict[str, dict[str, float]] = {one.playbook: {} for one in report.playbooks}
    for one in enrolled:
        # the first time counts, as it does in the report
        if (one.account_id, one.playbook) in counted:
            truths[one.playbook].setdefault(one.account_id, one.effect)
    measured = []
    for one in report.playbooks:
        effect, truth = one.effects["left"], truths[one.playbook]
        if len(truth) != effect.outcomes:
            raise ValueError(f"{one.playbook}: {effect.outcomes} are counted, and {len(truth)} were seen enrolled")
        measured.append(
            MeasuredPlaybook(
                playbook=one.playbook,
                truth=float(np.mean(list(truth.values()))) if truth else float("nan"),
                treated=effect.treated,
                holdout=effect.holdout,
                value=effect.value,
                low=effect.low,
                high=effect.high,
                verdict=one.verdict,
                sentence=one.sentence,
            )
        )
    return sorted(measured, key=lambda one: list(EFFECTS).index(one.playbook))


def flaps(root: Path) -> dict[str, Any]:
    """Changes of band on the year's own scores, with the declared margin and dwell and without."""
    project = open_project(root)
    with open_store(project.operational_url) as store:
        dates = store.dates()
        rows = store.bands(dates[0], dates[-1])
    history = pd.DataFrame(rows).rename(columns={"health": "score"}).astype({"score": float})
    # a score without a band is one of which too little was known
    history["coverage"] = np.where(history["band"] == INSUFFICIENT, 0.0, 1.0)
    declared = project.health.settling
    twice = declared.model_copy(update={"margin": 2 * declared.margin, "dwell_days": 2 * declared.dwell_days})
    calmer = flap_rates(project.health.model_copy(update={"settling": twice}), history)["settled"]
    rates = {**flap_rates(project.health, history), "calmer": calmer}
    return {
        name: {"changes": one.changes, "flaps": one.flaps, "account_years": one.account_years, "days": one.within_days}
        for name, one in rates.items()
    }


# ---------------------------------------------------------------- which order keeps most?


def by_value(facts: pd.DataFrame) -> pd.DataFrame:
    """As it is: probability × MRR × effect."""
    return facts


def by_risk(facts: pd.DataFrame) -> pd.DataFrame:
    """Whoever is most likely to leave, whatever is at stake."""
    return facts.assign(mrr=1e6)


def by_health(facts: pd.DataFrame) -> pd.DataFrame:
    """Whoever is unhealthiest, whatever is at stake."""
    return facts.assign(mrr=1e6, churn_probability=(100.0 - facts["health"].astype(float)) / 100.0)


ORDERS: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {"value": by_value, "risk": by_risk, "health": by_health}
CALLED = {"value": "expected value", "risk": "risk alone", "health": "health alone"}


@contextmanager
def ordered(order: Callable[[pd.DataFrame], pd.DataFrame]) -> Iterator[None]:
    """The flow, with what its list is ordered by replaced; rules, team and everything else stay."""
    plan = settling.plan_day

    def plan_by(rules: Any, team: Any, as_of: dt.date, facts: pd.DataFrame, *rest: Any, **named: Any) -> Any:
        return plan(rules, team, as_of, order(facts), *rest, **named)

    with mock.patch.object(settling, "plan_day", plan_by):
        yield


def comparison(size: Size, scratch: Path) -> dict[str, Any]:
    """Half a year of one playbook under three orders of the list, and without it; then a quarter to see what came."""
    started = time.perf_counter()
    size = replace(size, accounts=size.accounts // 2)
    company, base = size.company(), scratch / "base"
    tell(f"training on {PAST} weeks of {size.accounts:,} accounts")
    settle_in(base, company, DECLARED / "comparison")
    effects = {"sponsor_review": EFFECTS["sponsor_review"]}
    weeks, after = size.weeks // 2, EFFECTS["sponsor_review"].weeks + 9
    alone = copy.deepcopy(company)
    for _ in range(weeks + after):
        alone.step()
    nobody = sum(alone.mrr().values())
    orders = []
    for name, order in ORDERS.items():
        root = scratch / f"by-{name}"
        copied(base, root)
        lived = copy.deepcopy(company)
        with ordered(order):
            treated = live(lived, root, weeks, effects)
        for _ in range(after):
            lived.step()
        orders.append(
            {
                "order": name,
                "treated": len(treated),
                "kept": sum(one.kept for one in treated),
                "leavers": sum(one.without for one in treated),
                "paid": float(np.mean([one.mrr for one in treated])),
                "realised": sum(lived.mrr().values()) - nobody,
            }
        )
    seconds = time.perf_counter() - started
    told = {"orders": orders, "nobody": nobody, "accounts": size.accounts, "weeks": weeks, "after": after}
    return {**told, "seconds": seconds}


def copied(base: Path, root: Path) -> None:
    """The trained project in another folder, with results of its own; its models stay where they were trained."""
    shutil.copytree(base, root)
    url = open_project(base).registry_url
    project = root / "project.yaml"
    project.write_text(project.read_text("utf-8") + f"stores: {{registry: '{url}'}}\n", "utf-8")


# ---------------------------------------------------------------- the page


def points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.1f}"


def proof_lines(proof: Mapping[str, Any]) -> list[str]:
    """The table of the three playbooks."""
    measured = [MeasuredPlaybook(**one) for one in proof["found"]]
    lines = [
        f"{proof['accounts']:,} accounts, {proof['weeks']} weeks; {proof['enrolled']:,} times an account was about to "
        "be treated. Points are hundredths of the share that left in the window.",
        "",
        "| playbook | is known to | outcomes (treated + left alone) | true effect, points | estimate [interval] "
        "| interval holds the truth | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.playbook} | {TRUTH[one.playbook]} | {one.treated:,} + {one.holdout:,} | {points(one.truth)} "
        f"| {points(one.value)} [{points(one.low)}, {points(one.high)}] | {'yes' if one.holds else '**no**'} "
        f"| {one.verdict} |"
        for one in measured
    ]
    return [*lines, "", "What the report says:", "", *(f"- {one.sentence}" for one in measured)]


def order_lines(orders: Mapping[str, Any]) -> list[str]:
    """The table of the three orders."""
    best = next(one for one in orders["orders"] if one["order"] == "value")
    lines = [
        f"{orders['accounts']:,} accounts under one playbook that helps, {orders['weeks']} weeks of 25 pieces of work; "
        f"MRR is read {orders['after']} weeks later, when the last of it has had its effect. Without anybody treated "
        f"it is {orders['nobody']:,.0f} then.",
        "",
        "| the list is ordered by | treated | their mean MRR | of them would leave | expected MRR kept | beside "
        "expected value | MRR more than with nobody treated |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {CALLED[one['order']]} | {one['treated']:,} | {one['paid']:,.0f} | {one['leavers']:.0f} "
        f"| {one['kept']:,.0f} | {one['kept'] / best['kept']:.2f} × | {one['realised']:,.0f} |"
        for one in orders["orders"]
    ]
    return lines


def flap_lines(measured: Mapping[str, Any]) -> list[str]:
    """The table of flaps."""
    names = {
        "unsettled": "without margin and dwell",
        "settled": "as declared",
        "calmer": "with twice the declared margin and dwell",
    }
    lines = [
        "| bands | changes of band | taken back within 60 days | flaps a year of an account |",
        "|---|---|---|---|",
    ]
    for name, called in names.items():
        one = measured["flaps"][name]
        rate = one["flaps"] / one["account_years"]
        lines.append(f"| {called} | {one['changes']:,} | {one['flaps']:,} | {rate:.2f} |")
    return lines


def check_lines(proof: Mapping[str, Any]) -> list[str]:
    """What was checked of the year's list."""
    return Checked(**proof["checked"]).lines_of_page()


def write_page(proof: Mapping[str, Any], orders: Mapping[str, Any], seconds: float) -> None:
    """Puts every table into its place."""
    replace_block("proof", proof_lines(proof), PAGE)
    replace_block("orders", order_lines(orders), PAGE)
    replace_block("flaps", flap_lines(proof), PAGE)
    replace_block("checks", check_lines(proof), PAGE)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = (
        f"Two trainings and {proof['weeks'] + 3 * orders['weeks']} Mondays took {seconds / 60:.0f} minutes, and "
        f"{(used.ru_utime + used.ru_stime) / 60:.0f} minutes of processor time."
    )
    replace_block("spent", [spent], PAGE)


def failures(proof: Mapping[str, Any], orders: Mapping[str, Any]) -> list[str]:
    """What the page would have to say against us."""
    measured = [MeasuredPlaybook(**one) for one in proof["found"]]
    wrong = [f"the interval of {one.playbook} does not hold the truth" for one in measured if not one.holds]
    expected = {"sponsor_review": "works", "monthly_letter": "no_sign", "early_renewal_call": "harms"}
    wrong += [
        f"{one.playbook}: {one.verdict}, not {expected[one.playbook]}"
        for one in measured
        if one.verdict != expected[one.playbook]
    ]
    kept = {one["order"]: one["kept"] for one in orders["orders"]}
    wrong += [f"{name} keeps more than expected value" for name in ("risk", "health") if kept[name] >= kept["value"]]
    return wrong + Checked(**proof["checked"]).problems


PARTS: dict[str, Callable[[Size, Path], dict[str, Any]]] = {"experiment": experiment, "comparison": comparison}


def measured(size: Size, scratch: Path) -> list[dict[str, Any]]:
    """Both parts, each in a process of its own, at the same time."""
    told = {part: scratch / f"{part}.json" for part in PARTS}
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(size).items()]
    running = [
        subprocess.Popen([sys.executable, "-m", "benchmarks.year", "--part", part, "--out", str(out), *arguments])
        for part, out in told.items()
    ]
    codes = [process.wait() for process in running]
    if any(codes):
        raise SystemExit("a part of the year failed; see above")
    return [json.loads(out.read_text("utf-8")) for out in told.values()]


def main(arguments: Sequence[str] | None = None) -> None:
    """Lives the year and writes the page's tables."""
    parser = argparse.ArgumentParser(description="A year week by week, held against its truth; docs/impact.md.")
    parser.add_argument("--accounts", type=int, default=12_000, help="of the experiment; the orders have half as many")
    parser.add_argument("--events-a-year", type=int, default=120)
    parser.add_argument("--weeks", type=int, default=52)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--part", choices=tuple(PARTS), help="only this, into --out")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args(arguments)
    size = Size(asked.accounts, asked.events_a_year, asked.weeks, asked.seed)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        if asked.part:
            asked.out.write_text(json.dumps(PARTS[asked.part](size, Path(scratch))), "utf-8")
            return
        proof, orders = measured(size, Path(scratch))
    write_page(proof, orders, time.perf_counter() - started)
    wrong = failures(proof, orders)
    if wrong:
        raise SystemExit("\n".join(wrong))


if __name__ == "__main__":
    main()
