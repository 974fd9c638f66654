"""HubSpot, through its own client: health onto companies, work as tasks with their company.

Batches of at most 100: companies are looked up by a property whose values are unique (``companies/batch/read``), then
written (``companies/batch/upsert``); tasks are upserted by such a property too (``tasks/batch/upsert``) and put with
their company (``associations/tasks/companies/batch/associate/default``), which may be done as often as one likes. No
company is ever made: without a name it would be one nobody knows.
"""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from churnml.errors import ProjectError
from churnml.jsontypes import Json, JsonObject
from churnml.ledger import Delivery
from churnml.specs.delivery import Hubspot

RECORDS_A_CALL = 100
OWN_ID = "hs_object_id"
NOT_THERE = "no such company in HubSpot"
# A call's error that says the declaration or the set-up is wrong, and no record.
SETUP = ("PROPERTY_DOESNT_EXIST", "MISSING_SCOPES", "INVALID_AUTHENTICATION")
BODY_LENGTH = 60_000
# Part of the name of the limit that was reached → seconds until there is room again, where HubSpot does not say.
WAITS = {"SECONDLY": 10.0, "DAILY": 3_600.0}


class HubspotRecord(TypedDict, total=False):
    """A company or a task."""

    id: str
    objectWriteTraceId: str
    properties: Mapping[str, str]


class HubspotError(TypedDict, total=False):
    """Why some records were refused, and in ``context`` which."""

    id: str
    category: str
    message: str
    context: Mapping[str, Sequence[str]]


class BatchAnswer(TypedDict, total=False):
    """What a batch call answers."""

    results: Sequence[HubspotRecord]
    errors: Sequence[HubspotError]


