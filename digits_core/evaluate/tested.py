"""The report of a training, made again from answers: of any dataset that a model was asked about picture by picture.

A judge takes an answer as digits_core.infer.answers tells it, and the record's target, both in the record's pixels.
"""

import base64
import io
from collections.abc import Iterable
from pkgutil import resolve_name
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data.masks import IGNORED
from digits_core.data.planes import shown
from digits_core.data.records import Records

Json = dict[str, Any]


class Judge(Protocol):
    """What a task measures."""

    tally: Any
    unknown: tuple[str, ...]
    """Figures of its report that answers do not tell."""

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """Count one picture."""
        ...


def report(judge: str, rows: Iterable[Json], records: Records, labels: list[str], details: Json) -> Json:
    """The report for rows that have an answer; ``judge`` names the class. ``details`` are the model's own.

    ``pictures`` are the worst ones as [position in the split, score], as in the report of a training.
    """
    judged: Judge = resolve_name(judge)(labels, details)
    places: list[int] = []
    for row in rows:
        if not row.get("error"):
            target = records.read(int(row["n"])).target
            assert target is not None  # a dataset of another task is refused before
            judged.add(row, target.array())
            places.append(int(row["n"]))
    if not places:
        return {}
    found: Json = judged.tally.report(labels)
    found["pictures"] = [[places[place], score] for place, score in found["pictures"]]
    return {name: value for name, value in found.items() if name not in judged.unknown}


class Masks:
    """Of segmentation. What the network did not see counts nowhere."""

    unknown = ("loss",)

    def __init__(self, labels: list[str], details: Json) -> None:
        from digits_core.evaluate.segmentation import Tally

        self.tally = Tally(len(labels))

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """See Judge."""
        mask = _picture(answer["mask"])
        self.tally.add(mask[None], np.where(mask == IGNORED, IGNORED, target)[None].astype(np.uint8))


class Boxes:
    """Of detection."""

    unknown = ()

    def __init__(self, labels: list[str], details: Json) -> None:
        from digits_core.evaluate.detection import Tally

        self.tally, self.place = Tally(len(labels)), {label: number for number, label in enumerate(labels)}

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """See Judge."""
        found = [[self.place[box["label"]], *box["box"], box["score"]] for box in answer["boxes"]]
        self.tally.add(np.array(found, np.float64).reshape(-1, 6), target)


class Numbers:
    """Of regression; ``details`` hold the spread of the columns in training."""

    unknown = ()

    def __init__(self, labels: list[str], details: Json) -> None:
        from digits_core.evaluate.regression import Tally

        self.tally = Tally(np.array(details["std"]))

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """See Judge."""
        self.tally.add(np.array([[row["value"] for row in answer["values"]]]), target[None])


class LabelSets:
    """Of multi-label classification, with the thresholds that the answers name."""

    unknown = ()

    def __init__(self, labels: list[str], details: Json) -> None:
        from digits_core.evaluate.multilabel import Tally

        self.tally, self.labels = Tally(), labels

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """See Judge."""
        said = {row["label"]: row for row in answer["predictions"]}
        self.tally.given = np.array([said[label]["threshold"] for label in self.labels], np.float32)
        share_K = np.array([said[label]["probability"] for label in self.labels]).clip(1e-7, 1 - 1e-7)
        self.tally.add(np.log(share_K / (1 - share_K))[None], target[None])


class Pictures:
    """Of image processing, in the 8 bits that answers are shown with."""

    unknown = ()

    def __init__(self, labels: list[str], details: Json) -> None:
        from digits_core.evaluate.processing import Tally, to_share

        self.tally, self._share = Tally(), to_share

    def add(self, answer: Json, target: NDArray[Any]) -> None:
        """See Judge."""
        picture = np.atleast_3d(_picture(answer["picture"])).transpose(2, 0, 1)
        self.tally.add(self._share(picture[None].copy()), self._share(shown(target)[None].copy()))


def _picture(text: str) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        return np.array(image)
