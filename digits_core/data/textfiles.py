"""Tables of texts: the source of a text dataset, and how its records are made."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from digits_core.data import lists
from digits_core.data.decoder import Example
from digits_core.data.sources import Scan, Source
from digits_core.data.texts import LARGEST, numbered
from digits_core.errors import BadData
from digits_core.safe import safe_path
from digits_core.tasks.text import DatasetOptions

Json = dict[str, Any]
LOOK = 1000
"""Lines that are compared with the first one, to know whether it names the columns."""
MOST_CLASSES = 10_000


class Row(NamedTuple):
    """A text, its class as the table has it, and its line as an editor counts."""

    label: str
    text: str
    line: int


def text(options: DatasetOptions, roots: Sequence[Path], scan: Scan) -> Source:
    """Look for what ``options`` name. Raises BadData with the line when a table cannot be used."""
    wanted = {"train": options.table, "val": options.val_table, "test": options.test_table}
    paths = {split: safe_path(path, roots) for split, path in wanted.items() if path.strip()}
    names = lists.read_labels(safe_path(options.labels_file, roots)) if options.labels_file.strip() else None
    labels: dict[str, int] = {}
    splits = {}
    for split, path in paths.items():
        splits[split] = entries = scan.entries(split, f"{path.parent}/")
        for row in rows(path, options.label_column, options.first_line):
            scan.tick()
            if not row.text.strip():
                scan.skip(f"{path.name}, line {row.line}", split, row.label, "is an empty text", True)
                continue
            entries.add(f"{path}, line {row.line}", _number(row, path, names, labels), row.text)
    return Source(names or list(labels), splits, list(roots), keeps_labels=names is not None,
                  more={"alphabet": options.alphabet})


def _number(row: Row, path: Path, names: list[str] | None, labels: dict[str, int]) -> int:
    if names is None:
        if len(labels) == MOST_CLASSES and row.label not in labels:
            raise BadData(f"{path.name}, line {row.line}: more than {MOST_CLASSES:,} classes. Is the column with the "
                          "class the right one?")
        return labels.setdefault(row.label, len(labels))
    if row.label in names:
        return names.index(row.label)
    if not (row.label.isascii() and row.label.isdigit() and 1 <= int(row.label) <= len(names)):
        raise BadData(f"{path.name}, line {row.line}: the class {row.label[:60]!r} is neither in the labels file nor a "
                      f"number from 1 to {len(names)}.")
    return int(row.label) - 1


def rows(path: Path, label_column: int = 1, first_line: str = "data") -> Iterator[Row]:
    """The lines of a table. Raises BadData with the line where one has no such column."""
    csv.field_size_limit(LARGEST)
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            found = _rows(csv.reader(lines), path, label_column)
            first = list(islice(found, LOOK))
            if first and (first_line == "names" or (first_line == "auto" and _is_head(first))):
                first = first[1:]
            yield from chain(first, found)
    except OSError as error:
        raise BadData(f"The table {path.name} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise BadData(f"The table {path.name} is not in UTF-8 ({error.reason}). Save it as UTF-8.") from None
    except csv.Error as error:
        raise BadData(f"The table {path.name} is no CSV file: {error}.") from None


def _is_head(first: list[Row]) -> bool:
    """Whether the first line's class is found in no other, though the others' come again."""
    others = [row.label for row in first[1:]]
    return first[0].label not in others and len(set(others)) < len(others)


def _rows(reader: Any, path: Path, label_column: int) -> Iterator[Row]:
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < max(2, label_column):
            raise BadData(f"{path.name}, line {reader.line_num}: {len(cells)} cells; a class (column {label_column}) "
                          "and a text are needed.")
        label = cells[label_column - 1].strip()
        if not label:
            raise BadData(f"{path.name}, line {reader.line_num}: there is no class in column {label_column}.")
        yield Row(label, " ".join(cell for place, cell in enumerate(cells) if place != label_column - 1),
                  reader.line_num)


def example(how: Json, location: str, name: str, extra: str) -> Example:
    """A text's characters as numbers."""
    pixels = numbered(extra, how["more"]["alphabet"], how["width"])[None, None]
    return Example(pixels, (min(len(extra), how["width"]) or 1, 1), [])


