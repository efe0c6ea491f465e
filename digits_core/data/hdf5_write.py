"""Writes pictures and labels of a dataset into one HDF5 file, in a process of its own: it reads a database.

Asked {"database", "start", "count", "target", "layout", "compression", "span"}; ``span`` is null, or the values of the
source that are 0 and 255 in the database (full depth). Answers {"rows"} or {"error"}.
"""

import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.data.planes import own_values
from digits_core.data.records import Records
from digits_core.jobs.child import answer

Json = dict[str, Any]
MEMORY_LIMIT = 6 << 30
BLOCK, CHUNK = 16_000_000, 1_000_000
"""Values that are read at once, and that lie in a compressed piece."""
NAMES = {"caffe": ("data", "label"), "plain": ("images", "labels")}


def written(asked: Json) -> Json:
    """Write the file; it appears whole. Raises BadData for a damaged database, OSError where there is no room."""
    import h5py

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    records, target = Records(Path(asked["database"])), Path(asked["target"])
    part = target.with_name(f".{target.name}.part")
    stop = asked["start"] + asked["count"]
    shape = _arranged(records.batch([asked["start"]])[0], asked).shape[1:]
    step = max(1, BLOCK // int(np.prod(shape)))
    try:
        with h5py.File(part, "w") as file:
            pictures, labels = _arrays(file, asked, shape)
            for start in range(asked["start"], stop, step):
                place = slice(start - asked["start"], min(start + step, stop) - asked["start"])
                found, numbers = records.batch(range(start, min(start + step, stop)))
                pictures[place], labels[place] = _arranged(found, asked), numbers
        with part.open("rb") as whole:
            os.fsync(whole.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return {"rows": asked["count"]}


def _arrays(file: Any, asked: Json, shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Both arrays, empty; bytes only where neither Caffe nor full depth wants decimals."""
    plain, count = asked["layout"] == "plain", asked["count"]
    packed = {"compression": "gzip", "chunks": (min(count, max(1, CHUNK // int(np.prod(shape)))), *shape)} \
        if asked["compression"] == "gzip" else {}
    first, second = NAMES[asked["layout"]]
    pictures = file.create_dataset(first, (count, *shape), "u1" if plain and asked["span"] is None else "f4", **packed)
    return pictures, file.create_dataset(second, (count,), "i8" if plain else "f4")


def _arranged(pixels: NDArray[Any], asked: Json) -> NDArray[Any]:
    if asked["span"] is not None:
        pixels = own_values(pixels, tuple(asked["span"]))
    return pixels.transpose(0, 2, 3, 1) if asked["layout"] == "plain" else pixels


if __name__ == "__main__":
    answer(written)
