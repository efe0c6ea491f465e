"""Records in an LMDB database: written in growing batches, read without ever mapping a file that is too short.

key   = position, 8 digits          value = 4 bytes length, JSON header, picture, target (see Record)
"""

import json
import os
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import lmdb
import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.data.pictures import unpack_pixels
from digits_core.data.targets import LABEL, Target, TargetSpec
from digits_core.errors import BadData

Json = dict[str, Any]
_META = struct.Struct("=II QQ")  # magic, version, address, map size; the free and main tables follow
_MAGIC = 0xBEEFC0DE
_LAST_PAGE = 16 + 24 + 2 * 48
"""Offset of "last used page" in a meta page: page header, the four fields above, two tables of 48 bytes."""


class Record(NamedTuple):
    """One labelled picture of a dataset; ``image`` is its payload, ``shape`` is (C, H, W).

    ``source`` is the width and height of the picture it was made from; None where the build did not note it.
    """

    label: int
    path: str
    image: bytes
    encoding: str
    shape: tuple[int, int, int]
    source: tuple[int, int] | None = None
    target: Target | None = None

    def pixels(self) -> NDArray[Any]:
        """uint8 (C, H, W); float32 with all channels in full depth (see digits_core.data.planes)."""
        return unpack_pixels(self.image, self.encoding, self.shape)


def pack_record(record: Record) -> bytes:
    """The value of a record."""
    # json.dumps of the whole would take four times as long, and this runs once a picture
    header = (f'{{"label": {record.label}, "path": {json.dumps(record.path)}, "encoding": "{record.encoding}", '
              f'"shape": {list(record.shape)}{_source(record)}{_target(record)}}}').encode()
    data = b"" if record.target is None else record.target.data
    return len(header).to_bytes(4, "big") + header + record.image + data


def _source(record: Record) -> str:
    return "" if record.source is None else f', "source": {list(record.source)}'


def _target(record: Record) -> str:
    if record.target is None:
        return ""
    return f', "target": ["{record.target.dtype}", {list(record.target.shape)}, {len(record.target.data)}]'


def source_size(header: Json) -> tuple[int, int] | None:
    """Width and height of the source picture as a record's header tells them; older headers do not."""
    match header.get("source"):
        case [int(width), int(height)] if width > 0 and height > 0:
            return width, height
    return None


def unpack_record(value: bytes) -> Record:
    """The record in a value. Raises BadData when it is none."""
    try:
        end = 4 + int.from_bytes(value[:4], "big")
        header = json.loads(value[4:end])
        channels, height, width = header["shape"]
        target = None
        if "target" in header:
            dtype, shape, size = header["target"]
            target = Target(value[len(value) - size:], dtype, tuple(shape))
        stop = len(value) - (len(target.data) if target else 0)
        return Record(header["label"], header["path"], value[end:stop], header["encoding"], (channels, height, width),
                      source_size(header), target)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadData(f"A record of the database is damaged ({error}). Build the dataset again.") from None


def relabelled(value: bytes, label: int) -> bytes:
    """The value of a record with another label; its picture stays as it is, byte for byte."""
    return pack_record(unpack_record(value)._replace(label=label))


def check_whole(folder: Path) -> None:
    """Raise BadData unless the database file is as long as its own header says: reading past its end is SIGBUS."""
    path = folder / "data.mdb"
    try:
        with path.open("rb") as file:
            start = file.read(2 * os.sysconf("SC_PAGE_SIZE") * 16)
        size = path.stat().st_size
    except OSError as error:
        raise BadData(f"The database {path} cannot be read: {error.strerror}. Build the dataset again.") from None
    page = int.from_bytes(start[40:44], "little") if len(start) > 44 else 0
    last = -1
    for offset in (0, page):
        meta = start[offset + 16:offset + _LAST_PAGE + 8]
        if page < 512 or len(meta) < _LAST_PAGE - 8 or _META.unpack_from(meta)[0] != _MAGIC:
            raise BadData(f"{path} is no LMDB database, or damaged at its start. Build the dataset again.")
        last = max(last, struct.unpack_from("=Q", start, offset + _LAST_PAGE)[0])
    if size < (last + 1) * page:
        raise BadData(f"The database file {path} is truncated: {size} of {(last + 1) * page} bytes are there. "
                      "Build the dataset again.")


_SHARED: WeakValueDictionary[tuple[int, str], lmdb.Environment] = WeakValueDictionary()
"""Open databases by process and real path: LMDB refuses to open one twice, and two readers of a split are normal."""


def _environment(path: Path) -> lmdb.Environment:
    key = os.getpid(), os.path.realpath(path)
    environment = _SHARED.get(key)
    if environment is None:
        check_whole(path)
        try:
            environment = lmdb.open(str(path), readonly=True, lock=False, readahead=False, max_readers=1)
        except lmdb.Error as error:
            raise BadData(f"The database {path} cannot be opened: {error}. Build the dataset again.") from None
        _SHARED[key] = environment
    return environment


