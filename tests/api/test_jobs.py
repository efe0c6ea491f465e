from collections.abc import Callable
from pathlib import Path

from digits_core import files
from digits_core.jobs.model import Kind
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient


def test_jobs_are_listed_filtered_and_paged(client: TestClient, finished_job: Callable, fake_job: Callable) -> None:
    dataset = finished_job("dataset", name="Pets", group="animals")
    model = finished_job("model", needs=(dataset.id,), name="LeNet on Pets")
    waiting = fake_job(name="later")
    assert client.get("/jobs").json()["total"] == 3

    def ids(**query: object) -> list[str]:
        return [job["id"] for job in client.get("/jobs", params=query).json()["jobs"]]

    assert ids(kind="dataset") == [dataset.id]
    assert ids(status="waiting") == [waiting.id]
    assert set(ids(status=["done"])) == {dataset.id, model.id}
    assert ids(group="animals") == [dataset.id]
    assert set(ids(search="pets")) == {dataset.id, model.id}
    assert ids(owner="nobody") == []
    assert len(ids(limit=1, offset=1)) == 1


def test_a_job_tells_state_and_figures(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    facts = client.get(f"/jobs/{view.id}").json()
    assert (facts["id"], facts["status"], facts["progress"]) == (view.id, "done", 1.0)
    assert facts["metrics"]["accuracy"] == 0.5


def test_metrics_come_from_an_offset_on(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("model")
    first = client.get(f"/jobs/{view.id}/metrics").json()
    assert len(first["rows"]) == 4
    files.append_jsonl(view.folder.metrics, {"step": 9})
    assert client.get(f"/jobs/{view.id}/metrics", params={"offset": first["offset"]}).json()["rows"] == [{"step": 9}]
    assert len(client.get(f"/jobs/{view.id}/hardware").json()["rows"]) == 1


def test_the_log_is_plain_text(client: TestClient, finished_job: Callable) -> None:
    answer = client.get(f"/jobs/{finished_job('dataset').id}/log")
    assert answer.headers["content-type"].startswith("text/plain")
    assert "[INFO] done" in answer.text


def test_edits_are_kept_and_problems_come_at_their_field(client: TestClient, finished_job: Callable) -> None:
    path = f"/jobs/{finished_job('dataset').id}"
    facts = client.patch(path, json={"name": "New", "notes": "<b>hi</b>", "group": "g", "priority": 3}).json()
    assert (facts["name"], facts["notes"], facts["group"]) == ("New", "<b>hi</b>", "g")
    assert client.get(path).json()["name"] == "New"
    assert list(client.patch(path, json={"name": "  "}).json()["errors"]) == ["name"]
    assert list(client.patch(path, json={"owner": "me"}).json()["errors"]) == ["owner"]
    assert client.patch(path, json={"priority": "NaN"}).status_code == 400


def test_stop_resume_delete_restore_purge(client: TestClient, fake_job: Callable) -> None:
    view = fake_job()
    path = f"/jobs/{view.id}"
    assert client.post(f"{path}/stop", json={"why": "wrong data"}).json()["reason"] == "Stopped by tester: wrong data"
    assert client.post(f"{path}/stop").json()["status"] == "stopped"
    assert client.post(f"{path}/resume").json()["status"] == "waiting"
    assert client.delete(path).json() == {"id": view.id, "deleted": True}
    assert client.get(path).status_code == 404
    assert [job["id"] for job in client.get("/trash").json()["jobs"]] == [view.id]
    assert client.post(f"/trash/{view.id}/restore").json()["id"] == view.id
    client.delete(path)
    assert client.delete(f"/trash/{view.id}").json()["freed"] > 0
    assert client.delete(f"/trash/{view.id}").status_code == 404


def test_a_needed_job_is_409_and_names_who_needs_it(client: TestClient, finished_job: Callable) -> None:
    model = finished_job("model", name="needs it")
    answer = client.delete(f"/jobs/{model.job.needs[0]}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (409, "InUse")
    assert "needs it" in answer.json()["error"]["message"]


def test_resuming_a_done_job_is_409(client: TestClient, finished_job: Callable) -> None:
    assert client.post(f"/jobs/{finished_job('dataset').id}/resume").status_code == 409


def test_bulk_goes_on_after_a_failure(client: TestClient, fake_job: Callable) -> None:
    first, second = fake_job(), fake_job(owner="fred")
    answer = client.post("/jobs/bulk", json={"action": "delete", "ids": [second.id, first.id]}).json()
    assert len(answer["failures"]) == 1
    assert client.get(f"/jobs/{first.id}").status_code == 404
    assert client.get(f"/jobs/{second.id}").status_code == 200


def test_a_damaged_job_is_listed_with_its_reason(client: TestClient, workspace: Workspace,
                                                 finished_job: Callable) -> None:
    view = finished_job("dataset")
    (view.folder.path / "job.json").write_text('{"v": 1, "id": "\\ud800", "x": NaN')
    assert client.get("/jobs").json()["jobs"][0]["status"] == "damaged"


def test_half_characters_and_no_numbers_in_files_become_valid_json(client: TestClient,
                                                                  finished_job: Callable) -> None:
    view = finished_job("model")
    with view.folder.metrics.open("a") as file:
        file.write('{"step": 1, "word": "\\ud800"}\n{"step": 2, "loss": 1e999}\n')
    assert client.get(f"/jobs/{view.id}/metrics").status_code == 200


def test_requests_of_one_job_leave_no_file_behind(client: TestClient, fake_job: Callable, workspace: Workspace) -> None:
    view = fake_job(kind=Kind.DATASET)
    before = sorted(path.name for path in Path(workspace.store.root).iterdir())
    for part in ("", "/metrics", "/log", "/hardware"):
        client.get(f"/jobs/{view.id}{part}")
    assert sorted(path.name for path in Path(workspace.store.root).iterdir()) == before
