from collections.abc import Callable

import pytest

from digits_core import files
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.faults.folders import weights
from tests.train import drawn


def test_a_training_is_created_and_its_seed_is_noted(client: TestClient, finished_job: Callable) -> None:
    dataset = finished_job("dataset")
    facts = client.post("/models", json={"name": "m", "dataset": dataset.id,
                                         "options": {"network": "lenet", "epochs": 3}}).json()
    assert (facts["kind"], facts["needs"], facts["options"]["epochs"]) == ("model", [dataset.id], 3)
    assert isinstance(facts["options"]["seed"], int)


def test_problems_of_a_training_come_at_their_fields(client: TestClient, finished_job: Callable) -> None:
    answer = client.post("/models", json={"name": "m", "dataset": "nothing"})
    assert list(answer.json()["errors"]) == ["dataset"]
    answer = client.post("/models", json={"name": "m", "dataset": finished_job("dataset").id, "options": {
        "epochs": 0, "learning_rate": -1, "network": "lanet"}})
    assert set(answer.json()["errors"]) == {"epochs", "learning_rate", "network"}
    answer = client.post("/models", json={"name": "m", "dataset": finished_job("dataset").id, "options": {
        "start_model": "20200101-000000-abcd"}})
    assert list(answer.json()["errors"]) == ["start_model"]


def test_checkpoints_are_listed_and_downloaded(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    rows = client.get(f"/models/{view.id}/checkpoints").json()["checkpoints"]
    assert [(row["epoch"], row["best"]) for row in rows] == [(1.0, False), (2.0, True)]
    for which in ("best", "last", "1"):
        answer = client.get(f"/models/{view.id}/checkpoints/{which}")
        assert answer.content == weights()
        assert "attachment" in answer.headers["content-disposition"]
    answer = client.get(f"/models/{view.id}/checkpoints/7")
    assert answer.status_code == 404
    assert "best, last, 1, 2" in answer.json()["error"]["message"]


def test_a_checkpoint_note_cannot_point_out_of_its_folder(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    path = view.folder.checkpoints / "epoch_0002.000.json"
    for name in ("../../../../etc/passwd", "/etc/passwd", "", ".", "..", 7, None):
        files.write_atomic(path, {**(files.read_json(path) or {}), "file": name})
        assert client.get(f"/models/{view.id}/checkpoints/2").status_code == 404


def test_the_evaluation_is_served_by_split(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    assert client.get(f"/models/{view.id}/evaluation").json()["accuracy"] == 0.5
    assert client.get(f"/models/{view.id}/evaluation", params={"split": "test"}).json() == {}
    assert client.get(f"/models/{view.id}/evaluation", params={"split": "../x"}).status_code == 400


def test_a_downloaded_model_can_be_imported(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    answer = client.get(f"/models/{view.id}/download")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    answer = client.post("/models/import", data={"name": "again"}, files={"archive": ("m.zip", answer.content)})
    assert (answer.status_code, answer.json()["kind"]) == (201, "pretrained")


def test_a_sweep_is_counted_made_and_safe_to_repeat(client: TestClient, finished_job: Callable) -> None:
    body = {"name": "m", "dataset": finished_job("dataset").id,
            "options": {"learning_rate": [0.1, 0.01], "batch_size": [4, 8]}}
    counted = client.post("/models/sweep", params={"dry_run": True}, json=body).json()
    assert (counted["count"], counted["names"][0]) == (4, "m learning_rate:0.1 batch_size:4")
    made = client.post("/models/sweep", json=body, headers={"Idempotency-Key": "s"}).json()["jobs"]
    again = client.post("/models/sweep", json=body, headers={"Idempotency-Key": "s"}).json()["jobs"]
    assert [job["id"] for job in made] == [job["id"] for job in again] and len({job["id"] for job in made}) == 4
    assert client.get("/jobs", params={"kind": "model"}).json()["total"] == 4
    answer = client.post("/models/sweep", json={**body, "options": {"learning_rate": [0.1, 0]}})
    assert list(answer.json()["errors"]) == ["learning_rate"]


@pytest.mark.slow
def test_a_training_can_be_tried_out(client: TestClient, workspace: Workspace) -> None:
    data = drawn.dataset(workspace.store)
    body = {"dataset": data.id, "options": drawn.SMALL, "find_rate": True}
    answer = client.post("/models/try-out", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["seconds_per_epoch"] > 0 and answer.json()["curve"]
    assert client.post("/models/try-out", json={**body, "options": {"epochs": 0}}).status_code == 400


def test_an_event_file_for_tensorboard_is_downloaded(client: TestClient, finished_job: Callable) -> None:
    answer = client.get(f"/models/{finished_job('model').id}/tensorboard")
    assert answer.status_code == 200 and b"val/accuracy" in answer.content
    assert "events.out.tfevents" in answer.headers["content-disposition"]


def test_random_trainings_are_counted_and_made(client: TestClient, finished_job: Callable) -> None:
    body = {"name": "m", "dataset": finished_job("dataset").id, "options": {"learning_rate": [0.001, 0.1]}, "draws": 4}
    assert client.post("/models/sweep?dry_run=true", json=body).json()["count"] == 4
    made = client.post("/models/sweep", json=body).json()["jobs"]
    assert len({job["options"]["learning_rate"] for job in made}) == 4


def test_the_layers_of_a_network_are_told(client: TestClient, workspace: Workspace) -> None:
    data = drawn.dataset(workspace.store)
    answer = client.post("/models/layers", json={"dataset": data.id, "options": {"network": "lenet"}})
    assert answer.status_code == 200, answer.text
    assert [row["type"] for row in answer.json()["layers"]][:2] == ["interpolate", "Conv2d"], answer.text


def test_a_search_is_begun_once_shown_stopped_and_forgotten(client: TestClient, finished_job: Callable) -> None:
    body = {"name": "s", "dataset": finished_job("dataset").id, "options": {"learning_rate": "0.001..0.1"},
            "search": {"trials": 5, "search_seed": 1}}
    made = client.post("/searches", json=body, headers={"Idempotency-Key": "s"})
    assert made.status_code == 201 and (made.json()["state"], made.json()["trials"]) == ("running", 5)
    assert client.post("/searches", json=body, headers={"Idempotency-Key": "s"}).json()["id"] == made.json()["id"]
    (found,) = client.get("/searches").json()["searches"]
    assert found["id"] == made.json()["id"] and client.get(f"/searches/{found['id']}").json()["rows"] == []
    assert client.delete(f"/searches/{found['id']}").status_code == 409
    assert client.post(f"/searches/{found['id']}/stop", json={"running": "stay"}).json()["state"] == "stopped"
    assert client.post(f"/searches/{found['id']}/resume", json={"trials": 9}).json()["trials"] == 9
    assert client.post(f"/searches/{found['id']}/stop").json()["state"] == "stopped"
    assert client.delete(f"/searches/{found['id']}").json() == {"deleted": found["id"]}
    assert client.get("/searches").json() == {"searches": []}
    bad = {**body, "options": {"learning_rate": "1..0"}}
    wrong = client.post("/searches", json=bad, headers={"Idempotency-Key": "t"})
    assert list(wrong.json()["errors"]) == ["learning_rate"]
    assert client.post("/searches", json=body, headers={"Idempotency-Key": "t"}).status_code == 201
    assert client.post("/searches", json={**body, "search": {"trials": 0}}).status_code == 400
