"""Who starts next, on which GPUs: a pure decision with a made-up set of GPUs."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digits_core.jobs.folder import JobFolder, JobView
from digits_core.jobs.model import Attempt, Job, Kind, State, Status
from digits_core.jobs.plan import Limits, choose_devices, plan, queue_order

GPUS = ["GPU-a", "GPU-b", "GPU-c"]
ROOMY = Limits(datasets=9, cpu_trainings=9, others=9)


def view(number: int = 1, kind: Kind = Kind.MODEL, running_on: list[str] | None = None, created: float = 0.0,
         priority: Any = None, **options: Any) -> JobView:
    job_id = f"20261120-101500-{number:04x}"
    attempt = Attempt(1, launch={"devices": running_on}) if running_on is not None else Attempt(1)
    state = State(Status.RUNNING if running_on is not None else Status.WAITING)
    notes = {} if priority is None else {"priority": priority}
    return JobView(Job(job_id, kind, "classification", "x", "ann", created, options), state,
                   JobFolder(Path("/none") / job_id), attempt, notes)


def started(waiting: list[JobView], live: list[JobView], gpus: list[str], limits: Limits = ROOMY) -> list[Any]:
    return [decision.devices for decision in plan(waiting, live, gpus, limits)]


def test_each_training_gets_a_gpu_of_its_own() -> None:
    assert started([view(1), view(2), view(3)], [], GPUS) == [["GPU-a"], ["GPU-b"], ["GPU-c"]]


def test_a_training_waits_when_every_gpu_is_taken_and_says_so() -> None:
    decision = plan([view(1)], [view(2, running_on=GPUS)], GPUS, ROOMY)[0]
    assert decision.devices is None and decision.why == "Waits for 1 free GPU(s): 0 of 3 are free."


def test_chosen_gpus_are_waited_for() -> None:
    assert started([view(1, gpu_list=[1])], [view(2, running_on=["GPU-b"])], GPUS) == [None]
    assert started([view(1, gpu_list=[2, 0])], [view(2, running_on=["GPU-b"])], GPUS) == [["GPU-c", "GPU-a"]]


def test_several_gpus_are_given_at_once_or_not_at_all() -> None:
    assert started([view(1, gpu_count=2), view(2)], [view(3, running_on=["GPU-a", "GPU-b"])], GPUS) == [None, ["GPU-c"]]


@pytest.mark.parametrize(("options", "chosen"), [
    ({}, []), ({"device": "auto"}, []), ({"device": "cpu"}, []), ({"device": "gpu"}, None),
    ({"device": "auto", "gpu_list": [0]}, [])])
def test_without_gpus_automatic_means_the_cpu_and_gpu_means_waiting(options: dict[str, Any], chosen: Any) -> None:
    assert choose_devices(view(**options), [], set())[0] == chosen


def test_more_gpus_than_the_machine_has_are_named() -> None:
    assert choose_devices(view(gpu_list=[7]), GPUS, set()) == (None, "Asks for GPU [7], and this machine has 3.")
    assert choose_devices(view(gpu_count=4), GPUS, set())[0] is None


def test_only_trainings_take_gpus() -> None:
    assert started([view(1, Kind.DATASET), view(2, Kind.INFERENCE)], [], GPUS) == [[], []]


def test_each_sort_of_job_has_places_of_its_own() -> None:
    waiting = [view(n, kind) for n, kind in enumerate([Kind.DATASET, Kind.DATASET, Kind.MODEL, Kind.MODEL,
                                                       Kind.INFERENCE, Kind.PRETRAINED])]
    assert started(waiting, [], [], Limits(1, 1, 1)) == [[], None, [], None, [], None]
    assert plan(waiting, [], [], Limits(1, 1, 1))[1].why == "Waits for a free place: 1 of 1 in use."


def test_a_waiting_gpu_job_does_not_hold_up_a_cpu_job() -> None:
    assert started([view(1), view(2, device="cpu")], [view(3, running_on=GPUS)], GPUS) == [None, []]


def test_priority_comes_first_then_age() -> None:
    views = [view(1, created=1), view(2, created=2), view(3, created=3, priority=5), view(4, created=0, priority=-1)]
    assert [v.id[-1] for v in queue_order(views)] == ["3", "1", "2", "4"]


odd = st.none() | st.booleans() | st.integers(-3, 5) | st.text(max_size=3) | st.floats() | st.lists(
    st.integers(-2, 4) | st.none() | st.text(max_size=2), max_size=4)
jobs = st.builds(lambda kind, device, count, chosen: (kind, {"device": device, "gpu_count": count, "gpu_list": chosen}),
                 st.sampled_from(Kind), st.sampled_from(["auto", "gpu", "cpu"]) | odd, odd, odd)


@given(st.lists(jobs, max_size=8), st.integers(0, 4), st.sets(st.integers(0, 3)), st.integers(1, 3))
def test_no_gpu_is_leased_twice_and_no_option_however_strange_stops_the_plan(
        wanted: list[tuple[Kind, dict[str, Any]]], count: int, taken: set[int], places: int) -> None:
    gpus = [f"GPU-{n}" for n in range(count)]
    busy = [gpu for n, gpu in enumerate(gpus) if n in taken]
    waiting = [view(n, kind, **options) for n, (kind, options) in enumerate(wanted)]
    chosen = started(waiting, [view(99, running_on=busy)] if busy else [], gpus, Limits(places, places, places))
    used = busy + [gpu for devices in chosen for gpu in devices or []]
    assert len(used) == len(set(used)) and set(used) <= set(gpus)
    on_cpu = [v for v, devices in zip(waiting, chosen, strict=True) if devices == [] and v.job.kind is Kind.MODEL]
    assert len(on_cpu) <= places
