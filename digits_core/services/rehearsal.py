"""What a training will take, tried out before it is started: time, memory, disk, and a learning rate."""

from typing import Any

import filelock

from digits_core.errors import BadData, BadState, InvalidOptions
from digits_core.jobs import child, devices
from digits_core.jobs.model import Kind
from digits_core.jobs.plan import free_gpus
from digits_core.networks.custom import CUSTOM
from digits_core.services.access import authorize
from digits_core.services.augmentation import suiting
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.networks import checked_options, require_working
from digits_core.services.weights import ready_start
from digits_core.services.workspace import Workspace

Json = dict[str, Any]
LONGEST_S = 240.0


def rehearse(workspace: Workspace, user: str, dataset: str, options: Json, find_rate: bool = False) -> Json:
    """Do a few steps of a training on a done dataset, in a process of its own, and tell what the whole will take.

    {"seconds_per_epoch", "reading_s", "seconds", "images_per_s", "memory", "gpu_memory", "disk" (bytes), "device",
    "batch_size", "steps_per_epoch"}; with ``find_rate`` also {"curve": [[rate, smoothed loss]], "suggested": rate or
    None}. One at a time: raises BadState while another runs. Raises InvalidOptions, and BadData when it fails.
    """
    authorize(user, "create")
    view = of_kind(workspace, dataset, Kind.DATASET)
    manifest(view)  # says it when there is none yet
    checked = checked_options(workspace, view, options)
    if problems := suiting(view, checked):
        raise InvalidOptions(problems)
    require_working(workspace, view, checked)
    checked = checked.model_copy(update={"start_model": ready_start(workspace, checked.network, checked.start_model)})
    gpus = [] if checked.device == "cpu" else free_gpus(workspace.store, devices.gpu_ids())[:1]
    if checked.device == "gpu" and not gpus:
        raise BadState("There is no free GPU to try it on. Try again later, or choose the CPU.")
    asked = {"jobs_dir": str(workspace.store.root), "dataset": view.id, "options": checked.model_dump(mode="json"),
             "gpus": len(gpus), "want": "rate" if find_rate else "time"}
    lock = filelock.FileLock(workspace.store.locks / "rehearsal.lock", thread_local=False)
    try:
        with lock.acquire(timeout=0):
            return _answer(asked, gpus, checked.network == CUSTOM)
    except filelock.Timeout:
        raise BadState("Another training is being tried out just now. Try again in a minute.") from None


def describe(found: Json) -> dict[str, str]:
    """What ``rehearse`` found as words for people, by what they say."""
    memory = found["gpu_memory"] or found["memory"]
    words = {"An epoch": f"{found['seconds_per_epoch']:.3g} s ({found['images_per_s']:,.0f} images/s)",
             "All epochs": f"{found['seconds']:,.0f} s, reading the pictures {found['reading_s']:,.0f} s of it",
             "Memory": f"{memory / 1e9:.3g} GB of {'the GPU' if found['gpu_memory'] else 'the machine'}",
             "Disk": f"{found['disk'] / 1e6:,.3g} MB", "On": f"{found['device']}, batches of {found['batch_size']}"}
    if "suggested" in found:
        words["Learning rate"] = f"{found['suggested']:g}" if found["suggested"] else "none found: the loss never fell"
    return words


def _answer(asked: Json, gpus: list[str], user_code: bool) -> Json:
    try:
        answer = child.ask("digits_core.train.rehearsal", asked, LONGEST_S, gpus, user_code)
    except child.NoAnswer as error:
        raise BadData(f"The training could not be tried out: {error}. Memory may be short; choose a smaller batch "
                      "size.") from None
    if "error" in answer:
        raise BadData(str(answer["error"]))
    return answer
