"""Labels, paths and source sizes of a split in one small file beside it, so that a filter need not read its pictures.

``train.index.npz`` holds arrays only: labels, sizes (0, 0: not noted), the paths' bytes with a zero byte between, and
of pictures with a mask or boxes which classes are on them ("content", counted by the build; lost with the file).
"""

import io
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

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
    content: NDArray[np.bool_] | None = None
    """(N, classes): what is on a picture, where that is more than its label."""

    @cached_property
    def paths(self) -> list[str]:
        """Where the pictures came from."""
        return self.text.decode("utf-8", "surrogatepass").split("\0") if len(self.labels) else []

    def find(self, label: int | None = None, search: str = "",
             shorter: tuple[int, int] | None = None) -> NDArray[np.int64]:
        """Positions of a class (or with it on them), a part of the path (any case), a shorter side within limits."""
        fits = np.ones(len(self.labels), bool)
        if label is not None and self.content is None:
            fits &= self.labels == label
        elif label is not None and self.content is not None:
            fits &= self.content[:, label] if label < self.content.shape[1] else False
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


def write(database: Path, content: NDArray[np.bool_] | None = None) -> Index:
    """Make the index of a database that is finished, from the heads of its records and what the build counted."""
    labels, paths, sizes = [], [], []
    for label, path, size in Records(database).facts():
        labels.append(label)
        paths.append(path.replace("\0", " "))
        sizes.append(size or (0, 0))
    text = "\0".join(paths).encode("utf-8", "surrogatepass")
    made = Index(np.array(labels, np.int64), np.array(sizes, np.int64).reshape(-1, 2), text, content)
    buffer = io.BytesIO()
    arrays: dict[str, Any] = {"labels": made.labels, "sizes": made.sizes, "text": np.frombuffer(text, np.uint8)}
    np.savez(buffer, **arrays if content is None else {**arrays, "content": content})
    files.write_atomic(path_of(database), buffer.getvalue())
    return made


def load(database: Path) -> Index:
    """The index of a database; made now when an older build left none, or when it does not fit."""
    entries = len(Records(database))
    try:
        with path_of(database).open("rb") as file, np.load(file, allow_pickle=False) as found:
            index = Index(found["labels"].astype(np.int64), found["sizes"].astype(np.int64), found["text"].tobytes(),
                          found["content"].astype(bool) if "content" in found else None)
        fits = index.sizes.shape == (entries, 2) and len(index.labels) == entries == len(index.paths)
        fits = fits and (index.content is None or (index.content.ndim, len(index.content)) == (2, entries))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        fits = False
    return index if fits else write(database)
