"""Small random companies whose truth is known as values: what a dialect is written from, and compared with.

Times are wall-clock times of the company's zone to the second, none of them in an hour that the clocks skipped or had
twice: there a text without an offset is not the same as one with it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np


def midnight_of(year: int, month: int, day: int) -> dt.datetime:
    """The first moment of a day, on the company's clock."""
    return dt.datetime.combine(dt.date(year, month, day), dt.time())


FIRST_DAY, LAST_DAY = midnight_of(2023, 6, 1), midnight_of(2024, 12, 31)
DATA_THROUGH = LAST_DAY.date()
CUTOFFS = (dt.date(2024, 7, 1), dt.date(2024, 10, 16), dt.date(2025, 1, 1))
ZONES = ("UTC", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Asia/Kolkata")
ID_KINDS = ("numbers", "leading zeros", "words", "salesforce")
# The letters of a company's segments and subjects: what an encoding has to carry.
SCRIPTS = {
    "ascii": ("Small", "Mid, large", "Enter;prise"),
    "western": ("Größe", "Café & Söhne", "Año “uno”"),
    "japanese": ("東京支社", "大阪支社", "株式会社"),
}
MONTHS_OF = {"monthly": 1, "quarterly": 3, "annual": 12}
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True)
class CompanyAccount:
    """An account; its attributes never change."""

    account_id: str
    created_at: dt.datetime
    segment: str
    region: str


@dataclass(frozen=True)
class Terms:
    """A period of a contract. ``starts_at`` and ``ends_at`` are midnights, half-open; an end of None is open."""

    account_id: str
    subscription_id: str
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    mrr: Decimal
    plan: str
    seats: int | None
    billing_period: str
    renews_at: dt.datetime
    cancelled_at: dt.datetime | None
    known_at: dt.datetime


@dataclass(frozen=True)
class UsageEvent:
    """An event, perhaps known later than it happened."""

    account_id: str
    event_id: str
    occurred_at: dt.datetime
    event: str
    user_id: str
    quantity: Decimal | None
    known_at: dt.datetime


@dataclass(frozen=True)
class TicketVersion:
    """A ticket as it was known from ``known_at`` on; without it, as it stands last."""

    account_id: str
    ticket_id: str
    opened_at: dt.datetime
    priority: str
    subject: str
    first_response_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    csat: Decimal | None = None
    csat_at: dt.datetime | None = None
    escalated_at: dt.datetime | None = None
    known_at: dt.datetime | None = None


@dataclass(frozen=True)
class Company:
    """A company; of each ticket the versions stand in the order in which they were known."""

    seed: int
    zone: str
    ids: str
    script: str
    accounts: tuple[CompanyAccount, ...]
    terms: tuple[Terms, ...]
    events: tuple[UsageEvent, ...]
    tickets: tuple[TicketVersion, ...]

    def without_ticket_history(self) -> Company:
        """The same company as an export shows it that has only the present state of each ticket."""
        last = {ticket.ticket_id: replace(ticket, known_at=None) for ticket in self.tickets}
        return replace(self, tickets=tuple(last.values()))


def random_company(seed: int) -> Company:
    """The company of a seed: 5 to 12 accounts, some 150 events, a dozen tickets."""
    rng = np.random.default_rng([14, seed])
    zone, ids, script = (str(rng.choice(names)) for names in (ZONES, ID_KINDS, [*SCRIPTS]))
    drawn = _Draws(rng, ZoneInfo(zone), SCRIPTS[script])
    names = _ids(rng, ids, int(rng.integers(5, 13)))
    accounts = tuple(drawn.account(name) for name in names)
    # the first one changes its terms: what ends mean is to be seen somewhere
    terms = [row for n, account in enumerate(accounts) for row in drawn.contracts(account, changes=n == 0)]
    events = [row for account in accounts for row in drawn.events(account)]
    tickets = [row for account in accounts for row in drawn.tickets(account)]
    return Company(seed, zone, ids, script, accounts, tuple(terms), tuple(events), tuple(tickets))


