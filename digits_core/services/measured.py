"""A training's measurements as short series for comparing: read whole, thinned, with final and best values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.jobs.model import number

Json = dict[str, Any]
Columns = NDArray[np.float64]
POINTS = 400
NOT_METRICS = ("t", "step", "epoch", "lr")


@dataclass(frozen=True)
class Series:
    """One metric of one run. All four lists are equally long; ``final`` and ``best`` come from all values."""

    epoch: tuple[float, ...]
    step: tuple[float, ...]
    seconds: tuple[float, ...]
    """Seconds of work since the run began; waiting and pauses are not among them."""
    value: tuple[float, ...]
    final: float
    best: float
    best_epoch: float


def is_better_high(metric: str) -> bool:
    """Whether more of a metric is better: accuracies yes, losses and errors no."""
    return not any(word in metric.lower() for word in ("loss", "error", "mae", "mse", "distance"))


def measure(path: Path, points: int = POINTS) -> dict[str, Series]:
    """Every metric in a metrics.jsonl; a missing file has none, rows that hold something else are left out."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for row in files.read_jsonl(path)[0]:
        epoch, step = number(row.get("epoch")), number(row.get("step"))
        if epoch is None or step is None:
            continue
        worked = number(row.get("t")) or 0.0
        for name, given in row.items():
            if name not in NOT_METRICS and (value := number(given)) is not None:
                found.setdefault(name, []).append((epoch, step, worked, value))
    return {name: _series(np.array(rows).T, is_better_high(name), points) for name, rows in found.items()}


def _series(columns: Columns, high: bool, points: int) -> Series:
    """From epochs, steps, seconds and values, one row each."""
    values = columns[3]
    top = int(values.argmax() if high else values.argmin())
    kept = columns[:, thin(values, points)]
    epoch, step, seconds, value = map(tuple, kept.tolist())
    return Series(epoch, step, seconds, value, float(values[-1]), float(values[top]), float(columns[0, top]))


def thin(values: Sequence[float] | Columns, points: int) -> NDArray[np.int64]:
    """Positions of at most about ``points`` values: first, last, and lowest and highest of each stretch."""
    count = len(values)
    if count <= points:
        return np.arange(count)
    width = -(-2 * count // points)
    whole = np.pad(np.asarray(values, np.float64), (0, -count % width), mode="edge").reshape(-1, width)
    starts = np.arange(len(whole)) * width
    return np.unique(np.concatenate([[0, count - 1], starts + whole.argmin(1), starts + whole.argmax(1)]).clip(
        0, count - 1))


def smooth(values: Sequence[float], weight: float) -> list[float]:
    """An exponential mean that starts without a bias; ``weight`` 0 changes nothing, 0.9 is much."""
    if not weight:
        return list(values)
    last, total, smoothed = 0.0, 0.0, []
    for value in values:
        last = weight * last + (1 - weight) * value
        total = weight * total + (1 - weight)
        smoothed.append(last / total)
    return smoothed
