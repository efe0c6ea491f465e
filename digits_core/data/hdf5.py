"""HDF5 files of DIGITS, Caffe and others as databases: a file, or a folder of some, in the order of its list.txt.

``python -m digits_core.data.hdf5 PATH HOW ROOTS`` lists rows and labels in a process of its own. The pictures are read
by the decoding processes, through ``picture``. A location is ``hdf5:/folder/0.h5#12``, of a label that is a picture
``hdf5:/folder/0.h5#12=label``.
"""

import io
import json
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digits_core.data import listing
from digits_core.data.listing import Listed
from digits_core.data.pictures import to_png
from digits_core.errors import BadData
from digits_core.safe import safe_path
from digits_core.safe.hdf5 import Opened, Stored, opened
from digits_core.safe.paths import printable
from digits_core.tasks.pictures import HDF5, HDF5_LIST, is_hdf5

SCHEME, LABEL = "hdf5:", "label"
MOST_FILES = 10_000
MOST_LABEL = 100_000
MOST_NUMBERS = 1000
SILENCE_S = 300
"""Seconds for a thousand rows; they may be large."""
LOOKED_AT = 64


def is_database(path: Path) -> bool:
    """Whether this is an HDF5 file, a list of some or a folder with some, and no LMDB."""
    if not path.is_dir():
        return is_hdf5(path)
    return not (path / "data.mdb").exists() and ((path / HDF5_LIST).exists() or bool(_inside(path)))


def base(path: Path) -> str:
    """What the locations of a database begin with."""
    return f"{SCHEME}{path if path.is_dir() else path.parent}/"


def files(path: Path, roots: Sequence[Path]) -> list[Path]:
    """The files of a database. A list may come from elsewhere: its lines are names in its own folder.

    Raises BadData where a file is not there, or may not be read.
    """
    if path.is_file() and path.name != HDF5_LIST:
        return [path]
    folder = path if path.is_dir() else path.parent
    names = _inside(folder)
    if (folder / HDF5_LIST).exists():
        with safe_path(str(folder / HDF5_LIST), roots).open("rb") as file:
            lines = file.read(MOST_FILES * 300).decode("utf-8", "surrogateescape").splitlines()
        names = [re.split(r"[/\\]", line.strip())[-1] for line in lines if line.strip()]
    if not 0 < len(names) <= MOST_FILES:
        raise BadData(f"The folder {printable(str(folder))} names {len(names)} HDF5 files; 1 to {MOST_FILES} are read.")
    return [safe_path(str(folder / name), roots) for name in names]


def _inside(folder: Path) -> list[str]:
    """Names of the files in a folder: 100.h5 comes after 20.h5."""
    names = [found.name for found in folder.iterdir() if found.name.lower().endswith(HDF5)]
    return sorted(names, key=lambda name: [(0, int(part), "") if part.isdigit() else (1, 0, part)
                                           for part in re.split(r"([0-9]+)", name) if part])


def picture(location: str, roots: Sequence[str], deep: bool) -> bytes:
    """The picture that a location names, as a file: PNG, ``deep`` an array of NumPy. For decoding processes only."""
    path, _, key = location.removeprefix(SCHEME).rpartition("#")
    place, _, label = key.partition("=")
    found = _known(path, tuple(roots))
    stored = found.labels if label else found.pictures
    if stored is None or not place.isdigit():
        raise BadData("is not in the file")
    values = stored.row(int(place))
    if not deep:
        return to_png(_in_bytes(values, _ones(path, tuple(roots), bool(label))))
    with io.BytesIO() as file:
        np.save(file, np.ascontiguousarray(values), allow_pickle=False)
        return file.getvalue()


@lru_cache(maxsize=4)
def _known(path: str, roots: tuple[str, ...]) -> Opened:
    return opened(path, roots)


@lru_cache(maxsize=64)
def _ones(path: str, roots: tuple[str, ...], label: bool) -> bool:
    """Whether 1 is white in these pictures: decimals of which some, spread over the file, lie between 0 and 1."""
    found = _known(path, roots)
    stored = found.labels if label and found.labels else found.pictures
    if stored.array.dtype.kind == "b":
        return True
    if stored.array.dtype.kind != "f":
        return False
    places = np.linspace(0, len(stored) - 1, min(LOOKED_AT, len(stored))).astype(int)
    rows = [stored.row(int(place)) for place in places]
    return all(float(row.min()) >= 0 and float(row.max()) <= 1 for row in rows)


