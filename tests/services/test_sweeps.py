"""Sweeps: one training a combination, named after it, all checked before any is made."""

from collections.abc import Callable

import pytest

from digits_core.errors import InvalidOptions, NotAllowed
from digits_core.jobs.model import Kind
from digits_core.jobs.store import JobView
from digits_core.services import sweeps
from digits_core.services.workspace import Workspace

FinishedJob = Callable[..., JobView]


def test_every_combination_becomes_a_training_of_one_group(workspace: Workspace, finished_job: FinishedJob) -> None:
    dataset = finished_job("dataset").id
    views = sweeps.create_sweep(workspace, "ann", "pets", dataset, {
        "learning_rate": [0.01, "0.001"], "batch_size": [8, None], "epochs": 3, "network": ["lenet"]})
    assert [view.name for view in views] == [
        f"pets learning_rate:{rate} batch_size:{size} network:lenet"
        for rate in ("0.01", "0.001") for size in ("8", "auto")]
    assert {view.group for view in views} == {"pets"}
    assert [(v.job.options["learning_rate"], v.job.options["batch_size"], v.job.options["epochs"]) for v in views] == [
        (0.01, 8, 3), (0.01, None, 3), (0.001, 8, 3), (0.001, None, 3)]
    assert len(workspace.store.jobs(Kind.MODEL)) == 4


def test_without_a_list_there_is_one_training_with_its_own_name(workspace: Workspace,
                                                               finished_job: FinishedJob) -> None:
    (view,) = sweeps.create_sweep(workspace, "ann", " pets ", finished_job("dataset").id, {"lr_steps": [20, 50]})
    assert (view.name, view.group, view.job.options["lr_steps"]) == ("pets", "", [20, 50])


def test_a_given_group_wins_and_equal_values_count_once(workspace: Workspace, finished_job: FinishedJob) -> None:
    views = sweeps.create_sweep(workspace, "ann", "p", finished_job("dataset").id, {"seed": [1, 2, 1]}, "mine")
    assert [(view.group, view.job.options["seed"]) for view in views] == [("mine", 1), ("mine", 2)]


@pytest.mark.parametrize(("options", "field"), [
    ({"learning_rate": [0.1, -1]}, "learning_rate"), ({"batch_size": []}, "batch_size"),
    ({"network": ["lenet", "lanet"]}, "network"), ({"seed": list(range(201))}, "seed"),
    ({"seed": list(range(10**5)), "epochs": list(range(1, 10**5))}, "seed"), ({"device": ["cpu", "gpu"]}, "device"),
    ({"learning_rate": [0.1, [1]]}, "learning_rate")])
def test_one_bad_combination_makes_none(workspace: Workspace, finished_job: FinishedJob, options: dict,
                                        field: str) -> None:
    dataset = finished_job("dataset").id
    with pytest.raises(InvalidOptions) as caught:
        sweeps.create_sweep(workspace, "ann", "p", dataset, options)
    assert list(caught.value.by_field()) == [field]
    assert workspace.store.ids() == [dataset]


def test_nobody_sweeps_without_a_name_or_a_dataset(workspace: Workspace) -> None:
    with pytest.raises(NotAllowed):
        sweeps.create_sweep(workspace, "", "p", "x", {})
    with pytest.raises(InvalidOptions, match="dataset"):
        sweeps.create_sweep(workspace, "ann", "p", "20200101-000000-aaaa", {})


def test_long_names_keep_what_was_swept(workspace: Workspace, finished_job: FinishedJob) -> None:
    (first, _) = sweeps.create_sweep(workspace, "ann", "p" * 200, finished_job("dataset").id, {"epochs": [1, 2]})
    assert first.name.endswith("p epochs:1") and len(first.name) <= 200


@pytest.mark.parametrize(("name", "parts"), [
    ("pets learning_rate:0.01 batch_size:8", ("pets", "learning_rate:0.01 batch_size:8")), ("pets", ("pets", "")),
    ("a b:c d", ("a b:c d", "")), (" x:1", (" x:1", "")), ("photo 12:30", ("photo 12:30", ""))])
def test_a_name_is_split_from_what_a_sweep_added(name: str, parts: tuple[str, str]) -> None:
    assert sweeps.split_name(name) == parts


def test_random_search_draws_from_ranges_and_choices(workspace: Workspace, finished_job: FinishedJob) -> None:
    dataset = finished_job("dataset").id
    asked = {"learning_rate": [0.0001, "1"], "batch_size": ["8", 16], "momentum": [0.5, 0.9, 0.99],
             "solver": ["momentum", "nesterov"], "epochs": 3}
    found = [trial.options for trial in sweeps.trials(workspace, "ann", "pets", dataset, asked, 200)]
    rates = [options["learning_rate"] for options in found]
    assert all(0.0001 <= rate <= 1 for rate in rates) and 60 < sum(rate < 0.01 for rate in rates) < 140
    assert {options["batch_size"] for options in found} == set(range(8, 17))
    assert {options["momentum"] for options in found} == {0.5, 0.9, 0.99}
    assert {options["solver"] for options in found} == {"momentum", "nesterov"}
    assert found == [trial.options for trial in sweeps.trials(workspace, "ann", "pets", dataset, asked, 200)]
    views = sweeps.create_sweep(workspace, "ann", "pets", dataset, asked, draws=3)
    assert len(views) == 3 and {view.group for view in views} == {"pets"}


@pytest.mark.parametrize(("options", "draws"), [({"epochs": 3}, 5), ({"seed": [1, 9]}, 201), ({"seed": [1, 9]}, -1)])
def test_what_cannot_be_drawn_is_said(workspace: Workspace, finished_job: FinishedJob, options: dict,
                                      draws: int) -> None:
    with pytest.raises(InvalidOptions) as raised:
        sweeps.create_sweep(workspace, "ann", "p", finished_job("dataset").id, options, draws=draws)
    assert [problem.field for problem in raised.value.problems] == ["draws"]
