"""The resident inference process: ``python -m digits_core.infer.server JOBS_DIR``.

Started by the first client, it answers on a unix socket, keeps the last models loaded, and ends when nobody asked
for a while, when its jobs folder goes away, or when another process has taken its place.
"""

import concurrent.futures
import functools
import json
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

import numpy as np
import torch
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digits_core import files
from digits_core.errors import DigitsError
from digits_core.infer.client import SOCKET_PREFIX
from digits_core.infer.loaded import Loaded
from digits_core.infer.predictor import Predictor
from digits_core.infer.protocol import LARGEST, Image, folder_of, log_of, record_of, unpack
from digits_core.jobs import devices, process
from digits_core.jobs.context import cap_log
from digits_core.jobs.failures import explain
from digits_core.jobs.scheduler import free_gpus
from digits_core.jobs.store import JobStore
from digits_core.settings import Settings

Json = dict[str, Any]
log = logging.getLogger("digits.inference")
LOG_CAP = 2_000_000


class DeviceLost(Exception):
    """The GPU failed or is full; a new process may find a better place."""


class Service:
    """Answers questions. Counts what is under way, so that the process knows when it is idle."""

    def __init__(self, settings: Settings, device: str) -> None:
        self.settings, self.device = settings, device
        self.loaded = Loaded(JobStore(settings.jobs_dir), settings.inference_models,
                             lambda model, row: Predictor(model, row, device))
        self.pool = concurrent.futures.ThreadPoolExecutor(devices.cpu_count(), "picture")
        self.ending = threading.Event()
        self._lock = threading.Lock()
        self._gpu = threading.Lock()
        self._busy = 0
        self._last = time.monotonic()

    def app(self) -> Starlette:
        """The two routes."""
        return Starlette(routes=[Route("/classify", self.classify, methods=["POST"]),
                                 Route("/status", self.status, methods=["POST"])])

    async def status(self, request: Request) -> Response:
        """What this process is and holds. Does not count as use."""
        return _json({"pid": os.getpid(), "device": self.device, "models": self.loaded.keys(), "busy": self._busy})

    async def classify(self, request: Request) -> Response:
        """Labels of pictures; errors as {"error": {"type", "text"}}."""
        self._begin(1)
        try:
            if int(request.headers.get("content-length", 0)) > LARGEST:
                return _failure("BadData", f"More than {LARGEST / 1e9:.0f} GB of pictures at once.", 413)
            return await run_in_threadpool(self._answer, await request.body())
        finally:
            self._begin(-1)

    def _begin(self, change: int) -> None:
        with self._lock:
            self._busy += change
            self._last = time.monotonic()

    def idle_s(self) -> float:
        """Seconds since the last question was answered; 0 while one is under way."""
        with self._lock:
            return 0.0 if self._busy else time.monotonic() - self._last

    def _answer(self, body: bytes) -> Response:
        try:
            question = unpack(body)
            predictor = self.loaded.get(question.model, question.file)
            return _json({"rows": self._rows(predictor, question.images, question.top)})
        except DigitsError as error:
            return _failure(type(error).__name__, str(error), 400)
        except (DeviceLost, torch.cuda.CudaError, torch.OutOfMemoryError):
            log.exception("the GPU failed; this process ends, the next one looks for another device")
            self.ending.set()
            record_of(self.settings.jobs_dir).unlink(missing_ok=True)
            return _failure("DigitsError", "The GPU failed.", 503)
        except Exception as error:
            log.exception("a question could not be answered")
            return _failure("DigitsError", explain(error).reason, 500)

    def _rows(self, predictor: Predictor, images: list[Image], top: int) -> list[Json]:
        if self.device == "cpu":
            return list(self.pool.map(functools.partial(_classified, predictor, top), images))
        started = time.perf_counter()
        prepared = list(self.pool.map(functools.partial(_prepared, predictor), images))
        good = [pixels for pixels, _ in prepared if pixels is not None]
        with self._gpu:
            found = iter(_predict_on_gpu(predictor, good) if good else ())
        spent = (time.perf_counter() - started) / len(images)
        return [_failed(name, error, spent) if pixels is None else _row(predictor, name, next(found), top, spent)
                for (name, _), (pixels, error) in zip(images, prepared, strict=True)]


