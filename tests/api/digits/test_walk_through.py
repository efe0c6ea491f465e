"""The walk-through of DIGITS' REST documentation, line by line: real curl, real server, real training."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from digits_core.data.columns import gradient_pixels
from tests.serving import Server, serving

Json = dict[str, Any]
NETWORK = """
from torch import nn

def build_network(params):
    channels, height, width = params.input_shape
    return nn.Sequential(nn.Flatten(), nn.Linear(channels * height * width, params.classes))
"""


class Curl:
    """Runs ``curl`` with the words of a line of the walk-through; the cookie is kept in a file, as there."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.jar = server, folder / "digits.cookie"

    def text(self, path: str, *words: str) -> str:
        line = ["curl", "--silent", "--show-error", "--max-time", "120", "--noproxy", "*", "-b", self.jar,
                f"{self.server.url}/{path}", *words]
        return subprocess.run(line, capture_output=True, text=True, check=True).stdout

    def json(self, path: str, *words: str) -> Json:
        found = json.loads(self.text(path, *words))
        assert isinstance(found, dict)
        assert "errors" not in found, found
        assert set(found) != {"error"}, found
        return found

    def post(self, path: str, **fields: str) -> Json:
        return self.json(path, "-XPOST", *(f"-F{name}={value}" for name, value in fields.items()))

    def done(self, part: str, job_id: str, until: Callable[..., Any]) -> None:
        """Wait as scripts do: by asking for the status."""
        until(lambda: self.json(f"{part}/{job_id}/status")["status"] in ("Done", "Error", "Aborted"), 120)
        found = self.json(f"{part}/{job_id}/status")
        assert (found["status"], found["error"]) == ("Done", None)


@pytest.fixture
def curl(tmp_path: Path) -> Iterator[Curl]:
    with serving(tmp_path / "jobs") as server:
        yield Curl(server, tmp_path)


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """Pictures with a bright upper or lower half, in two class folders."""
    chance = np.random.default_rng(1)
    for label in ("0", "1"):
        (tmp_path / "mnist" / label).mkdir(parents=True)
        for number in range(40):
            pixels = chance.integers(0, 40, (28, 28), dtype=np.uint8)
            pixels[slice(14) if label == "0" else slice(14, 28)] += 180
            Image.fromarray(pixels).save(tmp_path / "mnist" / label / f"{number}.png")
    return tmp_path / "mnist"


def log_in(curl: Curl) -> None:
    answer = curl.text("login", "-c", str(curl.jar), "-XPOST", "-F", "username=fred", "-i")
    assert answer.startswith("HTTP/1.1 302")
    assert "\nlocation: /\n" in answer


def dataset_of(curl: Curl, digits: Path) -> str:
    made = curl.post("datasets/images/classification.json", folder_train=str(digits), encoding="png",
                     resize_channels="1", resize_width="28", resize_height="28", method="folder",
                     dataset_name="mnist_dataset")
    assert (made["name"], made["status"]) == ("mnist_dataset", "Initialized")
    return str(made["id"])


def model_of(curl: Curl, dataset: str, epochs: int) -> str:
    made = curl.post("models/images/classification.json", method="standard", standard_networks="lenet",
                     train_epochs=str(epochs), framework="caffe", model_name="lenet_mnist", dataset=dataset)
    assert {"id", "job id", "name", "status", "username", "dataset_id", "framework", "creation time", "digits version",
            "labels file", "mean file", "network file"} <= set(made)
    assert (made["id"], made["status"], made["username"]) == (made["job id"], "Initialized", "fred")
    assert (made["dataset_id"], made["snapshot file"]) == (dataset, "no snapshots")
    assert (made["image dimensions"], made["image resize mode"]) == ([28, 28, 1], "squash")
    return str(made["id"])


def delete(curl: Curl, part: str, job_id: str) -> None:
    assert curl.text(f"{part}/{job_id}", "-XDELETE") == "Job deleted."


def test_the_walk_through_without_waiting_for_its_training(curl: Curl, digits: Path) -> None:
    assert json.loads(curl.text("datasets/images/classification.json", "-XPOST"))["error"]["type"] == "NoName"
    log_in(curl)
    dataset = dataset_of(curl, digits)
    assert curl.json(f"datasets/{dataset}/status")["type"] == "Image Classification Dataset"
    model = model_of(curl, dataset, 30)
    found = curl.json("index/json")
    assert [row["id"] for row in found["datasets"] + found["models"]] == [dataset, model]
    assert curl.json("index.json")["version"] == curl.json("", "-H", "Accept: application/json")["version"]
    assert json.loads(curl.text(f"datasets/{dataset}", "-XDELETE"))["error"]["type"] == "InUse"
    delete(curl, "models", model)
    delete(curl, "datasets", dataset)
    assert curl.json("index.json")["models"] == []
    for page in ("datasets", "models", ""):
        assert "<title>Streamlit</title>" in curl.text(page), page


