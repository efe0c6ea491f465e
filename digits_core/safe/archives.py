"""Unpacks zip and tar files that somebody else made: regular files only, counted while they are written.

Python's own ``extractall`` has been escaped again and again (CVE-2025-4517 with ``filter="data"``), and its tar
reader can be made to loop for ever (CVE-2025-8194); so members are walked here and written here.
"""

import lzma
import os
import secrets
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO, NamedTuple

from digits_core.errors import BadData, Unsafe
from digits_core.files import free_bytes, named_disk_error
from digits_core.safe.paths import printable

PIECE = 1 << 20
_DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error, ValueError,
           NotImplementedError, OverflowError)
"""What the decompressors of the standard library raise on damaged input; an OSError of theirs has no errno."""


class Limits(NamedTuple):
    """What an archive may cost."""

    members: int = 200_000
    total: int = 20_000_000_000
    each: int = 2_000_000_000
    ratio: int = 200
    """Unpacked bytes per byte of the archive, looked at after ``ratio_from`` bytes."""
    ratio_from: int = 10_000_000


class Member(NamedTuple):
    """One file (or folder) of an archive; ``size`` is only what the archive claims."""

    name: str
    is_folder: bool
    size: int
    parts: Iterator[bytes]


def safe_extract(archive: Path, folder: Path, limits: Limits = Limits(),
                 tick: Callable[[], None] = lambda: None, called: str = "") -> int:
    """Unpack ``archive`` to ``folder``, which must not exist and appears whole or not at all; returns the files.

    ``tick`` is called all the time and may raise to cancel; messages say ``called``, else the archive's name. Raises
    Unsafe for members that lead out of the folder, for links, devices and duplicates, and BadData for what is damaged,
    encrypted, too large or unknown.
    """
    temp = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    temp.mkdir(parents=True)
    called = called or printable(archive.name)
    try:
        count = _extract(archive, temp, limits, tick)
        temp.rename(folder)
        return count
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise named_disk_error(error, folder) from error
        raise BadData(f"{called}: is damaged or cut off: {error}") from None
    except (BadData, Unsafe) as error:
        raise type(error)(f"{called}: {error}") from None
    finally:
        shutil.rmtree(temp, ignore_errors=True)


def peek(archive: Path, ending: str, longest: int = 50_000_000) -> bytes:
    """The first file with such an ending, if it lies within so many unpacked bytes; else, or when damaged, nothing."""
    spent = 0
    try:
        with archive.open("rb") as file, closing(_members(file, Limits())) as members:
            for member in members:
                content = []
                for part in member.parts:
                    spent += len(part)
                    if spent > longest:
                        return b""
                    content += [part] * member.name.endswith(ending)
                if content:
                    return b"".join(content)
    except (*_DAMAGE, BadData, Unsafe):
        return b""
    return b""


def _extract(archive: Path, temp: Path, limits: Limits, tick: Callable[[], None]) -> int:
    purse = _Purse(archive.stat().st_size, min(limits.total, int(free_bytes(temp) * 0.9)), limits)
    count = 0
    with archive.open("rb") as file, closing(_members(file, limits)) as members:
        for number, member in enumerate(members):
            tick()
            if number >= limits.members:
                raise BadData(f"holds more than {limits.members} files")
            path = _target(temp, member.name)
            if path is None:
                continue
            if member.is_folder:
                _make_folder(path, member.name)
                continue
            _write(path, member, purse, tick)
            count += 1
    if not count:
        raise BadData("holds no files")
    return count


def _members(file: BinaryIO, limits: Limits) -> Generator[Member, None, None]:
    from digits_core.safe import tar, zips  # both need Member from here

    start = file.read(6)
    file.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zips.members(file, limits.members)
    return tar.members(file, start)


def _target(temp: Path, name: str) -> Path | None:
    """Where a member goes; None for the top folder itself. Raises Unsafe when its name leads elsewhere."""
    shown = printable(name)
    parts = [part for part in name.split("/") if part not in ("", ".")]
    drive = len(name) > 1 and name[1] == ":" and name[0].isalpha()
    if name.startswith("/") or ".." in parts or "\0" in name or "\\" in name or drive:
        raise Unsafe(f"the member {shown!r} leads out of the archive's folder")
    if len(os.fsencode(name)) > 4000 or any(len(os.fsencode(part)) > 255 for part in parts):
        raise BadData(f"the member {shown!r} has too long a name")
    return temp.joinpath(*parts) if parts else None


def _make_folder(path: Path, name: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Unsafe(f"{printable(name)!r} is both a file and a folder") from None


class _Purse:
    """Counts bytes that are really written, because headers lie."""

    def __init__(self, archive_bytes: int, total: int, limits: Limits) -> None:
        self.archive_bytes, self.total, self.limits, self.written = archive_bytes, total, limits, 0

    def pay(self, size: int, of_file: int, name: str) -> None:
        """Note ``size`` more bytes; ``of_file`` is what the file has by now."""
        self.written += size
        if of_file > self.limits.each:
            raise BadData(f"the member {name!r} is larger than {self.limits.each / 1e6:.0f} MB")
        if self.written > self.total:
            raise BadData(f"unpacks to more than {self.total / 1e6:.0f} MB, which is the limit or all the free disk")
        if self.written > self.limits.ratio_from and self.written > self.limits.ratio * self.archive_bytes:
            raise BadData(f"unpacks to more than {self.limits.ratio} times its size; that is how a bomb is made")


def _write(path: Path, member: Member, purse: _Purse, tick: Callable[[], None]) -> None:
    shown, size = printable(member.name), 0
    _make_folder(path.parent, member.name)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except (FileExistsError, IsADirectoryError):
        raise Unsafe(f"holds {shown!r} twice") from None
    with os.fdopen(descriptor, "wb") as file:
        for part in member.parts:
            tick()
            size += len(part)
            purse.pay(len(part), size, shown)
            file.write(part)
    if size != member.size:
        raise BadData(f"the member {shown!r} says {member.size} bytes and has {size}")
