"""Which pictures of a dataset a subset holds."""

from collections.abc import Sequence

import numpy as np

from digits_core.data.index import Index
from digits_core.data.split import Indices, choose
from digits_core.data.version_options import Selection
from digits_core.errors import InvalidOptions, Problem


def class_numbers(selection: Selection, labels: Sequence[str]) -> list[int]:
    """The selected classes by number, in their order. Raises InvalidOptions for a class that is not there."""
    if not selection.classes:
        return list(range(len(labels)))
    known = {label: number for number, label in reversed(list(enumerate(labels)))}
    numbers = {name: known[name] if name in known else _number(name, len(labels)) for name in selection.classes}
    if unknown := [name for name, number in numbers.items() if number is None]:
        more = f" and {len(unknown) - 3} more" if len(unknown) > 3 else ""
        words = ", ".join(map(repr, unknown[:3])) + more
        raise InvalidOptions([Problem("classes", f"The dataset has no class {words}.")])
    return sorted({number for number in numbers.values() if number is not None})


def _number(text: str, count: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and int(text) < count else None


def places(selection: Selection, split: str, facts: Index, classes: Sequence[int]) -> Indices:
    """Positions of the chosen pictures of a split, in their order."""
    if split not in selection.splits:
        return np.empty(0, np.int64)
    found = facts.find(search=selection.search.strip())
    found = found[np.isin(facts.labels[found], classes)]
    if selection.take == "first":
        return found[:selection.count]
    if selection.take == "random":
        return found[choose(facts.labels[found], 0, selection.count, selection.seed).kept]
    return found
