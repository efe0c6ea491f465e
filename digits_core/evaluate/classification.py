"""Accuracy, top-5, loss, confusion and per-class figures of a classifier, collected batch by batch."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Json = dict[str, Any]
Floats = NDArray[np.floating[Any]]
Labels = NDArray[np.int64]
TOP = 5
LARGE = 200
"""With more classes the confusion matrix is written as a list of its cells that are not 0."""


class Tally:
    """Counts that grow with every batch; memory does not depend on the number of pictures."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.confusion = np.zeros((classes, classes), np.int64)
        """Rows are the truth, columns what was predicted."""
        self.top = 0
        self.loss_sum = 0.0

    def add_logits(self, logits_BK: Floats, truth_B: Labels) -> None:
        """Count a batch of network outputs."""
        with np.errstate(invalid="ignore"):  # infinite logits give a loss of NaN, and that is the news
            shifted = logits_BK.astype(np.float64) - logits_BK.max(1, keepdims=True)
            losses_B = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(truth_B)), truth_B]
        self._add(logits_BK, losses_B, truth_B)

    def add_probabilities(self, shares_BK: Floats, truth_B: Labels) -> None:
        """Count a batch of probabilities that sum to 1."""
        chosen = shares_BK[np.arange(len(truth_B)), truth_B].astype(np.float64)
        self._add(shares_BK, -np.log(np.maximum(chosen, 1e-30)), truth_B)

    def _add(self, scores_BK: Floats, losses_B: Floats, truth_B: Labels) -> None:
        self.loss_sum += float(losses_B.sum())
        np.add.at(self.confusion, (truth_B, scores_BK.argmax(1)), 1)
        self.top += int((rank(scores_BK, truth_B) < TOP).sum())

    @property
    def entries(self) -> int:
        """Pictures counted so far."""
        return int(self.confusion.sum())

    def metrics(self) -> dict[str, float]:
        """Mean loss, and the shares (0..1) of pictures whose class came first, or among the first five."""
        entries = max(1, self.entries)
        return {"loss": self.loss_sum / entries, "accuracy": float(np.trace(self.confusion)) / entries,
                "top5": self.top / entries}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file; ``labels`` are the names of the classes in order."""
        return {"entries": self.entries, **self.metrics(), **matrix(self.confusion),
                "per_class": per_class(self.confusion, labels)}


def rank(scores_BK: Floats, truth_B: Labels) -> NDArray[np.int64]:
    """How many classes come before the true one.

    Of equal scores the class with the lower number comes first, as in argmax: saying the same of all classes is not
    being right about each.
    """
    own_B1 = np.take_along_axis(scores_BK, truth_B[:, None], 1)
    before_BK = np.arange(scores_BK.shape[1]) < truth_B[:, None]
    return ((scores_BK > own_B1) | ((scores_BK == own_B1) & before_BK)).sum(1)


def matrix(confusion: NDArray[Any]) -> Json:
    """The matrix as ``confusion``; that of many classes is empty, and ``cells`` lists [truth, predicted, count]."""
    if len(confusion) <= LARGE:
        return {"confusion": confusion.tolist()}
    truth, predicted = np.nonzero(confusion)
    return {"confusion": [], "cells": np.stack([truth, predicted, confusion[truth, predicted]], 1).tolist()}


def per_class(confusion: NDArray[np.int64], labels: list[str]) -> list[Json]:
    """Entries, precision, recall and F1 of every class; 0 where a class never occurs or is never predicted."""
    hits, truth, predicted = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    return [{"label": label, "entries": int(truth[i]), "precision": _share(hits[i], predicted[i]),
             "recall": _share(hits[i], truth[i]), "f1": _share(2 * hits[i], truth[i] + predicted[i])}
            for i, label in enumerate(labels)]


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else 0.0
