"""What a model that is kept loaded was asked, and how long that took. No torch here."""

import math
import threading
import time
from collections import deque
from typing import Any, NamedTuple

Json = dict[str, Any]
WINDOW_S = 900.0
KEPT = 2000
"""Requests whose latency is remembered, at most."""


class _Asked(NamedTuple):
    at: float
    """Seconds of the clock that never goes back."""
    spent_s: float


class Tally:
    """Counts since the model was loaded, and latencies of the last quarter of an hour. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[_Asked] = deque(maxlen=KEPT)
        self._counts = {"requests": 0, "failed": 0, "pictures": 0, "runs": 0}
        self._spent = {"requests": 0.0, "failed": 0.0, "runs": 0.0}
        self._batches: dict[int, tuple[int, float]] = {}
        self._last: float | None = None

    def asked(self, pictures: int, spent_s: float, failed: bool = False) -> None:
        """A request was answered after so many seconds; a ``failed`` one is not among the latencies."""
        with self._lock:
            name = "failed" if failed else "requests"
            self._counts[name] += 1
            self._spent[name] += spent_s
            self._last = time.time()
            if not failed:
                self._counts["pictures"] += pictures
                self._recent.append(_Asked(time.monotonic(), spent_s))

    def ran(self, pictures: int, spent_s: float) -> None:
        """The network calculated once, for so many pictures."""
        with self._lock:
            self._counts["runs"] += 1
            self._spent["runs"] += spent_s
            runs, seconds = self._batches.get(pictures, (0, 0.0))
            self._batches[pictures] = (runs + 1, seconds + spent_s)

    def facts(self) -> Json:
        """Counts; ``batches`` as [pictures, runs, seconds]; p50_ms and p95_ms of recent requests, None without any."""
        with self._lock:
            since = time.monotonic() - WINDOW_S
            spent = sorted(one.spent_s for one in self._recent if one.at >= since)
            return {**self._counts, "spent_s": dict(self._spent), "last": self._last, "recent": len(spent),
                    "window_s": WINDOW_S, "p50_ms": _rank(spent, 0.5), "p95_ms": _rank(spent, 0.95),
                    "batches": [[size, *found] for size, found in sorted(self._batches.items())]}


def _rank(ordered: list[float], share: float) -> float | None:
    """The smallest value that so large a share does not exceed, in milliseconds."""
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)] * 1000, 2)
