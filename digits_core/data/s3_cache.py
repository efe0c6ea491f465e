"""Objects of S3 kept on disk, never more than so many bytes of them: what was not used for longest goes first.

A file is named after service, bucket, key and the mark of its content, so a changed object is another file. It appears
whole. Users link to it (a hard link costs nothing); a file that somebody links to is in use and stays. Several
processes may share the folder: one lock, held for moments, guards the sum.
"""

import hashlib
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import filelock

from digits_core import files
from digits_core.errors import BadState

STALE_S = 600
"""Seconds without a byte after which an unfinished download belongs to nobody."""
RESERVE = 64_000_000
"""Bytes that stay free on the disk."""
LOW = 0.9
"""Share of the limit that is left when room was made: not for one object at a time."""


class ObjectCache:
    """The folder of one server, bounded to ``limit`` bytes."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.threads = threading.Lock()
        self.processes = filelock.FileLock(folder / "cache.lock", thread_local=False)
        self.sum = folder / "used"

    @staticmethod
    def name(*parts: str) -> str:
        """The file name of an object, from all that tells it from others."""
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()

    def link(self, name: str, size: int, target: Path, fetch: Callable[[BinaryIO], None]) -> bool:
        """Put an object at ``target``, replacing what is there; ``fetch`` writes it when it is not kept yet.

        Returns whether it had to be fetched. Raises BadState when what is in use leaves no room, DiskFull.
        """
        path = self.folder / name[:2] / name
        if self._linked(path, target, size):
            return False
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f"{name}.{secrets.token_hex(4)}.part")
        self._reserve(part, size)
        try:
            with part.open("r+b") as file:
                fetch(file)
                file.flush()
                os.fsync(file.fileno())
            _link(part, target)
            with self._alone():  # who counts the files would miss one that changes its name meanwhile
                part.replace(path)
        finally:
            self._remove(part)
        return True

    def _linked(self, path: Path, target: Path, size: int) -> bool:
        try:
            if path.stat().st_size != size:
                return False
            _link(path, target)
            os.utime(path)  # used just now
        except FileNotFoundError:
            return False
        return True

    def forget(self, name: str) -> None:
        """Keep an object no longer."""
        self._remove(self.folder / name[:2] / name)

    def _remove(self, path: Path) -> None:
        with self._alone(), suppress(FileNotFoundError):
            size = path.stat().st_size
            path.unlink()
            self.sum.write_text(str(max(0, self._used() - size)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.threads, self.processes.acquire(poll_interval=0.005):
            yield

    def _used(self) -> int:
        try:
            return int(self.sum.read_text())
        except (OSError, ValueError):
            return sum(size for size, *_ in self._files())

    def _reserve(self, part: Path, size: int) -> None:
        """Make room for so many bytes, and take it: the unfinished file has its full size from the beginning."""
        with self._alone():
            used = self._used()
            if used + size > self.limit:
                used = self._make_room(size)
            if files.free_bytes(part) < size + RESERVE:
                raise files.DiskFull("The disk has no room for pictures from S3: "
                                     f"{files.free_bytes(part) / 1e6:.0f} MB are free in the jobs folder.")
            with part.open("xb") as file:
                file.truncate(size)
            self.sum.write_text(str(used + size))

    def _make_room(self, size: int) -> int:
        """Remove what was not used for longest until ``size`` more bytes fit; returns what is left."""
        found = sorted(self._files(), key=lambda one: one[1])
        used = sum(one[0] for one in found)
        for length, _, in_use, path in found:
            if used + size <= min(self.limit, max(size, self.limit * LOW)):
                break
            if not in_use:
                path.unlink(missing_ok=True)
                used -= length
        if used + size > self.limit:
            raise BadState(f"The S3 cache holds {self.limit / 1e9:.3g} GB, and {used / 1e9:.3g} GB of that are in use. "
                           "Wait until other builds have ended, or let the administrator raise DIGITS_S3_CACHE_GB.")
        return used

    def _files(self) -> list[tuple[int, float, bool, Path]]:
        """Size, time of the last use, whether it is in use, and path of each file."""
        found, now = list[tuple[int, float, bool, Path]](), time.time()
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            with suppress(FileNotFoundError):
                facts = path.stat()
                is_part = path.suffix == ".part"
                in_use = now - facts.st_mtime < STALE_S if is_part else facts.st_nlink > 1
                found.append((facts.st_size, facts.st_mtime, in_use, path))
        return found


def _link(path: Path, target: Path) -> None:
    """Hard link over whatever stands at ``target``."""
    beside = target.with_name(f".{secrets.token_hex(6)}.link")
    beside.hardlink_to(path)
    beside.replace(target)
