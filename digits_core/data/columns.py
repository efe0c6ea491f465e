"""Pictures with numbers: the source of a regression dataset. A CSV table names them, or pictures are made up.

The table's first line names its columns: one holds paths, the others numbers. Lines are counted as an editor does.
"""

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits_core.data import databases
from digits_core.data.decoder import Example, opened
from digits_core.data.entries import Entries
from digits_core.data.pictures import prepare, to_image
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.safe import is_url, safe_path
from digits_core.safe.paths import printable
from digits_core.tasks.regression import DatasetOptions

Json = dict[str, Any]
MADE = "gradient:"
"""A location that begins so is no file: a picture is made from its numbers."""
GRADIENT = ["x gradient", "y gradient"]
LARGEST = 1e30


class Row(NamedTuple):
    """One line of a table: which picture, and its numbers."""

    path: str
    numbers: list[float]


def regression(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData with the line when the table cannot be used."""
    if options.method == "gradients":
        entries = scan.entries("train")
        for numbers in gradients(options.count, options.seed):
            entries.add(f"{MADE}{len(entries)}", 0, json.dumps(numbers))
        return _made(GRADIENT, {"train": entries}, [])
    if options.method == "lmdb":
        return _from_databases(options, roots, scan)
    wanted = {"train": options.table, "val": options.val_table, "test": options.test_table}
    paths = {split: safe_path(text, roots) for split, text in wanted.items() if text.strip()}
    columns = columns_of(paths["train"], options.path_column, options.number_columns)
    splits, remote = {}, False
    base = options.image_folder.strip() and str(safe_path(options.image_folder, roots))
    for split, path in paths.items():
        splits[split] = entries = scan.entries(split, base or str(path.parent))
        for row in rows(path, options.path_column, columns):
            scan.tick()
            remote = remote or is_url(row.path)
            entries.add(row.path if is_url(row.path) else str(Path(base or path.parent) / row.path), 0,
                        json.dumps(row.numbers))
    return _made(columns, splits, list(roots), remote)


def _from_databases(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    splits, size = databases.found(options, roots, scan, numbers=True)
    known = (json.loads(entries.extra(0))["numbers"] for entries in splits.values() if len(entries))
    columns = [f"value {number + 1}" for number, _ in enumerate(next(known, []))]
    return replace(_made(columns, splits, list(roots)), size=size, exact=size is not None)


def _made(columns: list[str], splits: dict[str, Entries], roots: list[Path], remote: bool = False) -> Source:
    """With mean and spread of the columns in training: what networks learn is put on that scale."""
    train = splits["train"]
    rows = [_numbers_of(train.extra(place)) for place in range(len(train))]
    if any(len(row) != len(columns) for row in rows):
        raise BadData(f"Not every label has as many numbers as the first one ({len(columns)}).")
    numbers = np.array(rows).reshape(-1, len(columns))
    spread = numbers.std(0) if len(numbers) else np.ones(len(columns))
    details = {"mean": numbers.mean(0).tolist() if len(numbers) else [0.0] * len(columns),
               "std": [float(value) if value > 1e-12 else 1.0 for value in spread]}
    return Source(columns, splits, roots, remote=remote, classified=False, more=details)


def _numbers_of(extra: str) -> list[float]:
    known = json.loads(extra)
    numbers: list[float] = known["numbers"] if isinstance(known, dict) else known
    return numbers


def columns_of(path: Path, path_column: str, chosen: Sequence[str]) -> list[str]:
    """The columns with numbers. Raises BadData when the table lacks one that was named."""
    names = _header(path)
    first = path_column or names[0]
    found = list(chosen) or [name for name in names if name != first]
    missing = [name for name in (first, *found) if name not in names]
    if missing:
        raise BadData(f"{path.name}, line 1: there is no column {missing[0]!r}; there are {', '.join(names)}.")
    if not found:
        raise BadData(f"{path.name}, line 1: beside the paths there must be a column with numbers.")
    return found


def _header(path: Path) -> list[str]:
    with text_of(path) as lines:
        names = [name.strip() for name in next(csv.reader(lines), [])]
    if len(names) < 2 or len(set(names)) < len(names) or not all(names):
        raise BadData(f"{path.name}, line 1: the names of at least two columns are needed, all different, with "
                      "commas between (path,angle).")
    return names


def text_of(path: Path) -> Any:
    """A table or list as text. Raises BadData when it cannot be read."""
    try:
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise BadData(f"The table {path.name} cannot be read: {error.strerror}.") from None


def rows(path: Path, path_column: str, columns: Sequence[str]) -> Iterator[Row]:
    """The pictures of a table with their numbers. Raises BadData with the line for a number that is none."""
    for line, (picture, *cells) in lines(path, path_column, columns):
        yield Row(picture, [_number(cell, f"{path.name}, line {line}, column {name!r}")
                            for name, cell in zip(columns, cells, strict=True)])


def lines(path: Path, path_column: str, columns: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """The lines of a table: number, and the cells of the path and of these columns. Raises BadData for a short one."""
    names = _header(path)
    places = [names.index(name) for name in (path_column or names[0], *columns)]
    with text_of(path) as file:
        reader = csv.reader(file)
        next(reader)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(names):
                raise BadData(f"{path.name}, line {reader.line_num}: {len(cells)} cells instead of {len(names)}.")
            yield reader.line_num, [cells[at].strip() for at in places]


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) < LARGEST:
        raise BadData(f"{where}: {printable(text)[:60]!r} is not a number. Repair or remove the line.")
    return value


def gradients(count: int, seed: int) -> Iterator[list[float]]:
    """Made-up slopes along x and y, each -0.5..0.5: the truth of DIGITS' example of regression."""
    chance = np.random.default_rng([seed, 7])
    for _ in range(count):
        yield [round(float(value), 6) for value in chance.uniform(-0.5, 0.5, 2)]


def gradient_pixels(slopes: Sequence[float], width: int, height: int) -> Any:
    """uint8 (1, H, W): brightness that rises by these shares of 255 from edge to edge, around the middle grey."""
    x, y = np.linspace(-0.5, 0.5, width), np.linspace(-0.5, 0.5, height)[:, None]
    return np.rint(127.5 + 255 * (slopes[0] * x + slopes[1] * y)).astype(np.uint8)[None]


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture with its numbers, float32 (K,). Raises DigitsError when it cannot be used."""
    numbers = np.asarray(_numbers_of(extra), np.float32)
    if location.startswith(MADE):
        image: Any = to_image(gradient_pixels(numbers.tolist(), how["width"], how["height"]))
        notes: list[str] = []
    else:
        image, notes = opened(how, location, name)
    pixels = prepare(image, how["channels"], how["width"], how["height"], how["resize_mode"])
    return Example(pixels, image.size, notes, numbers)
