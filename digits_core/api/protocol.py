"""The Open Inference Protocol, version 2 (KServe, Triton) at the root of the server: what inference clients speak.

Errors are {"error": text}, as that protocol wants them.
"""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Route

import digits_core
from digits_core.api import answers, tensors
from digits_core.api.request import Space
from digits_core.errors import BadData, DigitsError, NotFound
from digits_core.services import models, serving
from digits_core.services.serving import Served, Tensor
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
log = logging.getLogger("digits.api")
LARGEST = 256_000_000
"""Bytes of one request."""
LENGTH = "Inference-Header-Content-Length"
EXTENSIONS = ["binary_tensor_data", "classification", "statistics"]


def protocol_routes(workspace: Workspace) -> list[Route]:
    """``/v2`` and all below it, for the server's list of routes."""
    app = create_protocol(workspace)
    return [Route("/v2", app), Route("/v2/{rest:path}", app)]


def create_protocol(workspace: Workspace) -> FastAPI:
    """The protocol's own small application: its errors look different from the API's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, default_response_class=answers.StrictJSON)
    app.state.workspace = workspace
    for kind in (DigitsError, RequestValidationError, HTTPException, ClientDisconnect, Exception):
        app.add_exception_handler(kind, _refused)
    for path, method, handler in _ROUTES:
        app.add_api_route(f"/v2{path}", handler, methods=[method])
    return app


def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, DigitsError):
        return answers.StrictJSON({"error": str(error)}, 404 if isinstance(error, NotFound) else 400)
    if isinstance(error, HTTPException):
        words = f"There is no {request.method} {request.url.path}." if error.status_code == 404 else error.detail
        return answers.StrictJSON({"error": words}, error.status_code)
    if isinstance(error, ClientDisconnect):  # half a request; nobody reads the answer
        return answers.StrictJSON({"error": "The request broke off."}, 400)
    if isinstance(error, RequestValidationError):
        return answers.StrictJSON({"error": "; ".join(str(one["msg"]) for one in error.errors())}, 400)
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return answers.StrictJSON({"error": "This is a fault in the server; its log says more."}, 500)


def server() -> Json:
    """What this server is."""
    return {"name": "digits", "version": digits_core.__version__, "extensions": EXTENSIONS}


def live() -> Response:
    """That the server answers; it is ready whenever it does, because models are loaded when they are asked."""
    return Response()


def model(name: str, space: Space, version: str = "") -> Json:
    """Inputs, outputs and versions of a model."""
    return serving.describe(space, name, version)


def model_ready(name: str, space: Space, version: str = "") -> Response:
    """Whether the model can be asked."""
    serving.find(space, name, version)
    return Response()


def index(space: Space) -> Any:
    """All models."""
    return serving.index(space)


def statistics(space: Space, name: str = "", version: str = "") -> Json:
    """How much a model was asked since it was loaded, and how long that took."""
    return {"model_stats": serving.statistics(space, name, version)}


async def infer(request: Request, name: str, space: Space, version: str = "",
                length: Annotated[str | None, Header(alias=LENGTH)] = None) -> Response:
    """Ask the model: tensors as JSON, or as bytes behind it."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise BadData("Compressed requests are not understood; send it as it is.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise HTTPException(413, f"The request is larger than {LARGEST / 1e6:.0f} MB.")
    return await run_in_threadpool(_infer, space, name, version, bytes(body), length)


def _infer(space: Workspace, name: str, version: str, body: bytes, length: str | None) -> Response:
    header, behind = tensors.parse(body, length)
    served = serving.find(space, name, version)
    asked, top = tensors.requested(header), tensors.parameters(header).get("top", 5)
    if type(top) is not int or not 1 <= top <= 1000:
        raise BadData("top is a number from 1 to 1000.")
    found = serving.infer(space, "", served, tensors.inputs(header, behind), [one["name"] for one in asked], top)
    wanted = {one["name"]: one["parameters"] for one in asked}
    everywhere = tensors.parameters(header).get("binary_data_output", False)
    binary = {output: bool(wanted.get(output, {}).get("binary_data", everywhere)) for output in found}
    outputs = {output: _output(served, tensor, wanted.get(output, {})) for output, tensor in found.items()}
    head = {"model_name": name, "model_version": served.version}
    head |= {"id": str(header["id"])} if "id" in header else {}
    content, size = tensors.answer(head, outputs, binary)
    if size is None:
        return Response(content, media_type="application/json")
    return Response(content, media_type="application/octet-stream", headers={LENGTH: str(size)})


def _output(served: Served, tensor: Tensor, wanted: Json) -> tuple[Tensor, list[int]]:
    """A tensor and its shape; where classes are asked for, the most probable ones in words."""
    if isinstance(tensor, list):
        return tensor, [len(tensor)]
    count = wanted.get("classification", 0)
    if not count:
        return tensor, list(tensor.shape)
    if type(count) is not int or count < 0 or served.signature.output.name != "probabilities":
        raise BadData("classification is a number of labels, of models that tell probabilities.")
    count = min(count, tensor.shape[1])
    return tensors.ranked(tensor, count, models.labels(served.view)), [len(tensor), count]


_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("", "GET", server), ("/health/live", "GET", live), ("/health/ready", "GET", live),
    ("/repository/index", "POST", index), ("/models/stats", "GET", statistics),
    *((f"/models/{{name}}{version}{part}", method, handler) for version in ("", "/versions/{version}")
      for part, method, handler in (("", "GET", model), ("/ready", "GET", model_ready), ("/stats", "GET", statistics),
                                    ("/infer", "POST", infer))),
]
