"""Members of a zip file, for safe_extract only."""

import stat
import struct
import zipfile
from collections.abc import Generator, Iterator
from typing import BinaryIO

from digits_core.errors import BadData, Unsafe
from digits_core.safe.archives import PIECE, Member
from digits_core.safe.paths import printable

DIRECTORY_BYTES = 64_000_000


def members(file: BinaryIO, most: int) -> Generator[Member, None, None]:
    """All members in the order of the directory. Raises BadData or Unsafe at the first that may not be unpacked."""
    _check_directory(file, most)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            _check(info)
            yield Member(info.filename, info.is_dir(), info.file_size, _parts(archive, info))


def _check_directory(file: BinaryIO, most: int) -> None:
    """Look at the size of the directory first: zipfile reads it whole, an object of 0.7 kB for every member."""
    file.seek(0, 2)
    size = file.tell()
    file.seek(max(0, size - 66_000))
    end = file.read()
    place = end.rfind(b"PK\x05\x06")
    if place < 0 or len(end) - place < 22:
        raise BadData("is damaged: a zip file without its directory (was the upload cut off?)")
    count, directory = struct.unpack_from("<HI", end, place + 10)
    if (directory > DIRECTORY_BYTES and directory != 0xFFFFFFFF) or (count > most and count != 0xFFFF):
        raise BadData(f"holds more than {most} files")
    place = end.rfind(b"PK\x06\x06")
    if place >= 0 and len(end) - place >= 56:
        count, directory = struct.unpack_from("<QQ", end, place + 32)
        if count > most or directory > DIRECTORY_BYTES:
            raise BadData(f"holds more than {most} files")
    file.seek(0)


def _check(info: zipfile.ZipInfo) -> None:
    shown, kind = printable(info.filename), stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Unsafe(f"the member {shown!r} is a link or a device; only plain files are unpacked")
    if info.flag_bits & 0x41:
        raise BadData("is encrypted. Make it again without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadData(f"the member {shown!r} is compressed in an unusual way; use a plain zip or tar")


def _parts(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(info) as file:
        while part := file.read(PIECE):
            yield part
