import base64
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from digits_core.jobs.scheduler import Scheduler
from digits_core.services.jobs import wait
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.faults.folders import picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for label in ("cat", "dog"):
        folder = tmp_path / "pictures" / label
        folder.mkdir(parents=True)
        for number in range(4):
            (folder / f"{number}.png").write_bytes(picture())
    return tmp_path / "pictures"


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"):
            file.writestr(name, picture())
    return buffer.getvalue()


def test_a_dataset_is_created_from_a_server_folder(client: TestClient, pictures: Path) -> None:
    answer = client.post("/datasets", json={"name": "Pets", "group": "g", "options": {
        "folder": str(pictures), "channels": "gray", "width": 28, "height": 28}})
    assert answer.status_code == 201
    facts = answer.json()
    assert (facts["kind"], facts["status"], facts["owner"], facts["group"]) == ("dataset", "waiting", "tester", "g")
    assert facts["options"]["width"] == 28


def test_all_problems_come_at_once_each_at_its_field(client: TestClient) -> None:
    answer = client.post("/datasets", json={"name": "x", "options": {"width": 0, "channels": "pink", "wdth": 3}})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"width", "channels", "wdth"}
    assert answer.json()["errors"]["width"] == ["must be greater than or equal to 1 (got 0)"]
    assert "did you mean 'width'" in answer.json()["errors"]["wdth"][0]
    assert answer.json()["error"]["type"] == "InvalidOptions"


def test_a_preview_says_what_would_be_found(client: TestClient, pictures: Path, workspace: Workspace) -> None:
    answer = client.post("/datasets/preview", json={"options": {"folder": str(pictures), "width": 8, "height": 8}})
    assert answer.json()["per_class"] == {"cat": 4, "dog": 4}
    assert set(answer.json()["example"]) == {"squash", "crop", "fill", "half"}
    assert list(client.post("/datasets/preview", json={"options": {"width": 0}}).json()["errors"]) == ["width"]
    assert workspace.store.ids() == []


def test_a_missing_folder_a_blank_name_and_an_unknown_task_are_refused(client: TestClient, pictures: Path) -> None:
    def fields(**body: object) -> list[str]:
        answer = client.post("/datasets", json={"name": "x", "options": {"folder": str(pictures)}, **body})
        assert answer.status_code == 400
        return list(answer.json()["errors"])

    assert fields(options={"folder": "/no/such"}) == ["folder"]
    assert fields(name="  ") == ["name"]
    assert fields(task="painting") == ["task"]
    assert fields(more=1) == ["more"]


def test_an_archive_is_uploaded_into_the_job(client: TestClient, workspace: Workspace) -> None:
    answer = client.post("/datasets/upload", data={"name": "Pets", "options": '{"width": 28, "height": 28}'},
                         files={"archive": ("../../pets.ZIP", archive())})
    assert answer.status_code == 201, answer.text
    folder = workspace.store.root / answer.json()["id"] / "upload"
    assert [path.name for path in folder.iterdir()] == ["upload.zip"]
    assert list((workspace.store.root / ".uploads").iterdir()) == []


@pytest.mark.parametrize("data", [{"options": "{"}, {"options": "[1]"}, {"options": '{"width": NaN}'},
                                  {"options": "[" * 100_000}, {"options": '{"width": 0}'}, {"name": " "},
                                  {"options": '{"folder": "\\ud800"}'}])
def test_a_refused_upload_leaves_nothing_behind(client: TestClient, workspace: Workspace,
                                                data: dict[str, str]) -> None:
    answer = client.post("/datasets/upload", data={"name": "Pets", **data}, files={"archive": ("a.zip", archive())})
    assert answer.status_code == 400
    uploads = workspace.store.root / ".uploads"
    assert not uploads.exists() or list(uploads.iterdir()) == []
    assert workspace.store.ids() == []


def test_an_empty_upload_is_refused(client: TestClient) -> None:
    answer = client.post("/datasets/upload", data={"name": "Pets"}, files={"archive": ("a.zip", b"")})
    assert answer.json()["error"]["message"] == "The uploaded file is empty."


def test_a_dataset_shows_its_manifest_and_what_it_skipped(client: TestClient, finished_job: Callable) -> None:
    view = finished_job("dataset")
    assert client.get(f"/datasets/{view.id}/manifest").json()["labels"] == ["cat", "dog"]
    answer = client.get(f"/datasets/{view.id}/skipped")
    assert answer.text.startswith("path,split,class,reason")
    assert "attachment" in answer.headers["content-disposition"]


def test_a_model_is_no_dataset(client: TestClient, finished_job: Callable) -> None:
    answer = client.get(f"/datasets/{finished_job('model').id}/manifest")
    assert answer.status_code == 404
    assert "is a model" in answer.json()["error"]["message"]


def test_samples_of_a_real_build_are_paged_and_served_as_pictures(client: TestClient, workspace: Workspace,
                                                                   pictures: Path) -> None:
    view = client.post("/datasets", json={"name": "Pets", "options": {
        "folder": str(pictures), "channels": "gray", "width": 8, "height": 8, "val_percent": 50}}).json()
    assert client.get(f"/datasets/{view['id']}/manifest").status_code == 404
    scheduler = Scheduler(workspace.store, workspace.settings, gpu_ids=list)
    try:
        assert wait(workspace, view["id"], scheduler.tick).status == "done"
    finally:
        for child, _, _ in scheduler.runner.children:
            child.wait(10)
        scheduler.close()
    path = f"/datasets/{view['id']}"
    assert client.get(f"{path}/manifest").json()["used"] == 8
    page = client.get(f"{path}/samples", params={"label": 1, "limit": 1}).json()
    assert (page["total"], len(page["items"]), page["items"][0]["class_name"]) == (2, 1, "dog")
    png = base64.b64decode(page["items"][0]["png"])
    answer = client.get(f"{path}/samples/train/{page['items'][0]['index']}")
    assert (answer.content, answer.headers["content-type"]) == (png, "image/png")
    assert client.get(f"{path}/mean").content.startswith(b"\x89PNG")
    for wrong in ("samples?split=test", "samples/train/99", "samples/../x/0"):
        assert client.get(f"{path}/{wrong}").status_code == 404
    assert client.get(f"{path}/samples/train/-1").status_code == 400
