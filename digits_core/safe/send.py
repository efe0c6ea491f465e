"""Sending a file to the address that an administrator set: streamed, once, to that host only."""

import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, urljoin

import httpcore

from digits_core.errors import BadData, Unsafe
from digits_core.safe import fetch
from digits_core.safe.paths import printable

PIECE = 1 << 20
SAID = 2000
"""Characters of a refusal that are read."""


class Sent(NamedTuple):
    """What the server answered: status, and the address in ``Location``, "" without one."""

    status: int
    location: str


def safe_send(url: str, field: str, file: Path, token: str = "", timeout_s: float = 600) -> Sent:
    """Post a file as a form field; redirects are not followed, and the host may be a private one, as it was named.

    Raises Unsafe and BadData, with the host alone: other parts of the address may be secret. ``token`` goes into the
    header Authorization.
    """
    try:
        host = fetch.host_of(url)
    except Unsafe:
        raise Unsafe("The address of the inference server (DIGITS_PUBLISH_URL) is no plain http or https address."
                     ) from None
    boundary = secrets.token_hex(16).encode()
    head, tail = _around(field, file.name, boundary)
    headers = [*fetch._headers(), (b"Content-Type", b"multipart/form-data; boundary=" + boundary),
               (b"Content-Length", str(len(head) + file.stat().st_size + len(tail)).encode()),
               *[(b"Authorization", f"Bearer {token}".encode())] * bool(token)]
    guard = fetch._Guard(True, time.monotonic() + timeout_s)
    try:
        with httpcore.ConnectionPool(network_backend=guard, ssl_context=fetch.trusted()) as pool:
            times = fetch.Times(min(5, timeout_s), timeout_s, timeout_s)
            with pool.stream("POST", quote(url, safe=fetch._KEPT), headers=headers, content=_body(head, file, tail),
                             extensions=fetch.timeouts(times)) as response:
                status, location = response.status, fetch._header(response, b"location").decode("ascii", "replace")
                said = b"" if 200 <= status < 300 else next(response.iter_stream(), b"")[:SAID]
    except (httpcore.TimeoutException, TimeoutError):
        raise BadData(f"{host} did not answer in time") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
        raise BadData(f"{host} cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise BadData(f"{host} answers with status {status}: {printable(said.decode('utf-8', 'replace'))}".rstrip(": "))
    return Sent(status, printable(urljoin(url, location)) if location else "")


def _around(field: str, name: str, boundary: bytes) -> tuple[bytes, bytes]:
    plain = name.replace('"', "_").replace("\r", "_").replace("\n", "_").encode("ascii", "replace").decode()
    return (b"--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
            b"Content-Type: application/octet-stream\r\n\r\n" % (boundary, field.encode(), plain.encode()),
            b"\r\n--%s--\r\n" % boundary)


def _body(head: bytes, file: Path, tail: bytes) -> Iterator[bytes]:
    yield head
    with file.open("rb") as source:
        while piece := source.read(PIECE):
            yield piece
    yield tail
