"""Server paths from people: resolved to the real place first, then held against the folders that may be read."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from digits_core.errors import BadData, NotFound, Unsafe

KERNEL = ("/proc", "/sys", "/dev")
"""Reading there can hang, or answer with secrets of this very process."""


def is_url(text: str) -> bool:
    """Whether the text asks for a download (http or https) instead of a path on this server."""
    return text.strip().lower().startswith(("http://", "https://"))


def safe_path(text: str, roots: Sequence[Path] = ()) -> Path:
    """The real path of an existing file or folder, all links followed.

    ``roots`` are the folders that may be read; none: any but the kernel's own. Raises Unsafe for a path that
    leaves them (whether it exists is not told), NotFound when nothing is there.
    """
    shown = printable(text)
    if not text or "\0" in text or len(text) > 4096:
        raise Unsafe(f"{shown!r} is no path: it is empty, longer than 4096 characters or holds a zero byte.")
    if text.lower().startswith("s3://"):
        raise Unsafe(f"{shown!r} is a place in S3, and a path on this server is needed here: copy it there first.")
    if not text.startswith("/"):
        raise Unsafe(f"{shown!r} is a relative path. Write the whole path, from '/' on.")
    try:
        real = os.path.realpath(text)
        if not inside(real, roots):
            raise Unsafe(f"{shown!r} is outside the folders that this server may read"
                         + (f" ({', '.join(map(str, roots))})." if roots else "."))
        Path(real).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"There is no file or folder {shown!r} on the server.") from None
    except PermissionError:
        raise Unsafe(f"The server has no permission to read {shown!r}.") from None
    except (OSError, ValueError) as error:
        why = "its links lead in a circle" if getattr(error, "errno", 0) == errno.ELOOP else str(error)
        raise Unsafe(f"{shown!r} cannot be used: {why}.") from None
    return Path(real)


def inside(real: str, roots: Sequence[Path]) -> bool:
    """Whether a path without links lies in one of the folders (none given: anywhere but in the kernel's)."""
    if any(_below(real, kernel) for kernel in KERNEL):
        return False
    return not roots or any(_below(real, os.path.realpath(root)) for root in roots)


def _below(real: str, root: str) -> bool:
    return real == root or real.startswith(root.rstrip("/") + "/")  # with the separator: /data_evil is not in /data


def safe_join(root: Path, relative: str) -> Path:
    """``root / relative``, which need not exist. Raises Unsafe when it would leave ``root``, also through a link."""
    parts = relative.split("/")
    if not relative or "\0" in relative or relative.startswith("/") or ".." in parts:
        raise Unsafe(f"{printable(relative)!r} is no path inside a folder.")
    real = os.path.realpath(root / relative)
    if not _below(real, os.path.realpath(root)):
        raise Unsafe(f"{printable(relative)!r} leads out of its folder.")
    return Path(real)


def complete_path(text: str, roots: Sequence[Path] = (), limit: int = 20, files: bool = False) -> list[str]:
    """Folders (with '/' at the end) and, if asked, files that begin with ``text``; for a field that helps typing.

    Hidden ones only when the typed name begins with a dot. Empty for a place that may not be read.
    """
    if not text.startswith("/"):
        return [f"{root}/" for root in roots][:limit] or ["/"]
    parent, _, start = text.rpartition("/")
    try:
        folder = safe_path(parent or "/", roots)
        with os.scandir(folder) as entries:
            fits = [entry for entry in entries if entry.name.startswith(start)
                    and (start.startswith(".") or entry.name[0] != ".")]
            found = [entry.name + "/" * is_folder(entry) for entry in fits
                     if is_folder(entry) or (files and Path(entry.path).is_file())]
    except (OSError, NotFound, Unsafe):
        return [f"{root}/" for root in roots if str(root).startswith(text)][:limit]
    real = (f"{parent}/{name}" for name in sorted(found))
    return [path for path in real if inside(os.path.realpath(path), roots)][:limit]


def is_folder(entry: "os.DirEntry[str]") -> bool:
    """Whether an entry is a folder or a link to one; a link that leads in a circle is not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def read_regular(path: str, roots: Sequence[str] = (), limit: int = 2_000_000_000, first: int | None = None) -> bytes:
    """The bytes of a regular file. Never hangs on a pipe, never leaves ``roots`` however the path changes meanwhile.

    ``roots`` are real paths, links followed; only so many ``first`` bytes are read where that is given. Raises BadData
    in the words for a list of skipped files.
    """
    descriptor = open_regular(path, roots)
    try:
        return _read_opened(descriptor, limit, first)
    except OSError as error:
        raise BadData(_why(error)) from None
    finally:
        os.close(descriptor)


def open_regular(path: str, roots: Sequence[str] = ()) -> int:
    """A descriptor of a regular file, for reading; the caller closes it. Rules and errors are those of read_regular."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 - once a picture; before opening: opening a device can already do something
            raise BadData("is a folder, not a file" if Path(path).is_dir() else "is not a regular file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise BadData(_why(error)) from None
    except ValueError:
        raise BadData("has a name that no file can have") from None
    try:
        _judge(descriptor, roots)
    except BadData:
        os.close(descriptor)
        raise
    return descriptor


def _judge(descriptor: int, roots: Sequence[str]) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise BadData("is not a regular file")
    if roots:
        # What was opened counts, not what the path says now: a link may have been swapped in between.
        real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - once a picture
        if not any(_below(real, root) for root in roots):
            raise BadData("is outside the folders that this server may read")


def _read_opened(descriptor: int, limit: int, first: int | None) -> bytes:
    facts = os.fstat(descriptor)
    if facts.st_size > limit:
        raise BadData(f"has {facts.st_size / 1e6:.0f} MB, at most {limit / 1e6:.0f} MB are read")
    size = facts.st_size if first is None else min(first, facts.st_size)
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def _why(error: OSError) -> str:
    words = {errno.ENOENT: "is not there", errno.ENOTDIR: "is not there", errno.EACCES: "may not be read (permissions)",
             errno.ELOOP: "is a link that leads in a circle", errno.ENAMETOOLONG: "has too long a name"}
    return words.get(error.errno or 0, f"cannot be read: {error.strerror}")


def printable(text: str) -> str:
    """Text for a message: bytes that are no UTF-8 made visible, cut to 300 characters."""
    shown = text.encode("utf-8", "surrogateescape" if _encodes(text) else "replace").decode("utf-8", "backslashreplace")
    return shown if len(shown) <= 300 else shown[:140] + " ... " + shown[-140:]


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True
