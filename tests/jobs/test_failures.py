"""Every way to fail has a sentence and something to try."""

import errno
import signal

import pytest

from digits_core.errors import BadData
from digits_core.files import DiskFull, NotWritable
from digits_core.jobs.failures import explain, explain_exit


@pytest.mark.parametrize(("error", "words", "code"), [
    (DiskFull("The disk is full: x."), "The disk is full: x.", "disk-full"),
    (OSError(errno.ENOSPC, "No space left on device"), "The disk is full.", "disk-full"),
    (NotWritable("x could not be written."), "x could not be written.", "not-writable"),
    (BadData("No pictures."), "No pictures.", "input"),
    (MemoryError(), "ran out of memory", "out-of-memory"),
    (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "The GPU ran out of memory", "gpu-out-of-memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "machine ran out", "out-of-memory"),
    (RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error"), "/dev/shm", "shared-memory"),
    (RuntimeError("DataLoader worker (pid 9) is killed by signal: Killed"), "loader process was killed",
     "loader-killed"),
    (RuntimeError("CUDA error: an illegal memory access"), "The GPU reported an error", "gpu-error"),
    (RuntimeError("No CUDA GPUs are available"), "The GPU is gone", "gpu-lost"),
    (PermissionError(13, "Permission denied", "/data/x"), "/data/x", "permission"),
    (ModuleNotFoundError("No module named 'lmdb'"), "No module named 'lmdb'", "import"),
    (KeyError("x"), "Unexpected error: KeyError", "unexpected"),
    (ValueError("y" * 9000), "Unexpected error", "unexpected"),
], ids=lambda value: str(value)[:30])
def test_an_exception_becomes_a_sentence(error: Exception, words: str, code: str) -> None:
    failure = explain(error)
    assert words in failure.reason and failure.code == code and len(failure.reason) < 700


@pytest.mark.parametrize("code", [-9, -11, -7, -6, -15, -64, -99, 0, 1, 28, 137])
def test_every_exit_code_has_words_and_advice(code: int) -> None:
    failure = explain_exit(code)
    assert failure.reason.endswith(".") and failure.try_next and failure.code


def test_signals_are_told_apart() -> None:
    assert explain_exit(-signal.SIGKILL).code == "killed" and explain_exit(-signal.SIGSEGV).code == "crash"
