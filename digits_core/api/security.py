"""What stands before every route, Streamlit's own included: who may be asked, from where, and how much.

Streamlit checks the host name of its WebSocket only and sends no security headers, so a web page open in the same
browser could drive a server on localhost (DNS rebinding, cross-site requests, framing). These four close that. What
serves below a path comes between them (digits_core/api/prefix.py).
"""

import json
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digits_core.api.prefix import BelowPrefix, path_of
from digits_core.settings import Settings

LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
JSON_BYTES = 5_000_000
TENSORS, TENSOR_BYTES = ("/predict", "/infer"), 64_000_000
"""Ends of the addresses that get pictures inside their JSON, and how much that may be."""
STREAMED = "/api/uploads/"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?")

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "frame-ancestors 'self'",
}


def security_middleware(settings: Settings) -> list[Middleware]:
    """The list for ``st.App(middleware=...)``, outermost first."""
    return [
        Middleware(SecurityHeaders),
        Middleware(HostGuard, hosts=(*LOCAL_HOSTS, *settings.hosts)),
        *([Middleware(BelowPrefix, prefix=settings.url_prefix)] if settings.url_prefix else []),
        Middleware(OriginGuard),
        Middleware(BodyCap, limit=settings.upload_mb * 1_000_000, streamed=int(settings.large_upload_gb * 1e9)),
    ]


class SecurityHeaders:
    """Adds the headers above to every answer that does not bring its own."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers if scope["type"] == "http" else send)


class HostGuard:
    """Refuses requests whose Host header names somebody else: the mark of DNS rebinding."""

    def __init__(self, app: ASGIApp, hosts: tuple[str, ...]) -> None:
        self.app, self.hosts = app, frozenset(host.lower() for host in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] in ("http", "websocket") and host_name(scope) not in self.hosts:
            await refuse(scope, send, 400, "Host", "This server does not answer under that name. Its administrator "
                                                   "can add the name to DIGITS_HOSTS.")
            return
        await self.app(scope, receive, send)


class OriginGuard:
    """Refuses what another web site's page sends: changes, and Streamlit's WebSocket.

    Programs (curl, scripts) send no Origin; they may call the API, but a WebSocket comes from our own page only.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if self._is_foreign(scope):
            await refuse(scope, send, 403, "CrossOrigin", "Another web site may not do this here.")
            return
        await self.app(scope, receive, send)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["type"] == "websocket":
            return not same_origin(scope)
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            return False
        headers = Headers(scope=scope)
        if headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return True
        return "origin" in headers and not same_origin(scope)


class BodyCap:
    """Ends requests that send more than ``limit`` bytes; JSON has its own, much smaller limit.

    So has what goes straight to the disk, the PATCH of a resumable upload: ``streamed``.
    """

    def __init__(self, app: ASGIApp, limit: int, streamed: int | None = None) -> None:
        self.app, self.limit, self.streamed = app, limit, limit if streamed is None else streamed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_json = headers.get("content-type", "").lower().startswith("application/json")
        streams = scope["method"] == "PATCH" and path_of(scope).startswith(STREAMED)
        of_json = TENSOR_BYTES if scope["path"].endswith(TENSORS) else JSON_BYTES
        limit = self.streamed if streams else min(self.limit, of_json) if is_json else self.limit
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > limit:
            await refuse(scope, send, 413, "TooLarge", f"The request is larger than {limit / 1e6:.0f} MB.")
            return
        await self.app(scope, counted(receive, limit), send)


def counted(receive: Receive, limit: int) -> Receive:
    """The same stream, ending in an error 413 once more than ``limit`` bytes came (chunked: nobody said how many)."""
    total = 0

    async def count() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b"")) if message["type"] == "http.request" else 0
        if total > limit:
            raise HTTPException(413, f"The request is larger than {limit / 1e6:.0f} MB.")
        return message

    return count


def host_name(scope: Scope) -> str:
    """The host that was asked for, in small letters and without the port; empty when the header makes no sense."""
    values = Headers(scope=scope).getlist("host")
    match = _HOST.fullmatch(values[0].lower()) if len(values) == 1 else None
    return match.group(1) if match else ""


def same_origin(scope: Scope) -> bool:
    """Whether the page that sent this came from the very host and port it asks now."""
    headers = Headers(scope=scope)
    origins = headers.getlist("origin")
    try:
        parts = urlsplit(origins[0].lower()) if len(origins) == 1 else None
    except ValueError:
        return False
    return parts is not None and parts.scheme in ("http", "https") and parts.netloc == headers.get("host", "").lower()


async def refuse(scope: Scope, send: Send, status: int, kind: str, message: str) -> None:
    """End a request with the API's error JSON, or a WebSocket before it is accepted."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": message[:120]})
        return
    body = json.dumps({"error": {"message": message, "type": kind}}).encode()
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
