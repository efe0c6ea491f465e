"""Rules that hold for every route, made from the list of routes: a new one is under them at once."""

import pytest
from starlette.applications import Starlette

from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient

READS = {"/classify", "/classify/upload", "/look", "/look/upload", "/compare-pictures", "/compare-pictures/upload",
         "/datasets/{job_id}/augmentation", "/models/{job_id}/make", "/models/{job_id}/make/upload",
         "/models/{job_id}/predict", "/models/{job_id}/predict/upload"}
"""POST routes that change nothing, so that they need no name (AUTH-03)."""
UNKNOWN = "20200101-000000-abcd"


def routes(server: Starlette) -> list[tuple[str, str]]:
    api = server.routes[0].app
    return [(method.upper(), path) for path, methods in api.openapi()["paths"].items() for method in methods]


def filled(path: str) -> str:
    for name, value in (("job_id", UNKNOWN), ("which", "best"), ("name", "classification"), ("split", "train"),
                        ("position", "0"), ("search_id", UNKNOWN), ("unit", "0"), ("epoch", "last"),
                        ("entry_id", "0" * 16), ("published_name", "none"), ("number", "1"), ("pin_id", "x")):
        path = path.replace("{" + name + "}", value)
    return path


def test_there_are_routes(server: Starlette) -> None:
    assert len(routes(server)) > 30


def test_every_change_needs_a_name(server: Starlette, nobody: TestClient) -> None:
    for method, path in routes(server):
        if method != "GET" and path not in READS:
            answer = nobody.request(method, filled(path))
            assert (path, answer.status_code) == (path, 401)
            assert answer.json()["error"]["type"] == "NoName"


def test_a_name_in_a_cookie_changes_nothing(server: Starlette, nobody: TestClient) -> None:
    nobody.cookies.update({"digits_name": "tester", "username": "tester"})
    for method, path in routes(server):
        if method != "GET" and path not in READS:
            assert (path, nobody.request(method, filled(path)).status_code) == (path, 401)


def test_every_route_refuses_a_hostile_host(server: Starlette, client: TestClient) -> None:
    for method, path in routes(server):
        answer = client.request(method, filled(path), headers={"Host": "evil.example"})
        assert (path, answer.status_code) == (path, 400)
        assert answer.json()["error"]["type"] == "Host"


def test_every_change_from_another_site_is_refused(server: Starlette, client: TestClient) -> None:
    for method, path in routes(server):
        if method != "GET":
            answer = client.request(method, filled(path), headers={"Origin": "http://evil.example"})
            assert (path, answer.status_code) == (path, 403)


BODIES: dict[str, dict[str, object]] = {
    "/jobs/{job_id}": {"json": {"name": "x"}}, "/datasets/{job_id}/augmentation": {"json": {}},
    "/models/{job_id}/rate": {"json": {"factor": 0.5}}, "/models/{job_id}/epochs": {"json": {"epochs": 1}},
    "/datasets/{job_id}/versions": {"json": {"name": "x", "fixes": ["drop-exact"]}},
    "/datasets/{job_id}/additions": {"json": {"options": {"folder": "/tmp"}}},
    "/datasets/{job_id}/additions/upload": {"files": {"archive": ("x.zip", b"x")}},
    "/datasets/{job_id}/subsets": {"json": {"options": {"take": "first"}}},
    "/models/{job_id}/publish": {"json": {"options": {"publish_as": "x"}}}, "/models/{job_id}/pretrained": {"json": {}},
    "/models/{job_id}/max-activations": {"json": {"name": "x"}},
    "/models/{job_id}/make": {"json": {}}, "/models/{job_id}/make/upload": {"files": {"images": ("x.png", b"x")}},
    "/models/{job_id}/publish-inference": {"json": {}}, "/models/{job_id}/predict": {"json": {"texts": ["x"]}},
    "/models/{job_id}/predict/upload": {"files": {"images": ("x.png", b"x")}},
    "/models/{job_id}/exports": {"json": {}},
    "/evaluations/{job_id}/fix-labels": {"json": {"do": "exclude"}}}


def test_an_unknown_job_is_404_everywhere(server: Starlette, client: TestClient) -> None:
    asked = [(method, path) for method, path in routes(server) if "{job_id}" in path or "{search_id}" in path]
    assert len(asked) > 15
    for method, path in asked:
        body = BODIES.get(path, {}) if method in ("PATCH", "POST") else {}
        answer = client.request(method, filled(path), **body)
        assert (path, answer.status_code, answer.json()["error"]["type"]) == (path, 404, "NotFound")


@pytest.mark.parametrize("job_id", ["..", "%2e%2e", "x", "20200101-000000-ABCD", "a" * 300, "20200101-000000-abcd%00",
                                    "%F0%9F%98%80", "-rf", "*"])
def test_an_id_that_is_none_is_404(client: TestClient, job_id: str) -> None:
    answer = client.get(f"/jobs/{job_id}/log")
    assert answer.status_code == 404
    assert "error" in answer.json()


@pytest.mark.parametrize("name", ["Fred", "1fred", "fred b", "../x", "a" * 65])
def test_a_name_that_is_none_is_refused_at_its_field(client: TestClient, name: str) -> None:
    answer = client.get("/jobs", headers={"X-Digits-User": name}) if name == "" else \
        client.post(f"/jobs/{UNKNOWN}/stop", headers={"X-Digits-User": name})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["user"]


def test_a_job_of_another_owner_is_403(client: TestClient, finished_job, workspace: Workspace) -> None:
    view = finished_job("dataset", owner="fred")
    for method, path, body in (("PATCH", "", {"name": "mine"}), ("DELETE", "", None), ("POST", "/stop", None)):
        answer = client.request(method, f"/jobs/{view.id}{path}", json=body)
        assert answer.status_code == 403
        assert "fred" in answer.json()["error"]["message"]
    assert workspace.store.get(view.id).name == "a dataset"


def test_no_such_route_and_no_such_method_answer_in_the_same_shape(client: TestClient) -> None:
    assert client.get("/nothing").json()["error"]["type"] == "HTTPError"
    answer = client.put("/jobs")
    assert answer.status_code == 405
    assert "error" in answer.json()
    assert answer.headers["allow"]
