"""A hundred pictures, every pixel format and orientation among them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ORIENTATION = 0x0112


def _pixels(number: int) -> np.ndarray:
    """A bright bar, 30 x 22 pixels in colour, whose place and colours follow from the number."""
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 90, (22, 30, 3), np.uint8)
    left = int(rng.integers(0, 20))
    pixels[:, left:left + 10] += rng.integers(60, 160, 3).astype(np.uint8)
    return pixels


def _turned(orientation: int) -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, pixels: np.ndarray) -> Path:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        Image.fromarray(pixels).save(path.with_suffix(".jpg"), exif=exif, quality=92)
        return path.with_suffix(".jpg")
    return write


def _as(mode: str, suffix: str) -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, pixels: np.ndarray) -> Path:
        Image.fromarray(pixels).convert(mode).save(path.with_suffix(suffix))
        return path.with_suffix(suffix)
    return write


def _deep(suffix: str) -> Callable[[Path, np.ndarray], Path]:
    def write(path: Path, pixels: np.ndarray) -> Path:
        Image.fromarray(pixels[..., 0].astype(np.uint16) * 257).save(path.with_suffix(suffix))
        return path.with_suffix(suffix)
    return write


def _see_through(path: Path, pixels: np.ndarray) -> Path:
    alpha = np.random.default_rng(1).integers(0, 256, pixels.shape[:2], np.uint8)
    Image.fromarray(np.dstack([pixels, alpha])).save(path.with_suffix(".png"))
    return path.with_suffix(".png")


WRITERS = {**{f"orientation{n}": _turned(n) for n in range(1, 9)}, "deep-png": _deep(".png"),
           "deep-tiff": _deep(".tif"), "grey": _as("L", ".png"), "grey-jpeg": _as("L", ".jpg"),
           "grey-alpha": _as("LA", ".png"),
           "rgba": _see_through, "cmyk": _as("CMYK", ".jpg"), "cmyk-tiff": _as("CMYK", ".tif"),
           "palette": _as("P", ".png"), "gif": _as("P", ".gif"), "bits": _as("1", ".png"), "bmp": _as("RGB", ".bmp"),
           "webp": _as("RGB", ".webp"), "ppm": _as("RGB", ".ppm"), "ycbcr": _as("YCbCr", ".jpg"),
           "float-tiff": _as("F", ".tif"), "png": _as("RGB", ".png")}


def hundred(folder: Path) -> list[Path]:
    """Four pictures of each format."""
    return [write(folder / f"{name}-{turn}", _pixels(100 * number + turn))
            for number, (name, write) in enumerate(WRITERS.items()) for turn in range(4)]
