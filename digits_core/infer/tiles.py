"""Data of a layer as one picture of tiles, as DIGITS drew it (VIS-02). No torch here."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Json = dict[str, Any]
Array = NDArray[Any]
WIDEST, SMALLEST = 1200, 100
BINS = 20
COLORMAPS: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "jet": ((0, 0, 0, 0, 0.5, 1, 1, 1, 0.5), (0, 0, 0.5, 1, 1, 1, 0.5, 0, 0), (0.5, 1, 1, 1, 0.5, 0, 0, 0, 0)),
    "white": ((0, 1), (0, 1), (0, 1)),
    "simple": ((0, 1, 1, 1), (0, 0, 1, 1), (0, 0, 0, 1)),
    "hot": ((0.04, 1, 1, 1), (0, 0.02, 1, 1), (0, 0, 0.02, 1)),
    "rainbow": ((0.5, 0, 0, 1, 1), (0, 0.6, 1, 0.8, 0), (1, 1, 0.5, 0.2, 0)),
    "winter": ((0, 0), (0, 1), (1, 0.5)),
}
"""Red, green and blue at equal steps from the smallest to the largest value."""


def statistics(data: Array) -> Json:
    """``shape``, ``mean``, ``std`` and a histogram of 20 bins with ``ticks`` at its ends and middle."""
    low, high = float(data.min()), float(data.max())
    tight = high - low <= 1e-6 * max(abs(low), abs(high), 1e-30)  # too close together for 20 different edges
    counts, edges = np.histogram(data.astype(np.float64), BINS, (low - 0.5, high + 0.5) if tight else (low, high))
    return {"shape": list(data.shape), "mean": float(data.mean(dtype=np.float64)),
            "std": float(data.std(dtype=np.float64)),
            "histogram": {"counts": counts.tolist(), "ticks": [float(edges[0]), float(edges[BINS // 2]),
                                                               float(edges[-1])]}}


def tiled(data: Array, colormap: str = "jet", normalise: bool = True) -> bytes:
    """A PNG of the data: each map a tile, from the smallest value to the largest over all of them.

    Numbers and vectors become cells of one pixel; three maps one colour picture; filters on three channels are in
    colour; everything else is a map in the colours of ``colormap`` ("" : grey). Without ``normalise`` the scale is
    0..1. At most 1200 pixels wide (further maps are left out), at least 100 (pixels are repeated).
    """
    maps, color = as_maps(np.asarray(data, np.float64))
    side = maps.shape[2]
    if side >= WIDEST:
        maps, gap, across = maps[:1, :WIDEST, :WIDEST], 0, 1
    else:
        gap = int(side > 1)
        across = max(1, WIDEST // (side + gap))
        maps = maps[:across * across]
    if normalise:
        low, high = maps.min(), maps.max()
        maps = (maps - low) / (high - low) if high > low else np.zeros_like(maps)
    shares = np.clip(maps, 0, 1)
    return _png(_arranged(shares if color else painted(shares, colormap), gap))


def as_maps(data: Array) -> tuple[Array, bool]:
    """(maps, height, width), or (maps, height, width, 3) and True for colour."""
    if data.ndim <= 2:
        return data.reshape(-1, 1, 1), False
    if data.ndim == 3:
        return (data.transpose(1, 2, 0)[None], True) if len(data) == 3 else (data, False)
    data = data.reshape(*data.shape[:2], data.shape[2], -1)  # video and the like: the last axes side by side
    if data.shape[1] == 3:
        return data.transpose(0, 2, 3, 1), True
    return data.reshape(-1, *data.shape[2:]), False


def painted(shares: Array, colormap: str) -> Array:
    """Values 0..1 as colours 0..1 in a new last axis."""
    if not colormap:
        return np.repeat(shares[..., None], 3, -1)
    return np.stack([np.interp(shares, np.linspace(0, 1, len(ramp)), ramp) for ramp in COLORMAPS[colormap]], -1)


def _arranged(tiles: Array, gap: int) -> Array:
    """All tiles in a square, white gaps of ``gap`` pixels between them."""
    across = int(np.ceil(np.sqrt(len(tiles))))
    down = -(-len(tiles) // across)
    height, width = tiles.shape[1] + gap, tiles.shape[2] + gap
    padded = np.ones((down * across, height, width, 3))
    padded[:len(tiles), :tiles.shape[1], :tiles.shape[2]] = tiles
    canvas = padded.reshape(down, across, height, width, 3).swapaxes(1, 2).reshape(down * height, across * width, 3)
    return canvas[:down * height - gap, :across * width - gap]


def _png(canvas: Array) -> bytes:
    factor = max(1, min(-(-SMALLEST // canvas.shape[1]), WIDEST // max(canvas.shape[:2])))
    image = Image.fromarray((canvas * 255).round().astype(np.uint8))
    image = image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def overlay(pixels: Array, heat: Array) -> bytes:
    """A PNG of a picture (C, H, W), 0..255, under a heat map (H, W), 0..1: what is hot is coloured."""
    ground = np.repeat(pixels, 3, 0) if len(pixels) == 1 else pixels
    strength = np.clip(heat, 0, 1)[..., None] * 0.7
    canvas = ground.transpose(1, 2, 0) / 255 * (1 - strength) + painted(np.clip(heat, 0, 1), "jet") * strength
    return _png(canvas)


def repeated(png: bytes, least: int) -> bytes:
    """The picture at least ``least`` pixels wide: its pixels are repeated, where a browser would blur them."""
    image = Image.open(io.BytesIO(png))
    factor = -(-least // image.width)
    if factor <= 1:
        return png
    larger = io.BytesIO()
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(larger, "PNG")
    return larger.getvalue()
