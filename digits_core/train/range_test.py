"""Which learning rate to start with: the range test.

The rate rises by a constant factor from step to step until the loss explodes; the best start is where the loss falls
fastest. Source: Smith, Cyclical Learning Rates, https://arxiv.org/abs/1506.01186, section 3.3; the smoothing is the one
of fastai.
"""

import math
from collections.abc import Sequence

LOWEST, HIGHEST = 1e-6, 10.0
STEPS = 100
SMOOTH = 0.9
EXPLODED = 4.0
"""Times the smallest smoothed loss: from here on the test has nothing more to say."""
EDGE = 5
"""Points at either end that are no candidates: the mean has not settled, or the loss is about to explode."""


def rate(step: int, steps: int = STEPS) -> float:
    """Learning rate of a step, counted from 0.

    >>> [round(rate(step, 8), 6) for step in (0, 7)]
    [1e-06, 10.0]
    """
    return LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))


class RangeTest:
    """Collects losses and says when it is over and which rate to take."""

    def __init__(self) -> None:
        self.mean, self.best = 0.0, math.inf
        self.points: list[tuple[float, float]] = []
        """Learning rate and smoothed loss of every step."""

    def add(self, lr: float, loss: float) -> bool:
        """One more step was done; False when the loss exploded."""
        if not math.isfinite(loss):
            return False
        self.mean = SMOOTH * self.mean + (1 - SMOOTH) * loss
        smooth = self.mean / (1 - SMOOTH ** (len(self.points) + 1))
        self.points.append((lr, smooth))
        self.best = min(self.best, smooth)
        return smooth <= EXPLODED * self.best

    def suggestion(self) -> float | None:
        """Where the loss falls fastest, two digits; None when it never falls."""
        found = steepest(self.points[EDGE:-EDGE])
        return None if found is None else float(f"{found:.1e}")


def steepest(points: Sequence[tuple[float, float]]) -> float | None:
    """The rate at which the loss falls most for the same factor of the rate.

    >>> steepest([(1e-4, 2.0), (1e-3, 1.9), (1e-2, 0.9), (1e-1, 0.8)])
    0.01
    """
    slopes = [(after[1] - before[1], here[0])
              for before, here, after in zip(points, points[1:], points[2:], strict=False)]
    fall, lr = min(slopes, default=(0.0, 0.0))
    return lr if fall < 0 else None
