"""The tools: from what an agent asks to what is quoted from the store."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from churnml.errors import ChurnmlError
from churnml.ledger.cockpit import AccountFilter
from churnml.ledger.outputs import OUTPUT_VIEWS
from churnml.pages.cockpit.account import AccountView
from churnml.pages.cockpit.facts import AccountFact, facts_of, record_of
from churnml.pages.draft import doubts
from churnml.web import reading
from churnml.web.agents import shapes
from churnml.web.api.shapes import AccountShown
from churnml.web.cockpit import Asked
from churnml.web.people import NotAllowedError

MOST_FOUND = 50
HAPPENED_SHOWN = 30
LONGEST_DRAFT = 20_000


@dataclass(frozen=True)
class Agent:
    """Answers the tools, with the rights of one visitor.

    Args:
        asked: the project, its store, and who is asking.
    """

    asked: Asked

    def find_accounts(self, text: str, band: str, owner: str, limit: int) -> shapes.AccountsAnswer:
        """Accounts by part of their id, by band and owner; those with the most MRR at risk first."""
        cockpit, newest = self.asked.cockpit, self.asked.cockpit.newest()
        wanted = AccountFilter(text=text.strip(), band=band, owner=owner)
        most = max(1, min(limit, MOST_FOUND))
        listed = cockpit.store.account_list(newest.as_of, wanted, self.asked.visitor.owners, limit=most)
        return shapes.AccountsAnswer(
            quoted=self._quoted(newest.as_of, "scores, work"),
            currency=cockpit.project.spec.currency,
            accounts=listed.accounts,
            items=[AccountShown.model_validate(line, from_attributes=True) for line in listed.lines],
        )

    def explain_account(self, account_id: str) -> shapes.AccountAnswer:
        """All that is on record of an account; raises UnknownNameError."""
        view = self._view(account_id, None)
        happened = [
            shapes.FactShown(
                sentence=shapes.Untrusted(untrusted=f"{one.text}. {one.because}".strip()), on=one.on, source=one.kind
            )
            for one in view.timeline[:HAPPENED_SHOWN]
        ]
        return shapes.AccountAnswer(
            quoted=self._quoted(view.as_of, "scores, work, work_events, overrides, health_events"),
            account_id=account_id,
            facts=_shown(self._facts(view)),
            dimensions=dict(view.account.dimensions),
            happened=happened,
            happened_before=view.earlier + max(0, len(view.timeline) - HAPPENED_SHOWN),
        )

    def todays_list(self, owner: str | None) -> shapes.ListAnswer:
        """The list of one owner, or the visitor's own; raises UnknownNameError."""
        day = reading.my_day(self.asked, owner, "")
        items = [
            shapes.ListedItem(
                work_id=one.work_id,
                account_id=one.account_id,
                owner=one.owner,
                title=one.title,
                due=one.due,
                due_words=one.due_words,
                new=one.new,
                value=one.value,
                chance=one.chance,
                health=one.health,
                why=[shapes.Untrusted(untrusted=sentence) for sentence in one.why],
                steps=list(one.steps),
            )
            for one in day.items
        ]
        return shapes.ListAnswer(
            quoted=self._quoted(day.as_of, "decisions, work, scores"),
            owner=day.owner,
            today=day.today,
            currency=self.asked.cockpit.project.spec.currency,
            items=items,
            not_shown=day.more,
        )

    def what_changed(self, account_id: str, since: dt.date | None) -> shapes.ChangeAnswer:
        """Why a score changed since a date, or since the scoring before; raises UnknownNameError."""
        view = self._view(account_id, since)
        compared = view.compared
        return shapes.ChangeAnswer(
            quoted=self._quoted(view.as_of, "scores, declarations"),
            account_id=account_id,
            first=compared.first if compared else None,
            last=view.as_of,
            before=compared.before if compared else None,
            after=view.account.health,
            parts=[shapes.PartShown(name=one.name, points=one.points) for one in compared.parts] if compared else [],
            of_data=[shapes.PartShown(name=one.name, points=one.points) for one in compared.of_data]
            if compared
            else [],
            note=compared.note if compared else "There is no earlier score.",
        )

    def playbook_effects(self) -> shapes.EffectsAnswer:
        """What each playbook was measured to do; raises NotAllowedError where that counts accounts out of sight."""
        if self.asked.visitor.owners is not None:
            raise NotAllowedError("Effects count the accounts of everybody, and not all of them are yours to see.")
        cockpit = self.asked.cockpit
        return shapes.EffectsAnswer(
            project=cockpit.project.name,
            source="effects",
            items=[
                shapes.EffectShown(playbook=one.playbook, known_through=one.known_through, sentence=one.sentence)
                for one in cockpit.store.effects.all()
            ],
        )

    def definitions(self, word: str) -> shapes.DefinitionsAnswer:
        """What a word of the answers means; all of them where none is given."""
        project = self.asked.cockpit.project
        defined = {
            column.name: shapes.Defined(name=column.name, means=column.means, source=f"docs/outputs.md, {view.name}")
            for view in OUTPUT_VIEWS
            for column in view.columns
        }
        for band in project.health.bands:
            means = f"the band of health of at least {band.at_least:g} of 100"
            defined[band.name] = shapes.Defined(name=band.name, means=means, source="models/health.yaml")
        asked = word.strip().casefold().replace(" ", "_")
        return shapes.DefinitionsAnswer(items=[one for name, one in defined.items() if asked in name.casefold()])

    def brief(self, account_id: str) -> shapes.BriefAnswer:
        """The facts for a call or a mail; raises UnknownNameError."""
        view = self._view(account_id, None)
        return shapes.BriefAnswer(
            quoted=self._quoted(view.as_of, "scores, work"), account_id=account_id, facts=_shown(self._facts(view))
        )

    def check_draft(self, account_id: str, draft: str) -> shapes.DraftAnswer:
        """What a draft about an account says that is not on record; raises UnknownNameError and ChurnmlError."""
        if len(draft) > LONGEST_DRAFT:
            raise ChurnmlError(f"The draft is longer than {LONGEST_DRAFT} characters.")
        view = self._view(account_id, None)
        doubted = doubts(draft, record_of(view, self._facts(view)))
        return shapes.DraftAnswer(
            quoted=self._quoted(view.as_of, "scores, work"),
            account_id=account_id,
            doubts=[shapes.DoubtShown(kind=one.kind, text=one.text, start=one.start) for one in doubted],
        )

    def _view(self, account_id: str, since: dt.date | None) -> AccountView:
        return reading.account_page(self.asked, account_id, None, since)

    def _facts(self, view: AccountView) -> list[AccountFact]:
        cockpit = self.asked.cockpit
        return facts_of(view, cockpit.project.spec.currency, cents=cockpit.newest().cents)

    def _quoted(self, as_of: dt.date, source: str) -> shapes.Quoted:
        store = self.asked.cockpit.store
        scoring, held = store.newest_scoring(as_of), store.held(as_of)
        return shapes.Quoted(
            project=self.asked.cockpit.project.name,
            as_of=as_of,
            scored_at=scoring.scored_at,
            models=dict(scoring.models),
            stale_since=held.stale_since if held else None,
            source=source,
        )


def _shown(facts: Sequence[AccountFact]) -> list[shapes.FactShown]:
    return [
        shapes.FactShown(
            sentence=shapes.Untrusted(untrusted=one.sentence) if one.untrusted else one.sentence,
            on=one.on,
            source=one.source,
        )
        for one in facts
    ]
