"""KITTI label files: one text file a picture, one object a line, 15 columns (16 with a score).

Source: http://www.cvlibs.net/datasets/kitti/eval_object.php, readme of the development kit.
"""

from digits_core.data.boxes import Box, lines, number, ordered
from digits_core.errors import BadData
from digits_core.safe.paths import printable

COLUMNS = ("type", "truncated", "occluded", "alpha", "left", "top", "right", "bottom", "height", "width", "length",
           "x", "y", "z", "rotation_y", "score")
"""Sizes and places in metres, angles in radians; the score stands in results only."""
BOX = ("left", "top", "right", "bottom")


def parse(data: bytes, name: str) -> list[Box]:
    """The boxes of one label file; ``more`` holds every other column. Raises BadData with file, line and column."""
    return [_box(text.split(), where) for where, text in lines(data, name)]


def _box(words: list[str], where: str) -> Box:
    if len(words) not in (15, 16):
        raise BadData(f"{where}: {len(words)} columns; a KITTI label has 15 (16 with a score), separated by blanks: "
                      f"{', '.join(COLUMNS[:8])} and 7 more.")
    values = {column: number(word, f"column {place} ({column})", where)
              for place, (column, word) in enumerate(zip(COLUMNS[1:], words[1:], strict=False), 2)}
    if values["occluded"] != int(values["occluded"]):
        raise BadData(f"{where}: column 3 (occluded) is {printable(words[2])}; it must be a whole number.")
    left, top, right, bottom = (values.pop(column) for column in BOX)
    box = Box(words[0], left, top, right, bottom, False, {**values, "occluded": int(values["occluded"])})
    return ordered(box._replace(ignored=box.dont_care), where)
