"""skipped.csv: every picture that was found and not used, with the reason."""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from digits_core.safe.paths import printable

HEADER = ("path", "split", "class", "reason")


class Skipped(NamedTuple):
    """One picture that was found and not used."""

    path: str
    split: str
    label: str
    reason: str


class SkipLog:
    """The writer of skipped.csv. ``bad`` pictures could not be read; others were left out on purpose."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("w", newline="", encoding="utf-8", errors="surrogateescape")
        self._csv = csv.writer(self._file)
        self._csv.writerow(HEADER)
        self.count = self.bad = 0
        self.first: list[str] = []
        self.kinds: Counter[str] = Counter()

    def add(self, path: str, split: str, label: str, reason: str, bad: bool = True) -> None:
        """Note one picture."""
        self._csv.writerow((path, split, label, reason))
        self.count += 1
        if bad:
            self.bad += 1
            if len(self.first) < 5:
                self.first.append(f"{printable(path)} {reason}")
        else:
            self.kinds[reason] += 1

    def leave_out(self, path: str, split: str, label: str, reason: str) -> None:
        """Note one picture that could have been read."""
        self.add(path, split, label, reason, bad=False)

    def close(self) -> None:
        """Make the list durable."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()


def read_skipped(path: Path) -> Iterator[Skipped]:
    """The rows of the list; none when there is no list. Bytes that are no UTF-8 show as a replacement mark."""
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as file:
            rows = csv.reader(file)
            next(rows, None)
            yield from (Skipped(*row) for row in rows if len(row) == len(HEADER))
    except (OSError, csv.Error):
        return
