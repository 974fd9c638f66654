"""Salesforce, through simple-salesforce: health onto accounts, work as tasks.

Records go by sObject Collections, at most 200 a call, each succeeding or failing by itself: upsert by an external id
(``PATCH composite/sobjects/<object>/<field>``), or update where account ids are Salesforce's own (``PATCH
composite/sobjects``). No account is ever made: one that is not there lacks a name and is refused.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict, cast

from churnml.adapters.delivery.answers import Answer, asked_wait, by_status
from churnml.adapters.delivery.crm import (
    account_values,
    halving,
    health_then_work,
    no_answer,
    task_lines,
    task_subject,
    whole_refused,
)
from churnml.adapters.delivery.deadline import Deadline, LateError
from churnml.adapters.delivery.hidden import Secrets
from churnml.adapters.delivery.payload import Payload, payload_of
from churnml.adapters.outages import outage
from churnml.errors import ChurnmlError, ProjectError, UnavailableError
from churnml.jsontypes import Json, JsonObject
from churnml.ledger import Delivery
from churnml.specs.delivery import Salesforce

RECORDS_A_CALL = 200
BODY_LENGTH = 32_000
# A record's error that may be gone the next time.
PASSING = (
    "UNABLE_TO_LOCK_ROW",
    "REQUEST_LIMIT_EXCEEDED",
    "REQUEST_RUNNING_TOO_LONG",
    "QUERY_TIMEOUT",
    "SERVER_UNAVAILABLE",
    "UNKNOWN_EXCEPTION",
)
# A call's error that says the declaration or the set-up is wrong, and no record.
SETUP = ("INVALID_FIELD", "INVALID_TYPE", "NOT_FOUND", "INVALID_SESSION_ID", "API_DISABLED_FOR_ORG")
NOT_THERE = "no such account in Salesforce"
# A duplicate rule of the organisation stopped the writing of an account that is like another.
DUPLICATE = "DUPLICATES_DETECTED"
DUPLICATES_TOO = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
DUPLICATE_REMEDY = "allow_duplicates: true in delivery.yaml writes it nevertheless"


class SaveError(TypedDict, total=False):
    """Why a record was refused."""

    statusCode: str
    message: str
    fields: Sequence[str]


class SaveResult(TypedDict, total=False):
    """What became of one record."""

    success: bool
    created: bool
    errors: Sequence[SaveError]


class SalesforceSender:
    """Sends to Salesforce.

    Args:
        declared: the receiver.
        secrets: what its variables are read with.
        ca_file: its certificate authority's file, if it has its own.

    Raises:
        ProjectError: the client is not installed, or Salesforce lets nobody in.
    """

    batch = RECORDS_A_CALL

    def __init__(self, declared: Salesforce, secrets: Secrets, ca_file: str | None) -> None:
        try:
            import simple_salesforce
        except ImportError:
            raise ProjectError(
                "The client for Salesforce is not installed.",
                where="models/delivery.yaml",
                remedy="Install it: pip install 'churnml[salesforce]'.",
            ) from None
        self._declared = declared
        self._secrets = secrets
        self._wait: str | None = None
        self._session = _session(ca_file, declared.timeout_seconds)
        self._deadline = Deadline(declared.timeout_seconds)
        self._deadline.watch_session(self._session)
        self._session.hooks["response"].append(self._heard)
        self._refused = simple_salesforce.exceptions.SalesforceError
        try:
            with self._deadline.within():
                self._client = simple_salesforce.Salesforce(
                    **self._credentials(), version=declared.version, session=self._session
                )
        except self._refused as problem:
            self._session.close()
            refusal = secrets.hide(f"{type(problem).__name__} {getattr(problem, 'code', '')}")
            raise ProjectError(
                f"Salesforce lets nobody in ({refusal}).",
                where="models/delivery.yaml",
                remedy="Check the receiver's domain, consumer_key and consumer_secret, and that the connected app "
                "allows the client credentials flow.",
            ) from None
        except Exception as problem:
            self._session.close()
            if isinstance(problem, ChurnmlError):
                raise
            late = UnavailableError("Salesforce does not answer in time.", where="models/delivery.yaml")
            told = late if isinstance(problem, LateError) else outage(problem, "Salesforce", "models/delivery.yaml")
            raise told or ProjectError(
                f"Salesforce cannot be reached ({type(problem).__name__}).",
                where="models/delivery.yaml",
                remedy="Check the network and the receiver's domain.",
            ) from None
        self._headers = DUPLICATES_TOO if declared.allow_duplicates else {}

    def _credentials(self) -> dict[str, str]:
        declared, read = self._declared, self._secrets.read
        if declared.instance_url is not None:
            return {
                "instance_url": self._secrets.address(declared.instance_url),
                "session_id": read(declared.token or ""),
            }
        return {
            "domain": declared.domain or "",
            "consumer_key": read(declared.consumer_key or ""),
            "consumer_secret": read(declared.consumer_secret or ""),
        }

    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> list[Answer | None]:
        declared = self._declared
        own = declared.account_id_field == "Id"
        accounts = "composite/sobjects" + ("" if own else f"/{declared.account_object}/{declared.account_id_field}")
        tasks = f"composite/sobjects/Task/{declared.task_id_field}"
        return health_then_work(
            deliveries,
            lambda mine: halving(mine, lambda some: self._write(accounts, self._account, some, now)),
            lambda mine: halving(mine, lambda some: self._write(tasks, self._task, some, now)),
        )

    def _write(
        self, path: str, record: Callable[[Payload], JsonObject], deliveries: Sequence[Delivery], now: dt.datetime
    ) -> Sequence[Answer]:
        results = self._call(path, [record(payload_of(delivery)) for delivery in deliveries], now)
        if isinstance(results, Answer):
            return [results] * len(deliveries)
        return [self._judge(result) for result in results]

    def _call(self, path: str, records: Sequence[JsonObject], now: dt.datetime) -> list[SaveResult] | Answer:
        self._wait = None
        try:
            asked = {"allOrNone": False, "records": records}
            with self._deadline.within():
                answered = self._client.restful(path, method="PATCH", json=asked, headers=self._headers)
        except self._refused as problem:
            return self._whole(problem, now)
        except Exception as problem:
            # requests' own, of whatever kind
            return no_answer(problem)
        results = cast(list[SaveResult], answered)
        if not isinstance(answered, list) or len(results) != len(records):
            return Answer(False, "an answer that does not fit what was asked", pause=True)
        return results

    def _whole(self, problem: Any, now: dt.datetime) -> Answer:
        """What the refusal of a whole call means: ``[{"errorCode": …, "message": …}]`` with a status."""
        first = problem.content[0] if isinstance(problem.content, list) and problem.content else {}
        code, message = (
            str(first.get(name, "")) if isinstance(first, Mapping) else "" for name in ("errorCode", "message")
        )
        status = int(problem.status) if str(problem.status).isdigit() else 0
        answer = by_status(status, asked_wait(self._wait, now), self._secrets.hide(f"HTTP {status} {code} {message}"))
        return whole_refused(answer, status, code in SETUP)

    def _judge(self, result: SaveResult) -> Answer:
        if result.get("success"):
            return Answer(True, "made" if result.get("created") else "updated")
        errors = result.get("errors") or [SaveError()]
        codes = [str(error.get("statusCode", "")) for error in errors]
        note = self._secrets.hide("; ".join(f"{error.get('statusCode')} {error.get('message')}" for error in errors))
        if any(code in PASSING for code in codes):
            return Answer(False, note)
        if self._says_not_there(errors):
            return Answer(self._declared.unknown_accounts == "skip", f"{NOT_THERE}: {note}", final=True)
        if DUPLICATE in codes:
            note = self._secrets.hide(f"{note} ({DUPLICATE_REMEDY})")
        return Answer(False, note, final=True)

    def _says_not_there(self, errors: Sequence[SaveError]) -> bool:
        """An account that would have to be made lacks a name; a task's account is not found by its id."""
        for error in errors:
            code, message = str(error.get("statusCode", "")), str(error.get("message", ""))
            if "OwnerId" in (error.get("fields") or ()):
                continue  # it is the owner who is not there
            if code == "REQUIRED_FIELD_MISSING" and "Name" in (error.get("fields") or ()):
                return True
            if code == "INVALID_FIELD" and "not found for field" in message:
                return True
            if code in ("INVALID_CROSS_REFERENCE_KEY", "ENTITY_IS_DELETED", "MALFORMED_ID"):
                return True
        return False

    def _account(self, payload: Payload) -> JsonObject:
        declared = self._declared
        values = account_values(payload)
        written = {field: values[name] for name, field in vars(declared.fields).items() if field is not None}
        id_field = "id" if declared.account_id_field == "Id" else declared.account_id_field
        return {"attributes": {"type": declared.account_object}, id_field: payload["account_id"], **written}

    def _task(self, payload: Payload) -> JsonObject:
        declared, work = self._declared, payload["work"]
        record: dict[str, Json] = {
            "attributes": {"type": "Task"},
            declared.task_id_field: work["work_id"],
            "Subject": task_subject(payload),
            "Description": "\n".join(task_lines(payload))[:BODY_LENGTH],
            "ActivityDate": work["due"],
            "Status": getattr(declared.status, work["state"]),
            "Priority": "High" if work.get("escalated_on") else "Normal",
        }
        if declared.account_id_field == "Id":
            record["WhatId"] = payload["account_id"]
        else:
            # What may be of several kinds, so its kind is named
            record["What"] = {
                "attributes": {"type": declared.account_object},
                declared.account_id_field: payload["account_id"],
            }
        owner = declared.owners.get(work["owner"])
        return record if owner is None else {**record, "OwnerId": owner}

    def _heard(self, response: Any, *_: Any, **__: Any) -> None:
        # the client's exceptions leave the headers out
        self._wait = response.headers.get("Retry-After")

    def close(self) -> None:
        self._session.close()


def _session(ca_file: str | None, timeout: float) -> Any:
    import requests  # type: ignore[import-untyped,unused-ignore]

    session: Any = requests.Session()
    # else a .netrc would put its own credentials in the place of the token
    session.auth = lambda request: request
    # the client signs in without a limit of time, and would follow a redirect with the secret in hand
    session.request = functools.partial(session.request, timeout=timeout, allow_redirects=False)
    if ca_file is not None:
        session.verify = ca_file
        # else REQUESTS_CA_BUNDLE would be taken instead
        session.trust_env = False
    return session
