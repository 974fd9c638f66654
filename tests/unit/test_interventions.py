"""The company that lives on: what is done changes what it should, and nothing else; and the truth knows by how much."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmarks.interventions import InterventionEffect, Interventions
from benchmarks.living_company import LivingCompany
from churnml.errors import ProjectError
from churnml.simulate import CHURN, UPSELL
from churnml.simulate.clock import NEVER, WEEK_DAYS, clock_of, taken, weeks_of
from churnml.simulate.company import streams
from churnml.simulate.history import Care, History, advance, live
from churnml.simulate.population import draw_accounts
from churnml.simulate.truth import Cases, cases_of, true_probabilities
from tests.unit.test_simulate import CHURN_WEEKS, CLOCK, START, UPSELL_WEEKS, copies, past

HELP, HARM = InterventionEffect(leave=-3.0, up=1.0), InterventionEffect(leave=3.0)


def living(weeks: int = 60, seed: int = 3) -> LivingCompany:
    return LivingCompany(accounts=200, months=24, weeks=weeks, seed=seed, events=20_000)


def written(company: LivingCompany, root: Path) -> dict[str, pd.DataFrame]:
    company.write(root)
    return {name: pd.read_csv(root / "data" / f"{name}.csv", dtype=str) for name in ("contracts", "helpdesk_tickets")}


def digests(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# ---------------------------------------------------------------- a life without interventions


def test_a_company_in_which_nothing_is_done_lives_the_weeks_of_the_simulated_one() -> None:
    company = living()
    while not company.over:
        company.step()
    clock, rngs = clock_of(START, 24), streams(3)
    ahead = max(weeks_of(CHURN, "churn", 40).end, weeks_of(UPSELL, "upsell", 16).end)
    history = live(draw_accounts(200, clock, rngs["accounts"]), clock, ahead, rngs["history"])
    assert np.array_equal(company._diary.history().z, history.z)
    assert np.array_equal(company._diary.states.end_day, history.states.end_day)
    assert (history.states.end_day != NEVER).sum() > 20


def test_equal_arguments_and_equal_interventions_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        company = living()
        company.write(tmp_path / name)
        company.step({company.ids[3]: HELP})
        company.write(tmp_path / name)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_a_week_adds_to_what_was_known_and_rewrites_nothing_of_the_past(tmp_path: Path) -> None:
    company = living()
    before = written(company, tmp_path)
    events = digests(tmp_path / "data" / "events")
    end = pd.Timestamp(company.as_of)
    for _ in range(6):
        company.step()
    after = written(company, tmp_path)
    terms = ["contract_no", "valid_from", "plan_name", "seats", "monthly_amount", "renewal_date"]
    known = after["contracts"][pd.to_datetime(after["contracts"]["valid_from"]) < end]
    assert known[terms].reset_index(drop=True).equals(before["contracts"][terms])
    told = before["contracts"]["notice_received"].notna().to_numpy()
    assert told.any()
    assert known["notice_received"].to_numpy()[told].tolist() == (
        before["contracts"]["notice_received"].to_numpy()[told].tolist()
    )
    assert (pd.to_datetime(known["notice_received"].to_numpy()[~told]).dropna() >= end).all()
    tickets = after["helpdesk_tickets"].head(len(before["helpdesk_tickets"]))
    facts = ["ticket_no", "account_no", "created", "prio", "subject"]
    assert tickets[facts].equals(before["helpdesk_tickets"][facts])
    now = digests(tmp_path / "data" / "events")
    assert {name: now[name] for name in events} == events
    assert len(now) == len(events) + 1


def test_a_file_of_events_holds_what_arrived_since_the_last_one(tmp_path: Path) -> None:
    company = living()
    company.write(tmp_path)
    company.step()
    company.write(tmp_path)
    first, second = (pq.read_table(path).to_pandas() for path in sorted((tmp_path / "data" / "events").iterdir()))
    monday = pd.Timestamp(company.as_of) - pd.Timedelta(days=WEEK_DAYS)
    assert first["received_at"].max() < monday <= second["received_at"].min()
    assert second["received_at"].max() < monday + pd.Timedelta(days=WEEK_DAYS)
    assert (second["event_time"] < monday).any()  # late rows come with a later file
    assert len(second) > 50


# ---------------------------------------------------------------- interventions


def test_what_is_done_to_one_account_changes_no_contract_of_another(tmp_path: Path) -> None:
    company = living()
    other = copy.deepcopy(company)
    treated = [str(account) for account in company.ids[:100]]
    for week in range(40):
        company.step()
        other.step(dict.fromkeys(treated, HARM) if week % 10 == 0 else {})
    alone, beside = written(company, tmp_path / "alone")["contracts"], written(other, tmp_path / "beside")["contracts"]
    untouched = [frame[~frame["account_no"].isin(treated)].reset_index(drop=True) for frame in (alone, beside)]
    assert untouched[0].equals(untouched[1])
    ended = [frame.loc[frame["account_no"].isin(treated), "valid_to"].notna().sum() for frame in (alone, beside)]
    assert ended[1] > ended[0] + 10


def test_help_that_comes_after_the_notice_changes_nothing() -> None:
    company = living()
    past_help = [str(a) for a, p in zip(company.ids, company.truth(company.ids).churn, strict=True) if np.isnan(p)]
    other = copy.deepcopy(company)
    company.step()
    other.step(dict.fromkeys(past_help, HELP))
    assert not np.any(other._done.leave)
    assert past_help
    assert np.array_equal(company._diary.states.end_day, other._diary.states.end_day)


def test_an_effect_lasts_its_weeks_and_adds_to_others() -> None:
    done = Interventions.none(3, 10).and_also(np.array([1]), 2, [InterventionEffect(leave=-1.0, up=0.5, weeks=3)])
    done = done.and_also(np.array([1]), 4, [InterventionEffect(leave=-2.0, weeks=2)])
    assert done.leave[1].tolist() == [0, 0, -1, -1, -3, -2, 0, 0, 0, 0]
    assert done.up[1].tolist() == [0, 0, 0.5, 0.5, 0.5, 0, 0, 0, 0, 0]
    assert not done.leave[[0, 2]].any()
    with pytest.raises(ProjectError, match="a week or more"):
        InterventionEffect(weeks=0)


def test_the_mrr_of_a_monday_is_what_the_contracts_say(tmp_path: Path) -> None:
    company = living()
    frame = written(company, tmp_path)["contracts"]
    now = pd.Timestamp(company.as_of)
    pays = (pd.to_datetime(frame["valid_from"]) < now) & ~(pd.to_datetime(frame["valid_to"]) < now)
    said = frame[pays].astype({"monthly_amount": float}).groupby("account_no")["monthly_amount"].sum()
    assert company.mrr() == pytest.approx(said.to_dict())
    assert len(said) > 100


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    company = living(weeks=103)
    with pytest.raises(ProjectError, match="no account 'A9'"):
        company.step({"A9": HELP})
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    with pytest.raises(ProjectError, match="does not hold this living company"):
        company.write(tmp_path / "theirs")
    company.write(tmp_path / "ours")
    company.step()
    with pytest.raises(ProjectError, match="does not hold this living company"):
        company.write(tmp_path / "elsewhere")
    with pytest.raises(ProjectError, match="time is over"):
        company.step()
    with pytest.raises(ProjectError, match="within its life"):
        living(weeks=105)


def test_what_a_user_declared_in_the_project_stays_when_a_week_is_added(tmp_path: Path) -> None:
    company = living()
    company.write(tmp_path)
    project = tmp_path / "project.yaml"
    project.write_text(project.read_text("utf-8").replace("[churn, upsell]", "[churn]") + "# mine\n", "utf-8")
    company.step()
    company.write(tmp_path)
    text = project.read_text("utf-8")
    assert "models: [churn]\n" in text
    assert text.endswith("# mine\n")
    assert f"data_through: {company.as_of - pd.Timedelta(days=1):%Y-%m-%d}\n" in text


# ---------------------------------------------------------------- the true effect


def chosen(history: History, week: int, n: int) -> Cases:
    """Monthly first contracts of one Monday, spread over the range of their churn probability."""
    cases = cases_of(history)
    first = len(history.states.account) // 2
    mine = (cases.week == week) & (cases.unit < first) & (cases.fixed_until <= week)
    cases = taken(cases, np.flatnonzero(mine))
    churn, _ = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    return taken(cases, np.argsort(churn)[np.linspace(len(cases) // 2, len(cases) - 1, n).astype(int)])


def lived(
    history: History, cases: Cases, each: int, seed: int, effect: InterventionEffect
) -> tuple[np.ndarray, np.ndarray]:
    """Churn and upsell frequencies of ``cases``, each treated and lived through ``each`` times."""
    book, week, n = copies(history, cases, each), int(cases.week[0]), len(cases) * each
    rng = np.random.default_rng(seed)
    grown, paying = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for ahead in range(CHURN_WEEKS.end + CHURN_WEEKS.grace):
        if ahead == UPSELL_WEEKS.end:
            paying = book.active[:n].copy()
        on = float(ahead < effect.weeks)
        care = Care(np.full(2 * n, effect.leave * on), np.full(2 * n, effect.up * on))
        happened = advance(book, week + ahead, CLOCK, rng, care)
        if ahead < UPSELL_WEEKS.end:
            grown[happened.upgraded[happened.upgraded < n]] = True
            grown[happened.downgraded[happened.downgraded < n]] = False
    away = (book.start_day[n:] == NEVER) | (book.start_day[n:] - book.end_day[:n] >= CHURN.settle)
    after = np.where((book.end_day[:n] != NEVER) & away, book.end_day[:n] // WEEK_DAYS - week, 10**6)
    stays = after >= CHURN_WEEKS.gap
    left = stays & (after < CHURN_WEEKS.end)
    shape = (len(cases), each)
    return left.reshape(shape).sum(1) / stays.reshape(shape).sum(1), (grown & paying).reshape(shape).mean(1)


def test_the_true_effect_is_that_of_living_it() -> None:
    history, effect = past(1500, 11), InterventionEffect(leave=1.1, up=0.9, weeks=6)
    cases = chosen(history, week=60, n=10)
    none = Interventions.none(len(history.states.account), CLOCK.weeks + 30)
    done = none.and_also(cases.unit, 60, [effect] * len(cases))
    exact = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS, done)
    without = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    # separate worlds, because copies in one world share its incidents
    runs = [lived(history, cases, 60, seed, effect) for seed in range(60)]
    for truth, untreated, found in zip(exact, without, np.array(runs).swapaxes(0, 1), strict=True):
        error = found.std(axis=0, ddof=1) / np.sqrt(len(runs)) + 3e-4
        assert np.abs((found.mean(axis=0) - truth) / error).max() < 4.0
        # and it is not that of leaving them alone
        assert np.abs((found.mean(axis=0) - untreated) / error).max() > 8.0


def test_an_effect_outside_the_window_is_none() -> None:
    history = past(300, 5)
    cases = cases_of(history)
    cases = taken(cases, np.flatnonzero(cases.week == 60))
    none = Interventions.none(len(history.states.account), CLOCK.weeks + 30)
    plain = true_probabilities(history.states, cases, CHURN_WEEKS, UPSELL_WEEKS)
    effects = [InterventionEffect(leave=-2.0, up=1.0)] * len(cases)
    for week, same in ((60 + CHURN_WEEKS.end, True), (60 + CHURN_WEEKS.end - 3, False)):
        found = true_probabilities(
            history.states, cases, CHURN_WEEKS, UPSELL_WEEKS, none.and_also(cases.unit, week, effects)
        )
        assert np.array_equal(found, plain) is same
