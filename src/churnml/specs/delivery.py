"""What ``models/delivery.yaml`` may say: who is told what, and how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from churnml.errors import UnknownNameError, did_you_mean
from churnml.specs.base import Money, Name, Positive, Spec

Told = Literal["work", "health", "event"]
Change = Literal[
    "opened", "snoozed", "woken", "done", "dismissed", "closed", "escalated", "reassigned", "due_moved", "undone"
]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]
# A name in a CRM's address or record: never anything that could lead elsewhere.
FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,79}$")]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.\-]{0,250}[A-Za-z0-9])?$")]
# one variable or several, and nothing beside them: what stands there too would be part of the secret
FROM_ENVIRONMENT = re.compile(r"(\$\{[A-Za-z_][A-Za-z0-9_]*\})+")
# What must come from the environment and never stand in the file. A Slack address is a secret as a whole.
SECRETS = {
    "webhook": ("secret",),
    "slack": ("url",),
    "drop": (),
    "salesforce": ("token", "consumer_secret"),
    "hubspot": ("token",),
}


class Retry(Spec):
    """How often and how late sending is tried again.

    The wait doubles from ``first_seconds`` to at most ``longest_seconds``, a quarter more or less, so that what failed
    together does not come back together. After ``attempts`` a message is dead until somebody revives it.
    """

    attempts: Positive = 8
    first_seconds: Seconds = 30.0
    longest_seconds: Seconds = 6 * 3600.0


class CrmWhen(Spec):
    """Which messages a CRM is told; nothing that could change while a task stands there, or it would never be closed.

    ``segments`` by the account, ``playbooks`` and ``min_value`` (MRR a month it was opened for) by the work item.
    """

    segments: tuple[str, ...] = ()
    playbooks: tuple[Name, ...] = ()
    min_value: Money | None = None


class When(CrmWhen):
    """Which messages a receiver is told; everything given must hold.

    ``owners`` by whose list the work is on (or was, before it was reassigned), else by the account's owner;
    ``changes`` by what happened to the work; ``bands`` by the account's band, of health and events alone;
    ``min_drop`` by the points a drop fell.
    """

    owners: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    bands: tuple[str, ...] = ()
    min_drop: float | None = Field(default=None, gt=0, le=100)


class Receiver(Spec):
    """What all receivers have.

    ``timeout_seconds`` is for a connection and for each wait for an answer; a whole message, its answer read, may take
    twice as long. ``ca_file`` is the certificate authority
    of a receiver that has its own, relative to the project.
    """

    retry: Retry = Retry()
    timeout_seconds: Seconds = 10.0
    ca_file: str | None = None

    @field_validator("sends", check_fields=False)
    @classmethod
    def _something(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or len(set(value)) != len(value):
            raise ValueError("name each kind of message once, and at least one")
        return value


class Webhook(Receiver):
    """A signed POST for each message."""

    kind: Literal["webhook"]
    url: str = Field(min_length=1)
    secret: str
    sends: tuple[Told, ...] = ("work", "health", "event")
    when: When = When()


class Slack(Receiver):
    """A Slack-compatible incoming webhook: one post a work item, or one an owner with what is new on their list."""

    kind: Literal["slack"]
    url: str
    style: Literal["piece", "digest"] = "digest"
    sends: tuple[Literal["work", "event"], ...] = ("work", "event")
    when: When = When(changes=("opened", "reassigned", "escalated"))


class Drop(Receiver):
    """Files in a folder, whole or not at all. ``path`` is relative to the project."""

    kind: Literal["drop"]
    path: str = Field(min_length=1)
    format: Literal["csv", "parquet", "jsonl"] = "csv"
    sends: tuple[Told, ...] = ("work", "health", "event")
    when: When = When()


class TaskStatus(Spec):
    """What a CRM calls the states of a work item."""

    open: str
    snoozed: str
    done: str
    dismissed: str
    closed: str


class SalesforceFields(Spec):
    """The fields of an account that are written; null leaves one alone."""

    health: FieldName | None = "Churnml_Health__c"
    band: FieldName | None = "Churnml_Band__c"
    reasons: FieldName | None = "Churnml_Reasons__c"
    churn_probability: FieldName | None = "Churnml_Churn_Probability__c"
    as_of: FieldName | None = "Churnml_As_Of__c"


class Salesforce(Receiver):
    """Health onto accounts and work as tasks, matched by external id fields.

    Either ``instance_url`` and ``token``, or ``domain`` (``acme.my``), ``consumer_key`` and ``consumer_secret`` of a
    connected app with the client credentials flow. ``account_id_field: Id`` says that account ids are Salesforce's
    own. ``allow_duplicates`` writes an account also where a duplicate rule of the organisation says that it is like
    another (``Sforce-Duplicate-Rule-Header: allowSave=true``); no account is ever made. ``owners`` maps owners to user
    ids; whoever is not in it leaves a task's owner alone. ``unknown_accounts`` that Salesforce does not have are dead
    letters, or passed over.
    """

    kind: Literal["salesforce"]
    instance_url: str | None = None
    token: str | None = None
    domain: Host | None = None
    consumer_key: str | None = None
    consumer_secret: str | None = None
    version: Annotated[str, Field(pattern=r"^[0-9]{2,3}\.0$")] = "59.0"
    account_object: FieldName = "Account"
    account_id_field: FieldName = "Churnml_Account_Id__c"
    fields: SalesforceFields = SalesforceFields()
    allow_duplicates: bool = False
    task_id_field: FieldName = "Churnml_Work_Id__c"
    status: TaskStatus = TaskStatus(
        open="Not Started", snoozed="Deferred", done="Completed", dismissed="Completed", closed="Completed"
    )
    owners: dict[str, str] = Field(default_factory=dict)
    unknown_accounts: Literal["refuse", "skip"] = "refuse"
    sends: tuple[Literal["work", "health"], ...] = ("work", "health")
    when: CrmWhen = CrmWhen()

    @model_validator(mode="after")
    def _one_way_in(self) -> Salesforce:
        token = (self.instance_url, self.token)
        app = (self.domain, self.consumer_key, self.consumer_secret)
        if not ((all(token) and not any(app)) or (all(app) and not any(token))):
            raise ValueError("give instance_url and token, or domain, consumer_key and consumer_secret")
        return self


class HubspotProperties(Spec):
    """The properties of a company that are written; null leaves one alone."""

    health: FieldName | None = "churnml_health"
    band: FieldName | None = "churnml_band"
    reasons: FieldName | None = "churnml_reasons"
    churn_probability: FieldName | None = "churnml_churn_probability"
    as_of: FieldName | None = "churnml_as_of"


class Hubspot(Receiver):
    """Health onto companies and work as tasks, matched by properties whose values are unique.

    ``company_id_property: hs_object_id`` says that account ids are HubSpot's own. ``owners`` maps owners to HubSpot
    owner ids; whoever is not in it leaves a task's owner alone. ``unknown_accounts`` that HubSpot does not have are
    dead letters, or passed over.
    """

    kind: Literal["hubspot"]
    token: str
    url: str = "https://api.hubapi.com"
    company_id_property: FieldName = "churnml_account_id"
    properties: HubspotProperties = HubspotProperties()
    task_id_property: FieldName = "churnml_work_id"
    status: TaskStatus = TaskStatus(
        open="NOT_STARTED", snoozed="DEFERRED", done="COMPLETED", dismissed="COMPLETED", closed="COMPLETED"
    )
    owners: dict[str, str] = Field(default_factory=dict)
    unknown_accounts: Literal["refuse", "skip"] = "refuse"
    sends: tuple[Literal["work", "health"], ...] = ("work", "health")
    when: CrmWhen = CrmWhen()


AnyReceiver = Webhook | Slack | Drop | Salesforce | Hubspot
KINDS: Mapping[str, type[Receiver]] = {
    "webhook": Webhook,
    "slack": Slack,
    "drop": Drop,
    "salesforce": Salesforce,
    "hubspot": Hubspot,
}


class DeliverySpec(Spec):
    """What ``models/delivery.yaml`` may say. Without the file there are no receivers, and nothing is written for any.

    ``dry_run: false`` lets ``churnml deliver`` send without being asked to with ``--send``.
    """

    dry_run: bool = True
    receivers: dict[Name, Annotated[AnyReceiver, Field(discriminator="kind")]] = Field(default_factory=dict)

    @field_validator("receivers", mode="before")
    @classmethod
    def _known(cls, value: object) -> object:
        # said here, where no message repeats what the file says: it may be a secret that should not stand in it
        for name, declared in value.items() if isinstance(value, dict) else ():
            if not isinstance(declared, dict):
                raise ValueError(f"receiver '{name}' must be a mapping of keys to values")
            kind = str(declared.get("kind"))
            if kind not in KINDS:
                raise ValueError(f"receiver '{name}' has no known kind. {did_you_mean(kind, KINDS)}")
            _check_keys(f"receiver '{name}'", KINDS[kind], declared)
            _check_secrets(str(name), kind, declared)
        return value

    @field_validator("receivers")
    @classmethod
    def _small_enough(cls, value: dict[str, AnyReceiver]) -> dict[str, AnyReceiver]:
        for name, receiver in value.items():
            if receiver.retry.first_seconds > receiver.retry.longest_seconds:
                raise ValueError(f"receiver '{name}' waits longer at first than at longest")
        return value


def _check_keys(whose: str, kind: type[Spec], declared: Mapping[str, object]) -> None:
    for key, value in declared.items():
        if key not in kind.model_fields:
            raise ValueError(f"'{key}' is not a key of {whose}. {did_you_mean(str(key), kind.model_fields)}")
        inside = kind.model_fields[key].annotation
        if isinstance(inside, type) and issubclass(inside, Spec) and isinstance(value, dict):
            _check_keys(f"'{key}' of {whose}", inside, value)


def _check_secrets(name: str, kind: str, declared: Mapping[str, object]) -> None:
    for key in SECRETS[kind]:
        if declared.get(key) is not None and not FROM_ENVIRONMENT.fullmatch(str(declared[key]).strip()):
            raise ValueError(
                f"'{key}' of receiver '{name}' is a secret: keep all of it in an environment variable and "
                f"write {key}: ${{NAME}}"
            )
    for key in ("url", "instance_url"):
        if "@" in str(declared.get(key, "")).split("?")[0]:
            raise ValueError(f"'{key}' of receiver '{name}' must hold no user name and no password")


def check_names(spec: DeliverySpec, *, playbooks: Iterable[str], bands: Iterable[str], where: str) -> None:
    """Raises UnknownNameError when a receiver asks for a playbook or a band that is not declared."""
    known = {"playbooks": ("playbook", set(playbooks)), "bands": ("band", set(bands))}
    for name, receiver in spec.receivers.items():
        for key, (kind, names) in known.items():
            for wanted in getattr(receiver.when, key, ()):
                if wanted not in names:
                    raise UnknownNameError(kind, wanted, names, where=f"{where}, receivers: {name}: when: {key}:")
