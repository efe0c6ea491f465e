"""One network of every family, trained a step by the real loop, exported and found to say what PyTorch says."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.networks import NETWORKS
from digits_core.services import datasets, exports, models
from digits_core.services.workspace import Workspace
from digits_core.tasks import tasks
from tests.infer.sharing import shared_workspace
from tests.tasks import drawn
from tests.tasks.test_text import sentences
from tests.ticking import Tick, ticking

Json = dict[str, Any]
FAMILIES = {
    "lenet": "lenet", "resnet20": "resnet20", "mlp": "mlp", "charcnn": "charcnn_small", "unet": "unet_narrow",
    "dcgan": "dcgan_tiny", "detectnet": "detectnet_small", "ssdlite": "ssdlite320_mobilenet_v3_large",
    "squeezenet": "squeezenet1_1", "shufflenet": "shufflenet_v2_x0_5", "mnasnet": "mnasnet0_5",
    "(wide_)?resne(t|xt)": "resnet18"}
"""By the beginning of their names: the smallest of each family, which is tried here."""
BY_HAND = ("googlenet", "mobilenet", "regnet", "efficientnet", "lraspp", "fasterrcnn", "retinanet", "fcos",
           "alexnet", "vgg", "densenet", "convnext", "swin", "deeplabv3")
"""Families whose smallest takes too long for a test: docs/models.md tells what came out."""
NOT_TRIED = ("inception", "vit", "maxvit", "fcn(_|8)")
"""Their own export tells whether it can be: nothing that differs is ever offered."""
REDUCED = ("lenet", "unet_narrow", "charcnn_small")
"""Networks that are written with 16 bits too; after a step answers are all but ties, so any will do."""


def family(name: str) -> list[str]:
    return [start for start in (*FAMILIES, *BY_HAND, *NOT_TRIED) if re.match(start, name)]


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_belongs_to_a_family_of_which_it_is_known_whether_it_was_tried(name: str) -> None:
    assert family(name), f"{name} is of a new kind: put it into FAMILIES, or try it by hand and tell in docs/models.md"
    assert set(FAMILIES.values()) <= NETWORKS.keys()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    yield from shared_workspace(tmp_path_factory.mktemp("networks"))


@pytest.fixture(scope="module")
def tick(workspace: Workspace) -> Iterator[Tick]:
    yield from ticking(workspace)


@pytest.fixture(scope="module")
def dataset(workspace: Workspace, tick: Tick, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], JobView]:
    """The dataset of a task, made when it is first asked for."""
    known: dict[str, JobView] = {}

    def of(task: str) -> JobView:
        if task not in known:
            root = tmp_path_factory.mktemp(task)
            known[task] = tick(datasets.create_dataset(workspace, "ann", task, task, _source(task, root)))
            assert known[task].status is Status.DONE, known[task].state.reason
        return known[task]

    return of


def _source(task: str, root: Path) -> Json:
    if task == "text":
        return {"table": str(sentences(root / "a.csv", 24)), "length": 64}
    return {**drawn.DRAWN[task](root / "pictures", 16), "channels": "color", "width": 64, "height": 64,
            "val_percent": 25}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(dict.fromkeys(FAMILIES.values())))
def test_a_network_that_learned_a_step_is_exported(name: str, workspace: Workspace, tick: Tick,
                                                   dataset: Callable[[str], JobView]) -> None:
    kind = tasks()[NETWORKS[name].tasks[0]]
    data = dataset(kind.learns_from)
    asked = {"network": name, "epochs": 1, "batch_size": 12, "seed": 1, "solver": "adam", "learning_rate": 1e-4}
    model = tick(models.create_model(workspace, "ann", name, data.id, {
        **asked, **({"task": kind.name} if kind.datasets else {})}))
    assert model.status is Status.DONE, model.state.reason
    view = tick(exports.create(workspace, "ann", model.id, {
        "pictures": 3, "formats": ["onnx", "torchscript"], "fp16_agreement": 0, "drop": 100,
        "precisions": ["fp32", *(["fp16"] if name in REDUCED else [])]}))
    assert view.status is Status.DONE, view.state.reason
    whole, *_, script = exports.report(workspace, view.id)["variants"]
    assert (whole["file"], script["file"]) == ("model.onnx", "model.torchscript")
    assert all(row["agreement"] >= 0.99 and (row["difference"] or 0) <= 0.001 for row in (whole, script))
    assert exports.archive(workspace, "ann", view.id).stat().st_size > 1000
