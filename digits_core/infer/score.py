"""Key figures of a batch from its rows: accuracy, confusion matrix, per class. Rows with a known label count."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from digits_core.evaluate.classification import matrix
from digits_core.infer.results import best_of

Json = dict[str, Any]


def score(rows: Iterable[Json], labels: Sequence[str]) -> Json:
    """Counts of all rows; with labels also accuracy and top5 (0..1), confusion (rows: truth) and per class.

    Streams: memory grows with the number of classes, never with that of the pictures. Pictures that could not be
    read are in ``failed`` and in no accuracy. ``top5`` is over as many labels as each row holds, five at most.
    """
    place = {label: k for k, label in enumerate(labels)}
    confusion = np.zeros((len(labels), len(labels)), np.int32)
    pictures = failed = in_top = 0
    for row in rows:
        pictures += 1
        failed += bool(row.get("error"))
        best = [entry["label"] for entry in best_of(row)[:5] if entry["label"] in place]
        if best and row.get("truth") in place:
            confusion[place[row["truth"]], place[best[0]]] += 1
            in_top += row["truth"] in best
    counts = {"v": 1, "pictures": pictures, "failed": failed, "labelled": int(confusion.sum())}
    return {**counts, **(_with_labels(confusion, in_top, labels) if confusion.any() else {})}


def _with_labels(confusion: Any, in_top: int, labels: Sequence[str]) -> Json:
    right, truth, said = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    recall, precision = right / np.maximum(truth, 1), right / np.maximum(said, 1)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    rows = zip(labels, truth, precision, recall, f1, strict=True)
    return {"accuracy": float(right.sum() / truth.sum()), "top5": float(in_top / truth.sum()), "labels": list(labels),
            **matrix(confusion),
            "per_class": [{"label": label, "entries": int(n), "precision": float(p), "recall": float(r),
                           "f1": float(f)} for label, n, p, r, f in rows]}
