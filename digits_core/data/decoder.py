"""A decoding process (``python -m digits_core.data.decoder``): paths in on stdin, packed records out on stdout.

It may die at any time: hostile pictures crash decoders, and the kernel's alarm ends a picture that takes too long.
Its memory file holds the position it works on, so the parent knows which picture to blame.
"""

import hashlib
import json
import mmap
import os
import resource
import signal
import struct
import sys
from pkgutil import resolve_name
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data import planes, prebuilt
from digits_core.data.pictures import decode, pack_pixels, prepare
from digits_core.data.planes import ALL, Planes
from digits_core.data.records import Record, pack_record
from digits_core.data.statistics import in_fractions
from digits_core.data.targets import Target
from digits_core.errors import BadData, DigitsError
from digits_core.safe import is_url, read_regular
from digits_core.safe.images import MAX_BYTES

Json = dict[str, Any]
CHUNK_LIMIT = 257
"""Pictures a chunk at most: the sums of a chunk fit into 16 bits (257 x 255 = 65535)."""
MEMORY_LIMIT = 6 << 30


def main() -> None:
    """Serve until stdin ends, which is also what happens when the parent dies."""
    board = mmap.mmap(int(sys.argv[1]), 8)
    _limit()
    request, reply = sys.stdin.buffer, sys.stdout.buffer
    write_frame(reply, {"ready": True}, [])
    while (frame := read_frame(request)) is not None:
        task, _ = frame
        write_frame(reply, *work(task, board))


def _limit() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is the parent's business
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))


def read_frame(stream: BinaryIO) -> tuple[Json, bytes] | None:
    """One message: a JSON object and the bytes behind it; None at the end of the stream, also in mid-message."""
    start = stream.read(12)
    if len(start) < 12:
        return None
    head, body = struct.unpack(">IQ", start)
    text, data = stream.read(head), stream.read(body)
    return (json.loads(text), data) if len(text) == head and len(data) == body else None


def write_frame(stream: BinaryIO, message: Json, blobs: list[bytes]) -> None:
    """Send one message for ``read_frame``."""
    head = json.dumps(message).encode()
    stream.write(b"".join([struct.pack(">IQ", len(head), sum(map(len, blobs))), head, *blobs]))
    stream.flush()


def work(task: Json, board: mmap.mmap) -> tuple[Json, list[bytes]]:
    """Decode one chunk. ``task``: how (see Recipe), items [[location, name, label, extra]].

    The reply lists for each item its bytes in the body (0: skipped, with a reason), fingerprint, notes, and counts and
    shape of its target; then come the sums over the chunk's pixels, as 16-bit integers (in full depth 64-bit ones), and
    of their squares by channel.
    """
    how, reply, blobs = task["how"], [], []
    sums = Sums((how["depth"], how["height"], how["width"]), how["channels"] == ALL) if how["statistics"] else None
    make = resolve_name(how["example"])
    for position, (location, name, label, extra) in enumerate(task["items"]):
        struct.pack_into("<q", board, 0, position)
        signal.setitimer(signal.ITIMER_REAL, how["limit_s"])  # default action: the kernel ends this process
        try:
            example: Example = make(how, location, name, extra)
            record = _packed(how, name, label, example)
        except (DigitsError, MemoryError) as error:
            reply.append([0, str(error) or "needs too much memory to decode", [], [], []])
            continue
        blobs.append(record)
        shape = () if example.target is None else example.target.shape
        reply.append([len(record), fingerprint(example.pixels), example.notes, list(example.counts), list(shape)])
        if sums is not None:
            sums.add(example.pixels)
    signal.setitimer(signal.ITIMER_REAL, 0)
    struct.pack_into("<q", board, 0, -1)
    return {"items": reply}, blobs + (sums.packed() if sums is not None else [])


class Sums:
    """Sums of a chunk's pixels and of their squares, in integers; small pictures are added up many at a time."""

    def __init__(self, shape: tuple[int, int, int], deep: bool = False) -> None:
        self.total = np.zeros(shape, np.int64 if deep else np.uint16)
        self.squares = np.zeros(shape[0], np.uint64)
        self._waiting: list[NDArray[Any]] = []

    def add(self, pixels: NDArray[Any]) -> None:
        """Add one picture."""
        self._waiting.append(pixels if pixels.dtype == np.uint8 else in_fractions(pixels))
        if len(self._waiting) * pixels.size > 500_000:
            self._fold()

    def _fold(self) -> None:
        if self._waiting:
            batch = np.stack(self._waiting)
            self.total += batch.sum(axis=0, dtype=self.total.dtype)
            flat = batch.swapaxes(0, 1).reshape(batch.shape[1], -1).astype(np.float64)
            self.squares += np.einsum("cn,cn->c", flat, flat).astype(np.uint64)
            self._waiting = []

    def packed(self) -> list[bytes]:
        """The bytes that Statistics.add reads."""
        self._fold()
        return [self.total.tobytes(), self.squares.tobytes()]


def fingerprint(pixels: Any) -> int:
    """64 bits that two pictures share when their pixels are the same."""
    return int.from_bytes(hashlib.blake2b(pixels, digest_size=8).digest(), "big")


class Example(NamedTuple):
    """What a task makes of one entry: the picture (C, H, W), width and height of its source, and words about it.

    ``target`` is what is to be learned where that is more than the label; ``counts`` what it holds of each class.
    """

    pixels: NDArray[Any]
    source: tuple[int, int]
    notes: list[str]
    target: NDArray[Any] | None = None
    counts: tuple[int, ...] = ()


def labelled(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture with nothing but its label. Raises DigitsError with the reason when it cannot be used."""
    image, notes = opened(how, location, name)
    pixels = prepare(image, how["channels"], how["width"], how["height"], how["resize_mode"])
    return Example(pixels, image.size, notes)


def opened(how: Json, location: str, name: str) -> tuple[Image.Image | Planes, list[str]]:
    """A picture as the recipe wants it, upright, before it is resized; and words for what was done to it."""
    data, name = fetch(location, how), name.rpartition("/")[2]
    if how["channels"] == ALL:
        return planes.opened(data, name, tuple(how["span"]), how["planes"])
    return decode(data, name)


def _packed(how: Json, name: str, label: int, example: Example) -> bytes:
    payload = pack_pixels(example.pixels, how["encoding"], how["quality"])
    encoding = "raw" if how["encoding"] == "none" else how["encoding"]
    depth, height, width = example.pixels.shape
    target = None if example.target is None else Target.pack(example.target)
    return pack_record(Record(label, name, payload, encoding, (depth, height, width), example.source, target))


def fetch(location: str, how: Json) -> bytes:
    """The bytes of a picture, from an address, a database, or from below the folders that may be read."""
    if is_url(location):
        from digits_core.safe.fetch import safe_fetch  # an HTTP client costs 0.2 s; most builds need none

        try:
            return safe_fetch(location, how["private_hosts"], limit=MAX_BYTES)
        except DigitsError as error:
            raise BadData(str(error)) from None
    found = prebuilt.fetched(location, how["roots"], how.get("channels", ALL) == ALL)
    return read_regular(location, how["roots"], MAX_BYTES) if found is None else found


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
