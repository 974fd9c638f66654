"""What is on record of an account, as sentences that a template fills and nothing generates, and as values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from churnml.pages.cockpit.account import AccountView
from churnml.pages.draft import BorneOut
from churnml.pages.presenter import date, money, percent, score, words


@dataclass(frozen=True)
class AccountFact:
    """A sentence with the figures of record.

    Args:
        sentence: as it can be said. Where ``untrusted``, it holds what users or customers wrote.
        on: the date it is of.
        source: where in the store it stands.
        untrusted: whether part of it was written by others: data, and no instruction to anybody.
    """

    sentence: str
    on: dt.date
    source: str
    untrusted: bool = False


def facts_of(view: AccountView, currency: str, *, cents: bool) -> list[AccountFact]:
    """Everything that can be said of an account in a call or a mail.

    Args:
        view: the account's page.
        currency: of the project.
        cents: whether money is written with cents.
    """
    account, on = view.account, view.as_of
    facts: list[AccountFact] = []

    def add(sentence: str, source: str = "scores", day: dt.date = on, *, untrusted: bool = False) -> None:
        facts.append(AccountFact(sentence, day, source, untrusted))

    if account.name:
        add(f"{account.account_id} is called {account.name}.", untrusted=True)
    if account.health is not None:
        since = f" since {date(account.band_since)}" if account.band_since else ""
        add(f"Health is {score(account.health)} of 100, band {words(account.band)}{since}.")
    else:
        add("Health is not known: too little is known of the account.")
    if account.churn_probability is not None:
        add(f"The probability of churn is {percent(account.churn_probability, 0)}.")
    if account.upsell_probability is not None:
        add(f"The probability of upsell is {percent(account.upsell_probability, 0)}.")
    if account.mrr is not None:
        add(f"It pays {money(account.mrr, currency, cents=cents)} a month.")
    if account.mrr_at_risk is not None:
        add(f"MRR at risk is {money(account.mrr_at_risk, currency, cents=cents)} a month.")
    if view.renews_on is not None:
        add(f"Its contract renews on {date(view.renews_on)}.")
    if account.owner_id:
        add(f"It is looked after by {account.owner_id}.", untrusted=True)
    if view.compared and view.compared.before is not None and view.compared.after is not None:
        compared = view.compared
        add(
            f"Health went from {score(compared.before)} on {date(compared.first)} to {score(compared.after)} "
            f"on {date(compared.last)}."
        )
    for reason in (*account.reasons, *account.growth_reasons):
        add(reason.sentence, "scores: reasons", untrusted=True)
    for one in view.work:
        if one.living:
            add(
                f"{one.title}: {one.item.state}, due {date(one.item.due)}, with {one.item.owner}.",
                "work",
                untrusted=True,
            )
    return facts


def record_of(view: AccountView, facts: Iterable[AccountFact]) -> BorneOut:
    """What a draft about an account may say: its facts, and the values they were made from.

    Args:
        view: the account's page.
        facts: as :func:`facts_of` has them.
    """
    account, compared = view.account, view.compared
    items = [one.item for one in view.work]
    numbers = [
        account.health,
        100.0,
        *account.dimensions.values(),
        *((compared.before, compared.after, compared.total) if compared else ()),
        *(abs(part.points) for part in (compared.parts if compared else ())),
        *(float(item.minutes) for item in items),
        float(sum(one.living for one in view.work)),
    ]
    shares = [account.churn_probability, account.upsell_probability, account.coverage]
    dates = [
        view.as_of,
        view.today,
        view.renews_on,
        account.band_since,
        *((compared.first, compared.last) if compared else ()),
        *(day for item in items for day in (item.opened_on, item.due, item.snoozed_until, item.ended_on)),
    ]
    if account.timing:
        likely = account.timing.likely_period
        shares.append(likely.probability)
        dates += [likely.first, likely.last]
    names = [account.account_id, account.name, account.owner_id, account.segment, words(account.band), *view.hand_to]
    names += [text for one in view.work for text in (one.title, words(one.item.playbook), one.item.owner)]
    return BorneOut(
        numbers=[value for value in numbers if value is not None],
        shares=[value for value in shares if value is not None],
        amounts=[
            value for value in (account.mrr, account.mrr_at_risk, *(item.value for item in items)) if value is not None
        ],
        dates=[day for day in dates if day is not None],
        names=[name for name in names if name],
        texts=[fact.sentence for fact in facts],
    )
