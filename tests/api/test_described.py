"""The description of the API is complete: what generated clients, and people at /api/docs, count on."""

from collections.abc import Iterator
from typing import Any

import pytest

from digits_core.api.app import create_api
from digits_core.api.described import WORDS
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.api.conftest import TestClient
from tests.api.test_matrix import READS

Json = dict[str, Any]
EMPTY = {("/uploads", "201"), ("/uploads/{upload_id}", "204")}
"""Answers that are headers only, as TUS wants it."""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Json:
    """The description; it is the same in every workspace, and takes a second to make."""
    return create_api(Workspace.open(Settings(jobs_dir=tmp_path_factory.mktemp("jobs")))).openapi()


def routes(schema: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in schema["paths"].items():
        yield from ((method, path, route) for method, route in methods.items())


def test_every_route_has_a_summary_and_a_sentence(schema: Json) -> None:
    for _, path, route in routes(schema):
        assert (path, 2 <= len(route["summary"].split()) <= 30) == (path, True), route["summary"]
        assert "\n" not in route["summary"]
        assert route["description"].replace("`", "").startswith(route["summary"])


def test_every_answer_names_its_media_type_and_no_route_has_a_422(schema: Json) -> None:
    silent = [(path, status) for _, path, route in routes(schema) for status, told in route["responses"].items()
              if (not told.get("content") and (path, status) not in EMPTY) or status == "422"]
    assert silent == []
    assert not {"HTTPValidationError", "ValidationError"} & set(
        schema["components"]["schemas"])


def test_changes_say_that_they_need_a_name(schema: Json) -> None:
    for method, path, route in routes(schema):
        named = "security" in route
        assert (path, named or method == "get" or path in READS, "401" in route["responses"]) == (path, True, named)


def test_a_refusal_has_the_shape_that_the_description_promises(schema: Json, nobody: TestClient) -> None:
    shape = schema["components"]["schemas"]["Refusal"]
    for answer in (nobody.get("/jobs?limit=0"), nobody.get("/jobs/x"), nobody.post("/datasets", json={})):
        told = answer.json()
        assert set(told) <= set(shape["properties"])
        assert set(told["error"]) == set(shape["properties"]["error"]["required"])


def test_the_page_tells_each_refusal_and_the_kind_of_files(nobody: TestClient) -> None:
    page = nobody.get("/docs").text
    for status, words in WORDS.items():
        assert f"<code>{status}</code><td>{words} (application/json)" in page
    assert "(application/zip)" in page
    assert "Successful Response" not in page
