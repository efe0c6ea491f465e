"""Pictures with any number of labels: the source of a multi-label dataset, a CSV table or a text list.

A table's first line names its columns: one holds paths; a single other one holds names with ; or | between them,
several hold 1 or 0. A list has no such line. Lines are counted as an editor does.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits_core.data import columns
from digits_core.data.decoder import Example, labelled
from digits_core.data.sources import Scan, Source
from digits_core.errors import BadData
from digits_core.safe import is_url, safe_path
from digits_core.safe.paths import printable
from digits_core.tasks.multilabel import DatasetOptions

Json = dict[str, Any]
BETWEEN = re.compile(r"[;|]")
MOST = 10_000
"""Labels; of more, the separator is probably another one."""


class Row(NamedTuple):
    """One line: which picture, its labels, and where that is said."""

    path: str
    labels: list[str]
    where: str


def multilabel(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData with the line when it cannot be used."""
    paths = {split: safe_path(text, roots) for split, text in options.files().items()}
    names = _names(paths["train"], options, scan)
    place = {name: number for number, name in enumerate(names)}
    base = options.image_folder.strip() and str(safe_path(options.image_folder, roots))
    splits, remote, with_label = {}, False, np.zeros(len(names))
    for split, path in paths.items():
        splits[split] = entries = scan.entries(split, base or str(path.parent))
        for row in _rows(path, options):
            scan.tick()
            unknown = [label for label in row.labels if label not in place]
            if unknown:
                raise BadData(f"{row.where}: the label {printable(unknown[0])[:60]!r} is not in the training's "
                              f"{'columns' if len(names) > 1 else 'lines'}.")
            numbers = sorted({place[label] for label in row.labels})
            remote = remote or is_url(row.path)
            entries.add(row.path if is_url(row.path) else str(Path(base or path.parent) / row.path), 0,
                        json.dumps(numbers))
            if split == "train":
                with_label[numbers] += 1
    share = with_label / max(1, len(splits["train"]))
    return Source(names, splits, list(roots), remote=remote, classified=False,
                  more={"classes": len(names), "share": share.tolist()})


def _names(path: Path, options: DatasetOptions, scan: Scan) -> list[str]:
    """All labels: columns in their order, names sorted."""
    if options.method == "table":
        found = columns.columns_of(path, options.path_column, options.label_columns)
        if len(found) > 1:
            return found
    known: set[str] = set()
    for row in _rows(path, options):
        scan.tick()
        known.update(row.labels)
        if len(known) > MOST:
            raise BadData(f"{row.where}: more than {MOST:,} different labels. Labels need ; or | between them.")
    if not known:
        raise BadData(f"{path.name} names no label at all.")
    return sorted(known)


def _rows(path: Path, options: DatasetOptions) -> Iterator[Row]:
    if options.method == "list":
        return _listed(path)
    names = columns.columns_of(path, options.path_column, options.label_columns)
    return _written(path, options.path_column, names[0]) if len(names) == 1 else _ticked(path, options, names)


def _ticked(path: Path, options: DatasetOptions, names: list[str]) -> Iterator[Row]:
    """Of a table with a column for each label."""
    for line, cells in columns.lines(path, options.path_column, names):
        labels = []
        for name, cell in zip(names, cells[1:], strict=True):
            if cell in ("1", "1.0"):
                labels.append(name)
            elif cell not in ("0", "0.0", ""):
                raise BadData(f"{path.name}, line {line}, column {name!r}: {printable(cell)[:60]!r} is neither 1 nor "
                              "0. Repair it, or name the columns with labels.")
        yield Row(cells[0], labels, f"{path.name}, line {line}")


def _written(path: Path, path_column: str, column: str) -> Iterator[Row]:
    """Of a table with a column of names."""
    for line, (picture, text) in columns.lines(path, path_column, [column]):
        yield Row(picture, separated(text), f"{path.name}, line {line}")


def _listed(path: Path) -> Iterator[Row]:
    with columns.text_of(path) as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip()
            if text:
                picture, _, labels = text.partition("\t") if "\t" in text else _at_last_blank(text)
                yield Row(picture.strip(), separated(labels), f"{path.name}, line {number}")


def _at_last_blank(text: str) -> tuple[str, str, str]:
    picture, blank, labels = text.rpartition(" ")
    return (picture, blank, labels) if picture else (labels, "", "")


def separated(text: str) -> list[str]:
    """The labels in a cell.

    >>> separated("cat; dog|")
    ['cat', 'dog']
    """
    return [label for part in BETWEEN.split(text) if (label := part.strip())]


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A picture with a 1 for each of its labels, float32 (K,). Raises DigitsError when it cannot be used."""
    target = np.zeros(how["more"]["classes"], np.float32)
    target[json.loads(extra)] = 1
    return labelled(how, location, name, extra)._replace(target=target, counts=tuple(target.astype(int).tolist()))
