"""The whole story with real processes and real training, from the shell and beside it over REST."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits_core.api.app import create_api
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.cli.conftest import last_json


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Forty dark pictures with a light bar: upright in one folder, level in the other."""
    random = np.random.default_rng(0)
    for label in ("level", "upright"):
        (tmp_path / "bars" / label).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, 60, (16, 16), dtype=np.uint8)
            place = int(random.integers(2, 12))
            pixels[place:place + 3] = 220
            image = Image.fromarray(pixels if label == "level" else pixels.T)
            image.save(tmp_path / "bars" / label / f"{number}.png")
    return tmp_path / "bars"


@pytest.fixture
def shell(process: Callable) -> Callable:
    """Run a command to its end; gives its last line as a value, after its exit code was looked at."""
    def run(*words: object, code: int = 0) -> object:
        running = process(*words, "--json")
        stdout, stderr = running.communicate(timeout=240)
        assert running.returncode == code, stderr
        return last_json(stdout)

    return run


@pytest.mark.slow
def test_from_pictures_to_a_prediction_and_back_in(shell: Callable, process: Callable, pictures: Path,
                                                   tmp_path: Path, workspace: Workspace) -> None:
    dataset = shell("create-dataset", "classification", "--folder", pictures, "--width", 16, "--height", 16,
                    "--channels", "gray", "--name", "bars", "--wait")
    assert (dataset["status"], dataset["metrics"]["pictures"]) == ("done", 40)

    model = shell("train", "--dataset", dataset["id"], "--network", "lenet", "--epochs", 8, "--batch-size", 8,
                  "--solver", "adam", "--learning-rate", "0.001", "--seed", 1, "--device", "cpu", "--wait")
    assert model["status"] == "done"
    assert model["metrics"]["accuracy"] > 0.9

    images = [pictures / "level" / "3.png", pictures / "upright" / "3.png"]
    answers = shell("classify", "--model", model["id"], "--checkpoint", "best", *images)
    assert [answer["image"] for answer in answers] == [str(image) for image in images]
    assert [answer["predictions"][0]["label"] for answer in answers] == ["level", "upright"]
    assert sum(p["probability"] for p in answers[0]["predictions"]) == pytest.approx(1, abs=1e-5)

    rest = _over_rest(workspace, model["id"], images)
    assert [answer["predictions"] for answer in rest] == [answer["predictions"] for answer in answers]

    (tmp_path / "bad.png").write_text("no picture")
    _expect(process, 2, "bad.png", "classify", "--model", model["id"], tmp_path / "bad.png")
    _expect(process, 2, "none.png", "classify", "--model", model["id"], tmp_path / "none.png")
    _expect(process, 1, "bad.png", "classify", "--model", model["id"], images[0], tmp_path / "bad.png")
    _expect(process, 2, "no checkpoint of epoch 77", "classify", "--model", model["id"], "--checkpoint", "77",
            images[0])

    batch = shell("classify-many", "--model", model["id"], "--folder", pictures, "--wait", "--csv",
                  tmp_path / "results.csv")
    assert (batch["status"], batch["metrics"]["pictures"], batch["metrics"]["failed"]) == ("done", 40, 0)
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 41

    shell("export-model", model["id"], tmp_path / "bars.zip")
    imported = shell("import-model", tmp_path / "bars.zip", "--name", "again", "--wait")
    assert (imported["kind"], imported["status"]) == ("pretrained", "done")
    again = shell("classify", "--model", imported["id"], *images)
    assert [answer["predictions"] for answer in again] == [answer["predictions"] for answer in answers]


def _expect(process: Callable, code: int, words: str, *command: object) -> None:
    running = process(*command)
    _, stderr = running.communicate(timeout=120)
    assert (running.returncode, words in stderr, "Traceback" in stderr) == (code, True, False), stderr


def _over_rest(workspace: Workspace, model: str, images: list[Path]) -> list[dict]:
    with TestClient(create_api(workspace)) as client:
        by_path = client.post("/classify", json={"model": model, "images": list(map(str, images))}).json()["results"]
        files = [("images", (image.name, image.read_bytes())) for image in images]
        uploaded = client.post("/classify/upload", data={"model": model}, files=files).json()["results"]
    assert [answer["predictions"] for answer in uploaded] == [answer["predictions"] for answer in by_path]
    return by_path
