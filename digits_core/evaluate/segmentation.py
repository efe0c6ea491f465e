"""Pixel accuracy, mean IoU, Dice and per-class figures of a segmentation, collected batch by batch.

Pixels whose truth is 255 count nowhere. A class that is neither in the truth nor in any answer has no IoU and no Dice;
means are over the others. Legend of shapes: B pictures, K classes, H rows, W columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.data.masks import IGNORED
from digits_core.evaluate.classification import matrix

Json = dict[str, Any]
WORST = 100


class Tally:
    """Counts that grow with every batch; of a picture only its score is kept."""

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self.confusion = np.zeros((classes, classes), np.int64)
        """Pixels: rows are the truth, columns what was predicted."""
        self.scores: list[float] = []
        """Mean IoU of each picture over the classes in its truth or its answer; NaN where all of it is ignored."""
        self.loss_sum = 0.0

    def add_logits(self, logits_BKHW: NDArray[np.floating[Any]], mask_BHW: NDArray[np.uint8]) -> None:
        """Count a batch of network outputs, with their mean cross entropy over the pixels that count."""
        peak_B1HW = logits_BKHW.max(1, keepdims=True)
        log_sum_BHW = np.log(np.exp(logits_BKHW - peak_B1HW).sum(1)) + peak_B1HW[:, 0]
        counted_BHW = mask_BHW != IGNORED
        truth_B1HW = np.where(counted_BHW, mask_BHW, 0)[:, None].astype(np.int64)
        own_BHW = np.take_along_axis(logits_BKHW, truth_B1HW, 1)[:, 0]
        losses_BHW = np.where(counted_BHW, log_sum_BHW - own_BHW, 0).astype(np.float64)
        loss_B = losses_BHW.sum((1, 2)) / np.maximum(1, counted_BHW.sum((1, 2)))
        self.add(logits_BKHW.argmax(1).astype(np.uint8), mask_BHW, loss_B)

    def add(self, predicted_BHW: NDArray[np.uint8], mask_BHW: NDArray[np.uint8],
            loss_B: NDArray[np.floating[Any]] | None = None) -> None:
        """Count a batch of answers, with the loss of each picture where it is known."""
        for predicted, mask in zip(predicted_BHW, mask_BHW, strict=True):
            counted = mask != IGNORED
            pairs = mask[counted].astype(np.int64) * self.classes + predicted[counted]
            confusion = np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)
            self.confusion += confusion
            self.scores.append(_mean(iou(confusion), np.nan))
        if loss_B is not None:
            self.loss_sum += float(loss_B.sum())

    def metrics(self) -> dict[str, float]:
        """Mean loss of the pictures; shares (0..1) of pixels that are right, mean IoU and Dice of the classes."""
        return {"loss": self.loss_sum / max(1, len(self.scores)),
                "accuracy": float(np.trace(self.confusion) / max(1, self.confusion.sum())),
                "miou": _mean(iou(self.confusion), 0.0), "dice": _mean(dice(self.confusion), 0.0)}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file; ``labels`` are the names of the classes in order."""
        return {"entries": len(self.scores), "pixels": int(self.confusion.sum()), **self.metrics(),
                **matrix(self.confusion), "per_class": per_class(self.confusion, labels), "pictures": self.worst()}

    def worst(self) -> list[list[float]]:
        """[index, mean IoU] of the pictures with the lowest scores, worst first; at most 100."""
        scores = np.array(self.scores)
        order = np.argsort(scores, kind="stable")[:min(WORST, int((~np.isnan(scores)).sum()))]  # NaN comes last
        return [[int(index), float(scores[index])] for index in order]


def iou(confusion_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Intersection over union of each class; NaN for a class that is nowhere."""
    hits, both = np.diag(confusion_KK), confusion_KK.sum(0) + confusion_KK.sum(1)
    return _shares(hits, both - hits)


def dice(confusion_KK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Dice (which is F1) of each class; NaN for a class that is nowhere."""
    return _shares(2 * np.diag(confusion_KK), confusion_KK.sum(0) + confusion_KK.sum(1))


def per_class(confusion_KK: NDArray[np.int64], labels: list[str]) -> list[Json]:
    """Pixels (of the truth), IoU, Dice, precision and recall of each class; None where there is nothing to divide by.

    That is: IoU and Dice of a class that is nowhere, precision of one never predicted, recall of one never there.
    """
    hits, truth, predicted = np.diag(confusion_KK), confusion_KK.sum(1), confusion_KK.sum(0)
    columns = {"iou": iou(confusion_KK), "dice": dice(confusion_KK), "precision": _shares(hits, predicted),
               "recall": _shares(hits, truth)}
    return [{"label": label, "pixels": int(truth[k]),
             **{name: None if np.isnan(column[k]) else float(column[k]) for name, column in columns.items()}}
            for k, label in enumerate(labels)]


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def _mean(values: NDArray[np.float64], otherwise: float) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else otherwise
