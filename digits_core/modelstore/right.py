"""When the answer to a pin is right: one class for each kind of answer. No torch here."""

import base64
import io
from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digits_core.data.planes import shown
from digits_core.errors import BadData
from digits_core.infer.model_folder import ModelFolder
from digits_core.tasks import Task

Json = dict[str, Any]
MOST_DB = 100.0
"""PSNR of equal pictures, as evaluations have it."""


class Verdict(NamedTuple):
    """Whether it is right, what was wanted, what came in its place; ``made``: a PNG of that, if it is a picture."""

    right: bool
    wanted: str
    said: list[str]
    made: bytes = b""


class Rule(Protocol):
    """Of one kind of answer, for one model."""

    asks: str
    """What a pinned picture needs: "label", "values" or "target"."""
    limit: str
    """What the limit of a slice is, for people; empty: it has none."""

    def __init__(self, kind: Task, model: ModelFolder) -> None: ...

    def picture(self, answer: Json, pin: Json, target: bytes) -> Verdict:
        """Of a pinned picture; ``target`` is the file that was pinned with it."""
        ...

    def record(self, answer: Json, pin: Json, label: str, target: NDArray[Any] | None) -> Verdict:
        """Of a record of a pinned slice, with its true label and its target."""
        ...


class Labels:
    """A label must be among those that the answer gives."""

    asks, limit = "label", ""

    def __init__(self, kind: Task, model: ModelFolder) -> None:
        self.named: Callable[[Json], list[str]] = resolve_name(kind.named)

    def picture(self, answer: Json, pin: Json, target: bytes) -> Verdict:
        """See Rule."""
        return self.record(answer, pin, str(pin["label"]), None)

    def record(self, answer: Json, pin: Json, label: str, target: NDArray[Any] | None) -> Verdict:
        """See Rule."""
        said = self.named(answer)
        return Verdict(label in said, label, said)


class Numbers:
    """Every number that is pinned must be near enough, in its own units."""

    asks, limit = "values", "May be off by"

    def __init__(self, kind: Task, model: ModelFolder) -> None:
        self.labels = model.labels

    def picture(self, answer: Json, pin: Json, target: bytes) -> Verdict:
        """See Rule."""
        said = {row["label"]: float(row["value"]) for row in answer["values"]}
        if missing := [row["label"] for row in pin["values"] if row["label"] not in said]:
            raise BadData(f"the model does not tell {' and '.join(missing)}")
        far = [row for row in pin["values"] if not abs(said[row["label"]] - row["value"]) <= row["within"]]
        return Verdict(not far, near(far or pin["values"]),
                       [f"{row['label']} {said[row['label']]:.6g}" for row in far or pin["values"]])

    def record(self, answer: Json, pin: Json, label: str, target: NDArray[Any] | None) -> Verdict:
        """See Rule. Columns are told by their names: a model may have them in another order."""
        assert target is not None
        rows = [{"label": name, "value": float(value), "within": pin["limit"]}
                for name, value in zip(pin["columns"], target, strict=True) if pin["label"] in ("", name)]
        return self.picture(answer, {"values": rows}, b"")


class Pictures:
    """The picture that was made must be as near to the wanted one as its PSNR says."""

    asks, limit = "target", "PSNR of at least (dB)"

    def __init__(self, kind: Task, model: ModelFolder) -> None:
        self.model = model

    def picture(self, answer: Json, pin: Json, target: bytes) -> Verdict:
        """See Rule."""
        return self.record(answer, {"limit": pin["psnr"]}, "", self.model.prepare(target, str(pin["name"])).pixels)

    def record(self, answer: Json, pin: Json, label: str, target: NDArray[Any] | None) -> Verdict:
        """See Rule."""
        assert target is not None
        made = base64.b64decode(answer["picture"])
        found, truth = _planes(made), shown(target)
        wanted = f"{pin['limit']:g} dB or more"
        if found.shape != truth.shape:
            return Verdict(False, wanted, [f"a picture of {_size(found)} instead of {_size(truth)}"], made)
        psnr = near_db(found, truth)
        return Verdict(psnr >= pin["limit"], wanted, [f"{psnr:.1f} dB"], made)


def rule(kind: Task, model: ModelFolder) -> Rule:
    """That of a task. Raises BadData for answers of which none is right or wrong."""
    if not kind.can_pin:
        raise BadData(f"Nothing can be pinned to a model of the task {kind.title}: none of its answers is right or "
                      "wrong.")
    found: Rule = resolve_name(kind.held or f"{__name__}:Labels")(kind, model)
    return found


def near(values: list[Json]) -> str:
    """Numbers with how far they may be off.

    >>> near([{"label": "x", "value": 12.0, "within": 0.5}, {"label": "y", "value": -3, "within": 1}])
    'x 12 ± 0.5, y -3 ± 1'
    """
    return ", ".join(f"{row['label']} {row['value']:.6g} ± {row['within']:g}" for row in values)


def near_db(found: NDArray[np.uint8], truth: NDArray[np.uint8]) -> float:
    """PSNR of two pictures of 8 bits, in dB, at most ``MOST_DB``.

    >>> near_db(np.zeros((1, 2, 2), np.uint8), np.full((1, 2, 2), 255, np.uint8))
    0.0
    """
    squared = float(np.square((found.astype(np.float64) - truth) / 255).mean())
    return abs(round(-10 * float(np.log10(max(squared, 10 ** (-MOST_DB / 10)))), 6))


def told(pin: Json) -> str:
    """What is wanted of a pinned picture, in words."""
    if "values" in pin:
        return near(pin["values"])
    if "psnr" in pin:
        return f"{pin['psnr']:g} dB or more to " + (pin["target"] or "its own answer")
    return str(pin["label"])


def sliced(pin: Json) -> str:
    """A pinned slice in words."""
    every = "everything" if "limit" in pin else "every class"
    limit = f" ({'± ' if pin['columns'] else ''}{pin['limit']:g}{'' if pin['columns'] else ' dB'})" \
        if "limit" in pin else ""
    return f"{pin['label'] or every} in {pin['split']} of {pin.get('name') or pin['dataset']}{limit}"


def _planes(png: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(png)) as image:
        return np.atleast_3d(np.array(image)).transpose(2, 0, 1)


def _size(planes: NDArray[Any]) -> str:
    return f"{planes.shape[2]} x {planes.shape[1]}, {planes.shape[0]} channels"
