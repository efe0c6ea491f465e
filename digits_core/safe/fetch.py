"""Downloads that cannot be turned against the server's own network, and that always end.

The address is judged where it counts: every name is resolved here, the connection goes to the very address that was
judged, and the peer of the connected socket is looked at again before one byte is sent. Redirects come back here.
"""

import functools
import ipaddress
import math
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from digits_core import __version__
from digits_core.errors import BadData, DigitsError, Unsafe
from digits_core.safe.paths import printable

REDIRECTS = 5
_BAD = set(map(chr, range(33))) | set('\x7f\\<>"`{}|^')
_KEPT = "!#$%&'()*+,/:;=?@[]~"
"""Characters of an address that stay; all but ASCII letters, digits and these are written as %XX."""
_PRIVATE = [ipaddress.ip_network(text) for text in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")]
"""Ways to write IPv4 addresses as IPv6 (NAT64, 6to4, Teredo), which ``is_global`` takes for public ones."""


class Times(NamedTuple):
    """Seconds until a download is given up."""

    connect: float = 5
    read: float = 10
    total: float = 60


class Again(DigitsError):
    """A failure that may pass by itself: too many requests, a server error, no answer in time, a broken connection."""


class TooLarge(BadData):
    """More bytes than are read; asking again changes nothing."""


class Missing(BadData):
    """There is nothing at the address (404, 410)."""


def safe_fetch(url: str, private_hosts: Collection[str] = (), limit: int = 500_000_000, times: Times = Times(),
               tries: int = 3) -> bytes:
    """The body of an http(s) address.

    Raises Unsafe when it leads to a private network and neither its host nor that ``with_port`` is in
    ``private_hosts``, BadData with the reason when it cannot be had, is larger than ``limit`` bytes or takes too long.
    Busy servers are asked again.
    """
    for attempt in range(tries):
        try:
            return b"".join(body(url, private_hosts, limit, times))
        except Again as error:
            if attempt == tries - 1:
                raise BadData(str(error)) from None
            time.sleep(0.2 * 4**attempt)
    raise BadData(f"{shown_address(url)} was not tried")


def check_address(text: str) -> None:
    """Raise Unsafe unless an IP address belongs to the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    hidden = address.version == 6 and any(address in network for network in _PRIVATE)
    if not address.is_global or address.is_multicast or address.is_reserved or hidden:
        raise Unsafe("leads to a private or local network address. An administrator can allow its host in "
                     "DIGITS_PRIVATE_HOSTS")


def shown_address(url: str) -> str:
    """An address as messages may name it."""
    return printable(url.partition("?")[0])  # the part behind '?' may hold a secret


def body(url: str, private_hosts: Collection[str], limit: int, times: Times, start: int = 0) -> Iterator[bytes]:
    """The bytes of an address from ``start`` on, in pieces; also from a server that knows only whole answers.

    Raises what safe_fetch raises, or Again.
    """
    deadline = time.monotonic() + times.total
    shown, begun = shown_address(url), False
    for _ in range(REDIRECTS + 1):
        host = host_of(url)
        url = quote(url, safe=_KEPT)
        allowed = {name.lower() for name in private_hosts}
        guard = _Guard(host in allowed or with_port(url) in allowed, deadline)
        try:
            with httpcore.ConnectionPool(network_backend=guard, ssl_context=trusted()) as pool, \
                    pool.stream("GET", url, headers=_headers(start), extensions=timeouts(times)) as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, _header(response, b"location").decode("latin-1"))
                    continue
                if response.status == 416 and start:  # there is nothing behind what we have
                    return
                begun = _check_answer(response, shown, limit, start)
                yield from _limited(response, shown, limit, start)
                return
        except Unsafe as error:
            raise Unsafe(f"{shown} {error}") from None
        except (httpcore.TimeoutException, TimeoutError):
            raise Again(f"{shown} did not answer in time") from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError,
                ValueError) as error:
            if begun:
                raise Again(f"{shown} broke off: {error or type(error).__name__}") from None
            raise BadData(f"{shown} cannot be fetched: {error or type(error).__name__}") from None
    raise BadData(f"{shown} redirects more than {REDIRECTS} times")


def host_of(url: str) -> str:
    """The host of an address in lower case. Raises Unsafe for anything that is no plain http(s) address."""
    shown = shown_address(url)
    if any(character in _BAD for character in url) or len(url) > 4096:
        raise Unsafe(f"{shown!r} holds blanks or characters that an address must not hold")
    try:
        parts = urlsplit(url)
        port, host = parts.port, (parts.hostname or "").rstrip(".")
    except ValueError:
        raise Unsafe(f"{shown!r} is no address") from None
    if parts.scheme.lower() not in ("http", "https"):
        raise Unsafe(f"{shown!r} is neither http nor https")
    if not host.isascii():
        raise Unsafe(f"{shown!r} has a host that is not plain ASCII; write it in its 'xn--' form")
    if not host or parts.username is not None or parts.password is not None or port == 0:
        raise Unsafe(f"{shown!r} has no host, or a user name in it")
    return host.lower()


def with_port(url: str) -> str:
    """What stands among ``private_hosts`` for one port of a host alone, of an address that host_of has accepted."""
    parts = urlsplit(url)
    return f"[{host_of(url)}]:{parts.port or {'https': 443}.get(parts.scheme.lower(), 80)}"


@functools.cache
def trusted() -> ssl.SSLContext:
    """Which certificates are believed: read once, because that takes longer than many a download."""
    return ssl.create_default_context()


def _headers(start: int = 0) -> list[tuple[bytes, bytes]]:
    # "identity": a compressed answer could be a bomb, and pictures are compressed already.
    return [(b"User-Agent", f"DIGITS/{__version__}".encode()), (b"Accept", b"*/*"), (b"Accept-Encoding", b"identity"),
            *[(b"Range", f"bytes={start}-".encode())] * bool(start)]


def guarded_pool(private_allowed: bool, connections: int, tls: ssl.SSLContext) -> httpcore.ConnectionPool:
    """Connections that are kept for many requests to judged addresses; each request brings its own timeouts."""
    return httpcore.ConnectionPool(tls, max_connections=connections,
                                   network_backend=_Guard(private_allowed, math.inf))


def timeouts(times: Times) -> dict[str, Any]:
    """What httpcore is told about them; ``total`` is the guard's business."""
    return {"timeout": {"connect": times.connect, "read": times.read, "write": times.read, "pool": times.connect}}


def _header(response: httpcore.Response, name: bytes) -> bytes:
    return next((value for key, value in response.headers if key.lower() == name), b"")


def _check_answer(response: httpcore.Response, shown: str, limit: int, start: int) -> bool:
    if response.status == 429 or response.status >= 500:
        raise Again(f"{shown} answers with status {response.status}")
    if response.status != 200 and not (start and _header(response, b"content-range").startswith(b"bytes %d-" % start)):
        raise (Missing if response.status in (404, 410) else BadData)(f"{shown} answers with status {response.status}")
    if _header(response, b"content-encoding") not in (b"", b"identity"):
        raise BadData(f"{shown} sends a compressed answer although it was asked not to")
    size = _header(response, b"content-length")
    if size.isdigit() and int(size) > limit:
        raise TooLarge(f"{shown} has {int(size) / 1e6:.0f} MB, at most {limit / 1e6:.0f} MB are read")
    return True


def _limited(response: httpcore.Response, shown: str, limit: int, start: int) -> Iterator[bytes]:
    size = start if response.status == 206 else 0
    for part in response.iter_stream():
        size += len(part)
        if size > limit:
            raise TooLarge(f"{shown} is larger than {limit / 1e6:.0f} MB")
        new = min(len(part), size - start)  # a server that cannot go on sends everything again
        if new > 0:
            yield part[-new:]


class _Guard(httpcore.NetworkBackend):
    """Opens connections to judged addresses only, and ends all of them at the deadline."""

    def __init__(self, private_allowed: bool, deadline: float) -> None:
        self.private_allowed, self.deadline = private_allowed, deadline
        self.backend = httpcore.SyncBackend()

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:
        """Resolve, judge, connect, and judge the peer."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host} is not known ({error})") from None
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        if not self.private_allowed:
            for address in addresses:
                check_address(address)
        stream = self._first(addresses, port, timeout, socket_options)
        peer = stream.get_extra_info("server_addr")
        if not self.private_allowed:
            try:
                check_address(str(peer[0]))
            except Unsafe:
                stream.close()
                raise
        return _Stream(stream, self.deadline)

    def _first(self, addresses: list[str], port: int, timeout: float | None,
               options: Iterable[Any] | None) -> httpcore.NetworkStream:
        problem: Exception | None = None
        for address in addresses[:4]:
            try:
                return self.backend.connect_tcp(address, port, timeout, None, options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem or httpcore.ConnectError("the name has no address")

    def connect_unix_socket(self, path: str, timeout: float | None = None,
                            socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:
        """Never."""
        raise Unsafe("leads to a local socket")

    def sleep(self, seconds: float) -> None:
        """See httpcore."""
        time.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection that ends at the deadline, also when the other side sends a byte now and then."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self.stream, self.deadline = stream, deadline

    def _left(self, timeout: float | None) -> float:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is up")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        return self.stream.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore."""
        self.stream.write(buffer, self._left(timeout))

    def close(self) -> None:
        """See httpcore."""
        self.stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:
        """See httpcore."""
        return _Stream(self.stream.start_tls(ssl_context, server_hostname, self._left(timeout)), self.deadline)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self.stream.get_extra_info(info)
