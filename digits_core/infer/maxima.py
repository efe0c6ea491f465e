"""The pictures that excite units most, in the folder of their job: one PNG a unit, and a row about each."""

import re
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import NotFound

Json = dict[str, Any]


class Maxima:
    """What a job has made so far. A row is written after its picture, so what has a row is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "units"
        self.file = folder / "maxima.jsonl"

    def rows(self) -> list[Json]:
        """{"unit", "label", "activation", "before", "predicted", "probability"} of each finished unit, in order."""
        found = files.read_jsonl(self.file)[0]
        known = {row["unit"]: row for row in found if isinstance(row.get("unit"), int)}
        return [known[unit] for unit in sorted(known)]

    def add(self, row: Json, png: bytes) -> None:
        """Keep a finished unit; durable when this returns."""
        self.folder.mkdir(exist_ok=True)
        files.write_atomic(self.path(row["unit"]), png)
        files.append_jsonl(self.file, row)

    def path(self, unit: int) -> Path:
        """Where the picture of a unit lies."""
        return self.folder / f"unit_{unit:06d}.png"

    def png(self, unit: int) -> bytes:
        """The picture of a unit, in the size that the network sees. Raises NotFound when there is none (yet)."""
        try:
            return self.path(unit).read_bytes()
        except OSError:
            raise NotFound(f"There is no picture for unit {unit} (yet).") from None


def file_name(layer: str, unit: int) -> str:
    """A name for a picture that leaves this server."""
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', layer)}-{unit:04d}.png"
