"""Salesforce as its REST documentation gives it: sObject Collections over an account and a task table in memory.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections_upsert.htm
"""

from __future__ import annotations

import base64
from typing import Any

from tests.delivery.servers import Request, Response

RECORDS_A_CALL = 200
ACCOUNT_FIELDS = {
    "Name",
    "Churnml_Account_Id__c",
    "Churnml_Health__c",
    "Churnml_Band__c",
    "Churnml_Reasons__c",
    "Churnml_Churn_Probability__c",
    "Churnml_As_Of__c",
}
TASK_FIELDS = {
    "Churnml_Work_Id__c",
    "Subject",
    "Description",
    "ActivityDate",
    "Status",
    "Priority",
    "What",
    "WhatId",
    "OwnerId",
}
EXTERNAL_IDS = {"Account": "Churnml_Account_Id__c", "Task": "Churnml_Work_Id__c"}
FIELDS = {"Account": ACCOUNT_FIELDS, "Task": TASK_FIELDS}


class SalesforceServer:
    """Attributes:
    accounts, tasks: record id → its fields.
    locked: external ids whose rows are locked for the next call.
    alike: accounts that a duplicate rule takes for others, unless the request says that it does not mind.
    refused: accounts that a rule of the organisation refuses.
    """

    def __init__(self, token: str, *accounts: str) -> None:
        self.token = token
        self.accounts: dict[str, dict[str, Any]] = {
            f"001{number:015}": {"Name": f"Company {name}", "Churnml_Account_Id__c": name}
            for number, name in enumerate(accounts)
        }
        self.tasks: dict[str, dict[str, Any]] = {}
        self.locked: set[str] = set()
        self.alike: set[str] = set()
        self.refused: set[str] = set()
        self.key_and_secret: tuple[str, str] | None = None

    def __call__(self, request: Request) -> Response:
        if request.path == "/services/oauth2/token":
            return self._login(request)
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return _refusal(401, "INVALID_SESSION_ID", "Session expired or invalid")
        parts = request.path.split("/")
        if request.method != "PATCH" or parts[1:6] != ["services", "data", "v59.0", "composite", "sobjects"]:
            return _refusal(404, "NOT_FOUND", "The requested resource does not exist")
        records = request.data["records"]
        if request.data.get("allOrNone") is not False:
            return _refusal(400, "INVALID_INPUT", "these tests expect partial success")
        if len(records) > RECORDS_A_CALL:
            return _refusal(
                400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records into this call"
            )
        upsert = tuple(parts[6:]) or None
        if upsert is not None and (len(upsert) != 2 or EXTERNAL_IDS.get(upsert[0]) != upsert[1]):
            return _refusal(404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible")
        for record in records:
            kind = record["attributes"]["type"]
            unknown = set(record) - FIELDS.get(kind, set()) - {"attributes", "id"}
            if unknown or (upsert is not None and kind != upsert[0]):
                return _refusal(400, "INVALID_FIELD", f"No such column '{min(unknown, default=kind)}' on sobject")
            if (upsert is not None) == ("id" in record):
                return _refusal(400, "INVALID_FIELD", "cannot specify Id in an insert call")
        anyway = request.headers.get("Sforce-Duplicate-Rule-Header") == "allowSave=true"
        return Response(200, [self._ruled(record, anyway) or self._one(record, upsert) for record in records])

    def _ruled(self, record: dict[str, Any], anyway: bool) -> dict[str, Any] | None:
        """What the organisation's own rules have against a record."""
        name = record.get("Churnml_Account_Id__c")
        if name in self.alike and not anyway:
            return _failure("DUPLICATES_DETECTED", "Use one of these records?")
        if name in self.refused:
            return _failure("FIELD_CUSTOM_VALIDATION_EXCEPTION", "Renewal owner must be set", "Renewal_Owner__c")
        return None

    def _one(self, record: dict[str, Any], upsert: tuple[str, ...] | None) -> dict[str, Any]:
        kind = record["attributes"]["type"]
        table = self.accounts if kind == "Account" else self.tasks
        values = {name: value for name, value in record.items() if name not in ("attributes", "id", "What")}
        if upsert is None:
            found = [record["id"]] if record["id"] in table else []
            if not found:
                return _failure("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            name = record["id"]
        else:
            name = values[upsert[1]]
            found = [key for key, row in table.items() if row.get(upsert[1]) == name]
        if name in self.locked:
            self.locked.discard(name)
            return _failure("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
        score = values.get("Churnml_Health__c")
        if score is not None and not 0 <= score <= 100:
            return _failure("NUMBER_OUTSIDE_VALID_RANGE", "Health: value outside of valid range", "Churnml_Health__c")
        if not str(values.get("OwnerId", "005")).startswith("005"):
            return _failure("INVALID_CROSS_REFERENCE_KEY", "Owner ID: owner cannot be blank", "OwnerId")
        if "What" in record:
            what = record["What"]
            field = EXTERNAL_IDS[what["attributes"]["type"]]
            at = [key for key, row in self.accounts.items() if row.get(field) == what[field]]
            if not at:
                return _failure(
                    "INVALID_FIELD",
                    f"Foreign key external ID: {what[field]} not found for field {field} in entity Account",
                )
            values["WhatId"] = at[0]
        if not found and kind == "Account":
            return _failure("REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]", "Name")
        key = found[0] if found else f"00T{len(self.tasks):015}"
        table.setdefault(key, {}).update(values)
        return {"id": key, "success": True, "errors": [], "created": not found}

    def _login(self, request: Request) -> Response:
        said = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        if request.body != b"grant_type=client_credentials" or tuple(said.split(":")) != self.key_and_secret:
            return Response(400, {"error": "invalid_client", "error_description": f"invalid client credentials {said}"})
        here = f"https://{request.headers['Host']}"
        return Response(200, {"access_token": self.token, "instance_url": here, "token_type": "Bearer"})


def _refusal(status: int, code: str, message: str) -> Response:
    return Response(status, [{"errorCode": code, "message": message}])


def _failure(code: str, message: str, *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}
