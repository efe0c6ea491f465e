"""The REST server as a process of its own, to be killed: ``python -m tests.api.serve JOBS_DIR PORT``."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from digits_core.api.app import create_api
from digits_core.api.security import security_middleware
from digits_core.services.workspace import Workspace
from digits_core.settings import Settings
from tests.faults.waiting import until

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


@contextmanager
def server_process(jobs_dir: Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """Run one until the block ends; it answers when the block begins."""
    with subprocess.Popen([sys.executable, "-m", "tests.api.serve", str(jobs_dir), str(port)], cwd=ROOT) as child:
        try:
            until(lambda: _answers(port), 60)
            yield child
        finally:
            child.kill()


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/api/jobs").status_code == 200
    except httpx.TransportError:
        return False


def main() -> None:
    workspace = Workspace.open(Settings(jobs_dir=Path(sys.argv[1])))
    app = Starlette(routes=[Mount("/api", create_api(workspace))], middleware=security_middleware(workspace.settings))
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")


if __name__ == "__main__":
    main()
