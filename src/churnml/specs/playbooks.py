"""What ``models/playbooks.yaml`` may say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from churnml.errors import did_you_mean
from churnml.specs.base import Money, Name, NotNegative, Positive, Share, Spec, known_families, twice

# further ahead nobody plans, and a calendar ends somewhere
Days = Annotated[int, Field(ge=0, le=3650)]
WorkingDays = Annotated[int, Field(ge=0, le=366)]
RuleText = Annotated[str, Field(min_length=1)]
Team = Annotated[str, Field(pattern=r"^team:[a-z][a-z0-9_\-]*$")]
Group = Annotated[str, Field(pattern=r"^(team|skill|pool):[a-z][a-z0-9_\-]*$")]
TROUBLE = "band == 'at_risk' or churn_rank <= 0.15"


class DeclaredEffect(Spec):
    """The share of what is at stake that acting keeps or wins, as it is believed before it was measured.

    ``likely`` orders the list; ``low`` and ``high`` say how far off that may be.
    """

    low: Share = 0.0
    likely: Share = 0.1
    high: Share = 0.3

    @model_validator(mode="after")
    def _in_order(self) -> DeclaredEffect:
        if not self.low <= self.likely <= self.high:
            raise ValueError("low, likely and high must rise in this order")
        return self


class Measured(Spec):
    """How ``churnml impact`` judges, declared before anybody looks.

    ``worth`` is the smallest effect worth finding, as a share (of accounts that leave, of MRR kept, of accounts that
    grow): what is proved to be less is called no sign of an effect. ``expected`` is the number of outcomes a playbook
    at which intervals are to be narrowest. ``alpha`` is shared by all ``questions``: one a playbook, two for one that
    grows; left out, they are counted from the playbooks that have enrolled anybody.
    """

    worth: Annotated[float, Field(gt=0, lt=1)] = 0.02
    expected: Positive = 500
    alpha: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    questions: Positive | None = None


class Playbook(Spec):
    """What to do for an account, by whom, until when, and how it is measured.

    ``enter`` and ``exit`` are rules over named facts (docs/playbooks.md). ``reasons`` are patterns such as ``usage.*``:
    the work is about the account's first reason that matches, and without one it is not offered. ``minutes`` and
    ``cost`` are what one work item takes. ``due_in_days`` and ``escalate_after_days`` (overdue) are working days.
    An account is not offered the same playbook again for ``cooldown_days`` after work that ended as ``cooldown_after``
    says. ``supersedes`` names playbooks whose open work this one closes and replaces.
    """

    name: Name
    title: str
    goal: Literal["keep", "grow", "care"]
    enter: RuleText
    exit: RuleText | None = None
    reasons: tuple[str, ...] = ()
    do: tuple[str, ...] = Field(min_length=1)
    owner: Literal["account_owner"] | Group = "account_owner"
    minutes: NotNegative = 60
    cost: Money = 0.0
    due_in_days: WorkingDays = 5
    cooldown_days: Days = 90
    cooldown_after: tuple[Literal["done", "dismissed", "closed"], ...] = ("done", "dismissed")
    effect: DeclaredEffect = DeclaredEffect()
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    escalate_after_days: WorkingDays | None = None
    escalate_to: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    supersedes: tuple[Name, ...] = ()

    check_reasons = field_validator("reasons")(known_families)

    @model_validator(mode="after")
    def _escalation_has_a_time(self) -> Playbook:
        if self.escalate_to is not None and self.escalate_after_days is None:
            raise ValueError("escalate_to needs escalate_after_days")
        return self


class PlaybooksSpec(Spec):
    """What ``models/playbooks.yaml`` may say: of equal value, the playbook that is declared first takes the account.

    ``trouble`` says which accounts are left alone by playbooks whose goal is to grow, unless ``grow_in_trouble``.
    """

    playbooks: tuple[Playbook, ...] = Field(min_length=1)
    fallback_owner: Team = "team:customer-success"
    trouble: RuleText = TROUBLE
    grow_in_trouble: bool = False
    measured: Measured = Measured()

    @field_validator("playbooks")
    @classmethod
    def _unique(cls, value: tuple[Playbook, ...]) -> tuple[Playbook, ...]:
        names = [playbook.name for playbook in value]
        if again := twice(names):
            raise ValueError(f"two playbooks are named '{again}'")
        for playbook in value:
            for name in playbook.supersedes:
                if name not in names:
                    raise ValueError(
                        f"'{playbook.name}' supersedes '{name}', which is not declared. {did_you_mean(name, names)}"
                    )
        return value
