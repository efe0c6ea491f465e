"""Waiting for a job: a progress bar on stderr, the job's end as exit code, its figures on stdout."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import typer

from digits_core.cli.program import complain
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import jobs
from digits_core.services.scheduling import make_scheduler
from digits_core.services.system import scheduler_runs
from digits_core.services.workspace import Workspace

Json = dict[str, Any]


def finish(workspace: Workspace, view: JobView, wait: bool, as_json: bool) -> None:
    """End a command that made or changed a job: report it, after its end when ``wait``."""
    print(f"{view.job.kind} {view.id} '{view.name}'", flush=True)
    if wait:
        view = await_end(workspace, view)
    elif not view.status.is_final and not scheduler_runs(workspace):
        complain("The job is queued. No server runs on this jobs folder: the job starts when one does "
                 "(streamlit run app.py, or python -m digits_core scheduler), or when a command waits (--wait).")
    report(view, as_json)
    if wait and view.status is not Status.DONE:
        raise typer.Exit(1)


def finish_all(workspace: Workspace, views: list[JobView], wait: bool, as_json: bool) -> None:
    """End a command that made several jobs; one job is told as ``finish`` does, several as ``{"jobs": [...]}``."""
    if len(views) == 1:
        finish(workspace, views[0], wait, as_json)
        return
    for view in views:
        print(f"{view.job.kind} {view.id} '{view.name}'", flush=True)
    if wait:
        views = [await_end(workspace, view) for view in views]
    elif not scheduler_runs(workspace):
        complain(f"{len(views)} jobs are queued. No server runs on this jobs folder: they start when one does "
                 "(streamlit run app.py, or python -m digits_core scheduler), or when a command waits (--wait).")
    for view in views if not as_json else ():
        report(view, as_json)
    if as_json:
        print_json({"jobs": [jobs.describe(view) for view in views]})
    if wait and any(view.status is not Status.DONE for view in views):
        raise typer.Exit(1)


def report(view: JobView, as_json: bool) -> None:
    """The job in one line of JSON, or its state and figures in words; what went wrong on stderr."""
    if view.status in (Status.FAILED, Status.STOPPED, Status.DAMAGED):
        complain(f"{view.status}: {view.state.reason} {view.state.try_next}")
    if as_json:
        print_json(jobs.describe(view))
    else:
        print(" ".join([str(view.status), *(f"{name}={value(number)}" for name, number in
                                            view.folder.summary().items())]), flush=True)


def print_json(content: Any) -> None:
    """One line of strict JSON, the last one of stdout."""
    print(json.dumps(content, allow_nan=False), flush=True)


def value(content: Any) -> str:
    """A figure as short as it can be told."""
    return f"{content:.5g}" if isinstance(content, float) else str(content)


def await_end(workspace: Workspace, view: JobView) -> JobView:
    """The job after its end. Schedules the jobs meanwhile when no other process does. Ctrl-C ends only the waiting."""
    scheduler = make_scheduler(workspace)
    bar = Bar(sys.stderr)
    try:
        return jobs.wait(workspace, view.id, scheduler.tick, min(0.2, workspace.settings.poll_s), bar.show)
    except KeyboardInterrupt:
        bar.close()
        now = workspace.store.get(view.id).status
        complain(f"Stopped waiting; the job is {now} and "
                 + ("goes on. " if now.is_live else "stays queued until a server or --wait runs it. ")
                 + f"Stop it with: python -m digits_core stop {view.id}")
        raise typer.Exit(130) from None
    finally:
        bar.close()
        scheduler.close()


class Bar:
    """One line that moves on a terminal; elsewhere a line per phase and per tenth."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.clock = stream, clock
        self.live = stream.isatty()
        self.last: tuple[object, ...] = ()
        self.shown = -1.0

    def show(self, view: JobView) -> None:
        """Draw a job's state."""
        self.draw(line(view), (view.status, view.progress.phase, int(view.progress.done * 10)), view.status.is_final)

    def share(self, done: float, words: str) -> None:
        """Draw how far something else is, ``done`` from 0 to 1."""
        self.draw(drawn(done, words), (words, int(done * 10)), done >= 1)

    def draw(self, text: str, step: tuple[object, ...], final: bool) -> None:
        """Show the text: on a terminal at most five times a second, elsewhere whenever ``step`` is another one."""
        now = self.clock()
        if self.live and (now - self.shown >= 0.2 or final):
            self.stream.write(f"\r\x1b[K{text}")
        elif not self.live and step != self.last:
            self.stream.write(text + "\n")
        else:
            return
        self.stream.flush()
        self.last, self.shown = step, now

    def close(self) -> None:
        """End the line."""
        if self.live and self.last:
            self.stream.write("\n")
            self.stream.flush()
            self.last = ()


def line(view: JobView, width: int = 24) -> str:
    """``[############------------]  50 % training, epoch 2.50, 1200 images/s, 0:12 left``."""
    progress = view.progress
    words = [progress.phase if view.status.is_live and progress.phase else str(view.status)]
    if progress.epoch is not None:
        words.append(f"epoch {progress.epoch:.2f}")
    if view.status.is_live:
        words += [f"{progress.rate:.0f} {progress.unit}/s"] if progress.rate else []
        words += [f"{int(progress.eta_s) // 60}:{int(progress.eta_s) % 60:02d} left"] if progress.eta_s else []
    return drawn(progress.done, ", ".join(words), width)


def drawn(done: float, words: str, width: int = 24) -> str:
    """The bar itself, and the words behind it."""
    done = min(1.0, max(0.0, done))
    full = round(width * done)
    return f"[{'#' * full}{'-' * (width - full)}] {done * 100:3.0f} % {words}"
