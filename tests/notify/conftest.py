"""A web server and a mail server of the test's own, which keep what they get."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller

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
