"""Requests made from the OpenAPI description, right and wrong ones: bad input is never the server's fault."""

import warnings

import hypothesis
import pytest
from starlette.applications import Starlette

from tests.api.conftest import TestClient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis

pytestmark = pytest.mark.filterwarnings("ignore")
LONG = {"/doctor": 5}
"""Routes where an example costs much and its input is nothing."""


def fuzz(server: Starlette, examples: int) -> int:
    """Send so many generated requests to each route; returns how many were sent."""
    api = server.routes[0].app
    schema = schemathesis.openapi.from_asgi("/openapi.json", app=api)
    sent = 0
    with TestClient(server, base_url="http://localhost:8501/api",
                    headers={"X-Digits-User": "tester"}) as client:
        for result in schema.get_all_operations():
            operation = result.ok()

            @hypothesis.settings(max_examples=min(examples, LONG.get(operation.path, examples)), deadline=None,
                                 suppress_health_check=list(hypothesis.HealthCheck), database=None,
                                 derandomize=True)
            @hypothesis.given(case=operation.as_strategy())
            def one(case: schemathesis.Case) -> None:
                nonlocal sent
                sent += 1
                answer = client.request(**_request(case))
                assert answer.status_code < 500, (case.method, case.formatted_path, case.body, answer.text[:500])

            one()
    return sent


def _request(case: schemathesis.Case) -> dict[str, object]:
    words = case.as_transport_kwargs(base_url="http://localhost:8501/api")
    words.pop("cookies", None)
    words["headers"] = {str(k): str(v).encode("latin-1", "replace") for k, v in words["headers"].items()}
    if "wait_s" in (words.get("params") or {}):
        words["params"]["wait_s"] = 0
    return words


def test_generated_requests_never_give_a_server_error(server: Starlette) -> None:
    assert fuzz(server, 12) > 200


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_generated_requests_never_give_a_server_error(server: Starlette) -> None:
    assert fuzz(server, 250) >= 5000
