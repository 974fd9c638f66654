"""MRR movements and retention, as printed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from churnml.pages.presenter import date, number, percent, printable
from churnml.pages.revenue import RATES_OF, accounts_frame, in_units, remark_lines
from churnml.pages.terminal.layout import table
from churnml.revenue.figures import RevenueFigures
from churnml.revenue.report import RevenueReport

# More are for a file.
ACCOUNTS_SHOWN = 200
Cell = Callable[[RevenueFigures], str]


def _money(name: str) -> Cell:
    return lambda one: number(in_units(getattr(one, name)), 2)


def _count(name: str) -> Cell:
    return lambda one: number(getattr(one, name))


def _rate(name: str) -> Cell:
    return lambda one: percent(getattr(one, name))


def metrics_text(report: RevenueReport, *, accounts: bool = False) -> str:
    """What ``churnml metrics`` prints."""
    unit = f", in {printable(report.currency)}" if report.currency else ""
    rates = RATES_OF[report.spec.exchange_rates]
    lines = [
        f"MRR by {report.grain}{unit}, as known before {date(report.as_of)}",
        *([] if report.spec.exchange_rates == "contract" else [f"  amounts in other currencies at the rate {rates}"]),
        "",
        *_table(report, _money_columns(report)),
        "",
        *_table(report, _rate_columns()),
        "",
        *(f"  {printable(line)}" for line in remark_lines(report)),
    ]
    if accounts:
        lines += ["", *_account_lines(report)]
    return "\n".join(lines)


def _money_columns(report: RevenueReport) -> dict[str, Cell]:
    moved = report.figures
    told_apart = report.spec.cross_sell_by != "none" and any(one.cross_sell for one in moved)
    grown = {"upsell": _money("upsell"), "cross-sell": _money("cross_sell")} if told_apart else {}
    rates = {"exchange": _money("exchange")} if report.spec.exchange_rates == "dated" else {}
    return {
        "opening": _money("opening"),
        "new": _money("new"),
        "reactivation": _money("reactivation"),
        **(grown or {"expansion": _money("expansion")}),
        "contraction": _money("contraction"),
        "churn": _money("churn"),
        **rates,
        "closing": _money("closing"),
    }


def _rate_columns() -> dict[str, Cell]:
    return {
        "accounts": _count("opening_accounts"),
        "new": _count("new_accounts"),
        "back": _count("reactivated_accounts"),
        "left": _count("churned_accounts"),
        "at the end": _count("closing_accounts"),
        "of": _count("base_accounts"),
        "GRR": _rate("gross_retention"),
        "NRR": _rate("net_retention"),
        "logo churn": _rate("logo_churn"),
        "revenue churn": _rate("revenue_churn"),
        "quick ratio": lambda one: number(one.quick_ratio, 2),
    }


def _table(report: RevenueReport, columns: dict[str, Cell]) -> list[str]:
    grouped = report.per is not None
    names = [report.grain, *([printable(report.per)] if grouped else []), *columns]
    rows = [
        [
            one.period.name,
            *([printable(one.group)] if grouped else []),
            *(cell(one) for cell in columns.values()),
        ]
        for one in report.figures
    ]
    first = 2 if grouped else 1
    return table(names, rows, right=range(first, len(names)))


def _account_lines(report: RevenueReport) -> Sequence[str]:
    """Whose the movements are; accounts that went on as they were are in the files alone."""
    frame = accounts_frame(report)
    moved = frame[frame["moved"] != ""]
    shown = moved.head(ACCOUNTS_SHOWN)
    rows = [
        [
            str(row["period"]),
            printable(row["account_id"]),
            str(row["moved"]),
            number(row["opening"], 2),
            number(row["closing"] - row["opening"], 2, signed=True),
            number(row["closing"], 2),
        ]
        for row in shown.to_dict("records")
    ]
    lines = table([report.grain, "account", "moved", "opening", "change", "closing"], rows, right=(3, 4, 5))
    stayed = len(frame) - len(moved)
    rest = [f"{number(len(moved) - len(shown))} more are in --json and --out FILE"] if len(moved) > len(shown) else []
    rest += (
        [f"{number(stayed)} times an account went on as it was; those are in --json and --out FILE"] if stayed else []
    )
    return [*lines, *(f"  {line}" for line in rest)]
