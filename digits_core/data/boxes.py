"""Boxes around things, as every label format gives them: names and edges in pixels of the source picture."""

import codecs
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from digits_core.errors import BadData
from digits_core.safe.paths import printable

Json = dict[str, Any]
DONT_CARE = "dontcare"
"""A region that was not labelled, in any mixture of small and capital letters: it belongs to no class."""
LIMIT = 1e6
"""No picture has so many pixels on a side."""


class Box(NamedTuple):
    """A thing in a picture: it covers x0 <= x < x1 and y0 <= y < y1, pixels of the upright source picture.

    An ``ignored`` box is neither something to find nor a mistake when found (difficult, a crowd, not labelled).
    ``more`` are the other columns or elements of the label file.
    """

    label: str
    x0: float
    y0: float
    x1: float
    y1: float
    ignored: bool = False
    more: Json | None = None

    @property
    def dont_care(self) -> bool:
        """Whether it is a region without class."""
        return self.label.lower() == DONT_CARE


class Labelled(NamedTuple):
    """All boxes of one picture, and its width and height where the label file says them."""

    boxes: list[Box]
    size: tuple[int, int] | None = None


def number(text: Any, what: str, where: str) -> float:
    """A finite number of a label file. Raises BadData naming ``where`` it stands and ``what`` it should be."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        raise BadData(f"{where}: {what} is {printable(repr(text))}, not a number.") from None
    if isinstance(text, bool) or not math.isfinite(value) or abs(value) > LIMIT:
        raise BadData(f"{where}: {what} is {printable(repr(text))}, not a usable number.")
    return value


def ordered(box: Box, where: str) -> Box:
    """The box itself. Raises BadData when its right edge lies left of its left one, or its bottom above its top."""
    if box.x1 < box.x0 or box.y1 < box.y0:
        raise BadData(f"{where}: the box of {printable(box.label)!r} is inside out: left {box.x0:g}, top {box.y0:g}, "
                      f"right {box.x1:g}, bottom {box.y1:g}. Its corners are perhaps in another order.")
    return box


def lines(data: bytes, name: str) -> Iterator[tuple[str, str]]:
    """Place ("labels/a.txt, line 3") and text of every line that is not blank; UTF-8, or UTF-16 with its mark."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadData(f"{printable(name)}, line {line}: this is no text (UTF-8).") from None
    for place, line_text in enumerate(text.splitlines(), 1):
        if "\0" in line_text:
            raise BadData(f"{printable(name)}, line {place}: this is no text, it holds a zero byte.")
        if line_text.strip():
            yield f"{printable(name)}, line {place}", line_text.strip()