class Records:
    """The records of one split, read-only. Can be pickled and forked: every process opens the file for itself."""

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._opened: tuple[int, lmdb.Environment] | None = None
        self._entries = self._environment().stat()["entries"]

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_entries": self._entries, "_opened": None}

    def _environment(self) -> lmdb.Environment:
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = None  # a forked process must let go of its parent's: LMDB refuses a second one
            self._opened = os.getpid(), _environment(self.path)
        return self._opened[1]

    def __len__(self) -> int:
        return int(self._entries)

    def read(self, index: int) -> Record:
        """The record at a position. Raises BadData when there is none."""
        return next(iter(self.records([index])))

    def records(self, indices: Iterable[int]) -> Iterable[Record]:
        """The records at these positions, in this order, within one read transaction."""
        return map(unpack_record, self.values(indices))

    def value(self, index: int) -> bytes:
        """The packed record at a position, as it lies in the database. Raises BadData when there is none."""
        return next(iter(self.values([index])))

    def values(self, indices: Iterable[int]) -> Iterable[bytes]:
        """The packed records at these positions, in this order, within one read transaction."""
        try:
            with self._environment().begin(buffers=False) as transaction:
                for index in indices:
                    value = transaction.get(b"%08d" % index)
                    if value is None:
                        raise BadData(f"The database {self.path} has no record {index}; it has {len(self)}.")
                    yield value
        except lmdb.Error as error:
            raise BadData(f"The database {self.path} is damaged: {error}. Build the dataset again.") from None

    def batch(self, indices: Sequence[int], spec: TargetSpec = LABEL) -> tuple[NDArray[Any], NDArray[Any]]:
        """Decoded pictures (B, C, H, W) and their targets (B, ...): labels unless ``spec`` says what else."""
        pixels, targets = None, spec.empty(len(indices))
        for row, record in enumerate(self.records(indices)):
            found = record.pixels()
            if pixels is None:
                pixels = np.empty((len(indices), *record.shape), found.dtype)
            pixels[row] = found
            if spec.shape == () and record.target is None:
                targets[row] = record.label
            else:
                self._put(targets[row], record)
        return (np.empty((0, 0, 0, 0), np.uint8) if pixels is None else pixels), targets

    def _put(self, place: NDArray[Any], record: Record) -> None:
        try:
            assert record.target is not None
            array = record.target.array()
            place[:len(array)] = array
        except (AssertionError, ValueError, TypeError, zlib.error) as error:
            raise BadData(f"The record {record.path} of {self.path} does not hold what its manifest promises "
                          f"({error}). Build the dataset again.") from None

    def labels(self) -> NDArray[np.int64]:
        """All labels by position, without decoding a picture."""
        return np.array([label for label, _ in self.headers()], np.int64)

    def headers(self) -> Iterable[tuple[int, str]]:
        """Label and path of every record, by position."""
        return ((label, path) for label, path, _ in self.facts())

    def facts(self) -> Iterable[tuple[int, str, tuple[int, int] | None]]:
        """Label, path and source size (None: not noted) of every record, by position."""
        try:
            with self._environment().begin(buffers=True) as transaction:
                for value in transaction.cursor().iternext(keys=False):
                    header = json.loads(bytes(value[4:4 + int.from_bytes(value[:4], "big")]))
                    yield int(header["label"]), str(header["path"]), source_size(header)
        except (lmdb.Error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadData(f"The database {self.path} is damaged: {error}. Build the dataset again.") from None

    def paths(self, indices: Iterable[int]) -> list[str]:
        """Where the pictures at these positions came from."""
        return [record.path for record in self.records(indices)]


class RecordWriter:
    """Appends values to a new database; durable and readable only after the ``with`` block ended well."""

    def __init__(self, path: Path, map_bytes: int = 1 << 28, batch_bytes: int = 32 << 20) -> None:
        self.path = path
        path.mkdir(parents=True)
        self.batch_bytes = batch_bytes
        # No fsync per batch: a database without a manifest is never used, one sync at the end is enough.
        self.environment = lmdb.open(str(path), map_size=map_bytes, sync=False, metasync=False, writemap=False)
        self.entries = 0
        self._waiting: list[bytes | memoryview] = []
        self._bytes = 0

    def put(self, value: bytes | memoryview) -> None:
        """Append one packed record."""
        self._waiting.append(value)
        self._bytes += len(value)
        if self._bytes >= self.batch_bytes or len(self._waiting) >= 10_000:
            self._commit()

    def _commit(self) -> None:
        while self._waiting:
            try:
                with self.environment.begin(write=True, buffers=True) as transaction:
                    for number, value in enumerate(self._waiting, self.entries):
                        transaction.put(b"%08d" % number, value, append=True)
            except lmdb.MapFullError:
                # The transaction was rolled back whole, so the batch is written again into a map twice as large.
                self.environment.set_mapsize(self.environment.info()["map_size"] * 2)
            except lmdb.Error as error:
                raise files.named_disk_error(error, self.path) from error
            else:
                self.entries += len(self._waiting)
                self._waiting, self._bytes = [], 0

    def __enter__(self) -> "RecordWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        try:
            if kind is None:
                self._commit()
                self.environment.sync(True)
        except lmdb.Error as problem:
            raise files.named_disk_error(problem, self.path) from problem
        finally:
            self.environment.close()
        if kind is None:
            (self.path / "lock.mdb").unlink(missing_ok=True)
            files.fsync_folder(self.path)
