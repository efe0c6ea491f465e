"""What a model says through a video: a table of all frames, and lines that a chart can show."""

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from digits_core.infer.results import best_of, escaped

Json = dict[str, Any]
Figures = Callable[[Json], dict[str, float]]
"""From a row to numbers by name; of a row with an error none."""
POINTS, LINES = 600, 10
FILM = "video.mp4"
"""The annotated video, in the job's folder."""


def csv_lines(rows: Iterable[Json], labels: Sequence[str], figures: Figures, top: int) -> Iterator[bytes]:
    """CSV in pieces: frame, seconds, error, and either the ``top`` labels or the figure of each of ``labels``.

    Boxes stand in one more cell, as "label score left top right bottom" with semicolons between.
    """
    best = [f"{word}{k}" for k in range(1, top + 1) for word in ("label", "probability")]
    header = ["frame", "seconds", "error", *(labels or best)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([escaped(cell) for cell in [*header, *(["boxes"] if labels else [])]])
    for row in rows:
        cells = [row.get("frame"), row.get("seconds"), row.get("error", "")]
        if labels:
            found = figures(row)
            cells += [*(found.get(label, "") for label in labels), _boxes(row)]
        else:
            cells += [cell for one in best_of(row)[:top] for cell in (one.get("label"), one.get("probability"))]
            cells += [""] * (len(header) - len(cells))
        writer.writerow([escaped(cell) for cell in cells])
        if buffer.tell() > 64_000:
            yield _taken(buffer)
    yield _taken(buffer)


def _boxes(row: Json) -> str:
    return "; ".join(" ".join([str(box["label"]), f"{box['score']:.4f}", *(f"{edge:g}" for edge in box["box"])])
                     for box in row.get("boxes") or ())


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


def lines(rows: Callable[[], Iterable[Json]], figures: Figures, frames: int) -> Json:
    """{"seconds", "series": {name: [mean figure]}} of the largest figures, at most 600 points and 10 names.

    ``rows`` is called twice, so that they need not lie in memory.
    """
    totals: dict[str, float] = defaultdict(float)
    for row in rows():
        for name, value in figures(row).items():
            totals[name] += abs(value)
    names = sorted(totals, key=lambda name: (-totals[name], name))[:LINES]
    each = max(1, -(-frames // POINTS))
    seconds: list[float] = []
    series: dict[str, list[float]] = {name: [] for name in names}
    held: list[Json] = []

    def fold() -> None:
        found = [figures(row) for row in held]
        seconds.append(round(sum(float(row["seconds"]) for row in held) / len(held), 3))
        for name in names:
            series[name].append(round(sum(one.get(name, 0.0) for one in found) / len(found), 6))
        held.clear()

    for row in rows():
        held.append(row)
        if len(held) == each:
            fold()
    if held:
        fold()
    return {"seconds": seconds, "series": series}
