"""Frames of a video, decoded by a process of their own that has neither secrets nor network nor other files."""

import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.data.video_options import Take
from digits_core.errors import BadData
from digits_core.jobs import confine
from digits_core.safe.paths import open_regular

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
PACKET_S = 30
SILENCE_S = 120.0
"""Longest time without a word: more than a part of a video may take, so that a stopped process is noticed."""
LARGEST = 1 << 30
"""Bytes of one message at most."""


class Frame(NamedTuple):
    """One picture (H, W, 3) uint8: its number in the video, and seconds since the first one."""

    number: int
    seconds: float
    pixels: NDArray[np.uint8]


class Video:
    """A video's wanted frames, in order. Use as a context manager; raises BadData with the reason, for a list.

    ``rate`` (frames a second), ``seconds`` and ``frames`` are what the file says of itself (0: nothing). When all
    frames were read, ``frames`` is how many there are, and ``damaged`` how many parts could not be decoded.
    """

    def __init__(self, path: str, roots: Sequence[str] = (), take: Take = Take(),
                 tick: Callable[[], None] = lambda: None) -> None:
        """``roots`` as in ``read_regular``; ``tick`` is called twice a second while one waits, and may raise."""
        self.tick, self.damaged = tick, 0
        descriptor = open_regular(path, roots)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            os.set_blocking(descriptor, True)
            self.process = subprocess.Popen(
                [*confine.apart(), sys.executable, "-m", "digits_core.data.video_child", json.dumps(take._asdict())],
                cwd=ROOT, env={**confine.scrubbed(os.environ), "OMP_NUM_THREADS": "1"}, stdin=descriptor,
                stdout=subprocess.PIPE, stderr=self._errors, bufsize=0, start_new_session=True)
        finally:
            os.close(descriptor)
        try:
            about, _ = self._message()
        except BaseException:
            self.close()
            raise
        self.rate, self.seconds, self.frames = float(about["rate"]), float(about["seconds"]), int(about["frames"])

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()

    def __iter__(self) -> Iterator[Frame]:
        """Once."""
        while True:
            head, body = self._message()
            if "end" in head:
                self.frames, self.damaged = int(head["end"]), int(head["damaged"])
                return
            shape = (int(head["height"]), int(head["width"]), 3)
            yield Frame(int(head["number"]), float(head["seconds"]), np.frombuffer(body, np.uint8).reshape(shape))

    def _message(self) -> tuple[Json, bytes]:
        start = self._exactly(12)
        head, body = struct.unpack(">IQ", start)
        if head + body > LARGEST:
            raise BadData("crashes the decoder")
        found: Json = json.loads(self._exactly(head))
        if "error" in found:
            raise BadData(str(found["error"]))
        return found, self._exactly(body)

    def _exactly(self, size: int) -> bytes:
        assert self.process.stdout is not None
        pipe, data, since = self.process.stdout.fileno(), bytearray(), time.monotonic()
        while len(data) < size:
            if not select.select([pipe], [], [], 0.4)[0]:
                self.tick()
                if time.monotonic() - since > SILENCE_S:
                    raise BadData(f"took longer than {SILENCE_S:g} s to decode")
                continue
            piece, since = os.read(pipe, min(size - len(data), 1 << 20)), time.monotonic()
            if not piece:
                raise BadData(self._why())
            data += piece
        return bytes(data)

    def _why(self) -> str:
        """Why the process ended without a last word."""
        code = self.process.wait()
        if code in (-signal.SIGALRM, 128 + signal.SIGALRM):
            return f"took longer than {PACKET_S} s to decode in one place"
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 2000))
        lines = self._errors.read().decode(errors="replace").split("\n")
        if any("No module named" in line for line in lines):
            return "needs the Python package av on the server (pip install av)"
        return f"crashes the decoder ({f'signal {-code}' if code < 0 else f'exit code {code}'})"
