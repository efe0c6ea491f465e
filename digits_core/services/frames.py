"""Services that write frames of videos as picture files."""

import os
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from digits_core.data.frames_job import FOLDER, rows
from digits_core.data.places import check_places
from digits_core.data.video_options import UPLOADED, FramesJobOptions
from digits_core.errors import NotFound
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobView
from digits_core.options import check
from digits_core.safe import safe_join
from digits_core.services.access import authorize
from digits_core.services.inference import put_uploads
from digits_core.services.jobs import checked_name, of_kind, together
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


def create(workspace: Workspace, user: str, name: str, options: Json, group: str = "",
           uploads: Sequence[tuple[str, Path | bytes]] = ()) -> JobView:
    """Check everything and queue a job that writes frames of videos as picture files.

    ``uploads`` are videos as (client's file name, temporary file or bytes); they are moved into the job. Raises
    InvalidOptions with every problem at its field.
    """
    authorize(user, "create")
    if uploads:
        options = {**options, "videos": UPLOADED}
    name, values = together(lambda: checked_name(name),
                            lambda: check(FramesJobOptions, options, workspace.settings.data_roots))
    check_places(values, workspace.settings)
    if values.videos == UPLOADED and not uploads:
        name, values = checked_name(name), check(FramesJobOptions, {**options, "videos": ""})
    job = Job(workspace.store.new_id(), Kind.FRAMES, "frames", name, user, time.time(),
              values.model_dump(mode="json"), (), group.strip())
    workspace.store.submit(job, lambda hidden: put_uploads(hidden, uploads))
    return workspace.store.get(job.id)


def videos(workspace: Workspace, job_id: str) -> list[Json]:
    """What became of each video so far, see ``frames_job.rows``."""
    return rows(of_kind(workspace, job_id, Kind.FRAMES).folder.path)


def folder(workspace: Workspace, job_id: str) -> Path:
    """Where the pictures are: one folder a video, of its name."""
    return of_kind(workspace, job_id, Kind.FRAMES).folder.path / FOLDER


def pictures(workspace: Workspace, job_id: str, video: str) -> list[Path]:
    """The picture files of one video, in order. Raises NotFound when there is no such video."""
    if video not in [row["video"] for row in videos(workspace, job_id)]:
        raise NotFound(f"The job has no video {video[:100]!r}.")
    target = safe_join(folder(workspace, job_id), video)
    return sorted(target.iterdir()) if target.is_dir() else []


def archive(workspace: Workspace, job_id: str) -> Iterator[bytes]:
    """A zip of all pictures so far, in pieces; it is never whole in memory or on the disk."""
    return _zipped(folder(workspace, job_id), [row["video"] for row in videos(workspace, job_id)])


def _zipped(top: Path, names: Sequence[str]) -> Iterator[bytes]:
    pipe = Pieces()
    with zipfile.ZipFile(pipe, "w") as target:  # type: ignore[call-overload]  # needs write and flush only
        for here in (top / name for name in names):
            for path in sorted(here.iterdir()) if here.is_dir() else ():
                target.write(path, os.fsencode(path.relative_to(top)).decode("utf-8", "backslashreplace"))
                yield pipe.taken()
    yield pipe.taken()


class Pieces:
    """A file that cannot be rewound: what is written waits until it is taken."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Keep a piece."""
        self.parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing: it waits in memory."""

    def taken(self) -> bytes:
        """What was written since the last time."""
        data, self.parts = b"".join(self.parts), []
        return data
