"""The checkpoints of a model folder: written weights first, known by their json, thinned out by a simple rule.

A checkpoint exists when its json exists, and that is written last and deleted first.
"""

import hashlib
import math
import re
import time
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData

Json = dict[str, Any]
NAME = re.compile(r"epoch_\d+(\.\d+)?\.safetensors")


class Checkpoints:
    """The ``checkpoints`` folder of a model. ``goal`` is the metric that picks the best, higher is better.

    ``keep`` of the others are kept, newest first, beside the best and the last; 0: all.
    """

    def __init__(self, folder: Path, goal: str, keep: int = 0) -> None:
        self.folder, self.goal, self.keep = folder, goal, keep

    def rows(self) -> list[Json]:
        """All checkpoints, oldest first."""
        found = [files.read_json(path) for path in self.folder.glob("epoch_*.json")]
        return sorted((row for row in found if row and isinstance(row.get("epoch"), int | float)
                       and isinstance(row.get("step"), int) and NAME.fullmatch(str(row.get("file")))),
                      key=lambda row: (row["step"], row["epoch"]))

    def best(self) -> Json | None:
        """The one with the highest finite goal, of equals the oldest; where nothing was measured, the newest."""
        return self._best_of(self.rows())

    def _best_of(self, rows: list[Json]) -> Json | None:
        measured = [(goal, row) for row in rows if (goal := self._goal(row)) is not None]
        if not measured:
            return rows[-1] if rows else None
        return max(measured, key=lambda pair: pair[0])[1]

    def is_better(self, metrics: dict[str, float]) -> bool:
        """Whether a checkpoint with these metrics would be the best of all."""
        row = {"metrics": metrics}
        return self._goal(row) is not None and self._best_of([*self.rows(), row]) is row

    def _goal(self, row: Json) -> float | None:
        metrics = row.get("metrics")
        value = metrics.get(self.goal) if isinstance(metrics, dict) else None
        return float(value) if isinstance(value, int | float) and math.isfinite(value) else None

    def publish(self, weights: bytes, epoch: float, step: int, metrics: dict[str, float]) -> None:
        """Add a checkpoint, durable when this returns, and take away what need not be kept.

        The same step again (a stop, then the planned one) replaces it.
        """
        name, digest = self._name(epoch, step), hashlib.sha256(weights).hexdigest()
        known = files.read_json(self.folder / f"{name}.json")
        if known is None or known.get("sha256") != digest or not self._is_whole(known):
            (self.folder / f"{name}.json").unlink(missing_ok=True)  # never a json beside weights that are not its own
            files.write_atomic(self.folder / f"{name}.safetensors", weights)
        row = {"v": 1, "epoch": epoch, "step": step, "file": f"{name}.safetensors", "sha256": digest,
               "bytes": len(weights), "metrics": metrics, "time": time.time()}
        others = [other for other in self.rows() if other["step"] != step]
        files.write_atomic(self.folder / f"{name}.json", {**row, "best": self._best_of([*others, row]) is row})
        self.tidy()

    def _name(self, epoch: float, step: int) -> str:
        short = f"epoch_{epoch:08.3f}"
        taken = files.read_json(self.folder / f"{short}.json")
        return short if taken is None or taken.get("step") == step else f"epoch_{epoch:011.6f}"

    def _is_whole(self, row: Json) -> bool:
        path = self.folder / str(row.get("file"))
        return path.is_file() and path.stat().st_size == row.get("bytes")

    def tidy(self) -> None:
        """Mark the best, delete what retention leaves out, and what a killed process left behind."""
        rows = self.rows()
        best = self._best_of(rows)
        for row in rows:
            if bool(row.get("best")) != (row is best):
                files.write_atomic(self._json(row), {**row, "best": row is best})
        others = [row for row in rows[:-1] if row is not best]
        for row in others[:-self.keep] if self.keep else []:
            self._json(row).unlink(missing_ok=True)
        for path in self.folder.glob("epoch_*.safetensors"):
            if not path.with_suffix(".json").exists():
                path.unlink()
        for path in self.folder.glob(".*.tmp"):
            path.unlink()  # nothing else writes here

    def _json(self, row: Json) -> Path:
        return (self.folder / str(row["file"])).with_suffix(".json")


def read_weights(folder: Path, row: Json) -> bytes:
    """The weights file of a checkpoint. Raises BadData when it is not, to the last bit, what was saved."""
    path = folder / str(row["file"])
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"The weights {path.name} cannot be read ({error.strerror}). Choose another "
                      "checkpoint.") from None
    if hashlib.sha256(content).hexdigest() != row.get("sha256"):
        raise BadData(f"The weights {path.name} have changed since they were saved (wrong sha256). Choose another "
                      "checkpoint.")
    return content
