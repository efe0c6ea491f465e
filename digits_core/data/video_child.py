"""Decodes one video in a process of its own: a hostile file ends that process and nothing else.

``python -m digits_core.data.video_child HOW`` reads the file that its stdin is and writes frames to stdout. It needs no
other file and no network: what a video refers to (playlists, other tracks) is not opened.
"""

import json
import os
import resource
import signal
import sys
from fractions import Fraction
from typing import Any, BinaryIO, NoReturn

import av
import numpy as np
from numpy.typing import NDArray

from digits_core.data.decoder import write_frame
from digits_core.errors import BadData

Json = dict[str, Any]
MEMORY_LIMIT = 4 << 30
PACKET_S = 30.0
"""A part of a video that takes longer to decode ends the process."""
MAX_PIXELS = 36_000_000
MOST_FRAMES = 20_000_000
"""Nearly eight days at 30 frames a second."""
FORMATS = "mov,matroska,avi,mpeg,mpegvideo,mpegts,asf,flv,ogg,m4v,h264,hevc"
"""Demuxers that may look at the file; none of them is a playlist."""
FASTEST = 1000
"""Frames a second; what a file says beyond that is not believed."""


def main() -> None:
    """Decode what stdin is; the last message says how it ended."""
    how = json.loads(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    av.logging.set_level(None)
    out = sys.stdout.buffer
    try:
        end = _decode(os.fdopen(0, "rb"), how, out)
    except BadData as error:
        end = {"error": str(error)}
    except MemoryError:
        end = {"error": "needs too much memory to decode"}
    except av.error.FFmpegError as error:
        end = {"error": _words(error)}
    write_frame(out, end, [])


def _words(error: Exception) -> str:
    text = " ".join(str(getattr(error, "strerror", "") or error).split())[:200]
    if isinstance(error, av.error.InvalidDataError):
        return "is no video of a known format, or damaged"
    return f"is damaged: {text}"


def _closed(*_: Any, **__: Any) -> NoReturn:
    raise BadData("refers to other files, which are not opened")


def _decode(file: BinaryIO, how: Json, out: BinaryIO) -> Json:
    signal.setitimer(signal.ITIMER_REAL, PACKET_S)  # default action: the kernel ends this process
    with av.open(file, io_open=_closed, container_options={
            "format_whitelist": FORMATS, "protocol_whitelist": "none"}) as container:
        if not container.streams.video:
            raise BadData("holds no picture track")
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        _require_size(stream.codec_context.width, stream.codec_context.height)
        clip = _clip(container, stream)
        write_frame(out, clip, [])
        return _frames(container, stream, _Due(how, clip), out)


def _require_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise BadData(f"has {width} x {height} pixels, at most {MAX_PIXELS // 10**6} million are read")


def _clip(container: Any, stream: Any) -> Json:
    """What the file says about itself: frames per second, seconds and frames; 0 where it does not say."""
    rate = float(stream.average_rate or stream.guessed_rate or 0)
    rate = rate if 0 < rate <= FASTEST else 0.0
    seconds = max(0.0, float(container.duration or 0) / av.time_base)
    frames = min(MOST_FRAMES, int(stream.frames or seconds * rate))
    return {"rate": rate, "seconds": seconds, "frames": frames}


class _Due:
    """Which frames are wanted, by number or by time."""

    def __init__(self, how: Json, clip: Json) -> None:
        self.by_time = how["rate"] is not None
        self.gap = Fraction(1 / how["rate"] if self.by_time else how["step"]).limit_denominator(10**6)
        self.most: int | None = how["most"]
        self.first, self.taken = int(how["first"]), 0
        length = clip["seconds"] if self.by_time else clip["frames"]
        if self.most and length / self.gap > self.most:
            self.gap = Fraction(length / self.most).limit_denominator(10**6)
        self.next = Fraction(0)

    def wants(self, number: int, seconds: float) -> bool:
        """Whether this frame is one of them; to be asked once about each, in order."""
        at = Fraction(seconds).limit_denominator(10**6) if self.by_time else number
        if at < self.next or self.is_over:
            return False
        while self.next <= at:
            self.next += self.gap * max(1, (at - self.next) // self.gap)
        self.taken += 1
        return number >= self.first

    @property
    def is_over(self) -> bool:
        return self.most is not None and self.taken >= self.most


def _frames(container: Any, stream: Any, due: _Due, out: BinaryIO) -> Json:
    """Write the wanted frames; how many there were in all, and how many parts could not be decoded."""
    number, bad, start = 0, 0, None
    packets = container.demux(stream)
    while not due.is_over and number < MOST_FRAMES:
        signal.setitimer(signal.ITIMER_REAL, PACKET_S)
        try:
            packet = next(packets, None)
            frames = [] if packet is None else packet.decode()
        except (av.error.InvalidDataError, av.error.EOFError):
            bad += 1
            if bad > number + 100:  # nothing but damage
                break
            continue
        if packet is None:
            break
        for frame in frames:
            seconds = float(frame.time) if frame.time is not None else number / (float(stream.average_rate or 25))
            start = seconds if start is None else start
            seconds = max(0.0, seconds - start)
            if due.wants(number, seconds):
                signal.setitimer(signal.ITIMER_REAL, 0)  # whoever reads may take its time
                _write(out, number, seconds, _pixels(frame))
            number += 1
    if not number:
        raise BadData("holds no frame that can be decoded")
    return {"end": number, "damaged": bad}


def _pixels(frame: Any) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) of a frame, turned upright as telephones note it."""
    _require_size(frame.width, frame.height)
    pixels = frame.to_ndarray(format="rgb24")
    turns = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else np.ascontiguousarray(pixels)


def _write(out: BinaryIO, number: int, seconds: float, pixels: NDArray[np.uint8]) -> None:
    height, width = pixels.shape[:2]
    write_frame(out, {"number": number, "seconds": seconds, "width": width, "height": height}, [pixels.tobytes()])


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
