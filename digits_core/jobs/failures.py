"""From an exception or an exit code to one sentence a person understands, and what to try next."""

import errno
import signal
from typing import NamedTuple

from digits_core.errors import DigitsError
from digits_core.files import DiskFull


class Failure(NamedTuple):
    """Why a job failed: the sentence, the advice, and a short word for programs."""

    reason: str
    try_next: str
    code: str


RESUME = "Resume: it goes on from its last checkpoint, or begins again."
OUT_OF_MEMORY = Failure("The machine ran out of memory.", "Make the batch size smaller, choose a smaller network, or "
                        "close other programs; then resume.", "out-of-memory")
OUT_OF_GPU_MEMORY = Failure("The GPU ran out of memory.", "Halve the batch size and double the batch accumulation: "
                            "the result is the same. Or choose a smaller network.", "gpu-out-of-memory")
SHARED_MEMORY = Failure("A loader process died because the machine's shared memory (/dev/shm) is too small.",
                        "Start the container with --shm-size=2g, or set the loader processes to 0.", "shared-memory")

_TEXTS = [
    ("CUDA out of memory", OUT_OF_GPU_MEMORY),
    ("DefaultCPUAllocator: can't allocate memory", OUT_OF_MEMORY),
    ("unable to mmap", OUT_OF_MEMORY),
    ("out of shared memory", SHARED_MEMORY),
    ("bus error", SHARED_MEMORY),
    ("unable to open shared memory", SHARED_MEMORY),
    ("No CUDA GPUs are available", Failure("The GPU is gone: the driver no longer lists it.",
                                           "Look at the System page, restart the driver, then resume.", "gpu-lost")),
    ("CUDA error", Failure("The GPU reported an error.", "Look at the end of the log; " + RESUME, "gpu-error")),
    ("DataLoader worker", Failure("A loader process was killed, most likely for lack of memory.",
                                  "Use fewer loader processes or a smaller batch size, then resume.", "loader-killed")),
]

NO_ROOM_EXIT = 28
"""Exit code of a worker that could not write its result (the number of ENOSPC)."""

_SIGNALS: dict[int, Failure] = {
    signal.SIGKILL: Failure(
        "The process was killed (signal 9): by somebody, or by the system because memory ran out.",
        RESUME + " If it happens again, memory is short: in a training a smaller batch size helps.", "killed"),
    signal.SIGSEGV: Failure("The process crashed inside a library (segmentation fault).",
                            "Look at the end of the log; " + RESUME, "crash"),
    signal.SIGBUS: Failure("The process crashed while reading a file that is shorter than it should be (bus error): "
                           "a damaged database, or a full /dev/shm.",
                           "Check the disk, build the dataset again, then resume.", "bus-error"),
    signal.SIGABRT: Failure("A library gave up (abort).", "Look at the end of the log; " + RESUME, "abort"),
    signal.SIGTERM: Failure("The process was asked to end (signal 15), for example by a shutdown.", RESUME, "killed"),
}


def explain(error: BaseException) -> Failure:
    """Sort an exception that ended a worker."""
    if isinstance(error, DiskFull) or (isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return Failure(str(error) if isinstance(error, DiskFull) else "The disk is full.",
                       "Free some space (System page: disk by job), then resume.", "disk-full")
    if isinstance(error, DigitsError):
        return Failure(str(error), getattr(error, "try_next", ""), getattr(error, "code", "input"))
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    text = f"{type(error).__name__}: {error}"
    for part, failure in _TEXTS:
        if part.lower() in text.lower():
            return failure
    if isinstance(error, PermissionError):
        return Failure(f"No permission to read or write {error.filename}.", "Change its permissions, then resume.",
                       "permission")
    if isinstance(error, ImportError):
        return Failure(f"A Python package is missing or broken: {error}.",
                       "Run `python -m digits_core doctor` on the server, then resume.", "import")
    return Failure(f"Unexpected error: {text[:500]}", "The log below has the details; please report it with them. "
                   + RESUME, "unexpected")


def explain_exit(code: int) -> Failure:
    """Sort the exit code of a worker that left no result; negative codes are signal numbers."""
    if code == NO_ROOM_EXIT:
        return Failure("The disk is full: not even the job's result could be written.",
                       "Free some space (System page: disk by job), then resume.", "disk-full")
    if code < 0:
        return _SIGNALS.get(-code, Failure(f"The process was ended by signal {-code}.", RESUME, "killed"))
    return Failure(f"The process ended with code {code} before it could say why.",
                   "The end of the log says more; run `python -m digits_core doctor` on the server.", "exit")
