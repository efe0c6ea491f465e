"""Which frames of a video become pictures; described once for datasets and for jobs that write frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from digits_core.data.s3_options import S3Options
from digits_core.errors import DigitsError, Problem
from digits_core.options import JobOptions, Options, option
from digits_core.safe import safe_path
from digits_core.safe.places import is_s3

UPLOADED = "job:upload"
"""Stands for videos that were uploaded and lie in the job's folder."""

SUFFIXES = frozenset(("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "mts", "m2ts", "wmv", "flv",
                      "3gp", "ogv"))
"""File endings that are taken for videos."""


def is_video(name: str) -> bool:
    """Whether a file name has the ending of a video and is not hidden."""
    return "." in name and name[0] != "." and name.rpartition(".")[2].lower() in SUFFIXES


class FrameOptions(Options):
    """How often a frame is taken, and how many at most."""

    frames_by: Literal["rate", "step"] = option(
        "rate", title="Frames of videos", group="Videos",
        labels={"rate": "So many a second", "step": "Every n-th frame"},
        help="Videos (mp4, mov, mkv, webm, avi …) become pictures: their frames.")
    frame_rate: float = option(1.0, title="Frames per second", group="Videos", gt=0, le=1000,
                               when={"frames_by": ["rate"]})
    frame_step: int = option(30, title="Every n-th frame", group="Videos", ge=1, le=10**6, when={"frames_by": ["step"]},
                             help="1: every frame.")
    frames_most: int | None = option(100, title="At most, of each video", group="Videos", ge=1, le=10**6,
                                     help="Of a longer video fewer frames a second are taken, over its whole length; "
                                          "empty: no limit.")


class FramesJobOptions(FrameOptions, S3Options, JobOptions):
    """Which videos, which of their frames, and as what files."""

    videos: str = option("", title="Video, or folder of videos", group="Source", kind="path",
                         help="On the server, or s3://bucket/path; of a folder all videos below it.")
    file_format: Literal["jpeg", "png"] = option("jpeg", title="File format", group="Videos",
                                                 labels={"jpeg": "JPEG (small)", "png": "PNG (lossless)"})

    def problems(self, roots: Sequence[Path] = ()) -> list[Problem]:
        """A path that is missing or forbidden."""
        if not self.videos.strip():
            return [Problem("videos", "Upload a video, or give the path of one.")]
        if is_s3(self.videos):
            return [*super().problems(roots), *self.place_problems("videos")]
        if self.videos == UPLOADED:
            return []
        try:
            safe_path(self.videos, roots)
        except DigitsError as error:
            return [Problem("videos", str(error))]
        return []


class Take(NamedTuple):
    """Which frames: ``rate`` a second or else every ``step``-th, ``most`` in all, from frame number ``first`` on."""

    rate: float | None = None
    step: int = 1
    most: int | None = None
    first: int = 0

    @classmethod
    def of(cls, options: Any) -> "Take | None":
        """What these options say; None when they know of no videos."""
        if not isinstance(options, FrameOptions):
            return None
        by_rate = options.frames_by == "rate"
        return cls(options.frame_rate if by_rate else None, options.frame_step, options.frames_most)
