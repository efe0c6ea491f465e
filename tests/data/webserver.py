"""A web server on loopback that misbehaves on request, and counts who came."""

import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

Answer = Callable[[BaseHTTPRequestHandler], None]


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    allow_reuse_address = True
    daemon_threads = True
    answers: dict[str, Answer]
    seen: list[str]
    ended: threading.Event


@contextmanager
def serving(answers: dict[str, Answer]) -> Iterator[tuple[str, list[str]]]:
    """Address of the server, and the list of paths that were asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.seen.append(self.path)
            try:
                server.answers.get(self.path.partition("?")[0], status(404))(self)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *args: object) -> None:
            return

    server = _Server(("127.0.0.1", 0), Handler)
    server.answers, server.seen, server.ended = answers, [], threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", server.seen
    finally:
        server.ended.set()
        server.shutdown()
        thread.join()
        server.server_close()


def body(content: bytes, **headers: str) -> Answer:
    """A good answer."""
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)
    return answer


def pieces(content: bytes, size: int, ranges: bool = True) -> Answer:
    """Breaks off after ``size`` bytes every time; with ``ranges`` it can go on where it was."""
    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers.get("Range", "")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and ranges else 0
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.send_header("Content-Length", str(len(content) - start))
        handler.end_headers()
        handler.wfile.write(content[start:start + size])
    return answer


def status(code: int, location: str = "") -> Answer:
    """An answer without content."""
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        if location:
            handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return answer


def in_turn(*answers: Answer) -> Answer:
    """The first answer for the first request, and so on."""
    left = iter(answers)
    return lambda handler: next(left)(handler)


def endless(handler: BaseHTTPRequestHandler) -> None:
    """Zeros without an end."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.ended.is_set():  # type: ignore[attr-defined]
        handler.wfile.write(bytes(100_000))


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte every now and then."""
    handler.send_response(200)
    handler.end_headers()
    while not handler.server.ended.wait(0.05):  # type: ignore[attr-defined]
        handler.wfile.write(b".")
        handler.wfile.flush()


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Nothing at all."""
    handler.server.ended.wait(20)  # type: ignore[attr-defined]
    handler.close_connection = True


def index(*names: str) -> Answer:
    """The page with which Apache lists a folder."""
    rows = "".join(f'<li><a href="{name}">{name}</a></li>' for name in ("?C=N;O=D", "/", "../", *names))
    return body(f"<html><body><h1>Index of /</h1><ul>{rows}</ul></body></html>".encode())


def now() -> float:
    """Seconds, for measuring."""
    return time.monotonic()
