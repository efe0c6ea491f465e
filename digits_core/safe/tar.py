"""Members of a tar file, plain or compressed with gzip, bzip2 or xz, for safe_extract only."""

import bz2
import gzip
import lzma
from collections.abc import Generator, Iterator
from typing import BinaryIO, Protocol

from digits_core.errors import BadData, Unsafe
from digits_core.safe.archives import PIECE, Member
from digits_core.safe.paths import printable

BLOCK = 512
EXTRA_BYTES = 1_000_000
"""Longest long-name or extended header."""


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def members(file: BinaryIO, start: bytes) -> Generator[Member, None, None]:
    """All members, read from front to back once. Raises BadData or Unsafe at the first that may not be unpacked."""
    yield from _walk(_opened(file, start))


def _opened(file: BinaryIO, start: bytes) -> _Readable:
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if start.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    if start.startswith((b"\x28\xb5\x2f\xfd", b"7z\xbc\xaf", b"Rar!")):
        raise BadData("is a zstd, 7z or rar file, which is not read. Use zip, tar, tar.gz, tar.bz2 or tar.xz")
    return file


def _walk(stream: _Readable) -> Iterator[Member]:
    extra: dict[str, str] = {}
    first = True
    while len(header := stream.read(BLOCK)) == BLOCK and any(header):
        _check_sum(header, first)
        first = False
        kind, size = header[156:157], _number(header[124:136])
        if kind in b"LKxg":
            extra |= _extra(kind, _exactly(stream, size), extra)
            continue
        name = extra.get("path") or _name(header)
        size = _size(extra["size"]) if "size" in extra else size
        if kind == b"5":
            yield Member(name, True, 0, iter(()))
            _skip(stream, size)
        elif kind in b"0\0" + b"7":
            if any(key.startswith("GNU.sparse") for key in extra):
                raise BadData(f"the member {printable(name)!r} is stored with holes (sparse), which is not read")
            yield Member(name, name.endswith("/"), size, _parts(stream, size))
            _skip(stream, -size % BLOCK)
        else:
            raise Unsafe(f"the member {printable(name)!r} is a link or a device; only plain files are unpacked")
        extra = {}
    if first:
        raise BadData("is no zip or tar file, or empty")
    if header and len(header) < BLOCK:
        raise BadData("is cut off")


def _check_sum(header: bytes, first: bool) -> None:
    wanted = _number(header[148:156], "is no zip or tar file" if first else "is damaged")
    if sum(header[:148]) + sum(header[156:]) + 8 * 32 != wanted:
        raise BadData("is no zip or tar file" if first else "is damaged: a header's check sum is wrong")


def _number(field: bytes, problem: str = "is damaged") -> int:
    """Octal digits, or the big-endian form of GNU for large numbers; never negative."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    try:
        number = int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        raise BadData(f"{problem}: a number in a header is none") from None
    if number < 0:
        raise BadData(f"{problem}: a negative size")
    return number


def _size(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise BadData(f"is damaged: a size of {printable(text)!r}")
    return int(text)


def _name(header: bytes) -> str:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    whole = prefix + b"/" + name if prefix and header[257:262] == b"ustar" and header[262:263] == b"\0" else name
    return whole.decode("utf-8", "surrogateescape")


def _extra(kind: bytes, data: bytes, known: dict[str, str]) -> dict[str, str]:
    """What a long-name or extended header says about the next member."""
    if kind == b"L":
        return {"path": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    if kind != b"x":
        return {}
    found: dict[str, str] = {}
    while data:
        length, _, _ = data.partition(b" ")
        end = int(length) if length.isdigit() and len(length) < 8 else 0
        if not len(length) + 1 < end <= len(data):
            raise BadData("is damaged: an extended header")
        key, _, value = data[len(length) + 1:end - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[end:]
    return {key: value for key, value in found.items() if key in ("path", "size") or key.startswith("GNU.sparse")}


def _exactly(stream: _Readable, size: int) -> bytes:
    if size > EXTRA_BYTES:
        raise BadData("is damaged: an extended header that is too large")
    data = stream.read(size + -size % BLOCK)
    if len(data) < size:
        raise BadData("is cut off")
    return data[:size]


def _parts(stream: _Readable, size: int) -> Iterator[bytes]:
    while size:
        part = stream.read(min(size, PIECE))
        if not part:
            raise BadData("is cut off")
        size -= len(part)
        yield part


def _skip(stream: _Readable, size: int) -> None:
    for _ in _parts(stream, size):
        continue
