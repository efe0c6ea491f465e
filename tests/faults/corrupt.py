"""Damage every file of a job folder in every way, one at a time, and look at the program after each.

For pages and other readers::

    @pytest.mark.parametrize("kind", list(Kind))
    def test_no_damaged_file_breaks_the_page(kind, finished_job, ...):
        view = finished_job(kind)
        for damage in damages(view.folder.path):
            with damage:
                ... open the page, look at exceptions; str(damage) says what was done ...

``damages`` gives one context manager for each pair of a file and a way to break it (WAYS): inside the block the file
is broken, after it the folder is as before, byte for byte. Files inside ``train.lmdb`` and the like are included.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _one_less(path: Path) -> None:
    os.truncate(path, max(0, path.stat().st_size - 1))


def _garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 4)


def _other_json(path: Path) -> None:
    """Replace it by JSON that is whole and of an unexpected shape, the way a careless edit by hand leaves it."""
    path.write_text('{"v": 1, "state": ["x"], "process": "x", "epoch": "x", "metrics": [], "splits": [], "labels": 5, '
                    '"per_class": "x", "confusion": {}, "devices": {}, "name": 5, "options": null, "summary": 3}')


def _deleted(path: Path) -> None:
    path.unlink()


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("nowhere"))


WAYS: dict[str, Callable[[Path], None]] = {
    "emptied": _empty, "cut in half": _half, "one byte short": _one_less, "garbage": _garbage,
    "unexpected JSON": _other_json, "deleted": _deleted, "a folder instead": _folder, "a dangling link": _dangling}


@dataclass
class Damage:
    """One broken file, for the time of a ``with`` block."""

    job: Path
    file: Path
    way: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(self.job)} {self.way}"

    def __enter__(self) -> "Damage":
        self._saved, self._times = self.file.read_bytes(), self.file.stat()
        WAYS[self.way](self.file)
        return self

    def __exit__(self, *error: object) -> None:
        if self.file.is_dir() and not self.file.is_symlink():
            shutil.rmtree(self.file)
        else:
            self.file.unlink(missing_ok=True)
        self.file.write_bytes(self._saved)
        os.utime(self.file, ns=(self._times.st_atime_ns, self._times.st_mtime_ns))


def damages(job: Path) -> Iterator[Damage]:
    """Every file of a job folder, broken in every way."""
    for path in sorted(path for path in job.rglob("*") if path.is_file()):
        for way in WAYS:
            yield Damage(job, path, way)
