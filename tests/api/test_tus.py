"""Resumable uploads: what came stays, nothing else does, and a finished one stands wherever a file is uploaded."""

import base64
import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from digits_core.api import security
from digits_core.services import resumable
from digits_core.services.workspace import Workspace
from tests.api.conftest import TestClient
from tests.data import pictures

TUS = {"Tus-Resumable": "1.0.0"}
BYTES = {**TUS, "Content-Type": "application/offset+octet-stream"}


def create(client: TestClient, length: int, name: str = "set.zip", **headers: str) -> str:
    """The path of a new upload."""
    given = base64.b64encode(name.encode()).decode()
    answer = client.post("/uploads", headers={**TUS, "Upload-Length": str(length),
                                              "Upload-Metadata": f"filename {given}", **headers})
    assert answer.status_code == 201, answer.text
    assert answer.headers["tus-resumable"] == "1.0.0"
    return answer.headers["location"].removeprefix("/api")


def send(client: TestClient, path: str, offset: int, content: bytes, **headers: str) -> int:
    return client.patch(path, content=content, headers={**BYTES, "Upload-Offset": str(offset), **headers}).status_code


def offset(client: TestClient, path: str) -> int:
    return int(client.head(path, headers=TUS).headers["upload-offset"])


def archive(tmp_path: Path) -> bytes:
    top = pictures.class_folders(tmp_path / "set", {"a": 3, "b": 3})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for path in top.rglob("*.png"):
            file.write(path, path.relative_to(top))
    return buffer.getvalue()


def test_the_server_says_what_it_can(client: TestClient) -> None:
    answer = client.options("/uploads")
    assert answer.status_code == 204 and answer.headers["tus-version"] == "1.0.0"
    assert set(answer.headers["tus-extension"].split(",")) == {"creation", "termination", "expiration", "checksum"}
    assert client.post("/uploads", headers={"Upload-Length": "3"}).status_code == 412


def test_bytes_are_appended_where_the_last_ones_ended(client: TestClient, workspace: Workspace) -> None:
    path = create(client, 10)
    assert offset(client, path) == 0
    assert send(client, path, 0, b"0123") == 204
    head = client.head(path, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("4", "10")
    assert head.headers["cache-control"] == "no-store" and "GMT" in head.headers["upload-expires"]
    assert send(client, path, 4, b"456789") == 204
    [found] = client.get("/uploads").json()
    assert found["finished"] and found["name"] == "set.zip"
    assert resumable.find(workspace, "tester", found["id"]).data.read_bytes() == b"0123456789"
    assert client.delete(path).status_code == 204 and client.head(path, headers=TUS).status_code == 404


@pytest.mark.parametrize(("at", "content", "status"), [(3, b"x", 409), (5, b"x", 409), (4, b"1234567", 413)])
def test_a_wrong_offset_or_more_than_was_promised_changes_nothing(client: TestClient, at: int, content: bytes,
                                                                  status: int) -> None:
    path = create(client, 10)
    send(client, path, 0, b"0123")
    assert send(client, path, at, content) == status
    assert offset(client, path) == 4


def test_more_than_was_promised_is_taken_back_when_nobody_said_how_much_comes(client: TestClient) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    path = create(client, 2_500_000)
    answer = client.patch(path, content=endless(), headers={**BYTES, "Upload-Offset": "0"})
    assert answer.status_code == 413 and offset(client, path) == 0


def test_a_checksum_is_compared_and_what_is_wrong_is_taken_back(client: TestClient) -> None:
    path = create(client, 4)
    good, bad = (base64.b64encode(hashlib.sha256(text).digest()).decode() for text in (b"good", b"bad!"))
    assert send(client, path, 0, b"good", **{"Upload-Checksum": f"sha256 {bad}"}) == 460
    assert offset(client, path) == 0
    assert send(client, path, 0, b"good", **{"Upload-Checksum": "crc32 AAAA"}) == 400
    assert send(client, path, 0, b"good", **{"Upload-Checksum": f"sha256 {good}"}) == 204


def test_somebody_else_may_neither_look_nor_write_nor_delete_nor_use(client: TestClient, nobody: TestClient) -> None:
    path = create(client, 4)
    other = {"X-Digits-User": "eve"}
    assert nobody.head(path, headers={**TUS, **other}).status_code == 403
    assert send(nobody, path, 0, b"evil", **other) == 403
    assert nobody.delete(path, headers=other).status_code == 403
    assert nobody.get("/uploads", headers=other).json() == []
    send(client, path, 0, b"good")
    body = {"name": "x", "options": {"archive": f"upload:{path.rpartition('/')[2]}", "method": "archive"}}
    assert nobody.post("/datasets", json=body, headers=other).status_code == 403
    assert offset(client, path) == 4


def test_two_requests_never_write_at_the_same_time(client: TestClient, workspace: Workspace) -> None:
    path = create(client, 4)
    writer, turn = resumable.begin(workspace, "tester", path.rpartition("/")[2], 0)
    writer.write(b"ab")
    assert send(client, path, 0, b"cd") == 409 and client.delete(path).status_code == 409
    writer.close()
    turn.end()
    assert offset(client, path) == 2


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x.zip", "/etc/passwd", "a\0b.tar.gz", "x" * 1000,
                                  "\u202egpj.zip"])
