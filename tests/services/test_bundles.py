"""Jobs move between servers: the same bytes and answers there, and nothing changed by what is damaged or hostile."""

import hashlib
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from digits_core import files
from digits_core.errors import BadData, BadState, DigitsError, NotAllowed, Unsafe
from digits_core.jobs import process
from digits_core.jobs.model import Kind, Status
from digits_core.jobs.store import JobView
from digits_core.services import bundles, inference, unbundle
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.infer.model_folders import make_model, picture
from tests.infer.sharing import shared_workspace

Json = dict[str, Any]
IMAGES = [(f"{number}.png", picture(number)) for number in range(4)]


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Workspace]:
    """Another server, with nothing on it."""
    yield from shared_workspace(tmp_path / "there")


def packed(workspace: Workspace, job_id: str, path: Path, **how: bool) -> Path:
    """The bundle of a job in a file."""
    found = bundles.bundle(workspace, "tester", job_id, **how)
    path.write_bytes(b"".join(found.pieces()))
    assert path.stat().st_size == found.size
    return path


def bytes_of(view: JobView) -> dict[str, str]:
    """Digests of all that moves unchanged."""
    changed = ("job.json", "moved.json", "launch.json", "claim.json")
    return {str(path.relative_to(view.folder.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in view.folder.path.rglob("*") if path.is_file() and path.name not in changed}


@pytest.mark.slow
def test_a_model_answers_the_same_on_another_server(workspace: Workspace, there: Workspace, tmp_path: Path) -> None:
    model = make_model(workspace.store)
    moved = unbundle.unbundle(there, "bob", packed(workspace, model.id, tmp_path / "m.tar"))
    twin, = moved.jobs
    assert (twin.id, twin.status, twin.job.owner, twin.job.options) == (model.id, Status.DONE, "bob", model.job.options)
    assert bytes_of(twin) == bytes_of(model)
    assert unbundle.origin(twin)["owner"] == "tester" and unbundle.origin(twin)["server"] == "test"
    assert unbundle.origin(model) == {}
    before = inference.classify(workspace, "", model.id, IMAGES, top=10)
    after = inference.classify(there, "", twin.id, IMAGES, top=10)
    assert [row["predictions"] for row in after] == [row["predictions"] for row in before]


def test_tar_and_sha256sum_read_a_bundle(workspace: Workspace, finished_job: Callable[..., JobView],
                                         tmp_path: Path) -> None:
    view = finished_job("dataset")
    (view.folder.path / "odd\nname.txt").write_text("x")
    with tarfile.open(packed(workspace, view.id, tmp_path / "d.tar")) as archive:
        archive.extractall(tmp_path / "out", filter="data")
    done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=tmp_path / "out", capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr + done.stdout


def test_what_a_job_needs_comes_along_and_new_ids_go_through_everything(
        workspace: Workspace, there: Workspace, finished_job: Callable[..., JobView], tmp_path: Path) -> None:
    model = finished_job("model")
    data = model.job.needs[0]
    path = packed(workspace, model.id, tmp_path / "m.tar", needs=True)
    first = unbundle.unbundle(there, "bob", path)
    assert [view.id for view in first.jobs] == [data, model.id]
    again = unbundle.unbundle(there, "eve", path)
    assert again.known == [data, model.id] and len(there.store.ids()) == 2  # they are here: nothing is doubled
    there.store.move_to_trash(model.id)
    there.store.move_to_trash(data)
    third = unbundle.unbundle(there, "bob", path)
    dataset, twin = third.jobs
    assert third.renamed == {data: dataset.id, model.id: twin.id} and dataset.id != data
    assert twin.job.needs == (dataset.id,) and twin.job.options["dataset"] == dataset.id
    assert not list(there.store.root.glob(".new*"))


def test_processes_and_secrets_of_the_old_machine_stay_there(
        workspace: Workspace, finished_job: Callable[..., JobView], tmp_path: Path) -> None:
    view = finished_job("model")
    (view.folder.checkpoints / "last.state").write_bytes(b"state")
    (view.folder.path / ".lock").write_bytes(b"")
    names = [member.name for member in bundles.bundle(workspace, "", view.id).members]
    assert not [name for name in names if name.endswith(("claim.json", ".lock", "last.state", ".tmp"))]
    with tarfile.open(packed(workspace, view.id, tmp_path / "m.tar", state=True)) as archive:
        assert [name for name in archive.getnames() if name.endswith("last.state")]
        launch = archive.extractfile(f"jobs/{view.id}/attempts/0001/launch.json")
        assert launch is not None and "process" not in json.load(launch)


def test_a_job_that_is_not_over_does_not_move(workspace: Workspace, fake_job: Callable[..., JobView]) -> None:
    with pytest.raises(BadState, match="moves when it is over"):
        bundles.bundle(workspace, "tester", fake_job().id)


def made(path: Path, members: list[tuple[str, bytes]], sums: bool = True) -> Path:
    """A bundle made by hand."""
    lines = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in members)
    with tarfile.open(path, "w") as archive:
        for name, content in [*members, *([("SHA256SUMS", lines.encode())] if sums else [])]:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


ID = "20260101-000000-abcd"
JOB: Json = {"v": 1, "id": ID, "kind": "dataset", "task": "classification", "name": "x", "owner": "eve",
             "created": 1.0, "options": {}, "needs": [], "group": ""}
RESULT = (f"jobs/{ID}/attempts/0001/result.json", b'{"state": "done"}')


def head(**changes: object) -> tuple[str, bytes]:
    return "bundle.json", json.dumps({"schema": 1, "jobs": [{"id": ID}], **changes}).encode()


def job(**changes: object) -> tuple[str, bytes]:
    return f"jobs/{ID}/job.json", json.dumps({**JOB, **changes}).encode()


HOSTILE: dict[str, list[tuple[str, bytes]]] = {
    "traversal": [head(), job(), RESULT, ("../../evil", b"x")],
    "absolute": [head(), job(), RESULT, ("/etc/evil", b"x")],
    "newer schema": [head(schema=2), job(), RESULT], "no head": [job(), RESULT], "no jobs": [head(jobs=[]), job()],
    "id with a path": [head(jobs=[{"id": "../.."}]), job()], "twice": [head(jobs=[{"id": ID}] * 2), job(), RESULT],
    "no job.json": [head(), RESULT], "nonsense": [head(), job(created="now"), RESULT],
    "newer job": [head(), job(v=99), RESULT], "another id": [head(), job(id="20260101-000000-abce"), RESULT],
    "unknown task": [head(), job(task="alchemy"), RESULT], "no attempt": [head(), job()],
    "hidden": [head(), job(), RESULT, (f"jobs/{ID}/.hidden", b"x")],
    "own code": [head(), job(kind="model", options={"network": "custom"}), RESULT],
    "own code in its files": [head(), job(kind="model"), RESULT, (f"jobs/{ID}/network.json", b'{"network": "custom"}')]}


@pytest.mark.parametrize("way", HOSTILE)
def test_a_hostile_bundle_changes_nothing(way: str, there: Workspace, tmp_path: Path) -> None:
    path = made(tmp_path / "evil.tar", HOSTILE[way])
    before = sorted(there.store.root.iterdir())
    with pytest.raises(DigitsError):
        unbundle.unbundle(there, "bob", path)
    assert sorted(there.store.root.iterdir()) == before and not (tmp_path / "evil").exists()


def test_wrong_sums_links_and_cut_files_are_refused(
        workspace: Workspace, there: Workspace, finished_job: Callable[..., JobView], tmp_path: Path) -> None:
    view = finished_job("dataset")
    whole = packed(workspace, view.id, tmp_path / "d.tar").read_bytes()
    place = whole.index(b"cat\ndog")
    for content in (whole[:place] + b"cow" + whole[place + 3:], whole[:len(whole) // 2], b"", whole[512:]):
        (tmp_path / "bad.tar").write_bytes(content)
        with pytest.raises(BadData):
            unbundle.unbundle(there, "bob", tmp_path / "bad.tar")
    with pytest.raises(BadData, match="SHA256SUMS"):
        unbundle.unbundle(there, "bob", made(tmp_path / "bad.tar", [head(), job(), RESULT], sums=False))
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        link = tarfile.TarInfo(f"jobs/{ID}/train.lmdb")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        archive.addfile(link)
    with pytest.raises(Unsafe):
        unbundle.unbundle(there, "bob", tmp_path / "bad.tar")
    assert there.store.ids() == []


def test_a_bundle_cannot_name_a_process_of_this_machine(there: Workspace, tmp_path: Path) -> None:
    facts = json.dumps({"process": process.identity(), "boot_s": 1.0}).encode()
    launch = (f"jobs/{ID}/attempts/0001/launch.json", facts)
    view, = unbundle.unbundle(there, "bob", made(tmp_path / "x.tar", [head(), job(), launch])).jobs
    assert view.status is Status.STOPPED and "moved" in view.state.reason
    assert not there.store.folder(ID).has_worker()


def test_own_code_needs_consent_and_a_server_that_allows_it(there: Workspace, tmp_path: Path) -> None:
    path = made(tmp_path / "x.tar", HOSTILE["own code"])
    closed = Workspace.open(Settings(jobs_dir=there.settings.jobs_dir, custom_networks="off"))
    with pytest.raises(NotAllowed):
        unbundle.unbundle(closed, "bob", path, allow_code=True)
    assert unbundle.unbundle(there, "bob", path, allow_code=True).jobs[0].job.kind is Kind.MODEL


def test_a_full_disk_is_told_before_anything_is_unpacked(there: Workspace, tmp_path: Path,
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path / "x.tar", [head(), job(), RESULT])
    monkeypatch.setattr(files, "free_bytes", lambda path: 1000)
    with pytest.raises(files.DiskFull, match="are free in the jobs folder"):
        unbundle.unbundle(there, "bob", path)


KILLED = """
import os, signal, sys
from pathlib import Path
from digits_core.services import unbundle
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
left = int(sys.argv[3])
def told(done, phase):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
workspace = Workspace.open(Settings(jobs_dir=Path(sys.argv[1])))
unbundle.unbundle(workspace, "bob", Path(sys.argv[2]), told=told)
"""


@pytest.mark.parametrize("moment", range(3))
def test_an_import_that_is_killed_leaves_nothing_to_see_and_can_be_repeated(
        moment: int, workspace: Workspace, there: Workspace, finished_job: Callable[..., JobView],
        tmp_path: Path) -> None:
    view = finished_job("model")
    path = packed(workspace, view.id, tmp_path / "m.tar", needs=True)
    done = subprocess.run([sys.executable, "-c", KILLED, str(there.store.root), str(path), str(moment)],
                          cwd=Path(__file__).parents[2])
    assert done.returncode == -signal.SIGKILL
    assert there.store.ids() == []
    there.store.sweep(max_age_s=-1)
    assert not list(there.store.root.glob(".new*"))
    assert [one.id for one in unbundle.unbundle(there, "bob", path).jobs] == [*view.job.needs, view.id]