def _in_bytes(values: NDArray[Any], ones: bool) -> NDArray[np.uint8]:
    """uint8 (1 or 3, H, W). Raises BadData for what is no picture of 8 bits."""
    low, high = float(values.min()), float(values.max())
    if len(values) not in (1, 3) or not (low >= 0 and high <= (1 if ones else 255)):
        raise BadData(f"has {len(values)} channels with values from {low:g} to {high:g}; pictures have 1 or 3 with 0 "
                      "to 255 (or 0 to 1 in the whole file), others need the image type 'all channels, full depth'")
    pixels: NDArray[np.uint8] = np.rint(values * np.float32(255) if ones else values).astype(np.uint8)
    return pixels


def check(path: Path, roots: Sequence[Path], classes: bool) -> None:
    """Look at how the files are made, not at their values. Raises BadData when they are not as they must be."""
    for _ in listed(path, lambda: None, roots, "classes" if classes else "labels", "form"):
        pass


def listed(path: Path, tick: Callable[[], None], roots: Sequence[Path], how: str = "classes", only: str = ""
           ) -> Iterator[Listed]:
    """Every row of a database. ``how``: with labels that are classes, any labels ("labels"), or all "numbers" of it.

    Raises BadData when it cannot be read to its end.
    """
    return listing.asked("digits_core.data.hdf5", path, tick, how, json.dumps([str(root) for root in roots]), only)


def main() -> None:
    """List a database."""
    path, how, roots, only = sys.argv[1:]
    places = [Path(root) for root in json.loads(roots)]
    listing.answer(lambda: _rows(Path(path), how, places, bool(only)), SILENCE_S)


def _rows(path: Path, how: str, roots: Sequence[Path], only_form: bool) -> Iterator[Listed]:
    for file in files(path, roots):
        try:
            found = opened(str(file))
            _check_classes(found, how)
            yield from () if only_form else _of_file(file.name, found, how)
            found.close()
        except BadData as error:
            raise BadData(f"{printable(file.name)} {error}.") from None


def _check_classes(found: Opened, how: str) -> None:
    if how == "classes" and found.labels is None:
        raise BadData("has no dataset 'label' or 'labels', the number of its class for each picture")
    if how == "classes" and found.labels is not None and (count := int(np.prod(found.labels.shape))) != 1:
        raise BadData(f"has {count} numbers as the label of each picture; one, its class, is needed")
    if how == "classes" and found.pictures.array.ndim < 3:
        raise BadData("has rows of numbers; pictures have a height and a width")


def _of_file(name: str, found: Opened, how: str) -> Iterator[Listed]:
    channels, height, width = map(int, found.pictures.shape)
    wanted = how == "labels" and found.labels is not None and found.labels.is_picture
    asked = found.pictures if how == "numbers" else None if wanted else found.labels
    for place, (finite, values) in enumerate(zip(_finite(found.pictures), _values(asked), strict=False)):
        key, label, numbers = f"{name}#{place}", 0, []
        reason = "" if finite else "holds numbers that are not finite"
        if how == "classes" and values is not None:
            label, why = _class(values)
            reason = reason or why
        elif values is not None and not reason:
            reason = _unfit(values)
            numbers = [] if reason else [float(value) for value in values]
        yield Listed(key, label, reason, (channels, height, width), numbers, f"{key}={LABEL}" if wanted else "")


def _finite(stored: Stored) -> Iterator[bool]:
    """Of every row, whether all its numbers are finite; whole numbers need not be read for that."""
    if stored.array.dtype.kind != "f":
        yield from repeat(True, len(stored))
        return
    for rows in stored.blocks():
        yield from np.isfinite(rows).reshape(len(rows), -1).all(1).tolist()


def _values(stored: Stored | None) -> Iterator[NDArray[Any] | None]:
    """The numbers of every row; None for ever where there are none."""
    if stored is None:
        yield from repeat(None)
        return
    for rows in stored.blocks():
        yield from rows.reshape(len(rows), -1)


def _class(label: NDArray[Any]) -> tuple[int, str]:
    """The class that a label names, or why it names none."""
    number = float(label[0])
    if not 0 <= number < MOST_LABEL or number != int(number):
        return 0, f"has the label {number:g}, which is no class"
    return int(number), ""


def _unfit(label: NDArray[Any]) -> str:
    if label.size > MOST_NUMBERS or not np.isfinite(label).all():
        return f"holds {label.size} numbers; up to {MOST_NUMBERS}, all finite, are learned"
    return ""


if __name__ == "__main__":
    main()
