"""Places in S3 as people write them: ``s3://bucket/prefix``."""

import re
from typing import NamedTuple

from digits_core.errors import Unsafe
from digits_core.safe.paths import printable

SCHEME = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}")


class S3Place(NamedTuple):
    """A bucket, and the keys in it that begin with ``prefix``, which has no '/' at its ends; empty: all."""

    bucket: str
    prefix: str = ""

    @property
    def start(self) -> str:
        """What the keys below it begin with."""
        return f"{self.prefix}/" if self.prefix else ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def is_s3(text: str) -> bool:
    """Whether the text means a place in S3 instead of a path on this server."""
    return text.strip().lower().startswith(SCHEME)


def s3_place(text: str) -> S3Place:
    """Bucket and prefix. Raises Unsafe when the text cannot be a place in S3."""
    bucket, _, prefix = text.strip()[len(SCHEME):].partition("/")
    if not is_s3(text) or not _BUCKET.fullmatch(bucket) or ".." in bucket:
        raise Unsafe(f"{printable(text)!r} is no place in S3. Write s3://bucket/path; a bucket's name has letters, "
                     "digits, '.', '-' and '_'.")
    if len(prefix) > 1024 or not prefix.isprintable():
        raise Unsafe(f"{printable(text)!r} has a path longer than 1024 characters, or with control characters.")
    prefix = prefix.strip("/")
    if prefix and not set(prefix.split("/")).isdisjoint(("", ".", "..")):
        raise Unsafe(f"{printable(text)!r} has an empty part, '.' or '..' in its path.")
    return S3Place(bucket, prefix)
