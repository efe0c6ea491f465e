"""Metric learning in full: two pictures compared by every door, the map, and what travels with a model."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from PIL import Image, ImageDraw
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from digits_core.api.app import create_api
from digits_core.cli import app
from digits_core.errors import BadData, InvalidOptions, NotFound
from digits_core.infer import reference
from digits_core.infer.model_folder import ModelFolder
from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import datasets, embeddings, inference, models, modelstore, similarity
from digits_core.services.models import find_checkpoint
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.modelstore.test_install import summed, zipped
from tests.pages.conftest import MAIN, words
from tests.ticking import Tick


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made, chance = tmp_path_factory.mktemp("pictures"), np.random.default_rng(5)
    for number in range(120):
        name, radius = ("large", 10) if number % 2 else ("small", 5)
        image = Image.fromarray(chance.integers(20, 90, (32, 32), np.uint8))
        x, y = chance.integers(radius, 32 - radius, 2).tolist()
        ImageDraw.Draw(image).ellipse((x - radius, y - radius, x + radius, y + radius), 220)
        (made / name).mkdir(exist_ok=True)
        image.save(made / name / f"{number:03d}.png")
    return made


@pytest.fixture(scope="module")
def model(workspace: Workspace, tick: Tick, folder: Path) -> JobView:
    data = tick(datasets.create_dataset(workspace, "tester", "classification", "discs", {
        "folder": str(folder), "channels": "gray", "width": 32, "height": 32}))
    return tick(models.create_model(workspace, "tester", "discs", data.id, {
        "task": "similarity", "epochs": 4, "batch_size": 16, "solver": "adam", "learning_rate": 0.003, "seed": 1,
        "pair_loss": "ntxent", "keep": 0}))


def two(folder: Path, *names: str) -> list[tuple[str, bytes]]:
    return [(name, sorted((folder / name).iterdir())[number].read_bytes()) for number, name in enumerate(names)]


def test_pictures_of_a_class_are_near_and_others_far(workspace: Workspace, model: JobView, folder: Path) -> None:
    def compared(first: str, second: str) -> list[dict]:
        pairs = zip(sorted((folder / first).iterdir())[:8], sorted((folder / second).iterdir())[8:16], strict=True)
        return [similarity.compare_pictures(workspace, "tester", model.id, *((path.name, path.read_bytes())
                                                                             for path in pair)) for pair in pairs]

    same, other = compared("large", "large"), compared("large", "small")
    assert np.median([found["distance"] for found in same]) < same[0]["threshold"] < np.median(
        [found["distance"] for found in other])
    assert sum(found["same"] for found in same) + sum(not found["same"] for found in other) >= 13
    assert other[0]["second"]["predictions"][0]["label"] == "small"


def test_an_answer_names_the_nearest_training_pictures(workspace: Workspace, model: JobView, folder: Path) -> None:
    answer, = inference.classify(workspace, "tester", model.id, two(folder, "small"), top=7)
    distances = [row["distance"] for row in answer["neighbours"]]
    assert len(distances) == 7 and distances == sorted(distances)
    assert sum(value ** 2 for value in answer["embedding"]) == pytest.approx(1, abs=1e-5)


def test_a_checkpoint_that_was_not_measured_has_no_neighbours(workspace: Workspace, model: JobView, folder: Path
                                                              ) -> None:
    rows = models.checkpoints(model)
    other = next(row for row in rows if not row["best"])
    found = similarity.compare_pictures(workspace, "tester", model.id, *two(folder, "large", "small"),
                                        checkpoint=f"{other['epoch']:g}")
    assert (found["same"], found["threshold"], found["first"]["neighbours"]) == (None, None, [])
    panels = inference.panels(workspace, model.id, two(folder, "large")[0], found["first"], {})
    assert "no gallery" in panels[0].text


def test_a_model_that_gives_labels_does_not_compare(workspace: Workspace, tick: Tick, model: JobView, folder: Path
                                                    ) -> None:
    other = tick(models.create_model(workspace, "tester", "labels", str(model.job.options["dataset"]), {"epochs": 1}))
    with pytest.raises(InvalidOptions, match="Metric learning"):
        similarity.compare_pictures(workspace, "tester", other.id, *two(folder, "large", "small"))
    with pytest.raises(NotFound, match="no map"):
        similarity.measured_map(other)


def test_the_map_holds_the_validation_pictures(model: JobView) -> None:
    page = similarity.measured_map(model)
    assert (len(page.rows), page.labels) == (page.of, ["large", "small"])
    assert (page.truth == page.predicted).mean() > 0.8
    assert np.isfinite(page.places).all()


def test_a_whole_dataset_is_tested_and_mapped_by_neighbours(workspace: Workspace, tick: Tick, model: JobView) -> None:
    view = tick(embeddings.create_map(workspace, "tester", model.id, str(model.job.options["dataset"]), "val"))
    assert inference.batch_summary(workspace, view.id)["accuracy"] > 0.8
    assert embeddings.Features(view.folder.path).size == 16
    assert len(embeddings.the_map(workspace, view.id).rows) == 30


def test_rest_and_command_line_say_the_same(workspace: Workspace, model: JobView, folder: Path) -> None:
    paths = [str(sorted((folder / name).iterdir())[9]) for name in ("large", "small")]
    files = [("images", (Path(path).name, Path(path).read_bytes())) for path in paths]
    with TestClient(create_api(workspace)) as client:
        by_path = client.post("/compare-pictures", json={"model": model.id, "first": paths[0], "second": paths[1]})
        uploaded = client.post("/compare-pictures/upload", data={"model": model.id}, files=files)
        alone = client.post("/compare-pictures/upload", data={"model": model.id}, files=files[:1])
    assert by_path.json()["distance"] == uploaded.json()["distance"] and not by_path.json()["same"]
    assert alone.status_code == 400 and "images" in alone.json()["errors"]
    done = CliRunner().invoke(app, ["--jobs-dir", str(workspace.settings.jobs_dir), "compare-pictures", *paths,
                                    "--model", model.id, "--user", "tester"], catch_exceptions=False)
    assert done.stdout == f"distance {by_path.json()['distance']:.4f}: different classes\n"


@pytest.mark.parametrize(("page", "query", "there"), [
    ("job.py", {"tab": "Map"}, "Circle some"), ("job.py", {"tab": "Evaluation"}, "Where it is worst"),
    ("inference.py", {"mode": "Two pictures"}, "Choose two pictures")])
def test_its_pages_open(workspace: Workspace, model: JobView, monkeypatch: pytest.MonkeyPatch, page: str,
                        query: dict[str, str], there: str) -> None:
    monkeypatch.setenv("DIGITS_JOBS_DIR", str(workspace.settings.jobs_dir))
    st.cache_resource.clear()
    opened = AppTest.from_file(MAIN, default_timeout=120)
    opened.session_state["who.name"] = "tester"
    opened.switch_page(page)
    for name, value in {"id": model.id, "model": model.id, **query}.items():
        opened.query_params[name] = value
    assert there in words(opened.run())
    assert not opened.error and not opened.exception
    st.cache_resource.clear()


def test_a_damaged_gallery_is_named(model: JobView, tmp_path: Path) -> None:
    row = ModelFolder.read(model.folder.path).checkpoint(next(
        str(row["file"]) for row in models.checkpoints(model) if row["best"]))
    assert set(reference.read(model.folder.path, row.sha256)) == {"embedding", "label", "thumb", "threshold"}
    assert reference.read(model.folder.path, "0" * 64) == {}
    (tmp_path / reference.FILE).write_bytes((model.folder.path / reference.FILE).read_bytes()[:5000])
    with pytest.raises(BadData, match="damaged"):
        reference.read(tmp_path, row.sha256)


@pytest.mark.parametrize(("name", "array"), [
    ("embedding", np.zeros((9, 5), np.float16)), ("label", np.full(9, 77)), ("threshold", np.zeros(0, np.float32))])
def test_an_archive_with_a_gallery_that_does_not_fit_is_refused(
        workspace: Workspace, tick: Tick, model: JobView, tmp_path: Path, name: str, array: np.ndarray) -> None:
    with zipfile.ZipFile(modelstore.export_model(workspace, "tester", model.id)) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    row = ModelFolder.read(model.folder.path).checkpoint(find_checkpoint(model, "best")["file"])
    reference.write(tmp_path, {**reference.read(model.folder.path, row.sha256), name: array}, row.sha256)
    files[reference.FILE] = (tmp_path / reference.FILE).read_bytes()
    (tmp_path / "bad.zip").write_bytes(zipped(summed(files)))
    view = tick(modelstore.import_model(workspace, "tester", "bad", tmp_path / "bad.zip"))
    assert view.status is Status.FAILED
    assert f"{reference.FILE} does not suit the network" in view.state.reason