@pytest.mark.slow
def test_the_classification_part_line_by_line(curl: Curl, digits: Path, until) -> None:
    log_in(curl)
    dataset = dataset_of(curl, digits)
    curl.done("datasets", dataset, until)
    found = curl.json(f"datasets/{dataset}/json")
    assert found["ParseFolderTasks"][0]["label_count"] == 2
    assert [(row["name"], row["entries"]) for row in found["CreateDbTasks"]] == [
        ("Create DB (train)", 60), ("Create DB (val)", 20)]
    assert Path(found["directory"]).is_dir()
    model = model_of(curl, dataset, 4)
    until(lambda: curl.json(f"models/{model}/json")["snapshots"], 120)
    assert curl.json(f"models/{model}.json")["status"] in ("Running", "Done")
    curl.done("models", model, until)
    assert curl.json(f"models/{model}/json")["snapshots"] == [1, 2, 3, 4]
    one = digits / "0" / "3.png"
    for words in ({"image_file": f"@{one}"}, {"image_path": str(one)}, {"image_path": str(one), "snapshot_epoch": "4"}):
        best = curl.post("models/images/classification/classify_one.json", job_id=model, **words)["predictions"]
        assert (best[0][0], best[0][1] > 80, len(best)) == ("0", True, 2)
    listed = digits / "list.txt"
    listed.write_text("".join(f"{digits}/{label}/{number}.png {label}\n" for label in "01" for number in range(3))
                      + "/nowhere.png 1\n")
    many = curl.post("models/images/classification/classify_many.json", job_id=model, image_list=f"@{listed}")
    assert {path: rows[0][0] for path, rows in many["classifications"].items()} == {
        f"{digits}/{label}/{number}.png": label for label in "01" for number in range(3)}
    top = curl.post("models/images/classification/top_n.json", job_id=model, image_list=f"@{listed}", top_n="2")
    assert {label: len(rows) for label, rows in top["top_n"].items()} == {"0": 2, "1": 2}
    delete(curl, "models", model)
    delete(curl, "datasets", dataset)
    assert json.loads(curl.text(f"models/{model}.json"))["error"]["type"] == "NotFound"


@pytest.mark.slow
def test_the_regression_part_line_by_line(curl: Curl, tmp_path: Path, until) -> None:
    log_in(curl)
    dataset = curl.post("datasets/generic/create/image-gradients/json", dataset_name="gradient_dataset",
                        image_width="32", image_height="32")["id"]
    curl.done("datasets", dataset, until)
    found = curl.json(f"datasets/{dataset}/json")
    assert found["feature_dims"] == [32, 32, 1]
    assert [(row["name"], row["stage"], row["entry_count"]) for row in found["create_db_tasks"]] == [
        ("Create train_db DB", "train_db", 1000), ("Create val_db DB", "val_db", 250),
        ("Create test_db DB", "test_db", 0)]
    (tmp_path / "network.py").write_text(NETWORK)
    model = curl.post("models/images/generic/json", method="custom", train_epochs="8", framework="torch",
                      dataset=dataset, model_name="gradient_model", custom_network=f"<{tmp_path}/network.py",
                      use_mean="none", solver_type="ADAM", learning_rate="0.003")["id"]
    curl.done("models", model, until)
    Image.fromarray(gradient_pixels([0.5, 0.25], 32, 32)[0]).save(tmp_path / "gradient.png")
    found = curl.post("models/images/generic/infer_one/json", job_id=model, image_file=f"@{tmp_path}/gradient.png")
    assert found["outputs"]["output"] == [pytest.approx([0.5, 0.25], abs=0.03)]
    (tmp_path / "list.txt").write_text("gradient.png\n")
    many = curl.post("models/images/generic/infer_many/json", job_id=model, image_list=f"@{tmp_path}/list.txt",
                     image_folder=str(tmp_path))
    assert many["outputs"] == {f"{tmp_path}/gradient.png": found["outputs"]}
    for part in ("classify_many", "top_n"):
        refused = curl.text(f"models/images/classification/{part}.json", f"-Fjob_id={model}",
                            f"-Fimage_list=@{tmp_path}/list.txt", f"-Fimage_folder={tmp_path}")
        assert "does not classify" in json.loads(refused)["error"]["message"]
    place = curl.json(f"datasets/{dataset}/json")["create_db_tasks"][1]["feature_db_path"]
    assert len(curl.post("models/images/generic/infer_db/json", job_id=model, db_path=place)["outputs"]) == 250
    delete(curl, "jobs", model)
