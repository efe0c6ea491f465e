"""How the API answers: JSON that every reader accepts, and one shape for every refusal."""

import errno
import json
import logging
import math
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from digits_core.api.prefix import prefix_of
from digits_core.api.request import NoName
from digits_core.errors import BadState, DigitsError, InUse, InvalidOptions, NotAllowed, NotFound, Problem
from digits_core.services.resumable import TooLarge, WrongChecksum, WrongOffset

Json = dict[str, Any]
log = logging.getLogger("digits.api")

STATUS: dict[type[DigitsError], int] = {NoName: 401, NotFound: 404, NotAllowed: 403, InUse: 409, BadState: 409,
                                       TooLarge: 413, WrongOffset: 409, WrongChecksum: 460}
"""HTTP status of each error; every other DigitsError is 400."""
FULL = ("The server's disk has no room for this request. Free some space (System page: disk by job), then send it "
        "again.")

NO_OBJECT = "The body must be a JSON object, sent with Content-Type: application/json."
UNREAD = "The body cannot be read: it is no JSON or form that this route takes, is nested too deeply, or was cut off."


class StrictJSON(JSONResponse):
    """JSON in plain ASCII without NaN, whatever a damaged file held: a number that is none becomes null."""

    def render(self, content: Any) -> bytes:
        """The bytes of the answer."""
        try:
            return json.dumps(content, allow_nan=False).encode()
        except ValueError:
            return json.dumps(finite(content), allow_nan=False).encode()


def finite(value: Any) -> Any:
    """The value with null for every number that JSON cannot say."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


def install(api: FastAPI) -> None:
    """Make every error of the application answer in the API's shape."""
    api.add_exception_handler(DigitsError, _digits_error)
    api.add_exception_handler(RequestValidationError, _invalid_request)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, fault)


def refusal(status: int, kind: str, message: str, **more: Any) -> Response:
    """``{"error": {"message", "type"}}`` and what else belongs to it."""
    return StrictJSON({"error": {"message": message, "type": kind}, **more}, status)


def _digits_error(request: Request, error: Exception) -> Response:
    if isinstance(error, InvalidOptions):
        return refusal(400, "InvalidOptions", str(error), errors=error.by_field())
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 400)
    return refusal(status, type(error).__name__, str(error))


def _invalid_request(request: Request, error: Exception) -> Response:
    """What FastAPI found wrong with a body or query, in the shape of InvalidOptions."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return _digits_error(request, InvalidOptions([_problem(e) for e in found]))


def _problem(error: Json) -> Problem:
    if error["type"] == "json_invalid":
        return Problem("", f"The body is no JSON: {error['ctx']['error']}, at character {error['loc'][-1]}.")
    return Problem(_field(error["loc"]), NO_OBJECT if error["loc"] == ("body",) else str(error["msg"]))


def _field(place: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in place if part not in ("body", "query", "path", "header"))


def _http_error(request: Request, error: Exception) -> Response:
    if _is_full(error.__cause__):
        return refusal(400, "DiskFull", FULL)
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (400, str(error))
    docs = f"{prefix_of(request.scope)}/api/docs"
    words = {404: f"There is no {request.method} {request.url.path}; see {docs}.",
             405: f"{request.method} does not exist here; see {docs}."}
    unread = detail == "There was an error parsing the body"  # FastAPI's words for whatever it did not expect
    answer = refusal(status, "HTTPError", UNREAD if unread else words.get(status, str(detail)))
    answer.headers.update(getattr(error, "headers", None) or {})
    return answer


def _is_full(error: BaseException | None) -> bool:
    """Whether the disk had no room, such as for a body that is being received."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def fault(request: Request, error: Exception) -> Response:
    """A bug: the log has the traceback, the caller learns nothing about the server's inside."""
    if _is_full(error):
        return refusal(400, "DiskFull", FULL)
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refusal(500, "Fault", "This is a fault in the server, not in your request. Its log says more.")