class HubspotSender:
    """Sends to HubSpot.

    Args:
        declared: the receiver.
        secrets: what its variables are read with.
        ca_file: its certificate authority's file, if it has its own.

    Raises:
        ProjectError: the client is not installed.
    """

    batch = RECORDS_A_CALL

    def __init__(self, declared: Hubspot, secrets: Secrets, ca_file: str | None) -> None:
        try:
            import hubspot
            import urllib3
            from hubspot.crm.associations.v4 import exceptions as of_associations
            from hubspot.crm.companies import exceptions as of_companies
            from hubspot.crm.objects.tasks import exceptions as of_tasks
        except ImportError:
            raise ProjectError(
                "The client for HubSpot is not installed.",
                where="models/delivery.yaml",
                remedy="Install it: pip install 'churnml[hubspot]'.",
            ) from None
        self._declared = declared
        self._secrets = secrets
        self._refused = (of_companies.ApiException, of_tasks.ApiException, of_associations.ApiException)
        self._lost = urllib3.exceptions.HTTPError
        settings: dict[str, Any] = {"host": secrets.address(declared.url)}
        if ca_file is not None:
            settings["ssl_ca_cert"] = ca_file
        # no retries of its own, which also follow redirects: the outbox retries
        crm = hubspot.HubSpot(access_token=secrets.read(declared.token), retry=False, **settings).crm
        self._companies = crm.companies.batch_api
        self._tasks = crm.objects.tasks.batch_api
        self._associations = crm.associations.v4.batch_api
        self._deadline = Deadline(declared.timeout_seconds)
        for api in (self._companies, self._tasks, self._associations):
            self._deadline.watch_pools(api.api_client.rest_client.pool_manager)

    def send(self, deliveries: Sequence[Delivery], now: dt.datetime) -> list[Answer | None]:
        return health_then_work(
            deliveries,
            lambda mine: self._of_kind(mine, self._write_companies, now),
            lambda mine: self._of_kind(mine, self._write_tasks, now),
        )

    def _of_kind(
        self,
        mine: Sequence[Delivery],
        write: Callable[[Sequence[Delivery], Mapping[str, str], dt.datetime], Sequence[Answer]],
        now: dt.datetime,
    ) -> Sequence[Answer | None]:
        known = self._look_up(sorted({delivery.subject for delivery in mine}), now)
        if isinstance(known, Answer):
            return [known] * len(mine)
        there = [delivery for delivery in mine if delivery.subject in known]
        written = iter(halving(there, lambda some: write(some, known, now)) if there else ())
        missing = Answer(self._declared.unknown_accounts == "skip", NOT_THERE, final=True)
        return [next(written) if delivery.subject in known else missing for delivery in mine]

    def _look_up(self, accounts: Sequence[str], now: dt.datetime) -> dict[str, str] | Answer:
        """Account → HubSpot's id of its company; those it does not have are left out."""
        id_property = self._declared.company_id_property
        answer = self._call(now, self._companies.read, _named_by(id_property, accounts))
        if isinstance(answer, Answer):
            return Answer(False, answer.note, wait=answer.wait, pause=True)
        if id_property == OWN_ID:
            return {str(company["id"]): str(company["id"]) for company in answer["results"]}
        return {str(company["properties"][id_property]): str(company["id"]) for company in answer["results"]}

    def _write_companies(
        self, deliveries: Sequence[Delivery], known: Mapping[str, str], now: dt.datetime
    ) -> Sequence[Answer]:
        declared = self._declared
        own = declared.company_id_property == OWN_ID
        inputs: list[JsonObject] = []
        for delivery in deliveries:
            values = account_values(payload_of(delivery))
            written = {field: _text(values[name]) for name, field in vars(declared.properties).items() if field}
            by = {} if own else {"idProperty": declared.company_id_property}
            inputs.append({"id": delivery.subject, **by, "properties": written, "objectWriteTraceId": delivery.key})
        answer = self._call(now, self._companies.update if own else self._companies.upsert, {"inputs": inputs})
        return [answer] * len(deliveries) if isinstance(answer, Answer) else self._judge(deliveries, answer)

    def _write_tasks(
        self, deliveries: Sequence[Delivery], known: Mapping[str, str], now: dt.datetime
    ) -> Sequence[Answer]:
        inputs: list[JsonObject] = [
            {
                "id": payload_of(delivery)["work"]["work_id"],
                "idProperty": self._declared.task_id_property,
                "objectWriteTraceId": delivery.key,
                "properties": self._task(payload_of(delivery)),
            }
            for delivery in deliveries
        ]
        batch = self._call(now, self._tasks.upsert, {"inputs": inputs})
        if isinstance(batch, Answer):
            return [batch] * len(deliveries)
        answers = self._judge(deliveries, batch)
        ids = self._task_ids([d for d, answer in zip(deliveries, answers, strict=True) if answer.arrived], batch, now)
        arrived = [place for place, answer in enumerate(answers) if answer.arrived]
        written = {place: ids[deliveries[place].key] for place in arrived if deliveries[place].key in ids}
        tasks = {task: known[deliveries[place].subject] for place, task in written.items()}
        for place in set(arrived) - set(written):
            answers[place] = Answer(False, "HubSpot did not say which task it is")
        if tasks:
            # only then has the message arrived: a task that belongs to nobody is not what was told
            pairs = [{"from": {"id": task}, "to": {"id": company}} for task, company in tasks.items()]
            lost = _lost_tasks(self._call(now, self._associate, {"inputs": pairs}), tasks)
            for place, task in written.items():
                if task in lost:
                    answers[place] = lost[task]
        return answers

    def _task_ids(self, deliveries: Sequence[Delivery], batch: BatchAnswer, now: dt.datetime) -> dict[str, str]:
        """Key of a message → HubSpot's id of its task, asked for again where the answer does not say."""
        id_property = self._declared.task_id_property
        keys = {payload_of(delivery)["work"]["work_id"]: delivery.key for delivery in deliveries}
        ids = _ids_in(batch["results"], id_property, keys)
        silent = [work_id for work_id, key in keys.items() if key not in ids]
        if silent:
            read = self._call(now, self._tasks.read, _named_by(id_property, silent))
            if not isinstance(read, Answer):
                ids |= _ids_in(read["results"], id_property, keys)
        return ids

    def _associate(self, asked: JsonObject, **how: Any) -> Any:
        return self._associations.create_default("tasks", "companies", asked, **how)

    def _task(self, payload: Payload) -> dict[str, str]:
        declared, work = self._declared, payload["work"]
        # HubSpot shows this as HTML
        body = "<br>".join(html.escape(line) for line in task_lines(payload))[:BODY_LENGTH]
        task = {
            declared.task_id_property: work["work_id"],
            "hs_task_subject": task_subject(payload),
            "hs_task_body": body,
            # the due date, at noon, so that it is the same day nearly everywhere
            "hs_timestamp": f"{work['due']}T12:00:00Z",
            "hs_task_status": str(getattr(declared.status, work["state"])),
            "hs_task_priority": "HIGH" if work.get("escalated_on") else "MEDIUM",
            "hs_task_type": "TODO",
        }
        owner = declared.owners.get(work["owner"])
        return task if owner is None else {**task, "hubspot_owner_id": owner}

    def _call(self, now: dt.datetime, ask: Callable[..., Any], asked: JsonObject) -> BatchAnswer | Answer:
        """HubSpot's answer as it stands, of status 200, 201 or 207, or what its refusal means."""
        try:
            with self._deadline.within():
                answered = ask(asked, _request_timeout=self._declared.timeout_seconds, _preload_content=False)
                batch = json.loads(answered.data)
        except self._refused as problem:
            return self._whole(problem, now)
        except (LateError, self._lost) as problem:
            return no_answer(problem)
        except AttributeError:
            # what the client makes of a connection that was never made: an exception without a body, then decoded
            return Answer(False, "no answer: the connection failed", pause=True, passing=True)
        except ValueError:
            return Answer(False, "an answer that is not JSON", pause=True)
        if not isinstance(batch, dict) or not isinstance(batch.get("results"), list):
            return Answer(False, "an answer that does not fit what was asked", pause=True)
        return cast(BatchAnswer, batch)

    def _whole(self, problem: Any, now: dt.datetime) -> Answer:
        """What the refusal of a whole call means."""
        headers = problem.headers or {}
        body = problem.body if isinstance(problem.body, str | bytes) else b""
        try:
            refusal = json.loads(body)
        except ValueError:
            refusal = {}
        refusal = refusal if isinstance(refusal, dict) else {}
        status = int(problem.status or 0)
        words = " ".join(str(refusal.get(name, "")) for name in ("policyName", "category", "message"))
        note = self._secrets.hide(f"HTTP {status} {words}")
        wait = asked_wait(headers.get("Retry-After"), now)
        if wait is None:
            wait = next((seconds for name, seconds in WAITS.items() if name in str(refusal.get("policyName"))), None)
        of_setup = any(word in json.dumps(refusal) for word in SETUP)
        return whole_refused(by_status(status, wait, note), status, of_setup)

    def _judge(self, deliveries: Sequence[Delivery], batch: BatchAnswer) -> list[Answer]:
        """What a batch's answer says of each: those in its errors failed, the others are there."""
        answers = [Answer(True, "written")] * len(deliveries)
        by_trace = {delivery.key: place for place, delivery in enumerate(deliveries)}
        unplaced = []
        for error in batch.get("errors") or ():
            note = self._secrets.hide(f"{error.get('category')} {error.get('message')}")
            context = error.get("context") or {}
            named = [*context.get("objectWriteTraceId", ()), error.get("id")]
            places = [by_trace[name] for name in named if name in by_trace]
            places += [
                place
                for place, delivery in enumerate(deliveries)
                if delivery.subject in context.get("ids", ()) or delivery.subject in context.get("id", ())
            ]
            passing = error.get("category") in ("RATE_LIMITS", "CONFLICT", "INTERNAL_ERROR")
            for place in places:
                answers[place] = Answer(False, note, final=not passing)
            if not places:
                unplaced.append(note)
        if unplaced:
            # an error that does not say whose it is may be anybody's who is not among the results
            there = self._named_in(batch["results"])
            for place, delivery in enumerate(deliveries):
                if answers[place].arrived and not there & self._names_of(delivery):
                    answers[place] = Answer(False, unplaced[0])
        return answers

    def _named_in(self, results: Sequence[HubspotRecord]) -> set[str]:
        keys = (self._declared.company_id_property, self._declared.task_id_property)
        traces = {str(record.get("objectWriteTraceId")) for record in results}
        return traces | {str((record.get("properties") or {}).get(key)) for record in results for key in keys}

    def _names_of(self, delivery: Delivery) -> set[str]:
        work = payload_of(delivery).get("work")
        return {delivery.key, work["work_id"] if work else delivery.subject}

    def close(self) -> None:
        for api in (self._companies, self._tasks, self._associations):
            api.api_client.rest_client.pool_manager.clear()
            api.api_client.close()


