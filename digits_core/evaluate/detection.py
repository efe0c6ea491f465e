"""Average precision of a detector as pycocotools counts it, precision and recall, and DetectNet's own figure.

Boxes to find are (M, 6): class, x0, y0, x1, y1, ignored; a row of class -1 is padding, or, ignored, a region without
labels. Boxes found are (N, 6): class, x0, y0, x1, y1, score. What is found in an ignored box counts neither way.
"""

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from digits_core.evaluate.worst import Worst

Json = dict[str, Any]
Rows = NDArray[np.floating[Any]]
MOST = 100
"""Boxes of a picture that count, the best ones, as in COCO."""
DETECTNET_OVERLAP = 0.7
"""Intersection over union from which DetectNet calls a box found. Source: mean_ap.py of NVIDIA's Caffe."""


class Matches(NamedTuple):
    """All found boxes that count, best first: class, score, and whether each is right; ``picture`` is its number."""

    kind: NDArray[np.int64]
    score: NDArray[np.float64]
    right: NDArray[np.bool_]
    picture: NDArray[np.int64]

    def take(self, which: NDArray[Any]) -> "Matches":
        """Those that are chosen, by a mask or in another order."""
        return Matches(self.kind[which], self.score[which], self.right[which], self.picture[which])


class Tally:
    """Collects boxes picture by picture; the figures are counted when they are asked for."""

    def __init__(self, classes: int) -> None:
        self.classes, self.pictures = classes, 0
        self._wanted: list[Json] = []
        self._found: list[Json] = []
        self._counted: tuple[COCOeval, Matches, float] | None = None

    def add(self, found_N6: Rows, wanted_M6: Rows) -> None:
        """The boxes found in the next picture, and those to find."""
        self._counted = None
        number, self.pictures = self.pictures + 1, self.pictures + 1  # pycocotools takes 0 for "no picture"
        for kind, x0, y0, x1, y1, ignored in np.asarray(wanted_M6, np.float64).tolist():
            if kind >= 0 or ignored > 0:
                # A crowd, in COCO's words: who finds something inside is not punished
                row = {"image_id": number, "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0),
                       "iscrowd": int(ignored > 0)}
                kinds = [int(kind)] if kind >= 0 else range(self.classes)
                self._wanted += [{**row, "category_id": one + 1} for one in kinds]
        order = np.argsort(-np.asarray(found_N6)[:, 5], kind="stable")
        for kind, x0, y0, x1, y1, score in np.asarray(found_N6, np.float64)[order].tolist():
            self._found.append({"image_id": number, "category_id": int(kind) + 1, "score": score,
                                "bbox": [x0, y0, x1 - x0, y1 - y0], "area": (x1 - x0) * (y1 - y0)})

    def metrics(self) -> dict[str, float]:
        """Shares 0..1: map50 and map (the mean over overlaps of 0.5 to 0.95), over classes that are in the truth.

        precision and recall are those of all classes together at an overlap of 0.5, with the score threshold that
        makes their F1 best; detectnet_map is precision times recall at an overlap of 0.7 with that threshold.
        """
        judged, matches, threshold = self._count()
        precision, recall = self._shares(matches, threshold)
        strict = _matches(judged, self.pictures, DETECTNET_OVERLAP)
        product = self._shares(strict, threshold)
        return {"map50": _mean(_precisions(judged, 0)), "map": _mean(_precisions(judged)), "precision": precision,
                "recall": recall, "f1": _f1(precision, recall), "detectnet_map": product[0] * product[1]}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file; pictures are rated by their F1 at that threshold."""
        _, matches, threshold = self._count()
        return {"entries": self.pictures, "boxes": int(self._boxes().sum()), **self.metrics(), "threshold": threshold,
                "per_class": [self._of_class(place, label) for place, label in enumerate(labels)],
                "curve": _curve(matches, int(self._boxes().sum())), "pictures": self._worst(matches, threshold)}

    def _of_class(self, kind: int, label: str) -> Json:
        judged, matches, threshold = self._count()
        own = matches.take(matches.kind == kind)
        boxes = int(self._boxes()[kind])
        precision, recall = _at(own, threshold, boxes)
        average50, average = _precisions(judged, 0)[kind], _precisions(judged)[kind]
        return {"label": label, "boxes": boxes, "found": int((own.score >= threshold).sum()),
                "ap50": None if np.isnan(average50) else float(average50),
                "ap": None if np.isnan(average) else float(average),
                "precision": precision, "recall": recall, "f1": _f1(precision, recall)}

    def _boxes(self) -> NDArray[np.int64]:
        """How many boxes of each class are to be found."""
        return np.bincount([row["category_id"] - 1 for row in self._wanted if not row["iscrowd"]],
                           minlength=self.classes)

    def _count(self) -> tuple[COCOeval, Matches, float]:
        if self._counted is None:
            judged = _judge(self._wanted, self._found, self.pictures, self.classes)
            matches = _matches(judged, self.pictures, 0.5)
            self._counted = judged, matches, best_threshold(matches, int(self._boxes().sum()))
        return self._counted

    def _shares(self, matches: Matches, threshold: float) -> tuple[float, float]:
        return _at(matches, threshold, int(self._boxes().sum()))

    def _worst(self, matches: Matches, threshold: float) -> list[list[float]]:
        shown = matches.score >= threshold
        said = np.bincount(matches.picture[shown], minlength=self.pictures)
        right = np.bincount(matches.picture[shown & matches.right], minlength=self.pictures)
        there = np.bincount([row["image_id"] - 1 for row in self._wanted if not row["iscrowd"]],
                            minlength=self.pictures)
        worst = Worst()
        worst.add(np.where(said + there > 0, 2 * right / np.maximum(1, said + there), 1.0))
        return worst.rows()


def _judge(wanted: list[Json], found: list[Json], pictures: int, classes: int) -> COCOeval:
    """What pycocotools itself counts, without its talk."""
    images = [{"id": number + 1} for number in range(pictures)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth, answers = COCO(), COCO()
        for data, rows in ((truth, wanted), (answers, found)):
            data.dataset = {"images": images, "categories": [{"id": kind + 1} for kind in range(classes)],
                            "annotations": [{"id": place + 1, "iscrowd": 0, **row} for place, row in enumerate(rows)]}
            data.createIndex()
        judged = COCOeval(truth, answers, "bbox")
        judged.params.areaRng, judged.params.areaRngLbl = [judged.params.areaRng[0]], ["all"]
        judged.params.maxDets = [MOST]
        judged.evaluate()
        judged.accumulate()
    return judged


def _precisions(judged: COCOeval, overlap: int | None = None) -> NDArray[np.float64]:
    """Average precision of each class, at one overlap or over all; NaN for a class that is not in the truth."""
    values_TRK = judged.eval["precision"][:, :, :, 0, 0]  # overlaps, recalls, classes
    chosen = values_TRK if overlap is None else values_TRK[overlap:overlap + 1]
    return np.where((chosen > -1).all((0, 1)), chosen.mean((0, 1)), np.nan)


def _matches(judged: COCOeval, pictures: int, overlap: float) -> Matches:
    """Every found box that counts at an overlap, from pycocotools' notes on each class and picture."""
    step = int(np.argmin(np.abs(judged.params.iouThrs - overlap)))
    kinds, scores, rights, places = [], [], [], []
    for place, notes in enumerate(judged.evalImgs):
        if notes is not None:
            counts = ~notes["dtIgnore"][step].astype(bool)
            scores.append(np.asarray(notes["dtScores"], np.float64)[counts])
            rights.append(notes["dtMatches"][step][counts] > 0)
            kinds.append(np.full(int(counts.sum()), place // pictures))
            places.append(np.full(int(counts.sum()), place % pictures))
    if not scores:
        nothing = np.zeros(0, np.int64)
        return Matches(nothing, np.zeros(0), np.zeros(0, bool), nothing)
    found = Matches(np.concatenate(kinds), np.concatenate(scores), np.concatenate(rights), np.concatenate(places))
    return found.take(np.argsort(-found.score, kind="stable"))


def best_threshold(matches: Matches, boxes: int) -> float:
    """The lowest score that should count so that F1 is best; 0.5 where nothing is ever right."""
    right = np.cumsum(matches.right)
    if not boxes or not len(right) or not right[-1]:
        return 0.5
    last = np.append(matches.score[1:] < matches.score[:-1], True)  # boxes of one score stand or fall together
    values = np.where(last, 2 * right / (np.arange(1, len(right) + 1) + boxes), -1)
    return float(matches.score[int(values.argmax())])


def _curve(matches: Matches, boxes: int, points: int = 101) -> list[list[float]]:
    """[score, precision, recall] of all classes together for thresholds from 0 to 1, at an overlap of 0.5."""
    return [[float(threshold), *_at(matches, float(threshold), boxes)] for threshold in np.linspace(0, 1, points)]


def _at(matches: Matches, threshold: float, boxes: int) -> tuple[float, float]:
    """Precision and recall when boxes of at least this score count."""
    shown = matches.score >= threshold
    said, right = int(shown.sum()), int((shown & matches.right).sum())
    return (right / said if said else 0.0), (right / boxes if boxes else 0.0)


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def _mean(values: NDArray[np.float64]) -> float:
    there = values[~np.isnan(values)]
    return float(there.mean()) if len(there) else 0.0
