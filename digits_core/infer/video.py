"""The worker that asks about the frames of a video, then draws the answers into a video of its own.

First all answers are noted, one row a frame, so that a stopped job goes on with the next frame. Then the video is read
once more and drawn: that part is quick, and begins anew when it was stopped.
"""

import os
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from PIL import Image

from digits_core import files, views
from digits_core.data.video_options import Take
from digits_core.data.videos import Frame, Video
from digits_core.errors import BadData
from digits_core.infer import course
from digits_core.infer.batch import ask
from digits_core.infer.client import InferenceClient
from digits_core.infer.film import Film
from digits_core.infer.model_folder import ModelFolder
from digits_core.infer.options import UPLOADED_VIDEO
from digits_core.infer.results import Results
from digits_core.jobs.context import Context
from digits_core.safe import is_url, safe_path
from digits_core.settings import Settings
from digits_core.tasks import task
from digits_core.views.film import annotated, with_words

Json = dict[str, Any]
CHUNK_FRAMES, CHUNK_BYTES = 16, 24_000_000
ASKING = 0.8
"""Share of the work, as progress shows it; the rest is drawing."""


def run(context: Context) -> Json:
    """Ask about every wanted frame that has no row yet, draw them all; returns frames, failed and seconds."""
    settings = Settings.load().model_copy(update={"jobs_dir": context.store.root})
    ModelFolder.read(context.store.folder(str(context.job.options["model"])).path).checkpoint(
        str(context.job.options["checkpoint_file"]))  # gone: said now, not after the video was fetched
    work = Work(context, settings)
    try:
        work.ask()
        return work.draw()
    except BadData as error:
        raise BadData(f"The video {error}." if str(error)[:1].islower() else str(error)) from None


class Work:
    """One attempt at one video."""

    def __init__(self, context: Context, settings: Settings) -> None:
        self.context, self.settings, self.options = context, settings, context.job.options
        self.folder = context.folder.path
        self.results = Results(self.folder)
        self.view = task(context.job.task).view
        self.path, self.roots = self._source()
        self.done = 0

    def _source(self) -> tuple[str, list[str]]:
        """Where the video is, and which folders may be read for it."""
        text = str(self.options["video"])
        if text == UPLOADED_VIDEO:
            return str(self.folder / "upload" / "000000"), []
        if not is_url(text):
            return str(safe_path(text, self.settings.data_roots)), list(map(os.path.realpath, self.settings.data_roots))
        target = self.folder / "download"
        if not target.exists():
            from digits_core.safe.download import safe_download  # an HTTP client is heavy

            self.context.progress(0, "Downloading")
            safe_download(text, target, self.settings.private_hosts, self.settings.upload_mb * 1_000_000,
                          watch=lambda size: self.context.check_stop())
        return str(target), []

    def _video(self, first: int = 0) -> Video:
        return Video(self.path, self.roots, Take(None, int(self.options["step"]), None, first), self.context.check_stop)

    def ask(self) -> None:
        """Note an answer for each frame that has none."""
        client, top = InferenceClient(self.settings), int(self.options["top"])
        done = self.results.mend(10**9)
        first = int(self.results.row(done - 1)["frame"]) + 1 if done else 0
        started, before = time.monotonic(), done
        with self._video(first) as video:
            total = self._wanted(video.frames)
            self.context.log(f"About {total} frames, {done} of them already answered")
            for chunk in _chunks(islice(video, self._left(done))):
                self.context.check_stop()
                answers = ask(self.context, client, [_picture(frame) for frame in chunk], top)
                self.results.append(_row(done + n, *both) for n, both in enumerate(zip(chunk, answers, strict=True)))
                done += len(chunk)
                rate = (done - before) / max(1e-6, time.monotonic() - started)
                self.context.progress(ASKING * done / max(total, done + 1), "Asking", rate, "frames", pictures=done)
            if video.damaged:
                self.context.log(f"{video.damaged} damaged parts of the video were left out.")
        self.done = done
        if not done:
            raise BadData("holds no frame that can be decoded")

    def _wanted(self, frames: int) -> int:
        wanted = -(-frames // int(self.options["step"]))
        return min(wanted, int(self.options["limit"] or wanted))

    def _left(self, done: int) -> int | None:
        limit = self.options["limit"]
        return None if limit is None else max(0, int(limit) - done)

    def draw(self) -> Json:
        """Make the annotated video and the key figures."""
        hidden, count = self.folder / f".{course.FILM}.tmp", self.done
        started = time.monotonic()
        with self._video() as video:
            with Film(hidden, video.rate / int(self.options["step"])) as film:
                for done, (frame, row) in enumerate(zip(video, self.results, strict=False), 1):
                    self.context.check_stop()
                    film.add(self._drawn(frame, row), frame.seconds)
                    self.context.progress(ASKING + (1 - ASKING) * done / (count + 1), "Drawing",
                                          done / max(1e-6, time.monotonic() - started), "frames")
            rate = video.rate
        hidden.replace(self.folder / course.FILM)
        return self._summary(count, rate)

    def _drawn(self, frame: Frame, row: Json) -> Image.Image:
        image = Image.fromarray(frame.pixels)
        if row.get("error"):
            return with_words(annotated(image, []), [(str(row["error"]), None)])
        return annotated(image, views.panels(views.own_view(self.view), image, row, self.options["view_options"]))

    def _summary(self, count: int, rate: float) -> Json:
        def figures(row: Json) -> dict[str, float]:
            return views.figures(self.view, row, self.options["view_options"])

        failed = sum(bool(row.get("error")) for row in self.results)
        seconds = float(self.results.row(count - 1)["seconds"])
        short = {"pictures": count, "failed": failed, "seconds": seconds, "rate": rate}
        files.write_atomic(self.folder / "summary.json", {
            "v": 1, **short, "figure": getattr(views.own_view(self.view), "FIGURES", ""),
            "chart": course.lines(lambda: self.results, figures, count)})
        return short


def _chunks(frames: Iterator[Frame]) -> Iterator[list[Frame]]:
    chunk: list[Frame] = []
    for frame in frames:
        chunk.append(frame)
        if len(chunk) == CHUNK_FRAMES or len(chunk) * frame.pixels.nbytes >= CHUNK_BYTES:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _picture(frame: Frame) -> tuple[str, bytes]:
    """Name and bytes of a frame as a picture: PPM, which costs nothing to write."""
    height, width, _ = frame.pixels.shape
    return f"frame {frame.number}", b"P6 %d %d 255\n" % (width, height) + frame.pixels.tobytes()


def _row(number: int, frame: Frame, answer: Json) -> Json:
    told = {name: value for name, value in answer.items() if name not in ("image", "latency_ms")}
    return {"n": number, "image": f"frame {frame.number}", "frame": frame.number, "seconds": round(frame.seconds, 4),
            **told}
