"""The first half of an import from a model store: the files that its list named, each with the right checksum."""

import shutil
import time
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.errors import BadData, DigitsError, NotFound, Unsafe
from digits_core.jobs.context import Context
from digits_core.modelstore.catalogue import Entry
from digits_core.modelstore.places import Place, place
from digits_core.modelstore.team import HERE
from digits_core.safe.fetch import TooLarge
from digits_core.settings import Settings

Json = dict[str, Any]
LARGEST = 20_000_000_000


def obtain(context: Context) -> tuple[Path, Entry]:
    """Fetch every file into a folder of the job; returns it. Raises BadData when one is not what the store listed.

    What broke off is kept for a resume where its checksum is known; what is wrong is removed.
    """
    entry = Entry.from_json(context.job.options["entry"])
    settings = Settings.load()
    if entry.store not in (HERE, *settings.model_stores):
        raise BadData(f"{entry.store} is no model store of this server any more (DIGITS_MODEL_STORE_URL).")
    folder = context.folder.path / "upload" / "store"
    limit = min(LARGEST, int(entry.bytes * 1.01) + 1_000_000 if entry.bytes else LARGEST)
    if entry.bytes and files.free_bytes(context.folder.path) < 3 * limit:
        raise files.DiskFull(f"The model needs {3 * limit / 1e6:.0f} MB while it is installed, and "
                             f"{files.free_bytes(context.folder.path) / 1e6:.0f} MB are free.")
    try:
        address = str(settings.team_folder) if entry.store == HERE else entry.store
        _Fetch(context, place(address, settings.private_hosts), entry, folder, limit).all()
    except (Wrong, Unsafe, TooLarge):
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise
    except DigitsError as error:
        raise BadData(f"{str(error).rstrip('.')}. Resume goes on where it stopped.") from None
    return folder, entry


class Wrong(BadData):
    """A file that is not the one that was listed."""


class _Fetch:
    """The files of one entry, one after the other, with progress over all of them."""

    def __init__(self, context: Context, source: Place, entry: Entry, folder: Path, limit: int) -> None:
        self.context, self.source, self.entry, self.folder, self.limit = context, source, entry, folder, limit
        self.before = 0
        self.start = time.monotonic()

    def all(self) -> None:
        """Fetch what is not there yet."""
        for name, sha256 in self.entry.files.items():
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._one(name, sha256, target)
            except NotFound:
                if not self.entry.is_optional(name):
                    raise
                self.context.log(f"the store has no {name}")
                continue
            self.before += target.stat().st_size

    def _one(self, name: str, sha256: str, target: Path) -> None:
        self.context.log(f"fetching {self.entry.folder}/{name}")
        found = self.source.fetch(f"{self.entry.folder}/{name}", target, self.limit - self.before, self._watch,
                                  keep=bool(sha256))
        if sha256 and found != sha256:
            raise Wrong(f"{name} is not the file that the store listed: its SHA-256 is {found[:16]}..., and "
                        f"{sha256[:16]}... is expected. Update the model list, then import it again; nothing was "
                        "installed.")

    def _watch(self, size: int) -> None:
        self.context.check_stop()
        done, total = self.before + size, self.entry.bytes
        self.context.progress(0.7 * min(1, done / total) if total else 0.1, "Downloading",
                              done / 1e6 / max(1e-3, time.monotonic() - self.start), "MB")
