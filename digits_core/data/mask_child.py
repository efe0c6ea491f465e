"""Finds out what label images mean, in a process of its own: a hostile file ends that process and nothing else."""

import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from digits_core.data.mask_rules import find_rule, read_colour_map
from digits_core.data.masks import MOST_CLASSES, LabelImage, open_label
from digits_core.errors import BadData
from digits_core.jobs.child import answer
from digits_core.safe import read_regular
from digits_core.safe.images import MAX_BYTES, safe_size

Json = dict[str, Any]
MEMORY_LIMIT = 6 << 30


def found(asked: Json) -> Json:
    """From {"labels": paths, "image", "roots", "colour_map", "values", "classes"} to {"rule", "names", "size"}.

    ``rule`` counts the classes seen where nobody says how many there are; ``size`` is that of the first picture. From
    {"counted": paths, "roots"} to {"classes"}: the largest class number in them, plus one. Files that cannot be read
    are left to the build, which says why.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    if "counted" in asked:
        return {"classes": max((_classes(label) for label in _readable(asked["counted"], asked["roots"])), default=0)}
    colours = read_colour_map(Path(asked["colour_map"])) if asked["colour_map"] else None
    labels = list(_readable(asked["labels"], asked["roots"]))
    rule = find_rule(labels, asked["values"], colours, asked["classes"]).to_json()
    if not rule["classes"]:
        rule["classes"], rule["counted"] = max(_classes(label) for label in labels), True
    names = colours.names if colours and all(colours.names) else []
    return {"rule": rule, "names": names, "size": list(safe_size(asked["image"], asked["roots"]))}


def _readable(paths: list[str], roots: list[str]) -> Iterator[LabelImage]:
    for path in paths:
        with suppress(BadData):
            yield open_label(read_regular(path, roots, MAX_BYTES), Path(path).name)


def _classes(label: LabelImage) -> int:
    return 0 if label.coloured else int(label.values[label.values < MOST_CLASSES].max(initial=0)) + 1


if __name__ == "__main__":
    answer(found)
