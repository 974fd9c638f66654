"""Whatever the API's own description allows, and what it does not, is answered as it says, and never with a bug."""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode

from tests.web.api_client import program
from tests.web.conftest import Company

EXAMPLES = 3


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_any_request_is_answered_as_the_description_says(company: Company, mode: GenerationMode) -> None:
    caller = program(company, "anything", web="web: {api_requests_per_minute: 100000}")
    headers = caller.headers(Host="localhost")
    described = caller.client.get("/api/v1/openapi.json").json()
    schema = schemathesis.openapi.from_dict(described)
    tried = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode))
        def answered(case: schemathesis.Case) -> None:
            nonlocal tried
            sent = case.as_transport_kwargs(base_url="http://localhost/api/v1", headers=headers)
            sent.pop("cookies", None)

            if "data" in sent:
                sent["content"] = sent.pop("data")
            response = caller.client.request(**sent)
            assert response.status_code < 500
            case.validate_response(
                response,
                checks=[
                    schemathesis.checks.not_a_server_error,
                    schemathesis.checks.status_code_conformance,
                    schemathesis.checks.content_type_conformance,
                    schemathesis.checks.response_schema_conformance,
                ],
            )
            tried += 1

        answered()
    assert tried > 20
