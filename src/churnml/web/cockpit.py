"""What a request works with: the project, its store, who is asking; and the frame around what they are shown."""

from __future__ import annotations

import datetime as dt
import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from churnml.adapters.project import Project, database_of
from churnml.adapters.store import Store
from churnml.errors import TooLittleDataError, UnavailableError
from churnml.ledger import WorkItem
from churnml.ledger.cockpit import AccountFilter, Owners
from churnml.modelling.tenure import RegisteredVersion
from churnml.pages.cockpit.frame import Frame, Notice, just_done
from churnml.pages.feeds import held_text
from churnml.pages.presenter import has_cents
from churnml.web.people import ROLE_WORDS, Visitor
from churnml.web.sessions import Sessions

if TYPE_CHECKING:
    from churnml.health.changes import Yardstick

STATIC = Path(__file__).with_name("static")
# How long what was just done can be taken back.
UNDO_WITHIN = dt.timedelta(seconds=120)
SNOOZE_DAYS = 7


@dataclass(frozen=True)
class WallClock:
    """What day it is and what time: ``today`` as people here have it, ``now`` in UTC without a zone."""

    today: Callable[[], dt.date]
    now: Callable[[], dt.datetime]


@dataclass(frozen=True)
class ScoredFacts:
    """What holds of a scored date however often it is asked: read once for each scoring.

    Args:
        as_of, scored_at: the date and when it was written.
        cents: whether money is written with cents.
        owners: everybody whom work can be handed to.
    """

    as_of: dt.date
    scored_at: dt.datetime
    cents: bool
    owners: tuple[str, ...]


class KeptYardsticks:
    """The scales of a project's registry, each read once; the registry is opened when the first is asked for.

    Args:
        project: whose registry.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self._of_version = lru_cache(maxsize=64)(self._read)

    def yardstick(self, name: str, version: str | None) -> Yardstick | None:
        """As :meth:`churnml.adapters.registry.lookups.Lookups.yardstick`; of no version it is asked anew."""
        return self._read(name, version) if version is None else self._of_version(name, version)

    def _read(self, name: str, version: str | None) -> Yardstick | None:
        from churnml.adapters.registry.lookups import lookups_of

        return lookups_of(self._project).yardstick(name, version)


class Cockpit:
    """The project as the pages see it.

    Args:
        project: whose accounts they are.
        store: what was scored, decided and done.
        clock: what day it is.
        sessions: tell our forms from others'.
    """

    def __init__(self, project: Project, store: Store, clock: WallClock, sessions: Sessions) -> None:
        self.project, self.store, self.clock, self.sessions = project, store, clock, sessions
        self._file = database_of(project.operational_url)
        self._facts: ScoredFacts | None = None
        self._lock = threading.Lock()

    @property
    def today(self) -> dt.date:
        """Today as the project lives."""
        return self.project.today(self.clock.today())

    def may_see_work(self, item: WorkItem, owners: Owners) -> bool:
        """Whether who sees the accounts of ``owners`` may see a work item: it is one of theirs, or its account is."""
        return owners is None or item.owner in owners or self.store.may_see(item.account_id, owners)

    def may_take_back(self, item: WorkItem, visitor: Visitor) -> bool:
        """Whether a visitor may look at a work item to undo its last change: what they handed on they see no more."""
        seen = self.may_see_work(item, visitor.owners)
        return seen or self.store.last_change(item.work_id).event.who == visitor.name

    def check_store(self) -> None:
        """Raises UnavailableError where the store's file is not there any more."""
        if self._file is not None and not self._file.exists():
            raise UnavailableError("The operational store is not there.", remedy="Put its file back, and start anew.")

    def newest(self) -> ScoredFacts:
        """The newest scored date; raises TooLittleDataError where nothing was scored yet."""
        dates = self.store.dates()
        if not dates:
            raise TooLittleDataError("Nothing was scored yet.", remedy="Run 'churnml run' or 'churnml score' first.")
        as_of = dates[-1]
        scored_at = self.store.scored_at(as_of)
        with self._lock:
            facts = self._facts
        if facts is None or (facts.as_of, facts.scored_at) != (as_of, scored_at):
            facts = self._read_facts(as_of, scored_at)
            with self._lock:
                self._facts = facts
        return facts

    def _read_facts(self, as_of: dt.date, scored_at: dt.datetime) -> ScoredFacts:
        everybody = self.store.account_list(as_of, AccountFilter(sort="account"), limit=0)
        mean = everybody.mrr / everybody.accounts if everybody.mrr is not None and everybody.accounts else None
        owners = {*self.store.account_choices(as_of).owners, *self.project.team.people}
        owners |= {one.owner for one in self.store.owner_work()}
        return ScoredFacts(as_of, scored_at, has_cents(mean), tuple(sorted(owners)))

    @cached_property
    def yardsticks(self) -> KeptYardsticks:
        """The scales of the project's models."""
        return KeptYardsticks(self.project)

    def versions(self, model: str) -> Sequence[RegisteredVersion]:
        """The registered versions of a model, the newest first; raises RegistryError."""
        from churnml.adapters.registry.lookups import versions_of

        return versions_of(self.project, model)

    @cached_property
    def assets(self) -> str:
        """Names the content of styles and scripts, so that a browser keeps them until they change."""
        digest = hashlib.sha256()
        for path in sorted(STATIC.iterdir()):
            digest.update(path.read_bytes())
        return digest.hexdigest()[:12]


@dataclass(frozen=True)
class Asked:
    """A request whose visitor is known.

    Args:
        cockpit: what it works with.
        visitor: who is asking.
        session: theirs, as their cookie has it or just begun.
        here: the address of the page, for forms to lead back to.
    """

    cockpit: Cockpit
    visitor: Visitor
    session: str
    here: str

    @cached_property
    def newest(self) -> ScoredFacts:
        """The newest scored date, the same for all of the request; raises TooLittleDataError."""
        return self.cockpit.newest()

    @property
    def token(self) -> str:
        """What their forms carry."""
        return self.cockpit.sessions.token(self.session, self.visitor.name)

    def frame(self, notices: Sequence[Notice] = ()) -> Frame:
        """What stands around a page of theirs."""
        cockpit, store = self.cockpit, self.cockpit.store
        facts = self.newest
        held = store.held(facts.as_of)
        changes = store.changed_by(self.visitor.name, cockpit.clock.now() - UNDO_WITHIN) if self.visitor.may_act else []
        return Frame(
            project=cockpit.project.name,
            currency=cockpit.project.spec.currency,
            cents=facts.cents,
            who=self.visitor.name,
            role=ROLE_WORDS[self.visitor.role],
            may_act=self.visitor.may_act,
            token=self.token,
            here=self.here,
            as_of=facts.as_of,
            assets=cockpit.assets,
            held=None if held is None else held_text(facts.as_of, held),
            notices=notices,
            sees_all=self.visitor.owners is None,
            just_done=just_done(changes, store.account_names(change.item.account_id for change in changes)),
        )

    def bare_frame(self) -> Frame:
        """A frame that asks the store for nothing, for a page that says why there is no other."""
        return Frame(
            project=self.cockpit.project.name,
            currency="",
            cents=False,
            who=self.visitor.name,
            role=ROLE_WORDS[self.visitor.role],
            may_act=False,
            token="",
            here="/day",
            as_of=None,
            assets=self.cockpit.assets,
        )
