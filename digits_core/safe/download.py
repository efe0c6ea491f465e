"""Large downloads: the file appears when it is whole, and one that broke off goes on where it was."""

import hashlib
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

from digits_core.errors import BadData
from digits_core.safe.fetch import Again, Times, body, shown_address

PATIENCE_S, SLOWEST = 60.0, 1000
"""A download that brings less than SLOWEST bytes a second for so long is given up: it holds the place of another."""
Watch = Callable[[int], None]
"""Called with the bytes that are there; what it raises ends the download."""


def safe_download(url: str, path: Path, private_hosts: Collection[str] = (), limit: int = 20_000_000_000,
                  times: Times = Times(total=3600), tries: int = 1, watch: Watch = lambda size: None,
                  keep: bool = False) -> str:
    """Download into a file, which appears only when it is whole; returns its SHA-256. Raises like safe_fetch.

    Of several ``tries`` each goes on where the one before broke off. ``keep`` leaves what there is for a later call;
    only for files whose checksum is known, because the other side may have changed meanwhile.
    """
    part = path.with_name(f".{path.name}.part")
    if not keep:
        part.unlink(missing_ok=True)
    try:
        for attempt in range(tries):
            try:
                _append(url, part, private_hosts, limit, times, watch)
                break
            except Again as error:
                if attempt == tries - 1:
                    raise BadData(f"{error}. It was tried {tries} times") from None
                time.sleep(0.2 * 4**attempt)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        part.replace(path)
    finally:
        if not keep:
            part.unlink(missing_ok=True)
    return digest


def _append(url: str, part: Path, private_hosts: Collection[str], limit: int, times: Times, watch: Watch) -> None:
    with part.open("ab") as file:
        size = before = file.tell()
        since = time.monotonic()
        for piece in body(url, private_hosts, limit, times, size):
            file.write(piece)
            size += len(piece)
            watch(size)
            if (now := time.monotonic()) - since > PATIENCE_S:
                if size - before < SLOWEST * (now - since):
                    raise BadData(f"{shown_address(url)} brings less than {SLOWEST / 1000:g} kB a second")
                since, before = now, size
        file.flush()
        os.fsync(file.fileno())
