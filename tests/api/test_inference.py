from collections.abc import Callable
from pathlib import Path

from digits_core import files
from digits_core.api import forms
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.faults.folders import picture


def test_a_batch_of_uploads_takes_the_pictures_into_its_folder(client: TestClient, finished_job: Callable,
                                                               workspace: Workspace) -> None:
    uploads = [("images", ("../a.png", picture())), ("images", ("b.png", picture()))]
    answer = client.post("/inferences/upload", data={"model": finished_job("model").id, "name": "b"}, files=uploads)
    assert (answer.status_code, answer.json()["kind"]) == (201, "inference"), answer.text
    folder = workspace.store.root / answer.json()["id"]
    assert [path.read_bytes() for path in sorted((folder / "upload").iterdir())] == [picture()] * 2
    assert len((files.read_json(folder / "uploads.json") or {})["names"]) == 2
    assert list((workspace.store.root / ".uploads").iterdir()) == []


def test_a_batch_of_an_uploaded_list(client: TestClient, finished_job: Callable, workspace: Workspace) -> None:
    answer = client.post("/inferences/upload", data={"model": finished_job("model").id, "name": "b"},
                         files={"image_list": ("list.txt", b"/data/a.png\n")})
    assert answer.status_code == 201, answer.text
    assert (workspace.store.root / answer.json()["id"] / "list.txt").read_bytes() == b"/data/a.png\n"


def test_a_batch_of_nothing_and_a_batch_for_no_model_are_refused(client: TestClient, finished_job: Callable,
                                                                 workspace: Workspace) -> None:
    data = {"model": finished_job("model").id, "name": "b", "options": '{"method": "upload"}'}
    assert list(client.post("/inferences/upload", data=data).json()["errors"]) == ["uploads"]
    answer = client.post("/inferences/upload", data={**data, "model": "x"}, files={"images": ("a.png", picture())})
    assert list(answer.json()["errors"]) == ["model"]
    assert list((workspace.store.root / ".uploads").iterdir()) == []


def test_a_batch_of_a_server_folder_and_its_problems(client: TestClient, finished_job: Callable,
                                                     tmp_path: Path) -> None:
    model = finished_job("model").id
    body = {"model": model, "name": "b", "options": {"folder": str(tmp_path)}}
    assert client.post("/inferences", json=body).json()["needs"] == [model]
    answer = client.post("/inferences", json={**body, "options": {"folder": "/no/such", "top": 0}})
    assert "top" in answer.json()["errors"]


def test_results_are_paged_and_downloaded(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("inference")
    answer = client.get(f"/inferences/{view.id}/results").json()
    assert answer["summary"]["pictures"] == 2
    table = client.get(f"/inferences/{view.id}/results.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()


def test_pictures_are_refused_when_they_are_together_too_large(client: TestClient, finished_job: Callable,
                                                               monkeypatch) -> None:
    monkeypatch.setattr(forms, "AT_ONCE_BYTES", 10)
    answer = client.post("/classify/upload", data={"model": finished_job("model").id},
                         files={"images": ("a.png", picture())})
    assert answer.status_code == 400
    assert "make a batch" in answer.json()["error"]["message"]


def test_a_path_outside_and_an_address_inside_are_refused(client: TestClient, finished_job: Callable) -> None:
    model = finished_job("model").id
    for place in ("/proc/self/environ", "../x", "http://127.0.0.1:1/x", "http://169.254.169.254/", "file:///etc/passwd",
                  "/etc", "/no/such"):
        answer = client.post("/classify", json={"model": model, "images": [place]})
        assert (place, 400 <= answer.status_code < 500) == (place, True)
