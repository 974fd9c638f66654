"""A simulated company written out as Stripe's and Zendesk's tables, in the shapes connectors land them in.

What the shapes cannot carry is taken from the plain company too, so that both say the same: rows that are wrong on
purpose, and satisfaction from 1 to 5, of which Zendesk keeps good and bad.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

CANNOT_BE_DATED = ("accounts", "created_on"), ("contracts", "valid_from"), ("tickets", "created")
AGENT = "900001"
Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class PlainCompany:
    """A simulated company's own tables, without the rows that are wrong on purpose."""

    accounts: pd.DataFrame
    contracts: pd.DataFrame
    tickets: pd.DataFrame

    def write(self, root: Path) -> None:
        """Puts them in place of the ones the simulator wrote into ``root``."""
        for name, frame in (
            ("crm_accounts", self.accounts),
            ("contracts", self.contracts),
            ("helpdesk_tickets", self.tickets),
        ):
            frame.to_csv(root / "data" / f"{name}.csv", index=False)


def plain_company(root: Path) -> PlainCompany:
    """Reads a simulated company's tables; satisfaction is brought to good (5) and bad (1)."""
    read = {
        name: pd.read_csv(root / "data" / f"{file}.csv", dtype=str, keep_default_na=False)
        for name, file in (("accounts", "crm_accounts"), ("contracts", "contracts"), ("tickets", "helpdesk_tickets"))
    }
    for name, column in CANNOT_BE_DATED:
        read[name] = read[name][pd.to_datetime(read[name][column], errors="coerce").notna()]
    contracts, tickets = read["contracts"], read["tickets"].drop_duplicates("ticket_no")
    contracts = contracts[(contracts["valid_to"] == "") | (contracts["valid_to"] >= contracts["valid_from"])]
    tickets = tickets[(tickets["closed"] == "") | (tickets["closed"] >= tickets["created"])]
    # the plain export overwrites a first solution with the second; the systems' history has both
    once = (tickets["reopened"] == "") | (tickets["closed"] == "") | (tickets["closed"] < tickets["reopened"])
    tickets = tickets[once]
    tickets = tickets.assign(
        satisfaction=tickets["satisfaction"].map(lambda s: s and ("5" if s in ("4", "5") else "1"))
    )
    return PlainCompany(read["accounts"], contracts, tickets)


# ---------------------------------------------------------------- Stripe


def stripe_tables(company: PlainCompany) -> Tables:
    """customer, subscription_history, subscription_item, price, product and invoice_line_item, as Fivetran names them."""
    prices: dict[tuple[str, str, str], dict[str, object]] = {}
    lines: list[dict[str, object]] = []
    subscriptions: list[dict[str, object]] = []
    items: list[dict[str, object]] = []
    for number, periods in company.contracts.sort_values("valid_from").groupby("contract_no", sort=True):
        first, last = periods.iloc[0], periods.iloc[-1]
        for place, (_, period) in enumerate(periods.iterrows()):
            lines += _lines(str(number), period, first, _price_of(period, prices), lines, place)
        subscriptions.append(_subscription(str(number), first, last))
        items.append(
            {
                "id": f"si_{number}",
                "subscription_id": f"sub_{number}",
                "price_id": _price_of(last, prices)["id"],
                "quantity": int(last["seats"]),
            }
        )
    customers = [_customer(row) for _, row in company.accounts.iterrows()]
    products = [
        {"id": f"prod_{name}", "name": name} for name in sorted({str(p["product_id"])[5:] for p in prices.values()})
    ]
    return {
        "customer": pd.DataFrame(customers),
        "subscription_history": pd.DataFrame(subscriptions),
        "subscription_item": pd.DataFrame(items),
        "price": pd.DataFrame(prices.values()),
        "product": pd.DataFrame(products),
        "invoice_line_item": pd.DataFrame(lines),
    }


def _customer(row: pd.Series) -> dict[str, object]:
    kept = {
        "account_id": row["account_no"],
        "owner_id": row["csm"],
        "segment": row["tier"],
        "industry": row["vertical"],
        "region": row["region"],
        "acquisition_source": row["lead_source"],
    }
    return {
        "id": f"cus_{row['account_no']}",
        "created": _time(row["created_on"]),
        "name": row["account_name"],
        "email": "",
        "metadata": json.dumps({key: value for key, value in kept.items() if value}),
    }


