"""Rows as known at a cutoff: what came later is masked, and what nobody knew yet is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from churnml.features.subscriptions import AWAY_DAYS
from churnml.features.tickets import SERIOUS
from churnml.lazy import ibis
from churnml.periods import standing_periods
from churnml.stretches import KEY, covered_days
from churnml.tables import CLOCK_SHIFTS, Facts, Relation, cents, whole
from churnml.terms import TERMS
from churnml.timeline import day_number, day_of_month, month_number

if TYPE_CHECKING:
    import ibis.expr.types as ir

NEVER_ENDS = 10**7  # a day number after all others


def usage_seen(rollup: Relation, cutoffs: Sequence[int], lookback: int) -> Relation:
    """Rows of a roll-up by day inside the lookback, as known then, with ``as_of`` and ``as_of_day``."""
    rows = rollup.join(covered_days(cutoffs, -lookback, -1), "day")
    return rows.filter(rows["known_day"] < rows["as_of_day"])


def days_known(rollup: Relation, cutoffs: Sequence[int], lookback: int) -> Relation:
    """One row per account, cutoff and day with usage inside the lookback, as known then."""
    rows = usage_seen(rollup, cutoffs, lookback)
    rows = rows.mutate(age=rows["as_of_day"] - rows["day"])
    return rows.group_by([*KEY, "age"]).aggregate(events=rows["events"].sum().cast("int64"))


def tickets_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per ticket known before the cutoff, as its last version known then has it, with what came later masked.

    So a fact is known at its own time, but not before the version that first carried it.
    """
    tickets = facts.support_tickets
    if "tone_milli" not in tickets.columns:  # nobody asked for it
        tickets = tickets.mutate(tone_milli=ibis.null("int64"))
    t = tickets_standing(tickets, cutoffs)

    def known(column: str, at: ir.TimestampColumn | None = None) -> ir.Value:
        at = t[column] if at is None else at
        return ibis.ifelse(at < t["as_of"], t[column], None)

    t = t.mutate(
        resolved=known("resolved_at"),
        reopened=known("reopened_at"),
        responded=known("first_response_at"),
        escalated=known("escalated_at"),
        csat_known=known("csat", t["csat_at"]),
        csat_known_at=known("csat_at"),
    )
    return t.select(
        *KEY,
        "priority",
        "category",
        "tone_milli",
        age=t["as_of_day"] - day_number(t["opened_at"]),
        is_open=t["resolved"].isnull() | (t["reopened"] >= t["resolved"]).fill_null(False),
        is_serious=t["priority"].lower().isin(SERIOUS).fill_null(False),
        response_seconds=_seconds_since_opened(t, t["responded"], "first_response_at"),
        resolution_seconds=_seconds_since_opened(t, t["resolved"], "resolved_at"),
        reopened_age=t["as_of_day"] - day_number(t["reopened"]),
        escalated_age=t["as_of_day"] - day_number(t["escalated"]),
        csat_milli=whole(t["csat_known"].cast("float64") * ibis.literal(1000.0, "float64")),
        csat_age=t["as_of_day"] - day_number(t["csat_known_at"]),
    )


def _seconds_since_opened(t: Relation, at: ir.TimestampValue, column: str) -> ir.IntegerValue:
    """The seconds that passed from a ticket's opening to ``at``, which is its ``column`` where that is known."""
    by_clock, shift = _seconds(at, t["opened_at"]), CLOCK_SHIFTS[column]
    return by_clock - t[shift] if shift in t.columns else by_clock


def tickets_standing(tickets: Relation, cutoffs: Relation) -> Relation:
    """The version of each ticket that stands at each cutoff: the last one known before it."""
    versions = ibis.window(group_by="ticket_id", order_by="known_at")
    tickets = tickets.mutate(replaced_at=tickets["known_at"].lead().over(versions))
    t = tickets.join(cutoffs, [tickets["known_at"] < cutoffs["as_of"], tickets["opened_at"] < cutoffs["as_of"]])
    return t.filter(t["replaced_at"].isnull() | (t["replaced_at"] >= t["as_of"]))


