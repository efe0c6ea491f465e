"""What the machine has, what it does, and what waits: the facts behind the System page, REST and the doctor."""

import os
import platform
import shutil
from dataclasses import asdict
from importlib import metadata
from typing import Any

import filelock
import psutil

import digits_core
from digits_core.jobs import devices
from digits_core.jobs.scheduler import free_gpus, waiting_reasons
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
PACKAGES = ("torch", "torchvision", "streamlit", "numpy", "pillow", "lmdb", "safetensors", "pydantic", "fastapi",
            "starlette", "plotly")


def overview(workspace: Workspace) -> Json:
    """GPUs and who uses them, CPU and memory, disk, the queue with reasons, versions, whether a scheduler runs.

    Sizes are bytes.
    """
    gpus = devices.gpus()
    gpu_ids = [gpu.uuid for gpu in gpus]
    views = workspace.store.jobs()
    users = {uuid: view.id for view in views if view.status.is_live for uuid in view.devices}
    free = free_gpus(workspace.store, gpu_ids)
    reasons = waiting_reasons(workspace.store, workspace.settings, gpu_ids)
    return {
        "name": workspace.settings.server_name, "versions": versions(), "scheduler": scheduler_runs(workspace),
        "gpus": [{**asdict(gpu), "free": gpu.uuid in free, "job": users.get(gpu.uuid)} for gpu in gpus],
        "cpu": {"count": devices.cpu_count(), "load": os.getloadavg()[0]}, "memory": memory(),
        "disk": disk(workspace), "running": [view.id for view in views if view.status.is_live],
        "queue": [{"id": job_id, "reason": reason} for job_id, reason in reasons.items()],
    }


def versions() -> dict[str, str]:
    """Versions of this program, Python and the packages it stands on; nothing is imported for it."""
    found = {"digits": digits_core.__version__, "python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def memory() -> Json:
    """Main memory in bytes."""
    state = psutil.virtual_memory()
    return {"total": state.total, "available": state.available}


def disk(workspace: Workspace) -> Json:
    """Total and free bytes of the disk that holds the jobs."""
    usage = shutil.disk_usage(workspace.store.root)
    return {"folder": str(workspace.store.root), "total": usage.total, "free": usage.free}


def scheduler_runs(workspace: Workspace) -> bool:
    """Whether some process (a server, a waiting command) schedules the jobs of this folder now."""
    lock = filelock.FileLock(workspace.store.locks / "scheduler.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False
