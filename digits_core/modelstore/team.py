"""The team's own store: published models with versions, laid out as DIGITS' catalogue, to be served by anything.

<store>/public/master.json, <store>/public/NAME-vN/: info.json, aux.json, license.txt, preview.png and its files.
<store>/.models/NAME/: about.json, and pins.json with the pictures that every version must get right. Beside what is
served, not in it: a plain web server gives out whatever lies in its folder.
A version appears whole, by a rename; the folders are the truth, master.json is made from them.
"""

import re
import secrets
import shutil
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from digits_core import files
from digits_core.errors import BadState, NotFound
from digits_core.modelstore.catalogue import Entry, entry

Json = dict[str, Any]
VERSION = re.compile(r"([a-z0-9][a-z0-9._-]{0,79})-v([1-9][0-9]{0,6})")
SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
HERE = "team"
"""What our own entries have for an address."""


class Version(NamedTuple):
    """One version of a published model."""

    name: str
    number: int
    info: Json
    entry: Entry


def slug(name: str) -> str:
    """The name of a published model in addresses: small letters, digits, '.', '-' and '_'; empty when none is left."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9._-]+", "-", plain).strip("-._")[:80]


class TeamStore:
    """The store in one folder; several servers may share it."""

    def __init__(self, root: Path) -> None:
        """``root`` is the public folder; the one it lies in is the team's own."""
        self.root, self.own = root, root.parent
        if (self.own / "master.json").is_file():
            self._part()

    def _part(self) -> None:
        """Bring a store of the time when all lay in one folder into its new order; master.json goes last."""
        with self.locked():
            self.root.mkdir(exist_ok=True)
            old = [path for path in self.own.iterdir() if VERSION.fullmatch(path.name)]
            for path in (*old, self.own / "master.json"):
                if path.exists():
                    path.rename(self.root / path.name)

    def versions(self) -> list[Version]:
        """All versions, by name, the newest first."""
        found = []
        for path in self.root.iterdir() if self.root.is_dir() else ():
            match, info = VERSION.fullmatch(path.name), files.read_json(path / "info.json")
            if match and info is not None:
                aux = files.read_json(path / "aux.json") or {}
                found.append(Version(match[1], int(match[2]), info, entry(HERE, path.name, info, aux)))
        return sorted(found, key=lambda version: (version.name, -version.number))

    def folder(self, name: str, number: int) -> Path:
        """The files of a version. Raises NotFound."""
        path = self.root / f"{name}-v{number}"
        if not SLUG.fullmatch(name) or not (path / "info.json").is_file():
            raise NotFound(f"There is no version {number} of a published model {name[:80]!r}.")
        return path

    def newest(self, name: str) -> Version:
        """The newest version of a published model. Raises NotFound."""
        found = next((version for version in self.versions() if version.name == name), None)
        if found is None:
            raise NotFound(f"There is no published model {name[:80]!r}.")
        return found

    def about(self, name: str) -> Path:
        """Where what belongs to all versions of a published model is kept."""
        return self.own / ".models" / name

    def owner(self, name: str) -> str:
        """Who published the first version; "" when nobody knows."""
        return str((files.read_json(self.about(name) / "about.json") or {}).get("owner", ""))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One writer at a time. Raises BadState when another one does not end."""
        self.own.mkdir(parents=True, exist_ok=True)
        try:
            with filelock.FileLock(self.own / ".lock", timeout=60):
                yield
        except filelock.Timeout:
            raise BadState(f"Somebody else has been writing to {self.own} for a minute. Try again later.") from None

    @contextmanager
    def new(self) -> Iterator[Path]:
        """A hidden folder to put a version together in; it is gone afterwards unless it was published."""
        hidden = self.own / f".new-{int(time.time())}-{secrets.token_hex(4)}"
        hidden.mkdir(parents=True)
        try:
            yield hidden
        finally:
            shutil.rmtree(hidden, ignore_errors=True)

    def publish(self, hidden: Path, name: str, info: Json, owner: str) -> int:
        """Make a folder the next version of ``name``, whole or not at all; returns its number.

        A version that the same job has published already is not made twice.
        """
        with self.locked():
            done = [version.number for version in self.versions()
                    if version.name == name and version.info.get("publication") == info["publication"]]
            if done:
                return done[0]
            about = files.read_json(self.about(name) / "about.json") or {"v": 1, "owner": owner, "last": 0}
            number = int(about["last"]) + 1
            files.write_atomic(hidden / "info.json", {
                **info, "published": name, "version": number, "publication time": time.time()})
            self.about(name).mkdir(parents=True, exist_ok=True)
            files.write_atomic(self.about(name) / "about.json", {**about, "last": number})
            self.root.mkdir(exist_ok=True)
            hidden.rename(self.root / f"{name}-v{number}")
            files.fsync_folder(self.root)
            self._write_master()
        return number

    def unpublish(self, name: str, number: int) -> None:
        """Take a version away; its number is never used again."""
        with self.locked():
            gone = self.own / f".gone-{secrets.token_hex(4)}"
            self.folder(name, number).rename(gone)
            self._write_master()
            shutil.rmtree(gone, ignore_errors=True)

    def _write_master(self) -> None:
        master = files.read_json(self.root / "master.json") or {}
        children = [f"{version.name}-v{version.number}" for version in self.versions()]
        files.write_atomic(self.root / "master.json", {"msg": master.get("msg", "Models of our team"),
                                                       "children": children})
