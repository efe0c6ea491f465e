"""The only writers of job folders: a file is written once, replaced whole, or grows by lines.

A reader may come at any moment, and the machine may stop at any moment, so every write is
temp file, fsync, rename (or link), fsync of the folder. Without both fsyncs an acknowledged
epoch can vanish in a power cut.
"""

import errno
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json

from digits_core.errors import DigitsError

Json = dict[str, Any]


class DiskFull(DigitsError):
    """The disk that holds the jobs folder has no room left."""


class NotWritable(DigitsError):
    """The jobs folder may only be read, or its disk reports errors."""

    code = "not-writable"


_FULL = (errno.ENOSPC, errno.EDQUOT)
_UNWRITABLE = {
    errno.EROFS: "the disk is mounted read-only", errno.EACCES: "this process has no permission",
    errno.EPERM: "this process has no permission", errno.EIO: "the disk reports an error; what was written is lost",
    errno.EFBIG: "the file would be larger than this process may write (ulimit -f)",
    errno.EISDIR: "a folder stands in its place", errno.ENOTDIR: "a file stands in its folder's place",
}


def fsync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _whole(path: Path, publish: Callable[[Path, Path], None]) -> Iterator[BinaryIO]:
    temp = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temp.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        publish(temp, path)
        fsync_folder(path.parent)
    except OSError as error:
        raise named_disk_error(error, path) from error
    finally:
        with suppress(OSError):
            temp.unlink()


def named_disk_error(error: Exception, path: Path, need: int = 1 << 20) -> Exception:
    """The same error, or DiskFull when the disk under ``path`` has less than ``need`` bytes left, or NotWritable.

    Libraries hide a full disk behind other words (LMDB: "Input/output error", torch: "unexpected pos").
    """
    if isinstance(error, FileExistsError | FileNotFoundError):
        return error
    free, code = free_bytes(path), error.errno if isinstance(error, OSError) else None
    if code in _FULL or free < need:
        return DiskFull(f"The disk is full: {path.name} could not be written, {free / 1e6:.0f} MB are free in "
                        f"{path.parent}. Free some space (System page: disk by job), then resume.")
    if code in _UNWRITABLE:
        return NotWritable(f"{path.name} could not be written in {path.parent}: {_UNWRITABLE[code]}. Look at the "
                           "System page and at the folder's owner, then resume.")
    return error


def free_bytes(path: Path) -> int:
    """Bytes a normal user can still write on the disk that holds ``path`` (or its nearest existing parent)."""
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """A binary file that replaces ``path`` whole when the block ends without an error, and not at all otherwise."""
    with _whole(path, os.replace) as file:
        yield file


def write_atomic(path: Path, content: bytes | str | Json | list[Any]) -> None:
    """Replace ``path`` whole. Raises DiskFull when there is no room; the old file is then untouched."""
    with atomic(path) as file:
        file.write(to_bytes(content))


def write_once(path: Path, content: bytes | str | Json | list[Any]) -> bool:
    """Create ``path`` if nobody has; False when it was there already. Of many racing callers exactly one gets True."""
    try:
        with _whole(path, os.link) as file:
            file.write(to_bytes(content))
    except FileExistsError:
        return False
    return True


def to_bytes(content: bytes | str | Json | list[Any]) -> bytes:
    """UTF-8 bytes of text, or of a value as JSON (NaN and infinity refused: no strict reader accepts them)."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, str):
        return content.encode()
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1).encode()


def _refuse(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not a number in JSON")
    return value


_DECODER = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse)


def as_object(line: bytes) -> Json | None:
    """The JSON object in these bytes; None for anything else, also for one that holds NaN or infinity."""
    try:
        value = _DECODER.decode(line.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_json(path: Path) -> Json | None:
    """The object in ``path``; None when it is missing, torn, or not an object of finite values."""
    try:
        return as_object(path.read_bytes())
    except OSError:
        return None


def append_jsonl(path: Path, row: Json) -> None:
    """Add one line and make it durable. A torn line that a killed writer left is closed first."""
    line = json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
    try:
        with path.open("ab+") as file:
            if file.tell() and not _ends_whole(file):
                line = b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise named_disk_error(error, path) from error


def append_bytes(path: Path, content: bytes) -> None:
    """Add bytes at the end and make them durable."""
    try:
        with path.open("ab") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise named_disk_error(error, path) from error


def _ends_whole(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def read_jsonl(path: Path, offset: int = 0) -> tuple[list[Json], int]:
    """Whole lines from byte ``offset`` on, and the offset to ask from next time.

    A last line without its newline is left for the next call; lines that are not JSON objects are skipped. An
    offset that is no line start any more (a resumed training cut the file) begins again at 0, so that nothing
    that was written after the cut is missed; a caller sees it by the returned rows starting over.
    """
    try:
        with path.open("rb") as file:
            start = offset if _line_starts_at(file, offset) else 0
            file.seek(start)
            data = file.read()
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    return _rows(data[:end].split(b"\n")), start + end


_MAYBE_INFINITE = re.compile(rb"[eE]\+?[0-9]{3}")
_LONG_NUMBER = re.compile(rb"[0-9]{300}")


def _may_be_infinite(lines: list[bytes]) -> bool:
    text = b" ".join(lines)
    return bool(_MAYBE_INFINITE.search(text)) or (max(map(len, lines), default=0) >= 300
                                                  and bool(_LONG_NUMBER.search(text)))


def _rows(lines: list[bytes]) -> list[Json]:
    """The objects in these lines: decoded at once when all is as it should be (five times as fast), else one by one."""
    lines = [line for line in lines if line]
    if all(line[:1] == b"{" and line[-1:] == b"}" for line in lines) and not _may_be_infinite(lines):
        try:
            found = from_json(b"[" + b",".join(lines) + b"]", allow_inf_nan=False)
        except (ValueError, RecursionError):
            found = []
        if len(found) == len(lines) and all(type(row) is dict for row in found):
            return list(found)
    return [row for line in lines if (row := as_object(line)) is not None]


def _line_starts_at(file: BinaryIO, offset: int) -> bool:
    if not 0 < offset <= file.seek(0, os.SEEK_END):
        return False
    file.seek(offset - 1)
    return file.read(1) == b"\n"


def tail(path: Path, size: int = 64_000) -> str:
    """The last ``size`` bytes of a text file, from a line start; bytes that are no UTF-8 become a replacement mark."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            start = max(0, file.tell() - size)
            file.seek(start)
            data = file.read()
    except OSError:
        return ""
    if start:
        data = data.partition(b"\n")[2] or data
    return data.decode(errors="replace")


def folder_bytes(folder: Path) -> int:
    """Bytes that the files below ``folder`` occupy on disk (sparse files count what they use)."""
    total = 0
    for parent, _, names in os.walk(folder):  # unlike rglob it survives folders that vanish meanwhile
        for name in names:
            with suppress(OSError):
                total += (Path(parent) / name).lstat().st_blocks * 512
    return total
