"""Files that came over the network: streamed to disk under a name the server chose, and swept when nobody used them."""

import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from digits_core import files
from digits_core.errors import BadData
from digits_core.services.workspace import Workspace

CHUNK = 1 << 20
RESERVE = 100_000_000
"""Bytes that stay free on the disk, so that running jobs can still save."""
ENDINGS = (".tar.gz", ".tar.bz2", ".tar.xz", ".tgz", ".tbz2", ".txz", ".zip", ".tar")


def receive(workspace: Workspace, file: BinaryIO, client_name: str, limit: int | None = None) -> Path:
    """Copy an upload into the jobs folder, a piece at a time; the caller moves it on or calls ``discard``.

    Of the client's file name only a known ending is kept. Raises BadData when it is empty or larger than ``limit``
    bytes (the server's setting by default), DiskFull when the disk would run full.
    """
    limit = workspace.settings.upload_mb * 1_000_000 if limit is None else limit
    sweep(workspace)
    folder = _folder(workspace) / f"{int(time.time())}-{secrets.token_hex(8)}"
    folder.mkdir(parents=True, mode=0o700)
    path = folder / f"upload{ending_of(client_name)}"
    try:
        size = _copy(file, path, limit)
    except BaseException:
        discard(path)
        raise
    if not size:
        discard(path)
        raise BadData("The uploaded file is empty.")
    return path


def _copy(file: BinaryIO, path: Path, limit: int) -> int:
    size = 0
    with path.open("xb") as target:
        path.chmod(0o600)
        while piece := file.read(CHUNK):
            size += len(piece)
            if size > limit:
                raise BadData(f"The upload is larger than {limit / 1e6:.0f} MB, the most this server takes "
                              "(DIGITS_UPLOAD_MB). Put it on the server and give its path instead.")
            if files.free_bytes(path) < RESERVE + len(piece):
                raise files.DiskFull(f"The disk has no room for this upload: {files.free_bytes(path) / 1e6:.0f} MB "
                                     "are free in the jobs folder.")
            target.write(piece)
    return size


def ending_of(name: str) -> str:
    """The ending of an archive's name that tells its format, or nothing."""
    plain = PurePosixPath(name.replace("\\", "/")).name.lower()
    return next((ending for ending in ENDINGS if plain.endswith(ending)), "")


def discard(path: Path) -> None:
    """Remove an upload that was not used, or what is left after it was moved away."""
    shutil.rmtree(path.parent, ignore_errors=True)


def keep_off_tmp(workspace: Workspace) -> None:
    """What this process writes for a moment, multipart requests above all, lies in the jobs folder: /tmp may be memory.

    For a server, once, at its start.
    """
    passing = _folder(workspace) / "passing"
    passing.mkdir(parents=True, exist_ok=True, mode=0o700)
    tempfile.tempdir = str(passing)


def sweep(workspace: Workspace, max_age_s: float = 24 * 3600) -> None:
    """Remove uploads that a stopped server or a lost client left behind."""
    for path in (_folder(workspace) / "passing").glob("*"):
        with suppress(FileNotFoundError, NotADirectoryError):
            if time.time() - path.stat().st_mtime > max_age_s:
                shutil.rmtree(path, ignore_errors=True)
    for folder in _folder(workspace).glob("*-*"):
        stamp = folder.name.partition("-")[0]
        if stamp.isdigit() and time.time() - int(stamp) > max_age_s:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(workspace: Workspace) -> Path:
    return workspace.store.root / ".uploads"
