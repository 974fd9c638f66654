"""``churnml metrics`` on small projects: which periods, what is told, whose the figures are."""

from __future__ import annotations

import json
from dataclasses import replace

import pandas as pd
import pytest
import yaml

from churnml.cli.app import app
from churnml.errors import ChurnmlError
from churnml.jobs.metrics import WantedMetrics, revenue_report
from churnml.jobs.opening import open_data
from churnml.pages.revenue import accounts_frame, figures_frame, remark_lines, revenue_data
from churnml.pages.terminal.revenue import metrics_text
from churnml.revenue.calendar import period_of, periods_between
from churnml.specs.metrics import MetricsSpec
from churnml.specs.reading import read_spec
from tests.support import TODAY, day, make_project, quick_facts

TABLES = {
    "accounts": """
        account_id | created_at | segment
        big        | 2023-01-01 | large
        small      | 2023-01-01 |
        free       | 2023-01-01 | small
        back       | 2023-01-01 | small
        """,
    "subscriptions": """
        account_id | subscription_id | starts_at  | ends_at    | mrr | currency | plan
        big        | b1              | 2023-01-01 |            | 1000 | EUR | pro
        small      | s1              | 2023-05-01 | 2024-05-01 | 20.5 | USD | basic
        free       | f1              | 2023-05-01 |            | 0    | USD | basic
        back       | k1              | 2023-05-01 | 2023-06-10 | 30   | USD | basic
        back       | k2              | 2023-06-20 |            | 30   | USD | basic
        """,
}
RATES = {"EUR": {"2023-01-01": 1.1, "2024-07-01": 1.2}}


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    root = tmp_path_factory.mktemp("revenue")
    make_project(root, TABLES, currency="USD", exchange_rates=RATES, fiscal_year_starts=4)
    return open_data(root, TODAY)


def test_without_a_word_the_last_months_that_are_over_are_shown(opened):
    report = revenue_report(opened, WantedMetrics())
    assert [one.period.name for one in report.figures] == [f"2024-{month:02}" for month in range(1, 13)]
    assert [one.churn for one in report.figures if one.churn] == [-2050]
    assert [line for line in remark_lines(report) if "gap" in line or "free" in line] == [
        "1 gap of at most 28 days without a contract was taken for none (returns_within).",
        "1 account with free contracts only: no customers here.",
    ]
    text = metrics_text(report)
    assert "1,150.50" in text
    assert "−20.50" in text


def test_whose_every_figure_is_adds_up_to_it(opened):
    report = revenue_report(opened, WantedMetrics("year", "segment"))
    rows, figures = accounts_frame(report), figures_frame(report)
    assert list(figures["period"].unique()) == ["FY2022/23", "FY2023/24"]
    sums = rows.groupby(["period", "group"])["closing"].sum().round(2)
    assert sums.to_dict() == figures.set_index(["period", "group"])["closing"].to_dict()
    assert set(figures["group"]) == {"(not given)", "large", "small"}
    assert "1 account without a segment: (not given)." in remark_lines(report)
    assert json.loads(json.dumps(revenue_data(report, accounts=True)))["accounts"][0]["account_id"] == "big"
    assert "big      new    " in metrics_text(report, accounts=True)


def test_a_store_keeps_what_dated_rates_need(opened):
    dated = MetricsSpec(exchange_rates="dated")
    object.__setattr__(opened.project, "metrics", dated)
    try:
        figures = revenue_report(opened, WantedMetrics("quarter", last=day("2024-09-30"))).figures
    finally:
        vars(opened.project).pop("metrics")
    assert [one.exchange for one in figures[-2:]] == [0, 10_000]
    assert figures[-1].period.name == "FY2024/25 Q2"
    assert figures[-1].net_retention == 1.0


@pytest.mark.parametrize(
    ("wanted", "what", "remedy"),
    [
        (WantedMetrics(per="segmant"), "no attribute of accounts named 'segmant'", "'segment'"),
        (WantedMetrics(per="industry"), "no attribute of accounts named 'industry'", "'segment'"),
        (WantedMetrics(last=day("2025-01-31")), "2025-01 is not over", "2024-12-31"),
        (WantedMetrics("year", last=day("2024-12-31")), "FY2024/25 is not over", "2024-03-31"),
        (WantedMetrics(first=day("2024-12-15"), as_of=day("2024-12-20")), "2024-12 is not over", "2024-11-30"),
        (WantedMetrics(as_of=day("2025-03-01")), "as of 2025-03-01 cannot be known", "2025-01-01"),
        (WantedMetrics(first=day("2024-05-01"), last=day("2024-04-01")), "2024-05-01 is after 2024-04-01", "--from"),
    ],
)
def test_what_cannot_be_told_is_refused_with_a_remedy(opened, wanted, what, remedy):
    with pytest.raises(ChurnmlError) as stopped:
        revenue_report(opened, wanted)
    assert what in stopped.value.what
    assert remedy in stopped.value.remedy


