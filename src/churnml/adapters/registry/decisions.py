"""What was decided about the versions of a model: events that are only ever added, and the aliases that follow."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Callable

from churnml.adapters.registry.client import MlflowException, ModelVersion, quietly
from churnml.adapters.registry.registered import (
    AGAINST_TAG,
    CHALLENGER,
    CHAMPION,
    EVENT_TAG,
    FINGERPRINT_TAG,
    LONGEST_REASON,
    PROMOTED_TAG,
    UNFINISHED_TAG,
    VERDICT_TAG,
)
from churnml.adapters.registry.versions import Versions
from churnml.modelling.tenure import BY_HAND, BY_VERDICT, Event, What, ever_champion


class Decisions:
    """Writes and reads decisions; ``now`` is the clock they are dated by."""

    def __init__(self, versions: Versions, now: Callable[[], dt.datetime]) -> None:
        self.now = now
        self._versions, self._client = versions, versions.client

    def events(self, name: str) -> list[Event]:
        """What was decided about the versions of a model, oldest first."""
        with quietly(self._versions.uri):
            try:
                tags = self._client.get_registered_model(name).tags
            except MlflowException as problem:
                if problem.error_code == "RESOURCE_DOES_NOT_EXIST":
                    return []
                raise
        return [Event(**json.loads(tags[key])) for key in sorted(tags) if key.startswith(EVENT_TAG)]

    def champion_version(self, name: str) -> str | None:
        """The champion's version, or None."""
        version = self._versions.with_alias(name, CHAMPION)
        return None if version is None else str(version.version)

    def appoint(self, name: str, version: str, what: What, why: str, by: str | None) -> None:
        """Makes a version champion by hand and writes down why."""
        chosen = self._versions.one(name, version)
        before = self.champion_version(name)
        with quietly(self._versions.uri):
            self._client.set_registered_model_alias(name, CHAMPION, chosen.version)
            self._add(name, what, version, why, BY_HAND, by, before)
            self._point_to_challenger(name)

    def mend(self, experiment: str, name: str) -> None:
        """Finishes or marks what an earlier training left when it was killed.

        A whole version whose verdict was not yet acted upon is given its due; one that is not whole, and a run
        that never ended, are marked as such and never used.
        """
        versions, decided = self._versions.listed(name), {event.version for event in self.events(name)}
        with quietly(self._versions.uri):
            for version in reversed(versions):
                if FINGERPRINT_TAG in version.tags:
                    if UNFINISHED_TAG in version.tags or str(version.version) not in decided:
                        self.conclude(version)
                elif UNFINISHED_TAG not in version.tags:
                    self._client.set_model_version_tag(name, version.version, UNFINISHED_TAG, self._at())
            kept = self._client.get_experiment_by_name(experiment)
            running = "attributes.status = 'RUNNING'"
            for run in self._client.search_runs([kept.experiment_id], running) if kept else ():
                self._client.set_tag(run.info.run_id, UNFINISHED_TAG, self._at())
                self._client.set_terminated(run.info.run_id, "KILLED")

    def conclude(self, version: ModelVersion) -> None:
        """Does what the verdict on a whole version says, once: the alias first, then the note of it.

        Killed between the two, the next call finds the alias moved and adds the note.
        """
        name, number, tags = version.name, str(version.version), version.tags
        if UNFINISHED_TAG in tags:
            self._client.delete_model_version_tag(name, number, UNFINISHED_TAG)
        if PROMOTED_TAG not in tags or any(event.version == number for event in self.events(name)):
            return
        champion, against = self.champion_version(name), tags[AGAINST_TAG] or None
        why, before = tags[VERDICT_TAG], champion
        what: What = "refused"
        if tags[PROMOTED_TAG] == "yes" and champion in (against, number):
            what, before = "promoted", against
            if champion != number:
                self._client.set_registered_model_alias(name, CHAMPION, number)
        elif tags[PROMOTED_TAG] == "yes":
            why = (
                f"version {champion or 'none'} became champion while this one was judged against version "
                f"{against or 'none'}, so it was not promoted; the verdict was: {why}"
            )
        self._add(name, what, number, why, BY_VERDICT, None, before)
        self._point_to_challenger(name)

    def _at(self) -> str:
        return self.now().astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    def _add(self, name: str, what: What, version: str, why: str, how: str, by: str | None, before: str | None) -> None:
        known = self.events(name)
        # a clock that was set back does not turn what happened round
        at = max(self._at(), known[-1].at) if known else self._at()
        event = Event(at, what, version, why[:LONGEST_REASON], how, by, before)
        # a name nobody else can take: two trainings at once add two events
        key = f"{EVENT_TAG}{at}.{len(known):06d}.{uuid.uuid4().hex[:8]}"
        self._client.set_registered_model_tag(name, key, json.dumps(event.as_data(), ensure_ascii=False))

    def _point_to_challenger(self, name: str) -> None:
        """The alias ``challenger`` names the newest version that never was champion."""
        champions = ever_champion(self.events(name), self.champion_version(name))
        left = [version for version in self._versions.whole(name) if str(version.version) not in champions]
        if left:
            self._client.set_registered_model_alias(name, CHALLENGER, left[0].version)
        elif self._versions.with_alias(name, CHALLENGER) is not None:
            self._client.delete_registered_model_alias(name, CHALLENGER)
