"""DIGITS_URL_PREFIX: everything is below a path, tells so, and answers nowhere else."""

import base64
from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from digits_core.api.routes import routes
from digits_core.api.security import security_middleware
from digits_core.jobs.store import JobView
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient

PREFIX = "/api"
"""The hardest one: it is also the beginning of addresses below it."""


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse("a page")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def below(workspace: Workspace) -> TestClient:
    settings = workspace.settings.model_copy(update={"url_prefix": PREFIX})
    own = [Route("/", page), Route("/job", page), WebSocketRoute("/_stcore/stream", stream)]
    app = Starlette(routes=[*routes(workspace), *own], middleware=security_middleware(settings))
    return TestClient(app, base_url="http://localhost:8501", follow_redirects=False)


def test_everything_answers_below_the_prefix_only(below: TestClient) -> None:
    for path in ("/", "/job", "/api/health", "/index/json", "/v2/health/ready"):
        assert below.get(f"{PREFIX}{path}").status_code == 200
    for elsewhere in ("/elsewhere", f"{PREFIX}x", f"{PREFIX}x/job", "/job", f"/elsewhere{PREFIX}/job"):
        refused = below.get(elsewhere)
        assert refused.status_code == 404 and f"below {PREFIX}/" in refused.json()["error"]["message"]
        assert refused.headers["x-content-type-options"] == "nosniff"


def test_the_root_leads_to_the_first_page(below: TestClient) -> None:
    for asked in ("/", PREFIX):
        answer = below.get(f"{asked}?id=1")
        assert (answer.status_code, answer.headers["location"]) == (307, f"{PREFIX}/?id=1")
    assert below.post("/").status_code == 404


def test_pages_talk_below_the_prefix_only(below: TestClient) -> None:
    headers = {"Origin": "http://localhost:8501", "Host": "localhost:8501"}
    with below.websocket_connect(f"{PREFIX}/_stcore/stream", headers=headers) as socket:
        assert socket.receive_text() == "hello"
    with pytest.raises(WebSocketDisconnect), below.websocket_connect("/_stcore/stream", headers=headers):
        pass


def test_every_redirect_of_digits_stays_below(
        below: TestClient, finished_job: Callable[..., JobView]) -> None:
    model = finished_job("model").id
    ways = {"/store": "/model_store", "/datasets/images/classification/new": "/datasets?new=classification",
            "/models/images/generic/new": "/models?new=regression", f"/clone/{model}": f"/models?clone={model}",
            "/datasets/generic/new/image-segmentation": "/datasets?new=segmentation",
            f"/models/{model}": f"/job?id={model}", "/logout": "/"}
    for asked, target in ways.items():
        assert below.get(f"{PREFIX}{asked}").headers["location"] == f"{PREFIX}{target}"


def test_the_cookie_of_a_login_is_for_this_server_only(below: TestClient) -> None:
    answer = below.post(f"{PREFIX}/login", data={"username": "fred"})
    assert answer.headers["location"] == f"{PREFIX}/" and f"Path={PREFIX}/;" in answer.headers["set-cookie"]
    assert f"Path={PREFIX}/;" in below.get(f"{PREFIX}/logout").headers["set-cookie"]


def test_descriptions_name_the_prefix(below: TestClient) -> None:
    assert below.get(f"{PREFIX}/api/openapi.json").json()["servers"] == [{"url": f"{PREFIX}/api"}]
    docs = below.get(f"{PREFIX}/api/docs").text
    assert f"<code>GET {PREFIX}/api/jobs</code>" in docs and f"http://localhost:8501{PREFIX}/api/jobs" in docs
    assert f"see {PREFIX}/api/docs" in below.get(f"{PREFIX}/api/nothing").json()["error"]["message"]


def test_a_resumable_upload_goes_on_at_the_address_it_was_told(below: TestClient) -> None:
    tus = {"X-Digits-User": "ann", "Tus-Resumable": "1.0.0"}
    name = base64.b64encode(b"a.zip").decode()
    made = below.post(f"{PREFIX}/api/uploads", headers={**tus, "Upload-Length": "3",
                                                        "Upload-Metadata": f"filename {name}"})
    assert made.headers["location"].startswith(f"{PREFIX}/api/uploads/")
    sent = below.patch(made.headers["location"], content=b"abc", headers={
        **tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"})
    assert sent.status_code == 204 and sent.headers["upload-offset"] == "3"


def test_resumable_uploads_have_their_own_limit_below_the_prefix(workspace: Workspace) -> None:
    settings = workspace.settings.model_copy(update={"url_prefix": "/digits", "upload_mb": 1, "large_upload_gb": 1.0})
    app = Starlette(routes=routes(workspace), middleware=security_middleware(settings))
    client = TestClient(app, base_url="http://localhost:8501")
    size = {"Content-Length": "2000000"}
    assert client.patch("/digits/api/uploads/x", headers=size).status_code != 413
    assert client.patch("/digits/api/jobs/x", headers=size).status_code == 413
