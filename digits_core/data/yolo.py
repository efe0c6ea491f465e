"""YOLO labels: one text file a picture, one object a line: class number, then shares (0..1) of the picture's size.

Boxes are "class centre-x centre-y width height" (a sixth column is the score of a result); outlines of segmentation
labels, "class x y x y x y ...", count as the box around them. Names of the classes stand in a data.yaml or a list.
Source: https://docs.ultralytics.com/datasets/detect/
"""

import yaml

from digits_core.data.boxes import Box, Json, lines, number, ordered
from digits_core.errors import BadData
from digits_core.safe.paths import printable

NAME_FILES = ("classes.txt", "obj.names", "classes.names", "names.txt", "_darknet.labels", "labels.names")
"""Files that list the names of the classes, one a line."""
YAML_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
TOLERANCE = 0.01
"""How far beyond the picture's edge rounding may take a share."""


def parse(data: bytes, name: str, names: list[str], size: tuple[int, int]) -> list[Box]:
    """The boxes of one label file, for a picture of ``size`` (width, height).

    ``names`` are those of the classes; none: their numbers are their names. Raises BadData with file and line.
    """
    return [_box(text.split(), names, size, where) for where, text in lines(data, name)]


def _box(words: list[str], names: list[str], size: tuple[int, int], where: str) -> Box:
    outline = len(words) >= 7 and len(words) % 2 == 1
    if len(words) not in (5, 6) and not outline:
        raise BadData(f"{where}: {len(words)} columns; a YOLO label has 5: class, centre x, centre y, width, height.")
    label = _label(words[0], names, where)
    values = [_share(word, place, where) for place, word in enumerate(words[1:5 if not outline else None], 2)]
    more: Json | None = {"score": number(words[5], "column 6 (score)", where)} if len(words) == 6 else None
    if outline:
        xs, ys = values[::2], values[1::2]
        left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    else:
        x, y, width, height = values
        left, top, right, bottom = x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return ordered(Box(label, left * size[0], top * size[1], right * size[0], bottom * size[1], False, more), where)


def _label(word: str, names: list[str], where: str) -> str:
    if not (word.isascii() and word.isdigit()):
        raise BadData(f"{where}: column 1 is {printable(word)!r}; it must be the number of a class, from 0.")
    if not names:
        return str(int(word))
    if int(word) >= len(names):
        raise BadData(f"{where}: class {word}, but the names end at {len(names) - 1} ({printable(names[-1])}).")
    return names[int(word)]


def _share(word: str, place: int, where: str) -> float:
    value = number(word, f"column {place}", where)
    if not -TOLERANCE <= value <= 1 + TOLERANCE:
        raise BadData(f"{where}: column {place} is {printable(word)}; YOLO wants shares of the picture from 0 to 1, "
                      "not pixels.")
    return value


def read_names(data: bytes, name: str) -> list[str]:
    """Names of the classes from a list (one a line) or from a data.yaml. Raises BadData with file and line."""
    if name.endswith((".yaml", ".yml")):
        return _yaml_names(data, printable(name))
    names = [text for _, text in lines(data, name)]
    if not names:
        raise BadData(f"{printable(name)} is empty: it must name the classes, one a line.")
    return names


def read_yaml(data: bytes, name: str) -> Json:
    """The keys of a data.yaml. Raises BadData with file and line."""
    try:
        found = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise BadData(f"{printable(name)}{line}: this is no YAML.") from None
    if not isinstance(found, dict):
        raise BadData(f"{printable(name)}, line 1: it has no keys such as \"names\".")
    return found


def _yaml_names(data: bytes, name: str) -> list[str]:
    names = read_yaml(data, name).get("names")
    if isinstance(names, dict):
        if sorted(names) != list(range(len(names))):
            raise BadData(f"{name}: the numbers of \"names\" must go from 0 to {len(names) - 1} without gaps.")
        names = [names[place] for place in range(len(names))]
    if not isinstance(names, list) or not names or not all(isinstance(n, str | int | float) for n in names):
        raise BadData(f"{name}: \"names\" must list the names of the classes.")
    return [str(one).strip() for one in names]
