"""What the API answers and is asked, as typed shapes: its description is made from these."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from churnml.ledger.cockpit import SortKey, WorkKey, WorkWanted
from churnml.rights import Role, Scope
from churnml.timeline import FIRST_DAY, LAST_DAY, month_of
from churnml.web.forms import LONGEST_TEXT

MOST_ON_A_PAGE, USUAL_PAGE = 200, 50
LONGEST_NAME, LONGEST_CURSOR = 500, 2_000


def storable(text: str) -> str:
    """A text that every store can keep."""
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that is none")
    return text


def _reckoned_with(day: dt.date) -> dt.date:
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} cannot be reckoned with")
    return day


def _in_utc(moment: dt.datetime) -> dt.datetime:
    """A moment of the store, which keeps UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def _a_month(text: str) -> str:
    if text:
        _reckoned_with(month_of(text)[0])
    return text


Moment = Annotated[dt.datetime, AfterValidator(_in_utc)]
Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(storable)]
Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(storable)]
Day = Annotated[dt.date, AfterValidator(_reckoned_with)]
Month = Annotated[str, Field(pattern=r"^([12]\d{3}-(0[1-9]|1[0-2]))?$"), AfterValidator(_a_month)]
Cursor = Annotated[str, Field(max_length=LONGEST_CURSOR, description="The 'next' of the page before.")]
Limit = Annotated[int, Field(ge=1, le=MOST_ON_A_PAGE, description="At most so many on a page.")]
Amount = Annotated[float, Field(allow_inf_nan=False, ge=-1e15, le=1e15)]


class Asking(BaseModel):
    """A question: what it does not know is refused, not passed over."""

    model_config = ConfigDict(extra="forbid")


class AccountQuery(Asking):
    """Which accounts, in which order."""

    text: Name = Field(default="", description="Part of the account's id or name, upper and lower case alike.")
    owner: Name = Field(default="", description="Whose accounts; - asks for those of nobody.")
    segment: Name = Field(default="", description="Of which segment; - asks for those without one.")
    band: Name = Field(default="", description="In which band of health.")
    work: WorkKey = Field(default="", description="Only with open work, or only with none.")
    health_from: Amount | None = Field(default=None, description="Health of at least this, 0 to 100.")
    health_to: Amount | None = Field(default=None, description="Health of at most this, 0 to 100.")
    mrr_from: Amount | None = Field(default=None, description="MRR a month of at least this.")
    churn_from: Amount | None = Field(default=None, description="Probability of churn of at least this, 0 to 1.")
    renews: Month = Field(default="", description="In which month the contract renews, as 2025-01.")
    sort: SortKey = Field(default="risk", description="What they are ordered by; risk is MRR at risk.")
    order: Literal["", "up", "down"] = Field(default="", description="Lowest or highest first; empty is the usual.")
    limit: Limit = USUAL_PAGE
    cursor: Cursor | None = None


class OneAccountQuery(Asking):
    """Which account, on which date."""

    id: Name = Field(description="The account's id.")
    as_of: Day | None = Field(default=None, description="A date it was scored on; left out, the newest.")


class AccountWorkQuery(Asking):
    """Of which account."""

    id: Name = Field(description="The account's id.")


class HistoryQuery(Asking):
    """Of which account, how much."""

    id: Name = Field(description="The account's id.")
    limit: Limit = USUAL_PAGE
    cursor: Cursor | None = None


class WorkQuery(Asking):
    """Which work."""

    owner: Name = Field(default="", description="Whose list.")
    playbook: Name = Field(default="", description="Of which playbook.")
    state: WorkWanted = Field(default="living", description="living is open or snoozed; empty asks for all.")
    limit: Limit = USUAL_PAGE
    cursor: Cursor | None = None


class Why(Asking):
    """Why it is done."""

    why: Text = Field(default="", description="In a few words; needed for all but done.")


class WhyUntil(Asking):
    """Why it is put off, and until when."""

    why: Text = Field(description="In a few words.")
    until: Day = Field(description="On this date it is on the list again.")


class WhyTo(Asking):
    """Why it is handed on, and to whom."""

    why: Text = Field(description="In a few words.")
    to: Name = Field(description="Who has it from now on.")


# ---------------------------------------------------------------- what is answered


