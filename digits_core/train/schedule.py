"""Learning-rate policies. Step values are percent of training, as DIGITS had them, so they survive other lengths."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digits_core.train.options import TrainOptions

Policy = Callable[["TrainOptions", float], float]


def learning_rate(options: "TrainOptions", done: float) -> float:
    """The learning rate when the share ``done`` (0..1) of training is over, warm-up included.

    >>> from digits_core.train.options import TrainOptions
    >>> [learning_rate(TrainOptions(), done) for done in (0.0, 0.5)]
    [0.01, 0.001]
    """
    rate = options.learning_rate * POLICIES[options.lr_policy](options, done * 100)
    warm = options.warmup_percent / 100
    if options.lr_policy != "onecycle" and done < warm:
        rate *= done / warm if done > 0 else 0.01
    return rate


def curve(options: "TrainOptions", points: int = 101) -> list[tuple[float, float]]:
    """(percent of training, learning rate) pairs for a preview, from 0 to 100 percent."""
    return [(100 * i / (points - 1), learning_rate(options, i / (points - 1))) for i in range(points)]


def _cosine(options: "TrainOptions", percent: float) -> float:
    warm = options.warmup_percent
    share = max(0.0, percent - warm) / max(1e-9, 100 - warm)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


def _onecycle(options: "TrainOptions", percent: float) -> float:
    """Up from 1/25 on a cosine until ``warmup_percent`` (30 when unset), then down to 1/250,000.

    Source: Smith and Topin, https://arxiv.org/abs/1708.07120, with the numbers of PyTorch's OneCycleLR.
    """
    peak = options.warmup_percent or 30.0
    if percent < peak:
        return _between(1 / 25, 1.0, percent / peak)
    return _between(1.0, 1 / 250_000, (percent - peak) / max(1e-9, 100 - peak))


def _between(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(1.0, share)))


POLICIES: dict[str, Policy] = {
    "fixed": lambda o, p: 1.0,
    "step": lambda o, p: float(o.lr_gamma ** math.floor(p / o.lr_step)),
    "multistep": lambda o, p: float(o.lr_gamma ** sum(p >= value for value in o.lr_steps)),
    "exp": lambda o, p: float(o.lr_gamma**p),
    "inv": lambda o, p: float((1 + o.lr_gamma * p) ** -o.lr_power),
    "poly": lambda o, p: float((1 - p / 100) ** o.lr_power),
    "sigmoid": lambda o, p: 1 / (1 + math.exp(o.lr_gamma * (p - o.lr_step))),
    "cosine": _cosine,
    "onecycle": _onecycle,
}
"""Factor on the base rate at ``p`` percent of training (DIGITS' formulas, rows LR-01..07, and two of today)."""
