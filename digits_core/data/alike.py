"""Pictures that are the same or nearly so, among many: a 64-bit perceptual hash, found by its parts, then compared.

Resized and re-encoded copies of a picture differ in few of the hash's bits. Two hashes that differ in at most seven
of eight bytes' worth of bits share one byte at least, so only pictures that share a byte are held against each other,
and those that remain are compared as thumbnails: what this calls alike, a person would call the same picture.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 16
"""Pixels of a thumbnail's side."""
BITS = 7
"""Different bits of two hashes up to which thumbnails are compared."""
DIFFERENCE = 0.15
"""Difference of two thumbnails, as a share of their contrast, up to which they show the same picture."""
BLOCK = 1 << 22
"""Pairs that are looked at in one go."""

Hashes = NDArray[np.uint64]
Thumbs = NDArray[np.uint8]
Pairs = NDArray[np.int64]


def look(pixels: NDArray[Any]) -> tuple[Hashes, Thumbs]:
    """Hash and grey thumbnail of each picture of a batch (B, C, H, W)."""
    grey = pixels.astype(np.float32).mean(axis=1)
    down, across = _average(grey.shape[1]), _average(grey.shape[2])
    thumbs = np.rint(down @ grey @ across.T).clip(0, 255).astype(np.uint8)
    waves = (_cosines(grey.shape[1]) @ grey @ _cosines(grey.shape[2]).T).reshape(len(grey), 64)
    waves[:, 0] = 0  # brightness says nothing
    bits = waves > np.median(waves, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(">u8").astype(np.uint64)[:, 0], thumbs


@lru_cache(maxsize=8)
def _average(size: int) -> NDArray[np.float32]:
    """(SIDE, size): what brings ``size`` pixels to SIDE by area; a smaller picture is drawn out."""
    return _areas(SIDE, size)


@lru_cache(maxsize=8)
def _cosines(size: int) -> NDArray[np.float32]:
    """(8, size): the eight slowest cosine waves over a side of 32 averaged pixels."""
    places = (np.arange(32) + 0.5) / 32
    waves: NDArray[np.float32] = np.cos(np.pi * np.arange(8)[:, None] * places).astype(np.float32)
    return np.asarray(waves @ _areas(32, size), np.float32)


def _areas(target: int, size: int) -> NDArray[np.float32]:
    edges = np.linspace(0, size, target + 1)
    low = np.maximum(edges[:-1, None], np.arange(size))
    high = np.minimum(edges[1:, None], np.arange(1, size + 1))
    share = np.clip(high - low, 0, None)
    return np.asarray(share / share.sum(axis=1, keepdims=True), np.float32)


def similar(hashes: Hashes, thumbs: Thumbs, tick: Callable[[], None] = lambda: None) -> Pairs:
    """All pairs (N, 2) of positions, smaller first, that show the same picture."""
    found = [np.empty((0, 2), np.int64)]
    parts = hashes.view(np.uint8).reshape(len(hashes), 8)
    for part in range(8):
        for pairs in _near(hashes, parts[:, part], part):
            tick()
            found += [block[_same(thumbs, block)] for block in np.array_split(pairs, len(pairs) // 65_536 + 1)]
    pairs = np.sort(np.concatenate(found), axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def _near(hashes: Hashes, values: NDArray[np.uint8], part: int) -> Iterator[Pairs]:
    """Blocks of the pairs that share a value, have near hashes, and were not met at an earlier part of the hash."""
    order = np.argsort(values, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(values[order])) + 1):
        own, rows = hashes[group], max(1, BLOCK // max(1, len(group)))
        for start in range(0, len(group) - 1, rows):
            differ = own[start:start + rows, None] ^ own[None, :]
            first, second = np.nonzero(np.bitwise_count(differ) <= BITS)
            apart = differ[first, second].view(np.uint8).reshape(len(first), 8)
            new = (first + start < second) & (apart[:, :part] != 0).all(axis=1)
            yield np.stack([group[first[new] + start], group[second[new]]], axis=1)


def _same(thumbs: Thumbs, pairs: Pairs) -> NDArray[np.bool_]:
    """Whether thumbnails agree: small differences beside the contrast they have."""
    one, two = (thumbs[pairs[:, side]].reshape(len(pairs), SIDE * SIDE).astype(np.float32) for side in (0, 1))
    apart = np.sqrt(((one - two) ** 2).mean(axis=1))
    contrast = np.minimum(one.std(axis=1), two.std(axis=1))
    return np.asarray(apart <= np.maximum(DIFFERENCE * contrast, 1.0), np.bool_)


def exact(prints: Hashes) -> list[NDArray[np.int64]]:
    """Groups of two or more positions with the same fingerprint, each in order, by their first member."""
    order = np.argsort(prints, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(prints[order])) + 1)
    return sorted((group for group in groups if len(group) > 1), key=lambda group: int(group[0]))


def stars(pairs: Pairs) -> list[list[int]]:
    """Groups in which each member is alike to the first one: chains of small differences do not tie far ones."""
    groups: dict[int, list[int]] = {}
    taken: set[int] = set()
    for first, second in pairs.tolist():  # in order of the first
        if first in taken or second in taken:
            continue
        groups.setdefault(first, [first]).append(second)
        taken.add(second)
    return list(groups.values())