def added_months(at: dt.datetime, months: int) -> dt.datetime:
    """``at`` and so many calendar months; of a day that a month does not have, its last."""
    place = at.year * 12 + at.month - 1 + months
    first = midnight_of(place // 12, place % 12 + 1, 1)
    following = midnight_of((place + 1) // 12, (place + 1) % 12 + 1, 1)
    return min(first + dt.timedelta(days=at.day - 1), following - dt.timedelta(days=1))


def with_checksum(fifteen: str) -> str:
    """The 18 letters of Salesforce of an id of 15: a letter for which of each five are capitals."""
    bits = [sum(1 << n for n, letter in enumerate(fifteen[at : at + 5]) if letter.isupper()) for at in (0, 5, 10)]
    return fifteen + "".join(_CHECKSUM[bit] for bit in bits)


def _ids(rng: np.random.Generator, kind: str, count: int) -> list[str]:
    numbers = rng.choice(np.arange(1_000, 9_999), count, replace=False)
    if kind == "numbers":
        return [str(number) for number in numbers]
    if kind == "leading zeros":
        return [f"{number:06d}" for number in numbers]
    if kind == "words":
        return [f"acme-{number}" for number in numbers]
    letters = np.array([*"ABCDEFGHJKabcdefghjk23456789"])
    return [with_checksum(f"0015g0000{''.join(rng.choice(letters, 2))}{number:04d}") for number in numbers]


@dataclass(frozen=True)
class _Draws:
    """Draws the rows of one company."""

    rng: np.random.Generator
    zone: ZoneInfo
    words: tuple[str, ...]

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def plain(self, at: dt.datetime) -> dt.datetime:
        """``at``, or three hours later where clocks are moved."""
        before, after = (at.replace(tzinfo=self.zone, fold=fold).utcoffset() for fold in (0, 1))
        return at if before == after else at + dt.timedelta(hours=3)

    def between(self, first: dt.datetime, last: dt.datetime) -> dt.datetime:
        seconds = max(int((last - first).total_seconds()), 1)
        return self.plain(first + dt.timedelta(seconds=int(self.rng.integers(seconds))))

    def day_between(self, first: dt.datetime, last: dt.datetime) -> dt.datetime:
        days = max((last - first).days, 1)
        return dt.datetime.combine(first.date(), dt.time()) + dt.timedelta(days=1 + int(self.rng.integers(days)))

    def account(self, name: str) -> CompanyAccount:
        created = self.between(FIRST_DAY, midnight_of(2024, 3, 1))
        return CompanyAccount(name, created, str(self.rng.choice(self.words)), str(self.rng.choice(["EU", "US"])))

    def contracts(self, account: CompanyAccount, *, changes: bool) -> list[Terms]:
        starts = self.day_between(account.created_at, account.created_at + dt.timedelta(days=30))
        rows = self._contract(account.account_id, "1", starts, changes=changes)
        left = rows[-1].ends_at
        if left is not None and self.chance(0.4) and left < midnight_of(2024, 10, 1):
            back = left + dt.timedelta(days=int(self.rng.integers(40, 80)))
            rows += self._contract(account.account_id, "2", back, changes=False)
        return rows

    def _contract(self, account_id: str, number: str, starts: dt.datetime, *, changes: bool) -> list[Terms]:
        bounds = [starts]
        for _ in range(int(self.rng.integers(1 if changes else 0, 3))):
            bounds.append(self.day_between(bounds[-1] + dt.timedelta(days=20), bounds[-1] + dt.timedelta(days=150)))
        bounds = bounds[:1] + [at for at in bounds[1:] if at < LAST_DAY]
        term = str(self.rng.choice([*MONTHS_OF]))
        leaves, notice = None, None
        if self.chance(0.4):
            leaves = self.day_between(bounds[-1] + dt.timedelta(days=30), bounds[-1] + dt.timedelta(days=250))
            notice = self.between(bounds[-1] + dt.timedelta(days=8), leaves)
        rows = []
        for at, until in zip(bounds, [*bounds[1:], leaves], strict=True):
            last = at == bounds[-1]
            late = dt.timedelta(hours=int(self.rng.integers(1, 100))) if self.chance(0.2) else dt.timedelta(0)
            rows.append(
                Terms(
                    account_id=account_id,
                    subscription_id=f"{account_id}-{number}",
                    starts_at=at,
                    ends_at=until,
                    # even cents, so that half of it is whole too
                    mrr=Decimal(int(self.rng.integers(2_000, 400_000)) * 2) / 100,
                    plan=str(self.rng.choice(["basic", "pro", "enterprise"])),
                    seats=None if self.chance(0.15) else int(self.rng.integers(1, 1_600)),
                    billing_period=term,
                    renews_at=added_months(starts, MONTHS_OF[term]),
                    cancelled_at=notice if last else None,
                    known_at=self.plain(at + late),
                )
            )
        return rows

    def events(self, account: CompanyAccount) -> list[UsageEvent]:
        rows = []
        for number in range(int(self.rng.integers(3, 40))):
            at = self.between(account.created_at, LAST_DAY + dt.timedelta(days=1))
            late = dt.timedelta(seconds=int(self.rng.integers(1, 500_000))) if self.chance(0.1) else dt.timedelta(0)
            amount = Decimal(int(self.rng.integers(1, 500_000))) / 100 if self.chance(0.7) else None
            rows.append(
                UsageEvent(
                    account_id=account.account_id,
                    event_id=f"{account.account_id}-e{number}",
                    occurred_at=at,
                    event=str(self.rng.choice(["login", "report", "export", "api_call"])),
                    user_id=f"u{self.rng.integers(5)}",
                    quantity=amount,
                    known_at=self.plain(at + late),
                )
            )
        return rows

    def tickets(self, account: CompanyAccount) -> list[TicketVersion]:
        rows: list[TicketVersion] = []
        for number in range(int(self.rng.integers(0, 4))):
            opened = self.between(account.created_at, LAST_DAY - dt.timedelta(days=20))
            ticket = TicketVersion(
                account_id=account.account_id,
                ticket_id=f"{account.account_id}-t{number}",
                opened_at=opened,
                priority=str(self.rng.choice(["low", "normal", "high", "urgent"])),
                subject=f"{self.rng.choice(['Terrible, useless', 'Thanks, great', 'A question'])}: {self.words[0]}",
                known_at=opened,
            )
            rows += self._life(ticket)
        return rows

    def _life(self, ticket: TicketVersion) -> list[TicketVersion]:
        """The versions of a ticket, each known some time after the one before."""
        rows, at = [ticket], ticket.opened_at
        for fact in ("escalated_at", "first_response_at", "resolved_at", "csat_at"):
            if not self.chance(0.3 if fact == "escalated_at" else 0.85):
                if fact == "resolved_at":
                    break
                continue
            at = self.between(at + dt.timedelta(minutes=10), at + dt.timedelta(days=4))
            # a time that clocks were moved at may have gone past what follows
            known = max(self.plain(at + dt.timedelta(minutes=int(self.rng.integers(0, 3_000)))), at)
            known = max(known, self.plain((rows[-1].known_at or at) + dt.timedelta(hours=1)))
            rated = {"csat": Decimal(int(self.rng.integers(1, 6)))} if fact == "csat_at" else {}
            rows.append(replace(rows[-1], **{fact: at, "known_at": known}, **rated))
        return rows
