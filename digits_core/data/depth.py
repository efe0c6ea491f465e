"""How many channels pictures have and between which values they lie: looked for before a build in full depth."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits_core.data.entries import Entries
from digits_core.data.planes import Span
from digits_core.errors import BadData
from digits_core.jobs import child

Json = dict[str, Any]
SAMPLES = 32
LIMIT_S = 120.0


class Depth(NamedTuple):
    """Channels of a dataset's pictures, and the values that become 0 and 255."""

    planes: int
    span: Span


def look(entries: Entries, roots: Sequence[Path], private_hosts: Sequence[str] = (), samples: int = SAMPLES) -> Depth:
    """What most of some pictures, spread over the whole, have in common. Raises BadData when none can be read."""
    places = np.linspace(0, len(entries) - 1, min(samples, len(entries))).astype(int).tolist()
    question = {"locations": [entries.location(place) for place in places], "private_hosts": list(private_hosts),
                "roots": [str(Path(root).resolve()) for root in roots]}
    try:
        answer = child.ask("digits_core.data.depth_child", question, LIMIT_S, [])
    except child.NoAnswer as error:
        raise BadData(f"The pictures could not be looked at: {error}.") from None
    found = [row for row in answer.get("found", []) if row["channels"]]
    if not found:
        raise BadData(f"None of {len(places)} pictures that were looked at can be read: {answer['found'][0]['why']}.")
    planes = Counter(row["channels"] for row in found).most_common(1)[0][0]
    same = [row for row in found if row["channels"] == planes]
    low, high = min(row["low"] for row in same), max(row["high"] for row in same)
    return Depth(planes, (low, high if high > low else low + 1.0))
