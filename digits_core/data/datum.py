"""Databases of DIGITS and Caffe: LMDB with ``Datum`` records (protobuf), read with distrust.

``python -m digits_core.data.datum DATABASE`` lists keys and labels in a process of its own, because a hostile database
can crash its reader. The pictures themselves are read by the decoding processes, through ``picture``.
"""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import lmdb
import numpy as np

from digits_core.data import child
from digits_core.data.entries import Entries
from digits_core.data.pictures import to_png
from digits_core.data.records import check_whole
from digits_core.errors import BadData, DigitsError
from digits_core.safe.paths import inside, printable

Json = dict[str, Any]
SCHEME = "datum:"
BETWEEN = "//"
"""Between database and key in a location; no real path holds it."""
MOST_SIDE = 10_000
MOST_LABEL = 100_000
MEMORY_LIMIT = 4 << 30
SILENCE_S = 60
"""Seconds for a thousand records."""


class Datum(NamedTuple):
    """One record: either an encoded picture (a PNG or JPEG file) or raw bytes, channel by channel, blue first."""

    label: int
    data: bytes
    encoded: bool
    shape: tuple[int, int, int]

    def picture(self) -> bytes:
        """The picture as a file. Raises BadData when sizes and bytes do not fit."""
        if self.encoded:
            return self.data
        channels, height, width = self.shape
        if channels not in (1, 3) or not 0 < height <= MOST_SIDE or not 0 < width <= MOST_SIDE:
            raise BadData(f"holds {channels} x {height} x {width} values; 1 or 3 channels are read")
        if len(self.data) != channels * height * width:
            raise BadData(f"holds {len(self.data)} bytes for {channels} x {height} x {width} values")
        return to_png(np.frombuffer(self.data, np.uint8).reshape(self.shape)[::-1])


def parse(value: bytes | memoryview) -> Datum:
    """The record in a value. Raises BadData for anything that is none."""
    numbers, data = {1: 0, 2: 0, 3: 0, 5: 0, 7: 0}, b""
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
        if field == 6:
            raise BadData("holds decimal numbers (float_data); pictures of bytes are read")
        if field == 4 and wire == 2:
            data = bytes(view[place:place + size])
        place += size
    if not data:
        raise BadData("holds no picture")
    if numbers[5] >= MOST_LABEL:
        raise BadData("has a label below 0 or far too large")
    return Datum(numbers[5], data, bool(numbers[7]), (numbers[1], numbers[2], numbers[3]))


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


def read(path: Path, entries: Entries, split: str, skip: Callable[[str, str, str, str, bool], None],
         tick: Callable[[], None]) -> None:
    """Add every record of a database to ``entries``; what is no picture goes to ``skip``.

    Raises BadData when the database cannot be read to its end.
    """
    entries.base = f"{SCHEME}{path}{BETWEEN}"
    process = child.start("digits_core.data.datum", str(path), stderr=subprocess.DEVNULL)
    assert process.stdin is not None and process.stdout is not None
    last: Json = {}
    try:
        for line in process.stdout:
            last = json.loads(line)
            for key, label, reason in last.get("rows", ()):
                if reason:
                    skip(key, split, "", reason, True)
                else:
                    entries.add(entries.base + key, label)
            tick()  # after the rows: a short look at a slow disk shows them too
    finally:
        process.kill()
        for pipe in (process.stdin, process.stdout):
            pipe.close()
        process.wait()
    if "end" not in last:
        raise BadData(f"The database {printable(str(path))} cannot be read to its end: "
                      + str(last.get("error") or "reading it crashed; it is damaged."))


def main() -> None:
    """List a database: lines of JSON with up to 1000 rows (key, label, what is wrong) each, the last one an end."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    signal.alarm(SILENCE_S)  # the default action ends this process: pages may lead in a circle
    rows: list[tuple[str, int, str]] = []
    try:
        for row in _rows(sys.argv[1]):
            rows.append(row)
            if len(rows) == 1000:
                print(json.dumps({"rows": rows}), flush=True)
                signal.alarm(SILENCE_S)
                rows = []
        print(json.dumps({"rows": rows, "end": True}), flush=True)
    except (DigitsError, lmdb.Error) as error:
        print(json.dumps({"error": str(error)}), flush=True)


def _rows(path: str) -> Iterator[tuple[str, int, str]]:
    environment, before = _opened(path), b""
    with environment.begin(buffers=True) as transaction:
        for key, value in transaction.cursor():
            name = bytes(key)
            if name <= before:
                raise BadData("its keys are not in order, so it is damaged.")
            before = name
            try:
                yield os.fsdecode(name), parse(value).label, ""
            except BadData as error:
                yield os.fsdecode(name), 0, str(error)


if __name__ == "__main__":
    main()
