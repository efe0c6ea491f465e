"""What the model stores offered when they were last read, on disk, so that pages never wait for a network.

``<jobs>/.stores/<key>/``: list.json, replaced whole, and for each model perhaps ID.png and ID.txt (its licence).
"""

import hashlib
import io
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import filelock

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.modelstore.catalogue import Entry, Found, read
from digits_core.modelstore.places import place
from digits_core.settings import Settings

Json = dict[str, Any]
FRESH_S = 24 * 3600
AGAIN_S = 300
"""Until a store that could not be read is asked again by itself."""
PREVIEW = 240


@dataclass(frozen=True)
class Shelf:
    """One store as it was last read. ``read`` and ``tried`` are seconds since 1970, 0: never."""

    address: str
    message: str = ""
    error: str = ""
    read: float = 0
    tried: float = 0
    entries: list[Entry] = field(default_factory=list)

    def is_due(self, now: float) -> bool:
        """Whether it should be read again."""
        return now - self.tried > AGAIN_S if self.error else now - self.read > FRESH_S


class Shelves:
    """The lists of all stores of one jobs folder."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.root = settings, settings.jobs_dir / ".stores"

    def folder(self, address: str) -> Path:
        """Where the list of a store is kept."""
        return self.root / hashlib.sha256(address.encode()).hexdigest()[:16]

    def shelf(self, address: str) -> Shelf:
        """What is known of a store; a list that was damaged is as good as none."""
        data = files.read_json(self.folder(address) / "list.json") or {}
        try:
            entries = [Entry.from_json(row) for row in data.get("entries", [])]
            return Shelf(address, str(data.get("message", "")), str(data.get("error", "")),
                         float(data.get("read", 0)), float(data.get("tried", 0)), entries)
        except (TypeError, ValueError, AttributeError):
            return Shelf(address)

    def is_being_read(self, address: str) -> bool:
        """Whether somebody asks this store right now."""
        lock = self._lock(address)
        if lock is None:
            return True
        lock.release()
        return False

    def _lock(self, address: str) -> filelock.BaseFileLock | None:
        self.folder(address).mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(self.folder(address) / ".lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return None
        return lock

    def renew(self, address: str) -> None:
        """Read a store again, unless somebody does so now. When it cannot be read the old list stays, with why."""
        lock = self._lock(address)
        if lock is None:
            return
        try:
            old, now = self.shelf(address), time.time()
            try:
                message, found = read(place(address, self.settings.private_hosts), address)
            except DigitsError as error:
                self._write(Shelf(address, old.message, str(error), old.read, now, old.entries))
                return
            self._keep(address, found)
            self._write(Shelf(address, message, "", now, now, [one.entry for one in found]))
        finally:
            lock.release()

    def _write(self, shelf: Shelf) -> None:
        files.write_atomic(self.folder(shelf.address) / "list.json", {
            "v": 1, "address": shelf.address, "message": shelf.message, "error": shelf.error, "read": shelf.read,
            "tried": shelf.tried, "entries": [entry.to_json() for entry in shelf.entries]})

    def _keep(self, address: str, found: list[Found]) -> None:
        """Licences and small previews, and no others."""
        folder, wanted = self.folder(address), {"list.json", ".lock"}
        for one in found:
            for name, content in ((f"{one.entry.id}.txt", one.license.encode()),
                                  (f"{one.entry.id}.png", small(one.preview) if one.preview else b"")):
                if content:
                    files.write_atomic(folder / name, content)
                    wanted.add(name)
        for path in folder.iterdir():
            if path.name not in wanted and not path.name.endswith(".tmp"):
                path.unlink(missing_ok=True)

    def beside(self, entry: Entry, ending: str) -> bytes:
        """The preview (".png") or licence (".txt") of an entry; empty when it has none."""
        try:
            return (self.folder(entry.store) / f"{entry.id}{ending}").read_bytes()
        except OSError:
            return b""


def small(picture: bytes) -> bytes:
    """A small PNG of our own making of somebody's picture; empty when it cannot be read."""
    from digits_core.safe.images import safe_image

    try:
        image = safe_image(picture, "preview").image.convert("RGB")
    except DigitsError:
        return b""
    image.thumbnail((2 * PREVIEW, PREVIEW))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
