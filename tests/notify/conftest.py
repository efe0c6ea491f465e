"""A web server and a mail server of the test's own, which keep what they get."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from digits_core.settings import Settings


class Hook:
    """A webhook: ``got`` are the messages, ``answers`` the next statuses (200 when there are none)."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.answers: list[int] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.answers.pop(0) if hook.answers else 200
                if status == 200:
                    hook.got.append(json.loads(body))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/secret-path"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def told(settings: Settings, hook: Hook) -> Settings:
    """Settings that send to the webhook."""
    return settings.model_copy(update={"notify_webhook": hook.url, "private_hosts": ["127.0.0.1"]})


class Letters:
    """What arrived, as aiosmtpd hands it over."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(envelope)
        return "250 OK"


class AnyPort(Controller):
    """Asks the system for a port before it greets itself."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def letters() -> Iterator[tuple[Letters, int]]:
    found = Letters()
    control = AnyPort(found, hostname="127.0.0.1", port=0)
    control.start()
    yield found, control.port
    control.stop()


PASSWORD = "correct horse"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Who signed the mail server's certificate: made for this run, and trusted by nobody."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine trusts who signed the mail server's certificate."""
    file = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(file)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))


@pytest.fixture
def secured(authority: trustme.CA) -> Iterator[Callable[..., tuple[Letters, int]]]:
    """``secured(tls="starttls")`` starts a mail server with a certificate of 127.0.0.1 that wants a login by fred."""
    started = []

    def judge(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=(login.login, login.password) == (b"fred", PASSWORD.encode()), handled=False)

    def start(tls: str = "starttls") -> tuple[Letters, int]:
        found, context = Letters(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        secret = {"starttls": {"tls_context": context, "require_starttls": True}, "tls": {"ssl_context": context},
                  "none": {}}[tls]
        control = AnyPort(found, hostname="127.0.0.1", port=0, authenticator=judge, auth_required=True,
                          auth_require_tls=tls == "starttls", **secret)
        control.start()
        started.append(control)
        return found, control.port

    yield start
    for control in started:
        control.stop()
