"""The process of one attempt: ``python -m digits_core.jobs.worker JOB_FOLDER ATTEMPT``."""

import faulthandler
import logging
import os
import platform
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import filelock

import digits_core
from digits_core import files
from digits_core.errors import BadData, DigitsError
from digits_core.jobs import confine, devices, process
from digits_core.jobs.context import Stopped, Termination, Watch, WorkerContext
from digits_core.jobs.failures import NO_ROOM_EXIT, explain
from digits_core.jobs.model import Job, Kind, stopped_by
from digits_core.jobs.store import AttemptFolder, JobFolder, JobStore

Json = dict[str, Any]

HANDLERS = {
    Kind.DATASET: "digits_core.data.build:run",
    Kind.MODEL: "digits_core.train.run:run",
    Kind.INFERENCE: "digits_core.infer.run:run",
    Kind.PRETRAINED: "digits_core.modelstore.install:run",
    Kind.FRAMES: "digits_core.data.frames_job:run",
    Kind.EXPORT: "digits_core.export.run:run",
    Kind.PUBLISH: "digits_core.modelstore.publish:run",
    Kind.IMPORT: "digits_core.services.imports:run",
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
    if confine.brings_code(folder.path):
        confine.limit()
    claimed = (files.read_json(attempt.claim) or {}).get("devices")
    run(folder, attempt, [uuid for uuid in claimed if isinstance(uuid, str)] if isinstance(claimed, list) else [])


def run(folder: JobFolder, attempt: AttemptFolder, device_ids: list[str]) -> None:
    """Launch, work, and leave a result; returns without a trace when somebody else was faster."""
    if os.path.lexists(attempt.result) or not files.write_once(attempt.launch, _launch(device_ids)):
        return
    result = _outcome(folder, attempt, device_ids)
    _leave(attempt, {**result, "ended": time.time(), "peak_memory": peak_memory()})


def _outcome(folder: JobFolder, attempt: AttemptFolder, device_ids: list[str]) -> Json:
    terminated = Termination()
    try:
        _obey_sigterm(terminated)
        return _work(folder, attempt, device_ids, terminated)
    except Stopped:
        return {"state": "stopped", "reason": stopped_by(files.read_json(attempt.stop)), "code": "stopped"}
    except Exception as error:
        with suppress(OSError):  # a full disk must not cost the result as well
            traceback.print_exc()
        if terminated.came and not isinstance(error, DigitsError):  # the same signal ended its loader processes
            return {"state": "stopped", "reason": stopped_by(files.read_json(attempt.stop)), "code": "stopped"}
        failure = explain(error)
        return {"state": "failed", "reason": failure.reason, "try": failure.try_next, "code": failure.code}


def _leave(attempt: AttemptFolder, result: Json, wait_s: float = 60) -> None:
    """Write the result; on a full disk keep trying for a while, then end with a code that says so."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            files.write_once(attempt.result, result)
            return
        except DigitsError:
            if time.monotonic() > deadline:
                raise SystemExit(NO_ROOM_EXIT) from None
            time.sleep(1)
        except (TypeError, ValueError) as error:  # a summary that is no strict JSON
            result = {"state": "failed", "reason": f"The job's summary cannot be written: {error}.", "code": "summary",
                      "ended": time.time()}


def _launch(device_ids: list[str]) -> Json:
    return {"process": process.identity(), "host": socket.gethostname(), "started": time.time(),
            "boot_s": process.boot_clock(), "devices": device_ids, "python": platform.python_version(),
            "digits": digits_core.__version__}


def _work(folder: JobFolder, attempt: AttemptFolder, device_ids: list[str], terminated: Termination) -> Json:
    try:
        job = Job.from_json(files.read_json(folder.path / "job.json") or {})
    except ValueError as error:
        raise BadData(f"The job is damaged: {error}.") from error
    store = JobStore(folder.path.parent)
    context = WorkerContext(job, folder, store, attempt, device_ids, terminated)
    watch = Watch(context)
    with ExitStack() as leases:
        for uuid in device_ids:
            leases.enter_context(_lease(store.locks, uuid))
        leases.callback(watch.ended.set)
        context.check_stop()
        watch.start()
        context.log(f"{job.kind} {job.name!r}, attempt {attempt.number}, "
                    f"{'GPU ' + ', '.join(device_ids) if device_ids else 'CPU'}")
        summary = _handler(job.kind)(context) or {}
        return {"state": "done", "reason": summary.get("ended", ""), "summary": summary}


def _handler(kind: Kind) -> Any:
    """Find the function for a kind; DIGITS_HANDLER_<KIND> in the server's environment names another one (tests)."""
    return resolve_name(os.environ.get(f"DIGITS_HANDLER_{kind.upper()}", HANDLERS[kind]))


@contextmanager
def _lease(locks: Path, uuid: str) -> Iterator[None]:
    try:
        lease = devices.lease(locks, uuid, timeout_s=20)
    except filelock.Timeout:
        raise DeviceTaken(f"GPU {uuid} is still held by another process. Resume when it is free.") from None
    try:
        yield
    finally:
        lease.release()


def _obey_sigterm(terminated: Termination) -> None:
    def handle(number: int, frame: object) -> None:
        terminated.came = True

    with suppress(ValueError):  # not the main thread: an inline run in a test
        signal.signal(signal.SIGTERM, handle)


def peak_memory() -> int:
    """Largest resident memory in bytes of this process or one of its children so far."""
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return max(own, children) * 1024


if __name__ == "__main__":
    main()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(0)  # library threads must not keep an ended job alive
