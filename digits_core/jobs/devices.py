"""GPUs as NVIDIA's management library sees them, leases on them, and the use of CPU and memory."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import filelock
import psutil


@dataclass(frozen=True)
class Gpu:
    """One graphics card; memory in bytes, utilisation in percent, temperature in degrees Celsius."""

    uuid: str
    index: int
    name: str
    memory_total: int
    memory_used: int
    utilisation: int | None = None
    temperature: int | None = None


def gpus() -> list[Gpu]:
    """All NVIDIA GPUs of this machine; an empty list where there is no driver. Never touches CUDA."""
    import pynvml  # the driver's library may be missing altogether

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_gpu(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []  # the driver went away between two calls
    finally:
        pynvml.nvmlShutdown()


def gpu_ids() -> list[str]:
    """UUIDs of all GPUs by index."""
    return [gpu.uuid for gpu in gpus()]


def _gpu(nvml: "object", index: int) -> Gpu:
    import pynvml

    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        uuid=_str(pynvml.nvmlDeviceGetUUID(handle)), index=index, name=_str(pynvml.nvmlDeviceGetName(handle)),
        memory_total=int(memory.total), memory_used=int(memory.used),
        utilisation=_maybe(lambda: int(pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)),
        temperature=_maybe(lambda: int(pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU))))


def _str(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _maybe(read: Callable[[], int]) -> int | None:
    import pynvml

    try:
        return read()
    except pynvml.NVMLError:
        return None  # some cards and virtual GPUs do not report it


def lease(locks: Path, uuid: str, timeout_s: float = 0) -> filelock.BaseFileLock:
    """Hold a GPU until the returned lock is released or the process ends. Raises filelock.Timeout when it is taken."""
    locks.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(locks / f"gpu-{uuid}.lock")
    lock.acquire(timeout=timeout_s)
    return lock


def cpu_count() -> int:
    """Processors this process may use (respects affinity and containers' CPU sets)."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Usage:
    """What a process tree uses now: CPU in percent of one processor, resident memory in bytes."""

    cpu_percent: float
    memory: int


@lru_cache(maxsize=512)
def _first_seen(process: psutil.Process) -> psutil.Process:
    """The first object made for this process: psutil counts from the last call on the same object, a new one says 0."""
    return process


def usage(pid: int) -> Usage | None:
    """Use of ``pid`` and its children since its last call in this process; None when it is gone."""
    try:
        parent = psutil.Process(pid)
        family = [_first_seen(process) for process in (parent, *parent.children(recursive=True))]
        return Usage(sum(p.cpu_percent(None) for p in family), sum(p.memory_info().rss for p in family))
    except psutil.Error:
        return None
