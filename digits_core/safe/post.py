"""Sending JSON to an address that an administrator set, under the rules of downloads: judged where it connects."""

import time
from collections.abc import Collection
from urllib.parse import quote

import httpcore

from digits_core.errors import BadData, Unsafe
from digits_core.safe import fetch


def safe_post(url: str, body: bytes, private_hosts: Collection[str] = (), timeout_s: float = 15) -> None:
    """Send it once; redirects are not followed. Raises Unsafe and BadData, with the host alone: paths hold secrets."""
    try:
        host = fetch.host_of(url)
    except Unsafe:
        raise Unsafe("The webhook's address is no plain http or https address.") from None
    guard = fetch._Guard(host in {name.lower() for name in private_hosts}, time.monotonic() + timeout_s)
    headers = [*fetch._headers(), (b"Content-Type", b"application/json")]
    try:
        with httpcore.ConnectionPool(network_backend=guard, ssl_context=fetch.trusted()) as pool:
            times = fetch.Times(min(5, timeout_s), timeout_s, timeout_s)
            with pool.stream("POST", quote(url, safe=fetch._KEPT), headers=headers, content=body,
                             extensions=fetch.timeouts(times)) as response:
                status = response.status
    except Unsafe as error:
        raise Unsafe(f"{host} {error}") from None
    except (httpcore.TimeoutException, TimeoutError):
        raise BadData(f"{host} did not answer in time") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
        raise BadData(f"{host} cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise BadData(f"{host} answers with status {status}")
