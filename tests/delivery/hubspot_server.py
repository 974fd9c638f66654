"""HubSpot as its documentation gives it: batches over companies and tasks in memory, and their associations.

https://developers.hubspot.com/docs/api-reference/crm-companies-v3/batch/post-crm-v3-objects-companies-batch-upsert
"""

from __future__ import annotations

from typing import Any

from tests.delivery.servers import Request, Response

RECORDS_A_CALL = 100
WHEN = "2024-03-01T08:00:00Z"
PROPERTIES = {
    "companies": {
        "name",
        "churnml_account_id",
        "churnml_health",
        "churnml_band",
        "churnml_reasons",
        "churnml_churn_probability",
        "churnml_as_of",
    },
    "tasks": {
        "churnml_work_id",
        "hs_task_subject",
        "hs_task_body",
        "hs_timestamp",
        "hs_task_status",
        "hs_task_priority",
        "hs_task_type",
        "hubspot_owner_id",
    },
}
UNIQUE = {"companies": "churnml_account_id", "tasks": "churnml_work_id"}
TOO_FAST = {
    "status": "error",
    "message": "You have reached your ten_secondly_rolling limit.",
    "errorType": "RATE_LIMIT",
    "correlationId": "c033cdaa-2c40-4a64-ae48-b4cec88dad24",
    "policyName": "TEN_SECONDLY_ROLLING",
}


class HubspotServer:
    """Attributes:
    companies, tasks: record id → its properties.
    pairs: (task id, company id).
    tells_each: a bad record is told by itself with 207; else the whole batch is refused with 400.
    says_little: the answer to an upsert names the records by their ids alone.
    """

    def __init__(self, token: str, *accounts: str) -> None:
        self.token = token
        self.tables: dict[str, dict[str, dict[str, str]]] = {
            "companies": {
                str(9000 + number): {"name": f"Company {name}", "churnml_account_id": name}
                for number, name in enumerate(accounts)
            },
            "tasks": {},
        }
        self.pairs: set[tuple[str, str]] = set()
        self.tells_each = True
        self.says_little = False

    @property
    def companies(self) -> dict[str, dict[str, str]]:
        return self.tables["companies"]

    @property
    def tasks(self) -> dict[str, dict[str, str]]:
        return self.tables["tasks"]

    def __call__(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refusal(401, "INVALID_AUTHENTICATION", "Authentication credentials not found.")
        if request.method != "POST":
            return _refusal(405, "METHOD_NOT_ALLOWED", "no")
        inputs = request.data["inputs"]
        if len(inputs) > RECORDS_A_CALL:
            return _refusal(400, "VALIDATION_ERROR", "The maximum batch size is 100")
        match request.path.removeprefix("/crm/").split("/"):
            case ["v3", "objects", ("companies" | "tasks") as kind, "batch", ("read" | "upsert" | "update") as verb]:
                return getattr(self, f"_{verb}")(kind, request.data)  # type: ignore[no-any-return]
            case ["v4", "associations", "tasks", "companies", "batch", "associate", "default"]:
                return self._associate(inputs)
        return _refusal(404, "NOT_FOUND", "resource not found")

    def _find(self, kind: str, named_by: str | None, name: str) -> str | None:
        if named_by is None:
            return name if name in self.tables[kind] else None
        return next((key for key, row in self.tables[kind].items() if row.get(named_by) == name), None)

    def _read(self, kind: str, asked: dict[str, Any]) -> Response:
        named_by = asked.get("idProperty")
        if named_by is not None and named_by != UNIQUE[kind]:
            return _refusal(400, "VALIDATION_ERROR", f"Property {named_by} is not unique")
        found = {one["id"]: self._find(kind, named_by, one["id"]) for one in asked["inputs"]}
        results = [
            _result(key, {name: self.tables[kind][key].get(name) for name in asked["properties"]})
            for key in found.values()
            if key is not None
        ]
        missing = [name for name, key in found.items() if key is None]
        errors = [
            {
                "status": "error",
                "category": "OBJECT_NOT_FOUND",
                "message": "Could not get some objects, they may be deleted or not exist",
                "context": {"ids": missing},
            }
        ]
        return _batch(results, errors if missing else [])

    def _upsert(self, kind: str, asked: dict[str, Any]) -> Response:
        if any(one.get("idProperty") != UNIQUE[kind] for one in asked["inputs"]):
            return _refusal(400, "VALIDATION_ERROR", "idProperty must name a unique property")
        return self._write(kind, asked, UNIQUE[kind])

    def _update(self, kind: str, asked: dict[str, Any]) -> Response:
        return self._write(kind, asked, None)

    def _write(self, kind: str, asked: dict[str, Any], named_by: str | None) -> Response:
        names = [one["id"] for one in asked["inputs"]]
        if len(set(names)) < len(names):
            return _refusal(400, "VALIDATION_ERROR", "Duplicate IDs found in batch input")
        results, errors = [], []
        for one in asked["inputs"]:
            unknown = set(one["properties"]) - PROPERTIES[kind]
            if unknown:
                return _refusal(400, "VALIDATION_ERROR", f"PROPERTY_DOESNT_EXIST: {min(unknown)}")
            if one["properties"].get("churnml_health", "") not in ("", None):
                score = float(one["properties"]["churnml_health"])
                if not 0 <= score <= 100:
                    if not self.tells_each:
                        return _refusal(400, "VALIDATION_ERROR", "Property values were not valid: churnml_health")
                    errors.append(
                        {
                            "status": "error",
                            "category": "VALIDATION_ERROR",
                            "message": "Property values were not valid: churnml_health",
                            "context": {"objectWriteTraceId": [one["objectWriteTraceId"]]},
                        }
                    )
                    continue
            key = self._find(kind, named_by, one["id"])
            new = key is None
            key = key or str(7000 + len(self.tables[kind]))
            row = self.tables[kind].setdefault(key, {named_by: one["id"]} if named_by else {})
            row |= one["properties"]
            told = {} if self.says_little else dict(row)
            results.append({**_result(key, told), "new": new})
        return _batch(results, errors)

    def _associate(self, inputs: list[dict[str, Any]]) -> Response:
        results = []
        for one in inputs:
            task, company = one["from"]["id"], one["to"]["id"]
            if task not in self.tasks or company not in self.companies:
                return _refusal(400, "VALIDATION_ERROR", "no such record")
            self.pairs.add((task, company))
            kinds = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 192}
            results.append({"from": {"id": task}, "to": {"id": company}, "associationSpec": kinds})
        return _batch(results, [])


def _result(key: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"id": key, "properties": properties, "createdAt": WHEN, "updatedAt": WHEN, "archived": False}


def _batch(results: list[dict[str, Any]], errors: list[dict[str, Any]]) -> Response:
    said = {"status": "COMPLETE", "results": results, "startedAt": WHEN, "completedAt": WHEN}
    if not errors:
        return Response(200, said)
    return Response(207, {**said, "numErrors": len(errors), "errors": errors})


def _refusal(status: int, category: str, message: str) -> Response:
    said = {"status": "error", "message": message, "category": category, "correlationId": "aeb5f871"}
    return Response(status, said)
