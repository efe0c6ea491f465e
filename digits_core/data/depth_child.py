"""Looks into pictures, in a process of its own: a hostile file ends that process and nothing else."""

import resource
from typing import Any

from digits_core.data.decoder import MEMORY_LIMIT, fetch
from digits_core.errors import DigitsError
from digits_core.jobs.child import answer
from digits_core.safe.planes import safe_planes

Json = dict[str, Any]


def found(asked: Json) -> Json:
    """From {"locations", "roots", "private_hosts"} to {"found"}: channels, low and high of each, or 0 and why not."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    return {"found": [_look(location, asked) for location in asked["locations"]]}


def _look(location: str, asked: Json) -> Json:
    try:
        planes = safe_planes(fetch(location, asked), location.rpartition("/")[2]).planes
    except DigitsError as error:
        return {"channels": 0, "why": str(error)}
    return {"channels": len(planes), "low": float(planes.min()), "high": float(planes.max())}


if __name__ == "__main__":
    answer(found)
