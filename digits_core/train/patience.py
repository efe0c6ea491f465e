"""Early stopping: whether the goal has stopped getting better."""

from collections.abc import Iterable


def exhausted(measured: Iterable[tuple[float, float]], patience: float, least: float = 0.0,
              start: float = 0.0) -> float | None:
    """The epoch of the best value when nothing was better for ``patience`` epochs; None while there is hope.

    ``measured`` are (epoch, value) in order, higher is better; a gain of no more than ``least`` is none.
    Patience begins at epoch ``start`` at the earliest.

    >>> exhausted([(1, 0.5), (2, 0.6), (3, 0.6), (4, 0.55)], patience=2)
    2
    """
    best, since, now = float("-inf"), 0.0, 0.0
    for epoch, value in measured:
        now = epoch
        if value > best + least:
            best, since = value, epoch
    return since if patience > 0 and now - max(since, start) >= patience else None
