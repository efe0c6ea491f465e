"""Sixteen bits and many channels, from files to answers: what eight bits would lose is learned."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from digits_core.data.planes import own_values
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.store import JobView
from digits_core.services import datasets, inference, models
from digits_core.services.workspace import Workspace
from digits_core.train.dataset import Dataset
from tests.test_safe_planes import dicom
from tests.ticking import Tick

SIDE = 16


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five channels of 16 bits; the classes differ in 60 of 65536 steps of the fourth, less than one of 256."""
    root, chance = tmp_path_factory.mktemp("five"), np.random.default_rng(5)
    for number in range(60):
        array = chance.integers(30_000, 30_200, (5, SIDE, SIDE), np.uint16)
        array[0, 0, 0], array[0, 0, 1] = 0, 65_535
        array[3, 4:12, 4:12] += np.uint16(60 if number % 2 else 0)
        folder = root / ("bright" if number % 2 else "dark")
        folder.mkdir(exist_ok=True)
        tifffile.imwrite(folder / f"{number:02d}.tif", array, photometric="minisblack")
    return root


@pytest.fixture(scope="module")
def data(workspace: Workspace, done: Tick, files: Path) -> JobView:
    return done(datasets.create_dataset(workspace, "fred", "classification", "five", {
        "folder": str(files), "channels": "all", "width": SIDE, "height": SIDE}))


def test_records_hold_the_values_of_the_files(data: JobView, files: Path) -> None:
    found = Dataset.read(data.folder)
    assert (found.shape, found.span) == ((5, SIDE, SIDE), (0.0, 65_535.0))
    record = found.records("train").read(0)
    own = own_values(record.pixels(), found.span)
    assert np.abs(own - tifffile.imread(files / record.path)).max() < 0.02


def test_the_mean_is_that_of_all_training_pictures(data: JobView) -> None:
    found = Dataset.read(data.folder)
    pixels = found.records("train").batch(range(found.entries["train"]))[0]
    assert pixels.dtype == np.float32
    assert np.allclose(found.mean_image(), pixels.mean(0), atol=0.003)
    assert np.allclose(found.std_pixel, pixels.std((0, 2, 3)), atol=0.003)


def test_its_pictures_can_be_looked_at(data: JobView, workspace: Workspace) -> None:
    assert datasets.samples(workspace, data.id, "val", limit=2).items[0].png.startswith(b"\x89PNG")
    row = datasets.record(workspace, data.id, "val", 0)
    assert len(row["channels"]) == 5 and row["encoding"] == "all"


def test_what_eight_bits_would_lose_is_learned_and_answered(data: JobView, workspace: Workspace, done: Tick,
                                                            files: Path) -> None:
    model = done(models.create_model(workspace, "fred", "deep", data.id, {
        "epochs": 12, "batch_size": 15, "solver": "adam", "learning_rate": 0.003, "seed": 1, "flip": "lr",
        "contrast": 0.0}))
    assert models.evaluation(model)["accuracy"] == 1.0
    names = ["dark/00.tif", "bright/01.tif"]
    answers = inference.classify(workspace, "fred", model.id, [(name, (files / name).read_bytes()) for name in names])
    assert [answer["predictions"][0]["label"] for answer in answers] == ["dark", "bright"]
    [wrong] = inference.classify(workspace, "fred", model.id, [
        ("two.tif", _tiff(np.zeros((2, SIDE, SIDE), np.uint16))), ("ok.tif", (files / names[0]).read_bytes())])[:1]
    assert "2 channels" in wrong["error"]
    batch = done(inference.create_batch(workspace, "fred", model.id, "all of val", {
        "method": "dataset", "dataset": data.id, "split": "val"}))
    assert inference.batch_summary(workspace, batch.id)["accuracy"] == 1.0
    assert ModelFolder.read(model.folder.path).prepare(files / names[0], names[0]).pixels.dtype == np.float32


def _tiff(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, photometric="minisblack")
    return file.getvalue()


def test_a_file_with_other_channels_is_left_out_with_the_reason(workspace: Workspace, done: Tick, files: Path) -> None:
    odd = files / "dark" / "odd.tif"
    odd.write_bytes(_tiff(np.zeros((3, SIDE, SIDE), np.uint16)))
    try:
        view = done(datasets.create_dataset(workspace, "fred", "classification", "odd", {
            "folder": str(files), "channels": "all", "width": SIDE, "height": SIDE}))
    finally:
        odd.unlink()
    assert "has 3 channels, 5 are wanted" in (view.folder.path / "skipped.csv").read_text()


def test_dicom_pictures_get_their_masks(workspace: Workspace, done: Tick, tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    for number in range(12):
        values, mask = chance.integers(1000, 1010, (SIDE, SIDE), np.uint16), np.zeros((SIDE, SIDE), np.uint8)
        values[4:9, 4:9], mask[4:9, 4:9] = 1020, 1
        (tmp_path / "images" / f"{number}.dcm").write_bytes(dicom(values))
        Image.fromarray(mask).save(tmp_path / "labels" / f"{number}.png")
    view = done(datasets.create_dataset(workspace, "fred", "segmentation", "dicom", {
        "images": str(tmp_path / "images"), "labels": str(tmp_path / "labels"), "channels": "all"}))
    found = Dataset.read(view.folder)
    pixels, masks = found.records("train").batch([0], found.target)
    assert pixels[0, 0][masks[0] == 1].min() == 255 > pixels[0, 0][masks[0] == 0].max()


@pytest.mark.slow
def test_pictures_are_made_from_pictures_in_full_depth(workspace: Workspace, done: Tick, files: Path) -> None:
    view = done(datasets.create_dataset(workspace, "fred", "processing", "same", {
        "folder": str(files), "method": "same", "channels": "all", "width": SIDE, "height": SIDE}))
    found = Dataset.read(view.folder)
    pixels, wanted = found.records("train").batch(range(3), found.target)
    assert wanted.dtype == np.float32 and np.array_equal(pixels, wanted)
    model = done(models.create_model(workspace, "fred", "same", view.id, {
        "epochs": 1, "batch_size": 15, "seed": 1, "rotation": 5.0, "crop": 8}))
    [answer] = inference.classify(workspace, "fred", model.id, [("a.tif", (files / "dark/00.tif").read_bytes())])
    made = np.load(io.BytesIO(base64.b64decode(answer["array"])))
    assert made.shape == (5, SIDE, SIDE) and made.dtype == np.float32 and answer["picture"]
