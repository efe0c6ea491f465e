"""A real training, and everybody who may speak about its model: evaluation, batch, one picture, the imported copy."""

import shutil

import numpy as np
import pytest
from PIL import Image

from digits_core import files
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import datasets, inference, models, modelstore
from tests.infer.sharing import shared_workspace

CLASSES = ["balken", "kreis", "rauschen"]


def drawn(kind, number):
    rng = np.random.default_rng([CLASSES.index(kind), number])
    pixels = rng.integers(0, 90, (22, 30, 3), np.uint8)
    x, y = rng.integers(4, 14, 2)
    if kind == "balken":
        pixels[y:y + 3] += 130
    if kind == "kreis":
        rows, columns = np.ogrid[:22, :30]
        pixels[(rows - y) ** 2 + (columns - x) ** 2 < 25] += 130
    return Image.fromarray(pixels)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    root = tmp_path_factory.mktemp("bilder")
    for split, count in (("train", 12), ("val", 7)):
        for kind in CLASSES:
            (root / split / kind).mkdir(parents=True)
            for number in range(count):
                drawn(kind, number + 100 * (split == "val")).save(root / split / kind / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    yield from shared_workspace(tmp_path_factory.mktemp("shared"))


def finished(workspace, view):
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    while workspace.store.get(view.id).status is Status.WAITING:
        scheduler.tick()
    scheduler.close()
    view = workspace.store.get(view.id)
    assert view.status is Status.DONE, view.state.reason
    return view


@pytest.fixture(scope="module", params=[
    {"mean": "image", "crop": 16}, pytest.param({"mean": "pixel"}, marks=pytest.mark.slow)])
def model(request, workspace, pictures):
    dataset = finished(workspace, datasets.create_dataset(workspace, "tester", "classification", "formen", {
        "folder": str(pictures / "train"), "val_folder": str(pictures / "val"), "width": 20, "height": 20,
        "resize_mode": "fill"}))
    return finished(workspace, models.create_model(workspace, "tester", "lenet", dataset.id, {
        "network": "lenet", "epochs": 3, "batch_size": 8, "device": "cpu", "seed": 1, "workers": 0, **request.param}))


def test_batch_and_evaluation_count_the_same(workspace, model, pictures):
    report = files.read_json(model.folder.path / "evaluation" / "val.json")
    batch = finished(workspace, inference.create_batch(workspace, "tester", model.id, "val",
                                                       {"folder": str(pictures / "val")}))
    summary = inference.batch_summary(workspace, batch.id)
    assert summary["labelled"] == report["entries"] == 21
    assert summary["accuracy"] == pytest.approx(report["accuracy"])
    assert summary["confusion"] == report["confusion"]


def test_the_model_predicts_the_same_elsewhere(workspace, model, pictures, tmp_path):
    images = inference.load_images(workspace, [str(path) for path in sorted((pictures / "val").rglob("*.png"))[:6]])
    before = inference.classify(workspace, "", model.id, images, top=3)
    shutil.copy(modelstore.export_model(workspace, "tester", model.id), tmp_path / "m.zip")
    for there in shared_workspace(tmp_path / "there"):
        copy = finished(there, modelstore.import_model(there, "tester", "copy", tmp_path / "m.zip"))
        after = inference.classify(there, "", copy.id, images, top=3)
        assert [row["predictions"] for row in after] == [row["predictions"] for row in before]


def test_a_training_may_start_from_an_imported_model(workspace, model, tmp_path):
    shutil.copy(modelstore.export_model(workspace, "tester", model.id), tmp_path / "m.zip")
    copy = finished(workspace, modelstore.import_model(workspace, "tester", "copy", tmp_path / "m.zip"))
    options = {key: model.job.options[key] for key in ("network", "batch_size", "device", "workers", "mean", "crop")}
    child = finished(workspace, models.create_model(workspace, "tester", "child", model.job.options["dataset"], {
        **options, "epochs": 1, "start_model": copy.id}))
    assert child.folder.summary()["best_epoch"] == 1.0
