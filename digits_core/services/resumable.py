"""Uploads of many GB that go on where they broke off: straight to disk, and known to the disk alone.

An upload is a folder: ``info.json`` says what was promised and by whom, the size of the data file is what has come. So
a server that was killed knows as much as before.
"""

import base64
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import filelock

from digits_core import files
from digits_core.errors import BadData, BadState, DigitsError, InUse, NotFound
from digits_core.services.access import authorize, must_own
from digits_core.services.uploads import RESERVE, ending_of
from digits_core.services.workspace import Workspace

PREFIX = "upload:"
"""Where an archive or file is asked for, ``upload:ID`` stands for a finished upload."""
MOST = 200
"""Uploads of one person at a time."""
SYNC_BYTES = 64_000_000
"""So much may be lost when the power fails in the middle of a request."""
CHECKSUMS = ("sha256", "sha1", "md5")
Json = dict[str, Any]


class TooLarge(DigitsError):
    """More than was promised, or than this server takes."""


class WrongOffset(DigitsError):
    """The sender and this server do not agree on how much has come."""


class WrongChecksum(DigitsError):
    """What came is not what was sent."""


class Upload(NamedTuple):
    """One upload; ``offset`` bytes of ``length`` have come."""

    id: str
    folder: Path
    owner: str
    name: str
    """As the sender calls the file; never part of a path."""
    length: int
    offset: int
    expires: float
    metadata: str
    """As it was sent, see TUS."""

    @property
    def data(self) -> Path:
        """Its file, under a name that the server chose."""
        return self.folder / f"upload{ending_of(self.name)}"

    @property
    def is_finished(self) -> bool:
        """Whether all has come."""
        return self.offset == self.length

    def describe(self) -> Json:
        """What its owner may know about it."""
        return {"id": self.id, "upload": f"{PREFIX}{self.id}", "name": self.name, "length": self.length,
                "offset": self.offset, "finished": self.is_finished, "expires": self.expires,
                "metadata": self.metadata}


def most_bytes(workspace: Workspace) -> int:
    """The largest upload that this server takes."""
    return int(workspace.settings.large_upload_gb * 1e9)


def create(workspace: Workspace, user: str, length: int, metadata: str = "") -> Upload:
    """Begin an upload of ``length`` bytes. Raises TooLarge, DiskFull when the disk has no room for all of it."""
    authorize(user, "create")
    sweep(workspace)
    if not 0 < length <= most_bytes(workspace):
        raise TooLarge(f"An upload has 1 byte to {workspace.settings.large_upload_gb:g} GB here "
                       "(DIGITS_LARGE_UPLOAD_GB).")
    known = _all(workspace)
    if sum(one.owner == user for one in known) >= MOST:
        raise BadState(f"You have {MOST} uploads already. Delete some, or use them.")
    promised = sum(one.length - one.offset for one in known)
    free = files.free_bytes(workspace.store.root) - RESERVE - promised
    if length > free:
        raise files.DiskFull(f"The disk has no room for this upload: {max(0, free) / 1e9:.3g} GB are free, other "
                             "uploads counted.")
    folder = _folder(workspace) / secrets.token_hex(16)
    folder.mkdir(parents=True, mode=0o700)
    info = {"v": 1, "owner": user, "length": length, "metadata": metadata, "created": time.time()}
    (folder / f"upload{ending_of(_name(metadata))}").touch(mode=0o600)
    files.write_once(folder / "info.json", info)
    return find(workspace, user, folder.name)


def find(workspace: Workspace, user: str, upload_id: str) -> Upload:
    """One upload of this person. Raises NotFound, NotAllowed when it is somebody else's."""
    known = upload_id.isascii() and upload_id.isalnum() and _read(workspace, _folder(workspace) / upload_id)
    if not known:
        raise NotFound(f"There is no upload {upload_id[:40]!r}: it was never begun, was used, or has expired.")
    must_own(user, "edit", "This upload", known.owner)
    return known


def of_user(workspace: Workspace, user: str) -> list[Upload]:
    """All uploads of a person, the newest first."""
    return [one for one in _all(workspace) if one.owner == user]


class Writer:
    """Appends to one upload while nobody else does; what came stays, whatever ends it."""

    def __init__(self, upload: Upload, checksum: tuple[str, bytes] | None = None) -> None:
        self.upload, self.checksum = upload, checksum
        self.sum = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        self.offset = self._synced = upload.offset
        self.is_whole = False
        """The request came to its end."""
        self._file = upload.data.open("ab")

    def write(self, piece: bytes) -> None:
        """Append bytes. Raises TooLarge beyond what was promised (none of this request stays then), DiskFull."""
        if self.offset + len(piece) > self.upload.length:
            self._take_back()
            raise TooLarge(f"More than the {self.upload.length} bytes came that were promised.")
        if files.free_bytes(self.upload.folder) < RESERVE + len(piece):
            raise files.DiskFull("The disk is full; send the rest when there is room again.")
        self._file.write(piece)
        self.offset += len(piece)
        if self.sum is not None:
            self.sum.update(piece)
        if self.offset - self._synced >= SYNC_BYTES:
            self._sync()

    def finish(self) -> int:
        """The new offset, durable. Raises WrongChecksum when what came in this request is not what was sent."""
        if self.sum is not None and self.checksum is not None and self.sum.digest() != self.checksum[1]:
            self._take_back()
            raise WrongChecksum("What came has another checksum; send it again.")
        self._sync()
        self.is_whole = True
        return self.offset

    def close(self) -> None:
        """Keep what came, also when the connection broke; but nothing whose checksum nobody could compare."""
        if self.sum is not None and not self.is_whole:
            self._take_back()
        self._file.close()

    def _take_back(self) -> None:
        self._file.flush()
        self._file.truncate(self.upload.offset)
        self.offset = self.upload.offset

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = self.offset


