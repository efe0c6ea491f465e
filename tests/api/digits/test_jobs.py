"""DIGITS' routes on jobs: its keys, its words, its refusals."""

import json
import re
from pathlib import Path

import pytest

from digits_core.api import digits
from digits_core.jobs.store import JobStore
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient

UNKNOWN = "20200101-000000-abcd"
MODEL_KEYS = {"id", "job id", "name", "status", "username", "dataset_id", "framework", "creation time",
              "digits version", "image dimensions", "image resize mode", "labels file", "mean file", "network file",
              "snapshot file", "directory", "snapshots"}


def test_the_index_lists_datasets_and_models(stranger: TestClient, finished_job) -> None:
    model = finished_job("model", name="lenet", owner="fred")
    for path in ("/index.json", "/index/json", "/index"):
        found = stranger.get(path).json()
        assert found["models"] == [{"id": model.id, "name": "lenet", "status": "Done"}]
        assert [row["id"] for row in found["datasets"]] == [model.job.needs[0]]
        assert {"version", "jobs_dir", "server_name"} <= set(found)


@pytest.mark.parametrize(("accept", "status"), [("application/json", 200), ("*/*", 404), ("text/html", 404), ("", 404),
                                                ("text/html;q=0.4, application/json;q=0.9", 200),
                                                ("text/html,application/json;q=0.9,*/*;q=0.8", 404)])
def test_the_home_page_is_json_for_those_who_would_rather_have_that(stranger, accept: str, status: int) -> None:
    assert stranger.get("/", headers={"Accept": accept}).status_code == status  # 404: the pages are not mounted here


def test_the_tables_of_the_home_page(stranger: TestClient, finished_job, fake_job) -> None:
    model, waiting = finished_job("model", owner="fred"), fake_job(name="next")
    found = stranger.get("/completed_jobs.json").json()
    assert [row["id"] for row in found["running"]] == [waiting.id]
    row, = found["models"]
    assert row["id"] == model.id
    assert (row["status_css"], row["progress"], row["type"], row["framework"]) == ("success", 100, "model", "pytorch")
    assert row["accuracy (val)"] == 0.5
    assert found["model_output_fields"] == ["accuracy (val)", "top5 (val)"]
    assert stranger.get(f"/jobs/{model.id}/table_data.json").json() == {"job": row}


def test_a_finished_dataset_tells_its_splits(stranger: TestClient, finished_job) -> None:
    view = finished_job("dataset", name="pets")
    found = stranger.get(f"/datasets/{view.id}/json").json()
    assert found["ParseFolderTasks"] == [{"name": "Parse Folder (train/val)", "label_count": 2, "train_count": 6,
                                          "val_count": 2, "test_count": 0}]
    assert found["CreateDbTasks"][0] == {
        "name": "Create DB (train)", "entries": 6, "image_width": 8, "image_height": 8, "image_channels": 1,
        "backend": "lmdb", "encoding": "png", "compression": "none"}
    assert found["directory"] == str(view.folder.path)


def test_a_model_tells_what_its_archive_tells(stranger: TestClient, finished_job) -> None:
    view = finished_job("model")
    found = stranger.get(f"/models/{view.id}.json").json()
    assert set(found) >= MODEL_KEYS
    assert (found["image dimensions"], found["snapshots"], found["status"]) == ([8, 8, 1], [1, 2], "Done")


def test_a_damaged_model_is_told_as_such(stranger: TestClient, finished_job) -> None:
    view = finished_job("model")
    (view.folder.path / "preprocessing.json").write_text('{"width": "wide"}')
    answer = stranger.get(f"/models/{view.id}.json")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "BadData")


def test_the_status_of_a_job_is_told_with_200_even_when_there_is_none(stranger: TestClient, finished_job) -> None:
    view = finished_job("dataset", name="pets")
    for part in ("jobs", "datasets", "models"):
        assert stranger.get(f"/{part}/{view.id}/status").json() == {
            "error": None, "status": "Done", "name": "pets", "type": "Image Classification Dataset"}
        assert stranger.get(f"/{part}/{UNKNOWN}/status").json() == {"error": "Job not found."}


