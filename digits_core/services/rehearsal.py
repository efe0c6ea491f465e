"""What a training will take, tried out before it is started: time, memory, disk, and a learning rate."""

import json
import os
import subprocess
import sys
from typing import Any

import filelock

from digits_core.errors import BadData, BadState, InvalidOptions
from digits_core.jobs import devices
from digits_core.jobs.model import Kind
from digits_core.jobs.plan import free_gpus
from digits_core.jobs.runner import ROOT, TUNED
from digits_core.options import check
from digits_core.services.access import authorize
from digits_core.services.augmentation import suiting
from digits_core.services.datasets import manifest
from digits_core.services.jobs import of_kind
from digits_core.services.workspace import Workspace
from digits_core.train.options import TrainOptions, with_policy_defaults

Json = dict[str, Any]
LONGEST_S = 240.0


def rehearse(workspace: Workspace, user: str, dataset: str, options: Json, find_rate: bool = False) -> Json:
    """Do a few steps of a training on a done dataset, in a process of its own, and tell what the whole will take.

    {"seconds_per_epoch", "reading_s", "seconds", "images_per_s", "memory", "gpu_memory", "disk" (bytes), "device",
    "batch_size", "steps_per_epoch"}; with ``find_rate`` also {"curve": [[rate, smoothed loss]], "suggested": rate or
    None}. One at a time: raises BadState while another runs. Raises InvalidOptions, and BadData when it fails.
    """
    return _tried(workspace, user, dataset, options, "rate" if find_rate else "time")


def layers(workspace: Workspace, user: str, dataset: str, options: Json) -> Json:
    """The network of a training on a done dataset, layer by layer, before it is made.

    {"layers": [{"name", "type", "shape" (of the output), "parameters", "flops"}], "input_shape", "parameters",
    "flops"}; flops are of one picture, forward. Raises what ``rehearse`` raises.
    """
    return _tried(workspace, user, dataset, {**options, "device": "cpu", "gpu_list": []}, "layers")


def _tried(workspace: Workspace, user: str, dataset: str, options: Json, want: str) -> Json:
    authorize(user, "create")
    view = of_kind(workspace, dataset, Kind.DATASET)
    manifest(view)  # says it when there is none yet
    checked = check(TrainOptions, with_policy_defaults(options))
    if problems := suiting(view, checked):
        raise InvalidOptions(problems)
    gpus = [] if checked.device == "cpu" else free_gpus(workspace.store, devices.gpu_ids())[:1]
    if checked.device == "gpu" and not gpus:
        raise BadState("There is no free GPU to try it on. Try again later, or choose the CPU.")
    asked = {"jobs_dir": str(workspace.store.root), "dataset": view.id, "options": checked.model_dump(mode="json"),
             "gpus": len(gpus), "want": want}
    lock = filelock.FileLock(workspace.store.locks / "rehearsal.lock", thread_local=False)
    try:
        with lock.acquire(timeout=0):
            return _answer(asked, gpus)
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


def _answer(asked: Json, gpus: list[str]) -> Json:
    environment = {**TUNED, **os.environ, "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
    try:
        done = subprocess.run([sys.executable, "-m", "digits_core.train.rehearsal"], cwd=ROOT, env=environment,
                              input=json.dumps(asked), capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        raise BadData(f"Trying it out took longer than {LONGEST_S:g} seconds; choose a smaller batch size.") from None
    if done.returncode != 0:
        last = next(reversed(done.stderr.strip().splitlines()), f"it ended with code {done.returncode}")
        raise BadData(f"The training could not be tried out: {last[:300]}. Memory may be short; choose a smaller batch "
                      "size.")
    answer: Json = json.loads(done.stdout)
    if "error" in answer:
        raise BadData(str(answer["error"]))
    return answer