class Turn:
    """The right to change one upload, for one process and request at a time; it ends with the process at the latest."""

    def __init__(self, upload: Upload) -> None:
        self.lock = filelock.FileLock(upload.folder / "lock", timeout=0, thread_local=False)
        try:
            self.lock.acquire()
        except filelock.Timeout:
            raise InUse("Another request writes to this upload or uses it at this moment.") from None

    def end(self) -> None:
        """Let others."""
        self.lock.release()


def begin(workspace: Workspace, user: str, upload_id: str, offset: int, coming: int | None = None,
          checksum: tuple[str, bytes] | None = None) -> tuple[Writer, Turn]:
    """A writer from ``offset`` on, and its turn; the caller closes and ends them.

    Raises InUse while another request writes, WrongOffset, TooLarge when ``coming`` bytes are more than promised.
    """
    turn = Turn(find(workspace, user, upload_id))
    try:
        upload = find(workspace, user, upload_id)  # only now nobody changes it
        if offset != upload.offset:
            raise WrongOffset(f"{upload.offset} bytes have come, and the request begins at {offset}.")
        if coming is not None and offset + coming > upload.length:
            raise TooLarge(f"This would be more than the {upload.length} bytes that were promised.")
        return Writer(upload, checksum), turn
    except BaseException:
        turn.end()
        raise


def remove(workspace: Workspace, user: str, upload_id: str) -> None:
    """Delete an upload, finished or not."""
    upload = find(workspace, user, upload_id)
    turn = Turn(upload)
    shutil.rmtree(upload.folder, ignore_errors=True)
    turn.end()


@contextmanager
def taken(workspace: Workspace, user: str, reference: str) -> Iterator[Upload]:
    """A finished upload by ``upload:ID``, whose file may be moved away. It is gone afterwards, unless the block fails.

    Raises NotFound, NotAllowed, BadState while it is not finished, InUse.
    """
    turn = Turn(find(workspace, user, reference.removeprefix(PREFIX)))
    try:
        upload = find(workspace, user, reference.removeprefix(PREFIX))
        if not upload.is_finished:
            raise BadState(f"The upload '{upload.name or upload.id}' is not finished: {upload.offset} of "
                           f"{upload.length} bytes have come.")
        yield upload
        shutil.rmtree(upload.folder, ignore_errors=True)
    finally:
        turn.end()


def sweep(workspace: Workspace) -> None:
    """Remove uploads that nobody went on with, or used, for as long as the server keeps them."""
    for folder in _folder(workspace).glob("*"):
        upload = _read(workspace, folder)
        with suppress(FileNotFoundError):
            ends = folder.stat().st_mtime + 3600 if upload is None else upload.expires
            if ends < time.time():
                shutil.rmtree(folder, ignore_errors=True)


def _all(workspace: Workspace) -> list[Upload]:
    found = [one for folder in _folder(workspace).glob("*") if (one := _read(workspace, folder))]
    return sorted(found, key=lambda one: one.expires, reverse=True)


def _read(workspace: Workspace, folder: Path) -> Upload | None:
    """The upload in this folder; None when there is none (any more)."""
    info = files.read_json(folder / "info.json") or {}
    owner, length, metadata = info.get("owner"), info.get("length"), info.get("metadata", "")
    if not isinstance(owner, str) or not isinstance(length, int) or not isinstance(metadata, str):
        return None
    name = _name(metadata)
    try:
        facts = (folder / f"upload{ending_of(name)}").stat()
    except OSError:
        return None
    expires = facts.st_mtime + workspace.settings.upload_days * 24 * 3600
    return Upload(folder.name, folder, owner, name, length, facts.st_size, expires, metadata)


def _name(metadata: str) -> str:
    """The file's name in TUS' metadata (key, blank, Base64, with commas between)."""
    pairs = dict(pair.strip().partition(" ")[::2] for pair in metadata.split(","))
    try:
        name = base64.b64decode(pairs.get("filename", ""), validate=True).decode()
    except ValueError:
        raise BadData("Upload-Metadata: the file name is no Base64 of UTF-8.") from None
    return "".join(character for character in name if character.isprintable())[:200]


def _folder(workspace: Workspace) -> Path:
    return workspace.store.root / ".uploads" / "resumable"
