"""Which pictures probably have the wrong label: confident learning.

Northcutt, Jiang, Chuang: Confident Learning, https://arxiv.org/abs/1911.00068.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate.predictions import Predictions


class Suspects(NamedTuple):
    """One entry for each picture with a label: its number, the label it probably should have, how sure that is.

    ``issue``: the network is as sure of another label as it is on average for pictures of that label. ``margin`` is
    the label's probability less that of the best other one, -1..1; the most suspicious come first.
    """

    number: NDArray[np.int64]
    suggested: NDArray[np.int32]
    issue: NDArray[np.bool_]
    margin: NDArray[np.float32]


def suspects(found: Predictions) -> Suspects:
    """All labelled pictures, the most suspicious first: issues by their margin, then the rest by theirs."""
    number = np.flatnonzero(found.known)
    part = found.take(number)
    own_N = np.nan_to_num(part.truth_score)
    columns = part.columns if part.columns is not None else np.arange(len(part.labels), dtype=np.int32)[None]
    columns = np.broadcast_to(columns, part.scores.shape)
    others = np.where(columns == part.truth[:, None], -1.0, part.scores)
    sure = part.scores >= thresholds(part)[columns]
    best = np.where(sure, part.scores, -1.0).argmax(1) if len(part) else np.zeros(0, np.int64)
    rows = np.arange(len(part))
    suggested = np.where(sure.any(1), columns[rows, best], columns[rows, others.argmax(1)] if len(part) else 0)
    issue = sure.any(1) & (suggested != part.truth)
    margin = (own_N - others.max(1, initial=0)).astype(np.float32)
    suggested = np.where(issue, suggested, columns[rows, others.argmax(1)] if len(part) else 0).astype(np.int32)
    order = np.lexsort((margin, ~issue))
    return Suspects(number[order], suggested[order], issue[order], margin[order])


def thresholds(found: Predictions) -> NDArray[np.float64]:
    """For each label how sure the network is of it, on average over the pictures that carry it; 2: none does."""
    classes = len(found.labels)
    entries = np.bincount(found.truth, minlength=classes)
    total = np.bincount(found.truth, np.nan_to_num(found.truth_score), classes)
    return np.where(entries > 0, total / np.maximum(entries, 1), 2.0)
