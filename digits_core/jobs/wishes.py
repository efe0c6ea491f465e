"""Wishes for a running training: one small file each beside its attempt, written once by a service.

``attempts/0001/steer-0001.json`` holds {"action": "finish" | "rate" | "epochs", "by", "at", ...}. The worker reads
them between steps and notes in its saved state which ones it has followed.
"""

import os
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.jobs.folder import AttemptFolder, JobFolder
from digits_core.jobs.model import number

Json = dict[str, Any]
LARGEST_FACTOR = 1e6


def wish_path(attempt: AttemptFolder, count: int) -> Path:
    """The file of an attempt's wish number ``count``, from 1."""
    return attempt.path / f"steer-{count:04d}.json"


def wish(attempt: AttemptFolder, content: Json) -> Path:
    """Leave a wish at an attempt, after those that are there; returns its file."""
    count = 1
    while not files.write_once(wish_path(attempt, count), content):
        count += 1
    return wish_path(attempt, count)


class Wishes:
    """All wishes of a job in order. Looking for a new one costs one question to the file system."""

    def __init__(self, folder: JobFolder) -> None:
        self.attempts = folder.attempts()
        self.next = [1] * len(self.attempts)

    def new(self) -> list[tuple[str, Json]]:
        """Name and content of every wish not given before; one that is damaged is passed over."""
        found = []
        for index, attempt in enumerate(self.attempts):
            if index < len(self.attempts) - 1 and self.next[index] == 0:
                continue  # nobody writes there any more
            while os.path.lexists(path := wish_path(attempt, self.next[index])):
                self.next[index] += 1
                found.append((f"{attempt.path.name}/{path.name}", files.read_json(path) or {}))
            if index < len(self.attempts) - 1:
                self.next[index] = 0
        return found


def factor_of(content: Json) -> float | None:
    """The factor of a wish for another learning rate; None when it is none that makes sense."""
    factor = number(content.get("factor"))
    return factor if factor is not None and 0 < factor <= LARGEST_FACTOR else None
