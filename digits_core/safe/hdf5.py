"""Pictures and labels from untrusted HDF5 files, read by h5py, in processes that may crash: its library is C.

Such a file can name others (external and soft links, external storage, virtual datasets) and filters to be loaded from
the disk. None of that is followed: what is read are plain numbers that lie in this very file, under these names:

``data`` or ``images``   (N, C, H, W) or (N, H, W, C), (N, H, W), (N, D); colours red first, as DIGITS wrote them
``label`` or ``labels``  (N,), (N, 1) ...: a class each; or numbers or a picture each
"""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.safe.paths import open_regular
from digits_core.safe.planes import MOST_CHANNELS, MOST_VALUES

PICTURES, LABELS = ("data", "images"), ("label", "labels")
MOST_SIDE = 10_000
MOST_ROWS = 100_000_000
MOST_CHUNK = 256_000_000
"""Bytes that one row may need: a chunk is unpacked whole, and kept for the next row."""
BLOCK = 32_000_000
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf"}


class Stored(NamedTuple):
    """One array of a file, by its rows. Every method raises BadData with the reason, and nothing else."""

    array: Any
    channels_last: bool

    def __len__(self) -> int:
        return int(self.array.shape[0])

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of every row, as it is given."""
        rest = self.array.shape[1:]
        if len(rest) == 3:
            return (rest[2], rest[0], rest[1]) if self.channels_last else rest
        return (1, *rest) if len(rest) == 2 else (rest[0] if rest else 1, 1, 1)

    @property
    def is_picture(self) -> bool:
        """Whether a row has a height and a width."""
        return min(self.shape[1:]) > 1

    def row(self, place: int) -> NDArray[Any]:
        """One row, (C, H, W), of whole numbers as they are stored, of decimals float32."""
        if not 0 <= place < len(self):
            raise BadData("is not in the file")
        found: NDArray[Any] = self.rows(place, place + 1)[0]
        return found

    def blocks(self) -> Iterator[NDArray[Any]]:
        """All rows in order, some at a time, (B, C, H, W)."""
        step = max(1, min(1000, BLOCK // (8 * int(np.prod(self.shape)))))
        return (self.rows(start, start + step) for start in range(0, len(self), step))

    def rows(self, start: int, stop: int) -> NDArray[Any]:
        """Some rows, (B, C, H, W)."""
        found = _taken(self.array, start, stop)
        if found.dtype.kind in "fb":
            with np.errstate(all="ignore"):  # what is too large becomes infinite, and is told as that
                found = found.astype(np.float32 if found.dtype.kind == "f" else np.uint8)
        if self.channels_last and found.ndim == 4:
            return found.transpose(0, 3, 1, 2)
        return found.reshape(len(found), *self.shape)


class Opened(NamedTuple):
    """The arrays of one file."""

    pictures: Stored
    labels: Stored | None

    def close(self) -> None:
        """Let go of the file."""
        self.pictures.array.file.close()


def opened(path: str, roots: Sequence[str] = ()) -> Opened:
    """The arrays of a file, checked. ``roots``: see read_regular. Raises BadData with the reason, and nothing else."""
    descriptor = open_regular(path, roots)
    try:
        file = _file(descriptor)
    finally:
        os.close(descriptor)
    try:
        return _arrays(file)
    except BadData:
        file.close()
        raise
    except Exception as error:  # h5py raises KeyError, OSError, RuntimeError, ValueError ... on hostile input
        file.close()
        raise BadData(_words(error)) from None


def _file(descriptor: int) -> Any:
    import h5py

    try:  # by its descriptor: what was judged is what is read, whatever the path says by now
        return h5py.File(f"/proc/self/fd/{descriptor}", "r", locking=False, rdcc_nbytes=64 << 20)
    except Exception as error:
        raise BadData(_words(error)) from None


def _arrays(file: Any) -> Opened:
    name, array = _found(file, PICTURES)
    if array is None:
        there = ", ".join(repr(other[:40]) for other, _ in zip(file, range(8), strict=False)) or "nothing"
        raise BadData(f"has no dataset 'data' or 'images'; there is {there}")
    if array.ndim not in (2, 3, 4):
        raise BadData(f"has a dataset {name!r} of {_dimensions(array)}; pictures are N x channels x height x width, "
                      "N x height x width x channels or N x height x width")
    pictures = Stored(array, _channels_last(array, name == "images"))
    channels, height, width = pictures.shape
    if max(height, width) > MOST_SIDE or channels > (MOST_CHANNELS if pictures.is_picture else MOST_SIDE):
        raise BadData(f"has a dataset {name!r} of {_dimensions(array)}, more than is read")
    labels, array = _found(file, LABELS)
    if array is None:
        return Opened(pictures, None)
    if array.shape[0] != len(pictures):
        raise BadData(f"has {len(pictures)} rows in {name!r} and {array.shape[0]} in {labels!r}: every one needs its "
                      "label")
    return Opened(pictures, Stored(array, _channels_last(array, pictures.channels_last)))


def _found(file: Any, names: Sequence[str]) -> tuple[str, Any]:
    """The array of one of these names, None where there is none of them."""
    import h5py

    for name in names:
        link = file.get(name, getlink=True)
        if link is None:
            continue
        if not isinstance(link, h5py.HardLink):
            raise BadData(f"has a link in the place of the dataset {name!r}; links are not followed")
        array = file[name]
        if not isinstance(array, h5py.Dataset):
            raise BadData(f"has a group in the place of the dataset {name!r}")
        _judge(name, array)
        return name, array
    return "", None


def _judge(name: str, array: Any) -> None:
    if array.is_virtual or array.external:
        raise BadData(f"keeps the values of {name!r} in other files; only one file that holds everything is read")
    if array.dtype.kind not in "buif" or array.dtype.itemsize > 8:
        raise BadData(f"has a dataset {name!r} of the type {str(array.dtype)[:60]}; plain numbers are read")
    if not array.ndim or array.size == 0:
        raise BadData(f"has nothing in the dataset {name!r}")
    row = int(np.prod(array.shape[1:], dtype=np.float64))
    chunk = row if array.chunks is None else int(np.prod(array.chunks, dtype=np.float64))
    if array.shape[0] > MOST_ROWS or row > MOST_VALUES or max(row, chunk) * array.dtype.itemsize > MOST_CHUNK:
        raise BadData(f"has a dataset {name!r} of {_dimensions(array)}"
                      + (f" in chunks of {_sides(array.chunks)}" if array.chunks else "") + ", more than is read")
    plan = array.id.get_create_plist()
    if strange := {plan.get_filter(place)[0] for place in range(plan.get_nfilters())} - set(_FILTERS):
        raise BadData(f"has a dataset {name!r} packed by the filter {min(strange)}; {', '.join(_FILTERS.values())} are "
                      "read")


def _channels_last(array: Any, likely: bool) -> bool:
    """Where the channels are: where 1, 3 or 4 of them can be, and where both or neither fit, as ``likely``."""
    if array.ndim != 4:
        return False
    first, last = (side in (1, 3, 4) for side in (array.shape[1], array.shape[3]))
    return likely if first == last else last


def _taken(array: Any, start: int, stop: int) -> NDArray[Any]:
    try:
        return np.asarray(array[start:stop])
    except MemoryError:
        raise BadData("needs too much memory to read") from None
    except Exception as error:
        raise BadData(_words(error)) from None


def _words(error: Exception) -> str:
    return f"is no HDF5 file, or damaged: {' '.join(str(error).split())[:200]}"


def _dimensions(array: Any) -> str:
    return f"{array.ndim} dimensions ({_sides(array.shape)})"


def _sides(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
