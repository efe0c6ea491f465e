"""Contours that people drew around what they see, as masks: one text file a picture, "x y" a line, in pixels.

A contour belongs to the picture with the same relative path but for the ending, or lies as Sunnybrook's do:
``CASE/contours-manual/IRCCI-expert/IM-0001-NNNN-icontour-manual.txt`` for ``CASE/IM-SSSS-NNNN.dcm``.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from digits_core.data.entries import Entries, Numbers
from digits_core.data.folders import pictures
from digits_core.data.mask_rules import read_class_labels
from digits_core.data.masks import Mask, Rule
from digits_core.data.pairs import pair
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.jobs import child
from digits_core.safe import safe_path
from digits_core.safe.paths import printable
from digits_core.tasks.segmentation import DatasetOptions

NAMES = ["background", "left ventricle"]
SERIES = {"SC-HF-I-1": 4, "SC-HF-I-2": 106, "SC-HF-I-4": 116, "SC-HF-I-40": 134, "SC-HF-NI-3": 379, "SC-HF-NI-4": 501,
          "SC-HF-NI-34": 446, "SC-HF-NI-36": 474, "SC-HYP-1": 550, "SC-HYP-3": 650, "SC-HYP-38": 734, "SC-HYP-40": 755,
          "SC-N-2": 898, "SC-N-3": 915, "SC-N-40": 944}
"""Of Sunnybrook's training cases: the series that the contours were drawn on (DIGITS' plugin image-sunnybrook)."""
LARGEST = 1_000_000
_CONTOUR = re.compile(r"([^/]+)/contours-manual/IRCCI-expert/IM-0001-([0-9]{4})-icontour-manual\.txt")
_PICTURE = re.compile(r"([^/]+)/IM-([0-9]+)-([0-9]+)\.[^./]+$")
LIMIT_S = 60.0


class Partners(NamedTuple):
    """Contour by picture, how many contours have no picture, and all pictures that a contour could belong to."""

    both: dict[str, str]
    left: int
    possible: set[str]


def source(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData when no picture has a contour."""
    names = read_class_labels(safe_path(options.labels_file, roots)) if options.labels_file.strip() else NAMES
    if len(names) != 2:
        raise BadData(f"The class labels file names {len(names)} classes; contours make two, around and inside.")
    scan.labels[:] = names
    splits = {"train": _listed("train", options.images, options.labels, roots, scan)}
    for split in ("val", "test"):
        if getattr(options, f"{split}_images").strip():
            splits[split] = _listed(split, getattr(options, f"{split}_images"), getattr(options, f"{split}_labels"),
                                    roots, scan)
    return Source(names, splits, list(roots), classified=False, size=_first_size(splits["train"].location(0), roots),
                  cases=options.keep_cases, more={"rule": Rule("index", 2).to_json()})


def _first_size(path: str, roots: Sequence[Path]) -> tuple[int, int]:
    question = {"paths": [path], "roots": [str(root.resolve()) for root in roots]}
    try:
        size = child.ask("digits_core.data.size_child", question, LIMIT_S, [])["sizes"][0]
    except child.NoAnswer as error:
        size = f"could not be looked at: {error}"
    if isinstance(size, str):
        raise BadData(f"The first picture, {printable(path)}, {size}.")
    return size[0], size[1]


def _listed(split: str, images: str, contours: str, roots: Sequence[Path], scan: Scan) -> Entries:
    top, side = safe_path(images, roots), safe_path(contours, roots)
    found = {str(Path(path).relative_to(top)): path for path in pictures(top, split, "", list(roots), scan)}
    drawn = {str(Path(path).relative_to(side)): path for path in pictures(
        side, split, "", list(roots), scan, wanted=lambda name: name.endswith(".txt") and name[0] != ".")}
    partners = _sunnybrook(found, drawn) or _same_path(found, drawn)
    entries, cases = scan.entries(split, str(top)), Numbers()
    for name, path in found.items():
        if name in partners.both:
            entries.add(path, cases.of(str(Path(path).parent)), json.dumps({"contour": drawn[partners.both[name]]}))
        else:
            scan.skip(name, split, "", "has the number of a contour, as has a picture of another series"
                      if name in partners.possible else "has no contour", False)
    if partners.left:
        scan.note("labels-alone", partners.left)
    return entries


def _same_path(found: Mapping[str, str], drawn: Mapping[str, str]) -> Partners:
    both, _, left = pair(found, drawn, "contour")
    return Partners(dict(both), len(left), set())


def _sunnybrook(found: Mapping[str, str], drawn: Mapping[str, str]) -> Partners | None:
    """None unless there are contours in such folders. Raises BadData when none of them fits a picture."""
    wanted = {name: (case_name(match[1]), int(match[2])) for name, path in drawn.items()
              if (match := _CONTOUR.search(path))}
    if not wanted:
        return None
    numbered: dict[tuple[str, int], list[str]] = defaultdict(list)
    for name, path in found.items():
        if match := _PICTURE.search(path):
            case, series = case_name(match[1]), int(match[2])
            if SERIES.get(case, series) == series:
                numbered[case, int(match[3])].append(name)
    fitting = {contour: numbered[key] for contour, key in wanted.items() if key in numbered}
    both = {names[0]: contour for contour, names in fitting.items() if len(names) == 1}
    if not both:
        name, (case, number) = next(iter(wanted.items()))
        raise BadData(f"None of {len(wanted)} contours has its picture, one alone: {printable(name)} needs "
                      f"{printable(case)}/IM-*-{number:04d}.dcm below the folder of pictures.")
    return Partners(both, len(wanted) - len(fitting), {name for names in fitting.values() for name in names})


def case_name(folder: str) -> str:
    """A case's name with its numbers as short as can be: contours are in SC-HF-I-01, pictures in SC-HF-I-1.

    >>> case_name("SC-HF-I-01")
    'SC-HF-I-1'
    """
    return "-".join(str(int(word)) if word.isascii() and word.isdigit() else word for word in folder.split("-"))


def mask(data: bytes, name: str, width: int, height: int) -> Mask:
    """uint8 (height, width): 1 for pixels whose middle is inside; (0, 0) is the middle of the first pixel.

    Raises BadData with the line that is wrong.
    """
    points = [_point(name, number, line) for number, line in
              enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1) if line.strip()]
    if len(points) < 3:
        raise BadData(f"has a contour of {len(points)} points, {printable(name)}; three are needed at least")
    inside = np.zeros((height, width), bool)
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        rows = np.arange(max(0, math.ceil(min(y0, y1))), min(height, math.ceil(max(y0, y1))))
        if len(rows):  # each side of the contour that a row meets turns over what is right of it
            inside[rows] ^= np.arange(width) >= (x0 + (rows - y0) * (x1 - x0) / (y1 - y0))[:, None]
    if not inside.any():
        raise BadData(f"is {width} x {height}, and its contour {printable(name)} lies outside of it")
    return inside.astype(np.uint8)


def _point(name: str, number: int, line: str) -> tuple[float, float]:
    try:
        x, y = map(float, line.split())
    except ValueError:
        x = y = math.nan
    if not max(abs(x), abs(y)) < LARGEST or math.isnan(y):
        raise BadData(f"has a contour that cannot be read: {printable(name)}, line {number}: two numbers are needed, "
                      f"x and y, not {printable(line[:40])!r}")
    return x, y
