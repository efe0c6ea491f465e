"""A worker without torch, and jobs that use it.

Real worker processes run it when the environment says so (fixture ``fake_workers``); what it does stands in the
job's options: see ``run``.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from digits_core import files
from digits_core.jobs.context import Context
from digits_core.jobs.model import Job, Kind
from digits_core.jobs.store import JobStore, JobView

Json = dict[str, Any]
HANDLER = "tests.faults.fakes:run"


def run(context: Context) -> Json:
    """Work ``steps`` steps of ``step_s`` seconds, one metrics row each, going on after the last row there is.

    Other options: ``wait_for`` (a path: go on when it exists), ``fail`` (raise with this text), ``exit`` (leave
    with this code), ``signal`` (kill itself), ``child`` (start a process that never ends), ``deaf`` (ignore stop
    files and SIGTERM), ``freeze`` (report once, then never again). Every start adds a line to ``starts.txt``.
    """
    options, folder = context.job.options, context.folder.path
    _note(folder / "starts.txt", f"{os.getpid()}\n")
    if options.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if options.get("child"):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        files.write_atomic(folder / "child.json", {"pid": child.pid})
    _wait(context, options)
    done = len(files.read_jsonl(context.folder.metrics)[0])
    steps = int(options.get("steps", 3))
    for step in range(done, steps):
        context.metrics({"step": step + 1, "loss": 1 / (step + 1)})
        context.progress((step + 1) / steps, "working")
        _look(context, options)
        time.sleep(float(options.get("step_s", 0.0)))
    _end(options)
    return {"steps": steps}


def _note(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line)


def _look(context: Context, options: Json) -> None:
    if not options.get("deaf"):
        context.check_stop()


def _wait(context: Context, options: Json) -> None:
    while "wait_for" in options and not Path(options["wait_for"]).exists():
        if not options.get("freeze"):
            context.progress(0.0, "waiting for the test")
        _look(context, options)
        time.sleep(0.02)


def _end(options: Json) -> None:
    if "fail" in options:
        raise ValueError(options["fail"])
    if "exit" in options:
        os._exit(int(options["exit"]))
    if "signal" in options:
        os.kill(os.getpid(), int(options["signal"]))


def submit(store: JobStore, kind: Kind = Kind.MODEL, name: str = "fake", needs: tuple[str, ...] = (),
           owner: str = "tester", job_id: str = "", priority: float = 0, **options: Any) -> JobView:
    """Put a job for the fake worker into the queue."""
    job_id = job_id or store.new_id()
    job = Job(job_id, kind, "classification", name, owner, time.time(), {"device": "cpu", **options}, needs)
    store.submit(job)
    if priority:
        store.edit_notes(job_id, priority=priority)
    return store.get(job_id)


def starts(view: JobView) -> int:
    """How often a worker really began the job."""
    path = view.folder.path / "starts.txt"
    return len(path.read_text().splitlines()) if path.exists() else 0


def environment() -> dict[str, str]:
    """The variables that make workers run the fake, whatever the kind of the job."""
    return {f"DIGITS_HANDLER_{kind.upper()}": HANDLER for kind in Kind}


def kill_workers(jobs_dir: Path) -> None:
    """Kill every worker process of this jobs folder, and what it started; for the end of a test."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if "digits_core.jobs.worker" in words and any(str(jobs_dir) in word for word in words):
                os.killpg(int(entry.name), signal.SIGKILL)
        except OSError:
            continue
