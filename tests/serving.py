"""The real server as a process of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from digits_core.infer import client
from digits_core.settings import Settings

ROOT = Path(__file__).parents[1]


class Server:
    """``streamlit run app.py`` as a process that can be killed and started again on the same port and jobs folder."""

    def __init__(self, jobs: Path, port: int, **environ: str) -> None:
        self.jobs, self.port = jobs, port
        self.url = f"http://127.0.0.1:{port}{environ.get('DIGITS_URL_PREFIX', '')}"
        self.environ = {**os.environ, "DIGITS_JOBS_DIR": str(jobs), **environ}
        self.log = jobs.parent / "server.log"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(self.port),
                 "--server.address", "127.0.0.1", "--server.headless", "true"],
                cwd=ROOT, env=self.environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self.healthy():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/_stcore/health", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(jobs: Path, **environ: str) -> Iterator[Server]:
    """A server on this jobs folder that is ended, with its inference process, when the block is left."""
    server = Server(jobs, free_port(), **environ)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        if (server.jobs / ".inference").exists():
            client.stop(Settings(jobs_dir=server.jobs))
