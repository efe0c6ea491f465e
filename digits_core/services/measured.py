"""A training's measurements as short series for comparing: read whole, thinned, with final and best values."""

import itertools
import operator
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
ORDER = "\0order"
"""Stands in a row for its place in the file."""


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
    parts: dict[str, list[Columns]] = {}
    shapes: dict[tuple[str, ...], list[Json]] = {}
    for place, row in enumerate(files.read_jsonl(path)[0]):
        row[ORDER] = place
        shapes.setdefault(tuple(row), []).append(row)
    for shape, rows in shapes.items():  # rows with the same names at once: half a million rows take a second, not four
        for name in _metrics(shape):
            if len(columns := _columns(rows, name)):
                parts.setdefault(name, []).append(columns)
    return {name: _series(_in_order(found), is_better_high(name), points) for name, found in parts.items()}


def _metrics(shape: tuple[str, ...]) -> list[str]:
    return [name for name in shape if name not in (*NOT_METRICS, ORDER)] if {"epoch", "step"} <= set(shape) else []


def _columns(rows: list[Json], name: str) -> Columns:
    """Place in the file, epoch, step, seconds and value of the rows in which they are numbers."""
    wanted = (ORDER, "epoch", "step", "t", name) if "t" in rows[0] else (ORDER, "epoch", "step", name)
    found = list(map(operator.itemgetter(*wanted), rows))
    if not set(map(type, itertools.chain.from_iterable(found))) <= {int, float}:
        found = [(row[ORDER], row["epoch"], row["step"], *([number(row["t"]) or 0.0] if "t" in row else []), row[name])
                 for row in rows if None not in (number(row["epoch"]), number(row["step"]), number(row[name]))]
    try:
        columns = np.array(found, np.float64).reshape(-1, len(wanted))
    except OverflowError:  # a whole number beyond what a float holds
        found = [row for row in found if None not in map(number, row)]
        columns = np.array(found, np.float64).reshape(-1, len(wanted))
    if len(wanted) == 4:
        columns = np.insert(columns, 3, 0.0, axis=1)
    return columns[np.isfinite(columns).all(1)]


def _in_order(parts: list[Columns]) -> Columns:
    """Epoch, step, seconds and value as the file has them, one row each."""
    whole = np.concatenate(parts)
    return whole[whole[:, 0].argsort(kind="stable"), 1:].T if len(parts) > 1 else whole[:, 1:].T


def _series(columns: Columns, high: bool, points: int) -> Series:
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
