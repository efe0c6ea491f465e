"""The evaluation report: every key figure with its 95 % interval, as plain JSON. Needs the predictions, no network."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate import intervals
from digits_core.evaluate.curves import area
from digits_core.evaluate.intervals import Figure
from digits_core.evaluate.predictions import Predictions

Json = dict[str, Any]
BINS = 15
LARGE = 100
"""So many classes fit into a picture of the confusion matrix; of more, only the most confused are drawn."""
DRAWN, LISTED = 50, 50


def report(found: Predictions) -> Json:
    """Everything about the labelled pictures.

    Intervals: shares (accuracy, top-5, precision, recall) Wilson; F1 Wilson of the Jaccard share; balanced accuracy
    MOVER over the Wilson intervals of the recalls; loss normal; calibration error by the chance in its bins; area under
    the ROC curve (of two classes) DeLong's; gain over the most frequent class Bonett's and Price's.
    """
    part = found.take(found.known)
    head = {"v": 1, "source": found.source, "labels": found.labels, "pictures": len(found), "entries": len(part)}
    if not len(part):
        return head
    truth, hits, said = tally(part)
    usual = int(truth.argmax())
    pairs, numbers = confusions(part)
    return {**head, "metrics": {name: figure._asdict() for name, figure in metrics(part, truth, hits).items()},
            "baseline": {"label": part.labels[usual], **{name: figure._asdict() for name, figure in
                                                         baseline(part, usual).items()}},
            "per_class": per_class(part.labels, truth, hits, said), "confusion": matrix(part, pairs, numbers),
            "confusions": [{"truth": part.labels[t], "predicted": part.labels[p], "count": int(n),
                            "share": float(n / truth[t])} for (t, p), n in zip(pairs[:LISTED].tolist(), numbers,
                                                                               strict=False)],
            "calibration": calibration(part), "thresholds": thresholds(part)}


def tally(part: Predictions) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """By class: pictures of it, those of them that were found, and how often it was predicted."""
    classes = len(part.labels)
    right = part.truth[part.truth == part.predicted]
    return (np.bincount(part.truth, minlength=classes), np.bincount(right, minlength=classes),
            np.bincount(part.predicted, minlength=classes))


def metrics(part: Predictions, truth: NDArray[np.int64], hits: NDArray[np.int64]) -> dict[str, Figure]:
    """The figures of the whole evaluation; ``auc`` of two classes, ``loss`` when the truth's probability is known."""
    n = len(part)
    there = truth > 0
    found = {"accuracy": intervals.share(int(hits.sum()), n),
             "top5": intervals.share(int(((part.place >= 0) & (part.place < 5)).sum()), n),
             "balanced_accuracy": intervals.mean_of_shares(hits[there], truth[there]), "ece": _ece(part)}
    if len(part.labels) == 2 and there.all():
        found["auc"] = area(part.truth == 1, part.of_class(1))
    if not np.isnan(part.truth_score).any():
        found["loss"] = intervals.mean(-np.log(np.maximum(part.truth_score.astype(np.float64), 1e-30)))
    return found


def baseline(part: Predictions, usual: int) -> dict[str, Figure]:
    """What always answering the most frequent class would reach: ``accuracy``, and how much more ours is, ``gain``."""
    ours, theirs = part.truth == part.predicted, part.truth == usual
    return {"accuracy": intervals.share(int(theirs.sum()), len(part)),
            "gain": intervals.paired_difference(int((ours & ~theirs).sum()), int((theirs & ~ours).sum()), len(part))}


