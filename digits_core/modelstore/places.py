"""Where a model store lies: a folder of this server, or a web server. Every answer is limited in bytes and in time."""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from digits_core.errors import BadData, NotFound, Unsafe
from digits_core.safe.download import safe_download
from digits_core.safe.fetch import Missing, Times, safe_fetch, with_port
from digits_core.safe.paths import open_regular, printable, read_regular, safe_join

SMALL = Times(connect=5, read=10, total=20)
LARGE = Times(connect=10, read=60, total=12 * 3600)
PIECE = 1 << 20
Watch = Callable[[int], None]


class Place(Protocol):
    """A model store that can be read. ``name`` is a path inside of it, with '/' between its parts."""

    def read(self, name: str, limit: int) -> bytes:
        """A small file. Raises NotFound when there is none, BadData or Unsafe when it cannot be had."""
        ...

    def folders(self) -> list[str]:
        """The folders at its top, for a store without master.json."""
        ...

    def fetch(self, name: str, target: Path, limit: int, watch: Watch, keep: bool) -> str:
        """Copy a large file; it appears whole. Returns its SHA-256; ``watch`` is told the bytes that are there.

        ``keep`` goes on with what an earlier call left, where the place can do that.
        """
        ...


def place(address: str, private_hosts: Sequence[str]) -> Place:
    """The store at an address of the setting ``model_store_url``; whoever set it means that host and port too.

    Other services of the same host are not meant: a redirect there is refused, unless it is from http to https.
    """
    parts = urlsplit(address)
    if parts.scheme in ("http", "https"):
        meant = with_port(address)
        return Web(address, [*private_hosts, meant, meant.removesuffix(":80") + ":443" * meant.endswith("]:80")])
    return Folder(Path(unquote(parts.path) if parts.scheme else address))


class Folder:
    """A store in a folder of this server. Links that lead out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.roots = [os.path.realpath(root)]

    def read(self, name: str, limit: int) -> bytes:
        """See Place."""
        path = self._path(name)
        try:
            return read_regular(str(path), self.roots, limit)
        except BadData as error:
            raise BadData(f"{printable(name)} {error}.") from None

    def folders(self) -> list[str]:
        """See Place."""
        try:
            return sorted(path.name for path in self.root.iterdir() if (path / "info.json").is_file())
        except OSError as error:
            raise BadData(f"The folder {self.root} cannot be read: {error.strerror}.") from None

    def fetch(self, name: str, target: Path, limit: int, watch: Watch, keep: bool) -> str:
        """See Place."""
        part, digest, size = target.with_name(f".{target.name}.part"), hashlib.sha256(), 0
        try:
            with os.fdopen(open_regular(str(self._path(name)), self.roots), "rb") as source, part.open("wb") as file:
                while data := source.read(PIECE):
                    size += len(data)
                    if size > limit:
                        raise BadData(f"{printable(name)} is larger than {limit / 1e6:.0f} MB.")
                    digest.update(data)
                    file.write(data)
                    watch(size)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return digest.hexdigest()

    def _path(self, name: str) -> Path:
        path = safe_join(self.root, name)
        if not path.exists():
            raise NotFound(f"There is no {printable(name)} in {self.root}." if self.root.is_dir()
                           else f"There is no folder {self.root}.")
        return path


class Web:
    """A store on a web server: any that gives out files will do."""

    def __init__(self, address: str, private_hosts: Sequence[str]) -> None:
        self.address, self.private_hosts = address.rstrip("/") + "/", private_hosts

    def read(self, name: str, limit: int) -> bytes:
        """See Place."""
        try:
            return safe_fetch(self._url(name), self.private_hosts, limit, SMALL, tries=2)
        except Missing as error:
            raise NotFound(f"{error}.") from None

    def folders(self) -> list[str]:
        """See Place."""
        from digits_core.data.webindex import links

        page = safe_fetch(self.address, self.private_hosts, 4_000_000, SMALL, tries=2)
        return [unquote(link.rstrip("/").rpartition("/")[2]) for link in links(page, self.address)
                if link.endswith("/")]

    def fetch(self, name: str, target: Path, limit: int, watch: Watch, keep: bool) -> str:
        """See Place."""
        try:
            return safe_download(self._url(name), target, self.private_hosts, limit, LARGE, 4, watch, keep)
        except Missing as error:
            raise NotFound(f"{error}.") from None

    def _url(self, name: str) -> str:
        if not is_inside(name):
            raise Unsafe(f"{printable(name)!r} is no path inside a store.")
        return self.address + quote(name)


def is_inside(name: object) -> bool:
    """Whether a name that a store wrote down is a plain path inside one of its folders."""
    if not isinstance(name, str) or not 0 < len(name) <= 300 or not name.isprintable() or set('\\:?#%') & set(name):
        return False
    return all(part not in ("", ".", "..") and not part.startswith(".") for part in name.split("/"))
