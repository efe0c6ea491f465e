"""Writes a video that browsers play: H.264 in mp4. Our own frames only, so in the worker itself."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import av
import numpy as np
from PIL import Image

CLOCK = Fraction(1, 90_000)


class Film:
    """A film that is written frame by frame; the file is whole when the block ends."""

    def __init__(self, path: Path, rate: float) -> None:
        """``rate``: frames a second, as far as known; each frame has its own time all the same."""
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})
        self._rate = Fraction(rate if rate > 0 else 25).limit_denominator(1001)
        self._stream: Any = None
        self._last = -1
        self.size = (0, 0)

    def __enter__(self) -> "Film":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
                 ) -> None:
        if kind is None and self._stream is not None:
            self._file.mux(self._stream.encode())
        self._file.close()

    def add(self, image: Image.Image, seconds: float) -> None:
        """Append a colour picture; the first decides about the size, whose sides must be even."""
        if self._stream is None:
            self.size = image.size
            self._stream = self._file.add_stream("libx264", rate=self._rate,
                                                 options={"preset": "veryfast", "crf": "21"})
            self._stream.width, self._stream.height, self._stream.pix_fmt = *image.size, "yuv420p"
            self._stream.codec_context.time_base = CLOCK
        frame = av.VideoFrame.from_ndarray(np.asarray(image if image.size == self.size else image.resize(self.size)),
                                           format="rgb24")
        self._last = max(self._last + 1, round(seconds / CLOCK))
        frame.pts, frame.time_base = self._last, CLOCK
        self._file.mux(self._stream.encode(frame))
