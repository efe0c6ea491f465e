import errno
import json
from typing import Annotated

from fastapi import Body, FastAPI
from starlette.exceptions import HTTPException

from digits_core.api.answers import NO_OBJECT, UNREAD, StrictJSON, finite, install
from tests.api.conftest import TestClient


def test_numbers_that_json_cannot_say_become_null() -> None:
    body = StrictJSON({"a": float("nan"), "b": [float("inf"), 1.5], "c": {"d": (float("-inf"), "x")}}).body
    assert json.loads(body) == {"a": None, "b": [None, 1.5], "c": {"d": [None, "x"]}}


def test_half_characters_are_escaped() -> None:
    assert StrictJSON({"a": "\ud800"}).body == b'{"a": "\\ud800"}'


def test_ordinary_values_stay() -> None:
    assert finite({"a": [1, 2.5, "x", None, True]}) == {"a": [1, 2.5, "x", None, True]}


def test_a_body_that_is_none_is_told_so() -> None:
    api = FastAPI()
    install(api)

    @api.post("/x")
    def take(body: Annotated[dict[str, int], Body()]) -> None: ...

    def said(content: bytes, kind: str = "application/json") -> str:
        answer = TestClient(api).post("/x", content=content, headers={"Content-Type": kind})
        return str(answer.json()["error"]["message"])

    assert said(b'{"a": 1,}').startswith("The body is no JSON: Expecting property name")
    assert said(b"[1]") == said(b"") == said(b'{"a": 1}', "text/plain") == NO_OBJECT
    assert said(b"[" * 100_000) == UNREAD
    assert said(b'{"a": "x"}').startswith("a: Input should be a valid integer")


def test_a_body_that_the_disk_has_no_room_for_is_called_so() -> None:
    api = FastAPI()
    install(api)

    @api.post("/x")
    def full(inside: bool) -> None:
        no_room = OSError(errno.ENOSPC, "No space left")
        raise HTTPException(400, "There was an error parsing the body") if inside else no_room from no_room

    for inside in (True, False):
        answer = TestClient(api, raise_server_exceptions=False).post("/x", params={"inside": inside})
        assert answer.status_code == 400 and answer.json()["error"]["type"] == "DiskFull"