def _price_of(period: pd.Series, prices: dict[tuple[str, str, str], dict[str, object]]) -> dict[str, object]:
    """The price of a period: one a plan, an amount a seat and an interval."""
    months = 1 if period["billing"] == "monthly" else 12
    unit = f"{float(period['monthly_amount']) * 100 * months / int(period['seats']):.12f}"
    key = period["plan_name"], unit, period["billing"]
    return prices.setdefault(
        key,
        {
            "id": f"price_{len(prices):05d}",
            "currency": period["currency"].lower(),
            "unit_amount_decimal": unit,
            "recurring_interval": "month" if months == 1 else "year",
            "recurring_interval_count": 1,
            "recurring_usage_type": "licensed",
            "type": "recurring",
            "product_id": f"prod_{period['plan_name']}",
        },
    )


def _subscription(number: str, first: pd.Series, last: pd.Series) -> dict[str, object]:
    ends, notice, anchor = last["valid_to"], last["notice_received"], first["valid_from"]
    at_the_end = bool(ends) and notice < ends
    return {
        "id": f"sub_{number}",
        "customer_id": f"cus_{first['account_no']}",
        "status": "canceled" if ends else "active",
        "created": _time(anchor),
        "start_date": _time(anchor),
        "billing_cycle_anchor": _time(anchor),
        "canceled_at": _time(notice),
        "cancel_at": _time(ends) if at_the_end else "",
        "ended_at": "" if at_the_end else _time(ends),
        "cancel_at_period_end": "false",
        "quantity": int(last["seats"]),
        "_fivetran_start": _time(anchor),
        "_fivetran_active": "true",
    }


def _lines(
    number: str,
    period: pd.Series,
    first: pd.Series,
    price: Mapping[str, object],
    before: list[dict[str, object]],
    place: int,
) -> list[dict[str, object]]:
    """What is billed for a period: the rest of the cycle it begins in, then whole cycles; the old terms are credited."""
    begins = pd.Timestamp(period["valid_from"])
    until = pd.Timestamp(period["valid_to"] or "2100-01-01")
    months = 1 if period["billing"] == "monthly" else 12
    made = []
    for start, end in _cycles(
        pd.Timestamp(first["valid_from"]), months, begins, min(until, begins + pd.DateOffset(years=9))
    ):
        made.append(_line(number, price, period, max(start, begins), end, start < begins))
    if place and before and pd.Timestamp(str(before[-1]["period_end"])) > begins:
        old = before[-1]
        made.insert(
            0,
            {**old, "id": f"{old['id']}_credit", "period_start": _time(str(begins)), "amount": -1, "proration": "true"},
        )
    return made


def _cycles(
    anchor: pd.Timestamp, months: int, begins: pd.Timestamp, until: pd.Timestamp
) -> Iterator[tuple[pd.Timestamp, pd.Timestamp]]:
    count = 0
    while (start := anchor + pd.DateOffset(months=count * months)) < until:
        end = anchor + pd.DateOffset(months=(count + 1) * months)
        if end > begins:
            yield start, end
        count += 1


def _line(
    number: str, price: Mapping[str, object], period: pd.Series, start: pd.Timestamp, end: pd.Timestamp, prorated: bool
) -> dict[str, object]:
    return {
        "id": f"il_{number}_{start:%Y%m%d%H%M%S}",
        "subscription_id": f"sub_{number}",
        "subscription_item_id": f"si_{number}",
        "price_id": price["id"],
        "quantity": int(period["seats"]),
        "amount": 100,
        "proration": str(prorated).lower(),
        "period_start": _time(str(start)),
        "period_end": _time(str(end)),
        "type": "subscription",
    }


# ---------------------------------------------------------------- Zendesk


