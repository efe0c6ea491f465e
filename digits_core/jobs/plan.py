"""Who may start next, on which devices, and why the others wait. Decides only; the scheduler acts."""

import shutil
from dataclasses import dataclass
from typing import NamedTuple

from digits_core.errors import NotFound
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobStore, JobView
from digits_core.settings import Settings

ENDLESS = "watch"
"""The ``method`` of jobs that mostly wait, until they are stopped: they must not keep others from their places."""

LEAST_FREE = 1_000_000
"""Bytes: with less on the disk of the jobs not even a start can be written down, so that jobs wait for it."""


@dataclass(frozen=True)
class Limits:
    """How many workers of each sort may run at the same time."""

    datasets: int = 2
    cpu_trainings: int = 1
    others: int = 2
    endless: int = 16

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """The limits that the settings ask for."""
        return cls(settings.dataset_slots, settings.cpu_trainings, settings.inference_slots)


class Decision(NamedTuple):
    """What to do with a waiting job: start it on ``devices`` (empty: CPU), or leave it, and ``why``."""

    view: JobView
    devices: list[str] | None
    why: str = ""


def plan(waiting: list[JobView], live: list[JobView], gpu_ids: list[str], limits: Limits) -> list[Decision]:
    """Which waiting jobs to start now. Pure; the page shows the reasons, the scheduler acts on the rest.

    ``waiting`` is in queue order; ``gpu_ids`` are the UUIDs of all GPUs by index.
    """
    running = [(_pool(view, view.devices), view.devices) for view in live]
    decisions = []
    for view in waiting:
        taken = {uuid for _, used in running for uuid in used}
        chosen, why = choose_devices(view, gpu_ids, taken)
        if chosen is not None:
            pool = _pool(view, chosen)
            room = {"dataset": limits.datasets, "cpu": limits.cpu_trainings, "other": limits.others,
                    "endless": limits.endless}.get(pool)
            if room is not None and sum(name == pool for name, _ in running) >= room:
                chosen, why = None, f"Waits for a free place: {room} of {room} in use."
            else:
                running.append((pool, chosen))
        decisions.append(Decision(view, chosen, why))
    return decisions


def _pool(view: JobView, used: list[str]) -> str:
    if view.job.kind is Kind.DATASET:
        return "dataset"
    if view.job.kind is not Kind.MODEL:
        return "endless" if view.job.options.get("method") == ENDLESS else "other"
    return "gpu" if used else "cpu"


def choose_devices(view: JobView, gpu_ids: list[str], taken: set[str]) -> tuple[list[str] | None, str]:
    """GPUs for a job: [] means CPU, None means it must wait, with the reason.

    Options read: ``device`` (auto, gpu, cpu), ``gpu_count`` (next free ones) or ``gpu_list`` (these indices).
    """
    options = view.job.options
    if view.job.kind is not Kind.MODEL or options.get("device") == "cpu":
        return [], ""
    wanted = _indices(options.get("gpu_list"))
    count = len(wanted) or max([1, *_indices([options.get("gpu_count")])])
    if not gpu_ids and options.get("device") != "gpu":
        return [], ""
    if count > len(gpu_ids) or any(index >= len(gpu_ids) for index in wanted):
        return None, f"Asks for GPU {wanted or count}, and this machine has {len(gpu_ids)}."
    pick = [gpu_ids[i] for i in wanted] or [uuid for uuid in gpu_ids if uuid not in taken][:count]
    if len(pick) < count or taken & set(pick):
        return None, f"Waits for {count} free GPU(s): {len(set(gpu_ids) - taken)} of {len(gpu_ids)} are free."
    return pick, ""


def _indices(value: object) -> list[int]:
    """The different whole numbers from 0 on in a list from a job file, which may hold anything."""
    values = value if isinstance(value, list) else []
    return list(dict.fromkeys(v for v in values if isinstance(v, int) and not isinstance(v, bool) and v >= 0))


def missing_need(store: JobStore, need: str) -> tuple[str, bool]:
    """What keeps a needed job from being usable ("" when it is done), and whether that is final."""
    try:
        view = store.get(need)
    except NotFound:
        return f"The job it needs ({need}) was deleted.", True
    if view.status is Status.DONE:
        return "", False
    text = f"Its {view.job.kind} '{view.name}' {_VERBS[view.status]}"
    return (f"{text}: {view.state.reason}" if view.state.reason else f"{text}."), view.status.is_final


_VERBS = {Status.WAITING: "is waiting", Status.RUNNING: "is running", Status.STALLED: "is stalled",
          Status.FAILED: "has failed", Status.STOPPED: "was stopped", Status.DAMAGED: "is damaged"}


def queue_order(waiting: list[JobView]) -> list[JobView]:
    """Highest ``priority`` in the notes first, then oldest first."""
    return sorted(waiting, key=lambda view: (-float(view.notes.get("priority", 0)), view.job.created, view.id))


def waiting_reasons(store: JobStore, settings: Settings, gpu_ids: list[str]) -> dict[str, str]:
    """Why each waiting job waits, in queue order, for the page."""
    views = store.jobs()
    reasons: dict[str, str] = {}
    ready = []
    for view in queue_order([view for view in views if view.status is Status.WAITING]):
        blockers = [text for text, _ in (missing_need(store, need) for need in view.job.needs) if text]
        reasons[view.id] = blockers[0] if blockers else ""
        if not blockers:
            ready.append(view)
    live = [view for view in views if view.status.is_live]
    decisions = plan(ready, live, gpu_ids, Limits.of(settings))
    soon = "Starts in a moment." if shutil.disk_usage(store.root).free >= LEAST_FREE else (
        "The disk is full: it starts when there is space again (System page: disk by job).")
    reasons.update({d.view.id: d.why or soon for d in decisions})
    return reasons


def free_gpus(store: JobStore, gpu_ids: list[str]) -> list[str]:
    """GPUs that no running job holds."""
    taken = {uuid for view in store.jobs() if view.status.is_live for uuid in view.devices}
    return [uuid for uuid in gpu_ids if uuid not in taken]
