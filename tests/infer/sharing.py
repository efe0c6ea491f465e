"""One jobs folder for a whole module, so that its tests share one inference process (starting one takes seconds)."""

from collections.abc import Iterator
from pathlib import Path

from digits_core.infer import client
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings


def shared_workspace(folder: Path) -> Iterator[Workspace]:
    """A workspace whose inference process is ended afterwards."""
    workspace = Workspace.open(Settings(jobs_dir=folder / "jobs", user="tester", server_name="test", poll_s=0.05,
                                        grace_s=0.5, inference_idle_s=120, inference_device="cpu"))
    yield workspace
    client.stop(workspace.settings)
