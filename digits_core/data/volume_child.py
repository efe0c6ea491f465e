"""Looks into the volumes of cases, in a process of its own: a hostile file ends that process and nothing else."""

import resource
from typing import Any

import numpy as np

from digits_core.data.decoder import MEMORY_LIMIT
from digits_core.data.volumes import cut, open_volume
from digits_core.errors import BadData
from digits_core.jobs.child import answer

Json = dict[str, Any]


def found(asked: Json) -> Json:
    """From {"cases": [{"label", "pictures"}], "axis", "roots"} to {"found"}: what is in each case, or "why" not.

    That is the label's "values", its "pixels" that are not 0 by slice, "size" (width, height) of slices, and "low" and
    "high" of the pictures.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    return {"found": [_look(case, asked["axis"], tuple(asked["roots"])) for case in asked["cases"]]}


def _look(case: Json, axis: int, roots: tuple[str, ...]) -> Json:
    try:
        label, pictures = open_volume(case["label"], roots), [open_volume(path, roots) for path in case["pictures"]]
    except BadData as error:
        return {"why": str(error)}
    others = tuple(number for number in range(3) if number != axis)
    height, width = cut(label, axis, 0).shape
    return {"values": np.unique(label).tolist()[:300], "pixels": np.count_nonzero(label, axis=others).tolist(),
            "size": [width, height], "low": float(min(picture.min() for picture in pictures)),
            "high": float(max(picture.max() for picture in pictures))}


if __name__ == "__main__":
    answer(found)
