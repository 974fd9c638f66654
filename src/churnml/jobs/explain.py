"""What one account's score is made of, and why it changed: read from what is stored, without opening the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from churnml.errors import RegistryError
from churnml.health.changes import HealthChange, ScoreInputs, explain_change
from churnml.health.default import as_far_as_possible
from churnml.health.directions import heard
from churnml.ledger import AccountStory, Override, RecordedAccount
from churnml.specs.health import HealthSpec
from churnml.specs.plain_yaml import YamlTextError, read_yaml

if TYPE_CHECKING:
    from churnml.adapters.store import Store
    from churnml.health.changes import Yardstick


class Yardsticks(Protocol):
    """Whatever has the scales of models: the registry, or what reads it quickly."""

    def yardstick(self, name: str, version: str | None) -> Yardstick | None:
        """As :meth:`churnml.adapters.registry.Registry.yardstick`."""


def change_of(story: AccountStory, store: Store, lookups: Yardsticks, risk: str) -> HealthChange | None:
    """What changed of an account's score since its scoring before, in parts; None where there is nothing to compare.

    Args:
        story: the account.
        store: holds the declarations as they were.
        lookups: hold the models' scales.
        risk: the churn model's name.
    """
    if story.previous is None:
        return None
    overrides = {override.override_id: override for override in story.overrides}
    present = RecordedAccount(story.scoring, story.account)
    then, now = [_inputs(recorded, overrides, store, lookups, risk) for recorded in (story.previous, present)]
    return None if then is None or now is None else explain_change(then, now)


def _inputs(
    recorded: RecordedAccount,
    overrides: Mapping[str, Override],
    store: Store,
    lookups: Yardsticks,
    risk: str,
) -> ScoreInputs | None:
    """What a score was made of; None where that was not kept or is read no more, or its model is gone."""
    scoring, account = recorded.scoring, recorded.account
    declared = (scoring.declarations or {}).get("health")
    if account.trace.inputs is None or declared is None:
        return None
    try:
        # without a champion the scales were the newest model's; which it was is not kept, so the newest now stands in
        yardstick = lookups.yardstick(risk, scoring.models.get(risk))
    except RegistryError:
        return None
    if yardstick is None:
        return None
    try:
        spec = HealthSpec.model_validate(read_yaml(store.declaration(declared).text).value)
    except (YamlTextError, ValidationError):
        return None  # it was declared in a way that is refused by now
    # as it was read for that score: over the lookbacks there are, without what has no say
    spec = heard(as_far_as_possible(spec, {*yardstick.reference, *yardstick.unheard}), yardstick.unheard)
    return ScoreInputs(
        on=scoring.as_of,
        inputs=account.trace.inputs,
        churn_probability=account.churn_probability,
        yardstick=yardstick,
        spec=spec,
        override=overrides.get(account.trace.override_id or ""),
    )
