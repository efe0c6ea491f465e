"""Decoding processes side by side: a picture that crashes or stalls one costs that picture, never the build."""

import itertools
import os
import select
import signal
import struct
import subprocess
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from digits_core.data import child
from digits_core.data.decoder import CHUNK_LIMIT, read_frame, write_frame
from digits_core.data.recipe import Recipe
from digits_core.data.statistics import Statistics
from digits_core.errors import DigitsError

Json = dict[str, Any]
TARGET_S = 0.15
"""Seconds of work in a chunk: long enough that messages cost nothing, short enough that a stop is quick."""


class Item(NamedTuple):
    """One picture to decode: a path or address, the name to remember it by, its label, what else is known of it."""

    location: str
    name: str
    label: int
    extra: str = ""


class Outcome(NamedTuple):
    """What became of an item: a packed record, or a reason why there is none."""

    item: Item
    record: memoryview | None
    reason: str = ""
    fingerprint: int = 0
    """The same for two pictures with the same pixels, and for no others."""
    notes: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    """What the target holds of each class (pixels, boxes); none: its label counts."""
    shape: tuple[int, ...] = ()
    """Of the target."""


@dataclass
class Chunk:
    """Neighbouring items; ``number`` is the chunk's place in the output."""

    number: int
    items: list[Item]
    dead: dict[int, str] = field(default_factory=dict)
    """Why the items at these places are not sent (again): they ended a decoding process."""
    deaths: Counter[int] = field(default_factory=Counter)

    def sent(self) -> list[int]:
        """Places of the items that a decoding process gets."""
        return [place for place in range(len(self.items)) if place not in self.dead]


class Decoder:
    """One decoding process and the chunk it works on."""

    def __init__(self) -> None:
        self.board = os.memfd_create("digits-position")
        os.ftruncate(self.board, 8)
        self.chunk: Chunk | None = None
        self.since = 0.0
        self.is_up = False
        self.process: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        """Start the process, without waiting until it is up."""
        self.process = child.start("digits_core.data.decoder", str(self.board), pass_fds=[self.board],
                                   stderr=subprocess.DEVNULL)
        self.is_up = False

    def send(self, chunk: Chunk, how: Json) -> None:
        """Give it work; it must be idle."""
        if self.process is None:
            self.launch()
        assert self.process is not None and self.process.stdin is not None
        self.chunk, self.since = chunk, time.monotonic()
        os.pwrite(self.board, struct.pack("<q", -1), 0)
        try:
            items = [chunk.items[place] for place in chunk.sent()]
            write_frame(self.process.stdin, {"how": how, "items": items}, [])  # type: ignore[arg-type]
        except BrokenPipeError:
            return  # died while idle; the reply's end of stream tells

    def receive(self) -> tuple[Json, bytes] | None:
        """The reply; None when the process is gone. Raises DigitsError when it did not even come up."""
        assert self.process is not None and self.process.stdout is not None
        frame = read_frame(self.process.stdout)  # type: ignore[arg-type]
        if not self.is_up:
            if frame is None:
                raise DigitsError(f"A decoding process did not start (exit code {self.close()}). Run `python -m "
                                  "digits_core doctor` on the server.")
            self.is_up, self.since = True, time.monotonic()
            frame = read_frame(self.process.stdout)  # type: ignore[arg-type]
        return frame

    def position(self) -> int:
        """Which item of the chunk it is or was working on; -1: none."""
        return int(struct.unpack("<q", os.pread(self.board, 8, 0))[0])

    def close(self) -> int:
        """End the process; returns its exit code (negative: a signal)."""
        process, self.process, self.chunk = self.process, None, None
        if process is None:
            return 0
        for pipe in (process.stdin, process.stdout):
            try:
                if pipe is not None:
                    pipe.close()
            except BrokenPipeError:
                continue
        try:
            return process.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()


def cores() -> int:
    """How many decoding processes can work at the same time."""
    return len(os.sched_getaffinity(0))