def _named_by(id_property: str, names: Iterable[str]) -> JsonObject:
    """What asks for the records that have these values of a unique property."""
    by = {} if id_property == OWN_ID else {"idProperty": id_property}
    inputs: list[Json] = [{"id": name} for name in names]
    return {"inputs": inputs, "properties": [id_property], "propertiesWithHistory": [], **by}


def _ids_in(results: Sequence[HubspotRecord], named_by: str, keys: Mapping[str, str]) -> dict[str, str]:
    """Key of a message → id of the record that names it, by its trace or by its unique property."""
    ids: dict[str, str] = {}
    for record in results:
        trace, name = str(record.get("objectWriteTraceId")), str((record.get("properties") or {}).get(named_by))
        key = trace if trace in keys.values() else keys.get(name)
        if key is not None:
            ids[key] = str(record["id"])
    return ids


def _lost_tasks(put: BatchAnswer | Answer, tasks: Iterable[str]) -> dict[str, Answer]:
    """Task → why it was not put with its company."""
    if isinstance(put, Answer):
        return dict.fromkeys(tasks, Answer(False, put.note, wait=put.wait, pause=True))
    pairs = cast(Sequence[Mapping[str, HubspotRecord]], put["results"])
    there = {str((pair.get("from") or {}).get("id")) for pair in pairs}
    return {task: Answer(False, "the task is there, but not with its company") for task in tasks if task not in there}


def _text(value: Json) -> str:
    """A property's value, which HubSpot takes as text; empty clears it."""
    return "" if value is None else str(value)
