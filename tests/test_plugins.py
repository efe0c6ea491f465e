"""Extensions: a real package is installed and used from dataset to answer; a broken one is named and harms nothing."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from digits_core import plugins, views
from digits_core.errors import InvalidOptions
from digits_core.jobs.model import Status
from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.plugins import extensions
from digits_core.services import datasets, inference, models
from digits_core.tasks import tasks, trainable
from tests.infer.sharing import shared_workspace

EXAMPLE = Path(__file__).parents[1] / "examples" / "plugin"


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "bare_plugin.py").write_text("class View:\n    title = 'bare'\n")
    (tmp_path / "bad_plugin.py").write_text("raise RuntimeError('no licence file')\n")
    info = tmp_path / "demo_plugins-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: demo-plugins\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[digits.plugins.view]\nbare = bare_plugin:View\nbad = bad_plugin:View\n")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.forget()
    yield tmp_path
    plugins.forget()


def test_a_broken_extension_is_named_with_its_reason_and_left_out(broken: Path) -> None:
    found = {e.name: e for e in extensions() if e.package == "demo-plugins 1.2"}
    assert found["bad"].value is None and "no licence file" in found["bad"].error
    assert found["bare"].value is None and "it lacks name, accepts, ViewOptions, panels" in found["bare"].error
    assert plugins.values(plugins.VIEW) == []
    assert list(views.views("segmentation", "digits_core.views.segmentation")) == ["segmentation", "raw"]


def test_extensions_can_be_switched_off(broken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert extensions(enabled=False) == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The example package, installed by pip into a folder that this process and its children see."""
    folder, source = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("source") / "plugin"
    shutil.copytree(EXAMPLE, source)  # a build leaves files behind
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--target",
                    str(folder), str(source)], check=True, capture_output=True, timeout=120)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", str(folder))
        plugins.forget()
        yield folder
    plugins.forget()


def contours(folder: Path, count: int = 24) -> Path:
    """Bright triangles with their corners, and one picture whose contour has a wrong line."""
    folder.mkdir()
    chance = np.random.default_rng(5)
    for number in range(count):
        corners = [tuple(map(int, chance.integers(4, 44, 2))) for _ in range(3)]
        image = Image.fromarray(chance.integers(0, 60, (48, 48), np.uint8))
        ImageDraw.Draw(image).polygon(corners, 220)
        image.save(folder / f"{number:02d}.png")
        (folder / f"{number:02d}.txt").write_text("".join(f"{x} {y}\n" for x, y in corners))
    (folder / "00.txt").write_text("1 2\nx\n3 4\n")
    return folder


@pytest.mark.slow
def test_a_package_brings_a_dataset_and_a_view(installed: Path, tmp_path: Path) -> None:
    assert tasks()["contours"].base == "segmentation" and "contours" not in trainable()
    workspace = next(shared := shared_workspace(tmp_path))
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    options = {"folder": str(contours(tmp_path / "pictures")), "inside": "heart", "channels": "gray", "width": 32,
               "height": 32, "val_percent": 25}
    data = datasets.create_dataset(workspace, "tester", "contours", "hearts", options)
    scheduler.tick()
    data = workspace.store.get(data.id)
    assert data.status is Status.DONE and data.job.task == "segmentation", data.state.reason
    skipped = datasets.skipped(data).items
    assert [row["reason"] for row in skipped] == ["00.txt, line 2: two numbers are needed, x and y"]
    model = models.create_model(workspace, "tester", "m", data.id, {
        "network": "unet_narrow", "epochs": 3, "batch_size": 4, "solver": "adam", "learning_rate": 0.005, "seed": 1})
    scheduler.tick()
    model = workspace.store.get(model.id)
    assert model.status is Status.DONE and model.folder.summary()["miou"] > 0.6, model.state.reason
    image = ("a.png", (tmp_path / "pictures" / "03.png").read_bytes())
    answer, = inference.classify(workspace, "tester", model.id, [image])
    table, = inference.panels(workspace, model.id, image, answer, {"millimetres": 2}, "areas")
    assert isinstance(table, views.Table) and {row[0] for row in table.rows} == {"outside", "heart"}
    assert sum(row[1] for row in table.rows) == pytest.approx(48 * 48 * 4, rel=0.01)
    with pytest.raises(InvalidOptions, match="there are segmentation, raw, areas"):
        inference.panels(workspace, model.id, image, answer, {}, "volumes")
    scheduler.close()
    next(shared, None)
