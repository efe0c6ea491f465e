"""Large files reach a server whole, whoever is killed on the way: the server, or the command."""

import hashlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from digits_core.cli import sender
from digits_core.services import resumable
from digits_core.services.workspace import Workspace
from tests.api.serve import free_port, server_process
from tests.api.test_tus import BYTES, TUS

Digits = Callable[..., Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "big.tar"
    path.write_bytes(os.urandom(1 << 20) * 5)
    return path


def digest(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@pytest.mark.slow
def test_a_server_that_is_killed_in_the_middle_of_a_request_goes_on_where_it_was(
        workspace: Workspace, file: Path, until: Callable[..., object], digits: Digits) -> None:
    port, content = free_port(), file.read_bytes()
    address, headers = f"http://127.0.0.1:{port}", {**TUS, "X-Digits-User": "tester"}
    with server_process(workspace.settings.jobs_dir, port) as server:
        made = httpx.post(f"{address}/api/uploads", headers={**headers, "Upload-Length": str(len(content))})
        place = address + made.headers["location"]
        data = resumable.of_user(workspace, "tester")[0].data

        def killing() -> Iterator[bytes]:
            yield content[:3 << 20]
            until(lambda: data.stat().st_size >= 1 << 20, 30)
            server.send_signal(signal.SIGKILL)
            server.wait()
            yield content[3 << 20:]

        with pytest.raises(httpx.TransportError):
            httpx.patch(place, content=killing(), headers={**headers, **BYTES, "Upload-Offset": "0"})
    with server_process(workspace.settings.jobs_dir, port):
        there = int(httpx.head(place, headers=headers).headers["upload-offset"])
        assert 1 << 20 <= there <= 3 << 20
        again = httpx.patch(place, content=content[there:], headers={**headers, **BYTES, "Upload-Offset": str(there)})
        assert again.status_code == 204
        done = digits("upload", file, "--server", address, "--json")  # another upload, by the command
        assert done.exit_code == 0, done.output
    both = resumable.of_user(workspace, "tester")
    assert [digest(one.data) for one in both] == [digest(file)] * 2
    assert [one.name for one in both if one.name] == ["big.tar"]


def test_the_command_goes_on_with_the_same_file_and_no_other(
        workspace: Workspace, file: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "PIECE", 1 << 20)
    monkeypatch.setattr(sender.time, "sleep", lambda seconds: None)
    asked, sent = sender.Sender._asked, 0

    def breaking(self: sender.Sender, method: str, path: str, **words: Any) -> httpx.Response:
        nonlocal sent
        sent += method == "PATCH"
        if method == "PATCH" and sent == 3:
            raise KeyboardInterrupt
        if method == "PATCH" and sent == 5:
            raise httpx.ReadError("the cable was pulled")
        return asked(self, method, path, **words)

    monkeypatch.setattr(sender.Sender, "_asked", breaking)
    with server_process(workspace.settings.jobs_dir, port := free_port()):
        command = ("upload", file, "--server", f"http://127.0.0.1:{port}")
        assert digits(*command).exit_code == 130
        [begun] = resumable.of_user(workspace, "tester")
        assert begun.offset == 2 << 20
        done = digits(*command)
        assert done.exit_code == 0 and done.stdout.strip() == f"upload:{begun.id}"
        assert digits(*command).stdout.strip() == f"upload:{begun.id}"  # finished: nothing is sent again
        assert sent == 7
        wrong = digits("upload", file, "--server", f"{command[3]}/somewhere")
        assert wrong.exit_code == 2 and "DIGITS server" in wrong.stderr
        os.utime(file, (1, 1))
        assert digits(*command).stdout.strip() != f"upload:{begun.id}"
    assert digest(resumable.find(workspace, "tester", begun.id).data) == digest(file)


def test_a_server_that_is_not_there_is_told_in_a_line(file: Path, digits: Digits) -> None:
    nobody = digits("upload", file, "--server", f"http://127.0.0.1:{free_port()}")
    assert nobody.exit_code == 2 and "cannot be asked" in nobody.stderr
    assert digits("upload", file.with_name("none")).exit_code == 2


@pytest.mark.slow
def test_gigabytes_pass_through_little_memory(workspace: Workspace, tmp_path: Path,
                                              process: Callable[..., "subprocess.Popen[str]"]) -> None:
    sparse = tmp_path / "huge.tar"
    with sparse.open("wb") as content:
        content.truncate(1 << 30)
        content.write(b"begin")
    with server_process(workspace.settings.jobs_dir, port := free_port()) as server:
        facts, most, ended = psutil.Process(server.pid), 0, threading.Event()
        before = facts.memory_info().rss
        command = process("upload", sparse, "--server", f"http://127.0.0.1:{port}")

        def watch() -> None:
            nonlocal most
            while not ended.wait(0.05):
                most = max(most, facts.memory_info().rss)

        watcher = threading.Thread(target=watch)
        watcher.start()
        out, errors = command.communicate(timeout=240)
        ended.set()
        watcher.join()
    assert command.returncode == 0, errors
    [found] = resumable.of_user(workspace, "tester")
    assert out.strip() == f"upload:{found.id}" and digest(found.data) == digest(sparse)
    assert 0 < most - before < 100e6
