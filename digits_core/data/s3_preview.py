"""A quick look at a dataset in S3: its classes, and the first thousand pictures of each, as far as seconds reach."""

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from digits_core.data import preview
from digits_core.data.places import at_field, credentials_of
from digits_core.data.preview import Preview
from digits_core.data.s3_options import S3Options
from digits_core.errors import BadData, InvalidOptions, Problem, Unsafe
from digits_core.safe import safe_join
from digits_core.safe.places import S3Place
from digits_core.safe.s3 import CONNECTIONS, Bucket, S3Failure, S3Object
from digits_core.settings import Settings
from digits_core.tasks import Task

LIMIT_S = 3.0
PAGE = 1000
LARGEST = 20_000_000
"""Bytes of a list, or of the example, that are fetched while a form waits."""


class _Glimpse:
    """A folder of empty files with the names that the first pages hold."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.known: dict[str, tuple[Bucket, S3Object]] = {}
        self.is_part = False
        self.deadline = time.monotonic() + LIMIT_S

    def add(self, bucket: Bucket, place: S3Place, threads: ThreadPoolExecutor) -> Path:
        target = self.folder / bucket.name / place.prefix
        target.parent.mkdir(parents=True, exist_ok=True)
        names = bucket.folders(place.start)
        if not self._page(bucket, place.start) and place.prefix and (one := bucket.find(place.prefix)):
            self._put(bucket, one)
            self.fetch(str(target))
            return target
        if not target.is_dir():
            raise BadData(f"{place} holds nothing.")
        list(threads.map(lambda name: self._page(bucket, f"{place.start}{name}/"), names))
        return target

    def _page(self, bucket: Bucket, start: str) -> int:
        if time.monotonic() > self.deadline:
            self.is_part = True
            return 0
        page = next(bucket.pages(start, PAGE))
        self.is_part = self.is_part or len(page) == PAGE
        for found in page:
            self._put(bucket, found)
        return len(page)

    def _put(self, bucket: Bucket, found: S3Object) -> None:
        try:
            path = safe_join(self.folder / bucket.name, found.key.rstrip("/"))
            (path if found.key.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
            if not found.key.endswith("/"):
                path.touch()
                self.known[str(path)] = (bucket, found)
        except (OSError, ValueError, Unsafe):
            return  # the build says so for each

    def fetch(self, location: str) -> None:
        """Give a file its content."""
        if location in self.known:
            bucket, found = self.known[location]
            if found.size > LARGEST:
                raise BadData(f"{found.key} has {found.size / 1e6:.0f} MB, too much for a quick look.")
            with Path(location).open("wb") as file:
                bucket.read(found, file)


def look(task: Task, options: S3Options, settings: Settings, with_example: bool = True) -> Preview:
    """What a build would find. Raises InvalidOptions with the reason at its field when S3 does not answer well."""
    who = credentials_of(options, settings)
    with tempfile.TemporaryDirectory(prefix="digits-s3-") as folder, ThreadPoolExecutor(CONNECTIONS) as threads, \
            ExitStack() as opened:
        glimpse, local = _Glimpse(Path(folder)), {}
        for field, place in options.s3_places().items():
            try:
                bucket = opened.enter_context(Bucket(place.bucket, who, settings.private_hosts, patient=False))
                local[field] = str(glimpse.add(bucket, place, threads))
            except S3Failure as error:
                raise InvalidOptions([at_field(error, field, options)]) from None
            except BadData as error:
                raise InvalidOptions([Problem(field, str(error))]) from None
        if not task.streams or getattr(options, "channels", "") == "all":
            count = f"{'more than ' if glimpse.is_part else ''}{len(glimpse.known)}"
            return Preview(is_estimate=True, problems=[f"Files found in S3: {count}. What they hold is seen when the "
                                                       "dataset is built."])
        roots = [*settings.data_roots, glimpse.folder] if settings.data_roots else []
        return preview.look(task, options.model_copy(update=local), roots, settings.private_hosts, with_example,
                            glimpse.is_part, glimpse.fetch)
