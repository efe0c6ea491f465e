"""Starts the worker of a claimed attempt: as a detached process, or right here."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple, Protocol

from digits_core.jobs import confine, process
from digits_core.jobs.folder import AttemptFolder, JobFolder

ROOT = Path(__file__).parents[2]
TUNED = {"GOMP_SPINCOUNT": "20000", "MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 25)}
"""What a training starts with unless the server's environment says otherwise. Threads that wait for each other spin for
a moment only: sharing two processors with the page or a browser they are 6 to 8 times faster so. And memory that a step
gives back stays with the process: the next step needs it again, and a fresh page costs a trip to the kernel."""


class Ended(NamedTuple):
    """A child that is gone; a negative ``code`` is the number of the signal that killed it."""

    folder: JobFolder
    attempt: AttemptFolder
    code: int


class Runner(Protocol):
    """How a worker gets started. The scheduler does not know which way."""

    def start(self, folder: JobFolder, attempt: AttemptFolder, devices: list[str]) -> None:
        """Begin the attempt on the GPUs with these UUIDs (none: CPU); returns at once.

        Raises OSError when no process can be started.
        """
        ...

    def reap(self) -> list[Ended]:
        """Collect the children that ended since the last call, so that none stays a zombie."""
        ...

    def holds(self, attempt: AttemptFolder) -> bool:
        """Whether the attempt's worker is a child whose exit code is still to come."""
        ...


class LocalRunner:
    """A process of its own session: it outlives the server, the terminal and the browser."""

    def __init__(self) -> None:
        self.children: list[tuple[subprocess.Popen[bytes], JobFolder, AttemptFolder]] = []

    def start(self, folder: JobFolder, attempt: AttemptFolder, devices: list[str]) -> None:
        """See Runner. stdout and stderr go to the attempt's log, never to a pipe that dies with the reader."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        environment = {**TUNED, **confine.environment(folder.path), "PYTHONUNBUFFERED": "1",
                       "CUDA_VISIBLE_DEVICES": ",".join(devices), "PYTHONPATH": path,
                       process.MARK: str(attempt.path)}
        with attempt.log.open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "digits_core.jobs.worker", str(folder.path), str(attempt.number)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment)
        self.children.append((child, folder, attempt))

    def reap(self) -> list[Ended]:
        """See Runner."""
        ended = [Ended(folder, attempt, child.returncode) for child, folder, attempt in self.children
                 if child.poll() is not None]
        self.children = [entry for entry in self.children if entry[0].returncode is None]
        return ended

    def holds(self, attempt: AttemptFolder) -> bool:
        """See Runner."""
        return any(attempt.path == held.path for _, _, held in self.children)


class InlineRunner:
    """Runs the worker inside the caller, for tests and for stepping through one in a debugger."""

    def start(self, folder: JobFolder, attempt: AttemptFolder, devices: list[str]) -> None:
        """See Runner; returns only when the job has ended."""
        from digits_core.jobs import worker  # a server starts workers, it never becomes one

        worker.run(folder, attempt, devices)

    def reap(self) -> list[Ended]:
        """Nothing is ever left behind."""
        return []

    def holds(self, attempt: AttemptFolder) -> bool:
        """Never: a call has no exit code."""
        return False
