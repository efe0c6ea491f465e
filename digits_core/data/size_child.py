"""Looks how large pictures are, in a process of its own: a hostile file ends that process and nothing else."""

import resource
from typing import Any

from digits_core.errors import BadData
from digits_core.jobs.child import answer
from digits_core.safe.images import safe_size

Json = dict[str, Any]
MEMORY_LIMIT = 4 << 30


def found(asked: Json) -> Json:
    """From {"paths", "roots"} to {"sizes"}: [width, height] of each, or why it has none in words."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    return {"sizes": [_size(path, asked["roots"]) for path in asked["paths"]]}


def _size(path: str, roots: list[str]) -> list[int] | str:
    try:
        return list(safe_size(path, roots))
    except BadData as error:
        return str(error)


if __name__ == "__main__":
    answer(found)
