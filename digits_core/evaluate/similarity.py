"""How well embeddings tell classes apart: by the nearest neighbour of each picture, and by the distances of pairs."""

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from digits_core.evaluate import curves

Json = dict[str, Any]
Floats = NDArray[np.floating[Any]]
MOST, PAIRED, DRAWN = 10_000, 1500, 2000
"""Pictures that are judged by their neighbours, paired with each other, and drawn on the map; evenly chosen of more."""
WORST = 100
STEP = 1000
USUAL = 0.5
"""The threshold where nothing was measured."""


class Pairs(NamedTuple):
    """Distances of all pairs of the pictures (P,): whether of one class, and the classes of both (P,)."""

    distance: Floats
    same: NDArray[np.bool_]
    labels: NDArray[np.int64]


class Found(NamedTuple):
    """What the neighbours and pairs of a set of pictures say.

    ``place`` are the pictures' positions in the set, ``label`` and ``predicted`` (by the nearest other picture) their
    classes, ``gap`` how much nearer the nearest picture of the own class is than any other (negative: wrong).
    """

    place: NDArray[np.int64]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    gap: Floats
    pairs: Pairs
    threshold: float
    """The distance that tells same from different classes best."""
    pair_accuracy: float
    """Mean of the shares of pairs of one class below the threshold and of others above it."""


class Tally:
    """Embeddings of a split with their classes, collected batch by batch; they have length 1."""

    def __init__(self) -> None:
        self._parts: list[tuple[Floats, NDArray[np.int64]]] = []
        self.loss = 0.0

    def add(self, embedding_BD: Floats, label_B: NDArray[np.int64]) -> None:
        """Count a batch."""
        self._parts.append((embedding_BD, label_B))

    @cached_property
    def embedding(self) -> Floats:
        """All of them, (N, D)."""
        return np.concatenate([part for part, _ in self._parts]) if self._parts else np.empty((0, 1), np.float32)

    @cached_property
    def label(self) -> NDArray[np.int64]:
        """The class of each."""
        return np.concatenate([np.empty(0, np.int64), *(part for _, part in self._parts)])

    @cached_property
    def found(self) -> Found:
        """Neighbours and pairs of at most MOST pictures; those that are alone in their class are left out."""
        place = evenly(len(self.label), MOST)
        classes, count = np.unique(self.label[place], return_counts=True)
        place = place[np.isin(self.label[place], classes[count > 1])]
        embedding, label = self.embedding[place], self.label[place]
        predicted, gap = neighbours(embedding, label)
        some = evenly(len(place), PAIRED)
        pairs = paired(embedding[some], label[some])
        return Found(place, label, predicted, gap, pairs, *best_threshold(pairs))

    def metrics(self) -> dict[str, float]:
        """``accuracy`` by the nearest neighbour; mean distances of pairs of one class and of different ones."""
        found = self.found
        same, other = (_mean(found.pairs.distance[which]) for which in (found.pairs.same, ~found.pairs.same))
        return {"loss": self.loss, "accuracy": _mean(found.gap > 0), "pair_accuracy": found.pair_accuracy,
                "separation": other - same, "same_distance": same, "other_distance": other}

    def report(self, labels: list[str]) -> Json:
        """Everything for an evaluation file; ``points`` of the map are [position, x, y, class, predicted class]."""
        found = self.found
        worst = np.argsort(found.gap, kind="stable")[:WORST]
        return {"entries": len(found.place), **self.metrics(), "threshold": found.threshold,
                "pictures": [[int(found.place[i]), float(found.gap[i])] for i in worst],
                "per_class": [self._of_class(number, label) for number, label in enumerate(labels)],
                "points": self._points()}

    def _of_class(self, number: int, label: str) -> Json:
        found, pairs = self.found, self.found.pairs
        own, with_it = found.label == number, (pairs.labels == number).any(1)
        return {"label": label, "entries": int(own.sum()), "recall": _mean(found.gap[own] > 0),
                "precision": _mean(found.label[found.predicted == number] == number),
                "same_distance": _mean(pairs.distance[with_it & pairs.same]),
                "other_distance": _mean(pairs.distance[with_it & ~pairs.same])}

    def _points(self) -> list[list[float]]:
        found = self.found
        some = evenly(len(found.place), DRAWN)
        flat = flattened(self.embedding[found.place[some]])
        return [[int(found.place[i]), round(float(x), 4), round(float(y), 4), int(found.label[i]),
                 int(found.predicted[i])] for i, (x, y) in zip(some, flat, strict=True)]


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """Positions of at most ``most`` of ``count`` things."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def neighbours(embedding: Floats, label: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats]:
    """The class of each picture's nearest other one, and how much nearer its own class is than all others.

    Every class must have two pictures. With a single class the gap is 2, the largest distance.
    """
    predicted, gap = np.empty(len(label), np.int64), np.empty(len(label), np.float32)
    for start in range(0, len(label), STEP):
        part = slice(start, start + STEP)
        distance = np.sqrt(np.maximum(2 - 2 * embedding[part] @ embedding.T, 0))
        rows = np.arange(len(distance))
        distance[rows, start + rows] = np.inf
        same = label[part][:, None] == label
        predicted[part] = label[distance.argmin(1)]
        nearest_other = np.where(same, 2.0 + distance[rows].min(1, keepdims=True), distance).min(1)
        gap[part] = nearest_other - np.where(same, distance, np.inf).min(1)
    return predicted, gap


def paired(embedding: Floats, label: NDArray[np.int64]) -> Pairs:
    """All pairs of pictures."""
    first, second = np.triu_indices(len(label), 1)
    distance = np.sqrt(np.maximum(2 - 2 * embedding @ embedding.T, 0))[first, second]
    return Pairs(distance, label[first] == label[second], np.stack([label[first], label[second]], 1))


def best_threshold(pairs: Pairs) -> tuple[float, float]:
    """The distance at which both kinds of pairs together are told apart best, and the mean of their shares."""
    same, other = int(pairs.same.sum()), int((~pairs.same).sum())
    if not same or not other:
        return USUAL, 0.0
    nearness, hits, false = curves.counts(pairs.same, -pairs.distance)
    share = (hits / same + 1 - false / other) / 2
    best = int(share.argmax())
    after = nearness[min(best + 1, len(nearness) - 1)]
    return float(-(nearness[best] + after) / 2), float(share[best])


def flattened(embedding: Floats) -> Floats:
    """Places (N, 2) along the two directions in which embeddings differ most; two dimensions stay as they are."""
    if embedding.shape[1] == 2 or len(embedding) < 2:
        return np.pad(embedding, ((0, 0), (0, 2)))[:, :2]
    centred = embedding - embedding.mean(0)
    return np.asarray(centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T)


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else 0.0
