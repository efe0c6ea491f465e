"""A folder that looks like a part of a bucket: empty files with the right names first, content when it is needed."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import NamedTuple

from digits_core.data.folders import is_picture
from digits_core.data.pool import Item
from digits_core.data.s3_cache import ObjectCache
from digits_core.errors import BadData, Unsafe
from digits_core.safe import safe_join
from digits_core.safe.places import S3Place
from digits_core.safe.s3 import CONNECTIONS, Bucket, Gone, S3Object

MOST = 5_000_000
"""Objects of one dataset."""
AHEAD = 64
"""Pictures that are on their way while others are decoded."""

Skip = Callable[[str, str], None]
"""Called with a key and the reason why that object cannot be used."""


class Kept(NamedTuple):
    """Where the content of an empty file is."""

    bucket: Bucket
    found: S3Object


class Mirror:
    """The folder. ``tick`` is called at least once a second while it waits, and may raise to end it."""

    def __init__(self, folder: Path, cache: ObjectCache, skip: Skip, tick: Callable[[], None], keep: bool = True
                 ) -> None:
        self.folder, self.cache, self.skip, self.tick, self.keep = folder.resolve(), cache, skip, tick, keep
        self.empty: dict[str, Kept] = {}
        """By path: files that have no content (yet)."""
        self.names: set[str] = set()
        """Of the objects in the cache that shall not stay there."""
        self.listed = self.fetched = 0
        self.ended = threading.Event()
        self.threads = ThreadPoolExecutor(CONNECTIONS, "s3")

    def close(self) -> None:
        """End all connections; unless it is to be kept, what was used does not stay in the cache."""
        self.ended.set()
        self.threads.shutdown(wait=True, cancel_futures=True)
        for name in self.names:
            self.cache.forget(name)

    def add(self, bucket: Bucket, place: S3Place, report: Callable[[], None] = lambda: None) -> Path:
        """List a place into the folder; its path there. Raises BadData when it holds nothing."""
        target = self.folder / bucket.name / place.prefix
        (self.folder / bucket.name).mkdir(parents=True, exist_ok=True)
        count = 0
        for page in bucket.pages(place.start):
            count += sum(self._put(bucket, found) for found in page)
            self.tick()
            report()
            if len(self.empty) > MOST:
                raise BadData(f"{place} holds more than {MOST:,} objects.")
        if not count:
            one = bucket.find(place.prefix) if place.prefix else None
            if one is None or not self._put(bucket, one):
                raise BadData(f"{place} holds nothing.")
        return target

    def _put(self, bucket: Bucket, found: S3Object) -> bool:
        key = found.key
        try:
            if "//" in key or set(key.split("/")) & {".", ".."}:
                raise Unsafe("has a name that no file can have")
            path = safe_join(self.folder / bucket.name, key.rstrip("/"))
            (path if key.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
            if not key.endswith("/"):
                path.touch()
                self.listed += str(path) not in self.empty
                self.empty[str(path)] = Kept(bucket, found)
        except (OSError, ValueError, Unsafe):
            self.skip(key, "has a name that no file can have, or that of a folder")
            return False
        return True

    def fill(self, but_pictures: bool, report: Callable[[int, int], None] = lambda done, total: None) -> None:
        """Fetch the content of all files. Raises BadData at once when it is more than the cache may hold.

        With ``but_pictures`` only what a scan reads itself: lists, labels, videos.
        """
        paths = [path for path in self.empty if not (but_pictures and is_picture(path.rpartition("/")[2]))]
        need = sum(self.empty[path].found.size for path in paths)
        if need > self.cache.limit:
            raise BadData(f"These files in S3 have {need / 1e9:.3g} GB, and the cache on this server holds "
                          f"{self.cache.limit / 1e9:.3g} GB (DIGITS_S3_CACHE_GB).")
        for done, (path, future) in enumerate(self._side_by_side(paths), 1):
            self._filled(path, future)
            report(done, len(paths))

    def ahead(self, items: Iterable[Item]) -> Iterator[Item]:
        """The same items, each when its file has its content; some are fetched ahead."""
        waiting: deque[tuple[Item, Future[bool] | None]] = deque()
        source = iter(items)
        while True:
            while len(waiting) < AHEAD and (item := next(source, None)) is not None:
                waiting.append((item, self._fetching(item.location)))
            if not waiting:
                return
            item, future = waiting.popleft()
            if future is not None:
                self._until(future)
                self._filled(item.location, future, tell=False)
            yield item

    def release(self, location: str) -> None:
        """Its content is not needed any more here; it stays in the cache as long as there is room."""
        if location.startswith(f"{self.folder}/") and location not in self.empty:
            Path(location).unlink(missing_ok=True)

    def _side_by_side(self, paths: list[str]) -> Iterator[tuple[str, "Future[bool]"]]:
        waiting: deque[tuple[str, Future[bool]]] = deque()
        for path in paths:
            future = self._fetching(path)
            assert future is not None
            waiting.append((path, future))
            if len(waiting) >= AHEAD:
                self._until(waiting[0][1])
                yield waiting.popleft()
        for path, future in waiting:
            self._until(future)
            yield path, future

    def _until(self, future: "Future[bool]") -> None:
        while not wait([future], 0.3).done:
            self.tick()
        self.tick()

    def _fetching(self, path: str) -> "Future[bool] | None":
        kept = self.empty.get(path)
        return None if kept is None else self.threads.submit(self._fetch, Path(path), *kept)

    def _fetch(self, path: Path, bucket: Bucket, found: S3Object) -> bool:
        who = bucket.credentials
        name = self.cache.name(who.endpoint, who.name, bucket.name, found.key, found.etag)
        if not self.keep:
            self.names.add(name)
        return self.cache.link(name, found.size, path, lambda file: bucket.read(found, file, self._go_on))

    def _go_on(self) -> None:
        if self.ended.is_set():
            raise BadData("The build has ended.")

    def _filled(self, path: str, future: "Future[bool]", tell: bool = True) -> None:
        """Take the outcome of a fetch: an object that is gone leaves no file, so that decoding says so, or nobody."""
        kept = self.empty.pop(path)
        try:
            self.fetched += future.result()
        except Gone as error:
            Path(path).unlink(missing_ok=True)
            if tell:
                self.skip(kept.found.key, str(error))
