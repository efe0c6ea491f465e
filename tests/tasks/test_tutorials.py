"""Walk-throughs of docs/tasks.md, smaller: an autoencoder, and triangles that are filled on a sheet of any size."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from digits_core.errors import BadData
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.jobs.store import JobView
from digits_core.services import datasets, inference, models
from digits_core.services.workspace import Workspace
from examples import triangles

EXAMPLES = Path(__file__).parents[2] / "examples"
Json = dict[str, Any]
pytestmark = pytest.mark.slow


def trained(workspace: Workspace, source: Json, training: Json) -> JobView:
    """A model of image processing on grey pictures."""
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    try:
        data = datasets.create_dataset(workspace, "tester", "processing", "pairs", {
            "channels": "gray", "val_percent": 10, **source})
        scheduler.tick()
        model = models.create_model(workspace, "tester", "model", data.id, {
            "solver": "adam", "lr_policy": "cosine", "seed": 1, **training})
        scheduler.tick()
    finally:
        scheduler.close()
    view = workspace.store.get(model.id)
    assert view.status is Status.DONE, view.state.reason
    return view


def test_an_autoencoder_gives_digits_back_from_a_few_numbers(workspace: Workspace, tmp_path: Path) -> None:
    for number, digit in enumerate(load_digits().images):
        Image.fromarray((digit * 15.9).astype(np.uint8)).save(tmp_path / f"{number:04d}.png")
    model = trained(workspace, {"folder": str(tmp_path), "method": "same", "width": 8, "height": 8}, {
        "network": "custom", "network_source": (EXAMPLES / "autoencoder.py").read_text(), "network_values": "code=16",
        "mean": "none", "epochs": 20, "batch_size": 32, "learning_rate": 0.002})
    pictures = load_digits().images * 15.9 / 255
    of_mean_picture = -10 * np.log10(((pictures - pictures.mean(0)) ** 2).mean((1, 2))).mean()
    assert models.evaluation(model)["psnr"] > of_mean_picture + 5


def test_triangles_are_filled_on_a_sheet_a_hundred_times_larger(workspace: Workspace, tmp_path: Path) -> None:
    triangles.main(tmp_path, 1000)
    source = {"folder": str(tmp_path / "input"), "method": "folder", "wanted_folder": str(tmp_path / "target"),
              "width": 32, "height": 32}
    model = trained(workspace, source, {
        "network": "custom", "network_source": (EXAMPLES / "near_sighted.py").read_text(),
        "network_values": "width=16", "mean": "pixel", "epochs": 4, "batch_size": 16, "learning_rate": 0.01})
    sheet = ("grid.png", (tmp_path / "grid.png").read_bytes())
    answer, = inference.classify(workspace, "tester", model.id, [sheet], whole=True)
    with Image.open(io.BytesIO(base64.b64decode(answer["picture"]))) as made, Image.open(
            tmp_path / "grid-filled.png") as wanted, Image.open(tmp_path / "grid.png") as asked:
        found, truth, outline = (np.asarray(image) < 128 for image in (made, wanted, asked))
    assert found.shape == (320, 320)
    nothing_done = (outline != truth).mean()
    assert (found != truth).mean() < nothing_done / 2


def test_a_mean_image_has_a_size_of_its_own(workspace: Workspace, tmp_path: Path) -> None:
    triangles.main(tmp_path, 20)
    source = {"folder": str(tmp_path / "input"), "method": "same", "width": 32, "height": 32}
    model = trained(workspace, source, {"network": "unet_narrow", "mean": "image", "epochs": 1, "batch_size": 8})
    with pytest.raises(BadData, match="mean image"):
        inference.classify(workspace, "tester", model.id, [("g.png", (tmp_path / "grid.png").read_bytes())], whole=True)
