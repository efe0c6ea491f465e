"""Real training workers that get killed, and what must be true of their folders afterwards."""

import hashlib
import os
import signal
import subprocess

import safetensors.torch

from digits_core import files
from digits_core.jobs.runner import LocalRunner
from digits_core.jobs.store import JobView
from digits_core.train.state import StateFiles
from tests.train import drawn


def start(view: JobView) -> "subprocess.Popen[bytes]":
    """A worker process for the next attempt."""
    newest = view.folder.newest()
    assert newest is not None
    attempt = newest if not newest.launch.exists() else view.folder.open_attempt(newest.number + 1)
    runner = LocalRunner()
    runner.start(view.folder, attempt, [])
    return runner.children[0][0]


def kill(worker: "subprocess.Popen[bytes]") -> None:
    """SIGKILL to the worker alone, as the kernel does when memory runs out."""
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def finish(view: JobView) -> None:
    """Let the next attempt run to its end, which must be a good one."""
    worker = start(view)
    worker.wait(timeout=240)
    attempt = view.folder.newest()
    assert attempt is not None
    assert (files.read_json(attempt.result) or {}).get("state") == "done", attempt.log.read_text()[-3000:]


def checked_checkpoints(view: JobView) -> list[drawn.Json]:
    """All checkpoints, oldest first; each must load and be what its json says."""
    rows = [files.read_json(path) for path in sorted(view.folder.checkpoints.glob("epoch_*.json"))]
    for row in rows:
        assert row is not None
        content = (view.folder.checkpoints / row["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == row["sha256"]
        assert all(tensor.isfinite().all() for tensor in safetensors.torch.load(content).values())
    return sorted((row for row in rows if row), key=lambda row: row["step"])


def assert_nothing_acknowledged_is_lost(view: JobView) -> None:
    """What metrics.jsonl told of an epoch can still be loaded and gone on from."""
    told = [row["step"] for row in drawn.rows(view) if "val/loss" in row]
    if not told:
        return
    _, facts, problems = StateFiles(view.folder.checkpoints).load()
    assert not problems
    assert facts["step"] >= max(told)
    assert checked_checkpoints(view)


def gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False
