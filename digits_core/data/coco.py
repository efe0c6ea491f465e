"""COCO annotations: one JSON file for all pictures, boxes as [left, top, width, height] in pixels from 0.

Source: https://cocodataset.org/#format-data
"""

import json
from typing import Any, NamedTuple

from digits_core.data.boxes import Box, Json, Labelled, number
from digits_core.errors import BadData
from digits_core.safe.paths import printable

KEYS = ("images", "annotations", "categories")


class Coco(NamedTuple):
    """What a file holds: the names of its classes, and the boxes of every picture by its ``file_name``."""

    names: list[str]
    pictures: dict[str, Labelled]


def parse(data: bytes, name: str) -> Coco:
    """Everything in one file; crowds are ignored boxes. Raises BadData with file and element."""
    name = printable(name)
    try:
        found = json.loads(data)
    except json.JSONDecodeError as error:
        raise BadData(f"{name}, line {error.lineno}: this is no JSON ({error.msg}).") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise BadData(f"{name}, line 1: this is no JSON ({error}).") from None
    missing = [key for key in KEYS if not isinstance(found, dict) or not isinstance(found.get(key), list)]
    if missing:
        raise BadData(f"{name}: this is no COCO file, it has no list {missing[0]!r}. COCO has the lists images, "
                      "annotations and categories.")
    names = {_id(row, "id", where): _text(row, "name", where) for row, where in _rows(found, "categories", name)}
    pictures: dict[str, Labelled] = {}
    by_id: dict[Any, Labelled] = {}
    for row, where in _rows(found, "images", name):
        path, key = _text(row, "file_name", where), _id(row, "id", where)
        if path in pictures or key in by_id:
            raise BadData(f"{where}: the picture {printable(path)!r} or its id {key} is there twice.")
        pictures[path] = by_id[key] = Labelled([], _size(row, where))
    for row, where in _rows(found, "annotations", name):
        _add(row, where, names, by_id)
    return Coco(list(dict.fromkeys(names.values())), pictures)


def _add(row: Json, where: str, names: dict[Any, str], pictures: dict[Any, Labelled]) -> None:
    picture, category = _id(row, "image_id", where), _id(row, "category_id", where)
    if picture not in pictures:
        raise BadData(f"{where}: there is no picture with the id {picture} in \"images\".")
    if category not in names:
        raise BadData(f"{where}: there is no class with the id {category} in \"categories\".")
    box = row.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        raise BadData(f"{where}: \"bbox\" is {printable(json.dumps(box))}; it must be [left, top, width, height].")
    left, top, width, height = (number(value, f"bbox[{place}]", where) for place, value in enumerate(box))
    if width < 0 or height < 0:
        raise BadData(f"{where}: the box is {width:g} wide and {height:g} high. It must be [left, top, width, height].")
    pictures[picture].boxes.append(
        Box(names[category], left, top, left + width, top + height, bool(row.get("iscrowd", 0))))


def _rows(found: Json, key: str, name: str) -> "list[tuple[Json, str]]":
    rows = []
    for place, row in enumerate(found[key]):
        if not isinstance(row, dict):
            raise BadData(f"{name}, {key}[{place}]: {printable(repr(row))} is no object.")
        rows.append((row, f"{name}, {key}[{place}]"))
    return rows


def _id(row: Json, key: str, where: str) -> int | str:
    value = row.get(key)
    if not isinstance(value, int | str):
        raise BadData(f"{where}: it has no {key!r} (a whole number).")
    return value


def _text(row: Json, key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadData(f"{where}: it has no {key!r} (a text).")
    return value.strip()


def _size(row: Json, where: str) -> tuple[int, int] | None:
    width, height = (number(row.get(side) or 0, side, where) for side in ("width", "height"))
    return (int(width), int(height)) if width >= 1 and height >= 1 else None
