"""Which boxes a dataset keeps, and a count of every one that it does not, with the reason."""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from digits_core.data.boxes import DONT_CARE, Box, Labelled
from digits_core.errors import BadData
from digits_core.safe.paths import printable

Json = dict[str, Any]
KEPT, CUT = "kept", "cut at the picture's edge"
UNLABELLED, HARD, SMALL = "region without labels (DontCare)", "marked difficult, or a crowd", "smaller than the minimum"
OUTSIDE, EMPTY, UNWANTED = "outside the picture", "no width or height", "not among the chosen classes"
IGNORED = (UNLABELLED, HARD, SMALL)
DROPPED = (OUTSIDE, EMPTY, UNWANTED)
LEAST = 0.5
"""Pixels of width and height that must be left inside the picture."""


class Row(NamedTuple):
    """A box as it is stored; ``label`` is None for a region that belongs to no class."""

    label: str | None
    x0: float
    y0: float
    x1: float
    y1: float
    ignored: bool


class Spans:
    """How wide and high the boxes of each class are, and the pictures around them."""

    def __init__(self) -> None:
        self._values: dict[str, array[float]] = {}

    def add(self, label: str, width: float, height: float, size: tuple[int, int]) -> None:
        """One box in a picture of this ``size`` (width, height)."""
        self._values.setdefault(label, array("f")).extend((width, height, *size))

    def report(self, scale: Callable[[tuple[int, int]], tuple[float, float]]) -> list[Json]:
        """Width and height of each class as [5 %, median, 95 %], after ``scale`` (x, y) of a picture's size."""
        rows = []
        for label, values in sorted(self._values.items()):
            boxes = [tuple(values[place:place + 4]) for place in range(0, len(values), 4)]
            scales = {size: scale((int(size[0]), int(size[1]))) for size in {box[2:] for box in boxes}}
            sides = [sorted(box[side] * scales[box[2:]][side] for box in boxes) for side in (0, 1)]
            rows.append({"label": label, **{name: [round(_at(found, share), 1) for share in (0.05, 0.5, 0.95)]
                                            for name, found in zip(("width", "height"), sides, strict=True)}})
        return rows


def _at(values: list[float], share: float) -> float:
    return values[round(share * (len(values) - 1))]


def read_classes(text: str) -> dict[str, str]:
    """Custom classes: the class of every name in the label files (small letters), in the order of the classes.

    Names are separated by commas; "vehicle = car + van" makes one class of several. Raises ValueError.

    >>> read_classes("Person, vehicle = car + Van")
    {'person': 'Person', 'car': 'vehicle', 'van': 'vehicle'}
    """
    found: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        label, equals, names = map(str.strip, part.partition("="))
        members = [name.strip() for name in names.split("+")] if equals else [label]
        if not label or not all(members):
            raise ValueError(f"{part!r} is no class: write names separated by commas, or class = name + name")
        for name in members:
            if found.setdefault(name.lower(), label) != label:
                raise ValueError(f"{name!r} is in two classes, {found[name.lower()]!r} and {label!r}")
    return found


