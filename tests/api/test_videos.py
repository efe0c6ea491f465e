from collections.abc import Callable
from pathlib import Path

from digits_core import files
from digits_core.infer.course import FILM
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.data.videos import video


def test_a_video_is_asked_about(client: TestClient, finished_job: Callable, tmp_path: Path) -> None:
    body = {"model": finished_job("model").id, "name": "v", "options": {"video": str(video(tmp_path / "a.mp4", 1))},
            "view_options": {"top": 2}}
    answer = client.post("/videos", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["options"]["view_options"] == {"top": 2}
    assert list(client.post("/videos", json={**body, "options": {}}).json()["errors"]) == ["video"]
    assert list(client.post("/videos", json={**body, "view_options": {"x": 1}}).json()["errors"]) == ["x"]


def test_an_uploaded_video_is_moved_into_its_job(client: TestClient, finished_job: Callable, tmp_path: Path,
                                                 workspace: Workspace) -> None:
    data = video(tmp_path / "a.mp4", 1).read_bytes()
    fields = {"model": finished_job("model").id, "name": "v", "options": '{"step": 2}'}
    answer = client.post("/videos/upload", data=fields, files={"video": ("../a.mp4", data)})
    assert answer.status_code == 201, answer.text
    assert (workspace.store.root / answer.json()["id"] / "upload" / "000000").read_bytes() == data
    assert list((workspace.store.root / ".uploads").iterdir()) == []


def test_what_came_out_is_read_and_downloaded(client: TestClient, finished_job: Callable, tmp_path: Path,
                                              workspace: Workspace) -> None:
    body = {"model": finished_job("model").id, "name": "v", "options": {"video": str(video(tmp_path / "a.mp4", 1))}}
    job = client.post("/videos", json=body).json()["id"]
    assert client.get(f"/videos/{job}/video.mp4").status_code == 404
    assert client.get(f"/videos/{job}/summary").json() == {}
    (workspace.store.root / job / FILM).write_bytes(b"0123456789")
    files.append_jsonl(workspace.store.root / job / "predictions.jsonl", {
        "n": 0, "frame": 0, "seconds": 0.0, "predictions": [{"label": "=cat", "probability": 0.5}]})
    part = client.get(f"/videos/{job}/video.mp4", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-type"]) == (206, b"234", "video/mp4")
    assert client.get(f"/videos/{job}/frames.csv").text.splitlines()[1].startswith("0,0.0,,'=cat,0.5")


def test_frames_are_asked_for_listed_and_downloaded(client: TestClient, tmp_path: Path, workspace: Workspace) -> None:
    path = video(tmp_path / "a.mp4", 1)
    answer = client.post("/frames", json={"name": "f", "options": {"videos": str(path)}})
    assert (answer.status_code, answer.json()["kind"]) == (201, "frames"), answer.text
    answer = client.post("/frames/upload", data={"name": "f"}, files=[("videos", ("a.mp4", path.read_bytes()))])
    job = answer.json()["id"]
    folder = workspace.store.root / job
    (folder / "frames" / "a.mp4").mkdir(parents=True)
    (folder / "frames" / "a.mp4" / "a_frame_000000.jpg").write_bytes(b"x")
    files.append_jsonl(folder / "videos.jsonl", {"video": "a.mp4", "pictures": 1})
    assert client.get(f"/frames/{job}/videos").json()["videos"][0]["pictures"] == 1
    assert client.get(f"/frames/{job}/pictures.zip").content.startswith(b"PK")
    assert list(client.post("/frames", json={"name": "f", "options": {}}).json()["errors"]) == ["videos"]
