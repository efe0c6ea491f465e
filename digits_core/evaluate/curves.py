"""How well the score of one class separates it from all others: ROC, precision and recall, as scikit-learn has them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate.intervals import Figure, logit

Json = dict[str, Any]
Array = NDArray[np.float64]
POINTS = 400
"""Points of a curve that is drawn; the figures beside it come from all of them."""


def counts(positive: NDArray[np.bool_], scores: NDArray[Any]) -> tuple[Array, Array, Array]:
    """Thresholds from high to low, and how many positive and negative pictures score at least that."""
    order = np.argsort(-scores, kind="stable")
    ordered, hits = scores[order].astype(np.float64), np.cumsum(positive[order])
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # equal scores are one threshold
    return ordered[last], hits[last].astype(np.float64), (last + 1 - hits[last]).astype(np.float64)


def one_class(positive: NDArray[np.bool_], scores: NDArray[Any]) -> Json:
    """``roc`` and ``pr`` as columns, ``auc`` and ``average_precision`` with intervals; None without two sides.

    The interval of the area is DeLong's (1988), that of the average precision the binomial one of Boyd, Eng and Page
    (2013), both on the logit scale.
    """
    right = int(positive.sum())
    wrong = len(positive) - right
    if not right or not wrong:
        return {"positives": right, "negatives": wrong, "auc": None, "average_precision": None, "roc": {}, "pr": {}}
    thresholds, hits, false = counts(positive, scores)
    recall, precision = hits / right, hits / (hits + false)
    steps = float((np.diff(recall, prepend=0.0) * precision).sum())
    roc = {"threshold": thresholds, "false_positive_rate": false / wrong, "true_positive_rate": recall}
    pr = {"threshold": thresholds, "recall": recall, "precision": precision,
          "f1": 2 * precision * recall / np.maximum(precision + recall, 1e-12)}
    return {"positives": right, "negatives": wrong, "auc": area(positive, scores)._asdict(),
            "average_precision": logit(min(1.0, steps), steps * (1 - steps) / right, right)._asdict(),
            "roc": _thinned(roc), "pr": _thinned(pr)}


def area(positive: NDArray[np.bool_], scores: NDArray[Any]) -> Figure:
    """Area under the ROC curve with DeLong's interval."""
    ours, others = scores[positive], scores[~positive]
    together = midranks(scores)
    above_N = (together[positive] - midranks(ours)) / len(others)
    below_M = 1 - (together[~positive] - midranks(others)) / len(ours)
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (above_N, below_M) if len(part) > 1)
    return logit(float(above_N.mean()), variance, min(len(ours), len(others)))


def midranks(values: NDArray[Any]) -> Array:
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(sizes)
    middle: Array = ends - (sizes - 1) / 2
    return middle[group]


def _thinned(columns: dict[str, Array]) -> Json:
    size = len(next(iter(columns.values())))
    chosen = np.unique(np.linspace(0, size - 1, min(size, POINTS)).round().astype(int))
    return {name: np.asarray(values[chosen], np.float64).tolist() for name, values in columns.items()}
