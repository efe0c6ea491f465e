"""Requests made from the OpenAPI description, right and wrong ones: bad input is never the server's fault."""

import warnings
from itertools import product

import hypothesis
import pytest
from starlette.applications import Starlette

from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobStore
from tests.api.conftest import TestClient
from tests.faults.folders import finished

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
          response_headers_conformance]
pytestmark = pytest.mark.filterwarnings("ignore")
BASE = "http://localhost:8501/api"
COSTLY = ("/doctor", "/classify", "/classify/upload", "/look", "/look/upload", "/datasets/{job_id}/fit",
          "/models/try-out", "/models/layers", "/models/{job_id}/weights", "/models/{job_id}/max-activations",
          "/models/{job_id}/predict", "/models/{job_id}/predict/upload", "/published/{published_name}/targets",
          "/datasets/{job_id}/hdf5")
"""Routes where an example costs much: 5 are enough, and none in the quick run."""


class Ids:
    """Gives generated requests the id of a real job of the right kind in two of three cases."""

    def __init__(self, store: JobStore) -> None:
        self.store, self.count = store, 0
        self.known: dict[str, str] = {}

    def fill(self, values: object, path: str) -> None:
        """Put real ids where the request names a job."""
        if not isinstance(values, dict):
            return
        self.count += 1
        for name in {"job_id", "model", "dataset"} & set(values):
            if self.count % 3:
                values[name] = self.one(path.split("/")[1].rstrip("s") if name == "job_id" else name)

    def name(self, case: schemathesis.Case) -> None:
        """Let the owner of the jobs ask, in five of six cases: anybody else is refused before anything happens."""
        if self.count % 6:
            for values in (case.headers, case.query):
                for name in [name for name in values or {} if name.lower() in ("x-digits-user", "username")]:
                    del values[name]

    def one(self, kind: str) -> str:
        """A job of this kind (any, when there is no such kind), made when there is none."""
        kind = kind if kind in list(Kind) else "inference"
        if not (self.store.root / self.known.get(kind, "none") / "job.json").exists():  # none yet, or deleted
            views = [view for view in self.store.jobs(Kind(kind)) if view.job.kind == kind]
            self.known[kind] = views[0].id if views else finished(self.store, kind).id
        return self.known[kind]


def fuzz(server: Starlette, store: JobStore, examples: int) -> int:
    """Send so many generated requests to each route and hold every answer against the description; how many it were."""
    ids = Ids(store)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app=server.routes[0].app)
    sent = 0
    with TestClient(server, base_url=BASE, headers={"X-Digits-User": "tester"}) as client:
        for result in schema.get_all_operations():
            operation = result.ok()
            if operation.path in COSTLY and examples < 5:
                continue

            @hypothesis.settings(max_examples=examples if operation.path not in COSTLY else 5, deadline=None,
                                 suppress_health_check=list(hypothesis.HealthCheck), database=None,
                                 derandomize=True, phases=[hypothesis.Phase.generate])
            @hypothesis.given(case=operation.as_strategy())
            def one(case: schemathesis.Case) -> None:
                nonlocal sent
                sent += 1
                ids.fill(case.path_parameters, operation.path)  # noqa: B023
                ids.fill(case.body, operation.path)  # noqa: B023
                ids.name(case)
                hypothesis.assume("%0A" not in case.formatted_path)  # no mounted application ever sees such a path
                request = client.build_request(**_request(case))
                request.read()
                case.validate_response(client.send(request), checks=CHECKS)

            one()
    return sent


def _request(case: schemathesis.Case) -> dict[str, object]:
    words = case.as_transport_kwargs(base_url=BASE)
    words.pop("cookies", None)
    words["headers"] = {str(k): str(v).encode("latin-1", "replace") for k, v in words["headers"].items()}
    if isinstance(parts := words.get("files"), list):
        words["files"] = [(name, tuple(part if isinstance(part, str | bytes | None) else str(part) for part in value))
                          for name, value in parts]
    if "wait_s" in (words.get("params") or {}):
        words["params"]["wait_s"] = 0
    return words


GARBAGE = (b"", b"{", b"null", b"[]", b"1", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"name": "\\ud800"}',
           b'{"options": {"width": 1e999}, "name": "x"}', b'{"name": "x", "options": {"folder": "\\u0000"}}')


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/form-data; boundary=x",
                                  "text/plain", "", "application/json; charset=latin-1"])
def test_garbage_bodies_are_the_callers_fault(server: Starlette, kind: str) -> None:
    paths = ("/datasets", "/datasets/upload", "/models", "/models/import", "/classify", "/classify/upload",
             "/inferences", "/inferences/upload", "/jobs/bulk")
    with TestClient(server, base_url=BASE, headers={"X-Digits-User": "tester"}) as client:
        for path, content in product(paths, GARBAGE):
            answer = client.post(path, content=content, headers={"Content-Type": kind})
            assert (path, 400 <= answer.status_code < 500) == (path, True), answer.text
            assert "error" in answer.json()


def test_generated_requests_never_give_a_server_error(server: Starlette, store: JobStore) -> None:
    assert fuzz(server, store, 2) > 150


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_thousands_of_generated_requests_never_give_a_server_error(server: Starlette, store: JobStore) -> None:
    assert fuzz(server, store, 60) >= 5000
