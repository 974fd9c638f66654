"""What ``models/playbooks.yaml`` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from churnml import features as catalogue
from churnml.specs.base import Declared, Name, NotNegative, catalogue_of


class Span(Declared):
    """A condition on a number; both ends belong to it."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _not_empty(self) -> Span:
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is above at_most, so nothing can match")
        return self


class When(Declared):
    """When a playbook takes an account: everything given must hold."""

    band: tuple[str, ...] = ()
    segment: tuple[str, ...] = ()
    reason: tuple[str, ...] = ()
    churn_probability: Span | None = None
    churn_lift: Span | None = None
    upsell_probability: Span | None = None
    upsell_lift: Span | None = None
    health: Span | None = None
    mrr: Span | None = None
    tenure_days: Span | None = None
    days_to_renewal: Span | None = None
    dimension: dict[Name, Span] = Field(default_factory=dict)

    @field_validator("reason")
    @classmethod
    def _known_reasons(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for family in value:
            catalogue.check_family(family, catalogue_of(info))
        return value


class Playbook(Declared):
    """What to do for an account, by whom, until when."""

    name: Name
    title: str
    goal: Literal["keep", "grow", "care"]
    when: When
    do: tuple[str, ...] = Field(min_length=1)
    owner: Literal["account_owner"] | Annotated[str, Field(pattern=r"^team:[a-z][a-z0-9_\-]*$")] = "account_owner"
    due_in_days: NotNegative = 5


class PlaybooksSpec(Declared):
    """What ``models/playbooks.yaml`` may say: the first playbook whose rule holds takes the account."""

    playbooks: tuple[Playbook, ...] = Field(min_length=1)
    fallback_owner: Annotated[str, Field(pattern=r"^team:[a-z][a-z0-9_\-]*$")] = "team:customer-success"

    @field_validator("playbooks")
    @classmethod
    def _unique(cls, value: tuple[Playbook, ...]) -> tuple[Playbook, ...]:
        names = [playbook.name for playbook in value]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"two playbooks are named '{min(twice)}'")
        return value
