"""The process of one attempt: ``python -m digits_core.jobs.worker JOB_FOLDER ATTEMPT``."""

import faulthandler
import importlib
import logging
import os
import platform
import resource
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import filelock

import digits_core
from digits_core import files
from digits_core.errors import DigitsError
from digits_core.jobs import devices, process
from digits_core.jobs.context import Stopped, Watch, WorkerContext
from digits_core.jobs.failures import explain
from digits_core.jobs.model import Job, Kind, stopped_by
from digits_core.jobs.store import AttemptFolder, JobFolder, JobStore

Json = dict[str, Any]

HANDLERS = {
    Kind.DATASET: "digits_core.data.build:run",
    Kind.MODEL: "digits_core.train.run:run",
    Kind.INFERENCE: "digits_core.infer.batch:run",
    Kind.PRETRAINED: "digits_core.modelstore.install:run",
}
"""kind -> function(context) -> summary; imported by name, so that only workers load the heavy half."""


class DeviceTaken(DigitsError):
    """Another program holds the GPU that the scheduler chose."""


def main() -> None:
    """Entry of the process; exits with 0 also when the job fails: the result file tells."""
    folder = JobFolder(Path(sys.argv[1]))
    attempt = AttemptFolder(folder.path / "attempts" / f"{int(sys.argv[2]):04d}")
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)
    logging.basicConfig(stream=sys.stdout, level=logging.INFO,
                        format=f"%(asctime)s [{folder.id}] [%(levelname)s] %(message)s")
    claim = files.read_json(attempt.claim) or {}
    run(folder, attempt, list(claim.get("devices", [])))


def run(folder: JobFolder, attempt: AttemptFolder, device_ids: list[str]) -> None:
    """Launch, work, and leave a result; returns without a trace when somebody else was faster."""
    if not files.write_once(attempt.launch, _launch(device_ids)):
        return
    try:
        result = _work(folder, attempt, device_ids)
    except Stopped:
        result = {"state": "stopped", "reason": stopped_by(files.read_json(attempt.stop)), "code": "stopped"}
    except Exception as error:
        traceback.print_exc()
        failure = explain(error)
        result = {"state": "failed", "reason": failure.reason, "try": failure.try_next, "code": failure.code}
    files.write_once(attempt.result, {**result, "ended": time.time(), "peak_memory": peak_memory()})


def _launch(device_ids: list[str]) -> Json:
    return {"process": process.identity(), "host": socket.gethostname(), "started": time.time(),
            "boot_s": process.boot_clock(), "devices": device_ids, "python": platform.python_version(),
            "digits": digits_core.__version__}


def _work(folder: JobFolder, attempt: AttemptFolder, device_ids: list[str]) -> Json:
    job = Job.from_json(files.read_json(folder.path / "job.json") or {})
    store = JobStore(folder.path.parent)
    context = WorkerContext(job, folder, store, attempt, device_ids)
    _obey_sigterm(context)
    watch = Watch(context)
    leases = [_lease(store.locks, uuid) for uuid in device_ids]
    try:
        context.check_stop()
        watch.start()
        context.log(f"{job.kind} {job.name!r}, attempt {attempt.number}, "
                    f"{'GPU ' + ', '.join(device_ids) if device_ids else 'CPU'}")
        summary = _handler(job.kind)(context)
        return {"state": "done", "summary": summary or {}}
    finally:
        watch.ended.set()
        for lease in leases:
            lease.release()


def _handler(kind: Kind) -> Any:
    """The function for a kind; DIGITS_HANDLER_<KIND> in the server's environment names another one (tests)."""
    module, name = os.environ.get(f"DIGITS_HANDLER_{kind.upper()}", HANDLERS[kind]).split(":")
    return getattr(importlib.import_module(module), name)


def _lease(locks: Path, uuid: str) -> filelock.BaseFileLock:
    try:
        return devices.lease(locks, uuid, timeout_s=20)
    except filelock.Timeout:
        raise DeviceTaken(f"GPU {uuid} is still held by another process. Resume when it is free.") from None


def _obey_sigterm(context: WorkerContext) -> None:
    def handle(number: int, frame: object) -> None:
        context.terminated = True

    try:
        signal.signal(signal.SIGTERM, handle)
    except ValueError:
        return  # not the main thread: an inline run in a test


def peak_memory() -> int:
    """Largest resident memory in bytes of this process or one of its children so far."""
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(own, children) * 1024


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # library threads must not keep an ended job alive
