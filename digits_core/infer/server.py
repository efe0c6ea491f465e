"""The resident inference process: ``python -m digits_core.infer.server JOBS_DIR [MODEL]``.

Started by the first client, it answers on a unix socket, keeps the last models loaded, and ends when nobody asked
for a while, when its jobs folder goes away, or when another process has taken its place. A model with a custom network
has one to itself, because its code runs there.
"""

import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import torch
import uvicorn

from digits_core import files
from digits_core.infer.client import SOCKET_PREFIX
from digits_core.infer.predictor import set_up_torch
from digits_core.infer.protocol import folder_of, log_of, record_of
from digits_core.infer.service import Service
from digits_core.jobs import confine, devices, process
from digits_core.jobs.context import cap_log
from digits_core.jobs.scheduler import free_gpus
from digits_core.jobs.store import JobStore
from digits_core.settings import Settings

Json = dict[str, Any]
log = logging.getLogger("digits.inference")
LOG_CAP = 2_000_000


def choose_device(settings: Settings) -> str:
    """``cuda`` or ``cpu`` for the life of this process, so that all its answers agree to the last digit.

    Hides every GPU but the chosen one. None is leased: trainings come first.
    """
    gpus = [] if settings.inference_device == "cpu" else devices.gpus()
    free = set(free_gpus(JobStore(settings.jobs_dir), [gpu.uuid for gpu in gpus])) if gpus else set()
    if settings.inference_device == "gpu":
        free = free or {gpu.uuid for gpu in gpus}
    best = max((gpu for gpu in gpus if gpu.uuid in free), default=None,
               key=lambda gpu: gpu.memory_total - gpu.memory_used)
    os.environ["CUDA_VISIBLE_DEVICES"] = best.uuid if best else ""
    return "cuda" if best and torch.cuda.is_available() else "cpu"


class Watchman(threading.Thread):
    """Decides when the process ends, and keeps its log short."""

    def __init__(self, service: Service, server: uvicorn.Server, me: Json) -> None:
        super().__init__(daemon=True, name="watchman")
        self.service, self.server, self.me = service, server, me

    def run(self) -> None:
        """Until there is a reason to end; then until the process is gone."""
        settings = self.service.settings
        every_s = min(1.0, settings.inference_idle_s / 4)
        while not (reason := self._reason()):
            time.sleep(every_s)
            cap_log(log_of(settings.jobs_dir, self.service.own), LOG_CAP)
        log.info("ends: %s", reason)
        if self._is_mine():
            record_of(settings.jobs_dir, self.service.own).unlink(missing_ok=True)  # first: nobody new shall come
        self.server.should_exit = True
        time.sleep(30)
        os._exit(1)  # an answer hangs, and nobody waits for it any more

    def _reason(self) -> str:
        if not folder_of(self.service.settings.jobs_dir).exists():
            return "the jobs folder is gone"
        if not self._is_mine():
            return "another process serves now"
        if self.service.ending.is_set():
            return "the device failed"
        idle = self.service.idle_s() > self.service.settings.inference_idle_s
        return f"nobody asked for {self.service.settings.inference_idle_s:g} s" if idle else ""

    def _is_mine(self) -> bool:
        record = files.read_json(record_of(self.service.settings.jobs_dir, self.service.own)) or {}
        return bool(record.get("process") == self.me)


def main() -> None:
    """Serve until there is a reason to end."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s [%(levelname)s] %(message)s")
    settings = Settings.load().model_copy(update={"jobs_dir": Path(sys.argv[1]).resolve()})
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn raises it again when all is answered
    own = sys.argv[2] if len(sys.argv) > 2 else ""
    device = choose_device(settings)
    if own:
        confine.limit()
    set_up_torch()
    place = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX))  # a path short enough for a socket, for this user only
    try:
        serve(settings, device, place / "s", own)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def serve(settings: Settings, device: str, address: Path, own: str) -> None:
    """Listen, say where, and answer."""
    service = Service(settings, device, own)
    server = uvicorn.Server(uvicorn.Config(service.app(), log_config=None, access_log=False, log_level="warning",
                                           lifespan="off", timeout_graceful_shutdown=20))
    me = process.identity()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(128)
        files.write_atomic(record_of(settings.jobs_dir, own), {"v": 1, "socket": str(address), "process": me,
                                                          "device": device, "started": time.time()})
        log.info("serves %s on %s", settings.jobs_dir, device)
        Watchman(service, server, me).start()
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
    os._exit(0)  # library threads must not keep an ended process alive
