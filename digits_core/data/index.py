"""Labels, paths and source sizes of a split in one small file beside it, so that a filter need not read its pictures.

``train.index.npz`` holds arrays only: labels, sizes (0, 0: not noted), and the paths' bytes with a zero byte between.
"""

import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data.records import Records


@dataclass(frozen=True)
class Index:
    """What is known of every record of a split without reading it, by position."""

    labels: NDArray[np.int64]
    sizes: NDArray[np.int64]
    """(N, 2): width and height of the source; 0 where the build did not note them."""
    text: bytes

    @cached_property
    def paths(self) -> list[str]:
        """Where the pictures came from."""
        return self.text.decode("utf-8", "surrogatepass").split("\0") if len(self.labels) else []

    def find(self, label: int | None = None, search: str = "",
             shorter: tuple[int, int] | None = None) -> NDArray[np.int64]:
        """Positions of a class, with a part of the path (any case), with a shorter side within these limits."""
        fits = np.ones(len(self.labels), bool)
        if label is not None:
            fits &= self.labels == label
        if shorter is not None:
            side = self.sizes.min(axis=1)
            fits &= (side >= max(1, shorter[0])) & (side <= shorter[1])
        if search:
            words = search.lower()
            fits &= np.fromiter((words in path.lower() for path in self.paths), bool, len(self.labels))
        return np.flatnonzero(fits)


def path_of(database: Path) -> Path:
    """The index file of a database."""
    return database.with_name(f"{database.name.removesuffix('.lmdb')}.index.npz")


def write(database: Path) -> Index:
    """Make the index of a database that is finished, from the heads of its records."""
    labels, paths, sizes = [], [], []
    for label, path, size in Records(database).facts():
        labels.append(label)
        paths.append(path.replace("\0", " "))
        sizes.append(size or (0, 0))
    text = "\0".join(paths).encode("utf-8", "surrogatepass")
    made = Index(np.array(labels, np.int64), np.array(sizes, np.int64).reshape(-1, 2), text)
    buffer = io.BytesIO()
    np.savez(buffer, labels=made.labels, sizes=made.sizes, text=np.frombuffer(text, np.uint8))
    files.write_atomic(path_of(database), buffer.getvalue())
    return made


def load(database: Path) -> Index:
    """The index of a database; made now when an older build left none, or when it does not fit."""
    entries = len(Records(database))
    try:
        with path_of(database).open("rb") as file, np.load(file, allow_pickle=False) as found:
            index = Index(found["labels"].astype(np.int64), found["sizes"].astype(np.int64), found["text"].tobytes())
        fits = index.sizes.shape == (entries, 2) and len(index.labels) == entries == len(index.paths)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        fits = False
    return index if fits else write(database)
