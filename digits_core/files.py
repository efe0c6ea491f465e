"""The only writers of job folders: a file is written once, replaced whole, or grows by lines.

A reader may come at any moment, and the machine may stop at any moment, so every write is
temp file, fsync, rename (or link), fsync of the folder. Without both fsyncs an acknowledged
epoch can vanish in a power cut.
"""

import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from digits_core.errors import DigitsError

Json = dict[str, Any]


class DiskFull(DigitsError):
    """The disk that holds the jobs folder has no room left."""


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
        temp.unlink(missing_ok=True)


def named_disk_error(error: Exception, path: Path, need: int = 1 << 20) -> Exception:
    """The same error, or DiskFull when the disk under ``path`` has less than ``need`` bytes left.

    Libraries hide a full disk behind other words (LMDB: "Input/output error", torch: "unexpected pos").
    """
    free = free_bytes(path)
    if isinstance(error, OSError) and error.errno in (28, 122) or free < need:
        return DiskFull(f"The disk is full: {path.name} could not be written, {free / 1e6:.0f} MB are free in "
                        f"{path.parent}. Free some space (System page: disk by job), then resume.")
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


def read_json(path: Path) -> Json | None:
    """The object in ``path``; None when it is missing, torn, or not an object."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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


def _ends_whole(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return file.read(1) == b"\n"


def read_jsonl(path: Path, offset: int = 0) -> tuple[list[Json], int]:
    """Whole lines from byte ``offset`` on, and the offset to ask from next time.

    A last line without its newline is left for the next call; lines that are not JSON objects are skipped.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except OSError:
        return [], offset
    end = data.rfind(b"\n") + 1
    rows = (_row(line) for line in data[:end].splitlines())
    return [row for row in rows if row is not None], offset + end


def _row(line: bytes) -> Json | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


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
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total