class MadeBy(BaseModel):
    """The scoring that an answer was written by."""

    as_of: dt.date = Field(description="The date that was scored: what was known before its midnight.")
    revision: int = Field(description="How often that date was scored by then.")
    scored_at: Moment = Field(description="When it was scored, UTC.")
    models: dict[str, str | None] = Field(description="Model → the registered version that was used, or null.")
    stale_since: dt.date | None = Field(
        default=None, description="The date these scores are of, where broken data held them; null: of as_of."
    )


class ReasonShown(BaseModel):
    """A reason."""

    code: str = Field(description="What it is about.")
    sentence: str = Field(description="With the account's own numbers. Holds your customers' data: escape it.")


class Leaving(BaseModel):
    """The period an account most likely leaves in, if it leaves."""

    first: dt.date
    last: dt.date
    probability: float


class AccountShown(BaseModel):
    """An account in a list."""

    account_id: str
    name: str | None = Field(description="What people call it; null: no name is known.")
    owner_id: str | None
    segment: str | None
    mrr: float | None = Field(description="A month, in the project's currency.")
    health: float | None = Field(description="0 to 100, 100 is best; null: too little is known.")
    band: str
    band_since: dt.date | None
    churn_probability: float | None
    upsell_probability: float | None
    mrr_at_risk: float | None = Field(description="MRR × probability of churn, a month.")
    renews_on: dt.date | None
    open_work: int


class AccountPage(BaseModel):
    """A page of accounts, and the sums of all that were asked for."""

    scoring: MadeBy
    currency: str
    accounts: int = Field(description="How many there are in all.")
    mrr: float | None
    mrr_at_risk: float | None
    items: list[AccountShown]
    next: str | None = Field(description="The cursor of the next page; null: this is the last.")


class AccountScore(BaseModel):
    """An account's score on a date."""

    scoring: MadeBy
    currency: str
    account_id: str
    name: str | None
    owner_id: str | None
    segment: str | None
    mrr: float | None
    renews_on: dt.date | None
    health: float | None
    band: str
    band_since: dt.date | None
    coverage: float = Field(description="The share of the score's weight that was known, 0 to 1.")
    dimensions: dict[str, float | None] = Field(description="Dimension of health → its score, 0 to 100 or null.")
    overridden: bool = Field(description="Whether a person's override stands in place of the computed score.")
    churn_probability: float | None
    upsell_probability: float | None
    mrr_at_risk: float | None
    leaves: Leaving | None
    reasons: list[ReasonShown] = Field(description="Why it may leave or is poorly, the heaviest first.")
    growth_reasons: list[ReasonShown]


class HistoryShown(BaseModel):
    """An account's score on one of its dates."""

    as_of: dt.date
    health: float | None
    band: str
    churn_probability: float | None
    upsell_probability: float | None
    coverage: float
    overridden: bool
    held: bool = Field(description="Whether its scores are those of an earlier date.")
    models: dict[str, str | None]


class AccountHistory(BaseModel):
    """A page of an account's scores, the newest first."""

    account_id: str
    items: list[HistoryShown]
    next: str | None


class WorkShown(BaseModel):
    """A work item as it stands."""

    work_id: str
    account_id: str
    playbook: str
    reason: str
    owner: str
    state: str
    opened_on: dt.date
    due: dt.date
    minutes: int
    cost: float
    value: float | None = Field(description="The expected MRR it was opened for, a month.")
    snoozed_until: dt.date | None
    escalated_on: dt.date | None
    ended_on: dt.date | None
    ended_because: str | None


class WorkPage(BaseModel):
    """A page of work items, in the order they were opened."""

    items: list[WorkShown]
    next: str | None


class AccountWorkItems(BaseModel):
    """All work of an account, in the order it was opened."""

    account_id: str
    items: list[WorkShown]


class WorkEventShown(BaseModel):
    """What happened to a work item."""

    on: dt.date
    what: str
    who: str
    why: str
    before: str | None = Field(description="From whom, or from which date, where that changed.")
    after: str | None = Field(description="To whom, or until which date.")


class WorkHistory(BaseModel):
    """Everything that happened to a work item, in order."""

    work_id: str
    items: list[WorkEventShown]


class TokenShown(BaseModel):
    """Whose token it is, and what it may be used for."""

    name: str
    author: str = Field(description="Under which name its changes stand.")
    role: Role
    owners: list[str] | None = Field(description="Whose accounts it may see; null: everybody's.")
    scopes: list[Scope]
    expires_at: Moment | None
    project: str