def test_a_browser_is_sent_to_the_page_of_a_job(stranger: TestClient, finished_job) -> None:
    view = finished_job("dataset")
    for part in ("jobs", "datasets"):
        answer = stranger.get(f"/{part}/{view.id}", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/job?id={view.id}")
    assert stranger.get(f"/datasets/{view.id}", headers={"Accept": "application/json"}).json()["id"] == view.id


def test_a_job_is_renamed_noted_and_deleted(fred: TestClient, finished_job, store: JobStore) -> None:
    view = finished_job("dataset", owner="fred")
    answer = fred.put(f"/jobs/{view.id}", data={"job_name": "cats", "job_notes": "mine"})
    assert answer.text == "Image Classification Dataset updated."
    assert (store.get(view.id).name, store.get(view.id).notes["notes"]) == ("cats", "mine")
    assert "job_name" in fred.put(f"/jobs/{view.id}", data={"job_name": " "}).json()["errors"]
    assert fred.delete(f"/datasets/{view.id}").text == "Job deleted."
    assert fred.get(f"/datasets/{view.id}/json").status_code == 404


def test_what_others_need_or_own_is_not_deleted(fred: TestClient, finished_job) -> None:
    model = finished_job("model", owner="fred", name="lenet")
    answer = fred.delete(f"/datasets/{model.job.needs[0]}")
    assert (answer.status_code, "'lenet'" in answer.json()["error"]["message"]) == (403, True)
    assert fred.delete(f"/models/{finished_job('model', owner='anna').id}").status_code == 403


def test_a_waiting_job_is_aborted_once(fred: TestClient, fake_job, store: JobStore) -> None:
    view = fake_job(owner="fred")
    assert fred.post(f"/datasets/{view.id}/abort").text == "Job aborted."
    assert fred.get(f"/jobs/{view.id}/status").json()["status"] == "Aborted"
    assert fred.post(f"/datasets/{view.id}/abort").status_code == 403


def test_many_jobs_are_grouped_and_deleted_together(fred: TestClient, finished_job, store: JobStore) -> None:
    ids = [finished_job("dataset", owner="fred").id for _ in range(2)]
    assert fred.post("/group", data={"job_ids[]": ids, "group_name": "pets"}).text == "Jobs regrouped."
    assert {store.get(job_id).group for job_id in ids} == {"pets"}
    answer = fred.request("DELETE", "/jobs", data={"job_ids[]": [*ids, UNKNOWN]})
    assert (answer.status_code, answer.json()["error"]["message"][:8]) == (400, "1 of 3 c")
    assert store.ids() == []
    assert "job_ids[]" in fred.post("/abort_jobs").json()["errors"]


def test_only_what_is_meant_for_users_can_be_fetched(stranger: TestClient, finished_job, tmp_path: Path) -> None:
    view = finished_job("model")
    (view.folder.path / "mean.png").symlink_to(tmp_path / "jobs" / view.id / "job.json")
    (view.folder.path / "mean.npy").symlink_to("/etc/passwd")
    for name in ("labels.txt", "log.txt", "network.json", "checkpoints/epoch_0001.000.safetensors"):
        assert (name, stranger.get(f"/files/{view.id}/{name}").status_code) == (name, 200)
    for name in ("job.json", "notes.json", "attempts/0001/launch.json", "checkpoints/last.state", "mean.npy",
                 "%2e%2e/x", "checkpoints/..%2fjob.json", "", "labels.txt%00"):
        assert (name, stranger.get(f"/files/{view.id}/{name}").status_code in (400, 404)) == (name, True)


def test_paths_are_completed_inside_the_allowed_folders(stranger, workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    answer = stranger.get("/autocomplete/path", params={"query": f"{tmp_path}/pe"})
    assert answer.json() == {"suggestions": [f"{tmp_path}/pets/"]}


@pytest.mark.parametrize(("path", "target"), [
    ("/datasets/images/classification/new", "/datasets?new=classification"),
    (f"/models/images/classification/new?clone={UNKNOWN}", f"/models?clone={UNKNOWN}"),
    ("/datasets/generic/new/image-object-detection", "/datasets?new=detection"),
    ("/models/images/generic/new/image-segmentation", "/models?new=segmentation"), ("/store", "/model_store")])
def test_addresses_of_pages_lead_to_ours(stranger: TestClient, path: str, target: str) -> None:
    assert stranger.get(path).headers["location"] == target


def test_a_job_is_cloned_on_the_form_of_its_kind(stranger: TestClient, finished_job) -> None:
    model = finished_job("model")
    assert stranger.get(f"/clone/{model.id}").headers["location"] == f"/models?clone={model.id}"
    assert stranger.get(f"/clone/{finished_job('pretrained').id}").status_code == 409


def test_answers_are_plain_json(stranger: TestClient) -> None:
    answer = stranger.get("/index.json")
    assert answer.headers["content-type"] == "application/json"
    json.loads(answer.content.decode("ascii"))


def test_every_route_stands_in_the_reference() -> None:
    text = (Path(__file__).parents[3] / "docs" / "rest.md").read_text()
    named = set(re.findall(r"`([A-Z]+ /(?!api)[^`]*)`", text))
    routes = {f"{method} {path}" for method, path, _ in [*digits.plain(), *digits.table()]}
    assert routes - named == set()
