"""How far two answers about the same picture are apart, as networks give them: one class for each kind of answer.

An answer that another program computed is held against PyTorch's so; 1 is full agreement, 0 none. No torch here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Found = NDArray[Any]
SEEN = 0.3
"""Boxes below this score are not looked at, but may be the twin of one that is: the last digit decides on which side
of it a score lies."""
OVERLAP = 0.9
"""Two boxes that share this much of their area are the same."""


class Close:
    """Answers of numbers. ``span``: from the least to the largest value that is usual; ``same``: a share of it."""

    span, same = 1.0, 0.1

    def difference(self, one: Found, other: Found) -> float | None:
        """The largest difference as a share of the span; None where that says nothing."""
        if one.shape != other.shape:
            return float("inf")
        return float(np.abs(one.astype(np.float64) - other).max(initial=0.0)) / self.span

    def agreement(self, one: Found, other: Found) -> float:
        """The share of values that are the same to somebody who looks."""
        if one.shape != other.shape:
            return 0.0
        return float((np.abs(one.astype(np.float64) - other) <= self.same * self.span).mean())


class SameLabel(Close):
    """Probabilities of which one class is told."""

    def agreement(self, one: Found, other: Found) -> float:
        """Whether the most probable class is the same."""
        return float(one.shape == other.shape and one.argmax() == other.argmax())


class SameSet(Close):
    """Probabilities of which each is told."""

    def agreement(self, one: Found, other: Found) -> float:
        """The share of labels that both call more probable than not, or both do not."""
        return float(((one >= 0.5) == (other >= 0.5)).mean()) if one.shape == other.shape else 0.0


class SameClasses(Close):
    """Numbers of classes for each pixel."""

    def difference(self, one: Found, other: Found) -> float | None:
        """None: numbers of classes have no distance."""
        return None

    def agreement(self, one: Found, other: Found) -> float:
        """The share of pixels of the same class."""
        return float((one == other).mean()) if one.shape == other.shape else 0.0


class SamePlace(Close):
    """Embeddings of length 1."""

    def agreement(self, one: Found, other: Found) -> float:
        """Whether both lie in nearly the same direction."""
        return float(one.shape == other.shape and float((one.astype(np.float64) * other).sum()) >= 0.98)


class SameBoxes(Close):
    """Boxes (N, 6): class, x0, y0, x1, y1, score."""

    def difference(self, one: Found, other: Found) -> float | None:
        """The largest difference of two scores, or of two edges as a share of the box, between a box and its twin.

        None where no box has one: then nothing was compared.
        """
        first, second, same = _twins(one, other)
        side = (first[:, 3:5] - first[:, 1:3]).max(1, initial=1.0)
        edges = np.abs(first[:, None, 1:5] - second[None, :, 1:5]).max(2, initial=0) / side[:, None]
        away = np.maximum(edges, np.abs(first[:, None, 5] - second[None, :, 5]))
        nearest = np.where(same, away, np.inf).min(1, initial=np.inf)  # several may lie in one place
        known = nearest[np.isfinite(nearest)]
        return float(known.max()) if len(known) else None

    def agreement(self, one: Found, other: Found) -> float:
        """The share of boxes that have a twin; 1 when nobody sees any."""
        found = np.concatenate([_twins(one, other)[2].any(1), _twins(other, one)[2].any(1)])
        return float(found.mean()) if len(found) else 1.0


def _twins(one: Found, other: Found) -> tuple[Found, Found, NDArray[np.bool_]]:
    """The boxes that count of one, all of the other, and which of them are the same."""
    first, second = one.astype(np.float64)[one[:, 5] >= SEEN], other.astype(np.float64)
    low = np.maximum(first[:, None, 1:3], second[None, :, 1:3])
    high = np.minimum(first[:, None, 3:5], second[None, :, 3:5])
    shared = (high - low).clip(0).prod(2)
    area = [(boxes[:, 3:5] - boxes[:, 1:3]).prod(1) for boxes in (first, second)]
    union = area[0][:, None] + area[1][None] - shared
    return first, second, (shared >= OVERLAP * union) & (first[:, None, 0] == second[None, :, 0])