def zendesk_tables(company: PlainCompany) -> Tables:
    """organization, user, ticket, ticket_field_history and ticket_comment, as Fivetran names them."""
    orgs = {account: str(370_000 + place) for place, account in enumerate(company.accounts["account_no"])}
    organization = pd.DataFrame(
        {
            "id": list(orgs.values()),
            "external_id": list(orgs),
            "name": list(company.accounts["account_name"]),
            "created_at": [_time(day) for day in company.accounts["created_on"]],
        }
    )
    requesters = [{"id": f"1{org}", "role": "end-user", "organization_id": org} for org in orgs.values()]
    users = pd.DataFrame([{"id": AGENT, "role": "agent", "organization_id": ""}, *requesters])
    tickets, history, comments = [], [], []
    for place, (_, row) in enumerate(company.tickets.iterrows()):
        org = orgs.get(row["account_no"], "")
        tickets.append(
            {
                "id": row["ticket_no"],
                "created_at": _time(row["created"]),
                "organization_id": org,
                "requester_id": f"1{org}",
                "priority": row["prio"],
                "type": "question",
                "custom_topic": row["topic"],
                "subject": row["subject"],
                "description": "",
                "status": "closed" if row["closed"] else "open",
                "updated_at": _time(row["created"]),
            }
        )
        history += [{"ticket_id": row["ticket_no"], **change} for change in _changes(row)]
        comments.append(
            {
                "id": f"{place}1",
                "ticket_id": row["ticket_no"],
                "user_id": f"1{org}",
                "created": _time(row["created"]),
                "public": "true",
            }
        )
        if row["first_reply"]:
            comments.append(
                {
                    "id": f"{place}2",
                    "ticket_id": row["ticket_no"],
                    "user_id": AGENT,
                    "created": _time(row["first_reply"]),
                    "public": "true",
                }
            )
    return {
        "organization": organization,
        "user": users,
        "ticket": pd.DataFrame(tickets),
        "ticket_field_history": pd.DataFrame(history),
        "ticket_comment": pd.DataFrame(comments),
    }


def _changes(row: pd.Series) -> Iterator[dict[str, object]]:
    """The changes of a ticket's fields."""

    def change(field: str, value: str, at: str) -> dict[str, object]:
        return {"field_name": field, "value": value, "updated": _time(at)}

    yield change("status", "new", row["created"])
    yield change("priority", row["prio"], row["created"])
    if row["closed"]:
        yield change("status", "solved", row["closed"])
        yield change("status", "closed", str(pd.Timestamp(row["closed"]) + pd.Timedelta(1, "s")))
    if row["reopened"]:
        yield change("status", "open", row["reopened"])
    if row["escalated"]:
        yield change("tags", '["vip","escalated"]', row["escalated"])
    if row["satisfaction"]:
        yield change("satisfaction_score", "offered", row["created"])
        yield change("satisfaction_score", "good" if row["satisfaction"] == "5" else "bad", row["satisfaction_at"])


def _time(text: str) -> str:
    return f"{pd.Timestamp(text):%Y-%m-%d %H:%M:%S}" if text else ""


# ---------------------------------------------------------------- shapes

STRIPE_STREAMS = {
    "customer": "customers",
    "subscription_history": "subscriptions",
    "price": "prices",
    "product": "products",
    "invoice_line_item": "invoice_line_items",
}
ZENDESK_STREAMS = {
    "organization": "organizations",
    "user": "users",
    "ticket": "tickets",
    "ticket_comment": "ticket_comments",
}


def write_fivetran(root: Path, system: str, tables: Tables, ending: str = "csv") -> None:
    folder = root / "data" / system
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        landed = frame.assign(_fivetran_synced="2030-01-01 00:00:00.000")
        if ending == "csv":
            landed.to_csv(folder / f"{name}.csv", index=False)
        else:
            times = [c for c in landed.columns if c in TIMES]
            landed[times] = landed[times].replace("", None).apply(pd.to_datetime)
            landed.to_parquet(folder / f"{name}.parquet", index=False)


TIMES = (
    "created",
    "created_at",
    "updated",
    "updated_at",
    "start_date",
    "billing_cycle_anchor",
    "canceled_at",
    "cancel_at",
    "ended_at",
    "period_start",
    "period_end",
    "_fivetran_start",
    "_fivetran_synced",
)


