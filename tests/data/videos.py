"""Videos drawn by code: a few small frames, each with its number as its brightness."""

from pathlib import Path

import av
import numpy as np

STEP = 8
"""How much brighter each frame is than the one before."""


def video(path: Path, frames: int = 10, size: tuple[int, int] = (64, 48), rate: int = 10, codec: str = "libx264",
          start: int = 0, noise: bool = False) -> Path:
    """A video of grey frames; frame n has the brightness ``start + 8 n``, and the top left quarter is red or noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        random = np.random.default_rng(0)
        for number in range(frames):
            pixels = np.full((height, width, 3), (start + STEP * number) % 256, np.uint8)
            corner = pixels[:height // 2, :width // 2]
            corner[:] = random.integers(0, 256, corner.shape) if noise else (255, 0, 0)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def class_folders(top: Path, clips: int = 4, frames: int = 6, classes: tuple[str, ...] = ("cats", "dogs")) -> Path:
    """``top/cats/0.mp4`` and so on, every clip of another brightness."""
    for place, name in enumerate(classes):
        for number in range(clips):
            video(top / name / f"{number}.mp4", frames, start=100 * place + 20 * number)
    return top
