"""The pictures a network is worst at, found while it is measured."""

import heapq
from collections.abc import Iterable

MOST = 100


class Worst:
    """Keeps the lowest scores with the positions of their pictures, whatever the number of pictures."""

    def __init__(self) -> None:
        self.count = 0
        self._heap: list[tuple[float, int]] = []

    def add(self, scores: Iterable[float]) -> None:
        """The scores of the next pictures in order; higher is better, NaN counts as the worst."""
        for score in map(float, scores):
            entry = (-score if score == score else float("inf"), -self.count)
            self.count += 1
            if len(self._heap) < MOST:
                heapq.heappush(self._heap, entry)
            else:
                heapq.heappushpop(self._heap, entry)

    def rows(self) -> list[list[float]]:
        """[position, score] of each, the worst first; a score that is no number is given as -1e30."""
        return [[-place, max(-1e30, -badness)] for badness, place in sorted(self._heap, reverse=True)]