class Pool:
    """Decodes items in parallel and yields outcomes in the order of the items, with bounded memory.

    ``tick`` is called at least twice a second; whatever it raises ends the work.
    """

    def __init__(self, recipe: Recipe, processes: int | None = None,
                 tick: Callable[[], None] = lambda: None) -> None:
        self.tick = tick
        self.decoders = [Decoder() for _ in range(processes or cores())]
        self.statistics: Statistics | None = None
        self.use(recipe)
        self._again: deque[Chunk] = deque()
        self._finished: dict[int, list[Outcome]] = {}
        self._begun = self._given = 0

    def use(self, recipe: Recipe) -> None:
        """Decode by this recipe from now on; not while ``outcomes`` is running."""
        self.recipe, self.how = recipe, recipe.to_json()
        self.most = max(1, min(CHUNK_LIMIT, (16 << 20) // (recipe.depth * recipe.width * recipe.height)))
        self.size = min(4, self.most)

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for decoder in self.decoders:
            if decoder.process is not None and decoder.chunk is not None:
                decoder.process.kill()  # busy: its work is not wanted any more
            decoder.close()
            os.close(decoder.board)

    def outcomes(self, items: Iterable[Item], statistics: Statistics | None = None) -> Iterator[Outcome]:
        """One outcome for every item, in their order; their pixels are added to ``statistics``."""
        source, self.statistics = iter(items), statistics
        while True:
            self._assign(source)
            before = self._given
            while self._given in self._finished:
                yield from self._finished.pop(self._given)
                self._given += 1
            busy = {decoder.process.stdout.fileno(): decoder for decoder in self.decoders if decoder.chunk is not None
                    and decoder.process is not None and decoder.process.stdout is not None}
            if not busy:
                if self._given == before:
                    return  # nothing is on its way, and nothing made room for more: the source has ended
                continue
            ready, _, _ = select.select(list(busy), [], [], 0.4)
            self.tick()
            for pipe in ready:
                self._collect(busy[pipe])

    def _assign(self, source: Iterator[Item]) -> None:
        for decoder in self.decoders:
            if decoder.chunk is None and (chunk := self._next(source)) is not None:
                decoder.send(chunk, {**self.how, "statistics": self.statistics is not None})

    def _next(self, source: Iterator[Item]) -> Chunk | None:
        if self._again:
            return self._again.popleft()
        if self._begun - self._given > 3 * len(self.decoders):
            return None  # one slow chunk holds up the order: finished ones must not pile up behind it
        items = list(itertools.islice(source, self.size))
        if not items:
            return None
        self._begun += 1
        return Chunk(self._begun - 1, items)

    def _collect(self, decoder: Decoder) -> None:
        chunk, reply = decoder.chunk, decoder.receive()
        assert chunk is not None
        if reply is None:
            self._blame(decoder, chunk)
            return
        elapsed = max(1e-4, time.monotonic() - decoder.since)
        self.size = min(self.most, 2 * self.size, max(1, int(len(chunk.items) / elapsed * TARGET_S)))
        decoder.chunk = None
        self._finished[chunk.number] = self._outcomes(chunk, *reply)

    def _blame(self, decoder: Decoder, chunk: Chunk) -> None:
        """Find out which item ended the process, and send the others again."""
        position, code = decoder.position(), decoder.close()
        self.tick()  # when the whole job is being ended, no picture is to blame
        sent = chunk.sent()
        place = sent[position] if 0 <= position < len(sent) else sent[0]
        chunk.deaths[place] += 1
        if code == -signal.SIGALRM:
            chunk.dead[place] = f"took longer than {self.recipe.limit_s:g} s to read and decode"
        elif chunk.deaths[place] > 1:  # the first time may have been an accident (no memory at that moment)
            chunk.dead[place] = "crashes the decoder " + (f"(signal {-code})" if code < 0 else f"(exit code {code})")
        self._again.append(chunk)

    def _outcomes(self, chunk: Chunk, message: Json, body: bytes) -> list[Outcome]:
        found = [Outcome(item, None, chunk.dead.get(place, "")) for place, item in enumerate(chunk.items)]
        view, start, used = memoryview(body), 0, 0
        for place, (size, detail, notes, counts, shape) in zip(chunk.sent(), message["items"], strict=True):
            item = chunk.items[place]
            if not size:
                found[place] = Outcome(item, None, detail)
                continue
            found[place] = Outcome(item, view[start:start + size], "", detail, tuple(notes), tuple(counts),
                                   tuple(shape))
            start, used = start + size, used + 1
        if self.statistics is not None:
            self.statistics.add(view[start:], used)
        return found
