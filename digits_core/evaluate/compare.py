"""Is one network better than another, or was it luck? A paired test on the same pictures."""

import math
from typing import Any

import numpy as np

from digits_core.errors import BadData
from digits_core.evaluate.intervals import paired_difference
from digits_core.evaluate.predictions import Predictions

Json = dict[str, Any]


def compare(first: Predictions, second: Predictions) -> Json:
    """Accuracy of both on the pictures that both saw, how often only one was right, and McNemar's exact test.

    ``p`` is the chance of a difference at least this large between two equally good networks; ``difference`` is
    first - second, with its interval. Raises BadData when the two were not measured on the same pictures.
    """
    mine, other = _together(first, second)
    right, left = mine.predicted == mine.truth, other.predicted == other.truth
    only_first, only_second = int((right & ~left).sum()), int((left & ~right).sum())
    return {"pictures": len(mine), "accuracy_first": float(right.mean()), "accuracy_second": float(left.mean()),
            "both_right": int((right & left).sum()), "only_first": only_first, "only_second": only_second,
            "both_wrong": int((~right & ~left).sum()), "p": mcnemar(only_first, only_second),
            "difference": paired_difference(only_first, only_second, len(mine))._asdict()}


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value: the pictures on which they differ are as likely to be won by either (McNemar 1947)."""
    trials, fewer = only_first + only_second, min(only_first, only_second)
    if only_first == only_second:
        return 1.0
    logs = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) - trials * math.log(2)
            for k in range(fewer + 1)]
    return float(min(1.0, 2 * math.exp(max(logs)) * sum(math.exp(x - max(logs)) for x in logs)))


def _together(first: Predictions, second: Predictions) -> tuple[Predictions, Predictions]:
    """The labelled pictures of both, which must be the same ones with the same labels."""
    if first.labels != second.labels:
        raise BadData("The two models have different labels, so they cannot be compared.")
    mine, other = (part.take(part.known) for part in (first, second))
    if not len(mine) or mine.paths != other.paths or not np.array_equal(mine.truth, other.truth):
        raise BadData("The two models were not measured on the same pictures. Evaluate both on the same dataset and "
                      "split, then compare.")
    return mine, other
