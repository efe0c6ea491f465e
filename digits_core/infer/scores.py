"""The complete scores of a batch while it runs: scores.bin grows beside predictions.jsonl, the same rows in 8 k bytes.

At the end both become one file of predictions, from which every report is made. Rows keep the labels people asked for.
"""

import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from digits_core import files
from digits_core.evaluate.predictions import KEPT, LARGEST, UNKNOWN, Predictions, predictions_file
from digits_core.infer.results import Results

Json = dict[str, Any]
FULL = 100
"""With so many classes at most the probability of every class is kept; of more, the best ``KEPT``."""


class Scores:
    """The scores of one job folder: for each row the ``top`` best classes and their probabilities."""

    def __init__(self, folder: Path, labels: Sequence[str], top: int, pictures: int) -> None:
        self.folder, self.labels = folder, list(labels)
        classes = len(labels)
        every = classes <= FULL and classes * pictures <= LARGEST
        self.top = classes if every else min(classes, max(top, KEPT))
        self.path = folder / "scores.bin"
        self.entry = np.dtype([("column", "<i4", (self.top,)), ("score", "<f4", (self.top,))])
        self._place = {label: number for number, label in enumerate(labels)}

    def count(self) -> int:
        """Whole rows that are there."""
        return self.path.stat().st_size // self.entry.itemsize if self.path.exists() else 0

    def cut(self, rows: int) -> None:
        """Keep the first ``rows`` only. Only the writer may call it."""
        if self.path.exists():
            os.truncate(self.path, rows * self.entry.itemsize)

    def append(self, answers: Iterable[Json]) -> None:
        """Add the answers to a chunk of pictures; a picture that could not be read has no columns."""
        answers = list(answers)
        rows = np.zeros(len(answers), self.entry)
        rows["column"] = UNKNOWN
        for row, answer in zip(rows, answers, strict=True):
            best = answer.get("predictions", [])[:self.top]
            row["column"][:len(best)] = [self._place[entry["label"]] for entry in best]
            row["score"][:len(best)] = [entry["probability"] for entry in best]
        try:
            with self.path.open("ab") as file:
                file.write(rows.tobytes())
        except OSError as error:
            raise files.named_disk_error(error, self.path) from error

    def publish(self, results: Results, source: Json) -> None:
        """Write the file of predictions of all pictures that could be read; the growing file goes."""
        rows = np.fromfile(self.path, self.entry)
        good = np.flatnonzero(rows["column"][:, 0] != UNKNOWN)
        truth, paths = np.full(len(rows), UNKNOWN, np.int32), [""] * len(rows)
        for number, row in enumerate(results):
            truth[number], paths[number] = self._place.get(str(row.get("truth")), UNKNOWN), str(row.get("image", ""))
        self._made(rows[good], truth[good], [paths[i] for i in good], good, source).write(
            predictions_file(self.folder, ""))
        self.path.unlink()

    def _made(self, rows: Any, truth: Any, paths: list[str], index: Any, source: Json) -> Predictions:
        columns, scores = rows["column"], rows["score"]
        own = columns == truth[:, None]
        place = np.where(own.any(1), own.argmax(1), np.where(truth == UNKNOWN, UNKNOWN, self.top)).astype(np.int32)
        truth_score = np.where(own.any(1), (scores * own).sum(1), np.nan).astype(np.float32)
        predicted = columns[:, 0].astype(np.int32)
        if self.top == len(self.labels):  # sorted by class, which needs no columns
            every = np.empty_like(scores)
            np.put_along_axis(every, columns.astype(np.int64), scores, 1)
            scores, columns = every, None
        return Predictions(self.labels, paths, index.astype(np.int64), truth, predicted, scores, columns, truth_score,
                           place, {**source, "time": time.time()})
