import io
import os
import stat
import tempfile
import time
from pathlib import Path

import pytest

from digits_core.errors import BadData
from digits_core.services import uploads
from digits_core.services.workspace import Workspace


@pytest.mark.parametrize(("name", "kept"), [
    ("pets.zip", "upload.zip"), ("../../etc/passwd", "upload"), ("a/b\\c.TAR.GZ", "upload.tar.gz"), ("", "upload"),
    ("x.zip/../y.sh", "upload"), ("\0.zip", "upload.zip"), ("a" * 5000 + ".tar", "upload.tar"), (".zip", "upload.zip")])
def test_the_server_chooses_the_name(workspace: Workspace, name: str, kept: str) -> None:
    path = uploads.receive(workspace, io.BytesIO(b"x"), name)
    assert path.name == kept
    assert path.is_relative_to(workspace.store.root / ".uploads")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_upload_above_the_limit_leaves_nothing(workspace: Workspace) -> None:
    with pytest.raises(BadData, match="DIGITS_UPLOAD_MB"):
        uploads.receive(workspace, io.BytesIO(b"x" * 1001), "a.zip", limit=1000)
    assert list((workspace.store.root / ".uploads").iterdir()) == []
    assert uploads.receive(workspace, io.BytesIO(b"x" * 1000), "a.zip", limit=1000).stat().st_size == 1000


def test_a_broken_connection_leaves_nothing(workspace: Workspace) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError):
        uploads.receive(workspace, Broken(), "a.zip")
    assert list((workspace.store.root / ".uploads").iterdir()) == []


def test_what_was_left_behind_is_swept_after_a_day(workspace: Workspace) -> None:
    old = workspace.store.root / ".uploads" / f"{int(time.time()) - 90_000}-abc"
    old.mkdir(parents=True)
    fresh = uploads.receive(workspace, io.BytesIO(b"x"), "a.zip")
    assert not old.exists()
    assert fresh.exists()


def test_discarding_removes_the_folder(workspace: Workspace) -> None:
    path = uploads.receive(workspace, io.BytesIO(b"x"), "a.zip")
    moved = Path(workspace.store.root) / "moved"
    path.rename(moved)
    uploads.discard(path)
    assert not path.parent.exists()


def test_what_a_server_writes_for_a_moment_lies_in_its_jobs_folder(workspace: Workspace,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    uploads.keep_off_tmp(workspace)
    with tempfile.TemporaryDirectory() as folder:
        assert Path(folder).is_relative_to(workspace.store.root)
        left = Path(folder).with_name("left by a killed server")
        left.mkdir()
        os.utime(left, (0, 0))
        uploads.sweep(workspace)
        assert Path(folder).exists() and not left.exists()
