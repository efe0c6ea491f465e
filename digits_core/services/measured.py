"""A training's measurements as short series for comparing: read whole, thinned, with final and best values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.jobs.model import number

Json = dict[str, Any]
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
    return not any(word in metric.lower() for word in ("loss", "error", "mae", "mse"))


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
    return {name: _series(rows, is_better_high(name), points) for name, rows in found.items()}


def _series(rows: list[tuple[float, float, float, float]], high: bool, points: int) -> Series:
    values = [row[3] for row in rows]
    top = (max if high else min)(range(len(rows)), key=values.__getitem__)
    kept = [rows[i] for i in thin(values, points)]
    epoch, step, seconds, value = zip(*kept, strict=True)
    return Series(epoch, step, seconds, value, values[-1], values[top], rows[top][0])


def thin(values: Sequence[float], points: int) -> list[int]:
    """Positions of at most about ``points`` values: first, last, and lowest and highest of each stretch."""
    if len(values) <= points:
        return list(range(len(values)))
    width = -(-2 * len(values) // points)
    keep = {0, len(values) - 1}
    for start in range(0, len(values), width):
        stretch = range(start, min(start + width, len(values)))
        keep |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return sorted(keep)


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