def test_renewals_due_need_a_date_or_a_term(opened):
    object.__setattr__(opened.project, "metrics", MetricsSpec(denominator="renewals_due"))
    try:
        with pytest.raises(ChurnmlError, match="no contract says when it is renewed"):
            revenue_report(opened, WantedMetrics())
    finally:
        vars(opened.project).pop("metrics")


def test_a_project_without_contracts_is_told_so(opened):
    without = replace(opened, facts=replace(opened.facts, subscriptions=None))
    with pytest.raises(ChurnmlError, match="the project has none"):
        revenue_report(without, WantedMetrics())


def test_the_fiscal_year_is_declared_in_one_place(tmp_path):
    path = tmp_path / "metrics.yaml"
    path.write_text(yaml.safe_dump({"fiscal_year_starts": 4}), "utf-8")
    with pytest.raises(ChurnmlError, match=r"stands in project\.yaml"):
        read_spec(MetricsSpec, path)
    path.write_text(yaml.safe_dump({"rates_of": "2024-01-01"}), "utf-8")
    with pytest.raises(ChurnmlError, match="needs exchange_rates: constant"):
        read_spec(MetricsSpec, path)


def test_periods_of_which_only_survivors_are_known_are_told(opened):
    accounts = [{"account_id": f"a{n}", "created_at": "2020-01-01"} for n in range(12)]
    rows = [
        {"account_id": f"a{n}", "subscription_id": f"s{n}", "starts_at": "2020-01-01", "mrr": 10.0, "ends_at": end}
        for n, end in enumerate(["2023-05-10", *[None] * 11])
    ]
    facts = replace(quick_facts({"accounts": accounts, "subscriptions": rows}), data_through=opened.facts.data_through)
    years = revenue_report(replace(opened, facts=facts), WantedMetrics("year", first=day("2021-04-01")))
    assert (
        "No contract is known to have ended before 10 May 2023: where those who had left are missing from the data, "
        "retention before 10 May 2023 is too high."
    ) in remark_lines(years)
    later = revenue_report(replace(opened, facts=facts), WantedMetrics("year", first=day("2023-04-01")))
    assert not any("No contract is known" in line for line in remark_lines(later))


@pytest.mark.parametrize(
    ("on", "grain", "starts", "name", "first", "last"),
    [
        ("2024-03-31", "month", 4, "2024-03", "2024-03-01", "2024-03-31"),
        ("2024-03-31", "quarter", 4, "FY2023/24 Q4", "2024-01-01", "2024-03-31"),
        ("2024-04-01", "year", 4, "FY2024/25", "2024-04-01", "2025-03-31"),
        ("1999-12-31", "year", 12, "FY1999/00", "1999-12-01", "2000-11-30"),
        ("2024-02-29", "quarter", 2, "FY2024/25 Q1", "2024-02-01", "2024-04-30"),
        ("2024-12-31", "quarter", 1, "2024 Q4", "2024-10-01", "2024-12-31"),
        ("2024-01-01", "year", 1, "2024", "2024-01-01", "2024-12-31"),
    ],
)
def test_a_period_is_whole_months_and_has_one_name(on, grain, starts, name, first, last):
    period = period_of(day(on), grain, starts)
    assert (period.name, period.start, period.last) == (name, day(first), day(last))
    names = [one.name for one in periods_between(day("1998-01-01"), day("2026-01-01"), grain, starts)]
    assert len(names) == len(set(names))


def test_the_command_writes_whose_figures_they_are(opened, capsys, tmp_path):
    out = tmp_path / "whose.csv"
    app(
        ["metrics", "--project", str(opened.project.root), "--by", "quarter", "--accounts", "--out", str(out)],
        standalone_mode=False,
    )
    rows = pd.read_csv(out)
    assert list(rows.columns[:3]) == ["period", "account_id", "opening"]
    assert rows.loc[rows["account_id"] == "small", "moved"].tolist()[-1] == "churn"
    assert "rows written to" in capsys.readouterr().out