def test_the_name_of_the_file_is_never_a_path(client: TestClient, workspace: Workspace, name: str) -> None:
    path = create(client, 1, name)
    upload = resumable.find(workspace, "tester", path.rpartition("/")[2])
    assert upload.data.parent.parent == workspace.store.root / ".uploads" / "resumable"
    assert upload.data.name in ("upload", "upload.zip", "upload.tar.gz") and upload.name.isprintable()


@pytest.mark.parametrize("upload_id", ["..", "%2e%2e", "..%2f..", "x", "a" * 64, "%F0%9F%98%80"])
def test_an_id_that_is_none_is_404(client: TestClient, upload_id: str) -> None:
    assert client.head(f"/uploads/{upload_id}", headers=TUS).status_code in (404, 405)


@pytest.mark.parametrize(("length", "status"), [("0", 413), (str(10**15), 413), ("x", 400), ("-1", 400)])
def test_a_length_that_cannot_be_is_refused(client: TestClient, length: str, status: int) -> None:
    assert client.post("/uploads", headers={**TUS, "Upload-Length": length}).status_code == status


def test_no_more_is_promised_than_the_disk_can_hold(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resumable.files, "free_bytes", lambda path: resumable.RESERVE + 100)
    create(client, 60)
    refused = client.post("/uploads", headers={**TUS, "Upload-Length": "60"})
    assert refused.status_code == 400 and "room" in refused.json()["error"]["message"]


def test_only_the_bytes_of_resumable_uploads_may_be_more_than_other_requests(
        workspace: Workspace, client: TestClient) -> None:
    def cap(method: str, path: str) -> int:
        middleware = security.BodyCap(None, 10, 1000)  # type: ignore[arg-type]
        sent: list[dict[str, object]] = []

        async def passes(scope: object, receive: object, send: object) -> None:
            sent.append({"status": 200})

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        middleware.app = passes
        scope = {"type": "http", "method": method, "path": path, "headers": [(b"content-length", b"500")]}
        with pytest.raises(StopIteration):
            middleware(scope, None, send).send(None)  # type: ignore[arg-type]
        return int(str(sent[0]["status"]))

    assert cap("PATCH", "/api/uploads/abc") == 200
    assert [cap("POST", "/api/uploads/abc"), cap("PATCH", "/api/jobs/abc"), cap("PATCH", "/x")] == [413, 413, 413]


def test_what_nobody_went_on_with_is_gone_after_a_week(client: TestClient, workspace: Workspace) -> None:
    path = create(client, 4)
    upload = resumable.find(workspace, "tester", path.rpartition("/")[2])
    os.utime(upload.data, (0, 0))
    create(client, 4)
    assert client.head(path, headers=TUS).status_code == 404 and not upload.folder.exists()


@pytest.mark.parametrize("route", ["json", "form"])
def test_a_finished_upload_becomes_a_dataset_and_is_used_up(client: TestClient, workspace: Workspace, tmp_path: Path,
                                                            route: str) -> None:
    content = archive(tmp_path)
    path = create(client, len(content))
    reference = f"upload:{path.rpartition('/')[2]}"
    options = {"archive": reference, "method": "archive"}

    def ask(name: str) -> int:
        if route == "json":
            return client.post("/datasets", json={"name": name, "options": options}).status_code
        return client.post("/datasets/upload", data={"archive": reference, "name": name}).status_code

    send(client, path, 0, content[:100])
    assert ask("too early") == 409
    send(client, path, 100, content[100:])
    assert ask("") == 400 and offset(client, path) == len(content)  # a wrong form costs no upload
    assert ask("set") == 201
    [view] = workspace.store.jobs()
    assert (view.folder.path / "upload" / "upload.zip").read_bytes() == content
    assert client.head(path, headers=TUS).status_code == 404 and ask("again") == 404


@pytest.mark.parametrize(("route", "field"), [("/models/import", "archive"), ("/frames/upload", "videos")])
def test_a_finished_upload_stands_for_files_of_other_routes_too(client: TestClient, route: str, field: str) -> None:
    path = create(client, 3)
    send(client, path, 0, b"abc")
    wrong = client.post(route, data={field: "somewhere", "name": "x"})
    assert wrong.status_code == 400 and field in "".join(wrong.json()["errors"])
    answer = client.post(route, data={field: f"upload:{path.rpartition('/')[2]}", "name": "x"})
    assert answer.status_code == 201, answer.text
    assert client.head(path, headers=TUS).status_code == 404


def test_a_repeated_request_with_its_key_gets_the_same_job_though_its_upload_is_used_up(
        client: TestClient, tmp_path: Path) -> None:
    content = archive(tmp_path)

    def sent() -> str:
        path = create(client, len(content))
        send(client, path, 0, content)
        return f"upload:{path.rpartition('/')[2]}"

    def ask(key: str, reference: str) -> tuple[int, str]:
        answer = client.post("/datasets/upload", data={"archive": reference, "name": "set"},
                             headers={"Idempotency-Key": key})
        return answer.status_code, answer.json().get("id", "")

    first, second = sent(), sent()
    made = ask("a", first)
    assert made[0] == 201 and ask("a", first) == made and ask("b", first)[0] == 404
    assert ask("a", second)[0] == 409
    assert ask("b", second)[0] == 201  # what was refused freed its key
