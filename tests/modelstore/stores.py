"""Stores for tests: published models, served by a real web server, and workspaces that list them."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from digits_core.jobs.model import Status
from digits_core.jobs.store import JobView
from digits_core.services import team
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.ticking import ticking


def listing(folder: Path, *addresses: str) -> Workspace:
    """A workspace with these model stores."""
    return Workspace.open(Settings(jobs_dir=folder / "jobs", user="tester", poll_s=0.05, inference_device="cpu",
                                   inference_idle_s=120, model_store_url=",".join(addresses)))


def done(workspace: Workspace, view: JobView) -> JobView:
    """The job when it has run, by a worker that reads the settings of this workspace."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIGITS_JOBS_DIR", str(workspace.settings.jobs_dir))
        patch.setenv("DIGITS_MODEL_STORE_URL", workspace.settings.model_store_url)
        patch.setenv("DIGITS_INFERENCE_DEVICE", "cpu")
        for tick in ticking(workspace):
            view = tick(view)
    return view


def publish(workspace: Workspace, model: JobView, user: str = "ann", **options: str) -> JobView:
    """The ended job that made a model a version of "Zahlen"."""
    return done(workspace, team.publish(workspace, user, model.id, {"publish_as": "Zahlen", **options}))


def published(workspace: Workspace, model: JobView, **options: str) -> int:
    """The number of the version that it became."""
    view = publish(workspace, model, **options)
    assert view.status is Status.DONE, view.state.reason
    return int(view.folder.summary()["version"])


@contextmanager
def http_server(folder: Path) -> Iterator[str]:
    """The address of a real ``python -m http.server`` in a folder."""
    server = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory",
                               str(folder)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{server.stdout.readline().split('port ')[1].split()[0]}"
    finally:
        server.kill()
        server.wait()
        server.stdout.close()


def tree(folder: Path, *without: str) -> dict[str, bytes]:
    """Every file below a folder with its content, but for what begins with one of these names."""
    return {name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
            and not (name := path.relative_to(folder).as_posix()).startswith(without)}
