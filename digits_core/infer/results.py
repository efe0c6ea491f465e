"""The rows of a batch: predictions.jsonl only grows, and a small index beside it finds any page at once."""

import csv
import io
import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from digits_core import files
from digits_core.errors import NotFound

Json = dict[str, Any]
Only = Literal["all", "wrong", "failed"]
ENTRY = np.dtype([("at", "<u8"), ("state", "u1")])
STATES = {"all": 0, "wrong": 1, "failed": 2}
NAMES = ("image", "frame", "seconds", "truth", "error", "note", "predictions", "boxes", "classes", "mask", "values",
         "picture")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class BatchPage(NamedTuple):
    """Some rows, and how many there are in all.

    A row is {"n", "image", "source", "truth", "predictions": [{"label", "probability"}]}, for an unreadable picture
    with "error", for an odd list entry with "note"; truth is None when it is not known.
    """

    rows: list[Json]
    total: int


class Results:
    """The rows of one job folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "predictions.jsonl"
        self.index = folder / "predictions.index"

    def mend(self, most: int) -> int:
        """Make the files whole after a writer was killed, and keep at most so many rows; returns their number.

        Only the writer may call it.
        """
        starts, end = self._scan()
        if most < len(starts):
            starts, end = starts[:most], int(starts["at"][most])
        if self.path.exists():
            os.truncate(self.path, end)
        files.write_atomic(self.index, starts.tobytes())
        return len(starts)

    def append(self, rows: Iterable[Json]) -> None:
        """Add rows; durable when this returns."""
        entries = []
        try:
            with self.path.open("ab") as file:
                for row in rows:
                    entries.append((file.tell(), state_of(row)))
                    file.write(json.dumps(row, allow_nan=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            with self.index.open("ab") as file:  # after the rows: it never points at one that is not there
                file.write(np.array(entries, ENTRY).tobytes())
        except OSError as error:
            raise files.named_disk_error(error, self.path) from error

    def page(self, offset: int, limit: int, only: Only = "all") -> BatchPage:
        """``limit`` rows from number ``offset`` on, counted among those that were asked for."""
        index = self._index()
        wanted = index["at"] if only == "all" else index["at"][index["state"] == STATES[only]]
        offset, limit = max(0, offset), max(0, limit)
        rows = []
        if len(wanted) and self.path.is_file():
            with self.path.open("rb") as file:
                for at in wanted[offset:offset + limit]:
                    file.seek(int(at))
                    rows.append(_row(file.readline()))
        return BatchPage([row for row in rows if row is not None], len(wanted))

    def row(self, number: int) -> Json:
        """The row of one picture. Raises NotFound when there is none."""
        return self.rows([number])[0]

    def rows(self, numbers: Sequence[int]) -> list[Json]:
        """The rows of these pictures, in this order. Raises NotFound when there is none for one of them."""
        index, found = self._index()["at"], []
        if bad := [number for number in numbers if not 0 <= number < len(index)]:
            raise NotFound(f"The batch has no row {bad[0]}.")
        with self.path.open("rb") as file:
            for number in numbers:
                file.seek(int(index[number]))
                if (row := _row(file.readline())) is None:
                    raise NotFound(f"The batch has no row {number}.")
                found.append(row)
        return found

    def __iter__(self) -> Iterator[Json]:
        """All whole rows, one after the other."""
        if self.path.is_file():
            with self.path.open("rb") as lines:
                yield from (row for line in lines if (row := _row(line)) is not None)

    def _index(self) -> Any:
        try:
            data, size = self.index.read_bytes(), self.path.stat().st_size
        except OSError:
            return self._scan()[0]
        index = np.frombuffer(data[:len(data) // ENTRY.itemsize * ENTRY.itemsize], ENTRY)
        return index if not len(index) or index["at"].max() < size else self._scan()[0]

    def _scan(self) -> tuple[Any, int]:
        """The index as the rows themselves give it, and where the last whole row ends."""
        starts, states, end = array("Q"), bytearray(), 0  # compact: there may be millions
        if self.path.is_file():
            with self.path.open("rb") as lines:
                for line in lines:
                    row = _row(line)
                    if row is None:
                        break
                    starts.append(end)
                    states.append(state_of(row))
                    end += len(line)
        index = np.empty(len(starts), ENTRY)
        index["at"], index["state"] = starts, states
        return index, end


def _row(line: bytes) -> Json | None:
    try:
        row = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def state_of(row: Json) -> int:
    """2 for an unreadable picture, 1 for a wrong answer, 0 otherwise (right, or nobody knows)."""
    if row.get("error"):
        return STATES["failed"]
    best = best_of(row)
    return STATES["wrong"] if row.get("truth") is not None and best and best[0]["label"] != row["truth"] else 0


def best_of(row: Json) -> list[Json]:
    """The predictions of a row, best first; none where the file was damaged.

    Of other tasks: their boxes, shares of classes, or numbers, each with its figure as "probability".
    """
    for name, figure in (("boxes", "score"), ("classes", "share"), ("values", "value")):
        if isinstance(found := row.get(name), list):
            return [{"label": entry["label"], "probability": entry.get(figure)} for entry in found
                    if isinstance(entry, dict) and "label" in entry]
    best = row.get("predictions")
    return [entry for entry in best if isinstance(entry, dict) and "label" in entry] if isinstance(best, list) else []


def csv_lines(rows: Iterable[Json], top: int) -> Iterator[bytes]:
    """CSV in pieces of some hundred rows: path, truth, error, then label and probability of the ``top`` best."""
    header = ["path", "truth", "error", *(f"{word}{k}" for k in range(1, top + 1) for word in ("label", "probability"))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        best = best_of(row)
        cells = [row.get("image", ""), row.get("truth") or "", row.get("error", "")]
        cells += [value for entry in best[:top] for value in (entry.get("label"), entry.get("probability"))]
        writer.writerow([escaped(cell) for cell in cells] + [""] * (len(header) - len(cells)))
        if buffer.tell() > 64_000:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> bytes:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text.encode("utf-8", "backslashreplace")


def escaped(cell: object) -> object:
    """The cell, with an apostrophe in front where a spreadsheet would run it as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def json_lines(rows: Iterable[Json]) -> Iterator[bytes]:
    """All rows as one JSON array, in pieces: image, truth, error and predictions of each."""
    before = b"["
    for row in rows:
        kept = {name: row[name] for name in NAMES if name in row}
        yield before + json.dumps(kept, allow_nan=False).encode()
        before = b",\n"
    yield b"[]\n" if before == b"[" else b"]\n"
