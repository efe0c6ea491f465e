"""Pictures with all channels in full depth: float32 on the scale 0..255, fractions and all.

What is 0 and what is 255 of a dataset is found by looking at some of its files before the build; values beyond are
kept. So means, spreads, augmentation and views need not know where the numbers came from.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.errors import BadData
from digits_core.safe.planes import safe_planes

ALL = "all"
"""The image type (option ``channels``) of such datasets."""
FRACTIONS = 256
"""Sums are kept in integers of 1/256, so that the order of additions does not matter."""
Span = tuple[float, float]


@dataclass(frozen=True)
class Planes:
    """Channels of one picture, float32 (C, H, W), 0..255 for the dataset's span."""

    array: NDArray[np.float32]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow has it."""
        return self.width, self.height

    @property
    def width(self) -> int:
        """Pixels across."""
        return int(self.array.shape[2])

    @property
    def height(self) -> int:
        """Pixels down."""
        return int(self.array.shape[1])


def opened(source: bytes | Path, name: str, span: Span, channels: int) -> tuple[Planes, list[str]]:
    """A file's planes on the scale of its dataset, and words for what was done to it.

    ``span`` are the file's values for 0 and 255. Raises BadData with the reason, also for other channels than these.
    """
    planes, notes = safe_planes(source, name)
    if len(planes) != channels:
        raise BadData(f"has {len(planes)} channels, {channels} are wanted")
    low, high = span
    return Planes((planes - np.float32(low)) * np.float32(255 / (high - low))), notes


def own_values(pixels: NDArray[Any], span: Span) -> NDArray[np.float32]:
    """What the file held, from pixels on the dataset's scale."""
    low, high = span
    return (pixels * np.float32((high - low) / 255) + np.float32(low)).astype(np.float32)


def least_spread(channels: str) -> float:
    """The smallest standard deviation that a channel of this image type is divided by."""
    return 1e-3 if channels == ALL else 1.0


def shown(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Something to look at, uint8 (1 or 3, H, W): of more channels the first three, of two red and green."""
    if pixels.dtype != np.uint8:
        pixels = np.rint(pixels).clip(0, 255).astype(np.uint8)
    if len(pixels) == 2:
        return np.concatenate([pixels, np.zeros_like(pixels[:1])])
    return pixels if len(pixels) in (1, 3) else pixels[:3]


def pack(pixels: NDArray[np.float32]) -> bytes:
    """The payload of a record."""
    return zlib.compress(pixels.tobytes(), 1)


def unpack(payload: bytes, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """float32 (C, H, W) from a record's payload."""
    return np.frombuffer(zlib.decompress(payload), np.float32).reshape(shape)
