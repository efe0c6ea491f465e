"""Databases of DIGITS and Caffe: LMDB with ``Datum`` records (protobuf), read with distrust.

``python -m digits_core.data.datum DATABASE`` lists keys and labels in a process of its own, because a hostile database
can crash its reader. The pictures themselves are read by the decoding processes, through ``picture``.
"""

import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import lmdb
import numpy as np
from numpy.typing import NDArray

from digits_core.data import listing
from digits_core.data.listing import Listed
from digits_core.data.pictures import to_png
from digits_core.data.records import check_whole
from digits_core.errors import BadData
from digits_core.safe.paths import inside, printable

SCHEME = "datum:"
BETWEEN = "//"
"""Between database and key in a location; no real path holds it."""
MOST_SIDE = 10_000
MOST_LABEL = 100_000
MOST_NUMBERS = 1000
SILENCE_S = 60
"""Seconds for a thousand records."""


class Datum(NamedTuple):
    """One record: an encoded picture (a PNG or JPEG file), raw bytes, channel by channel, blue first, or decimals."""

    label: int
    data: bytes
    encoded: bool
    shape: tuple[int, int, int]
    decimals: bool = False
    """``data`` are float32, little end first."""

    def picture(self) -> bytes:
        """The picture as a file, of decimals and other channels than 1 and 3 an array of NumPy. Raises BadData."""
        if self.encoded:
            return self.data
        if self.decimals or self.shape[0] not in (1, 3):
            file = io.BytesIO()
            np.save(file, self.values(), allow_pickle=False)
            return file.getvalue()
        return to_png(self.values().astype(np.uint8)[::-1])

    def values(self) -> NDArray[np.float32]:
        """float32 (channels, height, width) of a record that is not encoded. Raises BadData when sizes do not fit."""
        shape = tuple(side or 1 for side in self.shape)
        found = np.frombuffer(self.data, "<f4" if self.decimals else np.uint8)
        if max(shape[1:]) > MOST_SIDE or found.size != int(np.prod(shape)):
            raise BadData(f"holds {found.size} values instead of {' x '.join(map(str, shape))}")
        return found.reshape(shape).astype(np.float32)


def parse(value: bytes | memoryview) -> Datum:
    """The record in a value. Raises BadData for anything that is none."""
    numbers, data, decimals = {1: 0, 2: 0, 3: 0, 5: 0, 7: 0}, b"", []
    view, place = memoryview(value), 0
    while place < len(view):
        tag, place = _varint(view, place)
        field, wire = tag >> 3, tag & 7
        if field in numbers and wire == 0:
            numbers[field], place = _varint(view, place)
            continue
        size, place = (8, place) if wire == 1 else (4, place) if wire == 5 else _varint(view, place) \
            if wire == 2 else (-1, place)
        if size < 0 or place + size > len(view) or field == 0 or field in numbers:
            raise BadData("is no Datum record, or damaged")
        if field == 6 and wire in (2, 5):
            decimals.append(bytes(view[place:place + size]))
        if field == 4 and wire == 2:
            data = bytes(view[place:place + size])
        place += size
    if not data and not decimals:
        raise BadData("holds no picture")
    if numbers[5] >= MOST_LABEL:
        raise BadData("has a label below 0 or far too large")
    shape = numbers[1], numbers[2], numbers[3]
    if not data:
        data = b"".join(decimals)
        return Datum(numbers[5], data[:len(data) // 4 * 4], False, shape, True)
    return Datum(numbers[5], data, bool(numbers[7]), shape)


def _varint(view: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(view):
            break
        byte = view[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise BadData("is no Datum record, or damaged")


@lru_cache(maxsize=4)
def _opened(path: str) -> lmdb.Environment:
    check_whole(Path(path))
    try:
        return lmdb.open(path, readonly=True, lock=False, readahead=False, max_readers=1)
    except lmdb.Error as error:
        raise BadData(f"The database {printable(path)} cannot be opened: {error}.") from None


def picture(location: str, roots: Sequence[str]) -> bytes:
    """The picture that a location names, as a file. For decoding processes only: a hostile database can crash them."""
    path, _, key = location.removeprefix(SCHEME).partition(BETWEEN)
    if os.path.realpath(path) != path or not inside(path, [Path(root) for root in roots]):
        raise BadData("is outside the folders that this server may read")
    try:
        with _opened(path).begin(buffers=False) as transaction:
            value = transaction.get(os.fsencode(key))
    except lmdb.Error as error:
        raise BadData(f"cannot be read from its database: {error}") from None
    if value is None:
        raise BadData("is not in the database")
    return parse(value).picture()


def listed(path: Path, tick: Callable[[], None], numbers: bool = False) -> Iterator[Listed]:
    """Every record of a database, read by a process of its own. Raises BadData when it cannot be read to its end."""
    return listing.asked("digits_core.data.datum", path, tick, *(["numbers"] if numbers else []))


def main() -> None:
    """List a database: lines of JSON with up to 1000 rows (see Listed) each, the last one an end."""
    listing.answer(lambda: _rows(sys.argv[1], sys.argv[2:] == ["numbers"]), SILENCE_S, lmdb.Error)


def _rows(path: str, numbers: bool) -> Iterator[Listed]:
    environment, before = _opened(path), b""
    with environment.begin(buffers=True) as transaction:
        for key, value in transaction.cursor():
            name = bytes(key)
            if name <= before:
                raise BadData("its keys are not in order, so it is damaged.")
            before = name
            try:
                found = parse(value)
                values = _numbers(found) if numbers else []
                yield Listed(os.fsdecode(name), found.label, "", found.shape, values)
            except BadData as error:
                yield Listed(os.fsdecode(name), 0, str(error))


def _numbers(found: Datum) -> list[float]:
    if found.encoded:
        raise BadData("holds a picture where numbers were expected")
    values = found.values().ravel()
    if values.size > MOST_NUMBERS or not np.isfinite(values).all():
        raise BadData(f"holds {values.size} numbers; up to {MOST_NUMBERS}, all finite, are learned")
    return [float(value) for value in values]


if __name__ == "__main__":
    main()
