"""Pictures from S3: the places that options name become folders on this server, so that everything can read them."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from digits_core.credentials import S3Credentials, s3_credentials
from digits_core.data.s3_options import S3Access
from digits_core.errors import InvalidOptions, Problem
from digits_core.settings import Settings

if TYPE_CHECKING:  # S3's client costs 0.8 s, and most datasets need none
    from digits_core.data.pool import Item
    from digits_core.data.s3_mirror import Mirror
    from digits_core.jobs.context import Context
    from digits_core.safe.s3 import S3Failure

CACHE = ".s3"
"""The folder of the cache in the jobs folder."""
FIELDS = {"endpoint": "s3_endpoint", "credentials": "s3_credentials"}


class Places:
    """The places in S3 of one job; nothing at all when its options name none.

    With ``streams`` (see Task) pictures come when they are decoded and go afterwards, so a dataset may be larger than
    the cache; otherwise, and in full depth, whose range must be known first, all is there before the scan.
    """

    def __init__(self, options: Any, settings: Settings, folder: Path, streams: bool) -> None:
        self.options, self.settings, self.folder = options, settings, folder
        self.streams = streams and getattr(options, "channels", "") != "all"
        self.mirror: Mirror | None = None
        self.open = ExitStack()

    def local(self, roots: Sequence[Path], context: "Context", skip: Callable[[str, str, str, str], None]
              ) -> tuple[Any, list[Path]]:
        """The options with folders on this server in the place of those in S3, and the folders that may be read."""
        if not self.options.s3_places():
            return self.options, list(roots)
        from digits_core.data.s3_cache import ObjectCache
        from digits_core.data.s3_mirror import Mirror

        cache = ObjectCache(self.settings.jobs_dir / CACHE, int(self.settings.s3_cache_gb * 1e9))
        self.folder.mkdir()
        self.mirror = mirror = Mirror(self.folder, cache, lambda key, reason: skip(key, "train", "", reason),
                                      context.check_stop, getattr(self.options, "s3_keep", False))
        local, started = self._listed(mirror, context), time.monotonic()
        mirror.fill(self.streams, lambda done, total: context.progress(
            0.0, "Fetching from S3", done / _since(started), "files", share=done / total))
        context.log(f"S3: {mirror.listed} objects, {mirror.fetched} of them fetched before the scan.")
        return self.options.model_copy(update=local), [*roots, mirror.folder] if roots else []

    def _listed(self, mirror: "Mirror", context: "Context") -> dict[str, str]:
        from digits_core.safe.s3 import Bucket

        places, started = self.options.s3_places(), time.monotonic()
        who = credentials_of(self.options, self.settings)
        buckets = {name: self.open.enter_context(Bucket(name, who, self.settings.private_hosts))
                   for name in sorted({place.bucket for place in places.values()})}
        return {field: str(mirror.add(buckets[place.bucket], place, lambda: context.progress(
            0.0, f"Listing S3: {mirror.listed} objects", mirror.listed / _since(started), "files")))
            for field, place in places.items()}

    def ahead(self, items: "Iterable[Item]") -> "Iterable[Item]":
        """The same items, each when its file has its content."""
        return items if self.mirror is None else self.mirror.ahead(items)

    def release(self, location: str) -> None:
        """The picture at this path has been decoded."""
        if self.mirror is not None:
            self.mirror.release(location)

    def close(self) -> None:
        """End all connections."""
        if self.mirror is not None:
            self.mirror.close()
        self.open.close()


def _since(started: float) -> float:
    return max(1e-3, time.monotonic() - started)


def credentials_of(options: S3Access, settings: Settings) -> S3Credentials:
    """Who asks for these options' places. Raises InvalidOptions for a name that the administrator has not set up."""
    name = options.s3_credentials.strip()
    if not name:
        return S3Credentials(endpoint=options.s3_endpoint.strip())
    known = s3_credentials(settings.secrets_file)
    if name not in known:
        raise InvalidOptions([Problem("s3_credentials", f"There are no S3 credentials {name[:64]!r} on this server; "
                                      + (f"there are {', '.join(known)}." if known else
                                         "the administrator can set some up (README, Datasets from S3)."))])
    return known[name]


def check_places(options: Any, settings: Settings) -> None:
    """Ask for the first object of each place. Raises InvalidOptions with what is wrong, at its field."""
    if not (places := options.s3_places()):
        return
    from digits_core.safe.s3 import Bucket, S3Failure

    who, problems = credentials_of(options, settings), []
    for field, place in places.items():
        try:
            with Bucket(place.bucket, who, settings.private_hosts, patient=False) as bucket:
                if not next(bucket.pages(place.start, 1)) and not (place.prefix and bucket.find(place.prefix)):
                    problems.append(Problem(field, f"{place} holds nothing."))
        except S3Failure as error:
            problems.append(at_field(error, field, options))
    if problems:
        raise InvalidOptions(list(dict.fromkeys(problems)))


def at_field(error: "S3Failure", field: str, options: S3Access) -> Problem:
    """The problem at the option to change: the endpoint is one only where no credentials name it."""
    where = "credentials" if error.where == "endpoint" and options.s3_credentials.strip() else error.where
    return Problem(FIELDS.get(where, field), str(error))