def write_airbyte_stripe(root: Path, tables: Tables) -> None:
    """As Airbyte's streams: epoch seconds, and prices, periods and items as JSON inside their rows."""
    seconds = {
        name: frame.apply(lambda column: column.map(_epoch) if column.name in TIMES else column)
        for name, frame in tables.items()
    }
    prices = {row["id"]: row for _, row in tables["price"].iterrows()}
    items = {row["subscription_id"]: row for _, row in tables["subscription_item"].iterrows()}

    def price(number: object) -> dict[str, object]:
        row = prices[str(number)]
        return {
            "id": row["id"],
            "currency": row["currency"],
            "unit_amount_decimal": row["unit_amount_decimal"],
            "product": row["product_id"],
            "recurring": {"interval": row["recurring_interval"], "interval_count": 1, "usage_type": "licensed"},
        }

    subscriptions = (
        seconds["subscription_history"]
        .drop(columns=["_fivetran_start", "_fivetran_active"])
        .rename(columns={"customer_id": "customer"})
    )
    subscriptions["items"] = [
        json.dumps(
            {
                "object": "list",
                "data": [
                    {"id": items[s]["id"], "quantity": int(items[s]["quantity"]), "price": price(items[s]["price_id"])}
                ],
            }
        )
        for s in subscriptions["id"]
    ]
    lines = seconds["invoice_line_item"]
    flat = lines.drop(
        columns=["period_start", "period_end", "price_id", "subscription_id", "subscription_item_id"]
    ).assign(
        subscription=lines["subscription_id"],
        subscription_item=lines["subscription_item_id"],
        period=[
            json.dumps({"start": a, "end": b}) for a, b in zip(lines["period_start"], lines["period_end"], strict=True)
        ],
        price=[json.dumps(price(number)) for number in lines["price_id"]],
    )
    landed = {
        "customers": seconds["customer"],
        "subscriptions": subscriptions,
        "invoice_line_items": flat,
        "products": tables["product"],
    }
    _write_airbyte(root, "stripe", landed)


def write_airbyte_zendesk(root: Path, tables: Tables) -> None:
    """As Airbyte's streams: the history as ticket_audits, the solution as ticket_metrics, ratings as satisfaction_ratings."""
    history = tables["ticket_field_history"]
    times = {
        name: frame.apply(lambda c: c.map(lambda t: t and t.replace(" ", "T") + "Z") if c.name in TIMES else c)
        for name, frame in tables.items()
    }
    solved = (
        history[(history["field_name"] == "status") & (history["value"] == "solved")]
        .groupby("ticket_id")["updated"]
        .max()
    )
    metrics = pd.DataFrame(
        {"id": range(len(solved)), "ticket_id": solved.index, "solved_at": [t.replace(" ", "T") + "Z" for t in solved]}
    )
    rated = history[(history["field_name"] == "satisfaction_score") & (history["value"] != "offered")]
    ratings = pd.DataFrame(
        {
            "id": range(len(rated)),
            "ticket_id": rated["ticket_id"],
            "score": rated["value"],
            "created_at": [t.replace(" ", "T") + "Z" for t in rated["updated"]],
        }
    )
    ticket = times["ticket"].rename(columns={"custom_topic": "custom_category"})
    audits = pd.DataFrame(
        {
            "id": range(len(history)),
            "ticket_id": history["ticket_id"],
            "created_at": [t.replace(" ", "T") + "Z" for t in history["updated"]],
            "events": [
                json.dumps([{"type": "Change", "field_name": f, "value": json.loads(v) if f == "tags" else v}])
                for f, v in zip(history["field_name"], history["value"], strict=True)
            ],
        }
    )
    _write_airbyte(
        root,
        "zendesk",
        {
            "ticket_audits": audits,
            "organizations": times["organization"],
            "users": tables["user"],
            "tickets": ticket,
            "ticket_comments": times["ticket_comment"].rename(
                columns={"user_id": "author_id", "created": "created_at"}
            ),
            "ticket_metrics": metrics,
            "satisfaction_ratings": ratings,
        },
    )


def _write_airbyte(root: Path, system: str, tables: Tables) -> None:
    folder = root / "data" / system
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in tables.items():
        frame.assign(_airbyte_extracted_at="2030-01-01T00:00:00Z").to_csv(folder / f"{name}.csv", index=False)


def _epoch(text: object) -> object:
    return int(pd.Timestamp(str(text), tz="UTC").timestamp()) if text else ""


def write_shape(root: Path, shape: str, stripe: Tables, zendesk: Tables) -> None:
    """Both systems' tables as ``fivetran``, ``fivetran in parquet`` or ``airbyte`` lands them."""
    if shape == "airbyte":
        write_airbyte_stripe(root, stripe)
        write_airbyte_zendesk(root, zendesk)
        return
    ending = "parquet" if shape == "fivetran in parquet" else "csv"
    write_fivetran(root, "stripe", stripe, ending)
    write_fivetran(root, "zendesk", zendesk, ending)


def beside(plain: Path, out: Path, write: Callable[[Path], None]) -> None:
    """A folder with the company's usage alone and the tables that ``write`` puts beside it."""
    (out / "data").mkdir(parents=True)
    shutil.copy(plain / "data" / "product_events.parquet", out / "data" / "product_events.parquet")
    write(out)
