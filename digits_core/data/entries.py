"""A list of pictures to read that stays small in memory however long it is: 12 bytes an entry, the rest on disk."""

import os
from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class Numbers:
    """Numbers for names, in the order in which they first come."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, name: str) -> int:
        """The name's number."""
        return self._known.setdefault(name, len(self._known))


class Entries:
    """Locations (paths or addresses) with labels, appended once, then read in any order.

    ``base`` is the folder or address that most locations begin with; names leave it out. ``known_as`` are folders that
    are called otherwise in names: those of a video's frames. With a location may lie ``extra``: JSON text about what
    is on the picture, for the process that decodes it.
    """

    def __init__(self, path: Path, base: str = "", known_as: dict[str, str] | None = None) -> None:
        self.known_as = {} if known_as is None else known_as
        self.base = base.rstrip("/") + "/" if base else ""
        self._file = path.open("wb+")
        self._starts = array("q")
        self._labels = array("i")
        self._end = 0
        self._bytes: list[bytes] = []

    def __del__(self) -> None:
        self._file.close()

    def add(self, location: str, label: int = 0, extra: str = "") -> None:
        """Append one picture."""
        data = os.fsencode(location) + (b"\0" + extra.encode() if extra else b"")
        self._starts.append(self._end)
        self._labels.append(label)
        self._end += len(data)
        self._bytes.append(data)
        if len(self._bytes) >= 4096:
            self._flush()

    def _flush(self) -> None:
        self._file.write(b"".join(self._bytes))
        self._file.flush()
        self._bytes = []

    def __len__(self) -> int:
        return len(self._labels)

    def location(self, index: int) -> str:
        """Path or address of one picture."""
        return os.fsdecode(self._read(index).partition(b"\0")[0])

    def extra(self, index: int) -> str:
        """What was added with one picture."""
        return self._read(index).partition(b"\0")[2].decode()

    def _read(self, index: int) -> bytes:
        if self._bytes:
            self._flush()
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else self._end
        return os.pread(self._file.fileno(), end - start, start)

    def name(self, location: str) -> str:
        """The location as it is shown and remembered: without the base."""
        folder, _, file = location.rpartition("/")
        if folder in self.known_as:
            location = f"{self.known_as[folder]}/{file}"
        return location[len(self.base):] if self.base and location.startswith(self.base) else location

    @property
    def labels(self) -> NDArray[np.int64]:
        """Label of every entry."""
        return np.array(self._labels, dtype=np.int64)

    def label(self, index: int) -> int:
        """Label of one entry."""
        return self._labels[index]

    def close(self) -> None:
        """Give the file back."""
        self._file.close()
