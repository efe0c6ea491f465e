"""95 % intervals of key figures. Everything here is deterministic: the same pictures give the same interval."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Z = 1.959963984540054
"""97.5 % point of the normal distribution."""
DRAWS = 4000


class Figure(NamedTuple):
    """A key figure with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(hits: Any, entries: Any) -> tuple[Array, Array]:
    """Wilson score interval of shares ``hits / entries`` (Wilson 1927); 0..1 where there are no entries."""
    n = np.asarray(entries, np.float64)
    safe = np.maximum(n, 1e-12)
    share = np.asarray(hits, np.float64) / safe
    middle = (share + Z**2 / (2 * safe)) / (1 + Z**2 / safe)
    half = Z * np.sqrt(share * (1 - share) / safe + Z**2 / (4 * safe**2)) / (1 + Z**2 / safe)
    return np.where(n > 0, np.clip(middle - half, 0, 1), 0.0), np.where(n > 0, np.clip(middle + half, 0, 1), 1.0)


def share(hits: int, entries: int) -> Figure:
    """A share with its Wilson interval."""
    low, high = wilson(hits, entries)
    return Figure(hits / entries if entries else 0.0, float(low), float(high))


def f1(hits: Any, wrong: Any) -> tuple[Array, Array]:
    """Interval of F1 = 2 hits / (2 hits + wrong), ``wrong`` counting false positives and false negatives.

    F1 = 2 J / (1 + J) grows with the Jaccard share J = hits / (hits + wrong), whose Wilson interval is carried over.
    """
    low, high = wilson(hits, np.asarray(hits) + np.asarray(wrong))
    return 2 * low / (1 + low), 2 * high / (1 + high)


def mean_of_shares(hits: NDArray[Any], entries: NDArray[Any]) -> Figure:
    """Mean of independent shares (balanced accuracy).

    The interval is by the method of variance estimates recovery (Zou, Donner 2008): the distances to each share's
    Wilson limits are added as squares.
    """
    if not len(entries):
        return Figure(0.0, 0.0, 1.0)
    shares = hits / entries
    low, high = wilson(hits, entries)
    value = float(shares.mean())
    down, up = (math.sqrt(float(((shares - end) ** 2).sum())) / len(shares) for end in (low, high))
    return Figure(value, max(0.0, value - down), min(1.0, value + up))


def paired_difference(only_first: int, only_second: int, entries: int) -> Figure:
    """Difference of two shares of the same ``entries``, of which so many count for one of the two only.

    The interval is Bonett's and Price's (2012) for paired shares.
    """
    up, down = (only_first + 1) / (entries + 2), (only_second + 1) / (entries + 2)
    half = Z * math.sqrt(max(0.0, up + down - (up - down) ** 2) / (entries + 2))
    return Figure((only_first - only_second) / entries, max(-1.0, up - down - half), min(1.0, up - down + half))


def mean(values: NDArray[Any]) -> Figure:
    """Mean with the normal interval of its standard error."""
    middle = float(values.mean())
    half = Z * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return Figure(middle, middle - half, middle + half)


def logit(value: float, variance: float, entries: int) -> Figure:
    """A share whose variance is known, with the normal interval of its logit, so that it stays within 0..1.

    At the ends, where that says nothing, it is the Wilson interval of as many pictures as the rarer side has.
    """
    if not (1e-12 < value < 1 - 1e-12 and variance > 0):
        low, high = wilson(value * entries, entries)
        return Figure(value, float(low), float(high))
    middle, spread = math.log(value / (1 - value)), Z * math.sqrt(variance) / (value * (1 - value))
    return Figure(value, _logistic(middle - spread), _logistic(middle + spread))


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def sum_of_distances(distances: Array, hits: NDArray[Any], entries: NDArray[Any]) -> Figure:
    """Sum of the absolute ``distances`` between shares ``hits / entries`` and what was promised, each times its weight.

    By the triangle inequality the sum is off by no more than the noise of all shares together; its 95 % point is drawn
    from normal distributions with the shares' own spread (one success and one failure added, so that a share of 1 has
    some). So the interval is rather too wide than too narrow; a bootstrap is too narrow here, because resampling adds
    distance to a figure that cannot be negative.
    """
    share = (hits + 1) / (entries + 2)
    spread = np.sqrt(entries * share * (1 - share)) / max(1, entries.sum())
    noise = np.abs(np.random.default_rng(0).standard_normal((DRAWS, len(spread)))) @ spread
    value, reach = float(np.abs(distances).sum()), float(np.quantile(noise, 0.95))
    return Figure(value, max(0.0, value - reach), min(1.0, value + reach))
