"""Every prediction of an evaluation in one small file, so that any question can be asked later without the network.

Legend of shapes: N pictures, K classes, k kept scores of each picture.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core import files
from digits_core.errors import BadData

Json = dict[str, Any]
Ints = NDArray[np.int32]
Floats = NDArray[np.float32]
UNKNOWN = -1
LARGEST = 50_000_000
"""So many scores are kept in full (200 MB); of larger evaluations only the ``KEPT`` best of each picture."""
KEPT = 20


@dataclass(frozen=True)
class Predictions:
    """What a network said of pictures.

    ``index`` is the position in the split (or the row of a batch), ``truth`` is -1 where nobody knows it. ``scores``
    are probabilities: (N, K) for all classes when ``columns`` is None, else (N, k) for the classes in ``columns``,
    best first. ``truth_score`` and ``place`` (how many classes come before the true one) are exact in both cases,
    NaN and -1 where unknown. ``source`` says what was measured with what: dataset, split, model, checkpoint.
    """

    labels: list[str]
    paths: list[str]
    index: NDArray[np.int64]
    truth: Ints
    predicted: Ints
    scores: Floats
    columns: Ints | None
    truth_score: Floats
    place: Ints
    source: Json

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which pictures have a true class."""
        return self.truth != UNKNOWN

    @property
    def confidence(self) -> Floats:
        """Probability of the predicted class of each picture."""
        best: Floats = self.scores[:, 0] if self.columns is not None else self.scores.max(1)
        return best

    def of_class(self, label: int) -> Floats:
        """Probability of one class for each picture; 0 where it is not among the scores that were kept."""
        if self.columns is None:
            return self.scores[:, label]
        found: Floats = np.where(self.columns == label, self.scores, 0).max(1)
        return found

    def take(self, chosen: Any) -> "Predictions":
        """The chosen pictures only (a mask, or numbers)."""
        paths = np.arange(len(self))[chosen]
        return Predictions(self.labels, [self.paths[i] for i in paths], self.index[chosen], self.truth[chosen],
                           self.predicted[chosen], self.scores[chosen],
                           None if self.columns is None else self.columns[chosen], self.truth_score[chosen],
                           self.place[chosen], self.source)

    def write(self, path: Path) -> None:
        """Put everything into one compressed file, whole or not at all."""
        about = {"v": 1, "labels": self.labels, "source": self.source}
        arrays = {name: getattr(self, name) for name in ("index", "truth", "predicted", "scores", "truth_score",
                                                         "place")}
        if self.columns is not None:
            arrays["columns"] = self.columns
        with files.atomic(path) as file:
            np.savez_compressed(file, about=_bytes(about), paths=_bytes(self.paths), **arrays)


def predictions_file(folder: Path, split: str) -> Path:
    """Where a model's folder keeps the predictions on a split; a batch (no split) keeps one file."""
    return folder / "evaluation" / f"{split}.predictions.npz" if split else folder / "predictions.npz"


def read(path: Path) -> Predictions:
    """The predictions in a file. Raises BadData when it is none, or damaged."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            about, paths = json.loads(found["about"].tobytes()), json.loads(found["paths"].tobytes())
            columns = found.get("columns")
            made = Predictions([str(label) for label in about["labels"]], [str(name) for name in paths],
                               found["index"], found["truth"], found["predicted"], found["scores"], columns,
                               found["truth_score"], found["place"], dict(about["source"]))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadData(f"The predictions in {path.name} cannot be read ({error}). Evaluate the model again.") from None
    sizes = {len(made.paths), *(len(part) for part in (made.index, made.truth, made.predicted, made.scores,
                                                       made.truth_score, made.place))}
    classes = len(made.labels)
    inside = all(((part >= UNKNOWN) & (part < classes)).all() for part in (made.truth, made.predicted))
    if len(sizes) != 1 or not inside or made.scores.ndim != 2 or not classes:
        raise BadData(f"The predictions in {path.name} contradict each other. Evaluate the model again.")
    return made


def _bytes(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(json.dumps(value).encode(), np.uint8)


class Keeper:
    """Collects predictions batch by batch; keeps all scores while they are few, else the best of each picture."""

    def __init__(self, labels: list[str], entries: int, largest: int = LARGEST) -> None:
        self.labels = labels
        self.whole = len(labels) * entries <= largest or len(labels) <= KEPT
        self._parts: list[tuple[NDArray[Any], ...]] = []

    def add_logits(self, logits_BK: NDArray[Any], truth_B: NDArray[np.int64]) -> None:
        """Keep a batch of network outputs."""
        with np.errstate(invalid="ignore", over="ignore"):
            shares_BK = np.exp(logits_BK.astype(np.float64) - logits_BK.max(1, keepdims=True))
            shares_BK /= shares_BK.sum(1, keepdims=True)
        shares_BK = np.nan_to_num(shares_BK)  # a network that gives NaN is wrong about everything
        rows = np.arange(len(truth_B))
        order = np.argsort(-logits_BK, axis=1, kind="stable")
        place_B = (order == truth_B[:, None]).argmax(1)
        columns = order[:, :len(self.labels) if self.whole else KEPT].astype(np.int32)
        scores = shares_BK if self.whole else np.take_along_axis(shares_BK, columns, 1)
        self._parts.append((truth_B.astype(np.int32), order[:, 0].astype(np.int32), scores.astype(np.float32),
                            columns[:, :0] if self.whole else columns, shares_BK[rows, truth_B].astype(np.float32),
                            place_B.astype(np.int32)))

    def done(self, paths: list[str], source: Json) -> Predictions:
        """Everything that was kept; ``paths`` are the pictures' names in the same order."""
        truth, predicted, scores, columns, truth_score, place = (
            np.concatenate([part[number] for part in self._parts]) for number in range(6))
        return Predictions(self.labels, paths, np.arange(len(truth), dtype=np.int64), truth, predicted, scores,
                           None if self.whole else columns, truth_score, place, source)
