import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from digits_core.api.security import BodyCap, security_middleware
from digits_core.settings import Settings
from tests.api.conftest import TestClient


async def page(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{len(await request.body())} bytes")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def guarded() -> TestClient:
    routes = [Route("/", page, methods=["GET", "POST", "DELETE"]), WebSocketRoute("/_stcore/stream", stream)]
    app = Starlette(routes=routes, middleware=security_middleware(Settings(hosts=["digits.corp"])))
    return TestClient(app, base_url="http://localhost:8501")


@pytest.mark.parametrize("host", ["localhost", "localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST:1",
                                  "digits.corp", "digits.corp:443"])
def test_own_names_are_answered(guarded: TestClient, host: str) -> None:
    assert guarded.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "localhost.evil.example",
                                  "127.0.0.1.evil.example",
                                  "127.0.0.2", "localhost:", "localhost:99999999", "localhost@evil.example", "",
                                  "[::1", "0.0.0.0", "digits.corp.", "localhost/evil"])
def test_other_names_are_refused(guarded: TestClient, host: str) -> None:
    answer = guarded.get("/", headers={"Host": host})
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "Host"


def test_every_answer_carries_the_security_headers_also_a_refusal(guarded: TestClient) -> None:
    for host in ("localhost", "evil.example"):
        headers = guarded.get("/", headers={"Host": host}).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["content-security-policy"] == "frame-ancestors 'self'"


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost"}, {"Origin": "http://localhost:8501.evil.example"}, {"Origin": "file://"},
    {"Origin": "http://[bad"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:8501", "Sec-Fetch-Site": "cross-site"}])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH"])
def test_changes_from_another_site_are_refused(guarded: TestClient, method: str, headers: dict[str, str]) -> None:
    assert guarded.request(method, "/", headers=headers).status_code == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://localhost:8501"}, {"Sec-Fetch-Site": "same-origin"}])
def test_changes_from_our_page_and_from_programs_pass(guarded: TestClient, headers: dict[str, str]) -> None:
    assert guarded.post("/", headers=headers).status_code == 200


def test_reading_from_another_site_is_left_to_the_browser(guarded: TestClient) -> None:
    answer = guarded.get("/", headers={"Origin": "http://evil.example"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("headers", [
    {}, {"Origin": "null"}, {"Origin": "http://evil.example"}, {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost:8502"}, {"Origin": "http://127.0.0.1:8501"},
    {"Origin": "http://localhost:8501", "Host": "evil.example"}])
def test_the_websocket_is_for_our_own_page_only(guarded: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), guarded.websocket_connect("ws://localhost:8501/_stcore/stream",
                                                                      headers=headers):
        pass


def test_our_own_page_gets_its_websocket(guarded: TestClient) -> None:
    with guarded.websocket_connect("ws://localhost:8501/_stcore/stream",
                                   headers={"Origin": "http://localhost:8501", "Host": "localhost:8501"}) as socket:
        assert socket.receive_text() == "hello"


@pytest.fixture
def capped() -> TestClient:
    app = Starlette(routes=[Route("/", page, methods=["POST"])], middleware=[Middleware(BodyCap, limit=1000)])
    return TestClient(app, base_url="http://localhost")


def test_a_body_up_to_the_cap_passes(capped: TestClient) -> None:
    assert capped.post("/", content=b"x" * 1000).text == "1000 bytes"


def test_a_body_above_the_cap_is_refused_by_its_length(capped: TestClient) -> None:
    assert capped.post("/", content=b"x" * 1001).status_code == 413


def test_a_body_of_unknown_length_is_refused_while_it_comes(capped: TestClient) -> None:
    answer = capped.post("/", content=(b"x" * 400 for _ in range(3)))
    assert answer.status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e3", "abc", "99999999999999999999"])
def test_an_absurd_length_is_refused(capped: TestClient, length: str) -> None:
    assert capped.post("/", content=b"x", headers={"Content-Length": length}).status_code == 413


def test_json_has_a_smaller_cap_than_uploads() -> None:
    app = Starlette(routes=[Route("/", page, methods=["POST"])], middleware=[Middleware(BodyCap, limit=50_000_000)])
    client = TestClient(app, base_url="http://localhost")
    content = b" " * 6_000_000
    assert client.post("/", content=content, headers={"Content-Type": "application/json"}).status_code == 413
    assert client.post("/", content=content, headers={"Content-Type": "application/zip"}).status_code == 200
