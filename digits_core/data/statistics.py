"""Mean and spread over all pixels of a split, in one pass."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.data.planes import ALL, FRACTIONS
from digits_core.errors import BadData


class Statistics:
    """Sums over pixels, exact in integers, so that neither order nor number of processes changes a mean."""

    def __init__(self, shape: tuple[int, int, int], deep: bool = False) -> None:
        """``deep``: of pictures in full depth, whose sums are in integers of 1/256."""
        self.shape, self.count, self.scale = shape, 0, FRACTIONS if deep else 1
        self.total = np.zeros(shape, np.int64)
        self.squares = [0] * shape[0]

    @classmethod
    def restored(cls, folder: Path, manifest: dict[str, Any]) -> "Statistics":
        """Sums over a finished dataset's training pictures, back from its mean and spread. Raises BadData."""
        channels, height, width = manifest["shape"]
        made = cls((channels, height, width), manifest["channels"] == ALL)
        try:
            mean: NDArray[Any] = np.load(folder / "mean.npy", allow_pickle=False)
            made.count = int(manifest["splits"]["train"]["entries"])
            made.total = np.rint(mean.reshape(made.shape).astype(np.float64) * made.count * made.scale).astype(np.int64)
        except (OSError, ValueError, KeyError) as error:
            raise BadData(f"The mean of the dataset it is made from cannot be read: {error}.") from None
        pixels = made.count * height * width
        made.squares = [round((spread * spread + middle * middle) * pixels * made.scale ** 2) for middle, spread in
                        zip(manifest["mean_pixel"], manifest["std_pixel"], strict=True)]
        return made

    def add(self, sums: bytes | memoryview, count: int) -> None:
        """Add the sums of one chunk of ``count`` pictures."""
        kind = np.dtype(np.uint16 if self.scale == 1 else np.int64)
        size = self.total.size * kind.itemsize
        self.total += np.frombuffer(sums[:size], kind).reshape(self.shape)
        self.squares = [a + int(b) for a, b in zip(self.squares, np.frombuffer(sums[size:], np.uint64), strict=True)]
        self.count += count

    def change(self, pixels: NDArray[Any], sign: int) -> None:
        """Add one picture (sign 1), or take one out that was added before (sign -1)."""
        pixels = pixels.astype(np.int64) if self.scale == 1 else in_fractions(pixels)
        self.total += sign * pixels
        flat = pixels.reshape(len(pixels), -1)
        self.squares = [max(0, old + sign * int(row @ row)) for old, row in zip(self.squares, flat, strict=True)]
        self.count += sign

    def mean(self) -> NDArray[np.float32]:
        """Mean picture (C, H, W), 0..255."""
        return (self.total / (max(1, self.count) * self.scale)).astype(np.float32)

    def pixel(self) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel over all pixels of all pictures."""
        pixels = max(1, self.count * self.shape[1] * self.shape[2])
        means = [int(channel.sum()) / pixels / self.scale for channel in self.total]
        return means, [max(0.0, square / pixels / self.scale ** 2 - mean * mean) ** 0.5
                       for square, mean in zip(self.squares, means, strict=True)]


def in_fractions(pixels: NDArray[Any]) -> NDArray[np.int64]:
    """Pixels in full depth as integers of 1/256."""
    return np.rint(pixels.astype(np.float64) * FRACTIONS).astype(np.int64)
