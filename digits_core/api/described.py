"""The OpenAPI description, completed: every answer that a route can give, refusals included, with its shape."""

import re
from typing import Any

from fastapi import FastAPI

Json = dict[str, Any]

ERROR: Json = {
    "type": "object", "title": "Refusal", "required": ["error"], "properties": {
        "error": {"type": "object", "required": ["message", "type"], "properties": {
            "message": {"type": "string", "description": "What is wrong, where, why, and what to do."},
            "type": {"type": "string", "description": "A word for programs."}}},
        "errors": {"type": "object", "description": "Wrong options: messages by field, all problems at once.",
                   "additionalProperties": {"type": "array", "items": {"type": "string"}}}}}
WORDS = {
    400: "Something in the request is wrong: what, at which field, and what to do.",
    401: "A change needs a name: the header X-Digits-User.",
    403: "It belongs to somebody else, or is not allowed on this server.",
    404: "There is no such job, file, class, checkpoint or page.",
    409: "In use by another job, or not in the state for that.",
    412: "Another version of the protocol is meant.",
    413: "The body is too large.",
    415: "Bytes of another kind are expected.",
    460: "The bytes that came do not have the checksum that was announced.",
}

def binary(*kinds: str) -> dict[int | str, Json]:
    """For ``responses=`` of a route that answers with a file of one of these media types, or just bytes."""
    return {200: {"content": {kind: {"schema": {"type": "string", "format": "binary"}}
                              for kind in kinds or ("application/octet-stream",)}}}


def refusals(*kinds: int) -> dict[int | str, Json]:
    """For ``responses=`` of a route that can refuse in more ways than ``statuses`` knows of."""
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    return {status: {"description": WORDS[status], "content": content} for status in kinds}


def describe(api: FastAPI) -> None:
    """Make ``api.openapi()`` tell what ``completed`` adds."""
    plain = api.openapi

    def openapi() -> Json:
        fresh = api.openapi_schema is None
        return completed(plain()) if fresh else plain()

    api.openapi = openapi  # type: ignore[method-assign]


def completed(schema: Json) -> Json:
    """The description with refusals in place of FastAPI's own 422, which no route here answers with.

    A summary is the beginning of what a route is said to do, not the name of its function.
    """
    schema["components"]["schemas"]["Refusal"] = ERROR
    for unused in ("HTTPValidationError", "ValidationError"):
        schema["components"]["schemas"].pop(unused, None)
    for path, methods in schema["paths"].items():
        for method, route in methods.items():
            route["responses"].pop("422", None)
            route["summary"] = summary(route["description"])
            for status, told in refusals(*statuses(path, method, route)).items():
                route["responses"].setdefault(str(status), told)
    return schema


def summary(text: str) -> str:
    """The first sentence, or what stands before its first colon or semicolon.

    >>> summary("Stop a job; it saves first. Twice is once.")
    'Stop a job'
    """
    return re.split(r"[.:;](?:\s|$)", text.strip(), maxsplit=1)[0].replace("`", "")


def statuses(path: str, method: str, route: Json) -> list[int]:
    """The refusals that a route can answer with."""
    named = "security" in route
    found = [400]
    found += [401, 403] if named else [403] if method != "get" else []
    found += [404, 409] if "{" in path or "requestBody" in route or named else []
    return [*found, *([413] if "requestBody" in route else [])]
