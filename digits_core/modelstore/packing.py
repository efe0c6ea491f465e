"""Files into one archive, byte by byte the same whenever it is done: no time, no owner."""

import bz2
import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from digits_core.errors import InvalidOptions, Problem

MEDIA = {"zip": "application/zip", "tar.gz": "application/gzip", "tgz": "application/gzip", "tar": "application/x-tar",
         "tar.bz2": "application/x-bzip2"}
"""Media type of each kind, by its ending."""
KINDS = tuple(MEDIA)
PIECE = 1 << 20
Member = tuple[str, bytes | Path]
"""Name, and content or the file that holds it; what lies in files is not compressed by zip, as weights cannot be."""


def check_kind(kind: str) -> str:
    """The kind, if there is such one. Raises InvalidOptions."""
    if kind not in KINDS:
        raise InvalidOptions([Problem("format", f"Invalid extension {kind[:20]!r}: there are {', '.join(KINDS)}.")])
    return kind


def pack(out: BinaryIO, kind: str, members: Sequence[Member]) -> None:
    """Write an archive of one of KINDS; large files pass in pieces."""
    if check_kind(kind) == "zip":
        _zip(out, members)
        return
    with _squeezed(out, kind) as stream, tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o644, len(content) if isinstance(content, bytes) else content.stat().st_size
            with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as source:
                archive.addfile(entry, source)


@contextmanager
def _squeezed(out: BinaryIO, kind: str) -> Iterator[Any]:
    if kind in ("tar.gz", "tgz"):
        with gzip.GzipFile("", "wb", 6, out, mtime=0) as stream:
            yield stream
    elif kind == "tar.bz2":
        with bz2.BZ2File(out, "wb") as packed:
            yield packed
    else:
        yield out


def _zip(out: BinaryIO, members: Sequence[Member]) -> None:
    with zipfile.ZipFile(out, "w", allowZip64=True) as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            if isinstance(content, bytes):
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
                continue
            with content.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
