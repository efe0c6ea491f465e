"""Measurements of a training as lines: read once per file size, thinned for the screen."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import streamlit as st

from digits_core import files
from digits_core.jobs.store import AttemptFolder, JobView
from digits_core.ui.text import number

Json = dict[str, Any]
POINTS = 1000
GOING_ON = re.compile(rb"going on at epoch ([0-9.]+)")


class Line(NamedTuple):
    """Points of one measurement."""

    x: list[float]
    y: list[float]


def rows(path: Path) -> list[Json]:
    """All rows of a file that only grows; the size is part of the cache's key."""
    try:
        return _rows(str(path), path.stat().st_size)
    except OSError:
        return []


@st.cache_data(max_entries=16, show_spinner=False)
def _rows(path: str, size: int) -> list[Json]:
    return files.read_jsonl(Path(path))[0]


def lines(view: JobView) -> dict[str, Line]:
    """Every measurement of a training over epochs, thinned."""
    found: dict[str, Line] = {}
    for row in rows(view.folder.metrics):
        epoch = number(row.get("epoch"))
        for name, value in row.items() if epoch is not None else ():
            if name not in ("t", "step", "epoch") and (y := number(value)) is not None:
                line = found.setdefault(str(name), Line([], []))
                line.x.append(epoch)
                line.y.append(y)
    return {name: thin(line) for name, line in found.items()}


def thin(line: Line, points: int = POINTS) -> Line:
    """At most about ``points`` points with the same shape: first, last, lowest and highest of each stretch."""
    if len(line.x) <= points:
        return line
    width = -(-2 * len(line.x) // points)
    keep = {0, len(line.x) - 1}
    for start in range(0, len(line.x), width):
        stretch = range(start, min(start + width, len(line.x)))
        keep |= {min(stretch, key=line.y.__getitem__), max(stretch, key=line.y.__getitem__)}
    order = sorted(keep)
    return Line([line.x[i] for i in order], [line.y[i] for i in order])


def best(line: Line | None) -> tuple[float, float] | None:
    """Epoch and value of the highest point, the first one of equals."""
    if not line or not line.x:
        return None
    index = max(range(len(line.y)), key=lambda i: (line.y[i], -i))
    return line.x[index], line.y[index]


def hardware(view: JobView, points: int = 120) -> list[Json]:
    """The newest samples of what the job used."""
    found = [row for row in rows(view.folder.path / "hardware.jsonl") if number(row.get("t")) is not None]
    return found[-points * 4:][:: max(1, min(len(found), points * 4) // points)] + found[-1:]


def series(samples: Iterable[Json], name: str) -> list[float]:
    """One column of samples without its gaps."""
    return [value for row in samples if (value := number(row.get(name))) is not None]


def events(view: JobView) -> list[tuple[float, str, str]]:
    """Epoch, kind and words of what happened on the way and is no measurement."""
    return [(epoch, str(row["event"]), str(row["note"])) for row in rows(view.folder.metrics)
            if "event" in row and "note" in row and (epoch := number(row.get("epoch"))) is not None]


def changes(view: JobView) -> list[float]:
    """Epochs at which somebody changed the learning rate."""
    return [epoch for epoch, event, _ in events(view) if event == "rate"]


def resumed_at(view: JobView) -> list[float]:
    """Epochs at which later attempts went on, as the trainer wrote them down (older versions: in their logs)."""
    marks = [_written(attempt) for attempt in view.folder.attempts()[1:]]
    return sorted({mark for mark in marks if mark is not None})


def _written(attempt: AttemptFolder) -> float | None:
    epoch = number((files.read_json(attempt.resumed) or {}).get("epoch"))
    return _logged(attempt) if epoch is None else epoch


def _logged(attempt: AttemptFolder) -> float | None:
    try:
        with attempt.log.open("rb") as file:
            match = GOING_ON.search(file.read(20_000))
        return float(match.group(1)) if match else None
    except (OSError, ValueError):
        return None
