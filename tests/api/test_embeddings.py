"""The map, alike pictures and features over REST and from the command line."""

import io
from collections.abc import Callable

import numpy as np
import pytest

from digits_core.jobs.runner import InlineRunner
from digits_core.jobs.scheduler import Scheduler
from digits_core.services import datasets
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.cli.conftest import digits, environment, last_json
from tests.infer.model_folders import make_model, picture

__all__ = ["digits", "environment"]


@pytest.fixture
def made(workspace: Workspace, digits: Callable, tmp_path) -> str:
    """The id of a finished map of a small dataset."""
    for number in range(12):
        path = tmp_path / "set" / ("null", "eins")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    data = datasets.create_dataset(workspace, "tester", "classification", "two", {
        "folder": str(tmp_path / "set"), "width": 12, "height": 12, "channels": "gray", "val_percent": 0})
    work(workspace)
    model = make_model(workspace.store, labels=["eins", "null"])
    asked = digits("embed", model.id, data.id, "--split", "train", "--json")
    work(workspace)
    return last_json(asked.stdout)["id"]


def work(workspace: Workspace) -> None:
    scheduler = Scheduler(workspace.store, workspace.settings, InlineRunner(), gpu_ids=list)
    scheduler.tick()
    scheduler.close()


def test_map_alike_pictures_and_features_are_the_same_everywhere(client: TestClient, digits: Callable, made: str,
                                                                 tmp_path) -> None:
    told = client.get(f"/inferences/{made}/map").json()
    assert told["of"] == len(told["points"]) == 12 and {point["truth"] for point in told["points"]} == {"null", "eins"}
    likes = client.get(f"/inferences/{made}/similar", params={"row": 3, "limit": 4}).json()
    assert last_json(digits("similar", made, "3", "--limit", "4", "--json").stdout) == likes
    assert len(likes["items"]) == 4 and likes["items"][0]["source"].startswith("record:")
    sent = np.load(io.BytesIO(client.get(f"/inferences/{made}/features.npz").content))
    assert digits("features", made, "--npz", tmp_path / "f.npz", "--csv", tmp_path / "f.csv").exit_code == 0
    with np.load(tmp_path / "f.npz") as written:
        assert all(np.array_equal(sent[name], written[name]) for name in written.files)
    assert (tmp_path / "f.csv").read_bytes() == client.get(f"/inferences/{made}/features.csv").content
    assert client.get(f"/inferences/{made}/similar", params={"row": 99}).status_code == 404
    assert client.get(f"/inferences/{made}/similar", params={"limit": 0}).status_code == 400