def per_class(labels: list[str], truth: NDArray[np.int64], hits: NDArray[np.int64],
              said: NDArray[np.int64]) -> list[Json]:
    """Precision, recall and F1 of each class, each with the ends of its interval; 0 where nothing was there."""
    values = {"recall": hits / np.maximum(truth, 1), "precision": hits / np.maximum(said, 1),
              "f1": 2 * hits / np.maximum(truth + said, 1)}
    ends = {"recall": intervals.wilson(hits, truth), "precision": intervals.wilson(hits, said),
            "f1": intervals.f1(hits, truth + said - 2 * hits)}
    columns: dict[str, NDArray[Any]] = {"entries": truth, "predicted": said}
    for name, value in values.items():
        columns |= {name: value, f"{name}_low": ends[name][0], f"{name}_high": ends[name][1]}
    rows = zip(labels, *(column.tolist() for column in columns.values()), strict=True)
    return [{"label": label, **dict(zip(columns, row, strict=True))} for label, *row in rows]


def confusions(part: Predictions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs (truth, predicted) of wrong answers and how often each was given, the most frequent first."""
    wrong = part.truth != part.predicted
    keys = part.truth[wrong].astype(np.int64) * len(part.labels) + part.predicted[wrong]
    found, numbers = np.unique(keys, return_counts=True)
    order = np.argsort(-numbers, kind="stable")
    pairs = np.stack(np.divmod(found[order], len(part.labels)), 1)
    return pairs, numbers[order]


def matrix(part: Predictions, pairs: NDArray[np.int64], numbers: NDArray[np.int64]) -> Json:
    """The confusion matrix (rows: truth) of all classes, or of those that are confused most when there are many."""
    chosen = np.arange(len(part.labels))
    if len(part.labels) > LARGE:
        errors = np.zeros(len(part.labels), np.int64)
        for side in (0, 1):
            np.add.at(errors, pairs[:, side], numbers)
        chosen = np.sort(np.argsort(-errors, kind="stable")[:DRAWN])
    place = np.full(len(part.labels), -1)
    place[chosen] = np.arange(len(chosen))
    inside = (place[part.truth] >= 0) & (place[part.predicted] >= 0)
    counts = np.zeros((len(chosen), len(chosen)), np.int64)
    np.add.at(counts, (place[part.truth[inside]], place[part.predicted[inside]]), 1)
    return {"classes": chosen.tolist(), "labels": [part.labels[i] for i in chosen], "matrix": counts.tolist(),
            "whole": len(chosen) == len(part.labels)}


def calibration(part: Predictions) -> list[Json]:
    """Reliability: pictures by confidence in 15 equal steps, and how many of each were right (Wilson interval)."""
    bins, right, confidence = _bins(part)
    rows = []
    for number in range(BINS):
        inside = bins == number
        figure = intervals.share(int(right[inside].sum()), int(inside.sum()))
        rows.append({"from": number / BINS, "to": (number + 1) / BINS, "entries": int(inside.sum()),
                     "confidence": float(confidence[inside].mean()) if inside.any() else None,
                     "accuracy": figure.value if inside.any() else None, "low": figure.low, "high": figure.high})
    return rows


def _bins(part: Predictions) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.float64]]:
    confidence = part.confidence.astype(np.float64)
    bins = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    return bins, part.truth == part.predicted, confidence


def _ece(part: Predictions) -> Figure:
    """Expected calibration error (Guo et al. 2017): mean distance of confidence and accuracy over the bins."""
    bins, right, confidence = _bins(part)
    entries, hits = (np.bincount(bins, weights, BINS) for weights in (None, right))
    return intervals.sum_of_distances(np.bincount(bins, confidence - right, BINS) / len(part), hits, entries)


def thresholds(part: Predictions) -> list[Json]:
    """What would happen if only answers of at least this confidence counted: how many are left, and how many right."""
    right, confidence = part.truth == part.predicted, part.confidence
    rows = []
    for threshold in np.linspace(0, 0.99, 34):
        kept = confidence >= threshold
        rows.append({"threshold": round(float(threshold), 4), "kept": float(kept.mean()),
                     "accuracy": float(right[kept].mean()) if kept.any() else None,
                     "recall": float((right & kept).mean())})
    return rows
