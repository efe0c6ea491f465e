"""What the values of label images mean: told by a colour map file, or seen in the first label images."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from digits_core.data import lists
from digits_core.data.masks import MOST_CLASSES, Colour, Kind, LabelImage, Rule, packed
from digits_core.errors import BadData
from digits_core.safe.paths import printable

Values = Literal["auto", "index", "binary", "colours"]
SAMPLES = 20
"""So many label images tell what is meant; every one is then held to it."""
NOT_A_CLASS = ("ignored", "ignore")
BINARY_NAMES = ["black (0)", "white (255)"]


class ColourMap(NamedTuple):
    """Colours of the classes in order, their names where the file has them (else ""), and colours that are ignored."""

    colours: list[Colour]
    names: list[str]
    ignored: list[Colour]


def read_colour_map(path: Path) -> ColourMap:
    """A colour map as DIGITS reads it: one ``r g b`` a line, line 1 is class 0.

    A class name may follow the numbers. A line with the name "ignored" is no class: its pixels become 255. Raises
    BadData with the file and line of what is wrong.
    """
    found = ColourMap([], [], [])
    lines: dict[Colour, int] = {}
    for number, text in lists.lines(path):
        colour, name = _line(path, number, text)
        if colour in lines:
            raise BadData(f"{path.name}, line {number}: the colour {colour[0]} {colour[1]} {colour[2]} is already that "
                          f"of line {lines[colour]}. Every class needs a colour of its own.")
        lines[colour] = number
        if name.lower() in NOT_A_CLASS:
            found.ignored.append(colour)
        else:
            found.colours.append(colour)
            found.names.append(name)
    if not found.colours:
        raise BadData(f"The colour map {path.name} is empty. It has one line of three numbers, r g b, for every class.")
    if len(found.colours) > MOST_CLASSES:
        raise BadData(f"The colour map {path.name} has {len(found.colours)} classes; {MOST_CLASSES} are possible.")
    return found


def _line(path: Path, number: int, text: str) -> tuple[Colour, str]:
    words = text.replace(",", " ").split(maxsplit=3)
    values = []
    for word in words[:3]:
        if not (word.isascii() and word.isdigit() and int(word) <= 255):
            raise BadData(f"{path.name}, line {number}: {printable(word)!r} is not an integer from 0 to 255. A line "
                          "is three of them, r g b.")
        values.append(int(word))
    if len(values) < 3:
        raise BadData(f"{path.name}, line {number}: {len(values)} numbers; a line is three of them, r g b.")
    return (values[0], values[1], values[2]), printable(words[3].strip()) if len(words) > 3 else ""


def read_class_labels(path: Path) -> list[str]:
    """Names of the classes: line 1 is class 0. Raises BadData when there are none, or more than a mask can tell."""
    names = lists.read_labels(path)
    if len(names) > MOST_CLASSES:
        raise BadData(f"{path.name} names {len(names)} classes; {MOST_CLASSES} are possible.")
    return names


def find_rule(labels: Iterable[LabelImage], values: Values = "auto", colour_map: ColourMap | None = None,
              classes: int = 0) -> Rule:
    """The rule for a dataset from some of its label images (``SAMPLES`` are enough).

    ``classes`` is how many there are, if a list of names says so. By itself ("auto"): without a colour map grey
    pictures of nothing but 0 and 255 are binary, other values are indices. With one, colours are looked up; grey
    pictures whose values are all class numbers are indices. Raises BadData where that contradicts the pictures.
    """
    samples = list(labels)
    if not samples:
        raise BadData("No label image can be read.")
    coloured = next((label for label in samples if label.coloured), None)
    if colour_map is None and (coloured is not None or values == "colours"):
        what = f"The label image {coloured.name} is a colour picture." if coloured else "Colours were asked for."
        raise BadData(f"{what} Name a colour map file: one line of three numbers, r g b, for every class.")
    if colour_map is not None and classes and len(colour_map.colours) != classes:
        raise BadData(f"The colour map has {len(colour_map.colours)} classes, the list of class names {classes}.")
    kind = values if values != "auto" else _kind(samples, colour_map, classes)
    if kind == "binary" and classes not in (0, 2):
        raise BadData(f"The label images are black and white, which is 2 classes; the list of names has {classes}.")
    if colour_map is not None:
        return Rule(kind, len(colour_map.colours), colour_map.colours, colour_map.ignored)
    palette = [] if kind == "binary" else _palette(samples)
    return Rule(kind, 2 if kind == "binary" else classes, palette[:classes or None], [], palette)


def _kind(samples: list[LabelImage], colour_map: ColourMap | None, classes: int) -> Kind:
    if colour_map is None:
        plain = classes in (0, 2) and all(
            label.palette is None and np.isin(label.values, (0, label.white)).all() for label in samples)
        return "binary" if plain and any(label.values.any() for label in samples) else "index"
    if any(label.coloured for label in samples):
        return "colours"
    known = packed(np.array([*colour_map.colours, *colour_map.ignored], np.uint8))
    if not all(np.isin(label.colours(), known).all() for label in samples):
        return "index"
    # Grey 0, 1, 2 may be colours, but are numbers; 255 beside them is a colour if the map has white.
    most = len(colour_map.colours)
    return "index" if all(label.palette is None and (label.values < most).all() for label in samples) else "colours"


def _palette(samples: list[LabelImage]) -> list[Colour]:
    first = next((label.palette for label in samples if label.palette is not None), None)
    return [] if first is None else [(r, g, b) for r, g, b in first.tolist()]
