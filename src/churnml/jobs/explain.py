"""What one account's score is made of, and why it changed: read from what is stored, without opening the data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import yaml

from churnml.errors import RegistryError
from churnml.health.changes import HealthChange, ScoreInputs, explain_change
from churnml.ledger import Override
from churnml.specs import HealthSpec

if TYPE_CHECKING:
    from churnml.adapters.registry import Registry
    from churnml.adapters.registry.lookups import Lookups
    from churnml.adapters.store import Store


def change_of(account: Mapping[str, Any], store: Store, lookups: Lookups | Registry, risk: str) -> HealthChange | None:
    """What changed of an account's score since its scoring before, in parts; None where there is nothing to compare.

    Args:
        account: what :meth:`churnml.adapters.store.Store.account` says.
        store: holds the declarations as they were.
        lookups: hold the models' scales.
        risk: the churn model's name.
    """
    previous = account.get("previous")
    if not previous or not account.get("declarations") or not previous.get("declarations"):
        return None
    overrides = {override["override_id"]: override for override in account["overrides"]}
    then, now = [_inputs(row, overrides, store, lookups, risk) for row in (previous, account)]
    return None if then is None or now is None else explain_change(then, now)


def _inputs(
    row: Mapping[str, Any], overrides: Mapping[str, Any], store: Store, lookups: Lookups | Registry, risk: str
) -> ScoreInputs | None:
    if row.get("health_inputs") is None or "health" not in row["declarations"]:
        return None
    version = row["models"].get(risk)
    try:
        # without a champion the scales were the newest model's; which it was is not kept, so the newest now stands in
        yardstick = lookups.yardstick(risk, version)
    except RegistryError:
        return None
    if yardstick is None:
        return None
    declared = yaml.safe_load(store.declaration(row["declarations"]["health"])["text"])
    override = overrides.get(str(row.get("override_id")))
    return ScoreInputs(
        on=row["as_of"],
        inputs=row["health_inputs"],
        churn_probability=row["churn_probability"],
        yardstick=yardstick,
        spec=HealthSpec.model_validate(declared),
        override=Override(**override) if override else None,
    )