def _predict_on_gpu(predictor: Predictor, pictures: list[Any]) -> Any:
    try:
        return predictor.predict(pictures)
    except RuntimeError as error:
        raise DeviceLost(str(error)) from error


def _classified(predictor: Predictor, top: int, image: Image) -> Json:
    started = time.perf_counter()
    pixels, error = _prepared(predictor, image)
    if pixels is None:
        return _failed(image[0], error, time.perf_counter() - started)
    probabilities = predictor.predict([pixels])[0]
    return _row(predictor, image[0], probabilities, top, time.perf_counter() - started)


def _prepared(predictor: Predictor, image: Image) -> tuple[Any, str]:
    """Pixels, or None and why not. No picture may end the process, whatever a decoder raises."""
    name, data = image
    try:
        return predictor.model.prepare(data, name), ""
    except DigitsError as error:
        return None, str(error)
    except Exception as error:
        log.exception("%r could not be read", name)
        return None, f"{name}: {explain(error).reason}"


def _row(predictor: Predictor, name: str, probabilities: Any, top: int, spent_s: float) -> Json:
    order = np.argsort(-probabilities, kind="stable")[:top]  # stable: equal ones stay in the order of the labels
    best = [{"label": predictor.model.labels[k], "probability": float(probabilities[k])} for k in order]
    return {"image": name, "predictions": best, "latency_ms": round(spent_s * 1000, 2)}


def _failed(name: str, error: str, spent_s: float) -> Json:
    return {"image": name, "predictions": [], "error": error, "latency_ms": round(spent_s * 1000, 2)}


def _json(value: Json, status: int = 200) -> Response:
    """ASCII: a file name that is no valid UTF-8 travels as an escape."""
    return Response(json.dumps(value, allow_nan=False), status, media_type="application/json")


def _failure(kind: str, text: str, status: int) -> Response:
    return _json({"error": {"type": kind, "text": text}}, status)


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


def set_up_torch() -> None:
    """The same numbers every time: full float32, one thread a picture, fixed kernels."""
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True


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
            cap_log(log_of(settings.jobs_dir), LOG_CAP)
        log.info("ends: %s", reason)
        if self._is_mine():
            record_of(settings.jobs_dir).unlink(missing_ok=True)  # first: nobody new shall come
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
        record = files.read_json(record_of(self.service.settings.jobs_dir)) or {}
        return bool(record.get("process") == self.me)


def main() -> None:
    """Serve until there is a reason to end."""
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s [%(levelname)s] %(message)s")
    settings = Settings.load().model_copy(update={"jobs_dir": Path(sys.argv[1]).resolve()})
    signal.signal(signal.SIGTERM, lambda number, frame: None)  # uvicorn raises it again when all is answered
    device = choose_device(settings)
    set_up_torch()
    place = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX))  # a path short enough for a socket, for this user only
    try:
        serve(settings, device, place / "s")
    finally:
        shutil.rmtree(place, ignore_errors=True)


def serve(settings: Settings, device: str, address: Path) -> None:
    """Listen, say where, and answer."""
    service = Service(settings, device)
    server = uvicorn.Server(uvicorn.Config(service.app(), log_config=None, access_log=False, log_level="warning",
                                           lifespan="off", timeout_graceful_shutdown=20))
    me = process.identity()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(address))
        listening.listen(128)
        files.write_atomic(record_of(settings.jobs_dir), {"v": 1, "socket": str(address), "process": me,
                                                          "device": device, "started": time.time()})
        log.info("serves %s on %s", settings.jobs_dir, device)
        Watchman(service, server, me).start()
        server.run(sockets=[listening])


if __name__ == "__main__":
    main()
    os._exit(0)  # library threads must not keep an ended process alive
