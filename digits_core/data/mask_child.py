"""Finds out what label images mean, in a process of its own: a hostile file ends that process and nothing else."""

import resource
from pathlib import Path
from typing import Any

from digits_core.data.mask_rules import find_rule, read_colour_map
from digits_core.data.masks import open_label
from digits_core.data.pictures import decode
from digits_core.jobs.child import answer
from digits_core.safe import read_regular
from digits_core.safe.images import MAX_BYTES

Json = dict[str, Any]
MEMORY_LIMIT = 6 << 30


def found(asked: Json) -> Json:
    """From {"labels": paths, "image", "roots", "colour_map", "values", "classes"} to {"rule", "names", "size"}.

    ``rule`` counts the classes seen where nobody says how many there are; ``size`` is that of the first picture.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    colours = read_colour_map(Path(asked["colour_map"])) if asked["colour_map"] else None
    labels = [open_label(read_regular(path, asked["roots"], MAX_BYTES), Path(path).name) for path in asked["labels"]]
    rule = find_rule(labels, asked["values"], colours, asked["classes"]).to_json()
    if not rule["classes"]:
        highest = max((int(label.values[label.values != 255].max(initial=0)) for label in labels), default=0)
        rule |= {"classes": highest + 1, "colours": rule["colours"][:highest + 1]}
    names = colours.names if colours and all(colours.names) else []
    image = decode(read_regular(asked["image"], asked["roots"], MAX_BYTES), Path(asked["image"]).name).image
    return {"rule": rule, "names": names, "size": list(image.size)}


if __name__ == "__main__":
    answer(found)
