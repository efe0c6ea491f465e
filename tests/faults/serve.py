"""A scheduler as a process of its own, to be killed: ``python -m tests.faults.serve JOBS_DIR SLOTS``.

It says "leads" on stdout when it got the lease, and schedules until somebody kills it. With DIGITS_TEST_DIE_AFTER=N
it dies by itself between the N-th claim and the start of that worker: the worst moment there is.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digits_core.jobs.folder import AttemptFolder, JobFolder
from digits_core.jobs.runner import LocalRunner
from digits_core.jobs.scheduler import Scheduler, SchedulerThread
from digits_core.jobs.store import JobStore
from digits_core.settings import Settings
from tests.faults import fakes

ROOT = Path(__file__).parents[2]


class DyingRunner(LocalRunner):
    """Kills its own process where it should start the N-th worker."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def start(self, folder: JobFolder, attempt: AttemptFolder, devices: list[str]) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        super().start(folder, attempt, devices)


def main() -> None:
    settings = Settings(jobs_dir=Path(sys.argv[1]), poll_s=0.03, grace_s=1, cpu_trainings=int(sys.argv[2]))
    runner = DyingRunner(int(os.environ.get("DIGITS_TEST_DIE_AFTER", "0")))
    thread = SchedulerThread(Scheduler(JobStore(settings.jobs_dir), settings, runner, gpu_ids=list))
    thread.start()
    told = False
    while thread.is_alive():
        if not told and thread.scheduler.lead():
            told = True
            print("leads", flush=True)
        time.sleep(0.05)


@contextmanager
def scheduler_process(jobs_dir: Path, slots: int = 4, die_after: int = 0) -> Iterator["subprocess.Popen[str]"]:
    """Run one until the block ends; workers that it started go on."""
    environment = {**os.environ, **fakes.environment(), "PYTHONPATH": str(ROOT),
                   "DIGITS_TEST_DIE_AFTER": str(die_after)}
    with subprocess.Popen([sys.executable, "-m", "tests.faults.serve", str(jobs_dir), str(slots)],
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


if __name__ == "__main__":
    main()