def _seconds(later: ir.TimestampValue, earlier: ir.TimestampValue) -> ir.IntegerValue:
    # engines differ on what is left of a second
    return later.truncate("s").delta(earlier.truncate("s"), unit="second").cast("int64")


def standing_at(facts: Facts, cutoffs: Relation) -> Relation:
    """Contract periods as they stood at each cutoff: of the rows known then; an end whose notice came later is masked.

    With the columns of subscriptions, ``as_of``, ``as_of_day`` and ``end`` in place of ``ends_at``.
    """
    subscriptions = facts.subscriptions
    s = subscriptions.join(cutoffs, [subscriptions["known_at"] < cutoffs["as_of"]])
    # without a notice, an end is known once it has happened
    end_known_at = ibis.coalesce(s["cancelled_at"], s["ends_at"])
    noticed = s["ends_at"].isnull() & (s["cancelled_at"] < s["as_of"])
    s = s.mutate(
        ends_at=ibis.ifelse(end_known_at < s["as_of"], s["ends_at"], None),
        noticed=noticed.fill_null(False),
        mrr_cents=cents(s["mrr"]),
        seats=s["seats"].cast("int64"),
    )
    return standing_periods(s, ("as_of",)).rename(end="ends_at")


def periods_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per contract period known at the cutoff, as it stood then; an end whose notice came later is masked.

    Notice is given where the end is known and lies ahead, or where it was given without an end.
    """
    s = standing_at(facts, cutoffs)
    began = s["starts_at"] <= s["as_of"]
    in_order = ibis.window(group_by=[*KEY, "subscription_id"], order_by="starts_at")
    # each step names what the next one repeats: an engine is given its own lines once, not once for every use
    s = s.mutate(
        previous_cents=s["mrr_cents"].lag().over(in_order),
        start_age=ibis.ifelse(began, s["as_of_day"] - day_number(s["starts_at"]), None),
        is_open=began & (s["end"].isnull() | (s["end"] > s["as_of"])),
        to_come=~began,
        returns=_returns(s),
        continues=_continues(s, in_order),
        notice_given=s["noticed"] | (s["end"].notnull() & (s["end"] > s["as_of"])),
        **_renewing(s),
    )
    s = s.mutate(
        next_month=s["agreed_month"] + s["months_since"] // s["term_months"] * s["term_months"],
        # a total order, because argmax breaks ties by chance
        size_order=ibis.row_number().over(
            ibis.window(group_by=KEY, order_by=[s["mrr_cents"], s["starts_at"], s["subscription_id"]])
        ),
    )
    return s.select(
        "account_id",
        "as_of",
        "subscription_id",
        "mrr_cents",
        "previous_cents",
        "start_age",
        "is_open",
        "to_come",
        "returns",
        "notice_given",
        "plan",
        "billing_period",
        "seats",
        "size_order",
        change_age=ibis.ifelse(s["continues"], None, s["start_age"]),
        days_to_renewal=_days_to_renewal(s),
    )


def _returns(s: Relation) -> ir.BooleanValue:
    """Whether a paying period begins after days in which, as far as is known, no other one ran."""
    paying = s["mrr_cents"] > 0
    end_day = ibis.ifelse(s["end"].isnull(), NEVER_ENDS, day_number(s["end"]))
    order = [s["starts_at"], s["known_at"], s["subscription_id"]]
    before = ibis.window(group_by=KEY, order_by=order, rows=(None, -1))
    last_end = ibis.ifelse(paying, end_day, None).max().over(before)
    return (paying & (day_number(s["starts_at"]) - last_end >= AWAY_DAYS)).fill_null(False)


def _continues(s: Relation, in_order: ir.WindowBuilder) -> ir.BooleanValue:
    """Whether a period goes on where the one before it ended, on the same terms: one that was written in two."""

    def as_before(name: str) -> ir.BooleanValue:
        return s[name].identical_to(s[name].lag().over(in_order))

    meets = s["end"].lag().over(in_order) == s["starts_at"]
    terms = ibis.and_(*(as_before(name) for name in ("mrr_cents", "plan", "seats", "billing_period")))
    return meets.fill_null(False) & terms


def _renewing(s: Relation) -> dict[str, ir.IntegerValue]:
    """What a renewal is rolled on by.

    The contract's own day is the agreed one's; where that is the last of a shorter month, the day it began on.
    """
    agreed, day = s["renews_at"], s["renews_at"].day().cast("int64")
    contract = ibis.window(group_by=[*KEY, "subscription_id"])
    began_on = s["starts_at"].min().over(contract).day().cast("int64")
    is_last = (agreed + ibis.interval(days=1)).day() == 1

    def term(length: str) -> ir.IntegerValue:
        lengths = [(term.name, getattr(term, length)) for term in TERMS if getattr(term, length)]
        return s["billing_period"].lower().cases(*lengths, else_=None).cast("int64")

    return {
        "agreed_month": month_number(agreed),
        "months_since": month_number(s["as_of"]) - month_number(agreed),
        "own_day": ibis.ifelse(is_last & (began_on > day), began_on, day),
        "overdue": (s["as_of_day"] - day_number(agreed)).cast("int64"),
        "term_months": term("months"),
        "term_days": term("days"),
    }


def _days_to_renewal(s: Relation) -> ir.IntegerValue:
    """Days to the next renewal: as agreed, or rolled on by the billing period once that has passed."""
    as_of_day = s["as_of_day"].cast("int64")
    ahead = day_of_month(s["next_month"], s["own_day"]) - as_of_day
    a_term_on = day_of_month(s["next_month"] + s["term_months"], s["own_day"]) - as_of_day
    by_months = ibis.ifelse(ahead >= 0, ahead, a_term_on)
    by_days = (s["term_days"] - s["overdue"] % s["term_days"]) % s["term_days"]
    return ibis.ifelse(s["overdue"] <= 0, -s["overdue"], ibis.coalesce(by_months, by_days))


def contract_status(facts: Facts, cutoffs: Relation) -> Relation:
    """Per account and cutoff: ``mrr_cents``, ``seats``, ``plan``, paid or ``any_plan``, and whether it is ``leaving``.

    Leaving: every paying period's end, or that it was given notice, is already known, also of those to come.
    """
    p = periods_known(facts, cutoffs)
    paying = p["is_open"] & (p["mrr_cents"] > 0)
    per = p.group_by(KEY).aggregate(
        mrr_cents=p["mrr_cents"].sum(where=p["is_open"]),
        seats=p["seats"].sum(where=p["is_open"]).cast("float64"),
        plan=p["plan"].argmax(p["size_order"], where=paying),
        any_plan=p["plan"].argmax(p["size_order"], where=p["is_open"]),
        staying=((p["is_open"] | p["to_come"]) & (p["mrr_cents"] > 0) & ~p["notice_given"]).any(),
        open_start_age=p["start_age"].min(where=paying),
    )
    at = per.join(cutoffs, "as_of")
    return at.select(
        *KEY,
        "mrr_cents",
        "seats",
        "plan",
        "any_plan",
        leaving=~at["staying"],
        open_start_day=(at["as_of_day"] - at["open_start_age"]).cast("int32"),
    )


def accounts_known(facts: Facts, cutoffs: Relation) -> Relation:
    """One row per account created before the cutoff, with its static attributes."""
    accounts = facts.accounts
    a = accounts.join(cutoffs, [accounts["created_at"] < cutoffs["as_of"]])
    return a.select(*KEY, *facts.static, age=a["as_of_day"] - day_number(a["created_at"]))
