"""How well labels are found that exclude each other not: ranking of each, and yes or no by its best threshold."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate import curves
from digits_core.evaluate.worst import Worst

Json = dict[str, Any]
Floats = NDArray[np.floating[Any]]
USUAL = 0.5
"""The threshold of a label that no picture has."""


class Tally:
    """Answers to all pictures of a split, collected batch by batch.

    ``thresholds`` (K,) say from which probability on a label counts; None: those with the best F1 here.
    """

    def __init__(self, thresholds: NDArray[np.float32] | None = None) -> None:
        self.given = thresholds
        self.worst = Worst()
        self._probabilities: list[Floats] = []
        self._truth: list[NDArray[np.bool_]] = []
        self._loss = 0.0

    def add(self, logits_BK: Floats, target_BK: Floats) -> None:
        """Count a batch."""
        logits, truth = logits_BK.astype(np.float64), target_BK > 0.5
        entropy_B = (np.logaddexp(0, logits) - logits * truth).mean(1)
        self._loss += float(entropy_B.sum())
        self.worst.add(-entropy_B)
        self._probabilities.append(np.exp(-np.logaddexp(0, -logits)).astype(np.float32))
        self._truth.append(truth)

    @cached_property
    def probability(self) -> Floats:
        """(N, K), 0..1."""
        return np.concatenate(self._probabilities)

    @cached_property
    def truth(self) -> NDArray[np.bool_]:
        """(N, K)."""
        return np.concatenate(self._truth)

    @cached_property
    def thresholds(self) -> NDArray[np.float32]:
        """(K,)."""
        if self.given is not None:
            return self.given
        return np.array([best_threshold(self.truth[:, k], self.probability[:, k])
                         for k in range(self.truth.shape[1])], np.float32)

    @cached_property
    def _counts(self) -> tuple[Floats, Floats, Floats]:
        """Right, wrong and missing ones of each label."""
        said = self.probability >= self.thresholds
        hits, false, missed = (part.sum(0).astype(np.float64) for part in (
            said & self.truth, said & ~self.truth, ~said & self.truth))
        return hits, false, missed

    @cached_property
    def _precisions(self) -> list[float | None]:
        return [average_precision(self.truth[:, k], self.probability[:, k]) for k in range(self.truth.shape[1])]

    def metrics(self) -> dict[str, float]:
        """``map`` and ``macro_f1`` are means over the labels that pictures have; ``exact``: all labels are right."""
        hits, false, missed = self._counts
        there, said = hits + missed > 0, self.probability >= self.thresholds
        known = [value for value in self._precisions if value is not None]
        return {"loss": self._loss / max(1, len(self.truth)), "map": float(np.mean(known)) if known else 0.0,
                "macro_f1": float(_f1(hits, false, missed)[there].mean()) if there.any() else 0.0,
                "micro_f1": float(_f1(hits.sum(), false.sum(), missed.sum())),
                "exact": float((said == self.truth).all(1).mean()) if len(said) else 0.0}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file."""
        hits, false, missed = self._counts
        f1 = _f1(hits, false, missed)
        rows = [{"label": label, "entries": int(hits[k] + missed[k]), "average_precision": self._precisions[k],
                 "f1": float(f1[k]), "precision": float(hits[k] / max(1, hits[k] + false[k])),
                 "recall": float(hits[k] / max(1, hits[k] + missed[k])), "threshold": float(self.thresholds[k])}
                for k, label in enumerate(labels)]
        return {"entries": len(self.truth), **self.metrics(), "pictures": self.worst.rows(), "per_class": rows}


def _f1(hits: Any, false: Any, missed: Any) -> Any:
    return 2 * hits / np.maximum(2 * hits + false + missed, 1)


def average_precision(positive: NDArray[np.bool_], scores: Floats) -> float | None:
    """Area under precision over recall, by steps; None without positive pictures. Source: scikit-learn's."""
    total = int(positive.sum())
    if not total:
        return None
    _, hits, false = curves.counts(positive, scores)
    return float((np.diff(hits / total, prepend=0.0) * hits / (hits + false)).sum())


def best_threshold(positive: NDArray[np.bool_], scores: Floats) -> float:
    """The probability from which on a yes gives the best F1: midway to the next lower answer."""
    total = int(positive.sum())
    if not total:
        return USUAL
    values, hits, false = curves.counts(positive, scores)
    best = int((hits / (hits + false + total)).argmax())
    below = values[best + 1] if best + 1 < len(values) else 0.0
    return float((values[best] + below) / 2)
