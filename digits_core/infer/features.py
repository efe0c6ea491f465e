"""What a network makes of each picture before its last layer, kept beside the rows of a batch; and who is like whom.

features.bin: one row of 16-bit floats a picture, NaN for one that could not be read. features.json: how long a row is.
"""

import base64
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.errors import BadData, NotFound

Json = dict[str, Any]
Floats = NDArray[np.float32]
LARGEST = 8_000_000_000
"""Bytes of one file of features."""
BLOCK = 4096


class Features:
    """The features of one job folder."""

    def __init__(self, folder: Path) -> None:
        self.path, self.about = folder / "features.bin", folder / "features.json"

    @property
    def size(self) -> int:
        """Numbers for each picture; 0 while nothing is kept."""
        size = (files.read_json(self.about) or {}).get("size")
        return size if isinstance(size, int) and size > 0 else 0

    def __len__(self) -> int:
        return self.path.stat().st_size // (2 * self.size) if self.size and self.path.exists() else 0

    def cut(self, rows: int) -> None:
        """Keep the first ``rows`` only. Only the writer may call it."""
        if not rows:
            self.about.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)
        elif self.path.exists():
            os.truncate(self.path, 2 * self.size * rows)

    def append(self, answers: Sequence[Json], pictures: int) -> None:
        """Add the features in the answers to a chunk, of ``pictures`` in all. Raises BadData when these are too many.

        While nothing at all could be read, rows wait: how long they are is not known yet.
        """
        found = [np.frombuffer(base64.b64decode(answer["features"]), "<f2") if "features" in answer else None
                 for answer in answers]
        size = self.size or next((len(row) for row in found if row is not None), 0)
        if not size:
            files.write_atomic(self.about, {"v": 1, "size": 0, "waiting": self._waiting() + len(found)})
            return
        if 2 * size * pictures > LARGEST:
            raise BadData(f"The features of {pictures:,} pictures would take {2 * size * pictures / 1e9:.0f} GB, more "
                          f"than {LARGEST / 1e9:.0f}. Give a number of pictures, or do without them.")
        rows = np.full((self._waiting() + len(found), size), np.nan, "<f2")
        for number, row in enumerate(found, self._waiting()):
            if row is not None:
                rows[number] = row
        if not self.size:
            files.write_atomic(self.about, {"v": 1, "size": size})
        try:
            with self.path.open("ab") as file:
                file.write(rows.tobytes())
        except OSError as error:
            raise files.named_disk_error(error, self.path) from error

    def _waiting(self) -> int:
        found = (files.read_json(self.about) or {}).get("waiting")
        return found if isinstance(found, int) else 0

    def blocks(self) -> Iterator[tuple[int, Floats]]:
        """All rows, some thousands at a time, each with the number of its first one."""
        width, start = 2 * self.size, 0
        if not width or not self.path.exists():
            return
        with self.path.open("rb") as file:
            while len(data := file.read(width * BLOCK)) >= width:
                rows = np.frombuffer(data[:len(data) // width * width], "<f2").reshape(-1, self.size)
                yield start, rows.astype(np.float32)
                start += len(rows)

    def rows(self, numbers: NDArray[np.int64]) -> Floats:
        """The features of these pictures, in this order."""
        made = np.full((len(numbers), self.size), np.nan, np.float32)
        for start, block in self.blocks():
            here = np.flatnonzero((numbers >= start) & (numbers < start + len(block)))
            made[here] = block[numbers[here] - start]
        return made

    def good(self) -> NDArray[np.int64]:
        """Numbers of the pictures that have features."""
        parts = [start + np.flatnonzero(np.isfinite(block).all(1)) for start, block in self.blocks()]
        return np.concatenate([np.empty(0, np.int64), *parts])

    def similar(self, number: int, limit: int) -> list[tuple[int, float]]:
        """The pictures most like one, best first, with the cosine between them. Raises NotFound when it has none."""
        if not 0 <= number < len(self):
            raise NotFound(f"There are no features of picture {number}.")
        own = self.rows(np.array([number]))[0]
        if not np.isfinite(own).all():
            raise NotFound(f"Picture {number} could not be read, so it has no features.")
        cosines = np.concatenate([block @ own / (np.linalg.norm(block, axis=1) * np.linalg.norm(own) + 1e-12)
                                  for _, block in self.blocks()])
        cosines = np.nan_to_num(cosines, nan=-2.0)
        cosines[number] = -2.0
        best = np.argsort(-cosines, kind="stable")[:limit]
        return [(int(other), float(cosines[other])) for other in best if cosines[other] > -1.5]
