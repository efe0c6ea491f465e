"""Jobs leave this server: one tar file with the folders of a job and, if asked, of the jobs it needs.

bundle.json comes first and says what follows; SHA256SUMS is last, so that nothing is read twice. Processes, locks and
half-written files stay here. The file is streamed: a dataset of many gigabytes is never in memory.
"""

import hashlib
import json
import os
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import digits_core
from digits_core import files
from digits_core.errors import BadData, BadState
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services.access import authorize
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
SCHEMA = 1
HEAD, SUMS, FOLDER = "bundle.json", "SHA256SUMS", "jobs"
PIECE = 1 << 20
STATES = ("last.state", "previous.state")
"""What a training needs to go on; beside the checkpoints, and larger."""
LEFT = ("claim.json", "lock.mdb")
"""Facts about processes of this machine."""


@dataclass(frozen=True)
class Member:
    """A file of the bundle: a file on disk, or bytes."""

    name: str
    content: Path | bytes
    size: int


@dataclass(frozen=True)
class Bundle:
    """A bundle that can be streamed; ``size`` is its length in bytes."""

    name: str
    members: tuple[Member, ...]
    size: int

    def pieces(self) -> Iterator[bytes]:
        """The file, in pieces. Raises BadState when a job is changed while it is read."""
        sums = []
        for member in self.members:
            yield _header(member.name, member.size)
            digest = hashlib.sha256()
            for piece in _read(member):
                digest.update(piece)
                yield piece
            yield b"\0" * (-member.size % tarfile.BLOCKSIZE)
            sums.append(_line(digest.hexdigest(), member.name))
        content = "".join(sums).encode("utf-8", "surrogateescape")
        yield _header(SUMS, len(content)) + content + b"\0" * (-len(content) % tarfile.BLOCKSIZE)
        yield b"\0" * 2 * tarfile.BLOCKSIZE


def bundle(workspace: Workspace, user: str, job_id: str, needs: bool = False, state: bool = False) -> Bundle:
    """A job as a bundle, ``needs``: with the jobs it was made from; ``state``: so that a training can go on there.

    Raises NotFound, and BadState for a job that is not over.
    """
    views = chosen(workspace, job_id, needs)
    for view in views:
        authorize(user, "view", view)
        if not view.status.is_final or view.status is Status.DAMAGED:
            raise BadState(f"'{view.name}' is {view.status}. A job moves when it is over: stop it, or wait for it.")
    found = {view.id: list(_files(view, state)) for view in views}
    head = {"schema": SCHEMA, "digits": digits_core.__version__, "server": workspace.settings.server_name,
            "made": time.time(), "state": state, "jobs": [_fact(view, found[view.id]) for view in views]}
    content = files.to_bytes(head)
    members = (Member(HEAD, content, len(content)), *(member for view in views for member in found[view.id]))
    return Bundle(f"{views[-1].id}.digits.tar", members, _size(members))


def chosen(workspace: Workspace, job_id: str, needs: bool = False) -> list[JobView]:
    """The job, behind those it needs if they are wanted; what was deleted since is left out."""
    view, here = workspace.store.get(job_id), set(workspace.store.ids())
    found: dict[str, JobView] = {}

    def visit(one: JobView) -> None:
        for need in one.job.needs if needs else ():
            if need in here and need not in found:
                visit(workspace.store.get(need))
        found[one.id] = one

    visit(view)
    return list(found.values())


def _fact(view: JobView, members: list[Member]) -> Json:
    return {"id": view.id, "kind": str(view.job.kind), "task": view.job.task, "name": view.name,
            "files": len(members), "bytes": sum(member.size for member in members)}


def _files(view: JobView, state: bool) -> Iterator[Member]:
    """The files of a job that travel, in an order that is always the same."""
    top = view.folder.path
    for parent, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not _is_spent(view, name))
        for name in sorted(names):
            path = Path(parent) / name
            if name.startswith(".") or name in LEFT or (name in STATES and not state) or path.is_symlink():
                continue
            place = f"{FOLDER}/{view.id}/{path.relative_to(top).as_posix()}"
            if name == "launch.json":
                content = files.to_bytes(launch_facts(files.read_json(path) or {}))
                yield Member(place, content, len(content))
            elif path.is_file():
                yield Member(place, path, path.stat().st_size)


def _is_spent(view: JobView, folder: str) -> bool:
    """Whether a folder holds an upload that became something else."""
    return folder == "upload" and view.status is Status.DONE and view.job.kind in (Kind.DATASET, Kind.PRETRAINED)


def launch_facts(launch: Json) -> Json:
    """What is true of an attempt on any machine: when, where and with what; not which process."""
    return {key: value for key, value in launch.items() if key not in ("process", "boot_s", "fenced")}


def _read(member: Member) -> Iterator[bytes]:
    if isinstance(member.content, bytes):
        yield member.content
        return
    left = member.size
    try:
        with member.content.open("rb") as file:
            while left and (piece := file.read(min(PIECE, left))):
                left -= len(piece)
                yield piece
            if left or file.read(1):
                raise BadState(f"{member.name} was changed while it was read. Make the bundle again.")
    except OSError as error:
        raise BadData(f"{member.name} cannot be read: {error.strerror}.") from error


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _line(digest: str, name: str) -> str:
    """As sha256sum writes it: a name with a line break is escaped, and the line says so."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def checksum(line: str) -> tuple[str, str]:
    """Name and digest in a line of SHA256SUMS."""
    digest, _, name = line.partition("  ")
    if digest.startswith("\\"):
        name = name.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
    return name, digest.removeprefix("\\")


def _size(members: tuple[Member, ...]) -> int:
    """The length of the whole file, so that a reader knows when it was cut off."""
    sums = sum(len(_line("0" * 64, member.name).encode("utf-8", "surrogateescape")) for member in members)
    every = [(member.name, member.size) for member in members] + [(SUMS, sums)]
    return sum(len(_header(name, size)) + size + -size % tarfile.BLOCKSIZE for name, size in every) \
        + 2 * tarfile.BLOCKSIZE


def summary(found: Bundle) -> Json:
    """What a bundle holds, without its content."""
    head = json.loads(bytes(found.members[0].content) if isinstance(found.members[0].content, bytes) else b"{}")
    return {"file": found.name, "bytes": found.size, "state": head["state"], "jobs": head["jobs"]}