class Chooser:
    """Decides box by box, and keeps the counts of a whole dataset.

    ``classes`` as ``read_classes`` gives them; empty: every name is a class, whatever its capital letters.
    ``smallest`` is the side in source pixels below which boxes to measure with are ignored.
    """

    def __init__(self, classes: dict[str, str], smallest: float) -> None:
        self.classes, self.smallest, self.chosen = dict(classes), smallest, bool(classes)
        self.counts: Counter[tuple[str, str, str]] = Counter()

    def choose(self, found: Labelled, size: tuple[int, int], split: str) -> list[Row]:
        """What is kept of the boxes of one picture of ``size`` (width, height), cut at its edges."""
        rows = []
        for box in found.boxes:
            label = self._label(box)
            row, what = self._judge(box, label, size, split)
            self.counts[split, label or (DONT_CARE if box.dont_care else box.label), what] += 1
            if row is not None:
                rows.append(row)
                if what == KEPT and (row.x0, row.y0, row.x1, row.y1) != box[1:5]:
                    self.counts[split, str(label), CUT] += 1
        return rows

    def _label(self, box: Box) -> str | None:
        if not self.chosen and not box.dont_care:
            return self.classes.setdefault(box.label.lower(), box.label)
        label = self.classes.get(box.label.lower())
        return None if label is None or label.lower() == DONT_CARE else label

    def _judge(self, box: Box, label: str | None, size: tuple[int, int], split: str) -> tuple[Row | None, str]:
        """The row to store, if any, and what became of the box."""
        if box.x1 <= box.x0 or box.y1 <= box.y0:
            return None, EMPTY
        x0, y0, x1, y1 = max(0.0, box.x0), max(0.0, box.y0), min(size[0], box.x1), min(size[1], box.y1)
        if x1 - x0 < min(LEAST, box.x1 - box.x0) or y1 - y0 < min(LEAST, box.y1 - box.y0):
            return None, OUTSIDE
        if label is None:
            region = box.dont_care or self.classes.get(box.label.lower(), "").lower() == DONT_CARE
            return (Row(None, x0, y0, x1, y1, True), UNLABELLED) if region else (None, UNWANTED)
        small = split != "train" and min(box.x1 - box.x0, box.y1 - box.y0) < self.smallest
        what = HARD if box.ignored else SMALL if small else KEPT
        return Row(label, x0, y0, x1, y1, what != KEPT), what

    def labels(self, declared: Iterable[str] = ()) -> list[str]:
        """The classes: the chosen ones in their order, else those with a box, as ``declared`` first, then by name."""
        if self.chosen:
            return [label for label in dict.fromkeys(self.classes.values()) if label.lower() != DONT_CARE]
        there = {label for _, label, what in self.counts if label in self.classes.values() and what != UNWANTED}
        first = [self.classes.get(name.lower(), "") for name in declared]
        return list(dict.fromkeys([label for label in first if label in there] + sorted(there, key=str.lower)))

    def require(self, labels: list[str]) -> None:
        """Raise BadData when a class has no box left to learn from, or nothing is left to measure with."""
        if not labels:
            raise BadData("The labels hold no box at all, so there is nothing to learn.")
        for label in labels:
            if not self.counts["train", label, KEPT]:
                raise BadData(f"Class {printable(label)!r} has no box left to train on: {self._why('train', label)}. "
                              "Correct the labels, or choose other classes.")
        if any(split == "val" for split, _, _ in self.counts) and not any(
                self.counts["val", label, KEPT] for label in labels):
            why = "; ".join(f"{printable(label)}: {self._why('val', label)}" for label in labels[:5])
            raise BadData(f"No box is left to validate with ({why}). Lower the minimum box size, or choose other "
                          "pictures to validate with.")

    def _why(self, split: str, label: str) -> str:
        there = {(of, what): count for (of, name, what), count in sorted(self.counts.items()) if name == label}
        reasons = [f"{count} {what}" for (of, what), count in there.items() if of == split and what not in (KEPT, CUT)]
        elsewhere = ", ".join(sorted({of for of, _ in there if of != split}))
        return ", ".join(reasons) or (f"only {elsewhere} pictures have it" if elsewhere else "no label file names it")

    def report(self) -> list[Json]:
        """Counts for each split and class: boxes kept (and cut), ignored and dropped by reason."""
        rows = []
        for split, label in dict.fromkeys((split, label) for split, label, _ in sorted(self.counts)):
            count = {what: self.counts[split, label, what] for what in (KEPT, CUT, *IGNORED, *DROPPED)}
            rows.append({"split": split, "label": label, "kept": count[KEPT], "cut": count[CUT],
                         "ignored": {what: count[what] for what in IGNORED if count[what]},
                         "dropped": {what: count[what] for what in DROPPED if count[what]}})
        return rows
