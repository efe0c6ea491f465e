"""Writes frames of videos as picture files: ``clip.mp4`` becomes ``clip.mp4/clip_frame_000120.png``."""

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import Literal, NamedTuple

from PIL import Image

from digits_core import files
from digits_core.data.video_options import Take, is_video
from digits_core.data.videos import Video
from digits_core.errors import BadData

Format = Literal["png", "jpeg"]
ENDINGS: dict[str, str] = {"png": "png", "jpeg": "jpg"}
RESERVE = 200_000_000
"""Bytes that stay free on the disk."""
FRAME = re.compile(r"(.+)_frame_[0-9]{6,}\.[a-z]+", re.DOTALL)


class Written(NamedTuple):
    """What became of a video: pictures, of how many frames in how many seconds, and its size."""

    pictures: int
    frames: int
    seconds: float
    width: int
    height: int
    damaged: int


@dataclass
class Unpacker:
    """Takes frames out of one video after the other."""

    folder: Path
    take: Take
    roots: Sequence[str] = ()
    format: Format = "png"
    tick: Callable[[], None] = lambda: None
    written: dict[str, Written] = field(default_factory=dict)
    """By path, what became of each video so far."""

    share: float = 0.0
    """How far the video is through, 0..1."""

    def unpack(self, path: str, target: Path, name: str = "") -> Iterator[str]:
        """Paths of the pictures in the folder ``target``, which is made. Raises BadData when there is no frame.

        ``name`` is what the video is called, if not as its file.
        """
        target.mkdir(parents=True, exist_ok=True)
        stem, last, size, count = PurePath(name or path).stem, 0.0, (0, 0), 0
        with Video(path, self.roots, self.take, self.tick) as video:
            for count, frame in enumerate(video, 1):  # noqa: B007
                self.tick()
                if files.free_bytes(self.folder) < RESERVE + frame.pixels.nbytes:
                    raise files.DiskFull(f"The disk is full: {files.free_bytes(self.folder) / 1e6:.0f} MB are free for "
                                         "frames of videos. Free some space, or take fewer frames.")
                picture = target / f"{stem}_frame_{frame.number:06d}.{ENDINGS[self.format]}"
                image = Image.fromarray(frame.pixels)
                image.save(picture, self.format.upper(), **({"compress_level": 1} if self.format == "png" else
                                                         {"quality": 95}))
                last, size = frame.seconds, image.size
                self.share = min(1.0, frame.number / (video.frames or 1))
                yield str(picture)
        if not count:
            raise BadData("holds no frame that can be decoded")
        self.written[path] = Written(count, video.frames, video.seconds or last, *size, video.damaged)


class _Ended(Exception):
    """Nobody wants the frames any more."""


def side_by_side(unpacker: Unpacker, videos: Sequence[tuple[str, Path]]) -> "Iterator[list[str] | BadData]":
    """For each video and its folder, in order, the paths of its pictures or why there are none.

    As many videos are decoded at the same time as there are processors; the unpacker's ``tick`` is called here only.
    """
    ended, count = threading.Event(), len(os.sched_getaffinity(0))

    def stop() -> None:
        if ended.is_set():
            raise _Ended

    quiet = replace(unpacker, tick=stop)

    def work(path: str, target: Path) -> "list[str] | BadData":
        try:
            return list(quiet.unpack(path, target))
        except BadData as error:
            return error

    with ThreadPoolExecutor(count, "video") as pool:
        source, pending = iter(videos), deque[Future[list[str] | BadData]]()
        try:
            while True:
                pending.extend(pool.submit(work, *video) for video in islice(source, 2 * count - len(pending)))
                if not pending:
                    return
                while not wait(list(pending)[:1], 0.4).done:
                    unpacker.tick()
                unpacker.tick()
                yield pending.popleft().result()
        finally:
            ended.set()
            pool.shutdown(wait=False, cancel_futures=True)


def video_of(name: str) -> str:
    """The video that a picture is a frame of, as names of pictures tell it; empty when it is none.

    >>> video_of("cats/clip.mp4/clip_frame_000120.png"), video_of("x/clip_frame_000120.jpg"), video_of("cats/1.png")
    ('cats/clip.mp4', 'clip', '')
    """
    folder, _, file = name.rpartition("/")
    if is_video(folder.rpartition("/")[2]):
        return folder
    found = FRAME.fullmatch(file)
    return found[1] if found else ""
